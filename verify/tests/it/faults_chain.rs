//! Faults of policies and of the tools that admit by them, by the numbers of `docs/faults.md`.

use bulla_model::predicate::slsa_provenance;
use bulla_verify::{Code, ExpectedClaim, Pattern};
use jiff::SignedDuration;
use serde_json::json;

use crate::kit::{World, assert_exit, assert_found, hour};
use crate::signed::Ask;

#[test]
fn f06_an_image_with_attestations_of_other_types_is_not_admitted() {
    // Everything the step needs except provenance, and attestations of types nobody asked for.
    let mut world = World::empty();
    world.sbom();
    world.tests();
    world.attest("builder", "https://openvex.dev/ns", &json!({}));
    world.attest("builder", slsa_provenance::TYPE_V0_2, &json!({}));
    let verdict = world.verify("dev");
    assert_ne!(verdict.exit_code(), 0);
    // The same with provenance is.
    let mut world = World::built();
    world.promote("dev");
    assert_exit(&world.verify("dev"), 0);
    world.take("builder provenance");
    assert_ne!(world.verify("dev").exit_code(), 0);
}

#[test]
fn f27_patterns_have_one_grammar_and_brackets_are_letters() {
    for pattern in ["ci-[!a]", "ci-[^a]", "ci-[a-z]", "ci-?", "ci-{a,b}"] {
        let glob = Pattern::Glob(pattern.to_owned());
        assert!(glob.matches(pattern), "{pattern} stands for itself");
        for text in ["ci-b", "ci-a", "ci-!", "ci-^", "ci-"] {
            assert!(!glob.matches(text), "{pattern} matches {text}");
        }
    }
    let star = Pattern::Glob("https://ci.example.test/*/x".to_owned());
    assert!(star.matches("https://ci.example.test/a/x"));
    assert!(!star.matches("https://ci.example.test/a/b/x"));
}

#[test]
fn f30_a_collection_counts_for_nothing_that_is_inside_it() {
    // One statement that bundles several attestations is of its own type only.
    let collection = "https://witness.testifysec.com/attestation-collection/v0.1";
    let mut world = World::empty();
    let time = "2026-01-01T00:00:00Z";
    let inside = crate::kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
    let attestations = json!({"name": "build", "attestations": [
        {"type": slsa_provenance::TYPE, "attestation": inside, "starttime": time, "endtime": time},
        {"type": "https://witness.dev/attestations/policy/v0.1", "attestation": {"passed": false}, "starttime": time, "endtime": time},
    ]});
    world.attest("builder", collection, &attestations);
    let mut ask = Ask::new(world.gathered());
    ask.claim = ExpectedClaim::Attestation(slsa_provenance::TYPE.to_owned());
    assert_exit(&ask.verdict(), 10);
    assert_ne!(world.verify("dev").exit_code(), 0);
}

#[test]
fn f33_a_valid_but_expired_promotion_is_refused_later() {
    let mut world = World::built();
    world.promote_with("dev", |said| {
        said.not_after = Some(said.issued_at + SignedDuration::from_hours(2));
    });
    assert_exit(&world.verify("dev"), 0);
    world.now = hour(12);
    let verdict = world.verify("dev");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::PromotionExpired);
}
