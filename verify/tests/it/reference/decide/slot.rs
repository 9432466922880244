//! Step 10: the latest promotions, as the owner's checkpoints know them.

use super::super::world::{Body, Checkpoint, Link, Promotion};
use super::chain::Said;
use super::ledger::Line;
use super::{Cause, Given, Report};

pub(super) fn judge(
    given: &Given<'_>,
    service: usize,
    head: &Said<'_>,
    line: &Line<'_>,
    report: &mut Report,
) {
    let place = (service, given.world.asked);
    let find = |one: &Checkpoint| {
        let slot = one.slots.iter().find(|slot| (slot.0, slot.1) == place);
        slot.map(|slot| (slot.2, slot.3))
    };
    let Some((sequence, latest)) = find(line.newest) else {
        return;
    };
    report.passed = true;
    if head.seen.link == latest {
        return;
    }
    let said = head.promotion;
    let mut decided = std::iter::once(line.newest).chain(line.before.iter().copied());
    let decided = decided.find_map(|one| find(one).filter(|(slot, _)| *slot == said.slot));
    let lost = decided.is_some_and(|(_, other)| other != head.seen.link);
    if !lost || said.slot_previous.is_none() {
        let then = head.seen.time.existed().is_some_and(|at| at <= line.issued);
        let lower = said.slot < sequence || (said.slot == sequence && said.slot_previous.is_none());
        if then && lower {
            return;
        }
        match descends(given, said, (sequence, latest)) {
            Some(true) => return,
            None => {
                report.fail("slot", "chain-forked", Cause::Undetermined);
                return;
            }
            Some(false) => {}
        }
    }
    report.fail("slot", "chain-forked", Cause::Denied);
}

/// Whether links lead from a promotion to the latest one; unknown where one is not at hand.
fn descends(given: &Given<'_>, head: &Promotion, (sequence, latest): (u64, Link)) -> Option<bool> {
    let mut one = head;
    loop {
        if one.slot <= sequence {
            return Some(false);
        }
        let Some(previous) = one.slot_previous else {
            return Some(false);
        };
        if one.slot == sequence + 1 {
            return Some(previous == latest);
        }
        let found = given.seen.iter().find_map(|seen| match seen.body {
            Body::Promotion(said) if seen.link == previous && seen.refused.is_none() => {
                given.is_about(seen).then_some(said)
            }
            _ => None,
        });
        let next = found?;
        if next.slot + 1 != one.slot {
            return Some(false);
        }
        one = next;
    }
}
