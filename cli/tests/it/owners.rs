//! Signed policies, from the command line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::company::{COMMIT, provenance};
use crate::sandbox::Sandbox;

/// A policy of two owners, both of whom have to sign it.
fn company() -> Sandbox {
    let sandbox = Sandbox::new()
        .with_image()
        .with_keys(&["alice", "bob", "ci"])
        .initialised();
    let keys = ["alice", "bob"].map(|name| sandbox.read(&format!("{name}.pub")));
    // As the policy has them.
    let policy = sandbox.read("policy/release.yaml");
    let uris = policy
        .lines()
        .filter_map(|line| line.split("env://").nth(1));
    let uri = |rest: &str| {
        let end = rest.find(|c: char| !"abcdefghijklmnopqrstuvwxyz0123456789-._/".contains(c));
        format!("env://{}", &rest[..end.unwrap_or(rest.len())])
    };
    let environments: Vec<_> = uris.map(uri).collect();
    assert_eq!(environments.len(), 2, "{policy}");
    let anchor = json!({
        "apiVersion": "bulla.dev/anchor/v0.1",
        "owners": {"threshold": 2, "keys": keys, "mustSign": true},
        "environments": environments,
        "minimum": {"release": 1},
    });
    sandbox.write("anchor.yaml", &anchor.to_string());
    sandbox
}

fn attest(sandbox: &Sandbox) {
    sandbox.attest_build("image:1.0", &provenance("pay", COMMIT), "");
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
    assert!(told.contains("signed by 1 owners, 2 needed"), "{told}");
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
        alone.data.contains("signed by 2 owners, 2 needed"),
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
    assert!(told.contains("signed by 2 owners, 2 needed"), "{told}");
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

#[test]
fn nobody_signs_what_only_claims_to_be_an_owner_s() {
    let sandbox = company();
    let honest = sandbox
        .done("policy sign --key alice.key --yes --output json")
        .json();
    let file = honest["file"].as_str().unwrap().to_owned();
    // The same statement with another end, beside a signature that is not over it.
    let mut bundle: serde_json::Value = serde_json::from_str(&sandbox.read(&file)).unwrap();
    let payload = &mut bundle["dsseEnvelope"]["payload"];
    let text = BASE64.decode(payload.as_str().unwrap()).unwrap();
    let mut statement: serde_json::Value = serde_json::from_slice(&text).unwrap();
    statement["predicate"]["notAfter"] = json!("2199-01-01T00:00:00Z");
    *payload = json!(BASE64.encode(statement.to_string()));
    std::fs::remove_file(sandbox.path(&file)).unwrap();
    sandbox.write("policy/signatures/a.json", &bundle.to_string());
    let signed = sandbox
        .done("policy sign --key bob.key --yes --output json")
        .json();
    assert!(!signed["notAfter"].as_str().unwrap().starts_with("2199"));
    assert_eq!(signed["by"].as_array().unwrap().len(), 1);
    // Without an anchor nobody is an owner.
    std::fs::rename(sandbox.path("anchor.yaml"), sandbox.path("moved.yaml")).unwrap();
    let settings = sandbox.read("bulla.yaml");
    let kept: Vec<_> = settings
        .lines()
        .filter(|line| !line.starts_with("anchor"))
        .collect();
    sandbox.write("bulla.yaml", &kept.join("\n"));
    let refused = sandbox.run("policy sign --key bob.key --yes");
    assert_eq!(refused.code, 2);
    assert!(refused.talk.contains("--anchor"), "{}", refused.talk);
}

#[test]
fn a_pack_is_judged_by_an_anchor_of_another_verifier() {
    let sandbox = company();
    attest(&sandbox);
    for owner in ["alice", "bob"] {
        sandbox.done(&format!("policy sign --key {owner}.key --yes"));
    }
    sandbox.done("promote image:1.0 --to dev --key ci.key");
    let old = sandbox.read("anchor.yaml");
    let mut new: serde_json::Value = serde_json::from_str(&old).unwrap();
    new["version"] = json!(2);
    new["previous"] = json!(bulla_model::Digest::sha256(old.as_bytes()).to_string());
    sandbox.write("new.yaml", &new.to_string());
    for owner in ["alice", "bob"] {
        sandbox.done(&format!("anchor sign new.yaml --key {owner}.key --yes"));
    }
    sandbox.done("anchor rotate new.yaml --state seen.json --yes");
    let verify = "verify --env dev image:1.0 --state seen.json";
    sandbox.done(verify);
    sandbox.done("evidence pack image:1.0 --env dev --state seen.json -o pack.tar");
    sandbox.done("evidence verify pack.tar");
    // What the packer's state saw replaced there was never in place here.
    sandbox.write("ours.yaml", &old);
    sandbox.done("evidence verify pack.tar --anchor ours.yaml");
    sandbox.write("anchor.yaml", &old);
    assert_eq!(sandbox.run(verify).code, 14);
}

#[test]
fn an_end_is_put_off_before_it_comes() {
    let sandbox = company();
    let sign = |who: &str, more: &str| {
        let command = format!("policy sign --key {who}.key --yes --output json {more}");
        sandbox.done(&command).json()
    };
    let first = sign("alice", "--valid-for 2h");
    sign("bob", "");
    let renewed = sign("alice", "--renew");
    assert_ne!(renewed["payload"], first["payload"]);
    // Until the others have signed it too, the earlier one counts.
    let told = sandbox.done("policy check").data;
    assert!(told.contains("signed by 2 owners"), "{told}");
    let second = sign("bob", "");
    assert_eq!(second["payload"], renewed["payload"]);
    let told = sandbox.done("policy check --output json").json();
    assert_eq!(told["signatures"]["notAfter"], renewed["notAfter"]);
}

#[test]
fn nothing_is_signed_on_the_word_of_a_policy_nobody_signed() {
    let sandbox = company();
    attest(&sandbox);
    for command in [
        "approve image:1.0 --to prod --key alice.key --yes",
        "revoke image:1.0 --reason x --key alice.key --yes",
        "checkpoint --first --key alice.key --state keeper.json --ledger oci:ledger",
    ] {
        let refused = sandbox.run(command);
        assert_eq!(
            refused.code, 2,
            "{command}: {}{}",
            refused.data, refused.talk
        );
        assert!(refused.talk.contains("did not sign"), "{}", refused.talk);
    }
}

#[test]
fn who_comes_back_is_signed_anew() {
    let sandbox = company();
    let both = || {
        let sign = |who: &str| {
            let command = format!("policy sign --key {who}.key --yes --output json");
            sandbox.done(&command).json()
        };
        sign("alice");
        sign("bob")
    };
    let first = both();
    let people = sandbox.read("policy/people.yaml");
    // Statements carry whole seconds, and the order of two of one second is not known.
    let later = || std::thread::sleep(std::time::Duration::from_millis(1100));
    later();
    sandbox.write(
        "policy/people.yaml",
        &format!("{people}\n# somebody left\n"),
    );
    both();
    later();
    sandbox.write("policy/people.yaml", &people);
    let told = sandbox.done("policy check").data;
    assert!(told.contains("allows nothing"), "{told}");
    let again = both();
    assert_ne!(again["payload"], first["payload"]);
    assert_eq!(again["by"].as_array().unwrap().len(), 2);
    let told = sandbox.done("policy check").data;
    assert!(!told.contains("allows nothing"), "{told}");
}
