//! Soak: how long something has to run well in an environment before it goes on.

use serde_json::json;

use bulla_model::EdgeKind;
use bulla_verify::{Code, Verdict};

use super::{soaking, soaking_untested};
use crate::kit::{World, assert_exit, assert_found, codes, hour};

const SOAK: &str = "{in: staging, min: 24h, by: [deployer]}";

fn into_prod(world: &World) -> Verdict {
    world.step(EdgeKind::Promote, "prod").0
}

#[test]
fn what_has_soaked_long_enough_goes_on_and_before_that_it_waits() {
    let mut world = soaking(SOAK);
    world.deployed("deployer", "started");
    world.deployed("deployer", "succeeded");
    for (now, exit) in [(3, 4), (26, 4), (27, 0), (1000, 0)] {
        world.now = hour(now);
        let verdict = into_prod(&world);
        assert_exit(&verdict, exit);
        assert_eq!(codes(&verdict).contains(&Code::SoakShort), exit == 4);
    }
    world.now = hour(26);
    let verdict = into_prod(&world);
    let hint = verdict.leading().unwrap().hint.clone().unwrap();
    assert!(
        hint.starts_with("soak until 2026-03-03T12:00:00Z"),
        "{hint}"
    );
    // The step is judged again as of the time it was taken, whatever came after.
    world.now = hour(27);
    world.promote("prod");
    world.now = hour(28);
    world.deployed("deployer", "failed");
    world.now = hour(40);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_step_taken_before_the_soak_was_over_is_refused_for_ever() {
    let mut world = soaking(SOAK);
    world.deployed("deployer", "succeeded");
    world.now = hour(20);
    world.promote("prod");
    world.now = hour(1000);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 4);
    assert_found(&verdict, Code::SoakShort);
}

#[test]
fn soak_needs_a_deployment_there_by_somebody_who_deploys() {
    let mut never = soaking(SOAK);
    never.now = hour(100);
    assert_exit(&into_prod(&never), 4);
    assert_found(&into_prod(&never), Code::SoakMissing);

    for (who, event, change) in [
        ("mallory", "succeeded", json!({})),
        ("builder", "succeeded", json!({})),
        ("deployer", "started", json!({})),
        (
            "deployer",
            "succeeded",
            json!({"environment": {"uri": "env://acme/pay/dev"}}),
        ),
        ("deployer", "succeeded", json!({"service": "wiki"})),
        ("deployer", "succeeded", json!({"crit": ["colour"]})),
    ] {
        let mut world = soaking(SOAK);
        world.deployed_with(who, event, |said| {
            for (name, value) in change.as_object().unwrap() {
                said[name] = value.clone();
            }
        });
        world.now = hour(100);
        let verdict = into_prod(&world);
        assert!(verdict.exit_code() != 0, "{who} {event} {change}");
        assert_found(&verdict, Code::SoakMissing);
    }
}

#[test]
fn an_old_failure_recorded_once_more_is_no_newer() {
    // Failed, recorded at once or not at all, and running again since hour 11.
    for recorded in [false, true] {
        let mut world = soaking(SOAK);
        world.now = hour(10);
        world.deployed("deployer", "failed");
        let honest = world.evidence.last().unwrap().clone();
        if recorded {
            world.record_only("deployer");
        }
        let failed = world.evidence.last().unwrap().clone();
        world.now = hour(11);
        world.deployed("deployer", "succeeded");
        // A stranger has the failure recorded once more, then takes the record off it.
        world.now = hour(30);
        world.evidence.push(failed);
        world.record_again("deployer");
        world.evidence.push(honest);
        world.now = hour(35);
        assert_exit(&into_prod(&world), 0);
        // What failed again since then is broken.
        world.now = hour(34);
        world.deployed("deployer", "failed");
        world.now = hour(35);
        let verdict = into_prod(&world);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::SoakBroken);
    }
}

#[test]
fn a_failure_ends_the_soak_and_the_next_success_begins_it_anew() {
    for event in ["failed", "rolled-back"] {
        let mut world = soaking(SOAK);
        world.deployed("deployer", "succeeded");
        world.now = hour(10);
        world.deployed("deployer", event);
        world.now = hour(100);
        let verdict = into_prod(&world);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::SoakBroken);
        world.deployed("deployer", "succeeded");
        world.now = hour(123);
        assert_exit(&into_prod(&world), 4);
        world.now = hour(124);
        assert_exit(&into_prod(&world), 0);
    }
}

#[test]
fn a_stranger_s_failure_breaks_nothing_and_none_counts_where_health_is_not_asked_for() {
    let mut world = soaking(SOAK);
    world.deployed("deployer", "succeeded");
    world.now = hour(10);
    world.deployed("mallory", "failed");
    world.now = hour(100);
    assert_exit(&into_prod(&world), 0);
    let mut world = soaking("{in: staging, min: 24h, by: [deployer], healthy: false}");
    world.deployed("deployer", "succeeded");
    world.now = hour(100);
    world.deployed("deployer", "failed");
    assert_exit(&into_prod(&world), 0);
}

#[test]
fn that_nothing_failed_is_not_known_while_something_may_be_missing() {
    let mut world = soaking_untested(SOAK);
    world.deployed("deployer", "succeeded");
    world.now = hour(100);
    world.truncated = true;
    assert_exit(&into_prod(&world), 3);
}

#[test]
fn the_promotion_into_the_environment_may_be_what_counts() {
    let mut world = soaking("{in: staging, min: 24h, from: promotion}");
    for (now, exit) in [(3, 4), (25, 4), (26, 0)] {
        world.now = hour(now);
        assert_exit(&into_prod(&world), exit);
    }
    let mut other = soaking("{in: prod, min: 24h, from: promotion}");
    other.now = hour(1000);
    assert_found(&into_prod(&other), Code::SoakMissing);
}

#[test]
fn soak_rules_that_could_not_be_judged_are_refused() {
    let world = soaking(SOAK);
    for (soak, reason) in [
        ("{in: staging, min: 24h}", "`by` is missing"),
        (
            "{in: staging, min: 24h, from: promotion, healthy: true}",
            "`healthy` needs `by`",
        ),
        (
            "{in: nowhere, min: 24h, by: [deployer]}",
            "no environment `nowhere`",
        ),
        (
            "{in: staging, min: 24h, by: [nobody]}",
            "no identity `nobody`",
        ),
        (
            "{in: staging, min: 0h, by: [deployer]}",
            "no length of time",
        ),
    ] {
        let mut files = world.files.clone();
        let text = String::from_utf8(files.base.bytes).unwrap();
        files.base.bytes = text.replace(SOAK, soak).into_bytes();
        let error = bulla_verify::Policy::parse(&files, &world.limits).unwrap_err();
        assert!(error.to_string().contains(reason), "{soak}: {error}");
    }
}

#[test]
fn a_deployment_from_before_the_promotion_soaks_nothing() {
    let mut world = soaking(SOAK);
    world.deployed_with("deployer", "succeeded", |said| {
        said["issuedAt"] = json!(hour(-1000).to_string());
    });
    world.now = hour(100);
    assert_found(&into_prod(&world), Code::SoakMissing);
    world.deployed("deployer", "succeeded");
    for (now, exit) in [(123, 4), (124, 0)] {
        world.now = hour(now);
        assert_exit(&into_prod(&world), exit);
    }
}

#[test]
fn what_broke_and_was_only_promoted_again_does_not_soak() {
    for soak in [
        SOAK,
        "{in: staging, min: 24h, by: [deployer], from: promotion, healthy: true}",
    ] {
        let mut world = soaking(soak);
        world.deployed("deployer", "succeeded");
        world.now = hour(10);
        world.deployed("deployer", "rolled-back");
        world.now = hour(20);
        world.promote("staging");
        world.now = hour(60);
        let verdict = into_prod(&world);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::SoakBroken);
        world.deployed("deployer", "succeeded");
        for (now, exit) in [(83, 4), (84, 0)] {
            world.now = hour(now);
            assert_exit(&into_prod(&world), exit);
        }
    }
}

#[test]
fn a_deployment_of_the_future_soaks_nothing() {
    let mut world = soaking(SOAK);
    world.deployed_with("deployer", "succeeded", |said| {
        said["issuedAt"] = json!(hour(50).to_string());
    });
    world.now = hour(40);
    assert_found(&into_prod(&world), Code::SoakMissing);
}
