//! The journey of a vulnerability: scanned, denied, cleared or waived, and waived no longer.

use bulla_attest::{KeyAlgorithm, PrivateKey};
use serde_json::{Value, json};

use crate::edges::add_release;
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
    let sandbox = Sandbox::new().with_image();
    for name in ["alice", "bob", "ci", "scanner"] {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        sandbox.write(&format!("{name}.key"), &key.to_pem());
        sandbox.write(&format!("{name}.pub"), &key.public_key().to_pem());
    }
    let key = |name: &str| {
        let pem = sandbox.read(&format!("{name}.pub"));
        format!("[{{key: \"{}\"}}]", pem.replace('\n', "\\n"))
    };
    let rules = RULES.replace("{ci}", &key("ci"));
    sandbox.write(
        "policy/release.yaml",
        &rules.replace("{scanner}", &key("scanner")),
    );
    let service = "service: pay\ntier: high\nsources: [\"https://github.com/acme/pay\"]\n";
    sandbox.write("policy/services/pay.yaml", service);
    let (alice, bob, ci) = (key("alice"), key("bob"), key("ci"));
    let people = format!(
        "people:\n  alice: {{roles: [security], identities: {alice}}}\n  bob: {{identities: {bob}}}\nmachines:\n  ci: {ci}\n"
    );
    sandbox.write("policy/people.yaml", &people);
    sandbox.write("bulla.yaml", "policy: policy\n");
    add_release(&sandbox, "1.1");
    let provenance = json!({
        "buildDefinition": {
            "buildType": "https://example.test/build/v1",
            "externalParameters": {},
            "resolvedDependencies": [{
                "uri": "git+https://github.com/acme/pay@refs/heads/main",
                "digest": {"gitCommit": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"},
            }],
        },
        "runDetails": {"builder": {"id": "https://example.test/builder"}},
    });
    sandbox.write("provenance.json", &provenance.to_string());
    for image in ["image:1.0", "image:1.1"] {
        sandbox.done(&format!(
            "attest {image} --predicate provenance.json --type slsaprovenance1 --key ci.key"
        ));
        sandbox.done(&format!("promote {image} --to dev --key ci.key"));
    }
    let scan = include_str!("../../../testdata/vulns/trivy-image.json");
    let mut scan: Value = serde_json::from_str(scan).unwrap();
    scan["CreatedAt"] = json!(jiff::Timestamp::now().to_string());
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
    sandbox.write(
        "grype.json",
        include_str!("../../../testdata/vulns/grype.json"),
    );
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
