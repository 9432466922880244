//! Verdicts without a policy: who signed what.

use std::cell::Cell;

use bulla_model::predicate::{cosign, slsa_provenance};
use bulla_model::{Envelope, EnvelopeSignature, Limits, ResourceDescriptor, envelope};
use bulla_verify::{
    Attestation, Code, Evidence, ExpectedClaim, ExpectedSigner, SignedQuestion, Thresholds, Trust,
    Verdict, verify_signed,
};
use serde_json::json;

use crate::kit::{self, Signer, World, assert_exit, assert_found, hour, provenance, tampered};

/// A question about a signature by the builder's key, open to change.
pub(crate) struct Ask {
    pub(crate) evidence: Evidence,
    pub(crate) trusted: Vec<&'static str>,
    pub(crate) signer: ExpectedSigner,
    pub(crate) claim: ExpectedClaim,
    pub(crate) thresholds: Thresholds,
    /// How often the deadline is asked for before it comes.
    pub(crate) deadline: usize,
}

impl Ask {
    pub(crate) fn new(evidence: Evidence) -> Self {
        Self {
            evidence,
            trusted: vec!["builder"],
            signer: ExpectedSigner::Key(Signer::named("builder").key_id()),
            claim: ExpectedClaim::Signature,
            thresholds: Thresholds::default(),
            deadline: usize::MAX,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let limits = Limits::default();
        let keys = self.trusted.iter().map(|name| Signer::named(name).public());
        let trust = Trust::new(keys, &[], hour(1), &limits).unwrap();
        let trust = trust.with_thresholds(self.thresholds);
        let asked = Cell::new(0);
        verify_signed(&SignedQuestion {
            name: "registry.example.test/pay/api",
            evidence: &self.evidence,
            trust: &trust,
            signer: &self.signer,
            claim: &self.claim,
            now: hour(1),
            limits: &limits,
            cancelled: &|| asked.replace(asked.get() + 1) >= self.deadline,
        })
    }
}

fn signed_by(who: &str) -> World {
    let mut world = World::empty();
    world.attest(who, cosign::TYPE, &json!({}));
    world
}

#[test]
fn a_signature_by_the_expected_key_is_allowed() {
    let verdict = Ask::new(signed_by("builder").gathered()).verdict();
    assert_exit(&verdict, 0);
    assert_eq!(verdict.attestations, 1);
}

#[test]
fn nothing_foreign_tampered_and_other_subject_are_told_apart() {
    assert_exit(&Ask::new(World::empty().gathered()).verdict(), 10);
    assert_exit(&Ask::new(signed_by("mallory").gathered()).verdict(), 11);

    let mut known = Ask::new(signed_by("mallory").gathered());
    known.trusted.push("mallory");
    let verdict = known.verdict();
    assert_exit(&verdict, 11);
    assert_found(&verdict, Code::SignerUntrusted);

    let mut world = signed_by("builder");
    world.evidence[0].bundle = tampered(&world.evidence[0].bundle, "09:00:00Z", "09:00:01Z");
    let verdict = Ask::new(world.gathered()).verdict();
    assert_exit(&verdict, 12);
    assert_found(&verdict, Code::SignatureInvalid);

    let mut world = World::empty();
    let other = ResourceDescriptor::of(bulla_model::Digest::sha256(b"another image"));
    world.attest_about("builder", cosign::TYPE, &json!({}), &[other]);
    assert_exit(&Ask::new(world.gathered()).verdict(), 13);
}

#[test]
fn a_deadline_or_a_gap_is_no_answer() {
    let mut late = Ask::new(signed_by("builder").gathered());
    late.deadline = 0;
    assert_exit(&late.verdict(), 3);
    let mut world = signed_by("mallory");
    world.unavailable.push("sha256:00: 404".to_owned());
    assert_exit(&Ask::new(world.gathered()).verdict(), 3);
    // What can be no evidence is no gap.
    for (who, exit) in [("mallory", 11), ("builder", 0)] {
        let mut evidence = signed_by(who).gathered();
        evidence.unusable.push("sha256-00.sig: an index".to_owned());
        let verdict = Ask::new(evidence).verdict();
        assert_exit(&verdict, exit);
        let note = verdict
            .findings
            .iter()
            .find(|finding| finding.code == Code::StatementUnusable);
        assert_eq!(note.is_some(), exit != 0, "{verdict:?}");
    }
    let mut world = signed_by("builder");
    world.truncated = true;
    assert_exit(&Ask::new(world.gathered()).verdict(), 0);
}

/// An envelope with as many signatures as one may have, all by strangers but the one at `place`.
fn envelope_with_junk(place: u8, payload_bytes: usize) -> Attestation {
    let mut world = World::empty();
    let padding = json!({"padding": "x".repeat(payload_bytes)});
    world.attest("builder", cosign::TYPE, &padding);
    let payload = kit::payload(&world.evidence[0].bundle);
    let signatures = (0..32_u8).map(|at| {
        let name = if at == place { "builder" } else { "mallory" };
        let mut signature = Signer::named(name).signature(envelope::IN_TOTO, &payload);
        if at != place {
            signature[0] ^= at;
        }
        EnvelopeSignature {
            key_id: None,
            signature,
        }
    });
    let signatures = signatures.collect();
    let envelope = Envelope::new(payload, envelope::IN_TOTO, signatures);
    Attestation::bundle(envelope.to_json(), None)
}

#[test]
fn f41_junk_beside_a_signature_neither_hides_nor_delays_it() {
    let ask = |attestations: Vec<Attestation>, deadline: usize| {
        let mut ask = Ask::new(signed_by("builder").gathered());
        ask.evidence.attestations = attestations;
        ask.deadline = deadline;
        ask.verdict()
    };
    // The deadline is asked for before the envelope and before each of its signatures.
    for (place, deadline, exit) in [(0, 2, 0), (0, 1, 3), (31, 33, 0), (31, 32, 3)] {
        let verdict = ask(vec![envelope_with_junk(place, 0)], deadline);
        assert_exit(&verdict, exit);
    }
    // What is small comes first, wherever a registry lists it.
    let own = signed_by("builder").gathered().attestations.remove(0);
    for attestations in [
        vec![own.clone(), envelope_with_junk(32, 1 << 16)],
        vec![envelope_with_junk(32, 1 << 16), own],
    ] {
        let verdict = ask(attestations, 1);
        assert_exit(&verdict, 0);
    }
    // Copies of one signature are one.
    let copied = |count: usize| {
        let mut world = World::empty();
        world.attest("builder", cosign::TYPE, &json!({}));
        let payload = kit::payload(&world.evidence[0].bundle);
        let signature = EnvelopeSignature {
            key_id: None,
            signature: Signer::named("builder").signature(envelope::IN_TOTO, &payload),
        };
        let envelope = Envelope::new(payload, envelope::IN_TOTO, vec![signature; count]);
        ask(vec![Attestation::bundle(envelope.to_json(), None)], 100)
    };
    assert_eq!(copied(32).attestations, 1);
    assert_exit(&copied(33), 10);
}

#[test]
fn f05_attestations_of_other_types_do_not_pass_for_the_wanted_one() {
    let mut ask = Ask::new(World::built().gathered());
    ask.claim = ExpectedClaim::Attestation("https://openvex.dev/ns".to_owned());
    assert_exit(&ask.verdict(), 10);
    ask.claim = ExpectedClaim::Attestation(slsa_provenance::TYPE.to_owned());
    assert_exit(&ask.verdict(), 0);
}

#[test]
fn f08_other_attestations_are_no_signature() {
    assert_exit(&Ask::new(World::built().gathered()).verdict(), 10);
}

#[test]
fn what_the_signer_said_instead_is_named() {
    let mut ask = Ask::new(World::built().gathered());
    ask.claim = ExpectedClaim::Attestation("https://openvex.dev/ns".to_owned());
    let verdict = ask.verdict();
    assert_exit(&verdict, 10);
    let leading = verdict.leading().unwrap();
    assert_eq!(leading.code, Code::AttestationMissing);
    let found = leading.found.as_deref().unwrap();
    assert!(found.contains(slsa_provenance::TYPE), "{found}");
    let hint = leading.hint.as_deref().unwrap();
    assert!(hint.starts_with("pass --type https://"), "{hint}");
    // Nobody else's word is passed on, and a shell's words are not put into a command.
    ask.signer = ExpectedSigner::Key(Signer::named("mallory").key_id());
    assert_eq!(ask.verdict().leading().unwrap().found, None);
    let mut world = World::empty();
    world.attest("builder", "https://x.example.test/$(id)", &json!({}));
    let verdict = Ask::new(world.gathered()).verdict();
    let leading = verdict.leading().unwrap();
    assert_eq!(leading.code, Code::AttestationMissing);
    assert!(leading.found.as_deref().unwrap().contains("$(id)"));
    assert!(
        !leading.hint.as_deref().unwrap().contains("--type"),
        "{leading:?}"
    );
    // Where there is nothing, nothing is named.
    let verdict = Ask::new(World::empty().gathered()).verdict();
    assert_eq!(verdict.leading().unwrap().code, Code::AttestationMissing);
    assert_eq!(verdict.leading().unwrap().found, None);
}

#[test]
fn what_lies_beside_is_not_counted() {
    let mut world = World::built();
    world.attest("builder", cosign::TYPE, &json!({}));
    world.attest("mallory", cosign::TYPE, &json!({}));
    let mut ask = Ask::new(world.gathered());
    ask.trusted.push("mallory");
    let verdict = ask.verdict();
    assert_exit(&verdict, 0);
    assert_eq!(verdict.attestations, 1);
    ask.claim = ExpectedClaim::Attestation("https://openvex.dev/ns".to_owned());
    assert_eq!(ask.verdict().attestations, 0);
}

#[test]
fn of_several_signatures_the_one_with_a_time_says_when() {
    let mut world = World::empty();
    world.attest_at("builder", cosign::TYPE, &json!({"a": 1}), None);
    world.attest_at("builder", cosign::TYPE, &json!({"a": 2}), Some(hour(0)));
    let verdict = Ask::new(world.gathered()).verdict();
    assert_exit(&verdict, 0);
    let summary = &verdict.checks[0].summary;
    assert!(summary.starts_with("2 signatures by "), "{summary}");
    assert!(summary.contains(", one at "), "{summary}");
}

#[test]
fn too_few_records_are_no_stranger() {
    let mut ask = Ask::new(signed_by("builder").gathered());
    ask.thresholds = Thresholds {
        logs: 1,
        timestamps: 0,
    };
    let verdict = ask.verdict();
    assert_exit(&verdict, 11);
    let codes: Vec<Code> = verdict
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(codes, [Code::RecordsMissing, Code::RecordsMissing]);
    let note = &verdict.findings[1].message;
    assert!(note.contains("1 log is required, found 0"), "{note}");
    assert!(!note.contains("trust"), "{note}");
}

#[test]
fn f11_nothing_of_the_type_is_no_success() {
    for kind in [
        ExpectedClaim::Signature,
        ExpectedClaim::Attestation("https://x.example.test/y".to_owned()),
    ] {
        let mut ask = Ask::new(World::empty().gathered());
        ask.claim = kind;
        assert_exit(&ask.verdict(), 10);
    }
}

#[test]
fn a_signature_from_the_future_is_refused() {
    let mut world = World::empty();
    world.attest_at("builder", cosign::TYPE, &json!({}), Some(hour(2)));
    let verdict = Ask::new(world.gathered()).verdict();
    assert_exit(&verdict, 12);
    assert_found(&verdict, Code::TimeMismatch);
    let mut world = World::empty();
    let predicate = provenance("https://github.com/acme/pay", &[]);
    world.attest_at("builder", slsa_provenance::TYPE, &predicate, None);
    let mut ask = Ask::new(world.gathered());
    ask.claim = ExpectedClaim::Attestation(slsa_provenance::TYPE.to_owned());
    assert_exit(&ask.verdict(), 0);
}
