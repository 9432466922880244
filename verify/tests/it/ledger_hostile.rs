//! What hides a revocation, and what only looks like one: ledgers cut off, owners' statements nobody
//! can read, claims of earlier times, strangers.

use serde_json::{Value, json};

use bulla_model::predicate::checkpoint::SlotHead;
use bulla_model::predicate::{CYCLONEDX, checkpoint, reference, revocation, slsa_provenance};
use bulla_model::{Digest, ResourceDescriptor, statement};
use bulla_verify::{Code, Decision, Document, SeenCheckpoint, State, Verdict};

use crate::kit::ledger::{scope, the_image};
use crate::kit::{
    Entry, Signer, World, assert_exit, assert_found, codes, hour, image, index, index_entry,
    payload, provenance,
};
use crate::references::worth_to_policy;

pub(crate) fn of_key(name: &str) -> Value {
    json!({"kind": "signer", "signer": {"kind": "key", "keyId": Signer::named(name).key_id()}})
}

fn veto(subjects: &[Digest]) -> Value {
    json!({"kind": "edge", "edge": {
        "kind": "promote", "from": "env://acme/pay/staging", "to": {"uri": "env://acme/pay/prod"},
    }, "subjects": subjects})
}

pub(crate) fn remembering(serial: u64, payload: &Digest) -> State {
    let mut state = State::default();
    let seen = SeenCheckpoint {
        scope: scope(),
        serial,
        payload: payload.clone(),
    };
    assert!(state.remember_checkpoint(&seen));
    state
}

fn assert_lacks(verdict: &Verdict, code: Code) {
    assert!(!codes(verdict).contains(&code), "{code}: {verdict:#?}");
}

#[test]
fn a_ledger_that_is_not_whole_leaves_the_answer_open() {
    for line in ["more than 512 statements", "sha256:1f: connection refused"] {
        // Also where no freshness is demanded, and where all that the checkpoint lists is there.
        for environment in ["dev", "prod"] {
            let mut world = World::checked();
            assert_exit(&world.verify(environment), 0);
            world.ledger_without.push(line.to_owned());
            let verdict = world.verify(environment);
            assert_exit(&verdict, 3);
            assert_eq!(verdict.decision, Decision::Undetermined);
            assert_found(&verdict, Code::EvidenceIncomplete);
        }
        let mut world = World::checked();
        world.ledger_without.push(line.to_owned());
        let (judged, _) = world.judge("prod", None);
        assert_exit(&judged, 3);
        // A revocation that is there needs no others.
        world.revoke("security", &[the_image()]);
        assert_exit(&world.verify("prod"), 14);
    }
    // What may be in the rest is not missing for good.
    let mut world = World::checked();
    world.state = Some(remembering(9, &Digest::sha256(b"ninth")));
    assert_exit(&world.verify("prod"), 14);
    world.ledger_without.push("the rest".to_owned());
    assert_exit(&world.verify("prod"), 3);
}

#[test]
fn a_checkpoint_of_the_owner_that_nobody_can_read_leaves_the_answer_open() {
    type Write = fn(&mut World, &str);
    let writes: [Write; 3] = [
        |world, who| {
            world.checkpoint_with(who, 2, |said| said.crit = vec!["colour".into()]);
        },
        |world, who| {
            world.record(who, "checkpoint", checkpoint::TYPE, &json!({"serial": 2}));
        },
        |world, who| {
            world.record(
                who,
                "checkpoint",
                "https://bulla.dev/checkpoint/v2",
                &json!({"serial": 2}),
            );
        },
    ];
    for write in writes {
        for environment in ["dev", "prod"] {
            let mut world = World::checked();
            write(&mut world, "mallory");
            assert_exit(&world.verify(environment), 0);
            write(&mut world, "keeper");
            let verdict = world.verify(environment);
            assert_exit(&verdict, 3);
            assert_found(&verdict, Code::CheckpointUnknown);
            // The next one that can be read takes its place.
            world.checkpoint(3);
            assert_exit(&world.verify(environment), 0);
        }
    }
    // One of another ledger says nothing of this one.
    let mut world = World::checked();
    let other: bulla_model::Scope = "ledger://acme/web".parse().unwrap();
    let kind = checkpoint::TYPE.parse().unwrap();
    let bytes = statement::write(&[other.subject()], &kind, &json!({"serial": 2})).unwrap();
    world.ledger.push(Entry {
        name: "keeper checkpoint".into(),
        bundle: Signer::named("keeper").seal(&bytes),
    });
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn hiding_every_checkpoint_is_noticed_where_no_freshness_is_demanded() {
    let mut world = World::checked();
    let seen = world.verify("dev").checkpoint.unwrap();
    world.state = Some(remembering(seen.serial, &seen.payload));
    assert_exit(&world.verify("dev"), 0);
    world.hide("checkpoint");
    let verdict = world.verify("dev");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::CheckpointRollback);
    // Nor does it help that the anchor no longer names anybody.
    world.anchor = None;
    assert_exit(&world.verify("dev"), 14);
    world.state = None;
    assert_exit(&world.verify("dev"), 0);
}

#[test]
fn the_next_checkpoint_follows_the_one_that_was_seen() {
    let mut world = World::guarded(1);
    let first = world.checkpoint(1);
    world.checkpoint_with("keeper", 2, |said| said.previous = Some(first.clone()));
    world.state = Some(remembering(1, &first));
    assert_exit(&world.verify("prod"), 0);
    // Another history of the same owner, one longer than what was seen.
    world.state = Some(remembering(1, &Digest::sha256(b"the other first")));
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::CheckpointEquivocation);
    assert!(verdict.checkpoint.is_none(), "not to be remembered");
}

#[test]
fn a_veto_reaches_every_set_that_has_one_of_its_subjects() {
    let (this, other) = (image(), Digest::sha256(b"the other image"));
    let mut both = vec![this.clone(), other.clone()];
    both.sort();
    // The veto names more than is promoted, or less.
    for (named, promoted, exit) in [
        (both.clone(), vec![this.clone()], 14),
        (vec![other.clone()], vec![this.clone()], 0),
        (vec![other.clone()], both.clone(), 14),
        (vec![this.clone()], both, 14),
    ] {
        let mut world = World::empty();
        world.files = World::guarded(1).files;
        world.anchor = World::guarded(1).anchor;
        world.provenance();
        world.sbom();
        world.tests();
        world.set = promoted;
        for (hours, to) in [(1, "dev"), (2, "staging")] {
            world.now = hour(hours);
            world.promote(to);
        }
        world.now = hour(3);
        for who in ["alice", "carol"] {
            world.approve(who, "prod");
        }
        world.now = hour(4);
        world.promote("prod");
        world.now = hour(24);
        world.more_keys = World::guarded(1).more_keys;
        world.checkpoint(1);
        assert_exit(&world.verify("prod"), 0);
        world.revoke("security", &[veto(&named)]);
        assert_exit(&world.verify("prod"), exit);
    }
}

#[test]
fn a_veto_of_an_index_reaches_its_platforms() {
    // The platform was promoted by itself; whoever asks gives the index that lists it.
    let mut world = World::checked();
    let list = index(&[index_entry(&image())]);
    world.revoke("security", &[veto(std::slice::from_ref(list.digest()))]);
    assert_exit(&world.verify("prod"), 0);
    world.indexes = vec![list];
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);
    let (judged, _) = world.judge("prod", None);
    assert_exit(&judged, 14);
}

#[test]
fn what_strangers_lost_is_missed_by_nobody() {
    let build = provenance("https://github.com/acme/pay", &[]);
    // In the place of the builder's provenance there is a stranger's, which was taken back.
    for (change, exit) in [
        ((|_| {}) as fn(&mut World), 11),
        (
            |world| drop(world.revoke("security", &[of_key("mallory")])),
            11,
        ),
        (
            |world| drop(world.revoke("security", &[of_key("builder")])),
            11,
        ),
    ] {
        let mut world = World::checked();
        world.take("builder provenance");
        world.attest("mallory", slsa_provenance::TYPE, &build);
        change(&mut world);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_lacks(&verdict, Code::Revoked);
    }
    // A builder's about something else is no better.
    let mut world = World::checked();
    world.take("builder provenance");
    let other = ResourceDescriptor::of(Digest::sha256(b"other"));
    world.attest_about("builder", slsa_provenance::TYPE, &build, &[other]);
    world.revoke("security", &[of_key("builder")]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 13);
    assert_lacks(&verdict, Code::Revoked);
    // The same of promotions and approvals.
    let mut world = World::checked();
    let promotion = world.take("promoter promotion prod").remove(0);
    world.add(
        "mallory promotion prod",
        Signer::named("mallory").seal(&payload(&promotion.bundle)),
    );
    let before = world.verify("prod").exit_code();
    world.revoke("security", &[of_key("mallory")]);
    let verdict = world.verify("prod");
    assert_ne!(before, 14);
    assert_exit(&verdict, 1);
    assert_lacks(&verdict, Code::Revoked);
    let mut world = World::checked();
    let approval = world.take("alice approval").remove(0);
    world.add(
        "mallory approval",
        Signer::named("mallory").seal(&payload(&approval.bundle)),
    );
    world.take("tester tests");
    let before = world.verify("prod").exit_code();
    world.revoke("security", &[of_key("mallory")]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, before);
    assert_lacks(&verdict, Code::Revoked);
    // And a stranger's promotion that stands is no nearer than the promoter's that was taken back.
    let mut world = World::checked();
    let promotion = world.take("promoter promotion prod").remove(0);
    let revoked = Digest::sha256(&payload(&promotion.bundle));
    world.evidence.push(promotion);
    world.promote_with("prod", |said| said.reason = Some("again".into()));
    let mine = world.evidence.pop().unwrap();
    world.add(
        "mallory promotion prod",
        Signer::named("mallory").seal(&payload(&mine.bundle)),
    );
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": revoked})],
    );
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);
}

#[test]
fn what_nobody_needs_is_no_reason() {
    // A third approval was taken back, and something else is wrong.
    let mut world = World::checked();
    world.now = hour(3);
    world.approve_with("bob", "prod", |_| {});
    world.now = hour(24);
    let payloads = world
        .evidence
        .iter()
        .filter(|one| one.name.starts_with("bob"));
    let payloads: Vec<_> = payloads
        .map(|one| Digest::sha256(&payload(&one.bundle)))
        .collect();
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": payloads[0]})],
    );
    assert_exit(&world.verify("prod"), 0);
    world.take("tester tests");
    let verdict = world.verify("prod");
    assert_exit(&verdict, 10);
    assert_found(&verdict, Code::TestsMissing);
    // With one approval too few it is still another one that helps.
    let mut world = World::checked();
    let approval = world
        .evidence
        .iter()
        .find(|one| one.name.starts_with("alice"));
    let approval = Digest::sha256(&payload(&approval.unwrap().bundle));
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": approval})],
    );
    world.take("tester tests");
    assert_exit(&world.verify("prod"), 10);
}

#[test]
fn a_bill_of_materials_that_cannot_be_read_hides_no_component() {
    let with = |who: &str, bom: &Value, revoked: &str| {
        let mut world = World::checked();
        world.attest(who, CYCLONEDX, bom);
        world.revoke("security", &[json!({"kind": "component", "purl": revoked})]);
        world.verify("prod")
    };
    let listing = |purl: &Value| json!({"bomFormat": "CycloneDX", "components": [{"name": "a", "purl": purl}]});
    let odd = listing(&json!("pkg:npm/left-pad @1.3.0%"));
    let version = listing(&json!("pkg:npm/left-pad@github:a/left-pad"));
    for bom in [odd.clone(), version, listing(&json!(7))] {
        let verdict = with("builder", &bom, "pkg:npm/left-pad@1.3.0");
        assert_exit(&verdict, 3);
        assert_found(&verdict, Code::ComponentUnknown);
        assert_exit(&with("mallory", &bom, "pkg:npm/left-pad@1.3.0"), 0);
    }
    // One that lists it all the same is an answer.
    let both = json!({"bomFormat": "CycloneDX", "components": [
        {"name": "a", "purl": "%"}, {"name": "b", "purl": "pkg:npm/left-pad@1.3.0"}]});
    assert_exit(&with("builder", &both, "pkg:npm/left-pad"), 14);
    // So is one that writes it otherwise.
    for (found, revoked) in [
        ("pkg:pypi/Evil._pkg@1", "pkg:pypi/evil-pkg"),
        ("pkg:nuget/newtonsoft.JSON@1", "pkg:nuget/Newtonsoft.Json@1"),
        ("pkg:npm/%40acme%2Fpay@1", "pkg:npm/@acme/pay"),
    ] {
        let bom = listing(&json!(found));
        assert_exit(&with("builder", &bom, revoked), 14);
    }
    // Where no component was revoked, nobody minds.
    let mut world = World::checked();
    world.attest("builder", CYCLONEDX, &odd);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_bill_of_materials_that_is_not_there_hides_no_component() {
    let revoked = json!({"kind": "component", "purl": "pkg:npm/left-pad@1.3.0"});
    let document = br#"{"bomFormat":"CycloneDX","components":[{"purl":"pkg:npm/left-pad@1.3.0"}]}"#;
    let digest = Digest::sha256(document);
    let refer = |who: &str| {
        let mut world = World::checked();
        let named = json!({"mediaType": "application/vnd.cyclonedx+json", "digest": {"sha256": digest.hex()}});
        let predicate =
            json!({"attester": {"id": "https://example.test/attester"}, "references": [named]});
        world.attest(who, reference::TYPE, &predicate);
        world.revoke("security", std::slice::from_ref(&revoked));
        world
    };
    let mut world = refer("builder");
    let held = Document::Bytes(document.as_slice().into());
    world.documents.insert(digest.clone(), held);
    assert_exit(&world.verify("prod"), 14);
    let mut world = refer("builder");
    let gone = Document::Unavailable("not found".into());
    world.documents.insert(digest.clone(), gone.clone());
    let verdict = world.verify("prod");
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::ComponentUnknown);
    let mut world = refer("mallory");
    world.documents.insert(digest.clone(), gone);
    assert_exit(&world.verify("prod"), 0);
    // The list of what is beside the artifact was cut off.
    let mut world = World::checked();
    world.truncated = true;
    let is_open = |world: &World| {
        let verdict = world.verify("prod");
        assert_exit(&verdict, 3);
        let mut findings = verdict.findings.iter();
        findings.any(|one| one.message.starts_with("a component was revoked"))
    };
    assert!(!is_open(&world));
    world.revoke("security", &[revoked]);
    assert!(is_open(&world));
}

#[test]
fn documents_of_whoever_is_named_are_looked_for_where_components_can_be_revoked() {
    let named = Digest::sha256(b"a document");
    let looked_for = |mut world: World, who: &str| {
        world.now = hour(1);
        let reference = json!({"mediaType": "application/vnd.cyclonedx+json", "digest": {"sha256": named.hex()}});
        let predicate =
            json!({"attester": {"id": "https://example.test/attester"}, "references": [reference]});
        world.attest(who, reference::TYPE, &predicate);
        worth_to_policy(&world) == [named.clone()]
    };
    assert!(looked_for(World::guarded(1), "tester"));
    assert!(!looked_for(World::guarded(1), "mallory"));
    assert!(!looked_for(World::journey(), "tester"));
}

#[test]
fn a_place_is_not_won_by_counting() {
    let head = |sequence: u64, head: &Digest| SlotHead {
        service: "pay-api".parse().unwrap(),
        environment: "env://acme/pay/prod".parse().unwrap(),
        sequence,
        head: head.clone(),
    };
    let top = Digest::sha256(b"the head");
    // When it was promoted, the places of the promotions, the earliest first; the last one is asked
    // about, and each follows the one before, the first of them the head.
    for (hours, places, exit) in [
        // Before the checkpoint, below the head: it was there.
        (4, &[3][..], 0),
        // After the checkpoint every number below is a lie.
        (12, &[3], 1),
        (12, &[7], 1),
        (12, &[8], 0),
        (12, &[8, 9], 0),
        // Numbers between that do not count one by one.
        (12, &[3, 9], 1),
        (12, &[9, 9], 1),
        (12, &[8, 10], 1),
    ] {
        let mut world = World::guarded(1);
        world.take("promoter promotion prod");
        let mut previous = top.clone();
        for sequence in places {
            world.now = hour(hours);
            previous = world.promote_with("prod", |said| {
                said.slot.sequence = *sequence;
                said.slot.previous = Some(previous.clone());
            });
        }
        world.now = hour(10);
        world.checkpoint_with("keeper", 1, |said| said.slots = vec![head(7, &top)]);
        world.now = hour(24);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_eq!(codes(&verdict).contains(&Code::ChainForked), exit != 0);
    }
}

#[test]
fn a_revocation_outlives_its_key_and_its_owner() {
    // The key ended after it was used, or before.
    for (end, exit) in [(30, 14), (20, 0)] {
        let mut world = World::checked();
        world.revoke("security", &[the_image()]);
        let until = hour(end);
        world.next_policy();
        world.edit(
            "release.yaml",
            "  security:\n    - key:",
            &format!("  security:\n    - notAfter: {until}\n      key:"),
        );
        world.now = hour(40);
        world.checkpoint_with("keeper", 2, |said| said.revocations.clear());
        assert_exit(&world.verify("prod"), exit);
    }
    // What does not say when may be from before the end; nobody can read it either way.
    for (who, exit) in [("security", 3), ("mallory", 0)] {
        let mut world = World::checked();
        let said = json!({"scope": "ledger://acme/pay", "targets": [the_image()]});
        world.record(who, "revocation", revocation::TYPE, &said);
        world.next_policy();
        let ended = format!("  security:\n    - notAfter: {}\n      key:", hour(20));
        world.edit("release.yaml", "  security:\n    - key:", &ended);
        world.checkpoint_with("keeper", 2, |said| said.revocations.clear());
        assert_exit(&world.verify("prod"), exit);
    }
    // Another owner took over.
    let mut world = World::checked();
    world.revoke("security", &[the_image()]);
    world.next_policy();
    world.edit(
        "release.yaml",
        "revocations: {by: [security]",
        "revocations: {by: [tester]",
    );
    world.checkpoint_with("keeper", 2, |said| said.revocations.clear());
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::Revoked);
    // Once that version had ended, it is nobody's.
    let mut world = World::checked();
    world.next_policy();
    world.edit(
        "release.yaml",
        "revocations: {by: [security]",
        "revocations: {by: [tester]",
    );
    let end = format!("history: [{{until: {}, ", hour(25));
    world.edit("release.yaml", "history: [{", &end);
    world.now = hour(26);
    world.revoke("security", &[the_image()]);
    world.checkpoint_with("keeper", 2, |said| said.revocations.clear());
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn an_illegible_revocation_of_another_ledger_says_nothing_here() {
    let mut world = World::checked();
    let elsewhere = json!({"scope": "ledger://acme/web", "targets": 7});
    world.record("security", "revocation", revocation::TYPE, &elsewhere);
    assert_exit(&world.verify("prod"), 0);
    let here = json!({"scope": scope(), "targets": 7});
    world.record("security", "revocation", revocation::TYPE, &here);
    assert_exit(&world.verify("prod"), 3);
}

#[test]
fn an_answer_is_fresh_as_long_as_its_checkpoint() {
    let mut world = World::checked();
    world.now = hour(30);
    assert_eq!(world.verify("prod").fresh_until, Some(hour(48)));
    world.checkpoint_with("keeper", 2, |said| said.not_after = hour(31));
    assert_eq!(world.verify("prod").fresh_until, Some(hour(31)));
    // Where no freshness is demanded, nothing ends.
    assert_eq!(world.verify("dev").fresh_until, None);
}

/// The image was revoked at hour 24 and lifted by these at hour 25; at hour 26 a checkpoint was
/// written if `listed`. Then it is hour 40, and the keys of the leads have ended at hour 30.
fn lifted_by(who: &[&str], threshold: usize, listed: bool, at: i64) -> World {
    let mut world = World::guarded(threshold);
    world.checkpoint(1);
    let revoked = world.revoke("security", &[the_image()]);
    for who in who {
        world.now = hour(at);
        world.revoke(who, &[json!({"kind": "lift", "payload": revoked})]);
    }
    world.now = hour(26);
    if listed {
        world.checkpoint(2);
    }
    world.next_policy();
    let end = hour(30);
    let from = format!("    - key: {}", crate::kit::policy::key("carol"));
    let to = format!(
        "    - notAfter: {end}\n      key: {}",
        crate::kit::policy::key("carol")
    );
    world.edit("release.yaml", &from, &to);
    world.now = hour(40);
    world
}

#[test]
fn a_lift_that_the_owner_listed_outlives_its_key() {
    assert_exit(&lifted_by(&["carol"], 1, true, 25).verify("prod"), 0);
    assert_exit(
        &lifted_by(&["alice", "carol"], 2, true, 25).verify("prod"),
        0,
    );
    assert_exit(&lifted_by(&["carol"], 2, true, 25).verify("prod"), 14);
    // Of one that nobody else has seen only the key says that it is from before its end.
    let unseen = lifted_by(&["carol"], 1, false, 25);
    assert_exit(&unseen.verify("prod"), 14);
    assert_exit(&lifted_by(&["carol"], 1, true, 31).verify("prod"), 14);
    // Nor does a stranger's become one by being listed: it is missed, and in force is what it was.
    let strange = lifted_by(&["mallory"], 1, true, 25).verify("prod");
    assert_exit(&strange, 14);
    assert_found(&strange, Code::RevocationUnknown);
    // Another one lifts it anew.
    let mut world = unseen;
    let revoked = world
        .ledger
        .iter()
        .find(|one| one.name == "security revocation");
    let revoked = Digest::sha256(&payload(&revoked.unwrap().bundle));
    world.revoke("alice", &[json!({"kind": "lift", "payload": revoked})]);
    assert_exit(&world.verify("prod"), 0);
    // Nobody may lift any more whom a later version no longer names; what was listed stays.
    for (listed, exit) in [(true, 0), (false, 14)] {
        let mut world = World::checked();
        let revoked = world.revoke("security", &[the_image()]);
        world.revoke("carol", &[json!({"kind": "lift", "payload": revoked})]);
        if listed {
            world.checkpoint(2);
        }
        world.next_policy();
        world.edit(
            "release.yaml",
            "lift: {by: [leads]",
            "lift: {by: [security]",
        );
        assert_exit(&world.verify("prod"), exit);
    }
}

#[test]
fn a_policy_that_drops_its_owner_takes_nothing_back() {
    let rule = "revocations: {by: [security], lift: {by: [leads], threshold: 1}}\n";
    let mut world = World::checked();
    let revoked = world.revoke("security", &[the_image()]);
    world.next_policy();
    world.edit("release.yaml", rule, "");
    for environment in ["dev", "prod"] {
        let verdict = world.verify(environment);
        assert_exit(&verdict, 14);
        assert_found(&verdict, Code::Revoked);
    }
    // What was there when it was dropped can still be lifted, and only by who could.
    world.revoke("mallory", &[json!({"kind": "lift", "payload": revoked})]);
    assert_exit(&world.verify("prod"), 14);
    world.revoke("carol", &[json!({"kind": "lift", "payload": revoked})]);
    assert_exit(&world.verify("prod"), 0);
    // After the end of that version nobody revokes.
    let mut world = World::checked();
    world.next_policy();
    world.edit("release.yaml", rule, "");
    let end = format!("history: [{{until: {}, ", hour(25));
    world.edit("release.yaml", "history: [{", &end);
    world.now = hour(26);
    world.revoke("security", &[the_image()]);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn an_index_falls_with_each_of_its_platforms() {
    // Asked about is the index; what was taken back is a platform of it, or of one within it.
    let platform = Digest::sha256(b"a platform");
    let inner = index(&[index_entry(&platform)]);
    let outer = index(&[index_entry(inner.digest())]);
    let other = index(&[index_entry(&Digest::sha256(b"another platform"))]);
    for (list, indexes, exit) in [
        (&inner, vec![inner.clone()], 14),
        (&outer, vec![outer.clone(), inner.clone()], 14),
        (&other, vec![other.clone(), inner.clone()], 0),
    ] {
        for target in [
            json!({"kind": "subject", "digest": platform}),
            veto(std::slice::from_ref(&platform)),
        ] {
            let guarded = World::guarded(1);
            let mut world = World::empty();
            world.artifact = list.digest().clone();
            world.indexes = indexes.clone();
            (world.files, world.anchor) = (guarded.files, guarded.anchor);
            world.more_keys = guarded.more_keys;
            world.provenance();
            world.sbom();
            world.tests();
            let mut world = world.into_staging();
            world.approve("alice", "prod");
            world.approve("carol", "prod");
            world.now = hour(4);
            world.promote("prod");
            world.now = hour(24);
            world.checkpoint(1);
            assert_exit(&world.verify("prod"), 0);
            world.revoke("security", &[target]);
            assert_exit(&world.verify("prod"), exit);
            let (judged, _) = world.judge("prod", None);
            assert_exit(&judged, exit);
        }
    }
}

#[test]
fn a_component_is_found_in_a_graph_too() {
    let context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
    let purl = "pkg:npm/left-pad@1.3.0";
    let package = json!({"type": "software_Package", "software_packageUrl": purl});
    let named = json!({"type": "software_Package", "externalIdentifier": [
        {"type": "ExternalIdentifier", "externalIdentifierType": "packageUrl", "identifier": purl}]});
    let within = json!({"type": "Relationship", "to": [{"type": "software_Package",
        "software_packageUrl": purl}]});
    let zlib = json!({"type": "software_Package", "software_packageUrl": "pkg:generic/zlib@1"});
    let odd = json!({"type": "software_Package", "software_packageUrl": 7});
    for (document, exit) in [
        (json!({"@context": context, "@graph": [zlib, package]}), 14),
        (json!({"@context": context, "@graph": [named]}), 14),
        (json!({"@context": context, "@graph": [within]}), 14),
        (json!({"@context": context, "@graph": [zlib]}), 0),
        (json!({"@context": context, "@graph": [odd]}), 3),
        // What its names mean is not known.
        (
            json!({"@context": {"p": "software_packageUrl"}, "@graph": [{"p": purl}]}),
            3,
        ),
        (json!({"@graph": [package]}), 3),
        (json!({"@context": context, "type": "software_Package"}), 3),
    ] {
        let mut world = World::checked();
        world.attest("builder", bulla_model::predicate::SPDX, &document);
        assert_exit(&world.verify("prod"), 0);
        world.revoke("security", &[json!({"kind": "component", "purl": purl})]);
        assert_exit(&world.verify("prod"), exit);
    }
}
