//! What scanners find, what clears it and who waives it.

use jiff::Timestamp;
use serde_json::{Value, json};

use bulla_model::predicate::{Waiver, vulns, waiver};
use bulla_model::{Digest, ResourceDescriptor, statement};
use bulla_verify::{Code, Verdict};

use crate::kit::{self, Signer, World, assert_exit, assert_found, hour, policy};

mod clearing;
mod hostile;
mod rules;
mod scans;
mod waiving;

/// A rule with everything in it.
pub(crate) const RULE: &str = "{by: [scanner], maxAge: 24h, vex: {by: [vexer]}, waivers: {by: [leads], roles: [release-manager], maxTerm: 30d}}";

pub(crate) const TRIVY: &str = "pkg:github/aquasecurity/trivy";
const GRYPE: &str = "pkg:github/anchore/grype";

/// Built and in dev since hour 1, with this rule for staging; it is hour 2.
pub(crate) fn world(rule: &str) -> World {
    world_with(rule, |_| {})
}

/// The same under a policy with a change.
pub(crate) fn world_with(rule: &str, change: impl Fn(&mut World)) -> World {
    let mut world = World::empty();
    let keys = ["scanner", "scanner-2", "vexer"].map(policy::key);
    let leads = ["alice", "carol", "builder", "stray"].map(policy::key);
    let list = |keys: &[String]| -> String {
        let lines = keys.iter().map(|key| format!("    - key: {key}\n"));
        lines.collect()
    };
    let identities = format!(
        "identities:\n  scanner:\n{}  vexer:\n{}  leads:\n{}",
        list(&keys[..2]),
        list(&keys[2..]),
        list(&leads),
    );
    world.edit("release.yaml", "identities:\n", &identities);
    let rule = format!("vulnerabilities: {rule}");
    world.edit("release.yaml", "tests: {by: [tester], maxAge: 72h}", &rule);
    change(&mut world);
    world.provenance();
    world.sbom();
    world.now = hour(1);
    world.promote("dev");
    world.now = hour(2);
    world
}

/// Something found: an id with its severity, and no more.
pub(crate) fn found(id: &str, severity: &str) -> Value {
    json!({"id": id, "severity": [{"method": "vendor", "score": severity}]})
}

/// The same in a package, with the versions that fix it.
pub(crate) fn found_in(id: &str, severity: &str, package: &str, fixed: &[&str]) -> Value {
    let mut found = found(id, severity);
    found["annotations"] = json!([{"package": package, "fixedVersions": fixed}]);
    found
}

/// A scan that ended then.
pub(crate) fn scan_at(scanner: &str, when: Option<Timestamp>, results: &[Value]) -> Value {
    let mut scan = json!({"scanner": {"uri": scanner, "version": "1", "result": results}});
    if let Some(when) = when {
        let when = when.to_string();
        scan["metadata"] = json!({"scanStartedOn": when, "scanFinishedOn": when});
    }
    scan
}

impl World {
    /// A scan of now.
    pub(crate) fn scan(&mut self, results: &[Value]) {
        let scan = scan_at(TRIVY, Some(self.now), results);
        self.attest("scanner", vulns::TYPE, &scan);
    }

    /// A waiver for staging that ends a day after now, after a change.
    pub(crate) fn waive_with(&mut self, who: &str, ids: &[&str], change: impl Fn(&mut Waiver)) {
        let mut said = Waiver {
            gate: "vulnerabilities".to_owned(),
            findings: ids.iter().map(|id| (*id).to_owned()).collect(),
            environments: vec!["env://acme/pay/staging".parse().unwrap()],
            reason: "not reachable".to_owned(),
            tickets: Vec::new(),
            issued_at: self.now,
            not_after: self.now + jiff::SignedDuration::from_hours(24),
            nonce: kit::nonce(who),
            crit: Vec::new(),
        };
        change(&mut said);
        let subject = ResourceDescriptor::of(self.artifact.clone());
        self.waive_about(who, &said, &[subject]);
    }

    fn waive_about(&mut self, who: &str, said: &Waiver, subjects: &[ResourceDescriptor]) {
        let kind = waiver::TYPE.parse().unwrap();
        let bytes = statement::write(subjects, &kind, said).unwrap();
        self.add(&format!("{who} waiver"), Signer::named(who).seal(&bytes));
    }

    pub(crate) fn waive(&mut self, who: &str, ids: &[&str]) {
        self.waive_with(who, ids, |_| {});
    }

    /// An OpenVEX document of now about the image.
    pub(crate) fn vex(&mut self, who: &str, statements: &Value) {
        let document = document(self.now, statements);
        self.attest(who, "https://openvex.dev/ns/v0.2.0", &document);
    }

    /// May it enter staging now?
    pub(crate) fn gate(&self) -> Verdict {
        self.judge("staging", None).0
    }

    fn last_payload(&self) -> Digest {
        let last = self.evidence.last().expect("a statement");
        Digest::sha256(&kit::payload(&last.bundle))
    }
}

fn document(when: Timestamp, statements: &Value) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://acme.example/vex/1",
        "author": "Acme",
        "version": 1,
        "timestamp": when.to_string(),
        "statements": statements,
    })
}

#[track_caller]
fn assert_denied(verdict: &Verdict, code: Code) {
    assert_exit(verdict, 1);
    assert_found(verdict, code);
}

#[test]
fn what_is_scanned_clean_may_enter_and_stays() {
    let mut world = world(RULE);
    assert_exit(&world.gate(), 10);
    world.scan(&[found("CVE-2026-1", "medium")]);
    assert_exit(&world.gate(), 0);
    world.promote("staging");
    assert_exit(&world.verify("staging"), 0);
    // It ages, and more becomes known: what is in stays in, and goes no further.
    world.now = hour(100);
    assert_exit(&world.verify("staging"), 0);
    assert_exit(&world.gate(), 14);
    world.scan(&[found("CVE-2026-2", "critical")]);
    world.vex(
        "vexer",
        &json!([{"vulnerability": {"name": "CVE-2026-1"}, "status": "affected"}]),
    );
    assert_exit(&world.verify("staging"), 0);
    assert_denied(&world.gate(), Code::VulnerabilitiesFound);
}

#[test]
fn what_was_not_clean_then_is_not_helped_later() {
    let mut world = world(RULE);
    world.scan(&[found("CVE-2026-1", "high")]);
    world.promote("staging");
    assert_denied(&world.verify("staging"), Code::VulnerabilitiesFound);
    world.now = hour(3);
    world.scan(&[]);
    world.waive("alice", &["CVE-2026-1"]);
    let statement = json!([{"vulnerability": {"name": "CVE-2026-1"}, "status": "fixed"}]);
    world.vex("vexer", &statement);
    assert_exit(&world.gate(), 0);
    assert_denied(&world.verify("staging"), Code::VulnerabilitiesFound);
}
