//! What was taken back, and what would hide it.

use serde_json::{Value, json};

use bulla_model::predicate::checkpoint::{PolicyMinimum, SlotHead};
use bulla_model::predicate::{CYCLONEDX, revocation};
use bulla_model::{Digest, ResourceDescriptor, statement};
use bulla_verify::{Code, Decision, Severity, State};

use crate::kit::ledger::{scope, the_image};
use crate::kit::{Entry, Signer, World, assert_exit, assert_found, codes, hour, payload, show};

fn digest_of(entry: &Entry) -> Digest {
    Digest::sha256(&payload(&entry.bundle))
}

fn attested(world: &World, name: &str) -> Digest {
    let mut entries = world.evidence.iter();
    digest_of(entries.find(|entry| entry.name.starts_with(name)).unwrap())
}

pub(crate) fn veto(more: &Value) -> Value {
    let mut target = json!({"kind": "edge", "edge": {
        "kind": "promote", "from": "env://acme/pay/staging",
        "to": {"uri": "env://acme/pay/prod"},
    }});
    let more = more.as_object().unwrap().clone();
    target.as_object_mut().unwrap().extend(more);
    target
}

#[test]
fn a_fresh_checkpoint_lets_the_journey_stand() {
    let world = World::checked();
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    assert_eq!(verdict.checkpoint.as_ref().unwrap().serial, 1);
    let freshness = verdict
        .checks
        .iter()
        .find(|check| check.name == "freshness");
    assert_eq!(freshness.unwrap().summary, "checkpoint 1, 0 s old");
    assert!(!codes(&verdict).contains(&Code::RevocationsUnproven));
}

#[test]
fn without_a_checkpoint_of_the_owner_nothing_is_proven() {
    assert_exit(&World::guarded(1).verify("prod"), 3);
    for change in [
        |world: &mut World| drop(world.checkpoint_with("mallory", 1, |_| {})),
        |world: &mut World| {
            drop(world.checkpoint_with("keeper", 1, |said| {
                said.scope = "ledger://acme/web".parse().unwrap();
            }));
        },
        |world: &mut World| {
            world.checkpoint(1);
            world.anchor = None;
        },
        |world: &mut World| {
            drop(world.checkpoint_with("keeper", 1, |said| said.crit = vec!["colour".into()]));
        },
    ] {
        let mut world = World::guarded(1);
        change(&mut world);
        let verdict = world.verify("prod");
        assert_exit(&verdict, 3);
        assert_found(&verdict, Code::FreshnessUnproven);
    }
}

#[test]
fn a_stale_checkpoint_proves_nothing() {
    let mut world = World::checked();
    world.now = hour(48);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    let warned = |finding: &&bulla_verify::Finding| {
        finding.code == Code::CheckpointStale && finding.severity == Severity::Warning
    };
    assert!(
        verdict.findings.iter().any(|one| warned(&one)),
        "{}",
        show(&verdict)
    );
    // Nothing is promoted with a checkpoint of that age.
    let (judged, _) = world.judge("prod", None);
    assert_exit(&judged, 14);
    assert_found(&judged, Code::CheckpointStale);
    world.now = hour(49);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::CheckpointStale);
    world.checkpoint(2);
    assert_exit(&world.verify("prod"), 0);
    // Its own end is an end too.
    let mut world = World::guarded(1);
    world.checkpoint_with("keeper", 1, |said| said.not_after = hour(25));
    assert_exit(&world.verify("prod"), 0);
    world.now = hour(25);
    assert_exit(&world.verify("prod"), 14);
}

#[test]
fn a_checkpoint_never_goes_back() {
    let mut world = World::guarded(1);
    world.checkpoint(1);
    world.checkpoint(2);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    let mut state = State::default();
    assert!(state.remember_checkpoint(verdict.checkpoint.as_ref().unwrap()));
    assert!(!state.remember_checkpoint(verdict.checkpoint.as_ref().unwrap()));
    let state = State::parse(&state.to_json(), &world.limits).unwrap();
    world.state = Some(state);
    assert_exit(&world.verify("prod"), 0);
    // The registry forgets the second.
    world.ledger.pop();
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::CheckpointRollback);
    assert!(
        verdict.checkpoint.is_none(),
        "nothing of it is to be remembered"
    );
    // Another one takes its place.
    world.checkpoint_with("keeper", 2, |said| said.not_after = hour(80));
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::CheckpointEquivocation);
}

#[test]
fn two_checkpoints_of_one_serial_are_told_until_the_next() {
    let mut world = World::checked();
    world.checkpoint_with("keeper", 1, |said| said.not_after = hour(80));
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::CheckpointEquivocation);
    assert!(verdict.checkpoint.is_none());
    world.checkpoint(2);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_checkpoint_says_which_policy_is_too_old() {
    for (version, same, exit, code) in [
        (4, true, 14, Some(Code::PolicyRollback)),
        (3, false, 1, Some(Code::PolicyEquivocation)),
        (2, false, 0, None),
    ] {
        let mut world = World::guarded(1);
        world.checkpoint_with("keeper", 1, |said| {
            said.policy_min[0].version = version;
            if !same {
                said.policy_min[0].digest = Digest::sha256(b"another policy");
            }
        });
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        if let Some(code) = code {
            assert_found(&verdict, code);
        }
    }
}

#[test]
fn a_checkpoint_says_of_each_policy_which_is_too_old() {
    let other = |version| PolicyMinimum {
        name: "other".to_owned(),
        version,
        digest: Digest::sha256(b"other"),
    };
    // Nine of another policy is not nine of this one, and does not hide that this one is too old.
    for (own, exit) in [(None, 0), (Some(3), 0), (Some(4), 14)] {
        let mut world = World::guarded(1);
        world.checkpoint_with("keeper", 1, |said| {
            let mut minimum = said.policy_min.remove(0);
            said.policy_min.push(other(9));
            if let Some(version) = own {
                minimum.version = version;
                said.policy_min.push(minimum);
            }
        });
        assert_exit(&world.verify("prod"), exit);
    }
}

#[test]
fn a_revoked_artifact_is_denied_everywhere_and_at_once() {
    let mut world = World::checked();
    world.revoke("security", &[the_image()]);
    for environment in ["dev", "prod"] {
        let verdict = world.verify(environment);
        assert_exit(&verdict, 14);
        assert_found(&verdict, Code::Revoked);
    }
    // It enters nothing any more, by whatever kind of step.
    let (judged, _) = world.judge("prod", None);
    assert_exit(&judged, 14);
    assert_found(&judged, Code::Revoked);
    // Beside other failures the revocation is what is told.
    world.take("promoter promotion prod");
    assert_exit(&world.verify("prod"), 14);
}

#[test]
fn a_revocation_beside_the_artifact_is_found_too() {
    let mut world = World::guarded(1);
    world.revoke("security", &[the_image()]);
    world.checkpoint(1);
    let hidden = world.hide("revocation");
    assert_exit(&world.verify("prod"), 3);
    world.evidence.extend(hidden);
    assert_exit(&world.verify("prod"), 14);
}

#[test]
fn a_hidden_revocation_is_missed() {
    let mut world = World::guarded(1);
    world.revoke(
        "security",
        &[json!({"kind": "subject", "digest": Digest::sha256(b"other")})],
    );
    world.checkpoint(1);
    assert_exit(&world.verify("prod"), 0);
    let hidden = world.hide("revocation");
    let verdict = world.verify("prod");
    assert_exit(&verdict, 3);
    assert_eq!(verdict.decision, Decision::Undetermined);
    assert_found(&verdict, Code::RevocationUnknown);
    // The same words under a stranger's signature are not it.
    let bundle = Signer::named("mallory").seal(&payload(&hidden[0].bundle));
    world.ledger.push(Entry {
        name: "mallory revocation".into(),
        bundle,
    });
    assert_exit(&world.verify("prod"), 3);
    world.ledger.extend(hidden);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_lift_ends_a_revocation() {
    let mut world = World::checked();
    let revoked = world.revoke("security", &[the_image()]);
    let lift = json!({"kind": "lift", "payload": revoked});
    for stranger in ["mallory", "builder", "security"] {
        world.revoke(stranger, std::slice::from_ref(&lift));
        assert_exit(&world.verify("prod"), 14);
    }
    world.revoke("carol", std::slice::from_ref(&lift));
    world.checkpoint_with("keeper", 2, |said| said.revocations.clear());
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_lift_takes_as_many_persons_as_the_policy_says() {
    let mut world = World::guarded(2);
    world.checkpoint(1);
    let revoked = world.revoke("security", &[the_image()]);
    let lift = json!({"kind": "lift", "payload": revoked});
    // Two keys of one person are one, and a key of nobody is nobody.
    for who in ["alice", "alice-laptop", "nobody"] {
        world.revoke(who, std::slice::from_ref(&lift));
        assert_exit(&world.verify("prod"), 14);
    }
    world.revoke("carol", std::slice::from_ref(&lift));
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn whose_key_was_taken_back_lifts_nothing() {
    let mut world = World::checked();
    let key = json!({"kind": "signer", "signer": {"kind": "key", "keyId": Signer::named("carol").key_id()}});
    let stolen = world.revoke("security", &[key, the_image()]);
    world.revoke("carol", &[json!({"kind": "lift", "payload": stolen})]);
    assert_exit(&world.verify("prod"), 14);
    world.revoke("alice", &[json!({"kind": "lift", "payload": stolen})]);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn neither_revocations_nor_checkpoints_can_be_taken_back() {
    let mut world = World::guarded(1);
    let revoked = world.revoke("security", &[the_image()]);
    let checkpoint = world.checkpoint_with("keeper", 1, |_| {});
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": revoked})],
    );
    assert_exit(&world.verify("prod"), 14);
    let lift = world.revoke("alice", &[json!({"kind": "lift", "payload": revoked})]);
    assert_exit(&world.verify("prod"), 0);
    // A lift ends what takes back, and is not ended itself.
    world.revoke("carol", &[json!({"kind": "lift", "payload": lift})]);
    world.revoke("security", &[
        json!({"kind": "attestation", "payload": lift}),
        json!({"kind": "attestation", "payload": checkpoint}),
        json!({"kind": "signer", "signer": {"kind": "key", "keyId": Signer::named("keeper").key_id()}}),
        json!({"kind": "signer", "signer": {"kind": "key", "keyId": Signer::named("security").key_id()}}),
    ]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 0);
    assert_eq!(verdict.checkpoint.unwrap().payload, checkpoint);
}

#[test]
fn strangers_revoke_nothing() {
    let mut world = World::checked();
    for who in ["mallory", "builder", "alice", "keeper"] {
        world.revoke(who, &[the_image()]);
        world.revoke(who, &[json!({"kind": "colour"})]);
        world.revoke_with(who, &[the_image()], |said| said["crit"] = json!(["colour"]));
        world.record(
            who,
            "revocation",
            "https://bulla.dev/revocation/v2",
            &json!({}),
        );
    }
    // Whoever lifts may say what this version does not understand.
    world
        .ledger
        .retain(|entry| !entry.name.starts_with("alice"));
    world.ledger.push(Entry {
        name: "junk".into(),
        bundle: b"{}".to_vec(),
    });
    assert_exit(&world.verify("prod"), 0);
    // The security owner of another ledger speaks for that one.
    let other: bulla_model::Scope = "ledger://acme/web".parse().unwrap();
    let predicate = json!({"scope": other, "targets": [the_image()], "reason": "x", "issuedAt": world.now.to_string()});
    let bytes = statement::write(
        &[other.subject()],
        &revocation::TYPE.parse().unwrap(),
        &predicate,
    );
    let bundle = Signer::named("security").seal(&bytes.unwrap());
    world.ledger.push(Entry {
        name: "security revocation".into(),
        bundle,
    });
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_revocation_nobody_understands_leaves_the_answer_open() {
    type Change = fn(&mut World) -> Digest;
    let changes: [Change; 4] = [
        |world| world.revoke("security", &[json!({"kind": "colour", "name": "red"})]),
        |world| {
            let other = json!({"kind": "subject", "digest": Digest::sha256(b"other")});
            world.revoke_with("security", &[other], |said| {
                said["crit"] = json!(["colour"]);
            })
        },
        |world| {
            world.record(
                "security",
                "revocation",
                revocation::TYPE,
                &json!({"scope": scope()}),
            )
        },
        |world| {
            world.record(
                "security",
                "revocation",
                "https://bulla.dev/revocation/v2",
                &json!({}),
            )
        },
    ];
    for change in changes {
        let mut world = World::checked();
        let payload = change(&mut world);
        let verdict = world.verify("prod");
        assert_exit(&verdict, 3);
        assert_found(&verdict, Code::RevocationUnknown);
        world.revoke("carol", &[json!({"kind": "lift", "payload": payload})]);
        assert_exit(&world.verify("prod"), 0);
    }
}

#[test]
fn a_revoked_statement_says_nothing_any_more() {
    for (name, exit) in [
        ("builder provenance", 14),
        ("tester tests", 14),
        ("promoter promotion prod", 14),
        ("promoter promotion dev", 14),
        // Others may approve in its place.
        ("alice approval", 4),
    ] {
        let mut world = World::checked();
        let payload = attested(&world, name);
        world.revoke(
            "security",
            &[json!({"kind": "attestation", "payload": payload})],
        );
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_found(&verdict, Code::Revoked);
    }
    // Where another one says the same, nothing is missing.
    let mut world = World::checked();
    let payload = attested(&world, "tester tests");
    world.now = hour(1);
    world.attest(
        "tester",
        bulla_model::predicate::test_result::TYPE,
        &json!({"result": "PASSED", "configuration": [], "passedTests": ["c"]}),
    );
    world.now = hour(24);
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": payload})],
    );
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_stolen_key_loses_whatever_only_it_dates() {
    // The span begins after the journey, but only the key says when it signed.
    let mut world = World::checked();
    let key = Signer::named("builder").key_id();
    let target = json!({"kind": "signer", "signer": {"kind": "key", "keyId": key},
        "notBefore": hour(20).to_string()});
    world.revoke("security", &[target]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);
    // Somebody else's key changes nothing.
    let mut world = World::checked();
    let key = Signer::named("bob").key_id();
    world.revoke(
        "security",
        &[json!({"kind": "signer", "signer": {"kind": "key", "keyId": key}})],
    );
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn what_a_revoked_builder_made_has_no_provenance() {
    let builder = |more: Value| {
        let mut world = World::checked();
        let mut target = json!({"kind": "builder", "id": "https://example.test/builder"});
        target
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        world.revoke("security", &[target]);
        world.verify("prod").exit_code()
    };
    assert_eq!(builder(json!({})), 14);
    assert_eq!(builder(json!({"notAfter": hour(1).to_string()})), 14);
    // Only the builder's word says that it was before.
    assert_eq!(builder(json!({"notBefore": hour(1).to_string()})), 14);
    // Which version it had it does not say, so it may have been any.
    assert_eq!(builder(json!({"version": {"runner": "1"}})), 14);
    assert_eq!(builder(json!({"id": "https://example.test/other"})), 0);
}

#[test]
fn a_revoked_component_is_found_in_the_bill_of_materials() {
    let with = |who: &str, purl: &str| {
        let mut world = World::checked();
        let bom = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
            {"type": "library", "name": "a", "components": [
                {"type": "library", "name": "left-pad", "purl": "pkg:npm/left-pad@1.3.0?x=y"}]}]});
        world.attest(who, CYCLONEDX, &bom);
        world.revoke("security", &[json!({"kind": "component", "purl": purl})]);
        world.verify("prod")
    };
    let verdict = with("builder", "pkg:npm/left-pad@1.3.0");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);
    assert_exit(&with("builder", "pkg:npm/left-pad"), 14);
    assert_exit(&with("builder", "pkg:npm/left-pad@1.3.1"), 0);
    assert_exit(&with("builder", "pkg:cargo/left-pad@1.3.0"), 0);
    assert_exit(&with("mallory", "pkg:npm/left-pad@1.3.0"), 0);
    // SPDX says it in another place.
    let mut world = World::checked();
    let document = json!({"spdxVersion": "SPDX-2.3", "packages": [{"name": "left-pad", "externalRefs": [
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
         "referenceLocator": "pkg:npm/left-pad@1.3.0"}]}]});
    world.attest("builder", bulla_model::predicate::SPDX, &document);
    world.revoke(
        "security",
        &[json!({"kind": "component", "purl": "pkg:npm/left-pad@1.3.0"})],
    );
    assert_exit(&world.verify("prod"), 14);
}

#[test]
fn a_veto_stops_the_step_also_one_that_only_claims_to_be_from_before() {
    let other = json!({"subjects": [Digest::sha256(b"another image")]});
    let this = json!({"subjects": [crate::kit::image()]});
    let service = json!({"service": "wiki"});
    for (more, exit) in [(&json!({}), 14), (&this, 14), (&other, 0), (&service, 0)] {
        let mut world = World::guarded(1);
        let promotion = world.take("promoter promotion prod");
        // An hour after that promotion, as its signer says.
        world.now = hour(5);
        world.checkpoint(1);
        world.revoke("security", &[veto(more)]);
        let (judged, _) = world.judge("prod", None);
        assert_exit(&judged, exit);
        // A promoter who takes it all the same takes it in vain.
        world.now = hour(6);
        world.promote("prod");
        world.now = hour(7);
        assert_exit(&world.verify("prod"), exit);
        // That another one had been taken before, only the promoter says.
        world.take("promoter promotion prod");
        world.evidence.extend(promotion);
        assert_exit(&world.verify("prod"), exit);
    }
}

#[test]
fn the_checkpoint_decides_who_is_latest() {
    let head = |sequence: u64, head: Digest| SlotHead {
        service: "pay-api".parse().unwrap(),
        environment: "env://acme/pay/prod".parse().unwrap(),
        sequence,
        head,
    };
    let other = Digest::sha256(b"another release's promotion");
    for (slot, heads, exit) in [
        // It is the head.
        ((1, None), None, 0),
        // It follows the head.
        ((8, Some(&other)), Some(head(7, other.clone())), 0),
        // An earlier one stays.
        ((6, Some(&other)), Some(head(7, other.clone())), 0),
        // It claims the place of the head, or to follow another one in its place.
        ((7, Some(&other)), Some(head(7, Digest::sha256(b"x"))), 1),
        ((8, Some(&other)), Some(head(7, Digest::sha256(b"x"))), 1),
        ((8, None), Some(head(7, other.clone())), 1),
        // What lies between is of other artifacts.
        ((9, Some(&other)), Some(head(7, Digest::sha256(b"x"))), 3),
    ] {
        let mut world = World::guarded(1);
        world.take("promoter promotion prod");
        world.now = hour(4);
        let own = world.promote_with("prod", |said| {
            said.slot.sequence = slot.0;
            said.slot.previous = slot.1.cloned();
        });
        world.now = hour(24);
        let listed = heads.unwrap_or_else(|| head(1, own));
        world.checkpoint_with("keeper", 1, |said| said.slots = vec![listed.clone()]);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_eq!(
            codes(&verdict).contains(&Code::ChainForked),
            exit != 0,
            "{slot:?}"
        );
    }
}

#[test]
fn a_policy_without_a_security_owner_knows_no_revocations() {
    let mut world = World::journey();
    world.more_keys.push(Signer::named("security").public());
    let predicate = json!({"scope": scope(), "targets": [the_image()], "reason": "x",
        "issuedAt": world.now.to_string()});
    let subject = ResourceDescriptor::of(crate::kit::image());
    world.attest_about("security", revocation::TYPE, &predicate, &[subject]);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn who_may_revoke_is_checked_in_the_policy() {
    for (rule, reason) in [
        ("{by: []}", "`by` is empty"),
        ("{by: [nobody]}", "no identity `nobody`"),
        (
            "{by: [builder], lift: {by: [builder], threshold: 0}}",
            "`threshold` is 0",
        ),
        (
            "{by: [builder], lift: {by: [other]}}",
            "no identity `other`",
        ),
    ] {
        let mut world = World::empty();
        world.edit(
            "release.yaml",
            "history: []",
            &format!("revocations: {rule}\nhistory: []"),
        );
        let error = bulla_verify::Policy::parse(&world.files, &world.limits).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}
