//! Promotions out of service: what was in an environment by the time of a verified one of kind
//! `retire` holds there no longer, however it came in. A registry could leave such a step out, so what
//! the ledger's owner listed of them has to be at hand, and to hold as it did for the owner.

use bulla_model::predicate::Promotion;
use bulla_model::predicate::checkpoint::Retired;
use bulla_model::{Digest, EdgeKind, Environment};

use super::link::is_by_promoter;
use super::walk::Walk;
use super::{CHECK, Promotions};
use crate::cause::Cause;
use crate::code::Code;
use crate::question::Context;
use crate::typed;
use crate::verdict::{Finding, Outcome, Report};
use crate::verified::Verified;

/// A step out of service by somebody who may take it.
pub(super) struct Retirement<'a> {
    step: &'a Verified<Promotion>,
    /// What follows for those it covers; nothing if the step is refused itself.
    cause: Option<Cause>,
    /// Whether the ledger's owner saw it hold.
    is_listed: bool,
}

/// Every step out of service, judged once. Other retirements are left aside: what is retired twice
/// is retired, and no two of them can void each other.
pub(super) fn all<'a>(context: &Context<'_>, promotions: &'a Promotions) -> Vec<Retirement<'a>> {
    let steps = promotions
        .verified
        .iter()
        .filter(|step| step.value().edge.kind == EdgeKind::Retire && is_by_promoter(context, step));
    steps
        .map(|step| {
            let mut attempt = Report::default();
            let depth = context.question.limits.chain_length;
            Walk::new(context, promotions, None, &mut attempt).step(step, depth);
            let cause = match Cause::overall(&attempt.causes()) {
                None => Some(Cause::Denied),
                Some(Cause::Undetermined) => Some(Cause::Undetermined),
                Some(_) => None,
            };
            let mut listed = context.retired.iter();
            let is_listed = listed.any(|one| one.retirement == *step.payload());
            Retirement {
                step,
                cause,
                is_listed,
            }
        })
        .collect()
}

impl<'a> Retirement<'a> {
    /// The step, with what follows for those it covers, unless it is refused.
    pub(super) fn holding(&self) -> Option<(&'a Verified<Promotion>, Cause)> {
        Some((self.step, self.cause?))
    }

    /// What follows for those it covers. What it rests on can be left out too, or a copy be put in its
    /// place that was recorded much later: if it held for the owner, nobody knows whether it does not.
    fn cause(&self) -> Option<Cause> {
        self.cause.or(self.is_listed.then_some(Cause::Undetermined))
    }

    /// What follows for a step that goes on from what it covers. To go back to that is refused also if
    /// the retirement is.
    pub(super) fn cause_for(&self, kind: EdgeKind) -> Option<Cause> {
        let refused = (kind == EdgeKind::Rollback).then_some(Cause::Denied);
        self.cause.or(refused).or_else(|| self.cause())
    }

    /// Whether it takes this promotion out of service: the one it names, and all others into the
    /// environment that were there by then. What names the retirement was made after it.
    pub(super) fn covers(&self, promotion: &Verified<Promotion>) -> bool {
        let (said, other) = (self.step.value(), promotion.value());
        if said.edge.to.uri != other.edge.to.uri {
            return false;
        }
        if said.chain.previous.contains(promotion.payload()) {
            return true;
        }
        let by_then = self
            .step
            .time()
            .existed_by()
            .is_none_or(|at| promotion.time().was_there(at));
        let there = by_then || names(said, promotion.payload());
        there && self.shares_subject(promotion) && !names(other, self.step.payload())
    }

    /// Whether it was there when a promotion was made. What it names itself was made before it,
    /// whatever the clocks say. Of one that is listed no later record is believed.
    pub(super) fn precedes(&self, promotion: &Verified<Promotion>) -> bool {
        let time = self.step.time();
        let word = time.not_older_than().filter(|_| self.is_listed);
        let by_then = promotion
            .time()
            .existed_by()
            .is_none_or(|at| time.was_there(at) || word.is_some_and(|word| word <= at));
        by_then && !names(self.step.value(), promotion.payload())
    }

    /// A set without known digests may be any.
    fn shares_subject(&self, promotion: &Verified<Promotion>) -> bool {
        match (self.step.subjects(), promotion.subjects()) {
            (Some(ours), Some(theirs)) => ours
                .iter()
                .any(|digest| theirs.iter().any(|other| other == digest)),
            _ => true,
        }
    }
}

/// Whether a promotion names another statement: nothing can name what is not written yet.
fn names(promotion: &Promotion, payload: &Digest) -> bool {
    let mut inputs = promotion.inputs.iter();
    inputs.any(|input| input.payload == *payload)
        || promotion.chain.previous.contains(payload)
        || promotion.slot.previous.as_ref() == Some(payload)
}

/// Whether the head was taken out of service by a step that holds itself. One that is refused
/// changes nothing. Where the policy lets somebody retire, an answer that may lack the retirement
/// is no answer.
pub(super) fn judge(
    context: &Context<'_>,
    promotions: &Promotions,
    (retirements, names): (&[Retirement<'_>], Option<&str>),
    head: &Verified<Promotion>,
    report: &mut Report,
) {
    let name = head.value().edge.to.uri.name();
    let covering = retirements
        .iter()
        .filter(|retirement| retirement.covers(head))
        .filter_map(|retirement| Some((retirement.step, retirement.cause()?)));
    // Whatever may be open of one retirement, another one that holds is enough.
    if let Some((retirement, cause)) = covering.min_by_key(|(_, cause)| *cause != Cause::Denied) {
        let message = format!("it was taken out of service in {name}");
        let finding = Finding::new(Code::PromotionRetired, CHECK, message)
            .found(retirement.payload().to_string())
            .at(retirement.manifest(), "/predicate/edge/kind")
            .hint(format!(
                "to bring it back: {}",
                context.command(
                    (names, head.subjects()),
                    typed::bring(context, &head.value().edge.to.uri)
                )
            ));
        report.findings.push(finding);
        report.check(CHECK, Outcome::Failed(cause), "out of service");
    } else if let Some(missing) = missing(context, promotions, retirements, report) {
        hidden(missing, report);
    } else if let Some(environment) = may_be_hidden(context, promotions, report) {
        let name = environment.name();
        let message = format!("whether it was taken out of service in {name} cannot be known");
        let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message);
        report.findings.push(finding);
        let outcome = Outcome::Failed(Cause::Undetermined);
        report.check(CHECK, outcome, "may be out of service");
    }
}

/// A listed retirement from an environment on the way that is not at hand, and is about the artifact.
fn missing<'a>(
    context: &Context<'a>,
    promotions: &Promotions,
    retirements: &[Retirement<'_>],
    report: &Report,
) -> Option<&'a Retired> {
    context.retired.iter().find(|one| {
        let is_held = |held: &Retirement<'_>| *held.step.payload() == one.retirement;
        let mut subjects = one.subjects.iter();
        let mut way = on_the_way(promotions, report);
        subjects.any(|subject| context.covering.contains(subject))
            && way.any(|step| step.value().edge.to.uri == one.environment)
            && !retirements.iter().any(is_held)
    })
}

fn hidden(missing: &Retired, report: &mut Report) {
    let name = missing.environment.name();
    let message = format!(
        "a checkpoint says that it was taken out of service in {name}, and the step that did so is not \
         there, or not by who may promote"
    );
    let finding = Finding::new(Code::PromotionRetired, CHECK, message)
        .expected(missing.retirement.to_string())
        .hint(format!(
            "the registry hides it, or lost it; if it is not to count: bulla revoke --attestation {} \
             --reason TEXT",
            missing.retirement
        ));
    report.findings.push(finding);
    let outcome = Outcome::Failed(Cause::Undetermined);
    report.check(CHECK, outcome, "may be out of service");
}

fn on_the_way<'a>(
    promotions: &'a Promotions,
    report: &Report,
) -> impl Iterator<Item = &'a Verified<Promotion>> {
    promotions.verified.iter().filter(|promotion| {
        let mut steps = report.steps.iter();
        steps.any(|step| step.promotion == *promotion.payload())
    })
}

/// Where on the way evidence that is not at hand could be a retirement, under this or an earlier
/// version of the policy.
fn may_be_hidden<'a>(
    context: &Context<'_>,
    promotions: &'a Promotions,
    report: &Report,
) -> Option<&'a Environment> {
    if !context.question.evidence.is_incomplete() {
        return None;
    }
    let policy = context.question.policy;
    let policies = std::iter::once(policy).chain(&policy.predecessors);
    let edges: Vec<_> = policies
        .flat_map(|policy| &policy.edges)
        .filter(|edge| edge.kind == EdgeKind::Retire)
        .collect();
    on_the_way(promotions, report)
        .map(|promotion| &promotion.value().edge.to.uri)
        .find(|environment| edges.iter().any(|edge| edge.to == **environment))
}
