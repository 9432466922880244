//! Provenance, bills of materials and test runs: missing, wrong, by the wrong people.

use bulla_model::predicate::{CYCLONEDX, slsa_provenance, test_result};
use bulla_model::{Digest, Envelope, EnvelopeSignature, envelope};
use bulla_verify::Document;
use serde_json::{Value, json};

use super::story::{ruled, stories, verify, with};
use crate::kit::{self, Signer, World, hour, payload, tampered};
use crate::references::{give, named, refer, sbom};

stories! {
    "provenance-missing", "Step 4: the service",
        "Without provenance there is no service.",
        10 ProvenanceMissing => verify("staging", without("builder provenance"));
    "provenance-of-another-source", "Step 4: the service",
        "A source that no service owns is a failure.",
        1 ServiceMismatch => verify("dev", built_from("https://github.com/mallory/pay"));
    "provenance-of-two-services", "Step 4: the service",
        "Two services are none.",
        1 ServiceMismatch => verify("prod", with(World::journey(), |world| {
            let wiki = kit::provenance("https://github.com/acme/wiki", &["dave@acme.example"]);
            world.attest("builder", slsa_provenance::TYPE, &wiki);
        }));
    "provenance-by-a-stranger", "Step 4: the service",
        "Provenance by somebody whom nobody names says nothing.",
        11 ProvenanceMissing SignerUntrusted => verify("staging", with(World::staged(), |world| world.sign_over("builder provenance", "tester")));
    "provenance-unreadable", "Step 4: the service",
        "Provenance by somebody who is named that cannot be read speaks before a stranger's.",
        1 ProvenanceMissing StatementUnusable SignerUntrusted => verify("staging", with(without("builder provenance"), |world| {
            world.attest("builder", slsa_provenance::TYPE, &json!({"buildDefinition": 3}));
            let stranger = kit::provenance("https://github.com/acme/pay", &[]);
            world.attest("mallory", slsa_provenance::TYPE, &stranger);
        }));
    "provenance-of-another-way", "Step 8: requirements",
        "Provenance matches one of `buildTypes`.",
        1 ProvenanceMissing ProvenanceMismatch => verify("prod", {
            let mut world = World::empty();
            let mut build = kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
            build["buildDefinition"]["buildType"] = json!("https://example.test/elsewhere/v1");
            world.attest("builder", slsa_provenance::TYPE, &build);
            world.sbom();
            world.tests();
            super::story::into_prod(world.into_staging(), &["alice", "carol"])
        });
    "promotion-young-enough", "Step 8: requirements",
        "What is standing may say how old a promotion grows.",
        0 => verify("prod", promoted_long_ago("prod", 104));
    "promotion-too-old", "Step 8: requirements",
        "A promotion that grew older than the environment takes is over.",
        14 PromotionExpired => verify("prod", promoted_long_ago("prod", 105));
    "promotion-too-old-on-the-way", "6.2 The promotion",
        "How old promotions on the way are is not asked.",
        0 => verify("prod", promoted_long_ago("staging", 105));
    "payload-changed", "Step 2: verified statements",
        "The signature is over the bytes received.",
        12 SbomMissing SignatureInvalid => verify("staging", with(World::staged(), |world| {
            let sbom = world.take("builder sbom").remove(0).bundle;
            world.add("builder sbom changed", tampered(&sbom, "zlib", "bzip"));
        }));
    "signed-under-another-s-name", "Step 2: verified statements",
        "A hint says which key to try, and nothing else.",
        12 ProvenanceMissing SignatureInvalid => verify("dev", with(World::built(), |world| {
            let bytes = payload(&world.take("builder provenance").remove(0).bundle);
            let hint = Signer::named("builder").key_id().hint();
            world.add("mallory as builder", Signer::named("mallory").seal_as(&bytes, envelope::IN_TOTO, &hint));
        }));
    "name-twice-in-a-statement", "Step 2: verified statements",
        "JSON with a member twice is malformed.",
        10 ProvenanceMissing => verify("dev", with(World::built(), |world| {
            let bytes = payload(&world.take("builder provenance").remove(0).bundle);
            let twice = String::from_utf8(bytes).unwrap().replacen('{', "{\"predicateType\":\"https://x.example.test\",", 1);
            world.add("builder provenance", Signer::named("builder").seal(twice.as_bytes()));
        }));
    "another-payload-type", "Step 2: verified statements",
        "The payload type is in-toto's.",
        10 ProvenanceMissing => verify("dev", with(World::built(), |world| {
            let builder = Signer::named("builder");
            let bytes = payload(&world.take("builder provenance").remove(0).bundle);
            world.add("builder provenance", builder.seal_as(&bytes, "application/json", &builder.key_id().hint()));
        }));
    "plain-envelope", "Step 2: verified statements",
        "The signatures of a plain envelope are judged each by itself, whatever key they name.",
        0 => verify("staging", with(World::staged(), |world| {
            let bytes = payload(&world.take("builder provenance").remove(0).bundle);
            let signature = |name: &str| EnvelopeSignature {
                key_id: None,
                signature: Signer::named(name).signature(envelope::IN_TOTO, &bytes),
            };
            let both = vec![signature("mallory"), signature("builder")];
            world.add("builder provenance", Envelope::new(bytes.clone(), envelope::IN_TOTO, both).to_json());
        }));
    "sbom-missing", "Step 8: requirements",
        "The step needs a bill of materials.",
        10 SbomMissing => verify("staging", without("builder sbom"));
    "sbom-empty", "Step 8: requirements",
        "A bill of materials lists a package.",
        1 SbomMissing SbomEmpty => verify("staging", listing(&json!([])));
    "sbom-of-unknown-time", "Step 8: requirements",
        "With `maxAge` the age is known.",
        14 SbomMissing StatementStale => verify("staging", {
            let mut world = World::empty();
            world.provenance();
            world.tests();
            world.attest_at("builder", CYCLONEDX, &json!({"bomFormat": "CycloneDX", "components": [{"name": "zlib"}]}), None);
            world.into_staging()
        });
    "sbom-by-reference", "Step 2: verified statements",
        "A reference adds a statement for each document that has its digest.",
        0 => verify("staging", referred(|world| give(world, &sbom())));
    "sbom-by-reference-changed", "Step 2: verified statements",
        "A document with another digest than was signed is a refusal.",
        12 SbomMissing DocumentMismatch => verify("staging", referred(|world| {
            let other = Document::Bytes(br#"{"bomFormat":"CycloneDX","components":[]}"#.as_slice().into());
            world.documents.insert(Digest::sha256(&sbom()), other);
        }));
    "sbom-by-reference-not-at-hand", "Step 8: requirements",
        "What a document would have said that could not be had is not known.",
        3 SbomMissing EvidenceIncomplete => verify("staging", referred(|world| {
            let gone = Document::Unavailable("answered 500".to_owned());
            world.documents.insert(Digest::sha256(&sbom()), gone);
        }));
    "tests-missing", "Step 8: requirements",
        "The step needs a test run.",
        10 TestsMissing => verify("staging", without("tester tests"));
    "tests-failed", "Step 8: requirements",
        "A test run that failed denies.",
        1 TestsFailed => verify("staging", tested(&[("FAILED", 0)]));
    "tests-failed-later", "Step 8: requirements",
        "An old clean run does not hide a newer one that failed.",
        1 TestsFailed => verify("staging", tested(&[("PASSED", 0), ("FAILED", 1)]));
    "tests-failed-before", "Step 8: requirements",
        "The newest run counts.",
        0 => verify("staging", tested(&[("FAILED", 0), ("PASSED", 1)]));
    "tests-too-old", "Step 8: requirements",
        "A test run is not older than `maxAge` when the step is taken.",
        14 TestsMissing StatementStale => verify("staging", tested(&[("PASSED", -80)]));
    "tests-too-late", "Step 8: requirements",
        "A test run was there when the step was taken.",
        1 TestsMissing TooLate => verify("staging", with(tested(&[("PASSED", 3)]), |world| world.now = hour(4)));
    "tests-by-the-builder", "Step 8: requirements",
        "A test run is signed by whom the rule names.",
        11 TestsMissing SignerUntrusted => verify("staging", with(World::staged(), |world| world.sign_over("tester tests", "builder")));
    "tests-may-be-newer", "Absence and the newest",
        "The newest run is not known while evidence is incomplete.",
        3 => verify("staging", with(
            ruled("release.yaml", "tests: {by: [tester], maxAge: 72h}", "tests: {by: [tester]}"),
            |world| world.truncated = true,
        ));
    "tests-may-be-newer-at-any-age", "Absence and the newest",
        "No age bounds what may be missing: it may be newer.",
        3 EvidenceIncomplete => verify("staging", with(World::staged(), |world| world.truncated = true));
    "tests-failed-without-a-time", "Step 8: requirements",
        "A failed run whose time nothing tells may be the newest, and young.",
        1 TestsFailed => verify("staging", with(World::staged(), |world| {
            let failed = json!({"result": "FAILED", "configuration": []});
            world.attest_at("tester", test_result::TYPE, &failed, None);
        }));
    "tighter-than-the-edge", "6.2 The promotion",
        "What the service's own file asks for holds as well.",
        10 SbomMissing => verify("dev", {
            let mut world = World::empty();
            let tighten = "tighten:\n  - to: dev\n    require: {sbom: {by: [builder]}}\nsources:";
            world.edit("services/pay-api.yaml", "sources:", tighten);
            world.provenance();
            world.now = hour(1);
            world.promote("dev");
            world
        });
}

/// In prod since hour 4, where this environment takes promotions of up to 100 hours.
fn promoted_long_ago(to: &str, now: i64) -> World {
    let rule = "standing: true, require: {promotionAge: {max: 100h}}";
    let rules = format!("tighten: [{{to: {to}, {rule}}}]\nedges:\n");
    let staged = ruled("release.yaml", "edges:\n", &rules);
    let mut world = super::story::into_prod(staged, &["alice", "carol"]);
    world.now = hour(now);
    world
}

/// Staging once this has gone.
fn without(entry: &str) -> World {
    with(World::staged(), |world| drop(world.take(entry)))
}

fn built_from(source: &str) -> World {
    let mut world = World::empty();
    let build = kit::provenance(source, &["dave@acme.example"]);
    world.attest("builder", slsa_provenance::TYPE, &build);
    world
}

fn listing(components: &Value) -> World {
    let mut world = World::empty();
    world.provenance();
    world.tests();
    let document = json!({"bomFormat": "CycloneDX", "components": components});
    world.attest("builder", CYCLONEDX, &document);
    world.into_staging()
}

/// The bill of materials is referred to, and found like this.
fn referred(found: impl FnOnce(&mut World)) -> World {
    let mut world = World::empty();
    world.provenance();
    world.tests();
    refer(&mut world, "builder", &[named(&sbom())]);
    found(&mut world);
    world.into_staging()
}

/// Test runs with these results, so many hours after the start.
fn tested(runs: &[(&str, i64)]) -> World {
    let mut world = World::empty();
    world.provenance();
    world.sbom();
    for (result, hours) in runs {
        let run = json!({"result": result, "configuration": []});
        world.attest_at("tester", test_result::TYPE, &run, Some(hour(*hours)));
    }
    world.into_staging()
}
