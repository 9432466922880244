//! Before a review is signed: what would be reviewed, and may this person do it?

use bulla_model::{Digest, Edge, Environment, Identity, Service, SubjectSet};
use jiff::Timestamp;

use bulla_model::predicate::Promotion;

use crate::cause::Cause;
use crate::chain::{Involved, find_edge, is_by_promoter, judge_reviewer};
use crate::code::Code;
use crate::decide::{Known, conclude, environment_rule, identify, incomplete, know};
use crate::policy::{NamedPolicy, ReviewRule};
use crate::question::{Context, Question, QuestionError};
use crate::require;
use crate::verdict::{Finding, Outcome, Report, Verdict};
use crate::verified::{SignedTime, Verified};

const CHECK: &str = "review";

/// The review asked about.
#[derive(Clone, Debug)]
pub struct ReviewRequest<'a> {
    /// The environment, by a name or URI of the policy; by default any.
    pub environment: Option<&'a str>,
    /// Payload digest of the promotion; by default the newest that wants a review.
    pub promotion: Option<&'a Digest>,
    /// Who would sign.
    pub reviewer: &'a Identity,
}

/// What a review would bind.
#[derive(Clone, Debug)]
pub struct ReviewDraft {
    /// Payload digest of the promotion.
    pub promotion: Digest,
    /// All that it is of: a review is of the same.
    pub subjects: SubjectSet,
    /// The service, computed.
    pub service: Service,
    /// The step that was taken.
    pub edge: Edge,
    /// When.
    pub promoted_at: Option<Timestamp>,
    /// Why, by the word of whoever promoted.
    pub reason: Option<String>,
    /// The tickets, the incident among them.
    pub tickets: Vec<String>,
}

/// Finds the promotion and judges the reviewer. The draft is there if the review would count.
pub fn judge_review(
    question: &Question<'_>,
    request: &ReviewRequest<'_>,
) -> Result<(Verdict, Option<ReviewDraft>), QuestionError> {
    let uri = request
        .environment
        .map(|name| environment_rule(question, name).map(|(_, rule)| rule.uri.clone()))
        .transpose()?;
    let artifact = question
        .evidence
        .artifact
        .clone()
        .ok_or(QuestionError::NoArtifact)?;
    let mut report = Report::default();
    let Some(known) = know(question, None, artifact.clone(), &mut report) else {
        let verdict = conclude(question, artifact, uri, None, 0, report);
        return Ok((verdict, None));
    };
    let verified = known.verified();
    incomplete(question, &mut report);
    let named = identify(question, &known, &mut report);
    let draft = named.as_ref().and_then(|(service, tier, tier_rule)| {
        let context = known.context(question, (service, tier, *tier_rule));
        judge(&context, request, &known, uri.as_ref(), &mut report)
    });
    let named = named.map(|(service, tier, _)| (service, tier));
    let verdict = conclude(question, known.artifact, uri, named, verified, report);
    Ok((verdict, draft))
}

fn judge(
    context: &Context<'_>,
    request: &ReviewRequest<'_>,
    known: &Known,
    environment: Option<&Environment>,
    report: &mut Report,
) -> Option<ReviewDraft> {
    let promotions = &known.promotions.verified;
    let wanted = promotions
        .iter()
        .filter(|one| environment.is_none_or(|wanted| one.value().edge.to.uri == *wanted))
        .filter(|one| {
            request
                .promotion
                .is_none_or(|digest| digest == one.payload())
        })
        .find_map(|one| Some((one, rule_of(context, one)?)));
    let Some((promotion, rule)) = wanted else {
        let name = environment.map_or("any environment", Environment::name);
        let message = format!("nothing was promoted into {name} that wants a review");
        let finding = Finding::new(Code::PromotionMissing, CHECK, message)
            .hint(format!("bulla tree {}", context.question.name));
        report.findings.push(finding);
        let outcome = require::failed(context, Cause::Denied);
        report.check(CHECK, outcome, "nothing to review");
        return None;
    };
    let involved = Involved::in_promotion(context, promotion);
    let time = SignedTime::Claimed(context.question.now);
    match judge_reviewer(context, &rule, &involved, request.reviewer, time) {
        Ok(person) => {
            report
                .check(CHECK, Outcome::Ok, format!("{person} may review"))
                .place = Some(rule.place.clone());
        }
        Err(finding) => {
            let finding = finding.severity(crate::verdict::Severity::Error);
            report.findings.push(finding);
            report
                .check(CHECK, Outcome::Failed(Cause::Denied), "by somebody else")
                .place = Some(rule.place.clone());
            return None;
        }
    }
    let said = promotion.value();
    Some(ReviewDraft {
        promotion: promotion.payload().clone(),
        subjects: promotion.subjects().cloned()?,
        service: context.service.clone(),
        edge: said.edge.clone(),
        promoted_at: promotion.time().existed_by(),
        reason: said.reason.clone(),
        tickets: said.tickets.clone(),
    })
}

/// What the policy that the promotion names says about its review, if its promoter signed it.
fn rule_of(context: &Context<'_>, promotion: &Verified<Promotion>) -> Option<ReviewRule> {
    let said = promotion.value();
    let current = context.question.policy;
    let NamedPolicy::Known(policy) = current.named_by(&said.policy, context.service) else {
        return None;
    };
    let under = context.under(policy)?;
    let edge = &said.edge;
    let (from, to) = (edge.from.as_ref(), &edge.to.uri);
    let rule = find_edge(policy, from, to, edge.kind, under.tier)?;
    is_by_promoter(context, promotion)
        .then(|| rule.review.clone())
        .flatten()
}
