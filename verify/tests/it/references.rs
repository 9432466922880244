//! Bills of materials by reference: who may name them, and what becomes of the document.

use std::sync::Arc;

use bulla_model::predicate::{CYCLONEDX, SPDX, reference};
use bulla_model::{Digest, Limits, ResourceDescriptor};
use bulla_verify::{
    Code, Document, DocumentsQuestion, Evidence, ExpectedClaim, ExpectedSigner, ReferredBy, Trust,
    Verdict, documents_named,
};
use serde_json::{Value, json};

use crate::kit::{Signer, World, assert_exit, assert_found, codes, hour, tampered};
use crate::signed::Ask;

const CYCLONEDX_MEDIA: &str = "application/vnd.cyclonedx+json";

pub(crate) fn sbom() -> Vec<u8> {
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "components": [{"type": "library", "name": "zlib"}, {"type": "library", "name": "bash"}],
    })
    .to_string()
    .into_bytes()
}

/// A document as a statement names it, with an address that nobody may ask.
pub(crate) fn named(bytes: &[u8]) -> Value {
    json!({
        "mediaType": CYCLONEDX_MEDIA,
        "downloadLocation": "https://evil.example.test/sbom.json",
        "digest": {"sha256": Digest::sha256(bytes).hex()},
    })
}

pub(crate) fn refer(world: &mut World, who: &str, references: &[Value]) {
    let predicate =
        json!({"attester": {"id": "https://example.test/attester"}, "references": references});
    world.attest(who, reference::TYPE, &predicate);
}

pub(crate) fn give(world: &mut World, bytes: &[u8]) {
    let document = Document::Bytes(Arc::from(bytes));
    world.documents.insert(Digest::sha256(bytes), document);
}

/// A reference by the builder, with its document.
fn referred() -> World {
    let mut world = World::empty();
    refer(&mut world, "builder", &[named(&sbom())]);
    give(&mut world, &sbom());
    world
}

fn asked(evidence: Evidence) -> Verdict {
    let mut ask = Ask::new(evidence);
    ask.trusted.push("mallory");
    ask.claim = ExpectedClaim::Attestation(CYCLONEDX.to_owned());
    ask.verdict()
}

/// What is worth looking for where the builder's bills of materials are asked for.
fn worth(world: &World) -> Vec<Digest> {
    let keys = ["builder", "mallory"].map(|name| Signer::named(name).public());
    let trust = Trust::new(keys, &[], hour(1), &world.limits).unwrap();
    let builder = ExpectedSigner::Key(Signer::named("builder").key_id());
    worth_to(world, &trust, ReferredBy::Signer(&builder))
}

/// What is worth looking for to the world's policy.
pub(crate) fn worth_to_policy(world: &World) -> Vec<Digest> {
    let policy = world.parsed();
    let trust = world.trust(&policy);
    worth_to(world, &trust, ReferredBy::Policy(&policy))
}

fn worth_to(world: &World, trust: &Trust, by: ReferredBy<'_>) -> Vec<Digest> {
    documents_named(&DocumentsQuestion {
        evidence: &world.gathered(),
        trust,
        by,
        now: hour(1),
        limits: &world.limits,
        cancelled: &|| false,
    })
}

/// The step into staging, which takes an SBOM by the builder.
fn into_staging(mut world: World) -> Verdict {
    world.provenance();
    world.tests();
    world.now = hour(1);
    world.promote("dev");
    world.now = hour(2);
    world.judge("staging", None).0
}

#[test]
fn a_document_by_reference_counts_as_if_its_signer_had_attested_it() {
    let verdict = asked(referred().gathered());
    assert_exit(&verdict, 0);
    assert_eq!(verdict.attestations, 1, "one statement, told twice");
    let digest = Digest::sha256(&sbom());
    let [signature] = verdict.signatures.as_slice() else {
        panic!("{verdict:?}");
    };
    assert_eq!(signature.document.as_ref(), Some(&digest));
    assert_eq!(signature.predicate_type.as_deref(), Some(CYCLONEDX));
    assert!(signature.counts);
    let said = &verdict.checks[0].summary;
    assert!(
        said.contains(&format!("by reference to {digest}")),
        "{said}"
    );

    let verdict = into_staging(referred());
    assert_exit(&verdict, 0);
    let check = verdict.checks.iter().find(|check| check.name == "sbom");
    let said = &check.unwrap().summary;
    assert_eq!(*said, format!("2 packages, by reference to {digest}"));
}

#[test]
fn a_reference_is_one_input_of_a_promotion() {
    let mut world = referred();
    world.provenance();
    world.tests();
    world.now = hour(1);
    let (_, draft) = world.judge("dev", None);
    assert_eq!(draft.unwrap().inputs.len(), 3);
}

#[test]
fn a_document_that_cannot_be_had_is_doubt() {
    for document in [
        None,
        Some(Document::Unavailable("it is not there".to_owned())),
    ] {
        let mut world = referred();
        world.documents.clear();
        if let Some(document) = document {
            world.documents.insert(Digest::sha256(&sbom()), document);
        }
        // Junk by strangers does not make a denial of it.
        refer(&mut world, "mallory", &[named(b"junk")]);
        let mut strange = referred();
        world.evidence.append(&mut strange.evidence);
        let verdict = asked(world.gathered());
        assert_exit(&verdict, 3);
        assert_found(&verdict, Code::EvidenceIncomplete);
        assert!(verdict.signatures.iter().all(|signature| !signature.counts));
        let verdict = into_staging(world);
        assert_exit(&verdict, 3);
        assert_found(&verdict, Code::EvidenceIncomplete);
    }
}

#[test]
fn another_document_under_the_digest_is_tampering() {
    let mut other = sbom();
    other.extend_from_slice(b" ");
    for document in [
        Document::Bytes(Arc::from(other.as_slice())),
        Document::Altered("the store has another".to_owned()),
    ] {
        let mut world = referred();
        world.documents.insert(Digest::sha256(&sbom()), document);
        let verdict = asked(world.gathered());
        assert_exit(&verdict, 12);
        assert_found(&verdict, Code::DocumentMismatch);
        let verdict = into_staging(world);
        assert_exit(&verdict, 12);
        assert_found(&verdict, Code::DocumentMismatch);
    }
}

#[test]
fn every_digest_of_a_document_has_to_be_its_own() {
    let document = sbom();
    for (sha512, exit) in [
        (Digest::of(bulla_model::Algorithm::Sha512, &document), 0),
        (Digest::of(bulla_model::Algorithm::Sha512, b"other"), 12),
    ] {
        let mut world = World::empty();
        let mut reference = named(&document);
        reference["digest"]["sha512"] = json!(sha512.hex());
        refer(&mut world, "builder", &[reference]);
        give(&mut world, &document);
        assert_exit(&asked(world.gathered()), exit);
    }
}

#[test]
fn a_reference_by_a_stranger_counts_for_nothing_whatever_it_names() {
    for with_document in [true, false] {
        let mut world = World::empty();
        refer(&mut world, "mallory", &[named(&sbom())]);
        if with_document {
            give(&mut world, &sbom());
        }
        let verdict = asked(world.gathered());
        assert_exit(&verdict, 11);
        assert_found(&verdict, Code::SignerUntrusted);
        // Nobody knows this key.
        assert_exit(&into_staging(world), 11);
    }
}

#[test]
fn a_reference_about_another_image_counts_for_nothing() {
    let mut world = World::empty();
    let other = ResourceDescriptor::of(Digest::sha256(b"another image"));
    let predicate = json!({"attester": {"id": "x:y"}, "references": [named(&sbom())]});
    world.attest_about("builder", reference::TYPE, &predicate, &[other]);
    give(&mut world, &sbom());
    assert!(worth(&world).is_empty() && worth_to_policy(&world).is_empty());
    assert_exit(&asked(world.gathered()), 10);
}

#[test]
fn what_is_no_bill_of_materials_of_the_named_kind_is_refused() {
    let bundle = referred().evidence.remove(0).bundle;
    let spdx = json!({"spdxVersion": "SPDX-2.3", "packages": [{"name": "a"}]}).to_string();
    let repeated = br#"{"bomFormat":"CycloneDX","components":[],"components":[{}]}"#;
    for document in [
        // A reference to a reference is not followed.
        bundle.as_slice(),
        b"{}".as_slice(),
        b"no JSON".as_slice(),
        spdx.as_bytes(),
        repeated.as_slice(),
    ] {
        let mut world = World::empty();
        refer(&mut world, "builder", &[named(document)]);
        give(&mut world, document);
        let verdict = asked(world.gathered());
        assert_exit(&verdict, 12);
        assert_found(&verdict, Code::StatementUnusable);
    }
}

#[test]
fn a_reference_to_a_reference_is_not_followed() {
    let bundle = referred().evidence.remove(0).bundle;
    for media_type in [
        "application/vnd.in-toto+json",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/octet-stream",
    ] {
        let mut world = World::empty();
        let mut reference = named(&bundle);
        reference["mediaType"] = json!(media_type);
        refer(&mut world, "builder", &[reference]);
        give(&mut world, &bundle);
        give(&mut world, &sbom());
        assert!(worth(&world).is_empty());
        assert_exit(&asked(world.gathered()), 10);
    }
}

#[test]
fn a_document_without_packages_is_no_bill_of_materials() {
    let empty = json!({"bomFormat": "CycloneDX", "components": []}).to_string();
    let mut world = World::empty();
    refer(&mut world, "builder", &[named(empty.as_bytes())]);
    give(&mut world, empty.as_bytes());
    let verdict = into_staging(world);
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::SbomEmpty);
}

#[test]
fn formats_are_told_apart() {
    let mut ask = Ask::new(referred().gathered());
    ask.claim = ExpectedClaim::Attestation(SPDX.to_owned());
    assert_exit(&ask.verdict(), 10);
    // A signature of the image itself is not asked for and not given by it.
    let mut ask = Ask::new(referred().gathered());
    ask.claim = ExpectedClaim::Signature;
    assert_exit(&ask.verdict(), 10);
}

#[test]
fn f38_a_thousand_references_are_not_followed() {
    let many: Vec<Value> = (0..1000).map(|n: u32| named(&n.to_be_bytes())).collect();
    let mut world = World::empty();
    refer(&mut world, "builder", &many);
    assert!(worth(&world).is_empty() && worth_to_policy(&world).is_empty());
    let verdict = asked(world.gathered());
    assert_exit(&verdict, 12);
    assert_found(&verdict, Code::StatementUnusable);
    let text = serde_json::to_string(&verdict).unwrap();
    assert!(text.contains("1000 documents, the limit is 16"), "{text}");
}

#[test]
fn f38_statements_with_many_references_keep_no_other_from_being_looked_for() {
    let mut world = World::empty();
    for statement in 0_u32..40 {
        let many: Vec<Value> = (0..16_u32)
            .map(|n| named(&(statement * 16 + n).to_be_bytes()))
            .collect();
        refer(&mut world, "builder", &many);
    }
    refer(&mut world, "builder", &[named(&sbom())]);
    let found = worth(&world);
    assert_eq!(found.len(), Limits::default().referrers_per_digest);
    assert!(found.contains(&Digest::sha256(&sbom())));
}

#[test]
fn f41_what_strangers_refer_to_is_not_worth_looking_for() {
    let good = vec![Digest::sha256(&sbom())];
    let mut world = World::empty();
    for junk in 0_u32..32 {
        refer(&mut world, "mallory", &[named(&junk.to_be_bytes())]);
    }
    refer(&mut world, "builder", &[named(b"changed")]);
    let changed = world.evidence.last_mut().unwrap();
    changed.bundle = tampered(&changed.bundle, "09:00:00Z", "09:00:01Z");
    assert!(worth(&world).is_empty() && worth_to_policy(&world).is_empty());
    refer(&mut world, "builder", &[named(&sbom())]);
    assert_eq!(worth(&world), good);
    assert_eq!(worth_to_policy(&world), good);
    // A signer the policy knows, and takes no bill of materials from.
    let mut world = World::empty();
    refer(&mut world, "tester", &[named(&sbom())]);
    assert!(worth_to_policy(&world).is_empty());
}

#[test]
fn documents_are_worth_looking_for_where_some_step_takes_a_bill_of_materials() {
    let mut world = referred();
    let good = vec![Digest::sha256(&sbom())];
    assert_eq!(worth_to_policy(&world), good);
    // What was promoted under the version before is judged by it.
    world.next_policy();
    let (base, rule) = ("release.yaml", "      sbom: {by: [builder], maxAge: 30d}\n");
    world.edit(base, rule, "");
    assert_eq!(worth_to_policy(&world), good);
    let mut world = referred();
    world.edit(base, rule, "");
    assert!(worth_to_policy(&world).is_empty());
}

#[test]
fn f38_an_oversized_document_is_refused() {
    let mut document = sbom();
    document.resize(2000, b' ');
    let mut world = World::empty();
    refer(&mut world, "builder", &[named(&document)]);
    give(&mut world, &document);
    world.limits.document_bytes = 1999;
    let verdict = into_staging(world);
    assert_exit(&verdict, 12);
    assert!(!codes(&verdict).contains(&Code::SbomEmpty));
    assert_found(&verdict, Code::StatementUnusable);
}

#[test]
fn documents_are_not_read_where_nobody_refers_to_them() {
    let mut world = World::empty();
    give(&mut world, &sbom());
    assert_exit(&asked(world.gathered()), 10);
}
