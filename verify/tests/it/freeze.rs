//! Freezes: when steps are held up, by which calendar, and what would get around it.

use serde_json::{Value, json};

use bulla_model::predicate::checkpoint::FreezeHead;
use bulla_model::{Digest, EdgeKind};
use bulla_verify::{Code, Decision, Verdict};

use crate::kit::ledger::scope;
use crate::kit::{Entry, Signer, World, assert_exit, assert_found, codes, hour, payload};

mod against_rrule;
mod calendars;
mod rules;

/// Closed for prod from 12:00 to 16:00 UTC, hours 3 to 7 of the story.
pub(crate) fn closed() -> Value {
    json!({
        "kind": "closed", "environments": ["env://acme/pay/prod"],
        "start": "2026-03-02T12:00:00", "timeZone": "UTC", "duration": "PT4H",
        "reason": "The quarter ends",
    })
}

/// The same after changes.
pub(crate) fn closed_but(changes: &Value) -> Value {
    let mut window = closed();
    let changes = changes.as_object().unwrap().clone();
    window.as_object_mut().unwrap().extend(changes);
    window
}

/// A calendar of hour 2, and it is hour 4.
pub(crate) fn with(windows: &Value) -> World {
    let mut world = World::calendared();
    world.now = hour(2);
    world.freeze(1, None, windows);
    world.now = hour(4);
    world
}

fn into_prod(world: &World) -> Verdict {
    let promoter = Signer::named("promoter").identity();
    world.judge("prod", Some(&promoter)).0
}

/// What became of a promotion of hour 4, at hour 24.
fn promoted(world: World) -> (World, Verdict) {
    let world = world.promoted();
    let verdict = world.verify("prod");
    (world, verdict)
}

pub(crate) fn frozen() -> Verdict {
    into_prod(&with(&json!([closed()])))
}

pub(crate) fn thawed() -> Verdict {
    into_prod(&with(&json!([])))
}

pub(crate) fn twins(both: bool) -> Verdict {
    let mut world = with(&json!([]));
    if both {
        world.freeze(1, None, &json!([]));
    }
    into_prod(&world)
}

pub(crate) fn over_at(end: i64) -> Verdict {
    let mut world = World::calendared();
    world.now = hour(2);
    let change = |said: &mut Value| said["notAfter"] = json!(hour(end).to_string());
    world.freeze_with(
        "release",
        1,
        None,
        &json!([closed_but(&json!({"start": "2027-03-02T12:00:00"}))]),
        change,
    );
    world.now = hour(4);
    into_prod(&world)
}

pub(crate) fn critical(known: bool) -> Verdict {
    let mut world = World::calendared();
    world.now = hour(2);
    world.freeze_with("release", 1, None, &json!([]), |said| {
        if !known {
            said["crit"] = json!(["colour"]);
            said["colour"] = json!("red");
        }
    });
    world.now = hour(4);
    into_prod(&world)
}

#[test]
fn a_step_waits_for_the_end_of_a_freeze() {
    let mut world = with(&json!([closed()]));
    let verdict = into_prod(&world);
    assert_exit(&verdict, 4);
    assert_found(&verdict, Code::Frozen);
    let told = verdict.leading().unwrap();
    assert_eq!(
        told.message,
        "prod is frozen until 2026-03-02T16:00:00+00:00 UTC: The quarter ends"
    );
    let hint = told.hint.as_deref().unwrap();
    assert!(hint.starts_with("wait until 2026-03-02T16:00"), "{hint}");
    // Its end is the first moment after it.
    for (hours, exit) in [(6, 4), (7, 0), (8, 0)] {
        world.now = hour(hours);
        assert_exit(&into_prod(&world), exit);
    }
}

#[test]
fn what_was_promoted_in_a_freeze_is_denied() {
    let (world, verdict) = promoted(with(&json!([closed()])));
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::Frozen);
    // That it is over heals nothing, and neither does a calendar without windows.
    let mut world = world;
    let first = Digest::sha256(&payload(&world.ledger[0].bundle));
    world.freeze(2, Some(&first), &json!([]));
    assert_exit(&world.verify("prod"), 1);
    // What did not enter prod is none of its business.
    assert_exit(&world.verify("staging"), 0);
}

#[test]
fn a_promoted_image_stays_when_a_freeze_begins() {
    let later = closed_but(&json!({"start": "2026-03-02T13:00:01", "duration": "P7D"}));
    let (world, verdict) = promoted(with(&json!([later])));
    assert_exit(&verdict, 0);
    // Another step would wait.
    assert_exit(&into_prod(&world), 4);
}

#[test]
fn a_calendar_holds_up_nothing_from_before_it_was_there() {
    let (mut world, verdict) = promoted(World::calendared());
    assert_exit(&verdict, 0);
    // It is of hour 24, and its window began at hour 3.
    let whole = closed_but(&json!({"duration": "P7D"}));
    let first = world.freeze(1, None, &json!([whole]));
    assert_exit(&world.verify("prod"), 0);
    assert_exit(&into_prod(&world), 4);
    world.now = hour(25);
    world.freeze(2, Some(&first), &json!([whole]));
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn the_calendar_that_was_there_decides_whatever_came_later() {
    let mut world = with(&json!([]));
    let first = Digest::sha256(&payload(&world.ledger[0].bundle));
    world.now = hour(3);
    let second = world.freeze(2, Some(&first), &json!([closed()]));
    world.now = hour(4);
    let (mut world, verdict) = promoted(world);
    assert_exit(&verdict, 1);
    world.freeze(3, Some(&second), &json!([]));
    assert_exit(&world.verify("prod"), 1);
    // Without the second nobody knows what it said; without the first nothing is missed.
    let hidden = world.ledger.remove(1);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::FreezeUnknown);
    world.ledger[0] = hidden;
    assert_exit(&world.verify("prod"), 1);
}

#[test]
fn a_backdated_calendar_is_no_older_than_the_one_before_it() {
    // The owner's first calendar is of hour 10, the second says that it is of hour 1.
    let mut world = World::calendared().promoted();
    world.now = hour(10);
    let first = world.freeze(1, None, &json!([]));
    world.now = hour(24);
    let backdate = |said: &mut Value| said["issuedAt"] = json!(hour(1).to_string());
    world.freeze_with("release", 2, Some(&first), &json!([closed()]), backdate);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn only_the_release_owner_freezes() {
    for stranger in ["mallory", "security", "promoter", "alice"] {
        let mut world = World::calendared();
        world.now = hour(2);
        let change = |_: &mut Value| {};
        world.freeze_with(
            stranger,
            7,
            Some(&Digest::sha256(b"x")),
            &json!([closed()]),
            change,
        );
        world.freeze_with(stranger, 7, Some(&Digest::sha256(b"y")), &json!([]), change);
        world.freeze_with(stranger, 8, None, &json!([]), |said| {
            said["crit"] = json!(["x"]);
        });
        world.now = hour(4);
        assert_exit(&into_prod(&world), 0);
        let (world, verdict) = promoted(world);
        assert_exit(&verdict, 0);
        drop(world);
    }
    // Junk takes nothing from the owner's either.
    let mut world = with(&json!([closed()]));
    world.freeze_with(
        "mallory",
        9,
        Some(&Digest::sha256(b"x")),
        &json!([]),
        |_| {},
    );
    assert_exit(&into_prod(&world), 4);
}

#[test]
fn a_calendar_of_another_ledger_is_passed_over() {
    let mut world = World::calendared();
    world.now = hour(2);
    world.freeze_with("release", 1, None, &json!([closed()]), |said| {
        said["scope"] = json!("ledger://acme/web");
    });
    world.now = hour(4);
    assert_exit(&into_prod(&world), 0);
    assert_eq!(scope().as_str(), "ledger://acme/pay");
}

#[test]
fn without_the_section_nobody_asks() {
    for policy in ["freezes: {by: [release]}\n", "freezes: {by: [security]}\n"] {
        let to = if policy.contains("release") {
            ""
        } else {
            policy
        };
        let mut world = World::calendared_but(|world| {
            world.edit("release.yaml", "freezes: {by: [release]}\n", to);
        });
        world.now = hour(2);
        world.freeze(1, None, &json!([closed()]));
        world.now = hour(4);
        let verdict = into_prod(&world);
        assert_exit(&verdict, 0);
        let asked = verdict.checks.iter().any(|check| check.name == "freeze");
        assert_eq!(asked, !to.is_empty());
    }
}

#[test]
fn a_step_under_an_earlier_version_is_asked_as_that_version_says() {
    let mut world = World::calendared_but(|world| {
        world.edit("release.yaml", "freezes: {by: [release]}\n", "");
    });
    world.promote("prod");
    world.now = hour(20);
    world.next_policy();
    world.edit(
        "release.yaml",
        "history:",
        "freezes: {by: [release]}\nhistory:",
    );
    world.now = hour(2);
    world.freeze(1, None, &json!([closed()]));
    world.now = hour(24);
    assert_exit(&world.verify("prod"), 0);
    // The other way round nothing that was frozen is free: whether its calendar is of its owner's
    // time cannot be told of a claim.
    let mut world = with(&json!([closed()]));
    world.promote("prod");
    world.next_policy();
    world.edit("release.yaml", "freezes: {by: [release]}\n", "");
    world.now = hour(24);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::FreezeUnknown);
    // A step of now is not asked.
    let asked = |verdict: &Verdict| verdict.checks.iter().any(|check| check.name == "freeze");
    assert!(!asked(&world.judge("dev", None).0));
}

#[test]
fn a_freeze_on_the_way_breaks_the_chain() {
    let staging = closed_but(&json!({
        "environments": ["env://acme/pay/staging"], "start": "2026-03-02T10:30:00",
    }));
    let mut world = World::calendared().promoted();
    world.now = hour(1);
    world.freeze(1, None, &json!([staging]));
    world.now = hour(24);
    for environment in ["staging", "prod"] {
        let verdict = world.verify(environment);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::Frozen);
    }
    assert_exit(&world.verify("dev"), 0);
}

#[test]
fn a_checkpoint_tells_of_a_hidden_calendar() {
    let mut world = with(&json!([closed()]));
    world.ledger.clear();
    world.now = hour(2);
    let first = world.freeze(1, None, &json!([]));
    let second = world.freeze(2, Some(&first), &json!([closed()]));
    let listed = |digest: &Digest| {
        Some(FreezeHead {
            serial: 2,
            digest: digest.clone(),
        })
    };
    world.checkpoint_with("keeper", 1, |said| said.freeze = listed(&second));
    world.now = hour(4);
    assert_exit(&into_prod(&world), 4);
    let hidden: Entry = world.ledger.remove(1);
    let verdict = into_prod(&world);
    assert_exit(&verdict, 3);
    assert_eq!(verdict.decision, Decision::Undetermined);
    assert_found(&verdict, Code::FreezeUnknown);
    // A stranger's signature over the same words is not it.
    let bundle = Signer::named("mallory").seal(&payload(&hidden.bundle));
    world.ledger.push(Entry {
        name: "mallory freeze".into(),
        bundle,
    });
    assert_exit(&into_prod(&world), 3);
    world.ledger.push(hidden);
    assert_exit(&into_prod(&world), 4);
    // One that is newer than listed counts.
    world.freeze(3, Some(&second), &json!([]));
    world.now = hour(5);
    assert_exit(&into_prod(&world), 0);
    assert!(!codes(&into_prod(&world)).contains(&Code::FreezeUnknown));
}

#[test]
fn a_ledger_that_is_not_whole_leaves_the_answer_open() {
    let mut world = with(&json!([]));
    assert_exit(&into_prod(&world), 0);
    world.ledger_without = vec!["a line".into()];
    assert_exit(&into_prod(&world), 3);
}

#[test]
fn kinds_that_are_exempt_go_ahead() {
    let exempt = closed_but(&json!({"exemptKinds": ["hotfix", "rollback"]}));
    assert_exit(&into_prod(&with(&json!([exempt]))), 4);
    let hotfix = |windows: &Value| {
        let edge = "edges:\n  - from: dev\n    to: prod\n    kind: hotfix\n    by: [promoter]\n    \
                    require: {provenance: {by: [builder]}}\n";
        let mut world = World::calendared_but(|world| world.edit("release.yaml", "edges:\n", edge));
        world.now = hour(2);
        world.freeze(1, None, windows);
        world.now = hour(4);
        let promoter = Signer::named("promoter").identity();
        let request = bulla_verify::StepRequest {
            to: "prod",
            from: None,
            kind: EdgeKind::Hotfix,
            promoter: Some(&promoter),
            tickets: None,
            set: None,
            names: None,
        };
        world.judge_request(&request).0
    };
    assert_exit(&hotfix(&json!([exempt])), 0);
    assert_exit(&hotfix(&json!([closed()])), 4);
    // Every window that holds it up has to.
    assert_exit(&hotfix(&json!([exempt, closed()])), 4);
}
