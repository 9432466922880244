//! What the current version of the policy asks of steps that were taken already, under whatever version:
//! from a time on, or at every moment. Everything else was judged once.

use bulla_model::EdgeKind;
use jiff::Timestamp;

use super::link::tightened;
use crate::policy::{Policy, TightenRule};
use crate::question::Context;
use crate::require::StepAtHand;
use crate::verdict::Report;
use crate::verified::SignedTime;

/// Whether a step is surely from before a time. A promoter's word is not enough: whoever may promote
/// could say an earlier one.
pub(super) fn is_before(time: SignedTime, from: Timestamp) -> bool {
    matches!(time, SignedTime::Proven(at, _) if at < from)
}

/// Judges a step that names an earlier version by the rules of the current one that begin at a time
/// and ask about all later steps.
pub(super) fn from_then_on(
    current: &Context<'_>,
    named: &Policy,
    step: &StepAtHand<'_>,
    time: SignedTime,
    report: &mut Report,
) {
    // Its own were asked with the rest. What went out stays out: a refused retirement lets in.
    if named.version == current.policy.version || step.edge.kind == EdgeKind::Retire {
        return;
    }
    for rule in about(current, step) {
        if rule
            .effective_from
            .is_some_and(|from| !is_before(time, from))
        {
            rule.require.judge(current, step, report);
        }
    }
}

/// Judges what is in the environment that is asked about, by the rules that are asked at every moment.
pub(super) fn at_every_moment(current: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
    let now = current.question.now;
    let step = StepAtHand { at: now, ..*step };
    let first = report.checks.len();
    for rule in about(current, &step).filter(|rule| rule.standing) {
        match rule.effective_from {
            // Who keeps the answer does not know that the rule has begun.
            Some(from) if now < from => report.holds_until(from),
            _ => rule.require.judge(current, &step, report),
        }
    }
    for check in report.checks.iter_mut().skip(first) {
        check.summary = format!("now: {}", check.summary);
    }
}

fn about<'p>(
    current: &Context<'p>,
    step: &StepAtHand<'_>,
) -> impl Iterator<Item = &'p TightenRule> {
    tightened(current.policy, current, step.edge.kind, &step.edge.to.uri)
}
