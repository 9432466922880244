//! Which scans count.

use serde_json::{Value, json};

use bulla_model::predicate::vulns;
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::{Code, Verdict};

use super::{GRYPE, RULE, TRIVY, assert_denied, found, found_in, scan_at, world, world_with};
use crate::kit::{World, assert_exit, assert_found, hour, policy};

fn bad() -> Value {
    found("CVE-2026-1", "high")
}

/// It is hour 2; these scans ended and were signed at these hours.
fn after(rule: &str, scans: &[(&str, &str, Option<i64>, &[Value])]) -> Verdict {
    scanned(rule, scans).gate()
}

fn scanned(rule: &str, scans: &[(&str, &str, Option<i64>, &[Value])]) -> World {
    let mut world = world(rule);
    for (who, scanner, when, results) in scans {
        let when = when.map(hour);
        let scan = scan_at(scanner, when, results);
        world.attest_at(who, vulns::TYPE, &scan, when);
    }
    world
}

#[test]
fn f36_an_old_clean_scan_does_not_hide_a_newer_dirty_one() {
    let rule = "{by: [scanner]}";
    let (clean, dirty): (&[Value], &[Value]) = (&[], &[bad()]);
    let after = |scans: &[(&[Value], Option<i64>)]| {
        let scans: Vec<_> = scans
            .iter()
            .map(|(results, when)| ("scanner", TRIVY, *when, *results))
            .collect();
        let mut world = scanned(rule, &scans);
        let exit = world.gate().exit_code();
        world.evidence.reverse();
        assert_eq!(world.gate().exit_code(), exit, "in another order");
        exit
    };
    assert_eq!(after(&[(clean, Some(0)), (dirty, Some(1))]), 1);
    assert_eq!(after(&[(dirty, Some(0)), (clean, Some(1))]), 0);
    assert_eq!(after(&[(dirty, Some(1)), (clean, Some(1))]), 1, "at once");
    assert_eq!(
        after(&[(dirty, None), (clean, Some(1))]),
        1,
        "without a time"
    );
    assert_eq!(
        after(&[(dirty, Some(1)), (clean, None)]),
        1,
        "nor clears it"
    );
    assert_eq!(after(&[(clean, None)]), 10, "nothing says when");
    assert_eq!(after(&[(clean, None), (clean, Some(1))]), 0);
}

#[test]
fn a_scan_is_as_old_as_it_says_however_late_it_is_signed() {
    let mut world = world("{by: [scanner], maxAge: 24h}");
    world.now = hour(30);
    world.attest("scanner", vulns::TYPE, &scan_at(TRIVY, Some(hour(2)), &[]));
    let verdict = world.gate();
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::ScanStale);
    // Signed anew it hides nothing that was scanned since.
    world.attest_at(
        "scanner",
        vulns::TYPE,
        &scan_at(TRIVY, Some(hour(10)), &[bad()]),
        Some(hour(10)),
    );
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
    world.now = hour(31);
    world.attest("scanner", vulns::TYPE, &scan_at(TRIVY, Some(hour(9)), &[]));
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
    world.attest("scanner", vulns::TYPE, &scan_at(TRIVY, Some(hour(11)), &[]));
    assert_exit(&world.gate(), 0);
}

#[test]
fn a_scan_of_after_its_signature_does_not_speak_for_the_artifact() {
    let mut world = world("{by: [scanner]}");
    world.now = hour(3);
    let later = scan_at(TRIVY, Some(hour(3)), &[]);
    world.attest_at("scanner", vulns::TYPE, &later, Some(hour(2)));
    let verdict = world.gate();
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TimeMismatch);
    // And what such a one finds counts beside anything.
    world.scan(&[]);
    assert_exit(&world.gate(), 0);
    let later = scan_at(TRIVY, Some(hour(3)), &[bad()]);
    world.attest_at("scanner", vulns::TYPE, &later, Some(hour(2)));
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
}

#[test]
fn every_scanner_has_the_last_word_on_what_it_found() {
    let (clean, dirty): (&[Value], &[Value]) = (&[], &[bad()]);
    let rule = "{by: [scanner]}";
    let scans = [
        ("scanner", GRYPE, Some(0), dirty),
        ("scanner", TRIVY, Some(1), clean),
    ];
    assert_denied(&after(rule, &scans), Code::VulnerabilitiesFound);
    // Who signs for a scanner does not matter.
    let mut scans = scans.to_vec();
    scans.push(("scanner-2", GRYPE, Some(1), clean));
    assert_exit(&after(rule, &scans), 0);
    let named = "{by: [scanner], scanners: ['pkg:github/aquasecurity/*']}";
    assert_exit(&after(named, &scans[..2]), 0);
    assert_exit(&after(named, &scans[..1]), 10);
    // What is too old says nothing more, for or against.
    let aged = "{by: [scanner], maxAge: 90m}";
    assert_exit(&after(aged, &scans[..2]), 0);
    assert_exit(&after(aged, &scans[..1]), 14);
}

#[test]
fn scans_of_strangers_and_of_other_things_change_nothing() {
    let rule = "{by: [scanner]}";
    let (clean, dirty): (&[Value], &[Value]) = (&[], &[bad()]);
    let stranger = ("tester", TRIVY, Some(1), dirty);
    assert_exit(
        &after(rule, &[("scanner", TRIVY, Some(0), clean), stranger]),
        0,
    );
    assert_exit(&after(rule, &[("tester", TRIVY, Some(1), clean)]), 11);
    let mut world = world(rule);
    let other = ResourceDescriptor::of(Digest::sha256(b"another image"));
    let scan = scan_at(TRIVY, Some(hour(1)), &[]);
    world.attest_about("scanner", vulns::TYPE, &scan, &[other]);
    assert_exit(&world.gate(), 13);
}

#[test]
fn what_nobody_can_read_is_as_bad_as_can_be() {
    let mut world = world("{by: [scanner]}");
    world.scan(&[]);
    assert_exit(&world.gate(), 0);
    for (result, exit) in [
        (json!({"severity": []}), 1),
        (json!({"id": ""}), 1),
        (json!({"id": "CVE-2026-1"}), 1),
        (
            json!({"id": "CVE-2026-1", "severity": [{"method": "vendor", "score": "UNKNOWN"}]}),
            1,
        ),
        (
            json!({"id": "CVE-2026-1", "severity": [{"method": "cvss", "score": "2.0"}]}),
            0,
        ),
        (json!(7), 1),
    ] {
        let entries = world.evidence.len();
        world.scan(&[result]);
        assert_exit(&world.gate(), exit);
        // By a stranger it is nothing.
        let last = world.evidence.last().unwrap().bundle.clone();
        world.evidence.truncate(entries);
        let stranger = crate::kit::Signer::named("tester");
        world.add("stranger", stranger.seal(&crate::kit::payload(&last)));
        assert_exit(&world.gate(), 0);
        world.evidence.truncate(entries);
    }
    // A list that is left out is no empty list, and a newer scan that can be read ends it.
    world.now = hour(3);
    world.attest("scanner", vulns::TYPE, &json!({"scanner": {"uri": TRIVY}}));
    assert_denied(&world.gate(), Code::StatementUnusable);
    world.now = hour(4);
    world.scan(&[]);
    assert_exit(&world.gate(), 0);
}

#[test]
fn what_may_be_missing_leaves_the_answer_open() {
    let incomplete = |rule: &str, results: &[Value]| {
        let mut world = world(rule);
        world.scan(results);
        world.truncated = true;
        world
    };
    assert_exit(&incomplete("{by: [scanner]}", &[]).gate(), 3);
    // A newer one may be missing, however young they have to be.
    assert_exit(&incomplete(RULE, &[]).gate(), 3);
    assert_exit(&incomplete(RULE, &[bad()]).gate(), 3);
    let mut world = incomplete(RULE, &[bad()]);
    world.waive("alice", &["CVE-2026-1"]);
    assert_exit(&world.gate(), 3);
    let mut world = incomplete(RULE, &[bad()]);
    let said = json!([{"vulnerability": {"name": "CVE-2026-1"}, "status": "fixed"}]);
    world.vex("vexer", &said);
    assert_exit(&world.gate(), 3);
}

#[test]
fn only_what_has_a_fix_where_that_is_the_rule() {
    let rule = "{by: [scanner], fixedOnly: true}";
    for (result, exit) in [
        (found_in("CVE-2026-1", "high", "pkg:npm/a@1", &["2"]), 1),
        (found_in("CVE-2026-1", "high", "pkg:npm/a@1", &[]), 0),
        (bad(), 1),
    ] {
        let scans: &[_] = &[("scanner", TRIVY, Some(1), &[result][..])];
        assert_exit(&after(rule, scans), exit);
    }
    // Two scanners: one of them knows a fix.
    let without = found_in("CVE-2026-1", "high", "pkg:npm/a@1", &[]);
    let with = found_in("CVE-2026-1", "high", "pkg:npm/a@1", &["2"]);
    let scans: &[(&str, &str, Option<i64>, &[Value])] = &[
        ("scanner", TRIVY, Some(1), &[without]),
        ("scanner", GRYPE, Some(1), &[with]),
    ];
    assert_exit(&after(rule, scans), 1);
}

#[test]
fn a_scanner_s_key_that_ended_speaks_against_but_not_for() {
    let mut world = world_with("{by: [scanner]}", |world| {
        let key = policy::key("scanner");
        let from = format!("  scanner:\n    - key: {key}");
        let to = format!("  scanner:\n    - notAfter: 2026-03-02T10:30:00Z\n      key: {key}");
        world.edit("release.yaml", &from, &to);
    });
    world.attest("scanner", vulns::TYPE, &scan_at(TRIVY, Some(hour(2)), &[]));
    assert_exit(&world.gate(), 14);
    world.attest(
        "scanner-2",
        vulns::TYPE,
        &scan_at(TRIVY, Some(hour(1)), &[]),
    );
    assert_exit(&world.gate(), 0);
    world.attest(
        "scanner",
        vulns::TYPE,
        &scan_at(TRIVY, Some(hour(2)), &[bad()]),
    );
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
}
