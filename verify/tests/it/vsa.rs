//! Verification summaries: each of the seven steps, in both forms.

use bulla_model::{Envelope, EnvelopeSignature, Limits, envelope};
use bulla_verify::slsa::{SlsaVerdict, VsaKey, VsaQuestion, verify_vsa};
use bulla_verify::{Cause, ExpectedSigner, Outcome, PublicKey, Trust};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kit::signer::Signer;

const GOOGLE: &[u8] = include_bytes!("../../../testdata/slsa/vsa.json");
const GOOGLE_KEY: &str = include_str!("../../../testdata/slsa/vsa.pub.pem");
const GOOGLE_NAME: &str = "keystore://76574:prod:vsa_signing_public_key";

/// What is asked, about a summary in the form it has.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) attestation: Vec<u8>,
    key: PublicKey,
    id: Option<String>,
    hash: Option<&'static str>,
    signer: ExpectedSigner,
    digests: Vec<String>,
    verifier: String,
    resource: String,
    levels: Vec<String>,
}

impl Case {
    fn google() -> Self {
        let key = PublicKey::from_pem(GOOGLE_KEY).unwrap();
        Self {
            attestation: GOOGLE.to_vec(),
            signer: ExpectedSigner::Key(key.id().clone()),
            key,
            id: Some(GOOGLE_NAME.into()),
            hash: None,
            digests: vec!["gce_image_id:8970095005306000053".into()],
            verifier: "https://bcid.corp.google.com/verifier/bcid_package_enforcer/v0.1".into(),
            resource:
                "gce_image://gke-node-images:gke-12615-gke1418000-cos-101-17162-463-29-c-cgpv1-pre"
                    .into(),
            levels: vec!["BCID_L1".into(), "SLSA_BUILD_LEVEL_2".into()],
        }
    }

    /// A summary of our own in a bundle, changed before it is signed.
    fn own(change: impl FnOnce(&mut Value)) -> Self {
        let signer = Signer::named("verifier");
        let mut statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "app", "digest": {"sha256": "ab".repeat(32), "sha512": "cd".repeat(64)}}],
            "predicateType": "https://slsa.dev/verification_summary/v1",
            "predicate": {
                "verifier": {"id": "https://v.example.com"},
                "timeVerified": "2026-05-01T00:00:00Z",
                "resourceUri": "pkg:oci/app",
                "policy": {"uri": "https://v.example.com/policy"},
                "verificationResult": "PASSED",
                "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
            },
        });
        change(&mut statement);
        Self {
            attestation: signer.seal(statement.to_string().as_bytes()),
            key: signer.public(),
            id: None,
            hash: None,
            signer: ExpectedSigner::Key(signer.key_id()),
            digests: vec![format!("sha256:{}", "ab".repeat(32))],
            verifier: "https://v.example.com".into(),
            resource: "pkg:oci/app".into(),
            levels: vec!["SLSA_BUILD_LEVEL_2".into()],
        }
    }

    fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same question about other bytes.
    pub(crate) fn of_bytes(&self, bytes: &[u8]) -> Self {
        let attestation = bytes.to_vec();
        self.clone().but(|case| case.attestation = attestation)
    }

    pub(crate) fn verify(&self) -> SlsaVerdict {
        let limits = Limits::default();
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let trust = Trust::new([self.key.clone()], &[], now, &limits).unwrap();
        let key = VsaKey::new(self.key.clone(), self.id.clone(), self.hash).unwrap();
        verify_vsa(&VsaQuestion {
            attestation: &self.attestation,
            trust: &trust,
            key: Some(&key),
            signer: &self.signer,
            digests: &self.digests,
            verifier: &self.verifier,
            resource: &self.resource,
            levels: &self.levels,
            now,
            limits: &limits,
        })
    }

    #[track_caller]
    fn holds(&self) {
        let verdict = self.verify();
        assert_eq!(verdict.cause, None, "{:#?}", verdict.checks);
        assert!(verdict.payload.is_some());
    }

    #[track_caller]
    fn fails(&self, name: &str, cause: Cause) {
        let verdict = self.verify();
        let last = verdict.checks.last().unwrap();
        assert_eq!(
            (last.name, last.outcome),
            (name, Outcome::Failed(cause)),
            "{last:?}"
        );
        assert_eq!(verdict.exit_code(), cause.exit_code());
        assert_eq!((verdict.payload, verdict.builder), (None, None));
    }
}

/// One in each form, which both hold.
pub(crate) fn accepted() -> Vec<(&'static str, Case)> {
    vec![
        ("vsa envelope", Case::google()),
        ("vsa bundle", Case::own(|_| ())),
    ]
}

#[test]
fn a_summary_holds_as_an_envelope_and_in_a_bundle() {
    Case::google().holds();
    Case::own(|_| ()).holds();
}

#[test]
fn step_1_the_signature_is_by_the_key_given() {
    let other = Signer::named("other").public();
    Case::google()
        .but(|case| case.key = other.clone())
        .fails("signature", Cause::Invalid);
    Case::own(|_| ())
        .but(|case| case.key = other)
        .fails("signature", Cause::Untrusted);
    let text = String::from_utf8(GOOGLE.to_vec()).unwrap();
    let changed = text.replace("\"payload\":\"eyJfdH", "\"payload\":\"IHsJfdH");
    assert_ne!(changed, text);
    Case::google()
        .but(|case| case.attestation = changed.into_bytes())
        .fails("signature", Cause::Invalid);
    Case::google()
        .but(|case| case.attestation = b"{}".to_vec())
        .fails("signature", Cause::Invalid);
    // The key given must also be the signer that is expected.
    let nobody = ExpectedSigner::Key(Signer::named("other").key_id());
    Case::own(|_| ())
        .but(|case| case.signer = nobody)
        .fails("signer", Cause::Untrusted);
}

#[test]
fn f20_a_signature_of_two_numbers_has_their_exact_length() {
    for cut in [0, 1, 63] {
        let envelope = Envelope::parse(GOOGLE, &Limits::default()).unwrap();
        let mut signature = envelope.signatures()[0].clone();
        signature.signature.truncate(cut);
        let envelope = Envelope::new(
            envelope.payload().to_vec(),
            envelope::IN_TOTO,
            vec![signature],
        );
        Case::google()
            .but(|case| case.attestation = envelope.to_json())
            .fails("signature", Cause::Invalid);
    }
}

#[test]
fn names_of_keys_are_compared_where_both_sides_have_one() {
    let id = |id: Option<&str>| Case::google().but(|case| case.id = id.map(Into::into));
    id(None).holds();
    // An empty name is the key's fingerprint, which the envelope does not carry.
    id(Some("")).fails("signature", Cause::Untrusted);
    id(Some("my_key_id")).fails("signature", Cause::Untrusted);
    let renamed = |name: Option<&str>, id: &str| {
        let envelope = Envelope::parse(GOOGLE, &Limits::default()).unwrap();
        let signature = EnvelopeSignature {
            key_id: name.map(Into::into),
            signature: envelope.signatures()[0].signature.clone(),
        };
        let envelope = Envelope::new(
            envelope.payload().to_vec(),
            envelope::IN_TOTO,
            vec![signature],
        );
        Case::google().but(|case| {
            case.attestation = envelope.to_json();
            case.id = Some(id.to_owned());
        })
    };
    let hint = PublicKey::from_pem(GOOGLE_KEY).unwrap().id().hint();
    let fingerprint = format!("SHA256:{}", hint.trim_end_matches('='));
    renamed(Some(&fingerprint), "").holds();
    renamed(None, "").holds();
    renamed(None, "any").holds();
}

#[test]
fn the_hash_is_the_one_asked_for() {
    Case::google()
        .but(|case| case.hash = Some("SHA-256"))
        .holds();
    Case::google()
        .but(|case| case.hash = Some("sha512"))
        .fails("signature", Cause::Invalid);
    let key = PublicKey::from_pem(GOOGLE_KEY).unwrap();
    assert!(VsaKey::new(key, None, Some("MD5")).is_err());
    let key = Signer::named("verifier").public();
    assert!(VsaKey::new(key.clone(), None, Some("SHA512")).is_ok());
    assert!(
        VsaKey::new(key, None, Some("SHA256")).is_err(),
        "Ed25519 has one of its own"
    );
}

#[test]
fn step_2_every_digest_is_a_subjects() {
    for digest in [
        "sha256:00",
        "gce_image_id:",
        "gce_image_id",
        "8970095005306000053",
    ] {
        Case::google()
            .but(|case| case.digests.push(digest.into()))
            .fails("subject", Cause::OtherSubject);
    }
    Case::google()
        .but(|case| case.digests.clear())
        .fails("subjects", Cause::Undetermined);
}

#[test]
fn step_3_the_predicate_is_a_summary() {
    Case::own(|statement| {
        statement["predicateType"] = json!("https://slsa.dev/verification_summary/v0.2");
    })
    .fails("predicate-type", Cause::Denied);
    Case::own(|statement| statement["predicate"]["verificationResult"] = json!("passed"))
        .fails("predicate", Cause::Invalid);
    Case::own(|statement| statement["predicate"]["resourceUri"] = json!(1))
        .fails("predicate", Cause::Invalid);
}

#[test]
fn step_4_the_verifier_is_the_one_trusted() {
    Case::google()
        .but(|case| case.verifier.push('x'))
        .fails("verifier", Cause::Untrusted);
    Case::own(|statement| statement["predicate"]["verifier"]["id"] = json!(""))
        .but(|case| case.verifier.clear())
        .fails("verifier", Cause::Untrusted);
}

#[test]
fn step_5_the_resource_is_the_one_asked_about() {
    Case::google()
        .but(|case| case.resource.push('x'))
        .fails("resource-uri", Cause::OtherSubject);
    Case::own(|statement| statement["predicate"]["resourceUri"] = json!(""))
        .but(|case| case.resource.clear())
        .fails("resource-uri", Cause::OtherSubject);
}

#[test]
fn step_6_the_result_is_passed() {
    Case::own(|statement| statement["predicate"]["verificationResult"] = json!("FAILED"))
        .fails("result", Cause::Denied);
}

#[test]
fn step_7_every_level_is_reached() {
    Case::google()
        .but(|case| case.levels.push("SLSA_BUILD_LEVEL_1".into()))
        .holds();
    for level in [
        "SLSA_BUILD_LEVEL_3",
        "SLSA_SOURCE_LEVEL_1",
        "BCID_L2",
        "SLSA_BUILD",
    ] {
        Case::google()
            .but(|case| case.levels.push(level.into()))
            .fails("levels", Cause::Denied);
    }
}

#[test]
fn a_summary_from_the_future_is_refused() {
    Case::own(|statement| statement["predicate"]["timeVerified"] = json!("2026-06-01T00:01:00Z"))
        .holds();
    Case::own(|statement| statement["predicate"]["timeVerified"] = json!("2026-06-01T00:01:01Z"))
        .fails("time", Cause::Invalid);
}
