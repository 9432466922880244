//! The honest journey: what must be allowed.

use crate::kit::{World, assert_exit, assert_found, codes, hour, index, index_entry, show};
use bulla_model::Digest;
use bulla_verify::{Code, Decision};

#[test]
fn the_honest_journey_is_allowed_in_every_environment() {
    let world = World::journey();
    for (environment, steps) in [("dev", 1), ("staging", 2), ("prod", 3)] {
        let verdict = world.verify(environment);
        assert_exit(&verdict, 0);
        assert_eq!(verdict.decision, Decision::Allow);
        assert_eq!(verdict.steps.len(), steps, "{environment}");
        assert_eq!(codes(&verdict), [Code::RevocationsUnproven]);
    }
    let verdict = world.verify("prod");
    let walked: Vec<_> = verdict
        .steps
        .iter()
        .map(|step| (step.environment.as_str(), step.at))
        .collect();
    assert_eq!(
        walked,
        [("dev", hour(1)), ("staging", hour(2)), ("prod", hour(4))]
    );
    let persons: Vec<_> = verdict
        .persons
        .iter()
        .map(bulla_model::Person::as_str)
        .collect();
    assert_eq!(persons, ["alice", "carol"]);
    assert_eq!(verdict.steps[0].approved_by, []);
    assert_eq!(verdict.steps[2].approved_by, verdict.persons);
    assert_eq!(verdict.attestations, 8);
}

#[test]
fn the_uri_of_an_environment_is_as_good_as_its_name() {
    let verdict = World::journey().verify("env://acme/pay/prod");
    assert_exit(&verdict, 0);
}

#[test]
fn every_step_is_allowed_before_it_is_taken() {
    let promoter = crate::kit::Signer::named("promoter").identity();
    let mut world = World::built();
    for environment in ["dev", "staging"] {
        let (verdict, draft) = world.judge(environment, Some(&promoter));
        assert_exit(&verdict, 0);
        assert_eq!(draft.unwrap().already, None);
        world.promote(environment);
    }
    let (verdict, draft) = World::approved().judge("prod", Some(&promoter));
    assert_exit(&verdict, 0);
    let draft = draft.unwrap();
    assert_eq!(draft.chain.sequence, 3);
    assert_eq!(draft.service.as_str(), "pay-api");
    assert_eq!(draft.gates.len(), 2, "provenance and approvals");
}

#[test]
fn what_was_promoted_stays_promoted_when_its_evidence_ages() {
    let mut world = World::journey();
    world.now = hour(24 * 365);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_platform_is_covered_by_an_index_whose_bytes_list_it() {
    let platform = Digest::sha256(b"linux/amd64");
    let list = index(&[index_entry(&platform)]);
    let mut world = World::empty();
    world.artifact = list.digest().clone();
    world.provenance();
    world.sbom();
    world.tests();
    let mut world = world.into_staging();
    world.artifact = platform.clone();
    assert_exit(&world.verify("staging"), 13);
    world.indexes = vec![list];
    let verdict = world.verify("staging");
    assert_exit(&verdict, 0);
    assert_eq!(verdict.subject, platform);
}

#[test]
fn an_index_that_does_not_list_the_platform_covers_nothing() {
    let platform = Digest::sha256(b"linux/amd64");
    let mut attestation = index_entry(&platform);
    attestation["annotations"] =
        serde_json::json!({"vnd.docker.reference.type": "attestation-manifest"});
    for entries in [vec![index_entry(&image_of("other"))], vec![attestation]] {
        let list = index(&entries);
        let mut world = World::empty();
        world.artifact = list.digest().clone();
        world.provenance();
        world.now = hour(1);
        world.promote("dev");
        world.artifact = platform.clone();
        world.indexes = vec![list];
        let verdict = world.verify("dev");
        assert!(verdict.exit_code() != 0, "{}", show(&verdict));
        assert_found(&verdict, Code::SubjectMismatch);
    }
}

#[test]
fn o5_a_platform_does_not_cover_its_index() {
    let mut world = World::journey();
    let list = index(&[index_entry(&world.artifact)]);
    world.artifact = list.digest().clone();
    world.indexes = vec![list];
    assert_exit(&world.verify("dev"), 13);
}

fn image_of(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}
