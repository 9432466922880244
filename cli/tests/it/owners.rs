//! Signed policies, from the command line.

use bulla_attest::{KeyAlgorithm, PrivateKey};
use serde_json::json;

use crate::sandbox::Sandbox;

/// A policy of two owners, both of whom have to sign it.
fn company() -> Sandbox {
    let sandbox = Sandbox::new().with_image();
    for name in ["alice", "bob", "ci"] {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        sandbox.write(&format!("{name}.key"), &key.to_pem());
        sandbox.write(&format!("{name}.pub"), &key.public_key().to_pem());
    }
    sandbox.done(
        "init --source https://github.com/acme/pay --owner-key alice.pub --ci-key ci.pub --env dev,prod --ci none",
    );
    let keys = ["alice", "bob"].map(|name| sandbox.read(&format!("{name}.pub")));
    let anchor = json!({
        "apiVersion": "bulla.dev/anchor/v0.1",
        "owners": {"threshold": 2, "keys": keys, "mustSign": true},
        "environments": [],
        "minimum": {"release": 1},
    });
    sandbox.write("anchor.yaml", &anchor.to_string());
    sandbox
}

fn attest(sandbox: &Sandbox) {
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
    sandbox
        .done("attest image:1.0 --predicate provenance.json --type slsaprovenance1 --key ci.key");
}

#[test]
fn owners_sign_one_after_the_other_and_then_the_policy_decides() {
    let sandbox = company();
    attest(&sandbox);
    let promote = "promote image:1.0 --to dev --key ci.key";
    let refused = sandbox.run(promote);
    assert_eq!(refused.code, 10, "{}{}", refused.data, refused.talk);
    let told = format!("{}{}", refused.data, refused.talk);
    assert!(told.contains("bulla policy sign"), "{told}");
    let first = sandbox
        .done("policy sign --key alice.key --yes --output json")
        .json();
    assert_eq!(first["by"].as_array().unwrap().len(), 1);
    assert_eq!(sandbox.run(promote).code, 1);
    let told = sandbox.done("policy check").data;
    assert!(told.contains("signed by 1 of the 2 owners"), "{told}");
    // The second signs the very bytes of the first, also on another day.
    let second = sandbox
        .done("policy sign --key bob.key --yes --output json")
        .json();
    assert_eq!(second["payload"], first["payload"]);
    assert_eq!(second["by"].as_array().unwrap().len(), 2);
    sandbox.done(promote);
    sandbox.done("verify --env dev image:1.0");
    // Asked again, nothing is signed twice.
    let again = sandbox.done("policy sign --key bob.key --yes").data;
    assert!(again.contains("already signed"), "{again}");
    let folder = sandbox.path("policy/signatures");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
    // A pack carries the signatures, and is judged by them.
    sandbox.done("evidence pack image:1.0 --env dev -o pack.tar");
    sandbox.done("evidence verify pack.tar --policy policy --anchor anchor.yaml");
    let alone = sandbox.run("evidence verify pack.tar --output json");
    assert_eq!(alone.code, 0, "{}{}", alone.data, alone.talk);
    assert!(
        alone.data.contains("signed by 2 of 2 owners"),
        "{}",
        alone.data
    );
}

#[test]
fn nobody_but_an_owner_signs_and_nothing_of_one_version_twice() {
    let sandbox = company();
    let stranger = sandbox.run("policy sign --key ci.key --yes");
    assert_eq!(stranger.code, 2);
    assert!(
        stranger.talk.contains("no owner of the policy"),
        "{}",
        stranger.talk
    );
    sandbox.done("policy sign --key alice.key --yes");
    let silent = sandbox.run("policy sign --key bob.key");
    assert_eq!(silent.code, 2, "nobody is asked: {}", silent.talk);
    // Another rule under the same number is what a rollback would hide behind.
    let policy = sandbox.read("policy/release.yaml");
    sandbox.write("policy/release.yaml", &format!("{policy}\n# changed\n"));
    let other = sandbox.run("policy sign --key bob.key --yes");
    assert_eq!(other.code, 2);
    assert!(other.talk.contains("raise `version`"), "{}", other.talk);
    // People come and go without a new version, and are signed all the same.
    sandbox.write("policy/release.yaml", &policy);
    let people = sandbox.read("policy/people.yaml");
    sandbox.write("policy/people.yaml", &format!("{people}\n# changed\n"));
    let anew = sandbox
        .done("policy sign --key bob.key --yes --output json")
        .json();
    assert_eq!(anew["by"].as_array().unwrap().len(), 1);
    sandbox.done("policy sign --key alice.key --yes");
    let told = sandbox.done("policy check").data;
    assert!(told.contains("signed by 2 of the 2 owners"), "{told}");
}

#[test]
fn what_the_owners_did_not_sign_is_not_remembered() {
    let sandbox = company();
    attest(&sandbox);
    sandbox.done("policy sign --key alice.key --yes");
    sandbox.done("policy sign --key bob.key --yes");
    sandbox.done("promote image:1.0 --to dev --key ci.key");
    let verify = "verify --env dev image:1.0 --state seen.json";
    sandbox.done(verify);
    let policy = sandbox.read("policy/release.yaml");
    let raised = policy.replacen("version: 1\n", "version: 999\n", 1);
    assert_ne!(raised, policy);
    sandbox.write("policy/release.yaml", &raised);
    assert_ne!(sandbox.run(verify).code, 0);
    sandbox.write("policy/release.yaml", &policy);
    sandbox.done(verify);
}
