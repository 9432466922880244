//! Promotions out of service: what was in an environment by the time of a verified one of kind
//! `retire` holds there no longer, however it came in.

use bulla_model::predicate::Promotion;
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
    pub(super) cause: Option<Cause>,
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
            Retirement { step, cause }
        })
        .collect()
}

impl Retirement<'_> {
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
    /// whatever the clocks say.
    pub(super) fn precedes(&self, promotion: &Verified<Promotion>) -> bool {
        let by_then = promotion
            .time()
            .existed_by()
            .is_none_or(|at| self.step.time().was_there(at));
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
        .filter_map(|retirement| Some((retirement.step, retirement.cause?)));
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
    } else if let Some(environment) = may_be_hidden(context, promotions, report) {
        let name = environment.name();
        let message = format!("whether it was taken out of service in {name} cannot be known");
        let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message);
        report.findings.push(finding);
        let outcome = Outcome::Failed(Cause::Undetermined);
        report.check(CHECK, outcome, "may be out of service");
    }
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
    let on_the_way = promotions.verified.iter().filter(|promotion| {
        let mut steps = report.steps.iter();
        steps.any(|step| step.promotion == *promotion.payload())
    });
    on_the_way
        .map(|promotion| &promotion.value().edge.to.uri)
        .find(|environment| edges.iter().any(|edge| edge.to == **environment))
}
