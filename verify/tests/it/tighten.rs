//! What the base and services require besides: from a time on, and at every moment.

use jiff::SignedDuration;

use bulla_model::EdgeKind;
use bulla_verify::{Code, Policy, StepRequest, Verdict};

use crate::edges::{in_prod, world as staged};
use crate::kit::{World, assert_exit, assert_found, codes, hour, promotion_in, show};

/// A test result that the builder never signs.
const MORE: &str = "require: {tests: {by: [builder]}}";
/// The tests of hour 0, until hour 72.
const FRESH: &str = "standing: true, require: {tests: {by: [tester], maxAge: 72h}}";

fn tighten(world: &mut World, rule: &str) {
    let with = format!("tighten: [{{{rule}}}]\nedges:\n");
    world.edit("release.yaml", "edges:\n", &with);
}

/// In dev since hour 1 under version 3, by a promotion that says so or has proof; then version 4, which
/// requires more.
fn later(is_proven: bool, rule: &str) -> World {
    let mut world = World::built();
    world.promote("dev");
    if is_proven {
        world.record_only("promoter");
    }
    world.next_policy();
    tighten(&mut world, rule);
    world.now = hour(24);
    world
}

/// In prod since hour 4 under version 3, then version 4 with this rule.
fn tightened(rule: &str) -> World {
    let mut world = World::journey();
    world.next_policy();
    tighten(&mut world, rule);
    world
}

#[track_caller]
fn lacks_tests(verdict: &Verdict, exit: u8) {
    assert_exit(verdict, exit);
    assert_found(verdict, Code::TestsMissing);
}

fn from(hours: i64) -> String {
    format!("to: dev, effectiveFrom: {}, {MORE}", hour(hours))
}

#[test]
fn what_was_promoted_stays_when_the_next_version_asks_for_more() {
    for is_proven in [false, true] {
        let world = later(is_proven, &format!("to: dev, {MORE}"));
        assert_exit(&world.verify("dev"), 0);
        // A step not taken yet is asked.
        lacks_tests(&world.judge("dev", None).0, 11);
    }
}

#[test]
fn what_is_effective_from_a_time_on_is_asked_of_later_steps_under_any_version() {
    for (since, exit) in [(0, 11), (1, 11), (2, 0), (5, 0), (48, 0)] {
        let world = later(true, &from(since));
        assert_exit(&world.verify("dev"), exit);
    }
    // Under the version that was, after the time.
    let mut world = World::built();
    world.now = hour(6);
    world.promote("dev");
    world.record_only("promoter");
    world.next_policy();
    tighten(&mut world, &from(5));
    lacks_tests(&world.verify("dev"), 11);
}

#[test]
fn only_proof_is_from_before_a_time() {
    let world = later(false, &from(5));
    lacks_tests(&world.verify("dev"), 11);
    // The same of the version that says so.
    let mut world = World::built();
    tighten(&mut world, &from(5));
    world.promote("dev");
    lacks_tests(&world.verify("dev"), 11);
    world.record_only("promoter");
    assert_exit(&world.verify("dev"), 0);
    // What was made later and says an earlier time has only later proof.
    world.take("promoter promotion dev");
    world.promote("dev");
    world.now = hour(6);
    world.record_only("promoter");
    let verdict = world.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TimeMismatch);
}

#[test]
fn whoever_takes_the_proof_away_or_adds_a_later_one_makes_no_yes() {
    let mut world = later(true, &from(5));
    let own = world.evidence.last().unwrap().bundle.clone();
    let bare = crate::kit::Signer::named("promoter").seal(&crate::kit::payload(&own));
    world.add("copy without proof", bare);
    assert_exit(&world.verify("dev"), 0);
    world.take("promoter promotion dev");
    lacks_tests(&world.verify("dev"), 11);
}

#[test]
fn before_a_step_a_rule_waits_for_its_time_where_times_are_proven() {
    let mut world = World::empty();
    world.provenance();
    world.record_only("builder");
    world.now = hour(1);
    tighten(&mut world, &from(5));
    assert_eq!(
        world.judge("dev", None).0.exit_code(),
        10,
        "a word is asked at once"
    );
    world.edit("release.yaml", "high: {claimedTime: allow}", "high: {}");
    assert_exit(&world.judge("dev", None).0, 0);
    world.now = hour(5);
    lacks_tests(&world.judge("dev", None).0, 10);
}

#[test]
fn every_link_is_asked_what_is_effective_from_its_time_on() {
    let mut world = World::journey();
    world.next_policy();
    tighten(&mut world, &from(0));
    lacks_tests(&world.verify("prod"), 11);
}

#[test]
fn what_went_out_stays_out_whatever_is_asked_later() {
    let mut world = in_prod();
    world.take_step(EdgeKind::Retire, "prod", |_| {});
    world.now = hour(25);
    let gone = |world: &World| assert_found(&world.verify("prod"), Code::PromotionRetired);
    gone(&world);
    world.next_policy();
    let since = from(0).replace("to: dev", "to: prod, kinds: [retire]");
    tighten(&mut world, &since);
    gone(&world);
    // A retirement under this version is asked.
    let request = world.judge_request(&StepRequest {
        to: "prod",
        from: None,
        kind: EdgeKind::Retire,
        set: None,
        names: None,
        promoter: None,
        tickets: None,
    });
    assert!(request.0.exit_code() != 0, "{}", show(&request.0));
}

#[test]
fn a_standing_rule_is_asked_at_every_moment() {
    let mut world = tightened(&format!("to: prod, {FRESH}"));
    assert_exit(&world.verify("prod"), 0);
    world.now = hour(73);
    let verdict = world.verify("prod");
    lacks_tests(&verdict, 14);
    assert_found(&verdict, Code::StatementStale);
    let mut checks = verdict.checks.iter();
    let check = checks.find(|one| one.name == "tests" && one.summary.starts_with("now: "));
    let check = check.unwrap_or_else(|| panic!("{}", show(&verdict)));
    assert_eq!(check.step.as_deref(), Some("prod"));
    // It is in again with a new run, which nobody would need for a step of the past.
    world.tests();
    assert_exit(&world.verify("prod"), 0);
    // What was asked once, when the step was taken, ages for nothing.
    let mut once = tightened(&format!("to: prod, {}", FRESH.replace("true", "false")));
    once.now = hour(73);
    assert_exit(&once.verify("prod"), 0);
}

#[test]
fn a_standing_rule_is_one_of_the_environment_that_is_asked_about() {
    let mut world = tightened(&format!("to: dev, {FRESH}"));
    world.now = hour(73);
    lacks_tests(&world.verify("dev"), 14);
    assert_exit(&world.verify("staging"), 0);
    assert_exit(&world.verify("prod"), 0);
    // Neither before a step out of it.
    assert!(!codes(&world.judge("prod", None).0).contains(&Code::TestsMissing));
}

#[test]
fn a_standing_rule_reaches_what_came_by_a_step_that_is_gone() {
    let mut world = tightened(&format!("to: prod, {FRESH}"));
    let edge = "  - from: staging\n    to: prod\n    tiers: [high]";
    world.edit("release.yaml", edge, &edge.replace("staging", "dev"));
    assert_exit(&world.verify("prod"), 0);
    world.now = hour(73);
    lacks_tests(&world.verify("prod"), 14);
}

#[test]
fn tiers_and_kinds_say_whom_a_rule_is_for() {
    for (only, exit) in [
        ("tiers: [high]", 14),
        ("tiers: [low]", 0),
        ("tiers: [low, high]", 14),
        ("kinds: [promote]", 14),
        ("kinds: [hotfix, rollback]", 0),
    ] {
        let mut world = tightened(&format!("to: prod, {only}, {FRESH}"));
        world.now = hour(73);
        assert_eq!(world.verify("prod").exit_code(), exit, "{only}");
    }
    // The tier that the service has now.
    let mut world = tightened(&format!("to: dev, tiers: [low], {FRESH}"));
    world.now = hour(73);
    assert_exit(&world.verify("dev"), 0);
    world.edit("services/pay-api.yaml", "tier: high", "tier: low");
    lacks_tests(&world.verify("dev"), 14);
}

#[test]
fn a_service_asks_at_every_moment_too() {
    let mut world = World::journey();
    world.next_policy();
    let rule = format!("tier: high\ntighten: [{{to: prod, {FRESH}}}]\n");
    world.edit("services/pay-api.yaml", "tier: high\n", &rule);
    assert_exit(&world.verify("prod"), 0);
    world.now = hour(73);
    lacks_tests(&world.verify("prod"), 14);
}

#[test]
fn a_standing_rule_may_begin_later() {
    let rule = format!("to: prod, effectiveFrom: {}, {FRESH}", hour(80));
    let mut world = tightened(&rule);
    for entry in &mut world.evidence {
        if entry.name == "promoter promotion prod" {
            let seen = promotion_in(&entry.bundle).issued_at;
            entry.bundle = crate::kit::log::again("promoter", &entry.bundle, seen);
        }
    }
    world.roots = vec![crate::kit::log::root()];
    world.now = hour(79);
    assert_exit(&world.verify("prod"), 0);
    world.now = hour(80);
    lacks_tests(&world.verify("prod"), 14);
}

#[test]
fn what_may_be_missing_leaves_a_standing_rule_open() {
    let mut world = tightened(&format!("to: prod, {FRESH}"));
    world.truncated = true;
    assert_exit(&world.verify("prod"), 3);
    world.now = hour(73);
    lacks_tests(&world.verify("prod"), 3);
}

#[test]
fn what_came_back_is_asked_as_well() {
    let mut world = in_prod();
    world.approve_step("alice", EdgeKind::Rollback, "prod");
    world.take_step(EdgeKind::Rollback, "prod", |_| {});
    world.next_policy();
    assert_exit(&world.verify("prod"), 0);
    tighten(
        &mut world,
        &format!("to: prod, kinds: [promote, rollback], {FRESH}"),
    );
    world.now = hour(200);
    lacks_tests(&world.verify("prod"), 14);
}

#[test]
fn whom_the_base_names_in_what_it_adds_speaks_for_all_services() {
    let mut world = World::built();
    tighten(
        &mut world,
        "to: prod, require: {provenance: {by: [tester]}}",
    );
    let other = crate::kit::provenance("https://github.com/acme/wiki", &["dave@acme.example"]);
    let kind = bulla_model::predicate::slsa_provenance::TYPE;
    world.attest("tester", kind, &other);
    assert_found(&world.judge("dev", None).0, Code::ServiceMismatch);
}

#[test]
fn rules_that_are_for_nothing_are_refused() {
    for (path, at, rule, reason) in [
        (
            "release.yaml",
            "edges:\n",
            "to: qa, require: {}",
            "no environment `qa`",
        ),
        (
            "release.yaml",
            "edges:\n",
            "to: dev, tiers: [x], require: {}",
            "no tier `x`",
        ),
        (
            "release.yaml",
            "edges:\n",
            "to: dev, kind: [x], require: {}",
            "unknown field",
        ),
        (
            "release.yaml",
            "edges:\n",
            "to: dev, standing: 1, require: {}",
            "standing",
        ),
        (
            "services/wiki.yaml",
            "tier: low\n",
            "to: dev, tiers: [low], require: {}",
            "`tiers` is for the base",
        ),
    ] {
        let mut world = World::empty();
        world.edit(path, at, &format!("tighten: [{{{rule}}}]\n{at}"));
        let error = Policy::parse(&world.files, &world.limits).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(reason) || reason == "standing", "{error}");
        assert!(error.starts_with(path), "{error}");
    }
}

#[test]
fn what_led_to_a_retirement_is_not_asked_for_more_either() {
    let mut world = staged().into_staging();
    for who in ["alice", "carol"] {
        world.approve(who, "prod");
    }
    world.now = hour(4);
    world.promote("prod");
    world.record_only("promoter");
    // In once more, after the time, and out.
    world.now = hour(6);
    world.promote("prod");
    world.record_only("promoter");
    world.now = hour(7);
    world.take_step(EdgeKind::Retire, "prod", |_| {});
    world.now = hour(25);
    assert_found(&world.verify("prod"), Code::PromotionRetired);
    world.next_policy();
    tighten(&mut world, &from(5).replace("to: dev", "to: prod"));
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::PromotionRetired);
}

#[test]
fn an_answer_is_kept_no_longer_than_until_a_standing_rule_begins() {
    let begins = |at: i64| {
        let since = format!("effectiveFrom: {}, standing: true, {MORE}", hour(at));
        let mut world = tightened(&format!("to: prod, {since}"));
        world.now = hour(24);
        world.verify("prod").fresh_until
    };
    assert_eq!(begins(30), Some(hour(30)));
    assert_eq!(begins(6), None);
}

/// The promotion into prod of hour 4 is good until hour 104.
const AGE: &str = "to: prod, standing: true, require: {promotionAge: {max: 100h}}";

#[test]
fn f33_what_was_promoted_long_ago_is_no_longer_let_in() {
    let mut world = tightened(AGE);
    world.now = hour(104);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    // Nobody keeps the answer for longer.
    assert_eq!(verdict.fresh_until, Some(hour(104)));
    world.now = hour(104) + SignedDuration::from_secs(1);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::PromotionExpired);
    // Of the environments before it nothing is asked, nor of a step that is not taken yet.
    assert_exit(&world.verify("staging"), 0);
    let next = world.judge("prod", None).0;
    assert!(!codes(&next).contains(&Code::PromotionExpired));
    let mut way = tightened(&AGE.replace("prod", "staging"));
    way.now = hour(200);
    assert_exit(&way.verify("staging"), 14);
    assert_exit(&way.verify("prod"), 0);
    // Promoted anew it is let in again.
    for who in ["alice", "carol"] {
        world.approve(who, "prod");
    }
    world.promote("prod");
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_later_record_makes_no_promotion_younger() {
    let mut world = tightened(AGE);
    world.now = hour(105);
    world.copy_proven("promoter promotion prod", hour(4));
    assert_exit(&world.verify("prod"), 14);
    let mut world = tightened(AGE);
    world.now = hour(105);
    world.copy_proven("promoter promotion prod", hour(100));
    assert_exit(&world.verify("prod"), 14);
}

#[test]
fn the_age_of_a_promotion_is_a_standing_rule_or_none() {
    for rule in [
        "to: prod, require: {promotionAge: {max: 100h}}".to_owned(),
        AGE.replace("true", "false"),
        AGE.replace("100h", "0h"),
        AGE.replace("max: 100h", "max: 100h, min: 1h"),
    ] {
        let mut world = World::built();
        tighten(&mut world, &rule);
        Policy::parse(&world.files, &world.limits).unwrap_err();
    }
    let mut world = World::built();
    let edge = "      approvals: {threshold: 2, roles: [release-manager], maxAge: 7d}";
    world.edit(
        "release.yaml",
        edge,
        &format!("{edge}\n      promotionAge: {{max: 30d}}"),
    );
    let error = Policy::parse(&world.files, &world.limits).unwrap_err();
    assert!(error.to_string().contains("standing: true"), "{error}");
    // It evicts from when on it says so.
    let mut world = tightened(&format!("effectiveFrom: {}, {AGE}", hour(200)));
    world.now = hour(199);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    assert_eq!(verdict.fresh_until, Some(hour(200)));
    world.now = hour(200);
    assert_exit(&world.verify("prod"), 14);
}

#[test]
fn nobody_keeps_an_answer_beyond_the_end_of_a_promotion() {
    let mut world = World::built();
    world.promote_with("dev", |said| said.not_after = Some(hour(9)));
    let verdict = world.verify("dev");
    assert_exit(&verdict, 0);
    assert_eq!(verdict.fresh_until, Some(hour(9)));
}
