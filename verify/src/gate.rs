//! Gates: may this artifact take the next step, and what would the promotion say?

use std::collections::BTreeSet;

use bulla_model::predicate::Promotion;
use bulla_model::predicate::approval::PolicyBinding;
use bulla_model::predicate::promotion::{Chain, Gate, GateResult, Input};
use bulla_model::{
    Digest, Edge, EdgeKind, Environment, Identity, Place, Service, SubjectSet, Tier,
};

use crate::cause::Cause;
use crate::chain::{self, Wanted};
use crate::code::Code;
use crate::decide::{Known, conclude, environment_rule, identify, incomplete, know, policy_age};
use crate::eligible::{match_any, show_set};
use crate::evidence::Evidence;
use crate::freeze::{self, Taken};
use crate::ledger::Purpose;
use crate::owners;
use crate::policy::{EdgeRule, Matched};
use crate::question::{Context, Question, QuestionError};
use crate::require::{self, StepAtHand};
use crate::typed;
use crate::verdict::{Check, Finding, Outcome, Report, Verdict};
use crate::verified::{SignedTime, Verified};

/// The step asked about.
#[derive(Clone, Debug)]
pub struct StepRequest<'a> {
    /// Where to: a name or URI of the policy.
    pub to: &'a str,
    /// Where from; by default the only step of this kind into `to`.
    pub from: Option<&'a str>,
    /// What kind of step.
    pub kind: EdgeKind,
    /// Who would sign the promotion; for an approval, nobody yet.
    pub promoter: Option<&'a Identity>,
    /// The change tickets that the promotion would name; for an approval, unknown yet.
    pub tickets: Option<&'a [String]>,
    /// Everything that takes the step together, the artifact among it; by default the artifact
    /// alone. Each member is asked about by itself.
    pub set: Option<&'a SubjectSet>,
    /// All of the set as people write it, for hints; by default the question's name.
    pub names: Option<&'a str>,
}

/// What a step would bind: enough to write an approval or a promotion.
#[derive(Clone, Debug)]
pub struct StepDraft {
    /// The service, computed.
    pub service: Service,
    /// Its tier.
    pub tier: Tier,
    /// The step.
    pub edge: Edge,
    /// The policy.
    pub policy: PolicyBinding,
    /// Place among the promotions of the release.
    pub chain: Chain,
    /// The statements the decision rests on.
    pub inputs: Vec<Input>,
    /// Payload digests of those of the inputs that are promotions by promoters: where there are more
    /// inputs than a statement may have, the others are left out first.
    pub kept: BTreeSet<Digest>,
    /// What each gate said.
    pub gates: Vec<Gate>,
    /// The levels of SLSA that the step's own rules asked for and provenance reaches, the highest of
    /// each track. They say something only where the step is allowed.
    pub levels: Vec<String>,
    /// A promotion of this artifact into the environment that already holds. None for what goes
    /// back or out: it follows exactly such a promotion.
    pub already: Option<Digest>,
    /// How long there is to review it, if it has to be.
    pub review_within: Option<jiff::SignedDuration>,
}

/// Judges a step before it is taken. The draft is there as soon as the step can be named at all,
/// so that an approver can approve what is not yet allowed.
pub fn judge_step(
    question: &Question<'_>,
    request: &StepRequest<'_>,
) -> Result<(Verdict, Option<StepDraft>), QuestionError> {
    let (_, rule) = environment_rule(question, request.to)?;
    let to = rule.uri.clone();
    let audience = rule.audience.clone();
    let artifact = question
        .evidence
        .artifact
        .clone()
        .ok_or(QuestionError::NoArtifact)?;
    let from = request
        .from
        .map(|name| environment_by_name(question, name))
        .transpose()?;
    if request.set.is_some_and(|set| !set.contains(&artifact)) {
        return Err(QuestionError::NotInSet { artifact });
    }
    let mut report = Report::default();
    policy_age(question, &mut report);
    owners::judge(question, &to, &mut report);
    let Some(known) = know(
        question,
        Some((rule, Purpose::Promote)),
        artifact.clone(),
        &mut report,
    ) else {
        return Ok((
            conclude(question, artifact, Some(to), None, 0, report),
            None,
        ));
    };
    let verified = known.verified();
    incomplete(question, &mut report);
    let Some((service, tier, tier_rule)) = identify(question, &known, &mut report) else {
        return Ok((
            conclude(question, artifact, Some(to), None, verified, report),
            None,
        ));
    };
    let context = known.context(question, (&service, &tier, tier_rule));
    let draft = match find_step(&context, request, from.as_ref(), &to) {
        Ok(edge) => {
            let place = Place {
                uri: to.clone(),
                audience,
            };
            judge_found(&context, request, &known, edge, place, &mut report)
        }
        Err(finding) => {
            report.findings.push(finding);
            report.check("promotion", Outcome::Failed(Cause::Denied), "no such step");
            None
        }
    };
    let named = Some((service, tier));
    Ok((
        conclude(question, known.artifact, Some(to), named, verified, report),
        draft,
    ))
}

fn environment_by_name(question: &Question<'_>, name: &str) -> Result<Environment, QuestionError> {
    // Where a release comes from need not be an environment this verifier acts for.
    match question.policy.environment(name) {
        Some((_, rule)) => Ok(rule.uri.clone()),
        None => environment_rule(question, name).map(|(_, rule)| rule.uri.clone()),
    }
}

fn find_step<'p>(
    context: &Context<'p>,
    request: &StepRequest<'_>,
    from: Option<&Environment>,
    to: &Environment,
) -> Result<&'p EdgeRule, Finding> {
    let fits = |rule: &&EdgeRule| {
        rule.to == *to
            && rule.kind == request.kind
            && (rule.tiers.is_empty() || rule.tiers.contains(context.tier))
            && (request.from.is_none() || rule.from.as_ref() == from)
    };
    let found: Vec<_> = context.policy.edges().iter().filter(fits).collect();
    let name = to.name();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let message = format!(
                "the policy has no such step into {name} for tier {}",
                context.tier
            );
            Err(Finding::new(Code::EdgeUnknown, "promotion", message))
        }
        _ => {
            let message = format!("several steps lead into {name}: say which with --from");
            Err(Finding::new(Code::EdgeUnknown, "promotion", message))
        }
    }
}

fn judge_found(
    context: &Context<'_>,
    request: &StepRequest<'_>,
    known: &Known,
    rule: &EdgeRule,
    to: Place,
    report: &mut Report,
) -> Option<StepDraft> {
    let question = context.question;
    let binding = question.policy.binding(context.service)?;
    let alone: SubjectSet = std::iter::once(known.artifact.clone()).collect();
    let subjects = request.set.unwrap_or(&alone);
    let chain = continued(context, request, known, (rule, subjects), report)?;
    let edge = Edge {
        kind: rule.kind,
        from: rule.from.clone(),
        to,
    };
    let goes_in = !matches!(edge.kind, EdgeKind::Rollback | EdgeKind::Retire);
    let already = goes_in
        .then(|| {
            let mut unsaid = Report::default();
            let wanted = Wanted::here(&edge.to.uri).of(subjects, request.names);
            chain::find(context, &known.promotions, wanted, &mut unsaid)
        })
        .flatten();
    if let Some(promoter) = request.promoter {
        promoter_check(context, rule, promoter, report);
    }
    let service = context.service;
    known.in_force.edge(&edge, service, &known.reached, report);
    let step = StepAtHand {
        edge: &edge,
        subjects,
        names: request.names,
        binding: &binding,
        previous: &chain.previous,
        promotions: &known.promotions,
        promoter: request
            .promoter
            .map(|who| (who, SignedTime::Claimed(question.now))),
        tickets: request.tickets,
        at: question.now,
    };
    let first = report.checks.len();
    // What only its signer would date is from before nothing.
    let is_before = |from| !context.tier_rule.claimed_time && question.now < from;
    let requirements = chain::requirements(question.policy, rule, context, is_before);
    for rules in &requirements {
        rules.judge(context, &step, report);
    }
    freeze::judge(context, &step, &requirements, Taken::NotYet, report);
    let gates = report.checks[first..].iter().map(gate).collect();
    let draft = StepDraft {
        service: context.service.clone(),
        tier: context.tier.clone(),
        edge: edge.clone(),
        policy: binding,
        chain,
        inputs: inputs(known),
        kept: kept(context, known),
        gates,
        levels: require::provenance::proven(context, question.now, &requirements),
        already,
        review_within: rule.review.as_ref().map(|review| review.within),
    };
    Some(draft)
}

/// The promotions this step follows: one into where it comes from, whose whole chain holds.
fn continued(
    context: &Context<'_>,
    request: &StepRequest<'_>,
    known: &Known,
    (rule, subjects): (&EdgeRule, &SubjectSet),
    report: &mut Report,
) -> Option<Chain> {
    let Some(from) = &rule.from else {
        return Some(Chain {
            first: None,
            previous: Vec::new(),
            sequence: 1,
        });
    };
    if rule.kind == EdgeKind::Rollback && !chain::was_in(&known.promotions, from) {
        never_there(context, request, from, report);
        return None;
    }
    let wanted = Wanted::before(from).of(subjects, request.names);
    let mut attempt = Report::default();
    let head = chain::find(context, &known.promotions, wanted, &mut attempt);
    let other = head.is_none().then(|| {
        let mut unsaid = Report::default();
        let head = chain::find(
            context,
            &known.promotions,
            Wanted::before(from),
            &mut unsaid,
        )?;
        known.promotions.find(context, &head)
    });
    if let Some(other) = other.flatten() {
        other_set(context, subjects, other, report);
        return None;
    }
    report.absorb(attempt);
    let head = head?;
    let promotion = known.promotions.find(context, &head)?;
    let before = &promotion.value().chain;
    Some(Chain {
        first: Some(before.first.clone().unwrap_or_else(|| head.clone())),
        previous: vec![head],
        sequence: before.sequence.saturating_add(1),
    })
}

/// Says that it came where it is with others, or without those it should go on with.
fn other_set(
    context: &Context<'_>,
    subjects: &SubjectSet,
    other: &Verified<Promotion>,
    report: &mut Report,
) {
    let name = other.value().edge.to.uri.name();
    let (count, hint) = match other.subjects().map_or(0, SubjectSet::len) {
        0 | 1 => (
            "alone".to_owned(),
            "promote each by itself, or all of them together from the first environment on",
        ),
        2 => (
            "together with 1 other".to_owned(),
            "promote them together: name all of them, or --set FILE",
        ),
        several => (
            format!("together with {} others", several.saturating_sub(1)),
            "promote them together: name all of them, or --set FILE",
        ),
    };
    let message = format!("it was promoted into {name} {count}");
    let finding = Finding::new(Code::SetMismatch, "promotion", message)
        .expected(show_set(subjects))
        .found(other.subjects().map_or_else(String::new, show_set))
        .at(other.manifest(), "/subject")
        .hint(hint);
    report.findings.push(finding);
    let outcome = require::failed(context, Cause::Denied);
    report.check("promotion", outcome, format!("of another set into {name}"));
}

fn never_there(
    context: &Context<'_>,
    request: &StepRequest<'_>,
    environment: &Environment,
    report: &mut Report,
) {
    let name = environment.name();
    let message = format!("it never was in {name}, so nothing can go back to it");
    let finding = Finding::new(Code::NeverThere, "promotion", message).hint(format!(
        "to bring it there: {}",
        context.command((request.names, None), typed::bring(context, environment))
    ));
    report.findings.push(finding);
    let outcome = require::failed(context, Cause::Denied);
    report.check("promotion", outcome, format!("never in {name}"));
}

fn promoter_check(
    context: &Context<'_>,
    rule: &EdgeRule,
    promoter: &Identity,
    report: &mut Report,
) {
    let now = context.question.now;
    let matched = match_any(
        context.policy,
        context.question.policy,
        &rule.by,
        promoter,
        SignedTime::Claimed(now),
        now,
    );
    if matched == Matched::Yes {
        report
            .check("promoter", Outcome::Ok, promoter.to_string())
            .place = Some(rule.place.clone());
        return;
    }
    let finding = Finding::new(
        Code::SignerUntrusted,
        "promoter",
        "the step does not name this promoter",
    )
    .expected(crate::eligible::describe_identities(
        context.policy,
        &rule.by,
    ))
    .found(promoter.to_string())
    .place(&rule.place);
    report.findings.push(finding);
    report
        .check(
            "promoter",
            Outcome::Failed(Cause::Denied),
            promoter.to_string(),
        )
        .place = Some(rule.place.clone());
}

fn gate(check: &Check) -> Gate {
    Gate {
        id: check.name.to_owned(),
        result: match check.outcome {
            Outcome::Ok => GateResult::Passed,
            Outcome::Failed(_) => GateResult::Failed,
        },
        observed: Some(check.summary.clone()),
    }
}

fn kept(context: &Context<'_>, known: &Known) -> BTreeSet<Digest> {
    let promotions = known.promotions.verified.iter();
    let promotions = promotions.filter(|one| chain::is_by_promoter(context, one));
    promotions.map(|one| one.payload().clone()).collect()
}

/// Every verified statement about the artifact, sorted by payload digest.
fn inputs(known: &Known) -> Vec<Input> {
    let mut inputs: Vec<Input> = known
        .candidates
        .iter()
        .filter(|candidate| !candidate.is_by_reference())
        .filter_map(|candidate| candidate.outcome().ok())
        .filter(|statement| Evidence::is_about(statement.value(), &known.bearing))
        .map(|statement| Input {
            predicate_type: statement.value().predicate_type().clone(),
            payload: statement.payload().clone(),
            manifest: statement.manifest().cloned(),
        })
        .collect();
    inputs.sort_by(|a, b| (&a.payload, &a.manifest).cmp(&(&b.payload, &b.manifest)));
    inputs.dedup();
    inputs
}
