//! What the ledger's owner saw and decided before: forks, lifts, and versions of the policy.

use serde_json::json;

use bulla_model::Digest;
use bulla_model::predicate::checkpoint::SlotHead;
use bulla_verify::Code;

use crate::kit::ledger::the_image;
use crate::kit::{Signer, World, assert_exit, assert_found, codes, hour};

pub(crate) fn head(sequence: u64, head: Digest) -> SlotHead {
    SlotHead {
        service: "pay-api".parse().unwrap(),
        environment: "env://acme/pay/prod".parse().unwrap(),
        sequence,
        head,
    }
}

/// The journey, its promotion into prod the sixth after another's fifth, and these heads in
/// checkpoints of the hours after it, the last of them now. `None` is its own place.
pub(crate) fn with_heads(heads: &[Option<(u64, &[u8])>]) -> (World, Digest) {
    let mut world = World::guarded(1);
    world.take("promoter promotion prod");
    world.now = hour(4);
    let own = world.promote_with("prod", |said| {
        said.slot.sequence = 6;
        said.slot.previous = Some(Digest::sha256(b"5"));
    });
    let mut before = None;
    for (serial, listed) in (1u64..).zip(heads) {
        world.now = hour(19 + i64::try_from(serial).unwrap());
        let listed = match listed {
            Some((sequence, payload)) => head(*sequence, Digest::sha256(payload)),
            None => head(6, own.clone()),
        };
        let written = world.checkpoint_with("keeper", serial, |said| {
            said.slots = vec![listed.clone()];
            said.previous.clone_from(&before);
        });
        before = Some(written);
    }
    (world, own)
}

#[test]
fn a_fork_that_was_decided_stays_decided() {
    let (other, next): (Option<(u64, &[u8])>, _) = (Some((6, b"other")), Some((7, &b"next"[..])));
    for (heads, exit) in [
        (vec![None, next], 0),
        (vec![other], 1),
        (vec![other, next], 1),
        (vec![None, other, next], 1),
        // The owner thought better of it.
        (vec![other, None, next], 0),
        (vec![Some((5, &b"5"[..])), next], 0),
    ] {
        let (world, own) = with_heads(&heads);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_eq!(codes(&verdict).contains(&Code::ChainForked), exit == 1);
        let hints = format!("{:?}", verdict.findings);
        let told = hints.contains(&format!("revoke --attestation {own}"));
        assert_eq!(told, exit == 1, "{hints}");
    }
}

#[test]
fn a_checkpoint_that_was_pruned_and_put_back_decides_nothing() {
    // The second took back what the first said of the place.
    let heads = [Some((6, &b"other"[..])), None, Some((7, &b"next"[..]))];
    let (mut world, _) = with_heads(&heads);
    assert_exit(&world.verify("prod"), 0);
    let checkpoints = world.ledger.iter().enumerate();
    let mut checkpoints = checkpoints.filter(|(_, entry)| entry.name.contains("checkpoint"));
    let (second, _) = checkpoints.nth(1).unwrap();
    world.ledger.remove(second);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    assert!(!codes(&verdict).contains(&Code::ChainForked));
}

#[test]
fn the_losing_side_of_a_fork_is_revoked_for_good() {
    // Checkpoints are pruned: then nothing but a revocation says which side lost.
    let (mut world, own) = with_heads(&[Some((7, b"next"))]);
    assert_exit(&world.verify("prod"), 0);
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": own})],
    );
    world.checkpoint_with("keeper", 2, |said| {
        said.slots = vec![head(8, Digest::sha256(b"8"))];
    });
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);
}

#[test]
fn a_lift_that_the_owner_listed_is_from_before() {
    // Lifted at hour 25 by a key that was revoked from a time on; listed at hour 26.
    for (listed, from, exit) in [
        (true, 27, 0),
        (true, 26, 14),
        (true, 20, 14),
        (false, 27, 14),
    ] {
        let mut world = World::checked();
        let revoked = world.revoke("security", &[the_image()]);
        world.now = hour(25);
        world.revoke("carol", &[json!({"kind": "lift", "payload": revoked})]);
        world.now = hour(26);
        if listed {
            world.checkpoint(2);
        }
        world.now = hour(28);
        let key_id = Signer::named("carol").key_id();
        world.revoke(
            "security",
            &[
                json!({"kind": "signer", "signer": {"kind": "key", "keyId": key_id},
                "notBefore": hour(from).to_string()}),
            ],
        );
        world.checkpoint(3);
        // What the key approved is another matter.
        let verdict = world.verify("dev");
        assert_exit(&verdict, exit);
    }
}

#[test]
fn that_an_earlier_owner_of_revocations_is_not_known_is_told() {
    let rule = "revocations: {by: [security], lift: {by: [leads], threshold: 1}}\n";
    let warned = |world: &World| {
        let verdict = world.verify("dev");
        assert_exit(&verdict, 0);
        let mut findings = verdict.findings.iter();
        findings.any(|one| one.message.contains("not at hand: whoever they let revoke"))
    };
    let mut world = World::checked();
    assert!(!warned(&world));
    world.next_policy();
    // This version says itself who revokes.
    assert!(!warned(&world));
    world.edit("release.yaml", rule, "");
    assert!(!warned(&world));
    let mut world = World::empty();
    world.next_policy();
    world.files.predecessors.clear();
    world.provenance();
    world.sbom();
    world.tests();
    let world = world.into_staging();
    assert!(warned(&world));
}
