//! What windows ask for: services, open windows, approvals, their own time.

use jiff::Timestamp;
use serde_json::json;

use bulla_model::predicate::checkpoint::FreezeHead;
use bulla_verify::{Cause, Code, Outcome};

use super::{closed, closed_but, critical, into_prod, over_at, promoted, twins, with};
use crate::kit::{World, assert_exit, assert_found, hour};

#[test]
fn windows_are_of_environments_and_services() {
    for (change, exit) in [
        (json!({"services": ["pay-api"]}), 4),
        (json!({"services": ["pay-api", "wiki"]}), 4),
        (json!({"services": ["wiki"]}), 0),
        (json!({"environments": ["env://acme/pay/staging"]}), 0),
        (
            json!({"environments": ["env://acme/pay/prod", "env://acme/pay/staging"]}),
            4,
        ),
    ] {
        assert_exit(&into_prod(&with(&json!([closed_but(&change)]))), exit);
    }
}

#[test]
fn outside_of_open_windows_nothing_goes() {
    let open = |start: &str| closed_but(&json!({"kind": "open", "start": start}));
    let (now, later) = (open("2026-03-02T12:00:00"), open("2026-03-02T14:00:00"));
    assert_exit(&into_prod(&with(&json!([now]))), 0);
    let verdict = into_prod(&with(&json!([later])));
    assert_exit(&verdict, 4);
    assert_found(&verdict, Code::Frozen);
    let told = &verdict.leading().unwrap().message;
    assert!(
        told.starts_with("prod is outside of its open windows until 2026-03-02T14:00"),
        "{told}"
    );
    // One that is open is enough, but not beside one that is closed.
    assert_exit(&into_prod(&with(&json!([later, now]))), 0);
    assert_exit(&into_prod(&with(&json!([later, now, closed()]))), 4);
    // One for another service is none for this one.
    let other =
        closed_but(&json!({"kind": "open", "services": ["wiki"], "start": "2027-01-01T00:00:00"}));
    assert_exit(&into_prod(&with(&json!([other]))), 0);
    // What a closed window lets through is not let through by the open ones.
    for lenient in [
        json!({"exemptKinds": ["promote"]}),
        json!({"extraApprovals": 1}),
    ] {
        let lenient = closed_but(&lenient);
        let mut world = with(&json!([later, lenient]));
        world.approve("bob", "prod");
        let verdict = into_prod(&world);
        assert_exit(&verdict, 4);
        assert_found(&verdict, Code::Frozen);
        let mut world = with(&json!([now, lenient]));
        world.approve("bob", "prod");
        assert_exit(&into_prod(&world), 0);
    }
    // Of open windows that are past nothing is to be waited for.
    let past = open("2026-02-02T14:00:00");
    for windows in [
        json!([past]),
        json!([past, closed()]),
        json!([closed(), past]),
    ] {
        let verdict = into_prod(&with(&windows));
        assert_exit(&verdict, 4);
        assert!(!verdict.leading().unwrap().message.contains("until"));
    }
    // Of two that hold up, the later one to end counts.
    for windows in [json!([later, closed()]), json!([closed(), later])] {
        let verdict = into_prod(&with(&windows));
        let told = &verdict.leading().unwrap().message;
        assert!(
            told.starts_with("prod is frozen until 2026-03-02T16"),
            "{told}"
        );
    }
    let (_, verdict) = promoted(with(&json!([later])));
    assert_exit(&verdict, 1);
}

#[test]
fn more_approvals_than_the_step_asks_for_let_it_through() {
    let one_more = closed_but(&json!({"extraApprovals": 1}));
    let mut world = with(&json!([one_more]));
    let verdict = into_prod(&world);
    assert_exit(&verdict, 4);
    assert_found(&verdict, Code::Frozen);
    let told = verdict.leading().unwrap();
    assert_eq!(told.waits_for, ["bob".parse().unwrap()]);
    let hint = told.hint.as_deref().unwrap();
    assert!(
        hint.starts_with("ask 1 more (bob): bulla approve"),
        "{hint}"
    );
    // Somebody who approved already, or holds none of the roles, is not one more.
    for who in ["alice-laptop", "dave", "mallory"] {
        world.approve(who, "prod");
        assert_ne!(into_prod(&world).exit_code(), 0, "{who}");
    }
    let mut world = with(&json!([one_more]));
    world.approve("bob", "prod");
    assert_exit(&into_prod(&world), 0);
    let (_, verdict) = promoted(world);
    assert_exit(&verdict, 0);
    assert_eq!(verdict.steps.last().unwrap().approved_by.len(), 3);
    let (_, verdict) = promoted(with(&json!([one_more])));
    assert_exit(&verdict, 1);
    // The highest number counts, and a window that asks for none lets none through.
    for other in [json!({"extraApprovals": 2}), json!({})] {
        let mut world = with(&json!([one_more, closed_but(&other)]));
        world.approve("bob", "prod");
        assert_exit(&into_prod(&world), 4);
    }
}

#[test]
fn a_step_without_approvals_asks_for_those_of_anybody_who_had_no_hand_in_it() {
    let into_staging = |approvers: &[&str]| {
        let mut world = World::calendared();
        world.take("promoter promotion staging");
        world.now = hour(1);
        let window = closed_but(&json!({
            "environments": ["env://acme/pay/staging"], "duration": "P1D", "extraApprovals": 1,
        }));
        world.freeze(1, None, &json!([window]));
        world.now = hour(4);
        for who in approvers {
            world.approve(who, "staging");
        }
        world.judge("staging", None).0
    };
    assert_exit(&into_staging(&[]), 4);
    // Dave wrote the change.
    assert_exit(&into_staging(&["dave"]), 4);
    assert_exit(&into_staging(&["mallory"]), 4);
    assert_exit(&into_staging(&["alice"]), 0);
}

#[test]
fn a_calendar_that_cannot_be_understood_leaves_the_answer_open() {
    let verdict = critical(false);
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::FreezeUnknown);
    assert_exit(&critical(true), 0);
    // A time zone that nobody knows.
    let moon = closed_but(&json!({"timeZone": "Moon/Tranquility"}));
    let verdict = into_prod(&with(&json!([moon])));
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::FreezeUnknown);
    // A later version of the statement, and one that was there only after the step.
    let mut world = World::calendared();
    world.now = hour(2);
    let said = json!({"scope": "ledger://acme/pay", "serial": 1, "issuedAt": hour(2).to_string()});
    world.record("release", "freeze", "https://bulla.dev/freeze/v9", &said);
    world.now = hour(4);
    assert_exit(&into_prod(&world), 3);
    let mut world = World::calendared().promoted();
    let said = json!({"scope": "ledger://acme/pay", "serial": 1, "issuedAt": hour(24).to_string()});
    let first = world.record("release", "freeze", "https://bulla.dev/freeze/v9", &said);
    assert_exit(&world.verify("prod"), 0);
    assert_exit(&into_prod(&world), 3);
    // The next one takes its place.
    world.freeze(2, Some(&first), &json!([]));
    assert_exit(&into_prod(&world), 0);
}

#[test]
fn two_calendars_of_one_serial_are_told_until_the_next() {
    assert_exit(&twins(false), 0);
    let mut world = with(&json!([]));
    let first = crate::kit::payload(&world.ledger[0].bundle);
    let first = bulla_model::Digest::sha256(&first);
    world.freeze(1, None, &json!([closed()]));
    let verdict = into_prod(&world);
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::FreezeEquivocation);
    world.freeze(2, Some(&first), &json!([]));
    assert_exit(&into_prod(&world), 0);
    // What was promoted before either stays.
    let mut world = World::calendared().promoted();
    world.freeze(1, None, &json!([]));
    world.freeze(1, None, &json!([closed()]));
    assert_exit(&world.verify("prod"), 0);
    assert_exit(&into_prod(&world), 1);
}

#[test]
fn windows_do_not_vanish_when_their_calendar_is_over() {
    assert_exit(&over_at(5), 0);
    let verdict = over_at(4);
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::FreezeExpired);
    // What was promoted in time stays.
    let mut world = World::calendared();
    world.now = hour(2);
    let next_year = closed_but(&json!({"start": "2027-03-02T12:00:00"}));
    let first = world.freeze_with("release", 1, None, &json!([next_year]), |said| {
        said["notAfter"] = json!(hour(5).to_string());
    });
    world.now = hour(4);
    let (mut world, verdict) = promoted(world);
    assert_exit(&verdict, 0);
    assert_exit(&into_prod(&world), 14);
    world.freeze(2, Some(&first), &json!([next_year]));
    world.now = hour(25);
    assert_exit(&into_prod(&world), 0);
    // One that says nothing about the step has nothing to lose.
    let mut world = World::calendared();
    world.now = hour(2);
    let other = closed_but(&json!({"services": ["wiki"]}));
    world.freeze_with("release", 1, None, &json!([other]), |said| {
        said["notAfter"] = json!(hour(3).to_string());
    });
    world.now = hour(4);
    assert_exit(&into_prod(&world), 0);
}

#[test]
fn a_revoked_calendar_counts_for_nothing() {
    let mut world = with(&json!([]));
    let first = bulla_model::Digest::sha256(&crate::kit::payload(&world.ledger[0].bundle));
    let second = world.freeze(2, Some(&first), &json!([closed()]));
    assert_exit(&into_prod(&world), 4);
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": second})],
    );
    assert_exit(&into_prod(&world), 0);
    world.freeze(3, Some(&second), &json!([closed()]));
    assert_exit(&into_prod(&world), 4);
}

#[test]
fn revoking_the_newest_calendar_lets_nobody_hide_the_one_before() {
    let mut world = World::calendared();
    world.now = hour(2);
    let first = world.freeze(1, None, &json!([]));
    let second = world.freeze(2, Some(&first), &json!([closed()]));
    let third = world.freeze(3, Some(&second), &json!([]));
    for (serial, digest) in [(1, &first), (2, &second), (3, &third)] {
        world.checkpoint_with("keeper", serial, |said| {
            let digest = digest.clone();
            said.freeze = Some(FreezeHead { serial, digest });
        });
    }
    world.now = hour(4);
    assert_exit(&into_prod(&world), 0);
    let target = json!({"kind": "attestation", "payload": third});
    world.revoke("security", &[target]);
    assert_exit(&into_prod(&world), 4);
    // With the second hidden the first would let it through; the third may be gone too.
    let hidden = world.ledger.remove(1);
    for _ in 0..2 {
        let verdict = into_prod(&world);
        assert_exit(&verdict, 3);
        assert_found(&verdict, Code::FreezeUnknown);
        world.ledger.remove(1);
    }
    world.ledger.push(hidden);
    assert_exit(&into_prod(&world), 4);
    // Whoever took that back too misses neither.
    world.ledger.pop();
    let target = json!({"kind": "attestation", "payload": second});
    world.revoke("security", &[target]);
    assert_exit(&into_prod(&world), 0);
}

#[test]
fn a_key_that_ended_neither_opens_nor_closes_alone() {
    let end = |world: &mut World| {
        let key = format!("    - key: {}\n", crate::kit::policy::key("release"));
        let ended = format!("{key}      notAfter: {}\n", hour(3));
        world.edit("release.yaml", &key, &ended);
    };
    let ended = |windows: &serde_json::Value| {
        let mut world = World::calendared_but(end);
        world.now = hour(2);
        let digest = world.freeze(1, None, windows);
        world.now = hour(4);
        (world, digest)
    };
    let (mut world, first) = ended(&json!([closed()]));
    let verdict = into_prod(&world);
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::FreezeUnknown);
    // What the ledger's owner listed was there.
    world.checkpoint_with("keeper", 1, |said| {
        let digest = first.clone();
        said.freeze = Some(FreezeHead { serial: 1, digest });
    });
    assert_exit(&into_prod(&world), 4);
    // Whoever has the key thaws nothing with it.
    world.now = hour(2);
    world.freeze(2, Some(&first), &json!([]));
    world.now = hour(4);
    assert_exit(&into_prod(&world), 3);
    // Where it makes no difference, none is made.
    assert_exit(&into_prod(&ended(&json!([])).0), 0);
}

#[test]
fn whoever_has_an_ended_key_denies_nothing_and_hides_no_genuine_calendar() {
    // The release owner has a new key, and the old one ended at hour 3.
    let both = |world: &mut World| {
        let [new, old] = ["release", "builder"].map(crate::kit::policy::key);
        let keys = format!(
            "    - key: {new}\n    - key: {old}\n      notAfter: {}\n",
            hour(3)
        );
        let key = format!("    - key: {new}\n");
        world.edit("release.yaml", &key, &keys);
    };
    let thief = |world: &mut World, name: &[u8]| {
        let previous = bulla_model::Digest::sha256(name);
        let at = world.now;
        world.now = hour(1);
        world.freeze_with("builder", 9999, Some(&previous), &json!([]), |_| {});
        world.now = at;
    };
    for (windows, exit) in [(json!([]), 0), (json!([closed()]), 3)] {
        let mut world = World::calendared_but(both);
        world.now = hour(2);
        world.freeze(1, None, &windows);
        world.now = hour(4);
        thief(&mut world, b"x");
        assert_exit(&into_prod(&world), exit);
        thief(&mut world, b"y");
        let verdict = into_prod(&world);
        assert_exit(&verdict, exit);
        assert!(!crate::kit::codes(&verdict).contains(&Code::FreezeEquivocation));
        let (_, verdict) = promoted(world);
        assert_exit(&verdict, exit);
    }
}

/// A calendar of the ended key that takes long to expand, of hour 1, with this serial.
fn endless(world: &mut World, serial: u64) {
    let window = |day: u32| {
        closed_but(&json!({
            "start": format!("{:04}-01-01T00:00:00", 1970 + day % 5),
            "rrule": "FREQ=DAILY;COUNT=9999",
        }))
    };
    let windows: Vec<_> = (0..256).map(window).collect();
    let previous = bulla_model::Digest::sha256(&serial.to_be_bytes());
    let at = world.now;
    world.now = hour(1);
    world.freeze_with("builder", serial, Some(&previous), &json!(windows), |_| {});
    world.now = at;
}

#[test]
fn calendars_that_take_long_leave_the_answer_open_in_time() {
    let both = |world: &mut World| {
        let [new, old] = ["release", "builder"].map(crate::kit::policy::key);
        let ended = format!(
            "    - key: {new}\n    - key: {old}\n      notAfter: {}\n",
            hour(3)
        );
        world.edit("release.yaml", &format!("    - key: {new}\n"), &ended);
    };
    let mut world = World::calendared_but(both);
    world.now = hour(2);
    world.freeze(1, None, &json!([closed()]));
    world.now = hour(4);
    endless(&mut world, 9999);
    let verdict = into_prod(&world);
    assert_exit(&verdict, 3);
    let told = verdict.leading().unwrap();
    assert_eq!(told.code, Code::FreezeUnknown);
    assert_eq!(
        told.message,
        "calendar 9999 cannot be used: its windows take too long to expand"
    );
    // More of them are one doubt, and none of them is looked at.
    for serial in 10_000..10_009 {
        endless(&mut world, serial);
    }
    let verdict = into_prod(&world);
    assert_exit(&verdict, 3);
    let unknown = crate::kit::codes(&verdict).into_iter();
    assert_eq!(
        unknown.filter(|code| *code == Code::FreezeUnknown).count(),
        1
    );
    assert_eq!(
        verdict.leading().unwrap().message,
        "10 calendars may be genuine or not"
    );
}

#[test]
fn no_deadline_that_comes_before_a_calendar_was_looked_at_lets_a_step_through() {
    let mut world = with(&json!([]));
    assert_exit(&into_prod(&world), 0);
    let asked = world.asked.get();
    for deadline in 0..asked {
        world.deadline = deadline;
        assert_exit(&into_prod(&world), 3);
    }
    // The calendars were asked for last.
    assert_found(&into_prod(&world), Code::FreezeUnknown);
    world.deadline = asked;
    assert_exit(&into_prod(&world), 0);
}

#[test]
fn a_gate_says_yes_only_if_verifiers_will() {
    // Frozen at hour 2, known to have been by whoever reads the checkpoint.
    let thawed = |claims: bool, word: Timestamp| {
        let mut world = if claims {
            World::calendared()
        } else {
            let mut world = World::with_release_owner(|world| {
                let tier = "high: {claimedTime: deny}";
                world.edit("release.yaml", "high: {claimedTime: allow}", tier);
            });
            world.provenance();
            world
        };
        world.now = hour(1);
        let both = json!({"environments": ["env://acme/pay/dev", "env://acme/pay/prod"]});
        let first = world.freeze(1, None, &json!([closed_but(&both)]));
        let listed = |world: &mut World, serial, digest: &bulla_model::Digest| {
            world.checkpoint_with("keeper", serial, |said| {
                let digest = digest.clone();
                said.freeze = Some(FreezeHead { serial, digest });
            });
        };
        listed(&mut world, 1, &first);
        world.now = word;
        let second = world.freeze(2, Some(&first), &json!([]));
        world.now = hour(4);
        (world, move |world: &mut World| listed(world, 2, &second))
    };
    // The word counts, once its time is past.
    let (mut world, _) = thawed(true, hour(3));
    assert_exit(&into_prod(&world), 0);
    world.promote("prod");
    assert_exit(&world.verify("prod"), 0);
    let soon = hour(4) + jiff::SignedDuration::from_secs(30);
    for word in [hour(4), soon] {
        let (mut world, _) = thawed(true, word);
        let verdict = into_prod(&world);
        assert_exit(&verdict, 3);
        let told = verdict.leading().unwrap();
        assert!(told.message.starts_with("calendar 2 lets the step through"));
        assert!(told.hint.as_deref().unwrap().starts_with("wait until "));
        world.now = word + jiff::SignedDuration::from_secs(1);
        assert_exit(&into_prod(&world), 0);
        world.promote("prod");
        assert_exit(&world.verify("prod"), 0);
    }
    // Where it does not, a checkpoint has to list it.
    let (mut world, list) = thawed(false, hour(3));
    let asked = |world: &World| {
        let verdict = world.judge("dev", None).0;
        let is_its = |one: &&bulla_verify::Finding| one.code == Code::FreezeUnknown;
        let found = verdict.findings.iter().find(is_its);
        let hint = found.map(|found| found.hint.clone().unwrap());
        let check = verdict.checks.iter().find(|check| check.name == "freeze");
        (check.unwrap().outcome, hint)
    };
    let (outcome, hint) = asked(&world);
    assert_eq!(outcome, Outcome::Failed(Cause::Undetermined));
    let hint = hint.unwrap();
    assert!(
        hint.contains("bulla checkpoint ledger://acme/pay"),
        "{hint}"
    );
    list(&mut world);
    world.now = hour(4) + jiff::SignedDuration::from_secs(1);
    assert_eq!(asked(&world), (Outcome::Ok, None));
}

/// A calendar of hour 2 with a window, which a checkpoint listed, and a promotion of hour 4 in it.
fn listed_and_promoted() -> (World, bulla_model::Digest) {
    let mut world = with(&json!([closed()]));
    let first = bulla_model::Digest::sha256(&crate::kit::payload(&world.ledger[0].bundle));
    world.now = hour(3);
    world.checkpoint_with("keeper", 1, |said| {
        let digest = first.clone();
        said.freeze = Some(FreezeHead { serial: 1, digest });
    });
    world.now = hour(4);
    (world.promoted(), first)
}

#[test]
fn revoking_the_release_key_heals_nothing_that_was_listed_before() {
    let (mut world, _) = listed_and_promoted();
    assert_exit(&world.verify("prod"), 1);
    let key = |since| {
        json!({
            "kind": "signer",
            "signer": {"kind": "key", "keyId": crate::kit::Signer::named("release").key_id()},
            "notBefore": hour(since).to_string(),
        })
    };
    world.revoke("security", &[key(20)]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::Frozen);
    // What was listed only after the theft was known may be the thief's.
    let (mut world, _) = listed_and_promoted();
    world.revoke("security", &[key(2)]);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_key_that_ended_before_its_listed_calendar_is_no_deadlock() {
    let (mut world, first) = listed_and_promoted();
    let key = format!("    - key: {}\n", crate::kit::policy::key("release"));
    world.next_policy();
    let ended = format!("{key}      notAfter: {}\n", hour(1));
    world.edit("release.yaml", &key, &ended);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::Frozen);
    let target = json!({"kind": "attestation", "payload": first});
    world.revoke("security", &[target]);
    assert_exit(&world.verify("prod"), 0);
    // Also if it is gone.
    world.ledger.remove(0);
    assert_exit(&world.verify("prod"), 0);
}
