//! Slots: which promotion is the latest, by the checkpoint.

use bulla_model::predicate::checkpoint::SlotHead;
use bulla_model::predicate::promotion::Slot;
use bulla_model::predicate::{Checkpoint, Promotion};
use bulla_model::{Digest, Environment};

use crate::cause::Cause;
use crate::chain::Promotions;
use crate::code::Code;
use crate::question::Context;
use crate::verdict::{Finding, Outcome, Report};
use crate::verified::Verified;

const CHECK: &str = "slot";

/// Compares the promotion that was found with the head of its slot. What was promoted before the
/// checkpoint stays: it is not taken back by what came after. One that claims the head's place is a
/// fork, and one from after the checkpoint has to follow the head, whatever number it gives itself.
pub(super) fn judge(
    checkpoint: &Verified<Checkpoint>,
    context: &Context<'_>,
    promotions: &Promotions,
    environment: &Environment,
    chosen: &Digest,
    report: &mut Report,
) {
    let slots = &checkpoint.value().slots;
    let head = slots
        .iter()
        .find(|slot| slot.service == *context.service && slot.environment == *environment);
    let find = |digest: &Digest| {
        let mut verified = promotions.verified.iter();
        verified.find(|promotion| promotion.payload() == digest)
    };
    let (Some(head), Some(promotion)) = (head, find(chosen)) else {
        return;
    };
    let slot = &promotion.value().slot;
    if head.head == *chosen {
        return;
    }
    // Two that follow nothing are no fork: many begin without knowing of each other.
    let begins = slot.sequence == head.sequence && slot.previous.is_none();
    let at = promotion.time().existed_by();
    let before = at.is_some_and(|at| at <= checkpoint.value().issued_at);
    if before && (slot.sequence < head.sequence || begins) {
        return;
    }
    let follows = follows(slot, head, find, context.question.limits.chain_length);
    if follows == Some(true) {
        return;
    }
    // Promotions of other artifacts are not at hand, so a gap may be filled by them.
    let (cause, message) = if follows.is_none() {
        (
            Cause::Undetermined,
            "whether it follows the checkpoint's latest promotion is not known",
        )
    } else {
        (
            Cause::Denied,
            "it does not follow the checkpoint's latest promotion",
        )
    };
    let finding = Finding::new(Code::ChainForked, CHECK, message)
        .expected(format!("{} (sequence {})", head.head, head.sequence))
        .found(format!("{chosen} (sequence {})", slot.sequence))
        .at(promotion.manifest(), "/predicate/slot");
    report.findings.push(finding);
    report.check(CHECK, Outcome::Failed(cause), "not the latest");
}

/// Whether a place comes after the head, by links that count down one by one; `None` if a promotion
/// between them is not at hand.
fn follows<'a>(
    slot: &Slot,
    head: &SlotHead,
    find: impl Fn(&Digest) -> Option<&'a Verified<Promotion>>,
    depth: usize,
) -> Option<bool> {
    let mut place = slot;
    for _ in 0..depth {
        let Some(expected) = place.sequence.checked_sub(1) else {
            return Some(false);
        };
        let Some(previous) = place
            .previous
            .as_ref()
            .filter(|_| expected >= head.sequence)
        else {
            return Some(false);
        };
        if expected == head.sequence {
            return Some(*previous == head.head);
        }
        place = &find(previous)?.value().slot;
        if place.sequence != expected {
            return Some(false);
        }
    }
    None
}
