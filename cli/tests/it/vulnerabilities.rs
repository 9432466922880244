//! The journey of a vulnerability: scanned, denied, cleared or waived, and waived no longer.

use serde_json::{Value, json};

use crate::company::{COMMIT, provenance};
use crate::sandbox::{Answer, Sandbox};

const RULES: &str = "apiVersion: bulla.dev/policy/v0.1
name: release
version: 1
environments:
  dev: {uri: 'env://acme/pay/dev', freshness: none}
  prod: {uri: 'env://acme/pay/prod', freshness: none}
tiers:
  high: {claimedTime: allow}
identities:
  ci: {ci}
  scanner: {scanner}
edges:
  - to: dev
    by: [ci]
    require: {provenance: {by: [ci]}}
  - from: dev
    to: prod
    by: [ci]
    require:
      vulnerabilities:
        by: [scanner]
        maxAge: 24h
        maxSeverity: low
        vex: {by: [scanner]}
        waivers: {roles: [security], maxTerm: 30d}
";

/// Built and in dev; the policy lets alice waive, and not bob.
fn company() -> Sandbox {
    let sandbox = Sandbox::new()
        .with_image()
        .with_keys(&["alice", "bob", "ci", "scanner"]);
    let people = [("alice", "roles: [security], "), ("bob", "")];
    sandbox.write_policy(RULES, &people, &["ci", "scanner"]);
    sandbox.add_release("1.1");
    for image in ["image:1.0", "image:1.1"] {
        sandbox.attest_build(image, &provenance("pay", COMMIT), "");
        sandbox.done(&format!("promote {image} --to dev --key ci.key"));
    }
    let scan = include_str!("../../../testdata/vulns/trivy-image.json");
    let mut scan: Value = serde_json::from_str(scan).unwrap();
    scan["CreatedAt"] = json!(jiff::Timestamp::now().to_string());
    // It is of another image.
    scan["Metadata"] = json!({});
    sandbox.write("trivy.json", &scan.to_string());
    sandbox
}

#[track_caller]
fn refused(answer: &Answer, exit: i32, said: &str) {
    let all = format!("{}{}", answer.data, answer.talk);
    assert_eq!(answer.code, exit, "{all}");
    assert!(all.contains(said), "{said}: {all}");
}

#[test]
fn what_is_found_is_waived_for_a_while_and_stays_where_it_was_let_in() {
    let sandbox = company();
    let promote = "promote image:1.0 --to prod --key ci.key";
    refused(&sandbox.run(promote), 10, "scan-missing");
    let attested = sandbox.done("attest image:1.0 --vulns trivy.json --key scanner.key");
    assert!(attested.data.contains("1 found"), "{}", attested.data);
    let denied = sandbox.run(promote);
    refused(
        &denied,
        1,
        "CVE-2022-24765 (medium) in git: fixed in 2.35.2-r0",
    );
    refused(&denied, 1, "bulla waive ");
    refused(&sandbox.run("why image:1.0 --env prod"), 1, "bulla waive ");

    let waive = "waive image:1.0 --env prod --finding CVE-2022-24765 --reason unreachable";
    refused(
        &sandbox.run(&format!("{waive} --for 31d --key alice.key --yes")),
        2,
        "at most 720h",
    );
    refused(
        &sandbox.run(&format!("{waive} --for 1d --key alice.key")),
        2,
        "say yes in advance",
    );
    refused(
        &sandbox.run(&format!(
            "{waive} --until 2020-01-01T00:00:00Z --key alice.key --yes"
        )),
        2,
        "is over",
    );
    let dev = waive.replace("prod", "dev");
    refused(
        &sandbox.run(&format!("{dev} --for 1d --key alice.key --yes")),
        2,
        "nobody waive",
    );
    // What no scan found is waived by nobody, and what they found is told.
    let slip = waive.replace("24765", "24756");
    for other in ["", " --finding cve-2022-24765"] {
        let slip = format!("{slip}{other} --for 1d --key alice.key --yes");
        let answer = sandbox.run(&slip);
        refused(&answer, 2, "no scan that counts finds CVE-2022-24756");
        refused(&answer, 2, "CVE-2022-24765 in git");
    }
    // Who may not waive is told what became of it.
    let bob = sandbox.done(&format!("{waive} --for 1d --key bob.key --yes"));
    assert!(bob.data.contains("1 medium"), "{}", bob.data);
    refused(&sandbox.run(promote), 1, "waiver-unusable");
    // Shown what it overlooks.
    let alice = sandbox.done(&format!(
        "{waive} --for 4s --ticket SEC-41 --key alice.key --yes"
    ));
    assert!(alice.talk.contains("medium"), "{}", alice.talk);
    assert!(alice.talk.contains("fixed in 2.35.2-r0"), "{}", alice.talk);
    assert!(alice.data.contains("1 waived"), "{}", alice.data);
    sandbox.done(promote);
    sandbox.done("verify --env prod image:1.0");
    std::thread::sleep(std::time::Duration::from_millis(4100));
    // What was let in stays in, and the next release needs an answer of its own.
    sandbox.done("verify --env prod image:1.0");
    sandbox.done("attest image:1.1 --vulns trivy.json --key scanner.key");
    let next = "promote image:1.1 --to prod --key ci.key";
    refused(&sandbox.run(next), 1, "vulnerabilities-found");
    let short = waive.replace("image:1.0", "image:1.1");
    sandbox.done(&format!("{short} --for 1s --key alice.key --yes"));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    refused(&sandbox.run(next), 1, "waiver-expired");
}

#[test]
fn openvex_clears_what_does_not_concern_the_image() {
    let sandbox = company();
    sandbox.done("attest image:1.0 --vulns trivy.json --key scanner.key");
    let vex = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://acme.example/vex/1",
        "author": "Acme", "version": 1, "timestamp": jiff::Timestamp::now().to_string(),
        "statements": [{
            "vulnerability": {"name": "CVE-2022-24765"}, "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path",
        }],
    });
    sandbox.write("openvex.json", &vex.to_string());
    let promote = "promote image:1.0 --to prod --key ci.key";
    sandbox.done("attest image:1.0 --vex openvex.json --key bob.key");
    refused(&sandbox.run(promote), 1, "vulnerabilities-found");
    sandbox.done("attest image:1.0 --vex openvex.json --key scanner.key");
    sandbox.done(promote);
    let report = sandbox
        .done("verify --env prod image:1.0 --output json")
        .json();
    let cleared = &report["verdicts"][0]["verdict"]["vulnerabilities"][0];
    assert_eq!(cleared["outcome"], json!({"cleared": "not_affected"}));
    assert_eq!(cleared["severity"], "medium");
}

#[test]
fn reports_that_say_too_little_are_not_signed() {
    let sandbox = company();
    let grype = include_str!("../../../testdata/vulns/grype.json");
    let mut grype: Value = serde_json::from_str(grype).unwrap();
    grype["source"] = Value::Null;
    sandbox.write("grype.json", &grype.to_string());
    let attest = "attest image:1.0 --key scanner.key --vulns";
    refused(
        &sandbox.run(&format!("{attest} grype.json")),
        2,
        "--scanned-at",
    );
    refused(
        &sandbox.run(&format!(
            "{attest} grype.json --scanned-at 2999-01-01T00:00:00Z"
        )),
        2,
        "not yet",
    );
    sandbox.done(&format!(
        "{attest} grype.json --scanned-at 2020-01-01T00:00:00Z"
    ));
    refused(
        &sandbox.run("promote image:1.0 --to prod --key ci.key"),
        14,
        "scan-stale",
    );
    refused(
        &sandbox.run(&format!("{attest} bulla.yaml")),
        2,
        "bulla.yaml",
    );
    refused(
        &sandbox.run(&format!("{attest} trivy.json --scan-format grype")),
        2,
        "trivy.json",
    );
    refused(
        &sandbox.run("attest image:1.0 --key scanner.key --vex trivy.json"),
        2,
        "trivy.json",
    );
}

#[test]
fn a_report_of_another_image_is_not_signed() {
    let sandbox = company();
    let attest = "attest image:1.0 --key scanner.key --vulns report.json";
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let mut listed = index["manifests"].as_array().unwrap().iter();
    let is_tagged = |one: &&Value| one["annotations"]["org.opencontainers.image.ref.name"] == "1.0";
    let own = listed.find(is_tagged).unwrap()["digest"].as_str().unwrap();
    let other = "ab".repeat(32);
    let manifest = own.strip_prefix("sha256:").unwrap();
    let manifest = sandbox.read(&format!("image/blobs/sha256/{manifest}"));
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let config = &manifest["config"]["digest"];
    let other = format!("sha256:{other}");
    let trivy: Value = serde_json::from_str(&sandbox.read("trivy.json")).unwrap();
    let grype = include_str!("../../../testdata/vulns/grype.json");
    let mut grype: Value = serde_json::from_str(grype).unwrap();
    grype["descriptor"]["timestamp"] = trivy["CreatedAt"].clone();
    for (digest, exit) in [(json!(own), 0), (config.clone(), 0), (json!(other), 2)] {
        let named = format!("registry.example.com/pay@{}", digest.as_str().unwrap());
        let said = [
            (
                &trivy,
                "/Metadata",
                json!({"ImageID": digest, "RepoDigests": [other]}),
            ),
            (
                &trivy,
                "/Metadata",
                json!({"ImageID": other, "RepoDigests": [named]}),
            ),
            (
                &grype,
                "/source",
                json!({"type": "image", "target": {"imageID": digest}}),
            ),
            (
                &grype,
                "/source",
                json!({"type": "image", "target": {"manifestDigest": digest}}),
            ),
            (
                &grype,
                "/source",
                json!({"type": "image", "target": {"repoDigests": [named]}}),
            ),
        ];
        for (report, place, said) in said {
            let mut report = report.clone();
            report[place.trim_start_matches('/')] = said;
            sandbox.write("report.json", &report.to_string());
            let answer = sandbox.run(attest);
            assert_eq!(answer.code, exit, "{report}{}", answer.talk);
            let is_told = answer.talk.contains("about another image");
            assert_eq!(is_told, exit == 2, "{}", answer.talk);
        }
    }
    // What is no digest says nothing.
    let mut report = trivy.clone();
    report["Metadata"] = json!({"ImageID": "", "RepoDigests": null});
    sandbox.write("report.json", &report.to_string());
    sandbox.done(attest);
}

#[test]
fn what_another_scan_calls_it_is_shown_and_not_waived() {
    let sandbox = company();
    sandbox.done("attest image:1.0 --vulns trivy.json --key scanner.key");
    let found = |id: &str, aliases: &[&str]| {
        json!({
            "vulnerability": {"id": id, "severity": "High"},
            "relatedVulnerabilities":
                aliases.iter().map(|id| json!({"id": id})).collect::<Vec<_>>(),
            "artifact": {"name": "git", "version": "2.30"},
        })
    };
    let trivy: Value = serde_json::from_str(&sandbox.read("trivy.json")).unwrap();
    let grype = json!({
        "descriptor": {"name": "grype", "timestamp": trivy["CreatedAt"]},
        "matches": [found("GHSA-aaaa-bbbb-cccc", &["CVE-2022-24765"]), found("CVE-2024-1", &[])],
    });
    sandbox.write("grype.json", &grype.to_string());
    sandbox.done("attest image:1.0 --vulns grype.json --key scanner.key");
    let waive = |id: &str| {
        let who = "--reason x --for 1d --key alice.key --yes";
        sandbox.done(&format!("waive image:1.0 --env prod --finding {id} {who}"))
    };
    let one = waive("GHSA-aaaa-bbbb-cccc");
    assert!(
        one.talk.contains("another scan's word for it"),
        "{}",
        one.talk
    );
    assert!(!one.talk.contains("CVE-2024-1"), "{}", one.talk);
    let both = waive("CVE-2022-24765");
    assert!(!both.talk.contains("another scan's word"), "{}", both.talk);
    let rest = waive("CVE-2024-1");
    assert!(rest.data.contains("3 waived"), "{}", rest.data);
}

#[test]
fn of_an_index_the_gate_of_each_platform_is_shown() {
    let sandbox = company();
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let mut entries = index["manifests"].as_array().unwrap().clone();
    let is_tagged = |one: &&Value| one["annotations"]["org.opencontainers.image.ref.name"] == "1.1";
    let mut part = entries.iter().find(is_tagged).unwrap().clone();
    part["annotations"] = Value::Null;
    part.as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    part["platform"] = json!({"architecture": "arm64", "os": "linux"});
    let kind = "application/vnd.oci.image.index.v1+json";
    let both = json!({"schemaVersion": 2, "mediaType": kind, "manifests": [part]});
    let (_, entry) = sandbox.blob(both.to_string().as_bytes(), kind);
    let mut entry: Value = serde_json::from_str(&entry).unwrap();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "all"});
    entries.push(entry);
    let index = json!({"schemaVersion": 2, "manifests": entries});
    sandbox.write("image/index.json", &index.to_string());
    // Only the platform was scanned.
    sandbox.done("attest image:1.1 --vulns trivy.json --key scanner.key");
    let waive = "waive image:all --env prod --finding CVE-2022-24765 --reason unreachable \
                 --for 1d --key alice.key --yes --output json";
    let waived = sandbox.done(waive);
    assert!(waived.talk.contains("prod linux/arm64"), "{}", waived.talk);
    assert!(
        waived.talk.contains("fixed in 2.35.2-r0"),
        "{}",
        waived.talk
    );
    // The index has no gate of its own here, and what is about it is about the platform.
    let gates = &waived.json()["gates"];
    assert_eq!(gates[0]["environment"], "prod linux/arm64", "{gates}");
    assert!(
        gates[0]["said"].as_str().unwrap().contains("1 waived"),
        "{gates}"
    );
}
