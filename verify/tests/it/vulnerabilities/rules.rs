//! The rule as policies write it, and severities.

use bulla_model::Limits;
use bulla_verify::{Code, Policy};

use super::{RULE, assert_denied, found, world};
use crate::kit::assert_exit;

#[test]
fn a_severity_is_denied_from_where_the_policy_says() {
    for (rule, passes, denied) in [
        ("{by: [scanner]}", "medium", "high"),
        ("{by: [scanner], deny: [critical]}", "high", "critical"),
        ("{by: [scanner], deny: [high, critical]}", "MEDIUM", "High"),
        ("{by: [scanner], maxSeverity: low}", "low", "medium"),
        ("{by: [scanner], maxSeverity: none}", "none", "negligible"),
        ("{by: [scanner], maxSeverity: high}", "high", "unheard-of"),
    ] {
        let mut world = world(rule);
        world.scan(&[found("CVE-2026-1", passes)]);
        assert_exit(&world.gate(), 0);
        world.scan(&[found("CVE-2026-1", denied)]);
        assert_denied(&world.gate(), Code::VulnerabilitiesFound);
    }
}

#[test]
fn the_worst_is_told_first_and_not_without_end() {
    let mut world = world(RULE);
    let mut results: Vec<_> = (0..20)
        .map(|index| found(&format!("CVE-2026-{index}"), "high"))
        .collect();
    results.push(found("CVE-2026-99", "critical"));
    world.scan(&results);
    let verdict = world.gate();
    let told = verdict.findings.iter();
    let told: Vec<_> = told
        .filter(|one| one.code == Code::VulnerabilitiesFound)
        .collect();
    assert_eq!(told.len(), 9);
    assert!(told[0].message.starts_with("CVE-2026-99 (critical)"));
    assert!(told[8].message.starts_with("13 more"));
    assert!(told[0].hint.as_ref().unwrap().contains("bulla waive "));
    assert_eq!(verdict.vulnerabilities.len(), 21);
}

#[test]
fn a_rule_that_means_nothing_is_refused() {
    for (rule, reason) in [
        ("{by: []}", "`by` is empty"),
        ("{by: [nobody]}", "no identity `nobody`"),
        ("{by: [scanner], deny: []}", "`deny` is empty"),
        ("{by: [scanner], deny: [high]}", "leaves out critical"),
        ("{by: [scanner], deny: [severe]}", "unknown variant"),
        ("{by: [scanner], maxSeverity: critical}", "denies nothing"),
        (
            "{by: [scanner], deny: [critical], maxSeverity: low}",
            "one of them",
        ),
        ("{by: [scanner], vex: {by: []}}", "`by` is empty"),
        ("{by: [scanner], vex: {by: [nobody]}}", "no identity"),
        ("{by: [scanner], waivers: {}}", "names nobody"),
        ("{by: [scanner], waivers: {by: [nobody]}}", "no identity"),
        (
            "{by: [scanner], waivers: {by: [leads], threshold: 0}}",
            "`threshold` is 0",
        ),
        ("{by: [scanner], maxage: 1h}", "unknown field"),
    ] {
        let mut files = crate::kit::World::empty();
        let identities = "identities:\n  scanner:\n    - key: ";
        let key = format!("{identities}{}\n", crate::kit::policy::key("scanner"));
        files.edit("release.yaml", "identities:\n", &key);
        let leads = key.replace("  scanner:", "  leads:");
        files.edit("release.yaml", "identities:\n", &leads);
        let rule = format!("vulnerabilities: {rule}");
        files.edit("release.yaml", "tests: {by: [tester], maxAge: 72h}", &rule);
        let error = Policy::parse(&files.files, &Limits::default()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(reason), "{rule}: {error}");
    }
}

#[test]
fn the_rule_explains_itself() {
    let world = world(RULE);
    let policy = world.parsed();
    let lines: Vec<_> = policy
        .edges()
        .iter()
        .flat_map(|edge| edge.require.describe())
        .collect();
    let line = lines.iter().find(|line| line.contains("scan")).unwrap();
    for part in [
        "newest scan signed by scanner",
        "any scanner",
        "at most 24h old",
        "severity high or worse",
        "OpenVEX signed by vexer clears",
        "1 person (leads (release-manager)) for at most 720h waive",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
