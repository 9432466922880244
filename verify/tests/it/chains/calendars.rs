//! Freezes: which calendar decides, and what it holds up.

use bulla_model::Digest;
use bulla_model::predicate::checkpoint::FreezeHead;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::story::{step, stories, verify, with};
use crate::freeze::{closed, closed_but, with as frozen};
use crate::kit::{Signer, World, hour, payload, policy};

stories! {
    "frozen", "Freezes",
        "Before a step a freeze is waited for.",
        4 Frozen => step("prod", frozen(&json!([closed()])));
    "frozen-until-its-end", "Freezes",
        "The end of a window is the first moment after it.",
        0 => step("prod", with(frozen(&json!([closed()])), |world| world.now = hour(7)));
    "frozen-when-it-was-promoted", "Freezes",
        "What was promoted in a freeze stays denied when it is over.",
        1 Frozen => verify("prod", frozen(&json!([closed()])).promoted());
    "frozen-after-it-was-promoted", "Freezes",
        "A freeze evicts nothing that was there before it.",
        0 => verify("prod", frozen(&json!([closed_but(&json!({"start": "2026-03-02T13:00:01", "duration": "P7D"}))])).promoted());
    "frozen-and-thawed-later", "3.3 Calendars of freezes",
        "The calendar of the step's time decides, whatever came later.",
        1 Frozen => verify("prod", with(frozen(&json!([closed()])).promoted(), |world| {
            let first = first(world);
            world.freeze(2, Some(&first), &json!([]));
        }));
    "frozen-for-the-past", "3.3 Calendars of freezes",
        "A calendar holds up nothing from before it was there.",
        0 => verify("prod", with(World::calendared().promoted(), |world| {
            world.freeze(1, None, &json!([closed_but(&json!({"duration": "P7D"}))]));
        }));
    "frozen-by-a-stranger", "3.3 Calendars of freezes",
        "Only those whom `freezes.by` names write calendars.",
        0 => step("prod", at_two(|world| drop(world.freeze_with("mallory", 1, None, &json!([closed()]), |_| {}))));
    "frozen-elsewhere", "Freezes",
        "A window is of its environments and services.",
        0 => step("prod", frozen(&json!([
            closed_but(&json!({"environments": ["env://acme/pay/staging"]})),
            closed_but(&json!({"services": ["wiki"]})),
        ])));
    "outside-of-open-windows", "Freezes",
        "Where there are open windows one of them has to be open.",
        4 Frozen => step("prod", frozen(&json!([closed_but(&json!({"kind": "open", "start": "2026-03-02T14:00:00"}))])));
    "inside-an-open-window", "Freezes",
        "One open window is enough.",
        0 => step("prod", frozen(&json!([
            closed_but(&json!({"kind": "open", "start": "2026-03-02T14:00:00"})),
            closed_but(&json!({"kind": "open"})),
        ])));
    "closed-beats-open", "Freezes",
        "A closed window holds up what an open one would let through.",
        4 Frozen => step("prod", frozen(&json!([closed(), closed_but(&json!({"kind": "open"}))])));
    "exempt-from-a-freeze", "Freezes",
        "A window lets the kinds through that it exempts.",
        0 => step("prod", frozen(&json!([closed_but(&json!({"exemptKinds": ["promote"]}))])));
    "other-kinds-exempt-from-a-freeze", "Freezes",
        "A window lets no kind through that it does not exempt.",
        4 Frozen => step("prod", frozen(&json!([closed_but(&json!({"exemptKinds": ["hotfix"]}))])));
    "frozen-without-one-approval-more", "Freezes",
        "Where one approval more lets the step through it is waited for.",
        4 Frozen => step("prod", frozen(&json!([closed_but(&json!({"extraApprovals": 1}))])));
    "frozen-with-one-approval-more", "Freezes",
        "Where one approval more lets the step through, a third person is enough.",
        0 => verify("prod", with(frozen(&json!([closed_but(&json!({"extraApprovals": 1}))])), |world| world.approve("bob", "prod")).promoted());
    "frozen-with-a-second-key-more", "Freezes",
        "One approval more is that of another person, not of another key.",
        4 Frozen => step("prod", with(frozen(&json!([closed_but(&json!({"extraApprovals": 1}))])), |world| world.approve("alice-laptop", "prod")));
    "calendar-over", "Freezes",
        "From its `notAfter` on a calendar holds up every step that it has windows for.",
        14 FreezeExpired => step("prod", ending(&closed_but(&json!({"start": "2027-03-02T12:00:00"}))));
    "calendar-over-without-a-window", "Freezes",
        "A calendar that is over and says nothing of the step holds up nothing.",
        0 => step("prod", ending(&closed_but(&json!({"services": ["wiki"]}))));
    "calendars-of-one-serial", "Freezes",
        "Two calendars of the highest serial contradict each other.",
        1 FreezeEquivocation => step("prod", with(frozen(&json!([])), |world| drop(world.freeze(1, None, &json!([closed()])))));
    "calendars-of-one-serial-and-the-next", "3.3 Calendars of freezes",
        "The next calendar decides, by naming one of the two.",
        0 => step("prod", at_two(|world| {
            let one = world.freeze(1, None, &json!([]));
            world.freeze(1, None, &json!([closed()]));
            world.freeze(2, Some(&one), &json!([]));
        }));
    "calendar-not-understood", "Freezes",
        "A calendar in force that cannot be read leaves the answer open.",
        3 FreezeUnknown => step("prod", at_two(|world| drop(world.freeze_with("release", 1, None, &json!([]), |said| {
            said["crit"] = json!(["colour"]);
            said["colour"] = json!("red");
        }))));
    "calendar-in-an-unknown-time-zone", "Freezes",
        "A calendar in force in a time zone that nobody knows leaves the answer open.",
        3 FreezeUnknown => step("prod", frozen(&json!([closed_but(&json!({"timeZone": "Moon/Tranquility"}))])));
    "calendar-listed-and-not-at-hand", "Freezes",
        "The calendar that the newest checkpoint lists has to be at hand.",
        3 FreezeUnknown => step("prod", with(frozen(&json!([closed()])), |world| {
            let digest = first(world);
            list(world, 1, 1, &digest);
            world.hide("freeze");
        }));
    "calendar-with-a-gap-behind-it", "3.3 Calendars of freezes",
        "A line that does not lead back to a calendar of the step's time has a gap.",
        3 FreezeUnknown => verify("prod", with(frozen(&json!([closed()])).promoted(), |world| {
            let first = first(world);
            let second = world.freeze(2, Some(&first), &json!([]));
            world.now = hour(25);
            world.freeze(3, Some(&second), &json!([]));
            world.ledger.retain(|entry| Digest::sha256(&payload(&entry.bundle)) != second);
        }));
    "calendar-revoked", "3.3 Calendars of freezes",
        "A revoked calendar counts for nothing, and the one before it is in force.",
        0 => step("prod", with(frozen(&json!([])), |world| {
            let first = first(world);
            let second = world.freeze(2, Some(&first), &json!([closed()]));
            world.revoke("security", &[json!({"kind": "attestation", "payload": second})]);
            world.now += SignedDuration::from_secs(1);
        }));
    "calendar-listed-and-its-key-revoked", "3.3 Calendars of freezes",
        "What a checkpoint listed before the key was stolen stays.",
        1 Frozen => verify("prod", key_revoked(20));
    "calendar-listed-after-its-key-was-stolen", "3.3 Calendars of freezes",
        "What was listed only after the theft may be the thief's.",
        0 => verify("prod", key_revoked(2));
    "calendar-of-an-ended-key", "Freezes",
        "A calendar that rests on the word of an ended key alone leaves open what it would change.",
        3 FreezeUnknown => step("prod", of_an_ended_key(&json!([closed()]), |_| {}));
    "calendar-of-an-ended-key-without-a-difference", "Freezes",
        "Where a calendar that may not be genuine changes nothing, it changes nothing.",
        0 => step("prod", of_an_ended_key(&json!([]), |_| {}));
    "calendar-of-an-ended-key-listed", "3.3 Calendars of freezes",
        "A calendar that a checkpoint lists is sure, whatever became of its key.",
        4 Frozen => step("prod", of_an_ended_key(&json!([closed()]), |world| {
            let digest = first(world);
            list(world, 1, 1, &digest);
        }));
    "thawed-in-the-second-of-the-step", "Freezes",
        "Before a step it is asked whether it would still pass once it is taken.",
        3 FreezeUnknown => step("prod", with(frozen(&json!([closed()])), |world| {
            let first = first(world);
            world.freeze(2, Some(&first), &json!([]));
        }));
    "thawed-before-the-step", "Freezes",
        "A calendar without windows thaws what its time is before.",
        0 => step("prod", with(frozen(&json!([closed()])), |world| {
            let first = first(world);
            world.freeze(2, Some(&first), &json!([]));
            world.now += SignedDuration::from_secs(1);
        }));
}

/// Under a policy with a release owner, after what they did at hour 2; it is hour 4.
fn at_two(change: impl FnOnce(&mut World)) -> World {
    let mut world = World::calendared();
    world.now = hour(2);
    change(&mut world);
    world.now = hour(4);
    world
}

/// The calendar that was written first.
fn first(world: &World) -> Digest {
    Digest::sha256(&payload(&world.ledger[0].bundle))
}

/// A calendar of hour 2 that is over at hour 4.
fn ending(window: &Value) -> World {
    at_two(|world| {
        world.freeze_with("release", 1, None, &json!([window]), |said| {
            said["notAfter"] = json!(hour(4).to_string());
        });
    })
}

/// Lists this calendar in a checkpoint of now.
fn list(world: &mut World, checkpoint: u64, serial: u64, digest: &Digest) {
    world.checkpoint_with("keeper", checkpoint, |said| {
        let digest = digest.clone();
        said.freeze = Some(FreezeHead { serial, digest });
    });
}

/// Promoted in a freeze that was listed at hour 3; the key of the calendar is revoked since then.
fn key_revoked(since: i64) -> World {
    let mut world = frozen(&json!([closed()]));
    world.now = hour(3);
    let digest = first(&world);
    list(&mut world, 1, 1, &digest);
    world.now = hour(4);
    let mut world = world.promoted();
    let target = json!({
        "kind": "signer",
        "signer": {"kind": "key", "keyId": Signer::named("release").key_id()},
        "notBefore": hour(since).to_string(),
    });
    world.revoke("security", &[target]);
    world
}

/// A calendar of hour 2 by a key that ended at hour 3, and what was done then.
fn of_an_ended_key(windows: &Value, change: impl FnOnce(&mut World)) -> World {
    let mut world = World::calendared_but(|world| {
        let key = format!("    - key: {}\n", policy::key("release"));
        let ended = format!("{key}      notAfter: {}\n", hour(3));
        world.edit("release.yaml", &key, &ended);
    });
    world.now = hour(2);
    world.freeze(1, None, windows);
    world.now = hour(4);
    change(&mut world);
    world
}
