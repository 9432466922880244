//! Rotation of the anchor, from the command line.

use bulla_attest::{KeyAlgorithm, PrivateKey};
use bulla_model::Digest;
use serde_json::json;

use crate::sandbox::Sandbox;

/// An anchor of three owners, two of whom have to agree, and a proposal in which `dora` follows `carol`.
fn company() -> Sandbox {
    let sandbox = Sandbox::new().with_keys(&["alice", "bob", "carol", "dora", "eve"]);
    sandbox.write(
        "anchor.yaml",
        &anchor(&sandbox, &["alice", "bob", "carol"], 1, None),
    );
    propose(
        &sandbox,
        "new.yaml",
        &["alice", "bob", "dora"],
        2,
        "anchor.yaml",
    );
    sandbox
}

fn anchor(sandbox: &Sandbox, owners: &[&str], version: u64, previous: Option<Digest>) -> String {
    let keys: Vec<_> = owners
        .iter()
        .map(|name| sandbox.read(&format!("{name}.pub")))
        .collect();
    let mut anchor = json!({
        "apiVersion": "bulla.dev/anchor/v0.1",
        "version": version,
        "owners": {"threshold": 2, "keys": keys},
        "environments": ["env://acme/pay/prod"],
    });
    if let Some(previous) = previous {
        anchor["previous"] = json!(previous.to_string());
    }
    anchor.to_string()
}

fn propose(sandbox: &Sandbox, name: &str, owners: &[&str], version: u64, old: &str) {
    let previous = Digest::sha256(sandbox.read(old).as_bytes());
    sandbox.write(name, &anchor(sandbox, owners, version, Some(previous)));
}

const ROTATE: &str = "anchor rotate new.yaml --anchor anchor.yaml --state state.json --yes";

fn sign(sandbox: &Sandbox, who: &str, new: &str, old: &str) {
    sandbox.done(&format!(
        "anchor sign {new} --anchor {old} --key {who}.key --yes"
    ));
}

#[track_caller]
fn assert_refused(sandbox: &Sandbox, command: &str, code: i32, said: &str) {
    let before = sandbox.read("anchor.yaml");
    let answer = sandbox.run(command);
    let told = format!("{}{}", answer.data, answer.talk);
    assert_eq!(answer.code, code, "{told}");
    assert!(told.contains(said), "{told}");
    assert_eq!(sandbox.read("anchor.yaml"), before);
}

#[test]
fn owners_sign_one_after_the_other_and_then_the_anchor_is_another() {
    let sandbox = company();
    assert_refused(&sandbox, ROTATE, 10, "nobody signed it");
    let hint = "bulla anchor sign new.yaml --anchor anchor.yaml --key";
    assert_refused(&sandbox, ROTATE, 10, hint);
    sign(&sandbox, "alice", "new.yaml", "anchor.yaml");
    assert_refused(&sandbox, ROTATE, 1, "1 of 2 owners");
    sign(&sandbox, "carol", "new.yaml", "anchor.yaml");
    // Enough of the old ones, and one of the new.
    assert_refused(&sandbox, ROTATE, 1, "the new anchor");
    let again = "anchor sign new.yaml --anchor anchor.yaml --key carol.key --yes";
    assert!(sandbox.done(again).data.contains("already signed"));
    sign(&sandbox, "dora", "new.yaml", "anchor.yaml");
    // Nobody is there to be asked.
    let silent = ROTATE.replace(" --yes", "");
    assert_refused(&sandbox, &silent, 2, "owners.keys");
    let report = sandbox.done(&format!("{ROTATE} --output json")).json();
    assert_eq!(
        (&report["rotated"], &report["version"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(sandbox.read("anchor.yaml"), sandbox.read("new.yaml"));
    let shown = sandbox.done("anchor show --anchor anchor.yaml").data;
    let digest = Digest::sha256(sandbox.read("new.yaml").as_bytes());
    assert!(shown.contains(&digest.to_string()), "{shown}");
}

#[test]
fn strangers_and_changed_proposals_are_not_signed() {
    let sandbox = company();
    let by = |who: &str| format!("anchor sign new.yaml --anchor anchor.yaml --key {who}.key --yes");
    assert_refused(&sandbox, &by("eve"), 2, "no owner");
    sign(&sandbox, "alice", "new.yaml", "anchor.yaml");
    let proposal = sandbox.read("new.yaml");
    sandbox.write("new.yaml", &format!("{proposal}\n"));
    assert_refused(&sandbox, &by("bob"), 2, "other bytes");
    assert_refused(&sandbox, ROTATE, 12, "other bytes");
    // What names another anchor, or skips a version, is not worth a signature.
    propose(&sandbox, "new.yaml", &["alice", "bob"], 3, "anchor.yaml");
    assert_refused(&sandbox, &by("bob"), 2, "versions go up by one");
    propose(&sandbox, "new.yaml", &["alice", "bob"], 2, "eve.pub");
    assert_refused(&sandbox, &by("bob"), 2, "expected `previous: sha256:");
    assert_refused(&sandbox, ROTATE, 13, "expected `previous: sha256:");
}

#[test]
fn an_interrupted_rotation_is_run_again_and_an_older_anchor_does_not_come_back() {
    let sandbox = company();
    let first = sandbox.read("anchor.yaml");
    sign(&sandbox, "alice", "new.yaml", "anchor.yaml");
    sign(&sandbox, "bob", "new.yaml", "anchor.yaml");
    // The file was replaced, and the state not yet written.
    sandbox.write("anchor.yaml", &sandbox.read("new.yaml"));
    assert!(sandbox.done(ROTATE).data.contains("in place"));
    // Put back, it is brought forward again; another one of its version is not.
    sandbox.write("anchor.yaml", &first);
    sandbox.done(ROTATE);
    sandbox.write("anchor.yaml", &first);
    propose(
        &sandbox,
        "fork.yaml",
        &["alice", "bob", "eve"],
        2,
        "anchor.yaml",
    );
    sign(&sandbox, "alice", "fork.yaml", "anchor.yaml");
    sign(&sandbox, "bob", "fork.yaml", "anchor.yaml");
    let fork = ROTATE.replace("new.yaml", "fork.yaml");
    assert_refused(&sandbox, &fork, 1, "another anchor of version 2");
    // Nor is one on top of the other one.
    propose(
        &sandbox,
        "third.yaml",
        &["alice", "bob", "eve"],
        3,
        "fork.yaml",
    );
    sign(&sandbox, "alice", "third.yaml", "fork.yaml");
    sign(&sandbox, "bob", "third.yaml", "fork.yaml");
    let beyond = ROTATE.replace("new.yaml", "fork.yaml third.yaml");
    assert_refused(&sandbox, &beyond, 1, "another anchor of version 2");
    // Nor is what follows it, where it was put in place by hand.
    sandbox.write("anchor.yaml", &sandbox.read("fork.yaml"));
    let third = ROTATE.replace("new.yaml", "third.yaml");
    assert_refused(&sandbox, &third, 1, "another anchor of version 2");
    sandbox.write("anchor.yaml", &first);
    // Several steps at once, and then the earlier one is a rollback.
    propose(&sandbox, "next.yaml", &["alice", "dora"], 3, "new.yaml");
    sign(&sandbox, "bob", "next.yaml", "new.yaml");
    sign(&sandbox, "alice", "next.yaml", "new.yaml");
    assert_refused(
        &sandbox,
        &ROTATE.replace("new.yaml", "next.yaml"),
        1,
        "version",
    );
    let both = ROTATE.replace("new.yaml", "new.yaml next.yaml");
    assert_refused(&sandbox, &both, 1, "1 of 2 owners of the new anchor");
    sign(&sandbox, "dora", "next.yaml", "new.yaml");
    sandbox.done(&both);
    assert_eq!(sandbox.read("anchor.yaml"), sandbox.read("next.yaml"));
    sandbox.write("anchor.yaml", &first);
    assert_refused(&sandbox, ROTATE, 14, "version 3 was put in place before");
}

/// The envelope beside the proposal with other signatures.
fn with_signatures(sandbox: &Sandbox, signatures: serde_json::Value) {
    let path = "new.yaml.signatures.json";
    let mut envelope: serde_json::Value = serde_json::from_str(&sandbox.read(path)).unwrap();
    envelope["signatures"] = signatures;
    sandbox.write(path, &envelope.to_string());
}

#[test]
fn signatures_that_were_tampered_with_are_not_called_missing() {
    let sandbox = company();
    sign(&sandbox, "alice", "new.yaml", "anchor.yaml");
    sign(&sandbox, "bob", "new.yaml", "anchor.yaml");
    let path = "new.yaml.signatures.json";
    let envelope: serde_json::Value = serde_json::from_str(&sandbox.read(path)).unwrap();
    let mut signatures = envelope["signatures"].clone();
    let of_bob = signatures[1]["sig"].clone();
    signatures[1]["sig"] = signatures[0]["sig"].clone();
    signatures[0]["sig"] = of_bob;
    with_signatures(&sandbox, signatures.clone());
    assert_refused(&sandbox, ROTATE, 12, "0 of 2 owners");
    // A stranger's beside them is what a stranger can add to anything.
    signatures[1]["keyid"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    with_signatures(&sandbox, signatures);
    assert_refused(&sandbox, ROTATE, 11, "0 of 2 owners");
}

#[test]
fn every_step_is_looked_at_though_the_last_one_is_in_place() {
    let sandbox = company();
    sign(&sandbox, "alice", "new.yaml", "anchor.yaml");
    sign(&sandbox, "bob", "new.yaml", "anchor.yaml");
    sandbox.write("anchor.yaml", &sandbox.read("new.yaml"));
    sandbox.write("junk.yaml", &anchor(&sandbox, &["eve", "dora"], 1, None));
    let through = ROTATE.replace("new.yaml", "junk.yaml new.yaml");
    assert_refused(&sandbox, &through, 13, "expected `previous: sha256:");
    // Without its owners' word nothing is remembered of one that was put there.
    sandbox.write("anchor.yaml", &sandbox.read("junk.yaml"));
    let own = ROTATE.replace("new.yaml", "junk.yaml");
    assert_refused(&sandbox, &own, 10, "nobody signed it");
}

#[cfg(unix)]
#[test]
fn a_link_to_the_anchor_stays_one() {
    let sandbox = company();
    sign(&sandbox, "alice", "new.yaml", "anchor.yaml");
    sign(&sandbox, "bob", "new.yaml", "anchor.yaml");
    let link = sandbox.path("link.yaml");
    std::os::unix::fs::symlink("anchor.yaml", &link).unwrap();
    sandbox.done(&ROTATE.replace("--anchor anchor.yaml", "--anchor link.yaml"));
    assert!(link.is_symlink());
    assert_eq!(sandbox.read("anchor.yaml"), sandbox.read("new.yaml"));
}

#[test]
fn what_nobody_remembers_or_asks_for_is_told() {
    let sandbox = company();
    sign(&sandbox, "alice", "new.yaml", "anchor.yaml");
    sign(&sandbox, "bob", "new.yaml", "anchor.yaml");
    let first = sandbox.read("anchor.yaml");
    let without = ROTATE.replace(" --state state.json", "");
    assert!(
        sandbox
            .done(&without)
            .talk
            .contains("nothing remembers this")
    );
    sandbox.write("anchor.yaml", &first);
    let with = sandbox.done(ROTATE).talk;
    assert!(!with.contains("nothing remembers this"), "{with}");
}

#[test]
fn an_anchor_that_was_rotated_and_is_left_away_is_missed() {
    let sandbox = crate::evidence::released();
    let mut state: serde_json::Value = serde_json::from_str(&sandbox.read("seen.json")).unwrap();
    let digest = Digest::sha256(sandbox.read("anchor.yaml").as_bytes());
    state["anchors"] = json!({"anchor": {"version": 1, "digest": digest.to_string()}});
    sandbox.write("seen.json", &state.to_string());
    let verify = "verify --env prod image:1.0 --state seen.json";
    let missed = "the state knows anchors that were rotated";
    assert!(!sandbox.done(verify).talk.contains(missed));
    let settings = sandbox.read("bulla.yaml");
    let without: Vec<_> = settings
        .lines()
        .filter(|line| !line.contains("anchor"))
        .collect();
    sandbox.write("bulla.yaml", &without.join("\n"));
    assert!(sandbox.run(verify).talk.contains(missed));
}

#[test]
fn an_anchor_is_shown_whole() {
    let sandbox = company();
    let mut whole: serde_json::Value = serde_json::from_str(&sandbox.read("anchor.yaml")).unwrap();
    let by = json!([{"key": sandbox.read("eve.pub")}]);
    whole["minimum"] = json!({"release": 7});
    whole["ledger"] = json!({"by": by, "location": "registry.example.test/acme/ledger"});
    whole["relays"] = json!([{
        "platform": "github.com",
        "repositories": ["https://github.com/acme/deploy"],
        "files": ["prod/*.yaml"],
        "environments": ["env://acme/pay/prod"],
        "by": by,
    }]);
    sandbox.write("anchor.yaml", &whole.to_string());
    let shown = sandbox.done("anchor show --anchor anchor.yaml").data;
    for said in [
        "release: version 7",
        "registry.example.test/acme/ledger",
        "acme/deploy",
        "prod/*.yaml",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}

#[test]
fn owners_who_sign_at_once_lose_nothing() {
    let owners = ["alice", "bob", "carol", "dora"];
    let by = |who: &str| format!("anchor sign new.yaml --anchor anchor.yaml --key {who}.key --yes");
    for _ in 0..3 {
        let sandbox = company();
        std::thread::scope(|scope| {
            for who in owners {
                let sandbox = &sandbox;
                scope.spawn(move || sandbox.done(&by(who)));
            }
        });
        for who in owners {
            let again = sandbox.done(&by(who)).data;
            assert!(again.contains("already signed"), "{who}: {again}");
        }
    }
}

#[test]
fn forks_that_are_put_in_place_at_once_are_not_both() {
    let sandbox = company();
    for name in ["a", "b"] {
        let first = sandbox.read("anchor.yaml");
        sandbox.write(&format!("{name}.yaml"), &first);
        let last = if name == "a" { "dora" } else { "eve" };
        let new = format!("{name}2.yaml");
        propose(&sandbox, &new, &["alice", "bob", last], 2, "anchor.yaml");
        sign(&sandbox, "alice", &new, "anchor.yaml");
        sign(&sandbox, "bob", &new, "anchor.yaml");
    }
    let mut codes: Vec<i32> = std::thread::scope(|scope| {
        let runs = ["a", "b"].map(|name| {
            let sandbox = &sandbox;
            let rotate =
                format!("anchor rotate {name}2.yaml --anchor {name}.yaml --state state.json --yes");
            scope.spawn(move || sandbox.run(&rotate).code)
        });
        runs.map(|run| run.join().unwrap()).to_vec()
    });
    codes.sort_unstable();
    assert_eq!(codes, [0, 1]);
}

#[test]
fn a_key_that_is_written_in_two_ways_is_no_second_owner() {
    let sandbox = company();
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let usual = key.public_key().to_pem();
    let body: String = usual
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = bulla_model::envelope::decode_base64(&body).unwrap();
    // The algorithm's NULL taken away, and both lengths with it.
    let null = der.windows(2).position(|pair| pair == [5, 0]).unwrap();
    let mut odd = der.clone();
    odd.drain(null..null + 2);
    odd[3] -= 2;
    odd[5] -= 2;
    let odd = pem::encode(&pem::Pem::new("PUBLIC KEY", odd));
    let anchor = json!({
        "apiVersion": "bulla.dev/anchor/v0.1",
        "owners": {"threshold": 2, "keys": [usual, odd]},
        "environments": ["env://acme/pay/prod"],
    });
    sandbox.write("anchor.yaml", &anchor.to_string());
    let shown = sandbox.run("anchor show --anchor anchor.yaml");
    assert_eq!(shown.code, 2, "{}", shown.data);
    assert!(shown.talk.contains("must be NULL"), "{}", shown.talk);
}
