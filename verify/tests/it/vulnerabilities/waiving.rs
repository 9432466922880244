//! Waivers: who may give them, for what and for how long; and what was taken back.

use jiff::SignedDuration;
use serde_json::json;

use bulla_model::predicate::Waiver;
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::Code;

use super::{RULE, assert_denied, found, world, world_with};
use crate::kit::{World, assert_exit, assert_found, hour, policy};

const ID: &str = "CVE-2026-1";

fn dirty(rule: &str) -> World {
    let mut world = world(rule);
    let mut result = found(ID, "critical");
    result["annotations"] = json!([{"aliases": ["GHSA-aaaa-bbbb-cccc"]}]);
    world.scan(&[result]);
    world
}

#[test]
fn a_waiver_overlooks_what_it_names_and_no_more() {
    let mut world = dirty(RULE);
    world.waive("alice", &[ID]);
    let verdict = world.gate();
    assert_exit(&verdict, 0);
    let shown = serde_json::to_value(&verdict.vulnerabilities).unwrap();
    assert_eq!(shown[0]["outcome"]["waived"], json!(["alice"]));
    world.scan(&[found(ID, "high"), found("CVE-2026-2", "high")]);
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
    let mut world = dirty(RULE);
    world.waive("alice", &["GHSA-aaaa-bbbb-cccc"]);
    assert_exit(&world.gate(), 0);
}

#[test]
fn each_rule_of_a_waiver_is_kept() {
    type Change = fn(&mut Waiver);
    let changes: &[(&str, Change, Code)] = &[
        (
            "gate",
            |said| said.gate = "tests".into(),
            Code::VulnerabilitiesFound,
        ),
        (
            "id",
            |said| said.findings = vec!["CVE-2026-9".into()],
            Code::VulnerabilitiesFound,
        ),
        (
            "environment",
            |said| said.environments = vec!["env://acme/pay/prod".parse().unwrap()],
            Code::WaiverUnusable,
        ),
        ("over", |said| said.not_after = hour(3), Code::WaiverExpired),
        (
            "too long",
            |said| said.not_after = said.issued_at + SignedDuration::from_hours(30 * 24 + 1),
            Code::WaiverUnusable,
        ),
        (
            "later",
            |said| said.issued_at = hour(5),
            Code::WaiverUnusable,
        ),
    ];
    for (what, change, code) in changes {
        let mut world = dirty(RULE);
        world.waive_with("alice", &[ID], change);
        world.now = hour(3);
        let verdict = world.gate();
        assert_denied(&verdict, Code::VulnerabilitiesFound);
        assert_found(&verdict, *code);
        // Not by this one, but by another.
        world.waive("alice", &[ID]);
        assert_eq!(world.gate().exit_code(), 0, "{what}");
    }
}

#[test]
fn only_persons_who_are_named_and_hold_a_role_waive() {
    for (who, exit) in [
        ("alice", 0),
        ("carol", 0),
        // Another key of alice's that is not named, a machine that is, and nobody's.
        ("alice-laptop", 1),
        ("bob", 1),
        ("builder", 1),
        ("stray", 1),
        ("tester", 1),
    ] {
        let mut world = dirty(RULE);
        world.waive(who, &[ID]);
        assert_eq!(world.gate().exit_code(), exit, "{who}");
    }
    let mut world = dirty(RULE);
    world.edit(
        "people.yaml",
        "  alice:\n    roles: [release-manager]",
        "  alice:\n    roles: [dev]",
    );
    world.waive("alice", &[ID]);
    let verdict = world.gate();
    assert_denied(&verdict, Code::VulnerabilitiesFound);
    assert_found(&verdict, Code::WaiverUnusable);
    // By a role alone, any of the person's keys will do.
    let mut world = dirty("{by: [scanner], waivers: {roles: [release-manager]}}");
    world.waive("alice-laptop", &[ID]);
    assert_exit(&world.gate(), 0);
    let mut world = dirty("{by: [scanner], waivers: {roles: [release-manager]}}");
    world.waive("dave", &[ID]);
    assert_exit(&world.gate(), 1);
}

#[test]
fn a_threshold_counts_persons_not_keys() {
    let rule = "{by: [scanner], waivers: {roles: [release-manager], threshold: 2}}";
    let mut world = dirty(rule);
    world.waive("alice", &[ID]);
    world.waive("alice-laptop", &[ID]);
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
    world.waive("carol", &["GHSA-aaaa-bbbb-cccc"]);
    assert_exit(&world.gate(), 0);
}

#[test]
fn a_waiver_is_about_this_artifact() {
    let mut world = dirty(RULE);
    world.waive("alice", &[ID]);
    let said = world.take("alice waiver").remove(0);
    let said = bulla_model::Statement::parse(
        &crate::kit::payload(&said.bundle),
        &bulla_model::Limits::default(),
    );
    let said: Waiver = said.unwrap().predicate().unwrap();
    let other = ResourceDescriptor::of(Digest::sha256(b"another image"));
    world.waive_about("alice", &said, std::slice::from_ref(&other));
    let verdict = world.gate();
    assert_denied(&verdict, Code::VulnerabilitiesFound);
    assert_found(&verdict, Code::WaiverUnusable);
    let own = ResourceDescriptor::of(world.artifact.clone());
    world.waive_about("alice", &said, &[other, own]);
    assert_exit(&world.gate(), 0);
}

#[test]
fn what_was_let_in_by_a_waiver_stays_when_it_ends() {
    let mut world = dirty(RULE);
    world.waive("alice", &[ID]);
    world.promote("staging");
    assert_exit(&world.verify("staging"), 0);
    world.now = hour(200);
    assert_exit(&world.verify("staging"), 0);
    world.scan(&[found(ID, "critical")]);
    let verdict = world.gate();
    assert_denied(&verdict, Code::VulnerabilitiesFound);
    assert_found(&verdict, Code::WaiverExpired);
    // The person leaves: what they answered for goes with them.
    world.edit(
        "people.yaml",
        "  alice:\n    roles: [release-manager]",
        "  alice:\n    roles: [dev]",
    );
    assert_denied(&world.verify("staging"), Code::VulnerabilitiesFound);
}

/// Dirty, under a policy with a security owner.
fn guarded() -> World {
    let mut world = world_with(RULE, |world| {
        let key = policy::key("security");
        let identities = format!("identities:\n  security:\n    - key: {key}\n");
        world.edit("release.yaml", "identities:\n", &identities);
        let rule = "revocations: {by: [security], lift: {by: [security]}}\nhistory: []";
        world.edit("release.yaml", "history: []", rule);
    });
    world.scan(&[found(ID, "critical")]);
    world
}

impl World {
    /// Takes the last statement back.
    fn take_back(&mut self) {
        let payload = self.last_payload();
        self.revoke(
            "security",
            &[json!({"kind": "attestation", "payload": payload})],
        );
    }
}

#[test]
fn what_was_taken_back_neither_clears_nor_denies() {
    let cleared = json!([{"vulnerability": {"name": ID}, "status": "fixed"}]);
    let mut world = guarded();
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
    world.waive("alice", &[ID]);
    assert_exit(&world.gate(), 0);
    world.take_back();
    let verdict = world.gate();
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);

    let mut world = guarded();
    world.vex("vexer", &cleared);
    world.take_back();
    let verdict = world.gate();
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);

    // What speaks against it is taken back.
    let mut world = guarded();
    world.vex("vexer", &cleared);
    world.vex(
        "vexer",
        &json!([{"vulnerability": {"name": ID}, "status": "affected"}]),
    );
    assert_exit(&world.gate(), 1);
    world.take_back();
    assert_exit(&world.gate(), 0);

    let mut world = guarded();
    world.take("scanner");
    world.now = hour(1);
    world.scan(&[]);
    world.now = hour(2);
    world.scan(&[found(ID, "high")]);
    assert_exit(&world.gate(), 1);
    world.take_back();
    assert_exit(&world.gate(), 0);

    // And a clean scan that was taken back is none, whatever was scanned before.
    let mut world = guarded();
    world.now = hour(3);
    world.scan(&[]);
    assert_exit(&world.gate(), 0);
    world.take_back();
    assert_exit(&world.gate(), 1);
    // A waiver that would not have counted is not missed.
    world.waive("bob", &[ID]);
    world.take_back();
    assert_exit(&world.gate(), 1);
}

#[test]
fn what_was_taken_back_is_told_however_many_others_stand_before_it() {
    let ids: Vec<_> = (10..40).map(|one| format!("CVE-2026-{one}")).collect();
    for last in [&ids[0], &ids[29]] {
        let mut world = guarded();
        let all: Vec<_> = ids.iter().map(|id| found(id, "critical")).collect();
        world.scan(&all);
        assert_exit(&world.gate(), 1);
        world.waive("alice", &[last]);
        assert_exit(&world.gate(), 1);
        world.take_back();
        assert_exit(&world.gate(), 14);
    }
}

#[test]
fn a_service_takes_fewer_waivers_than_the_base_and_no_others() {
    let tightened = |base: &str, waivers: &str| {
        let mut world = world_with(base, |world| {
            let rule = format!("{{by: [scanner], maxAge: 24h{waivers}}}");
            let tighten = format!(
                "tighten:\n  - to: staging\n    require: {{vulnerabilities: {rule}}}\nsources:"
            );
            world.edit("services/pay-api.yaml", "sources:", &tighten);
        });
        world.scan(&[found(ID, "critical")]);
        world.waive("alice", &[ID]);
        world.gate()
    };
    let same = ", waivers: {by: [leads]}";
    assert_exit(&tightened(RULE, same), 0);
    // It wants them for a shorter time, of two persons, or none at all.
    assert_denied(
        &tightened(RULE, ", waivers: {by: [leads], maxTerm: 1h}"),
        Code::WaiverUnusable,
    );
    let two = ", waivers: {by: [leads], threshold: 2}";
    assert_denied(&tightened(RULE, two), Code::VulnerabilitiesFound);
    assert_denied(&tightened(RULE, ""), Code::VulnerabilitiesFound);
    // Where the base takes none, or for a shorter time, its own change nothing.
    let none = "{by: [scanner], maxAge: 24h}";
    assert_denied(&tightened(none, same), Code::VulnerabilitiesFound);
    let short = "{by: [scanner], maxAge: 24h, waivers: {by: [leads], maxTerm: 1h}}";
    assert_denied(
        &tightened(short, ", waivers: {by: [leads], maxTerm: 30d}"),
        Code::WaiverUnusable,
    );
}
