//! Revocations of what an artifact consists of: platforms of indexes, and components.

use serde_json::{Value, json};

use bulla_model::predicate::CYCLONEDX;
use bulla_model::{Digest, Manifest};
use bulla_verify::{Code, Decision};

use crate::kit::{World, assert_exit, assert_found, hour, index, index_entry};

/// The journey of an index, with a checkpoint.
pub(crate) fn listing(list: &Manifest, indexes: &[&Manifest]) -> World {
    let guarded = World::guarded(1);
    let mut world = World::empty();
    world.artifact = list.digest().clone();
    world.indexes = indexes.iter().copied().cloned().collect();
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
    world
}

fn subject(digest: &Digest) -> Value {
    json!({"kind": "subject", "digest": digest})
}

#[test]
fn an_entry_is_revoked_whatever_it_calls_itself() {
    let image = Digest::sha256(b"image");
    let mut entry = index_entry(&image);
    entry["platform"] = json!({"os": "linux", "architecture": "amd64"});
    entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let list = index(&[entry]);
    let mut world = listing(&list, &[&list]);
    world.revoke("security", &[subject(&image)]);
    assert_exit(&world.verify("prod"), 14);
    // An index under the label of an image.
    let inner = index(&[index_entry(&image)]);
    let outer = index(&[index_entry(inner.digest())]);
    let mut world = listing(&outer, &[&outer, &inner]);
    world.revoke("security", &[subject(&image)]);
    assert_exit(&world.verify("prod"), 14);
}

#[test]
fn an_index_that_is_not_known_whole_hides_no_platform() {
    let inner = index(&[index_entry(&Digest::sha256(b"image"))]);
    let mut entry = index_entry(inner.digest());
    entry["mediaType"] = json!(bulla_model::media_type::IMAGE_INDEX);
    let outer = index(&[entry]);
    let other = Digest::sha256(b"another image");
    for (indexes, exit) in [(&[&outer, &inner][..], 0), (&[&outer], 3)] {
        let mut world = listing(&outer, indexes);
        world.revoke("security", &[subject(&other)]);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        assert_eq!(verdict.decision == Decision::Undetermined, exit == 3);
        if exit == 3 {
            assert_found(&verdict, Code::EvidenceIncomplete);
        }
    }
}

#[test]
fn a_component_is_found_under_each_name_of_its_kind() {
    let purl = "pkg:npm/left-pad@1.3.0";
    let refers = |kind: &str| {
        json!({"spdxVersion": "SPDX-2.3", "packages": [{"name": "x", "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": kind, "referenceLocator": purl}]}]})
    };
    let spdx = bulla_model::predicate::SPDX;
    for (kind, document, exit) in [
        (spdx, refers("purl"), 14),
        (spdx, refers("http://spdx.org/rdf/references/purl"), 14),
        (spdx, refers("cpe23Type"), 0),
        // What is in another document is not known.
        (
            spdx,
            json!({"packages": [], "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}),
            3,
        ),
        (
            spdx,
            json!({"packages": [], "externalDocumentRefs": [{"externalDocumentId": "DocumentRef-x"}]}),
            3,
        ),
        (spdx, json!({"packages": [], "externalDocumentRefs": []}), 0),
        (
            spdx,
            json!({"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
                {"type": "SpdxDocument", "import": [{"externalSpdxId": "urn:x"}]}]}),
            3,
        ),
        (
            CYCLONEDX,
            json!({"components": [{"name": "x", "externalReferences": [
                {"type": "bom", "url": "urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1"}]}]}),
            3,
        ),
        (
            CYCLONEDX,
            json!({"externalReferences": [{"type": "bom", "url": "urn:cdx:x/1"}]}),
            3,
        ),
        (
            CYCLONEDX,
            json!({"externalReferences": [{"type": "website", "url": "https://example.test"}]}),
            0,
        ),
        // What is known decides.
        (
            CYCLONEDX,
            json!({"components": [{"name": "y", "purl": purl}],
                "externalReferences": [{"type": "bom", "url": "urn:cdx:x/1"}]}),
            14,
        ),
    ] {
        let mut world = World::checked();
        world.attest("builder", kind, &document);
        assert_exit(&world.verify("prod"), 0);
        world.revoke("security", &[json!({"kind": "component", "purl": purl})]);
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        if exit == 3 {
            assert_found(&verdict, Code::ComponentUnknown);
        }
    }
}
