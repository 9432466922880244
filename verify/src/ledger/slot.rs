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

/// What the owner's checkpoints say of slots.
pub(super) struct Slots<'a> {
    /// The checkpoint that counts.
    pub(super) checkpoint: &'a Verified<Checkpoint>,
    /// The heads of all that are at hand, the newest checkpoint's first.
    pub(super) heads: &'a [SlotHead],
}

/// Compares the promotion that was found with the head of its slot. What was promoted before the
/// checkpoint stays: it is not taken back by what came after. One that claims the place of a head, of
/// this checkpoint or of an earlier one, is a fork, and one from after the checkpoint has to follow
/// the head, whatever number it gives itself.
pub(super) fn judge(
    slots: &Slots<'_>,
    context: &Context<'_>,
    promotions: &Promotions,
    environment: &Environment,
    chosen: &Digest,
    report: &mut Report,
) {
    let is_here =
        |slot: &&SlotHead| slot.service == *context.service && slot.environment == *environment;
    let said = slots.checkpoint.value();
    let head = said.slots.iter().find(is_here);
    let find = |digest: &Digest| promotions.find(context, digest);
    let (Some(head), Some(promotion)) = (head, find(chosen)) else {
        return;
    };
    let slot = &promotion.value().slot;
    if head.head == *chosen {
        return;
    }
    let mut heads = slots.heads.iter().filter(is_here);
    let same = heads.find(|one| one.sequence == slot.sequence);
    // Two that follow nothing are no fork: many begin without knowing of each other.
    let lost = same.filter(|one| one.head != *chosen && slot.previous.is_some());
    let begins = slot.sequence == head.sequence && slot.previous.is_none();
    let at = promotion.time().existed_by();
    let before = at.is_some_and(|at| at <= said.issued_at);
    let was_there = before && (slot.sequence < head.sequence || begins);
    // Promotions of other artifacts are not at hand, so a gap may be filled by them.
    let (cause, message) = match lost {
        Some(_) => (Cause::Denied, "a checkpoint names another for its place"),
        None if was_there => return,
        None => match follows(slot, head, find, context.question.limits.chain_length) {
            Some(true) => return,
            Some(false) => (
                Cause::Denied,
                "it does not follow the checkpoint's latest promotion",
            ),
            None => (
                Cause::Undetermined,
                "whether it follows the checkpoint's latest promotion is not known",
            ),
        },
    };
    let head = lost.unwrap_or(head);
    let finding = Finding::new(Code::ChainForked, CHECK, message)
        .expected(format!("{} (sequence {})", head.head, head.sequence))
        .found(format!("{chosen} (sequence {})", slot.sequence))
        .at(promotion.manifest(), "/predicate/slot");
    let finding = match cause {
        Cause::Denied => finding.hint(format!(
            "checkpoints are not kept for ever: if it is not to count, revoke it too: \
             bulla revoke --attestation {chosen} --reason TEXT"
        )),
        _ => finding,
    };
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
