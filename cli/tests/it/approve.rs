//! What an approver is shown: the release that is there now against the one that is to come.

use serde_json::{Value, json};

use crate::company::provenance;
use crate::sandbox::Sandbox;

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
edges:
  - to: dev
    by: [ci]
    require: {provenance: {by: [ci]}}
  - from: dev
    to: prod
    by: [ci]
    require:
      provenance: {by: [ci]}
      sbom: {by: [ci]}
      vulnerabilities: {by: [ci], deny: [critical]}
      approvals: {threshold: 1, exclude: [promoter]}
";
const OLD: &str = "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0";
const NEW: &str = "3a9c1c2b3a9c1c2b3a9c1c2b3a9c1c2b3a9c1c2b";

fn company() -> Sandbox {
    let sandbox = Sandbox::new()
        .with_image()
        .with_keys(&["alice", "ci", "mallory"]);
    sandbox.write_policy(RULES, &[("alice", "")], &["ci"]);
    sandbox.add_release("1.1");
    sandbox
}

/// Built from a commit with packages and vulnerabilities (`ID` or `ID=SCORE`), and in dev.
fn built(sandbox: &Sandbox, image: &str, commit: &str, packages: &[&str], found: &[&str]) {
    sandbox.attest_build(image, &provenance("pay", commit), "");
    attest_bill(sandbox, image, packages, "ci");
    let now = jiff::Timestamp::now().to_string();
    let results: Vec<Value> = found
        .iter()
        .map(|one| {
            let (id, score) = one.split_once('=').unwrap_or((one, "8.1"));
            json!({"id": id, "severity": [{"method": "nvd", "score": score}]})
        })
        .collect();
    let scan = json!({
        "scanner": {"uri": "pkg:generic/scanner", "version": "1", "db": {"lastUpdate": now}, "result": results},
        "metadata": {"scanStartedOn": now, "scanFinishedOn": now},
    });
    sandbox.write("scan.json", &scan.to_string());
    for step in [
        "attest IMAGE --predicate scan.json --type vulns --key ci.key",
        "promote IMAGE --to dev --ticket PAY-912 --key ci.key",
    ] {
        sandbox.done(&step.replace("IMAGE", image));
    }
}

fn attest_bill(sandbox: &Sandbox, image: &str, packages: &[&str], by: &str) {
    let components: Vec<Value> = packages
        .iter()
        .map(|purl| json!({"type": "library", "name": purl, "purl": purl}))
        .collect();
    let bill = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components});
    sandbox.write("bill.json", &bill.to_string());
    sandbox.done(&format!("attest {image} --sbom bill.json --key {by}.key"));
}

#[test]
fn the_approver_sees_what_changes() {
    let sandbox = company();
    let packages = ["pkg:npm/a@1.0", "pkg:npm/b@1.0", "pkg:npm/%40acme/c@1.0"];
    built(
        &sandbox,
        "image:1.0",
        OLD,
        &packages,
        &["CVE-2026-1", "CVE-2026-2"],
    );
    let first = sandbox.done("approve image:1.0 --to prod --key alice.key --yes");
    assert!(
        first.talk.contains(", the first   dev -> prod"),
        "{}",
        first.talk
    );
    sandbox.done("promote image:1.0 --to prod --release 1.0 --key ci.key");

    let packages = ["pkg:npm/a@1.1", "pkg:npm/b@1.0", "pkg:npm/d@2.0"];
    built(
        &sandbox,
        "image:1.1",
        NEW,
        &packages,
        &["CVE-2026-2", "CVE-2026-3"],
    );
    // What strangers attach is no part of it.
    attest_bill(&sandbox, "image:1.1", &["pkg:npm/evil@6.6"], "mallory");
    let shown = sandbox.done("approve image:1.1 --to prod --key alice.key --yes --output json");
    for line in [
        "  pay 1.0 -> 1.1   dev -> prod",
        "commits          https://github.com/acme/pay, 9c1e44d09c1e44d0..3a9c1c2b3a9c1c2b\n",
        "packages         1 changed, 1 added, 1 removed\n",
        "npm/a 1.0 -> 1.1\n",
        "+ npm/d 2.0\n",
        "- npm/@acme/c 1.0\n",
        "vulnerabilities  +1 high, -1 high   cve-2026-3\n",
        "tickets          PAY-912\n",
    ] {
        assert!(shown.talk.contains(line), "{line}: {}", shown.talk);
    }
    assert!(!shown.talk.contains("evil"), "{}", shown.talk);
    let changes = shown.json()["changes"].clone();
    assert_eq!(changes["from"]["version"], "1.0");
    assert_eq!(changes["commits"][0]["to"], NEW);
    assert_eq!(changes["packages"]["added"], json!({"npm/d": ["2.0"]}));
    assert_eq!(
        changes["vulnerabilities"]["removed"],
        json!({"cve-2026-1": "high"})
    );
}

/// A work tree with a branch of one commit and one of two; what ends them.
fn branches(sandbox: &Sandbox) -> (String, String) {
    let script = "git init --quiet . && tree=$(git write-tree) && \
        base=$(git commit-tree -m base $tree) && \
        one=$(git commit-tree -p $base -m one $tree) && \
        two=$(git commit-tree -p $base -m two $tree) && \
        three=$(git commit-tree -p $two -m three $tree) && echo $one $three";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]).current_dir(sandbox.path("."));
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Dave");
        command.env(format!("GIT_{who}_EMAIL"), "dave@acme.example");
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (one, three) = text.trim().split_once(' ').unwrap();
    (one.to_owned(), three.to_owned())
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn the_approver_sees_what_the_next_release_does_not_have_any_more() {
    if let Some(missing) = crate::tutorial::missing() {
        println!("SKIPPED peer {missing}");
        return;
    }
    let sandbox = company();
    let (one, three) = branches(&sandbox);
    let packages = ["pkg:npm/a@1.0"];
    built(&sandbox, "image:1.0", &one, &packages, &[]);
    sandbox.done("approve image:1.0 --to prod --key alice.key --yes");
    sandbox.done("promote image:1.0 --to prod --key ci.key");
    built(&sandbox, "image:1.1", &three, &packages, &[]);
    let shown = sandbox.done("approve image:1.1 --to prod --key alice.key --yes --output json");
    let line = format!(
        "commits          2 commits more and 1 fewer of https://github.com/acme/pay, \
         {}..{}\n",
        &one[..16],
        &three[..16]
    );
    assert!(shown.talk.contains(&line), "{line}: {}", shown.talk);
    let commits = &shown.json()["changes"]["commits"][0];
    assert_eq!(commits["count"], 2);
    assert_eq!(commits["lost"], 1);
}

#[test]
fn the_approver_sees_what_is_rated_otherwise() {
    let sandbox = company();
    let packages = ["pkg:npm/a@1.0"];
    let before = ["CVE-2026-1=8.1", "CVE-2026-2=5.0"];
    built(&sandbox, "image:1.0", OLD, &packages, &before);
    sandbox.done("approve image:1.0 --to prod --key alice.key --yes");
    sandbox.done("promote image:1.0 --to prod --key ci.key");
    let after = ["CVE-2026-1=5.0", "CVE-2026-2=5.1"];
    built(&sandbox, "image:1.1", NEW, &packages, &after);
    let shown = sandbox.done("approve image:1.1 --to prod --key alice.key --yes --output json");
    let line = "vulnerabilities  1 rated otherwise   cve-2026-1 high -> medium\n";
    assert!(shown.talk.contains(line), "{}", shown.talk);
    assert_eq!(
        shown.json()["changes"]["vulnerabilities"]["changed"],
        json!({"cve-2026-1": ["high", "medium"]})
    );
}
