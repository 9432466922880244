//! `bulla policy import`: what it writes holds, and what it cannot say is told and lets nothing in.

use bulla_attest::PrivateKey;
use bulla_model::Digest;
use serde_json::{Value, json};

use crate::layering::root;
use crate::sandbox::{Answer, Sandbox};

mod unsaid;

const INPUTS: [&str; 9] = [
    "controller-cue",
    "controller-fields",
    "controller-sbom",
    "kyverno-fields",
    "kyverno-provenance",
    "kyverno-scan",
    "kyverno-two-rules",
    "validating-fields",
    "validating-notary",
];

/// A key made from its name, so that every run sees the same.
fn key(sandbox: &Sandbox, name: &str) -> String {
    let seed = Digest::sha256(name.as_bytes());
    let der = format!("302e020100300506032b657004220420{}", seed.hex());
    let key = PrivateKey::from_pkcs8(&hex::decode(der).unwrap()).unwrap();
    let public = key.public_key().to_pem();
    sandbox.write(&format!("{name}.key"), &key.to_pem());
    sandbox.write(&format!("{name}.pub"), &public);
    public
}

fn fixture(sandbox: &Sandbox, name: &str) {
    let path = root().join(format!("testdata/import/{name}.yaml"));
    sandbox.write("in.yaml", &std::fs::read_to_string(path).unwrap());
}

/// Every file of the policy, as one text.
fn written(sandbox: &Sandbox) -> String {
    let mut paths = Vec::new();
    for folder in ["policy", "policy/services"] {
        for entry in std::fs::read_dir(sandbox.path(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap();
                paths.push(format!("{folder}/{name}"));
            }
        }
    }
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| format!("=== {path}\n{}", sandbox.read(path)));
    texts.collect()
}

#[test]
fn policies_of_others_read_well_and_hold() {
    for name in INPUTS {
        let sandbox = Sandbox::new();
        fixture(&sandbox, name);
        let answer = sandbox.done("policy import in.yaml --org acme");
        let text = format!("{}\n{}\n{}", answer.talk, answer.data, written(&sandbox));
        insta::assert_snapshot!(name, text);
        sandbox.done("policy check --policy policy");
        // The same again, and the same for programs.
        let again = Sandbox::new();
        fixture(&again, name);
        let report = again.done("policy import in.yaml --org acme --output json --quiet");
        assert_eq!(written(&again), written(&sandbox), "{name}");
        let report = report.json();
        let gaps = report["gaps"].as_array().unwrap();
        for gap in gaps {
            let line = format!(
                "{}: in.yaml:{}:{} {}: ",
                gap["effect"].as_str().unwrap(),
                gap["line"],
                gap["column"],
                gap["field"].as_str().unwrap()
            );
            assert!(answer.talk.contains(&line), "{name}: {line}");
        }
        assert_eq!(answer.talk.lines().count(), gaps.len(), "{name}");
    }
}

#[test]
fn files_that_are_no_policies_write_nothing() {
    let sandbox = Sandbox::new();
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    let deep = format!("apiVersion: kyverno.io/v1\nspec: {}\n", "[".repeat(5000));
    let huge = format!("# {}\n", "x".repeat(2 << 20));
    let policy =
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: a}\nspec: {rules: []}\n";
    let many = format!("---\n{policy}").repeat(1100);
    let wide: Vec<_> = (0..2000)
        .map(|n| format!("registry.example.com/{n}/*"))
        .collect();
    let wide = json!({"apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy",
        "metadata": {"name": "a"},
        "spec": {"images": wide.iter().map(|glob| json!({"glob": glob})).collect::<Vec<_>>()}});
    for (text, code, expected) in [
        ("", 2, "in.yaml: neither"),
        ("# nothing\n---\n", 2, "in.yaml: neither"),
        ("just text", 2, "in.yaml:1:1: neither"),
        ("kind: Pod\n", 2, "in.yaml:1:1: neither"),
        (
            "apiVersion: v1\nkind: Pod\n---\n- 1\n",
            2,
            "in.yaml:4:1: neither",
        ),
        ("apiVersion: v1\nkind: Pod\n", 2, "no policy there"),
        ("apiVersion: v1\nkind: List\n", 2, "no kind that is known"),
        (
            &policy.replace("ClusterPolicy", "clusterpolicy"),
            2,
            "no kind that is known",
        ),
        (
            &policy.replace("kyverno.io/v1", "Kyverno.io/v1"),
            2,
            "no kind that is known",
        ),
        (policy, 2, "no policy there"),
        (bomb, 2, "anchor"),
        (&deep, 2, "in.yaml"),
        (&huge, 3, "limit"),
        (&many, 2, "in.yaml"),
        (&wide.to_string(), 2, "image patterns"),
        ("a: 1\na: 2\n", 2, "in.yaml:2:"),
        ("a: [\n", 2, "in.yaml"),
        (&policy.replace("io/v1", "io/v9"), 2, "`kyverno.io/v9`"),
        (
            "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\n",
            2,
            "without a spec",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            2,
            "in.yaml",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            2,
            "in.yaml",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            2,
            "in.yaml",
        ),
    ] {
        sandbox.write("in.yaml", text);
        let answer = sandbox.run("policy import in.yaml --org acme");
        let shown: String = text.chars().take(60).collect();
        assert_eq!(answer.code, code, "{shown}: {}", answer.talk);
        assert!(answer.talk.contains(expected), "{shown}: {}", answer.talk);
        assert!(!sandbox.path("policy").exists(), "{shown}");
    }
    std::fs::write(sandbox.path("in.yaml"), b"a: \xff").unwrap();
    assert_eq!(sandbox.run("policy import in.yaml --org acme").code, 2);
}

#[test]
fn what_is_asked_for_wrongly_writes_nothing() {
    let sandbox = Sandbox::new();
    fixture(&sandbox, "kyverno-two-rules");
    for (flags, expected) in [
        ("--org Acme!", "--org"),
        ("--org acme --env prod,prod", "named twice"),
        ("--org acme --name people", "no name for a policy"),
        ("--org acme --name ../x", "no name for a policy"),
        ("--org acme --source https://h.example/a/b", "SERVICE=URL"),
        (
            "--org acme --source none=https://h.example/a/b",
            "no service `none`",
        ),
    ] {
        let answer = sandbox.run(&format!("policy import in.yaml {flags}"));
        assert_eq!(answer.code, 2, "{flags}: {}", answer.talk);
        assert!(answer.talk.contains(expected), "{flags}: {}", answer.talk);
        assert!(!sandbox.path("policy").exists(), "{flags}");
    }
    sandbox.done("policy import in.yaml --org acme");
    let before = written(&sandbox);
    let answer = sandbox.run("policy import in.yaml --org acme");
    assert_eq!(answer.code, 2);
    assert!(
        answer.talk.contains("nothing is overwritten"),
        "{}",
        answer.talk
    );
    assert_eq!(written(&sandbox), before);
    // What is there already would be read with it, whatever it is called.
    for path in [
        "other/base.yaml",
        "other/people.yaml",
        "other/services/a.yml",
    ] {
        sandbox.write(path, "people: {}\n");
        let answer = sandbox.run("policy import in.yaml --org acme --out other");
        assert_eq!(answer.code, 2, "{path}");
        assert!(answer.talk.contains(path), "{}", answer.talk);
        std::fs::remove_dir_all(sandbox.path("other")).unwrap();
    }
}

/// Kyverno's policy for images signed by keys without a log.
fn kyverno(name: &str, count: usize, keys: &[&str]) -> Value {
    let entries: Vec<_> = keys
        .iter()
        .map(|pem| json!({"keys": {"publicKeys": pem, "rekor": {"ignoreTlog": true}}}))
        .collect();
    let verify = json!({"imageReferences": [format!("registry.example.test/{name}:*")],
        "attestors": [{"count": count, "entries": entries}]});
    json!({"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "metadata": {"name": name},
        "spec": {"rules": [{"name": "signed", "verifyImages": [verify]}]}})
}

fn provenance(sandbox: &Sandbox, source: &str) {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let predicate = json!({
        "buildDefinition": {
            "buildType": "https://build.example.test/v1",
            "externalParameters": {},
            "resolvedDependencies": [{"uri": format!("git+{source}@refs/heads/main"), "digest": {"gitCommit": commit}}],
        },
        "runDetails": {"builder": {"id": "https://build.example.test"}},
    });
    sandbox.write("provenance.json", &predicate.to_string());
}

fn import(sandbox: &Sandbox, policies: &[Value], flags: &str) -> Answer {
    let texts: Vec<_> = policies.iter().map(ToString::to_string).collect();
    sandbox.write("in.yaml", &texts.join("\n---\n"));
    sandbox.done(&format!("policy import in.yaml --org acme {flags}"))
}

const ATTEST: &str = "attest image:1.0 --predicate provenance.json --type slsaprovenance1 --key";
const PROMOTE: &str = "promote image:1.0 --to prod --policy policy --key";
const VERIFY: &str = "verify image:1.0 --env prod --policy policy";
const PAY: &str = "https://git.example.test/acme/pay";

#[test]
fn a_key_that_kyverno_trusts_signs_for_bulla() {
    let sandbox = Sandbox::new().with_image();
    let release = key(&sandbox, "release");
    key(&sandbox, "mallory");
    import(
        &sandbox,
        &[kyverno("pay", 1, &[&release])],
        &format!("--source {PAY}"),
    );
    provenance(&sandbox, PAY);
    // A signature alone is not enough, and another key is nobody.
    sandbox.done("sign image:1.0 --key release.key");
    assert_eq!(sandbox.run(VERIFY).code, 10);
    sandbox.done(&format!("{ATTEST} mallory.key"));
    let refused = sandbox.run(&format!("{PROMOTE} mallory.key"));
    assert_ne!(refused.code, 0, "{}", refused.talk);
    assert_ne!(sandbox.run(VERIFY).code, 0);
    sandbox.done(&format!("{ATTEST} release.key"));
    sandbox.done(&format!("{PROMOTE} release.key"));
    sandbox.done(VERIFY);
}

#[test]
fn a_source_that_nobody_named_is_nobodys() {
    let sandbox = Sandbox::new().with_image();
    let release = key(&sandbox, "release");
    import(&sandbox, &[kyverno("pay", 1, &[&release])], "");
    provenance(&sandbox, PAY);
    sandbox.done(&format!("{ATTEST} release.key"));
    let refused = sandbox.run(&format!("{PROMOTE} release.key"));
    assert_ne!(refused.code, 0);
    assert!(
        refused.data.contains("service-mismatch"),
        "{}{}",
        refused.data,
        refused.talk
    );
}

#[test]
fn as_many_have_to_sign_as_there() {
    let sandbox = Sandbox::new().with_image();
    let keys = ["one", "two", "three"].map(|name| key(&sandbox, name));
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    import(
        &sandbox,
        &[kyverno("pay", 2, &keys)],
        &format!("--source {PAY}"),
    );
    provenance(&sandbox, PAY);
    sandbox.done(&format!("{ATTEST} one.key"));
    let approve = "approve image:1.0 --to prod --policy policy --yes --key";
    sandbox.done(&format!("{approve} one.key"));
    // The same one twice is one.
    sandbox.run(&format!("{approve} one.key"));
    assert_eq!(sandbox.run(&format!("{PROMOTE} one.key")).code, 4);
    sandbox.done(&format!("{approve} two.key"));
    sandbox.done(&format!("{PROMOTE} one.key"));
    sandbox.done(VERIFY);
}

#[test]
fn what_could_not_be_said_denies_until_somebody_decides() {
    let sandbox = Sandbox::new().with_image();
    let release = key(&sandbox, "release");
    let mut policy = kyverno("pay", 1, &[&release]);
    let verify = &mut policy["spec"]["rules"][0]["verifyImages"][0];
    verify["attestations"] = json!([{"type": "https://example.test/review",
        "attestors": [{"entries": [{"keys": {"publicKeys": release}}]}]}]);
    verify["attestors"][0]["entries"][0]["keys"]["rekor"] = json!({"ignoreTlog": true});
    import(&sandbox, &[policy], &format!("--source {PAY}"));
    provenance(&sandbox, PAY);
    sandbox.done(&format!("{ATTEST} release.key"));
    let refused = sandbox.run(&format!("{PROMOTE} release.key"));
    assert_ne!(refused.code, 0);
    assert!(
        refused.data.contains("tests-missing"),
        "{}{}",
        refused.data,
        refused.talk
    );
    let text = sandbox.read("policy/services/pay.yaml");
    let (kept, item) = text.split_once("tighten:").unwrap();
    assert!(item.contains("no requirement asks for this type"), "{item}");
    sandbox.write("policy/services/pay.yaml", kept);
    sandbox.done(&format!("{PROMOTE} release.key"));
    sandbox.done(VERIFY);
}

#[test]
fn who_signs_for_one_service_speaks_for_that_one_alone() {
    let sandbox = Sandbox::new().with_image();
    let (pay, shop) = (key(&sandbox, "pay"), key(&sandbox, "shop"));
    let policies = [kyverno("pay", 1, &[&pay]), kyverno("shop", 1, &[&shop])];
    let answer = import(
        &sandbox,
        &policies,
        &format!("--source pay={PAY} --source shop=https://git.example.test/acme/shop"),
    );
    assert!(
        answer.talk.contains("warning: wider: in.yaml:1:"),
        "{}",
        answer.talk
    );
    let checked = sandbox.done("policy check --policy policy");
    assert!(!checked.data.contains("warning"), "{}", checked.data);
    // The image is built from pay's source, and the shop's key says so.
    provenance(&sandbox, PAY);
    sandbox.done(&format!("{ATTEST} shop.key"));
    for key in ["shop", "pay"] {
        assert_ne!(
            sandbox.run(&format!("{PROMOTE} {key}.key")).code,
            0,
            "{key}"
        );
    }
    sandbox.done(&format!("{ATTEST} pay.key"));
    assert_ne!(sandbox.run(&format!("{PROMOTE} shop.key")).code, 0);
    sandbox.done(&format!("{PROMOTE} pay.key"));
    sandbox.done(VERIFY);
}

#[test]
fn images_of_two_policies_have_to_meet_both() {
    let sandbox = Sandbox::new();
    let (one, other) = (key(&sandbox, "one"), key(&sandbox, "other"));
    let mut wide = kyverno("all", 1, &[&other]);
    wide["spec"]["rules"][0]["verifyImages"][0]["imageReferences"] =
        json!(["registry.example.test/*"]);
    import(&sandbox, &[kyverno("pay", 1, &[&one]), wide], "");
    assert_eq!(
        sandbox.path("policy/services").read_dir().unwrap().count(),
        1
    );
    let base = sandbox.read("policy/release.yaml");
    assert!(base.contains("by: [pay-signer]"), "{base}");
    assert!(
        base.contains("approvals: {threshold: 1, roles: [pay-signer-2], exclude: []}"),
        "{base}"
    );
}

#[test]
fn a_public_key_alone_is_a_policy() {
    let sandbox = Sandbox::new();
    key(&sandbox, "release");
    let answer = sandbox.done("policy import release.pub --org acme --env dev,prod --source https://h.example/a/b --out one");
    assert!(
        answer.talk.contains("elsewhere: release.pub:1:1 key: "),
        "{}",
        answer.talk
    );
    let base = sandbox.read("one/release.yaml");
    assert!(base.contains("release-signer:\n    - key: |"), "{base}");
    assert!(base.contains("  release: {}\n"), "{base}");
    sandbox.done("policy check --policy one");
    // From standard input, with what else came with it.
    let text = format!(
        "kind: List\nitems:\n- {}\n- {{apiVersion: v1, kind: Secret}}\n",
        kyverno("pay", 1, &[&sandbox.read("release.pub")])
    );
    let mut command = sandbox.command("policy import - --org acme --out two --output json");
    let answer = Answer::of(&command.write_stdin(text).output().unwrap());
    assert_eq!(answer.code, 0, "{}", answer.talk);
    assert_eq!(answer.json()["services"][0]["from"][0], "-:3");
}
