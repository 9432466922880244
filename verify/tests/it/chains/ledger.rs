//! What was taken back, and what would hide it.

use bulla_model::Digest;
use bulla_model::predicate::CYCLONEDX;
use serde_json::{Value, json};

use super::story::{evidence, into_prod, step, stories, verify, with};
use crate::kit::ledger::the_image;
use crate::kit::{World, hour, index, index_entry};
use crate::ledger::veto;
use crate::ledger_contents::listing;
use crate::ledger_decided::with_heads;
use crate::ledger_hostile::{of_key, remembering};
use crate::ledger_retired as retired;

stories! {
    "checkpoint-fresh", "3.2 The checkpoint",
        "A fresh checkpoint by the ledger's owner proves that nothing was hidden.",
        0 => verify("prod", World::checked());
    "checkpoint-missing", "3.2 The checkpoint",
        "Where freshness is demanded there is a checkpoint.",
        3 FreshnessUnproven => verify("prod", World::guarded(1));
    "checkpoint-by-a-stranger", "3.2 The checkpoint",
        "Only the owner of the anchor writes checkpoints.",
        3 FreshnessUnproven => verify("prod", with(World::guarded(1), |world| drop(world.checkpoint_with("security", 1, |_| {}))));
    "checkpoint-ageing", "3.2 The checkpoint",
        "Between the limit before a step and that of `admit` its age is told.",
        0 CheckpointStale => verify("prod", with(World::checked(), |world| world.now = hour(48)));
    "checkpoint-stale", "3.2 The checkpoint",
        "A checkpoint older than the limit proves nothing.",
        14 CheckpointStale => verify("prod", with(World::checked(), |world| world.now = hour(49)));
    "checkpoint-stale-before-a-step", "3.2 The checkpoint",
        "The limit before a step is `freshness.promote`.",
        14 CheckpointStale => step("prod", with(World::checked(), |world| world.now = hour(26)));
    "checkpoint-over", "3.2 The checkpoint",
        "The end that a checkpoint gives itself is an end too.",
        14 CheckpointStale => verify("prod", with(World::guarded(1), |world| {
            world.checkpoint_with("keeper", 1, |said| said.not_after = hour(25));
            world.now = hour(25);
        }));
    "checkpoint-older-than-seen", "3.2 The checkpoint",
        "The serial is not below one that was seen.",
        14 CheckpointRollback => verify("prod", with(World::checked(), |world| {
            world.state = Some(remembering(2, &Digest::sha256(b"second")));
        }));
    "checkpoint-other-than-seen", "3.2 The checkpoint",
        "The same serial has the digest that was seen.",
        1 CheckpointEquivocation => verify("prod", with(World::checked(), |world| {
            world.state = Some(remembering(1, &Digest::sha256(b"another")));
        }));
    "checkpoint-of-another-history", "3.2 The checkpoint",
        "The next checkpoint follows the one that was seen.",
        1 CheckpointEquivocation => verify("prod", with(World::guarded(1), |world| {
            let first = world.checkpoint(1);
            world.checkpoint_with("keeper", 2, |said| said.previous = Some(first.clone()));
            world.state = Some(remembering(1, &Digest::sha256(b"the other first")));
        }));
    "checkpoints-of-one-serial", "3.2 The checkpoint",
        "Two checkpoints of one serial contradict each other.",
        1 CheckpointEquivocation => verify("prod", with(World::checked(), |world| {
            world.checkpoint_with("keeper", 1, |said| said.not_after = hour(80));
        }));
    "checkpoint-hidden-without-freshness", "3.2 The checkpoint",
        "That a checkpoint was seen is remembered where no freshness is demanded too.",
        14 CheckpointRollback => verify("dev", with(World::guarded(1), |world| {
            world.state = Some(remembering(1, &Digest::sha256(b"first")));
        }));
    "checkpoint-nobody-can-read", "3.2 The checkpoint",
        "A later checkpoint of the owner that cannot be read leaves the answer open.",
        3 CheckpointUnknown => verify("prod", with(World::checked(), |world| {
            world.checkpoint_with("keeper", 2, |said| said.crit = vec!["colour".into()]);
        }));
    "checkpoint-wants-a-newer-policy", "3.2 The checkpoint",
        "The policy is not below the checkpoint's minimum.",
        14 PolicyRollback => verify("prod", with(World::guarded(1), |world| {
            world.checkpoint_with("keeper", 1, |said| said.policy_min[0].version = 4);
        }));
    "checkpoint-knows-another-policy", "3.2 The checkpoint",
        "The policy of that version has the checkpoint's digest.",
        1 PolicyEquivocation => verify("prod", with(World::guarded(1), |world| {
            world.checkpoint_with("keeper", 1, |said| said.policy_min[0].digest = Digest::sha256(b"another"));
        }));
    "ledger-not-whole", "3.2 The checkpoint",
        "Of the ledger everything is needed.",
        3 EvidenceIncomplete => verify("prod", with(World::checked(), |world| {
            world.ledger_without.push("more than 512 statements".to_owned());
        }));
    "revoked-artifact", "3.4 What is taken back",
        "A revoked artifact is out.",
        14 Revoked => verify("prod", revoked("security", the_image()));
    "revoked-artifact-before-a-step", "3.4 What is taken back",
        "A revoked artifact enters nothing.",
        14 Revoked => step("prod", revoked("security", the_image()));
    "revoked-by-a-stranger", "3.1 Revocations",
        "Whoever may not revoke takes nothing back.",
        0 => verify("prod", revoked("builder", the_image()));
    "revoked-beside-the-artifact", "3.1 Revocations",
        "A revocation beside the artifact is found too.",
        14 Revoked => verify("prod", with(hidden(), |world| {
            let found = with(listed(), |world| world.ledger.truncate(1)).ledger;
            world.evidence.extend(found);
        }));
    "revocation-hidden", "3.2 The checkpoint",
        "What the checkpoint lists is at hand.",
        3 RevocationUnknown => verify("prod", hidden());
    "revocation-nobody-understands", "3.1 Revocations",
        "A revocation whose target is unknown leaves the answer open.",
        3 RevocationUnknown => verify("prod", revoked("security", json!({"kind": "colour"})));
    "revocation-with-something-critical", "3.1 Revocations",
        "A revocation with an unknown name in `crit` leaves the answer open.",
        3 RevocationUnknown => verify("prod", with(World::checked(), |world| {
            let other = json!({"kind": "subject", "digest": Digest::sha256(b"other")});
            world.revoke_with("security", &[other], |said| said["crit"] = json!(["colour"]));
        }));
    "revocation-revoked", "3.4 What is taken back",
        "Revocations are never reached; only a lift ends one.",
        14 Revoked => verify("prod", with(World::checked(), |world| {
            let first = world.revoke("security", &[the_image()]);
            world.revoke("security", &[json!({"kind": "attestation", "payload": first})]);
        }));
    "revocation-lifted", "3.1 Revocations",
        "A lift by whoever may ends a revocation.",
        0 => verify("prod", lifted(1, &["carol"]));
    "revocation-lifted-by-its-owner", "3.1 Revocations",
        "Whoever revokes does not lift.",
        14 Revoked => verify("prod", lifted(1, &["security"]));
    "revocation-lifted-by-one-person-twice", "3.1 Revocations",
        "With a threshold of 2 that many distinct persons lift.",
        14 Revoked => verify("prod", lifted(2, &["alice", "alice-laptop"]));
    "revocation-lifted-by-two-persons", "3.1 Revocations",
        "Two persons are enough for a threshold of 2.",
        0 => verify("prod", lifted(2, &["alice", "carol"]));
    "revocation-lifted-by-a-revoked-key", "3.1 Revocations",
        "A lift by a signer who was taken back is void.",
        14 Revoked => verify("prod", with(World::checked(), |world| {
            let stolen = world.revoke("security", &[of_key("carol"), the_image()]);
            world.revoke("carol", &[json!({"kind": "lift", "payload": stolen})]);
        }));
    "revoked-promotion", "Step 5: promotions",
        "A promotion that was taken back lets nothing in.",
        14 Revoked PromotionMissing => verify("prod", without("promoter promotion prod"));
    "revoked-link", "6.1 Links",
        "A promotion on the way that was taken back breaks the chain.",
        14 Revoked ChainBroken => verify("prod", without("promoter promotion dev"));
    "revoked-evidence", "Step 8: requirements",
        "A test run that was taken back says nothing.",
        14 Revoked TestsMissing => verify("prod", without("tester tests"));
    "revoked-approval", "Approvals",
        "Others may approve in the place of an approval that was taken back.",
        4 Revoked ApprovalsMissing => verify("prod", without("alice approval"));
    "revoked-builder", "3.4 What is taken back",
        "Provenance with a revoked `builder.id` says nothing.",
        14 Revoked => verify("prod", revoked("security", json!({"kind": "builder", "id": "https://example.test/builder"})));
    "revoked-other-builder", "3.4 What is taken back",
        "Another builder's identifier reaches nothing here.",
        0 => verify("prod", revoked("security", json!({"kind": "builder", "id": "https://example.test/other"})));
    "revoked-edge", "3.4 What is taken back",
        "A veto of the step reaches promotions that only claim to be from before.",
        14 Revoked => verify("prod", revoked("security", veto(&json!({}))));
    "revoked-edge-of-another-service", "3.4 What is taken back",
        "A veto for another service reaches nothing here.",
        0 => verify("prod", revoked("security", veto(&json!({"service": "wiki"}))));
    "revoked-edge-before-the-step", "3.4 What is taken back",
        "Before a step its own edge is compared with vetoes.",
        14 Revoked => step("prod", revoked("security", veto(&json!({}))));
    "revoked-edge-after-a-proven-step", "3.4 What is taken back",
        "A promotion proven to be from before the veto is not reached.",
        0 => verify("prod", with(revoked("security", veto(&json!({}))), |world| world.prove("promoter promotion prod", hour(4))));
    "revoked-platform", "3.4 What is taken back",
        "A revoked platform takes the index with it, under whatever label it is listed.",
        14 Revoked => verify("prod", {
            let mut entry = index_entry(&Digest::sha256(b"image"));
            entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
            let list = index(&[entry]);
            let mut world = listing(&list, &[&list]);
            world.revoke("security", &[json!({"kind": "subject", "digest": Digest::sha256(b"image")})]);
            world
        });
    "revoked-something-in-an-unknown-index", "3.4 What is taken back",
        "While an index that is listed was not received, what it lists is not known.",
        3 EvidenceIncomplete => verify("prod", {
            let inner = index(&[index_entry(&Digest::sha256(b"image"))]);
            let mut entry = index_entry(inner.digest());
            entry["mediaType"] = json!(bulla_model::media_type::IMAGE_INDEX);
            let outer = index(&[entry]);
            let mut world = listing(&outer, &[&outer]);
            world.revoke("security", &[json!({"kind": "subject", "digest": Digest::sha256(b"another")})]);
            world
        });
    "revoked-component", "3.4 What is taken back",
        "A revoked component is found in the bill of materials.",
        14 Revoked => verify("prod", consisting_of("pkg:npm/left-pad@1.3.0?x=y"));
    "revoked-component-of-another-version", "3.4 What is taken back",
        "Another version of the component is not reached.",
        0 => verify("prod", consisting_of("pkg:npm/left-pad@1.3.1"));
    "revoked-component-and-an-unreadable-one", "3.4 What is taken back",
        "A text that is no package URL may be the component.",
        3 ComponentUnknown => verify("prod", consisting_of("pkg:npm/"));
    "rollback-to-what-was-revoked", "3.4 What is taken back",
        "Nothing goes back to a revoked artifact.",
        14 Revoked => verify("prod", rolled_back_and_revoked());
    "retirement-listed", "Step 9: forks and retirements",
        "What went out of service is out, listed or not.",
        1 PromotionRetired => verify("prod", retired::retired());
    "retirement-hidden", "Step 9: forks and retirements",
        "A retirement that the checkpoint lists has to be at hand.",
        3 PromotionRetired => verify("prod", retired::hidden());
    "retirement-hidden-before-a-step", "Step 9: forks and retirements",
        "Nothing goes on from where a checkpoint says that it went out of service.",
        3 PromotionRetired => step("prod", with(retired::retired_in_staging(), |world| {
            world.take("promoter promotion retire");
        }));
    "retirement-hidden-on-the-way", "Step 9: forks and retirements",
        "Environments on the way count too.",
        3 PromotionRetired => verify("prod", with(retired::retired_on_the_way(), |world| {
            world.take("promoter promotion retire");
        }));
    "retirement-listed-and-recorded-later", "Step 9: forks and retirements",
        "Of a listed retirement no later record is believed.",
        3 PromotionRetired => verify("prod", with(retired::retired_on_the_way(), |world| {
            world.now = hour(9);
            world.prove("promoter promotion retire", hour(8));
        }));
    "retirement-without-its-approval", "Step 9: forks and retirements",
        "A listed retirement that is refused here leaves the answer open.",
        3 PromotionRetired => verify("staging", with(retired::retired_in_staging(), |world| {
            let approvals = world.take("alice approval");
            world.evidence.extend(approvals.into_iter().take(1));
        }));
    "retirement-of-another-release", "Step 9: forks and retirements",
        "What is listed of another artifact is no matter here.",
        0 => verify("prod", with(retired::in_prod(), |world| {
            let (step, other) = (Digest::sha256(b"their step"), Digest::sha256(b"theirs"));
            retired::list_about(world, ("keeper", 1), "prod", &step, &other);
        }));
    "retirement-hidden-and-taken-back", "Step 9: forks and retirements",
        "A retirement that was revoked by its digest need not be at hand.",
        0 => verify("prod", with(retired::hidden(), |world| {
            let step = retired::retired().digest_of("promoter promotion retire");
            world.revoke("security", &[json!({"kind": "attestation", "payload": step})]);
        }));
    "slot-of-the-checkpoint", "Step 10: the slot",
        "The head that the checkpoint lists is the latest.",
        0 => verify("prod", with_heads(&[None]).0);
    "slot-taken-by-another", "Step 10: the slot",
        "Another promotion in the place that the checkpoint lists is a fork.",
        1 ChainForked => verify("prod", with_heads(&[Some((6, b"other"))]).0);
    "slot-before-the-head", "Step 10: the slot",
        "An earlier promotion stays.",
        0 => verify("prod", with_heads(&[Some((7, b"next"))]).0);
    "slot-decided-before", "Step 10: the slot",
        "A place that an earlier checkpoint gave to another stays decided.",
        1 ChainForked => verify("prod", with_heads(&[Some((6, b"other")), Some((7, b"next"))]).0);
    "slot-after-a-gap", "Step 10: the slot",
        "While a link between is not at hand, which is the latest is not known.",
        3 ChainForked => verify("prod", with_heads(&[Some((4, b"4"))]).0);
}

/// The journey with a checkpoint, after which this was taken back.
fn revoked(who: &str, target: Value) -> World {
    with(World::checked(), |world| drop(world.revoke(who, &[target])))
}

/// One statement of the journey was taken back.
fn without(name: &str) -> World {
    let payload = World::checked().digest_of(name);
    revoked(
        "security",
        json!({"kind": "attestation", "payload": payload}),
    )
}

/// The artifact was revoked, and a checkpoint says so.
fn listed() -> World {
    with(World::guarded(1), |world| {
        world.revoke("security", &[the_image()]);
        world.checkpoint(1);
    })
}

fn hidden() -> World {
    with(listed(), |world| drop(world.hide("revocation")))
}

fn lifted(threshold: usize, who: &[&str]) -> World {
    with(World::guarded(threshold), |world| {
        world.checkpoint(1);
        let revoked = world.revoke("security", &[the_image()]);
        for name in who {
            world.revoke(name, &[json!({"kind": "lift", "payload": revoked})]);
        }
    })
}

/// A bill of materials lists this; version 1.3.0 of left-pad was revoked.
fn consisting_of(purl: &str) -> World {
    with(World::checked(), |world| {
        let bom = json!({"bomFormat": "CycloneDX", "components": [{"name": "a", "purl": purl}]});
        world.attest("builder", CYCLONEDX, &bom);
        let target = json!({"kind": "component", "purl": "pkg:npm/left-pad@1.3.0"});
        world.revoke("security", &[target]);
    })
}

/// Gone back to at hour 25, after it was revoked at hour 24.
fn rolled_back_and_revoked() -> World {
    let mut world = World::guarded(1);
    let steps = "edges:\n  - {to: prod, kind: rollback, by: [promoter], require: {}}\n";
    world.edit("release.yaml", "edges:\n", steps);
    world.evidence.clear();
    world.now = hour(0);
    evidence(&mut world);
    let mut world = into_prod(world.into_staging(), &["alice", "carol"]);
    world.revoke("security", &[the_image()]);
    world.now = hour(25);
    world.take_step(bulla_model::EdgeKind::Rollback, "prod", |_| {});
    world.checkpoint(1);
    world
}
