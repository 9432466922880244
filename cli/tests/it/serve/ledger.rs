//! What a server makes of a ledger that changes while it runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::message;
use super::running::{Running, pod};
use super::world::World;

fn public(world: &World) -> Value {
    json!(std::fs::read_to_string(world.path("alice.pub")).unwrap())
}

fn let_alice_revoke(world: &World) {
    let path = world.path("policy/release.yaml");
    let policy = std::fs::read_to_string(&path).unwrap();
    let security = format!("identities:\n  security:\n    - key: {}\n", public(world));
    let policy = policy.replacen("identities:\n", &security, 1);
    let policy = format!("{policy}revocations: {{by: [security]}}\n");
    std::fs::write(&path, policy).unwrap();
}

/// The first refusal: the ledger is asked every five seconds.
async fn refused(server: &Running, review: &Value) -> Value {
    let started = Instant::now();
    loop {
        let response = server.ask(review).await;
        if response["allowed"] == false {
            return response;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "still allowed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_yes_does_not_outlive_a_revocation() {
    let world = World::new(&["good", "other"]);
    let_alice_revoke(&world);
    world.promote("good", &["dev", "prod"]);
    let server = Running::start(&world, &["--cache-ttl", "5m"]);
    let review = pod(&[&World::reference("good")]);
    for _ in 0..3 {
        assert_eq!(server.ask(&review).await["allowed"], true);
    }
    assert_eq!(server.counter("bulla_verifications_total").await, 1);
    let target = World::target("good");
    let revoke = ["revoke", &target, "--reason", "leaks", "--key", "alice.key"];
    world.bulla(&[&revoke[..], &["--policy", "policy", "--yes"]].concat());
    let refused = refused(&server, &review).await;
    assert!(message(&refused).contains("[revoked]"), "{refused}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_was_seen_is_missed_also_after_the_rules_were_read_again() {
    let world = World::new(&["good"]);
    let_alice_revoke(&world);
    let key = public(&world);
    let anchor = format!(
        "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{key}]}}\n\
         environments: []\nledger: {{by: [{{key: {key}}}], location: \"oci:layout\"}}\n"
    );
    std::fs::write(world.path("anchor.yaml"), anchor).unwrap();
    world.promote("good", &["dev", "prod"]);
    let before = std::fs::read(world.path("layout/index.json")).unwrap();
    let trust = ["--policy", "policy", "--anchor", "anchor.yaml"];
    let write = ["checkpoint", "--first", "--key", "alice.key"];
    world.bulla(&[&write[..], &trust].concat());
    let told = ["--anchor", "anchor.yaml", "--cache-ttl", "0s"];
    let server = Running::start(&world, &told);
    let review = pod(&[&World::reference("good")]);
    assert_eq!(server.ask(&review).await["allowed"], true);
    // Nobody demands that there be one, but there was.
    std::fs::write(world.path("layout/index.json"), before).unwrap();
    let people = world.path("policy/people.yaml");
    let text = std::fs::read_to_string(&people).unwrap();
    std::fs::write(&people, format!("{text}# read again\n")).unwrap();
    server.signal("HUP");
    server.event("reloaded");
    // Until then the ledger is as it was, and who asks would see the checkpoint once more.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let response = server.ask(&review).await;
    assert!(
        message(&response).contains("[checkpoint-rollback]"),
        "{response}"
    );
}
