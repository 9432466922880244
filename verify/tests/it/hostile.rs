//! Ways round the rules that a hostile reader of the code found. Each test fails without its fix.

use serde_json::json;

use bulla_model::predicate::{draft, promotion, slsa_provenance};
use bulla_model::{Digest, DigestSet, ResourceDescriptor};
use bulla_verify::{Code, Evidence};

use crate::kit::{self, Signer, World, assert_exit, assert_found, hour, show};

/// Says it again about the image and about something without a sha256 digest.
fn with_weak_subject(world: &mut World, kind: &str) {
    let bundle = world.take("promoter promotion dev").remove(0).bundle;
    let said = serde_json::to_value(kit::promotion_in(&bundle)).unwrap();
    let weak = ResourceDescriptor {
        digest: DigestSet::default().with_value("gitCommit", "9c1e44d"),
        ..ResourceDescriptor::default()
    };
    let image = ResourceDescriptor::of(world.artifact.clone());
    world.attest_about("promoter", kind, &said, &[image, weak]);
}

#[test]
fn a_subject_without_sha256_does_not_switch_the_requirements_off() {
    let mut world = World::built();
    world.promote("dev");
    let mut older = World::built();
    older.promote("dev");
    with_weak_subject(&mut older, draft::PROMOTION);
    let verdict = older.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::SubjectMismatch);
    // Version 1 cannot even be read with such a subject.
    with_weak_subject(&mut world, promotion::TYPE);
    let verdict = world.verify("dev");
    assert_exit(&verdict, 12);
    assert_found(&verdict, Code::StatementUnusable);
}

#[test]
fn whoever_built_under_a_service_s_own_rule_may_not_approve_either() {
    let mut world = World::built();
    let alice = format!(
        "identities:\n  hardened:\n    - key: {}\n",
        kit::policy::key("alice")
    );
    world.edit("release.yaml", "identities:\n", &alice);
    let tighten = "tighten:\n  - to: prod\n    require: {provenance: {by: [hardened]}}\nsources:";
    world.edit("services/pay-api.yaml", "sources:", tighten);
    let build = kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
    world.attest("alice", slsa_provenance::TYPE, &build);
    let mut world = world.into_staging();
    world.approve("alice", "prod");
    world.approve("carol", "prod");
    world.now = hour(4);
    world.promote("prod");
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ApproverIsBuilder);
}

#[test]
fn an_author_may_not_approve_when_no_provenance_counts_at_that_time() {
    let mut world = World::empty();
    world.edit(
        "release.yaml",
        "      provenance: {by: [builder]}\n  - from: dev",
        "      approvals: {threshold: 1, exclude: [author]}\n  - from: dev",
    );
    world.now = hour(1);
    // The provenance that names alice as the author is dated after the step.
    let build = kit::provenance("https://github.com/acme/pay", &["alice@acme.example"]);
    world.attest_at("builder", slsa_provenance::TYPE, &build, Some(hour(2)));
    world.now = hour(2);
    world.approve_with("alice", "dev", |approval| approval.issued_at = hour(1));
    world.promote_with("dev", |promotion| promotion.issued_at = hour(1));
    world.now = hour(3);
    let verdict = world.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::SeparationUnknown);
}

#[test]
fn authors_that_cannot_be_read_are_unknown_authors() {
    let mut world = World::empty();
    let mut build = kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
    build["buildDefinition"]["resolvedDependencies"][0]["annotations"][slsa_provenance::AUTHORS] =
        json!(["dave@acme.example", {"email": "alice@acme.example"}]);
    world.attest("builder", slsa_provenance::TYPE, &build);
    world.sbom();
    world.tests();
    let mut world = world.into_staging();
    world.approve("alice", "prod");
    world.approve("carol", "prod");
    world.now = hour(4);
    world.promote("prod");
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::SeparationUnknown);
}

#[test]
fn a_key_the_current_policy_ended_signs_nothing_new_under_an_old_one() {
    let mut world = World::journey();
    world.take("promoter promotion prod");
    let old = world.promotion(world.judge("prod", None).1.unwrap());
    world.next_policy();
    let ended = "  promoter:\n    - notAfter: 2026-03-02T12:30:00Z\n      key: ";
    world.edit("release.yaml", "  promoter:\n    - key: ", ended);
    world.now = hour(48);
    // Stolen, it backdates a promotion to when it was valid, and names the version that knew no end.
    let mut stolen = old;
    stolen.issued_at = hour(3);
    world.seal_promotion("promoter", "prod", &stolen, &[kit::image()]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::KeyExpired);
}

#[test]
fn a_key_the_current_policy_dropped_signs_nothing_new_under_an_old_one() {
    let mut world = World::built();
    world.promote("dev");
    world.next_policy();
    let (old, new) = (kit::policy::key("promoter"), kit::policy::key("promoter-2"));
    world.edit("release.yaml", &old, &new);
    world.edit("people.yaml", &old, &new);
    world.now = hour(48);
    let verdict = world.verify("dev");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::KeyExpired);
}

#[test]
fn an_older_policy_is_over_at_its_end() {
    let mut world = World::journey();
    world.take("promoter promotion prod");
    world.now = hour(5);
    let old = world.promotion(world.judge("prod", None).1.unwrap());
    world.next_policy();
    let end = "history: [{until: 2026-03-02T13:00:00Z, ";
    world.edit("release.yaml", "history: [{", end);
    world.edit("release.yaml", "threshold: 2", "threshold: 3");
    // The promoter goes on under the version that asked for less.
    world.seal_promotion("promoter", "prod", &old, &[kit::image()]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 14);
    assert_found(&verdict, Code::KeyExpired);
    world.edit("release.yaml", "T13:00:00Z, ", "T14:00:00Z, ");
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_key_that_only_changed_its_rule_keeps_what_it_signed() {
    let mut world = World::journey();
    world.next_policy();
    world.edit("release.yaml", "  promoter:\n", "  gate:\n");
    world.edit("release.yaml", "by: [promoter]", "by: [gate]");
    world.now = hour(48);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_promotion_may_not_step_back_to_an_older_policy() {
    let mut world = World::built();
    let lax = "      provenance: {by: [builder]}\n      sbom: {by: [builder], maxAge: 30d}\n      tests: {by: [tester], maxAge: 72h}\n";
    let old = world.files.clone();
    world.edit("release.yaml", lax, "      provenance: {by: [builder]}\n");
    world.take("builder sbom");
    world.promote("dev");
    world.now = hour(2);
    let laxly = world.promotion(world.judge("staging", None).1.unwrap());
    world.take("promoter promotion dev");
    let lax_files = std::mem::replace(&mut world.files, old);
    let digest = {
        let strict = std::mem::replace(&mut world.files, lax_files.clone());
        let digest = world.parsed().digest();
        world.files = strict;
        digest
    };
    world.edit("release.yaml", "version: 3", "version: 4");
    let history = format!("history: [{{version: 3, digest: \"{digest}\"}}]");
    world.edit("release.yaml", "history: []", &history);
    world.files.predecessors.push(lax_files);
    let first = world.promote("dev");
    let mut stepping_back = laxly;
    stepping_back.chain.first = Some(first.clone());
    stepping_back.chain.previous = vec![first];
    world.seal_promotion("promoter", "staging", &stepping_back, &[kit::image()]);
    let verdict = world.verify("staging");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::PolicyRollback);
}

#[test]
fn an_old_step_is_judged_by_the_tier_the_service_had() {
    let mut world = World::empty();
    world.edit("services/pay-api.yaml", "tier: high", "tier: low");
    world.provenance();
    world.sbom();
    world.tests();
    let mut world = world.into_staging();
    world.promote("prod");
    assert_exit(&world.verify("prod"), 0);
    world.next_policy();
    world.edit("services/pay-api.yaml", "tier: low", "tier: high");
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn a_step_is_not_allowed_without_the_freshness_the_environment_demands() {
    let mut world = World::built();
    let demand = "dev\", freshness: {promote: 1h, admit: 24h}}";
    world.edit("release.yaml", "dev\", freshness: none}", demand);
    let (verdict, draft) = world.judge("dev", None);
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::FreshnessUnproven);
    assert!(draft.is_some(), "an approver can still say yes");
}

#[test]
fn thousands_of_made_up_predecessors_cost_one_finding() {
    let mut world = World::journey();
    for number in 0..200 {
        world.add(
            "junk",
            Signer::named("mallory").seal(&kit::payload(&world.evidence[3].bundle.clone())),
        );
        world.evidence.last_mut().unwrap().name = format!("junk {number}");
    }
    world.take("promoter promotion prod");
    let mut said = world.promotion(world.judge("prod", None).1.unwrap());
    said.chain.previous = (0..2_000_u32)
        .map(|number| Digest::sha256(&number.to_le_bytes()))
        .collect();
    said.chain.previous.sort();
    world.seal_promotion("promoter", "prod", &said, &[kit::image()]);
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ChainBroken);
    assert!(verdict.findings.len() < 1000, "{}", verdict.findings.len());
}

#[test]
fn somebody_else_s_promotion_does_not_speak_for_the_real_one() {
    let mut world = World::staged();
    world.approve("alice", "prod");
    world.now = hour(4);
    world.promote("prod");
    let honest = world.verify("prod");
    assert_exit(&honest, 4);
    // The builder's key is one the policy knows, but not for promotions.
    let mut loud = kit::promotion_in(&world.evidence.last().unwrap().bundle);
    loud.slot.sequence = u64::MAX;
    world.seal_promotion("builder", "prod", &loud, &[kit::image()]);
    assert_exit(&world.verify("prod"), 4);
}

#[test]
fn an_identity_that_fits_two_persons_is_nobody() {
    let people = "people:
  alice:
    identities:
      - {issuer: \"https://issuer.example.test\", subjectPattern: \"*@acme.example\"}
  bob:
    identities:
      - {issuer: \"https://issuer.example.test\", subject: \"bob@acme.example\"}
";
    let mut world = World::empty();
    world.files.people = Some(kit::policy::file("people.yaml", people.to_owned()));
    let policy = world.parsed();
    let identity = |subject: &str| {
        bulla_model::Identity::Certificate(Box::new(bulla_model::CertificateIdentity {
            issuer: "https://issuer.example.test".to_owned(),
            subject: subject.to_owned(),
            ..Default::default()
        }))
    };
    let who = |subject: &str| {
        let time = bulla_verify::SignedTime::Proven(hour(0), None);
        policy.people().actor(&identity(subject), time, hour(0))
    };
    assert_eq!(
        who("bob@acme.example"),
        bulla_verify::policy::Actor::Unknown
    );
    assert!(matches!(
        who("alice@acme.example"),
        bulla_verify::policy::Actor::Person(_)
    ));
}

#[test]
fn without_an_artifact_nothing_can_be_found_out() {
    let signed = crate::signed::Ask::new(Evidence::default());
    assert_exit(&signed.verdict(), 3);
}

#[test]
fn a_document_of_the_other_format_is_no_bill_of_that_format() {
    let mut world = World::empty();
    world.edit(
        "release.yaml",
        "sbom: {by: [builder],",
        "sbom: {by: [builder], formats: [spdx],",
    );
    world.provenance();
    world.tests();
    let document = json!({"bomFormat": "CycloneDX", "components": [{"name": "zlib"}]});
    world.attest("builder", bulla_model::predicate::SPDX, &document);
    let verdict = world.into_staging().verify("staging");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::SbomEmpty);
    assert!(show(&verdict).contains("cannot be read"));
}

#[test]
fn a_copy_of_a_promotion_under_another_key_breaks_no_chain() {
    let mut world = World::journey();
    let promotions = world.take("promoter promotion");
    for who in ["builder", "tester", "alice", "dave"] {
        for entry in &promotions {
            world.add(
                "copy",
                Signer::named(who).seal(&kit::payload(&entry.bundle)),
            );
        }
    }
    world.evidence.extend(promotions);
    assert_exit(&world.verify("prod"), 0);
}

#[test]
fn only_promoters_fork_a_chain() {
    let mut world = World::built();
    let slot = Some(Digest::sha256(b"before"));
    world.promote_with("dev", |said| said.slot.previous.clone_from(&slot));
    let twin = kit::promotion_in(&world.evidence.last().unwrap().bundle);
    let both = [kit::image(), Digest::sha256(b"another")];
    world.seal_promotion("builder", "dev", &twin, &both);
    assert_exit(&world.verify("dev"), 0);
}

#[test]
fn somebody_else_s_denial_does_not_speak_for_an_expired_promotion() {
    let mut world = World::built();
    world.promote_with("dev", |said| said.not_after = Some(hour(2)));
    world.now = hour(2);
    assert_exit(&world.verify("dev"), 14);
    let mut loud = kit::promotion_in(&world.evidence.last().unwrap().bundle);
    loud.service = "wiki".parse().unwrap();
    world.seal_promotion("builder", "dev", &loud, &[kit::image()]);
    assert_exit(&world.verify("dev"), 14);
}

#[test]
fn a_service_file_lets_nobody_speak_for_another_service() {
    let story = |service: &str| {
        let mut world = World::empty();
        let lax = "      provenance: {by: [builder]}\n  - from: dev";
        world.edit(
            "release.yaml",
            &format!("    require:\n{lax}"),
            "    require: {}\n  - from: dev",
        );
        let tighten = "tighten:\n  - to: prod\n    require: {provenance: {by: [tester]}}\nsources:";
        world.edit(&format!("services/{service}.yaml"), "sources:", tighten);
        let build = kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
        world.attest("tester", slsa_provenance::TYPE, &build);
        world.judge("dev", None).0
    };
    assert_exit(&story("pay-api"), 0);
    let verdict = story("wiki");
    assert_exit(&verdict, 10);
    assert_found(&verdict, Code::ProvenanceMissing);
}

#[test]
fn without_manifests_the_order_decides_nothing_either() {
    let world = World::journey();
    let ask = |reverse: bool| {
        let mut evidence = world.gathered();
        for attestation in &mut evidence.attestations {
            attestation.manifest = None;
        }
        if reverse {
            evidence.attestations.reverse();
        }
        let policy = world.parsed();
        let trust = world.trust(&policy);
        let found = bulla_verify::examine(&evidence, &trust, world.now, &world.limits, &|| false);
        let payloads = found.unwrap().into_iter();
        let digest = |one: bulla_verify::Candidate| one.outcome().unwrap().payload().clone();
        payloads.map(digest).collect::<Vec<_>>()
    };
    assert_eq!(ask(false), ask(true));
}

#[test]
fn what_follows_a_promotion_that_may_be_there_is_not_denied_for_good() {
    let mut world = World::journey();
    world.take("promoter promotion staging");
    assert_exit(&world.verify("prod"), 1);
    world.unavailable = vec!["one of them".to_owned()];
    assert_exit(&world.verify("prod"), 3);
    // Its own word about its place is wrong whatever is missing.
    let mut world = World::approved();
    world.promote_with("prod", |said| said.chain.sequence = 2);
    world.now = hour(24);
    world.unavailable = vec!["one of them".to_owned()];
    assert_exit(&world.verify("prod"), 1);
}

#[test]
fn a_copy_of_an_approval_makes_no_no_of_not_yet() {
    let mut world = World::staged();
    world.approve("alice", "prod");
    assert_exit(&world.judge("prod", None).0, 4);
    // Recorded hours later by a stranger, its word and the proof contradict each other.
    world.now = hour(9);
    world.record_again("alice");
    let verdict = world.judge("prod", None).0;
    assert_found(&verdict, Code::TimeMismatch);
    assert_exit(&verdict, 4);
    // What was given rightly and ended is over, whatever copies of it say.
    world.now = hour(24 * 30);
    let over = |world: &World| world.judge("prod", None).0.exit_code();
    let with_copy = over(&world);
    world.evidence.pop();
    assert_eq!(with_copy, over(&world));
}
