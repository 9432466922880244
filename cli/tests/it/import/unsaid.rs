//! What another tool's policy says and Bulla's cannot: told, and never let in more for it.

use serde_json::{Value, json};

use super::{ATTEST, PAY, PROMOTE, VERIFY, import, key, kyverno, provenance};
use crate::sandbox::Sandbox;

/// policy-controller's policy for the images that all of these are about: any of the keys will do.
fn controller(name: &str, keys: &[&str]) -> Value {
    json!({"apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy",
        "metadata": {"name": name},
        "spec": {"images": [{"glob": "registry.example.test/**"}],
            "authorities": [{"key": {"data": keys.concat()}}]}})
}

#[test]
fn a_key_of_two_policies_makes_nobody_meet_both() {
    let sandbox = Sandbox::new().with_image();
    let keys = ["one", "two", "three", "four"].map(|name| key(&sandbox, name));
    let [one, two, three, four] = keys.each_ref().map(String::as_str);
    let policies = [
        controller("first", &[one]),
        controller("second", &[two, three]),
        controller("third", &[three, four]),
    ];
    import(&sandbox, &policies, &format!("--source {PAY}"));
    provenance(&sandbox, PAY);
    sandbox.done(&format!("{ATTEST} one.key"));
    let approve = "approve image:1.0 --to prod --policy policy --yes --key";
    // The fourth key is of the third policy alone.
    sandbox.done(&format!("{approve} four.key"));
    let refused = sandbox.run(&format!("{PROMOTE} one.key"));
    assert_eq!(refused.code, 1, "{}{}", refused.data, refused.talk);
    assert!(
        refused.data.contains("holds none of the roles"),
        "{}",
        refused.data
    );
    sandbox.done(&format!("{approve} three.key"));
    sandbox.done(&format!("{PROMOTE} one.key"));
    sandbox.done(VERIFY);
}

#[test]
fn signers_that_persons_cannot_say_are_denied() {
    let sandbox = Sandbox::new();
    let keys = ["one", "two"].map(|name| key(&sandbox, name));
    // Two entries with the same key: there it counts twice.
    let answer = import(
        &sandbox,
        &[kyverno("pay", 2, &[&keys[0], &keys[0], &keys[1]])],
        "",
    );
    let denied = "denied: in.yaml:1:";
    assert!(answer.talk.contains(denied), "{}", answer.talk);
    assert!(
        answer.talk.contains("persons cannot say"),
        "{}",
        answer.talk
    );
    let service = sandbox.read("policy/services/pay.yaml");
    assert!(
        service.contains("require: {tests: {by: [not-translated]}}"),
        "{service}"
    );
}

#[test]
fn a_policy_of_which_nothing_was_understood_denies_everything() {
    let sandbox = Sandbox::new();
    key(&sandbox, "release");
    let head = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: a}\n";
    for (rest, field) in [
        (
            "spec: {rules: [{name: a, verifyimages: []}]}\n",
            "spec.rules[0].verifyimages",
        ),
        ("spec: {rulez: []}\n", "spec.rulez"),
        ("spec: {rules: {}}\n", "spec.rules"),
        (
            "spec: {rules: [{name: a, verifyImages: {}}]}\n",
            "spec.rules[0].verifyImages",
        ),
        (
            "spec: {rules: [{name: a, verifyImages: }]}\n",
            "spec.rules[0].verifyImages",
        ),
        (
            "spec: {rules: [{name: a, verifyImages: []}]}\n",
            "spec.rules[0].verifyImages",
        ),
        ("spec: {}\nrules: []\n", "rules"),
    ] {
        sandbox.write("in.yaml", &format!("{head}{rest}"));
        for inputs in ["release.pub in.yaml", "in.yaml"] {
            let answer = sandbox.done(&format!("policy import {inputs} --org acme -q"));
            let told = answer.talk.lines().any(|line| {
                line.starts_with("warning: denied: in.yaml:")
                    && line.contains(&format!(" {field}: "))
            });
            assert!(told, "{rest}: {}", answer.talk);
            let names = if inputs == "in.yaml" { "a" } else { "release" };
            let service = sandbox.read(&format!("policy/services/{names}.yaml"));
            assert!(
                service.contains("by: [not-translated]"),
                "{rest}: {service}"
            );
            std::fs::remove_dir_all(sandbox.path("policy")).unwrap();
        }
    }
}

#[test]
fn a_key_is_found_behind_text() {
    let sandbox = Sandbox::new();
    let pem = key(&sandbox, "release");
    for before in [
        "the key of our releases\n",
        "Subject: release\n",
        "\u{feff}\n\n",
    ] {
        sandbox.write("release.pub", &format!("{before}{pem}"));
        sandbox.done("policy import release.pub --org acme");
        let base = sandbox.read("policy/release.yaml");
        assert!(
            base.contains("release-signer:\n    - key: |"),
            "{before}: {base}"
        );
        std::fs::remove_dir_all(sandbox.path("policy")).unwrap();
    }
}

#[test]
fn exceptions_are_told_as_what_is_refused_here() {
    let sandbox = Sandbox::new();
    let pem = key(&sandbox, "release");
    let exception = json!({"apiVersion": "kyverno.io/v2", "kind": "PolicyException", "spec": {}});
    let answer = import(&sandbox, &[kyverno("pay", 1, &[&pem]), exception], "");
    let told = "stricter: in.yaml:3:1 kind: `PolicyException of kyverno.io/v2`";
    assert!(answer.talk.contains(told), "{}", answer.talk);
}

#[test]
fn many_policies_and_fields_are_written_in_a_few_lines() {
    let sandbox = Sandbox::new();
    let pem = key(&sandbox, "release");
    let mut policies = vec![kyverno("pay", 1, &[&pem]); 40];
    for number in 0..500 {
        policies[0]["spec"][format!("no{number}")] = json!(1);
    }
    import(&sandbox, &policies, "");
    sandbox.done("policy check --policy policy");
    let service = sandbox.read("policy/services/pay.yaml");
    assert!(service.starts_with("# from in.yaml:1\n"), "{service}");
    assert!(service.contains("\n# and 32 more\n"), "{service}");
    assert_eq!(service.matches("by: [not-translated]").count(), 101);
    assert!(service.contains("  # and 400 more, which"), "{service}");
}

#[test]
fn roots_of_their_own_are_told_also_to_those_who_want_to_hear_little() {
    let sandbox = Sandbox::new();
    let identity =
        json!({"issuer": "https://issuer.example.test", "subject": "release@example.test"});
    let policy = |url: &str| {
        json!({"apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy",
            "metadata": {"name": "pay"}, "spec": {"images": [{"glob": "**"}], "authorities": [
                {"keyless": {"url": url, "identities": [identity]}}]}})
    };
    let answer = import(
        &sandbox,
        &[policy("https://fulcio.example.test")],
        "-q --output json",
    );
    let told = "warning: wider: in.yaml:1:";
    assert!(answer.talk.contains(told), "{}", answer.talk);
    assert!(
        answer.data.contains("--policy policy --trusted-root FILE"),
        "{}",
        answer.data
    );
    std::fs::remove_dir_all(sandbox.path("policy")).unwrap();
    let answer = import(
        &sandbox,
        &[policy("https://fulcio.sigstore.dev")],
        "-q --output json",
    );
    assert_eq!(answer.talk, "");
    assert!(!answer.data.contains("--trusted-root"), "{}", answer.data);
}

#[test]
fn a_signer_without_a_key_and_an_identity_is_told() {
    let sandbox = Sandbox::new();
    let controller = |authority: Value| {
        json!({"apiVersion": "policy.sigstore.dev/v1beta1", "kind": "ClusterImagePolicy",
            "metadata": {"name": "pay"},
            "spec": {"images": [{"glob": "**"}], "authorities": [authority]}})
    };
    let validating = |attestor: Value| {
        json!({"apiVersion": "policies.kyverno.io/v1", "kind": "ImageValidatingPolicy",
            "metadata": {"name": "pay"}, "spec": {"attestors": [attestor]}})
    };
    for policy in [
        controller(json!({"name": "a"})),
        controller(json!({"keyless": {}})),
        controller(json!({"key": {}})),
        validating(json!({"name": "a"})),
        validating(json!({"name": "a", "cosign": {"keyless": {"identities": []}}})),
    ] {
        let answer = import(&sandbox, std::slice::from_ref(&policy), "");
        let told = "no key and no identity is named: this signer is left out";
        assert!(answer.talk.contains(told), "{policy}: {}", answer.talk);
        std::fs::remove_dir_all(sandbox.path("policy")).unwrap();
    }
}
