//! Signatures made by others: keyless bundles of the public instances, plain DSSE envelopes.

use jiff::Timestamp;

use bulla_model::predicate::slsa_provenance;
use bulla_model::{Bundle, Digest, Envelope, Identity, Limits, Statement};
use bulla_verify::{
    Attestation, Code, Evidence, ExpectedClaim, ExpectedSigner, Pattern, PublicKey, Refusal,
    SignedQuestion, SignedTime, Trust, Verdict, examine, verify_signed,
};

use crate::kit::{assert_exit, assert_found};

const WORKFLOW: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

macro_rules! sigstore {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/verify/sigstore/", $name)).as_slice()
    };
}

struct Fixture {
    bundle: &'static [u8],
    root: &'static [u8],
    /// When the log or the authority saw it.
    seen: &'static str,
}

const FIXTURES: [Fixture; 3] = [
    Fixture {
        bundle: sigstore!("rekor1.sigstore.json"),
        root: sigstore!("public.trusted_root.json"),
        seen: "2024-12-16T18:42:56Z",
    },
    Fixture {
        bundle: sigstore!("rekor2.sigstore.json"),
        root: sigstore!("rekor2.trusted_root.json"),
        seen: "2026-05-13T19:23:33Z",
    },
    Fixture {
        bundle: sigstore!("private.sigstore.json"),
        root: sigstore!("private.trusted_root.json"),
        seen: "2023-02-01T00:00:00Z",
    },
];

fn statement(bundle: &[u8]) -> Statement {
    let bundle = Bundle::parse(bundle.to_vec(), &Limits::default()).unwrap();
    Statement::parse(bundle.envelope().unwrap().payload(), &Limits::default()).unwrap()
}

fn evidence(bundle: &[u8], artifact: Digest) -> Evidence {
    Evidence {
        artifact: Some(artifact),
        attestations: vec![Attestation::bundle(bundle.to_vec(), None)],
        ..Evidence::default()
    }
}

fn artifact(fixture: &Fixture) -> Digest {
    statement(fixture.bundle).subjects()[0]
        .digest
        .sha256()
        .unwrap()
}

fn ask(bundle: &[u8], artifact: Digest, root: &[u8], subject: Pattern, now: &str) -> Verdict {
    let now: Timestamp = now.parse().unwrap();
    let limits = Limits::default();
    let signer = ExpectedSigner::Certificate {
        issuer: Pattern::Exact(ISSUER.to_owned()),
        subject,
    };
    let trust = Trust::new([], &[root.to_vec()], now, &limits).unwrap();
    verify_signed(&SignedQuestion {
        name: "a.txt",
        evidence: &evidence(bundle, artifact),
        trust: &trust,
        signer: &signer,
        claim: &ExpectedClaim::Attestation(slsa_provenance::TYPE.to_owned()),
        now,
        limits: &limits,
        cancelled: &|| false,
    })
}

const LATER: &str = "2026-06-01T00:00:00Z";

#[test]
fn keyless_bundles_are_accepted_for_their_identity_alone() {
    for fixture in &FIXTURES {
        let exact = Pattern::Exact(WORKFLOW.to_owned());
        let verdict = ask(
            fixture.bundle,
            artifact(fixture),
            fixture.root,
            exact,
            LATER,
        );
        assert_exit(&verdict, 0);
        let others = [
            Pattern::Exact(WORKFLOW.replace("main", "evil")),
            Pattern::Glob("https://github.com/acme/**".to_owned()),
            Pattern::regex("https://github.com/sigstore-conformance/").unwrap(),
        ];
        for other in others {
            let verdict = ask(
                fixture.bundle,
                artifact(fixture),
                fixture.root,
                other,
                LATER,
            );
            assert_exit(&verdict, 11);
            assert_found(&verdict, Code::SignerUntrusted);
        }
    }
}

#[test]
fn the_time_is_what_log_or_authority_prove() {
    for fixture in &FIXTURES {
        let now: Timestamp = LATER.parse().unwrap();
        let limits = Limits::default();
        let trust = Trust::new([], &[fixture.root.to_vec()], now, &limits).unwrap();
        let evidence = evidence(fixture.bundle, artifact(fixture));
        let found = examine(&evidence, &trust, now, &limits, &|| false).unwrap();
        let verified = found[0].outcome().unwrap();
        let SignedTime::Proven(at, _) = verified.time() else {
            panic!("a proven time: {:?}", verified.time());
        };
        let expected: Timestamp = fixture.seen.parse().unwrap();
        assert!(at.duration_since(expected).abs().as_secs() < 60, "{at}");
        let Identity::Certificate(certificate) = verified.signer() else {
            panic!("a certificate");
        };
        assert_eq!(
            (certificate.subject.as_str(), certificate.issuer.as_str()),
            (WORKFLOW, ISSUER)
        );
    }
}

#[test]
fn another_root_another_artifact_and_changed_bytes_are_told_apart() {
    let any = || Pattern::Exact(WORKFLOW.to_owned());
    for (fixture, other) in FIXTURES.iter().zip(FIXTURES.iter().cycle().skip(1)) {
        let verdict = ask(fixture.bundle, artifact(fixture), other.root, any(), LATER);
        assert_exit(&verdict, 11);
        let another = Digest::sha256(b"another");
        let verdict = ask(fixture.bundle, another, fixture.root, any(), LATER);
        assert_exit(&verdict, 13);
        let changed = changed(fixture.bundle);
        let verdict = ask(&changed, artifact(fixture), fixture.root, any(), LATER);
        assert_exit(&verdict, 12);
        assert_found(&verdict, Code::SignatureInvalid);
    }
}

/// The same bundle about another build type, still a statement about the same file.
fn changed(bundle: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let standard = base64::engine::general_purpose::STANDARD;
    let mut json: serde_json::Value = serde_json::from_slice(bundle).unwrap();
    let payload = json["dsseEnvelope"]["payload"].as_str().unwrap();
    let text = String::from_utf8(standard.decode(payload).unwrap()).unwrap();
    let text = text.replacen("buildType", "buildTypo", 1);
    json["dsseEnvelope"]["payload"] = standard.encode(text).into();
    json.to_string().into_bytes()
}

#[test]
fn before_the_log_saw_it_nothing_is_proven() {
    for fixture in &FIXTURES {
        let seen: Timestamp = fixture.seen.parse().unwrap();
        let early = seen - jiff::SignedDuration::from_mins(5);
        let exact = Pattern::Exact(WORKFLOW.to_owned());
        let verdict = ask(
            fixture.bundle,
            artifact(fixture),
            fixture.root,
            exact,
            &early.to_string(),
        );
        assert_exit(&verdict, 14);
    }
}

#[test]
fn without_records_a_certificate_proves_nothing() {
    for fixture in &FIXTURES {
        for field in ["tlogEntries", "timestampVerificationData"] {
            let mut json: serde_json::Value = serde_json::from_slice(fixture.bundle).unwrap();
            let material = json["verificationMaterial"].as_object_mut().unwrap();
            if material.remove(field).is_none() || field != "tlogEntries" {
                continue;
            }
            material.insert(field.to_owned(), serde_json::json!([]));
            let bundle = json.to_string().into_bytes();
            let exact = Pattern::Exact(WORKFLOW.to_owned());
            let verdict = ask(&bundle, artifact(fixture), fixture.root, exact, LATER);
            assert_ne!(verdict.exit_code(), 0, "without {field}");
        }
    }
}

#[test]
fn a_log_entry_of_another_signature_does_not_help() {
    // F01, F03: a genuine entry, spliced in.
    let mut json: serde_json::Value = serde_json::from_slice(FIXTURES[0].bundle).unwrap();
    let other: serde_json::Value = serde_json::from_slice(FIXTURES[2].bundle).unwrap();
    json["verificationMaterial"]["tlogEntries"] =
        other["verificationMaterial"]["tlogEntries"].clone();
    let bundle = json.to_string().into_bytes();
    let exact = Pattern::Exact(WORKFLOW.to_owned());
    let verdict = ask(
        &bundle,
        artifact(&FIXTURES[0]),
        FIXTURES[0].root,
        exact,
        LATER,
    );
    assert!(
        [11, 12].contains(&verdict.exit_code()),
        "{}",
        verdict.exit_code()
    );
}

/// What becomes of a plain envelope, wrapped as a bundle, with this key.
fn plain(envelope: &[u8], pem: &str) -> Result<(), Refusal> {
    let limits = Limits::default();
    let key = PublicKey::from_pem(pem).unwrap();
    let envelope = Envelope::parse(envelope, &limits).unwrap();
    let bundle = Bundle::with_public_key(&envelope, &key.id().hint()).unwrap();
    let now: Timestamp = LATER.parse().unwrap();
    let trust = Trust::new([key], &[], now, &limits).unwrap();
    let evidence = evidence(bundle.bytes(), Digest::sha256(b""));
    let found = examine(&evidence, &trust, now, &limits, &|| false).unwrap();
    found[0].outcome().map(|_| ()).map_err(Clone::clone)
}

macro_rules! dsse {
    ($name:literal) => {
        include_str!(concat!("../../../testdata/verify/dsse/", $name))
    };
}

#[test]
fn envelopes_of_another_implementation_are_accepted() {
    let ed25519 = (dsse!("env.ed25519.json"), dsse!("ed25519.pub2.pem"));
    let ecdsa = (dsse!("env.ecdsa.json"), dsse!("ecdsa.pub2.pem"));
    assert_eq!(plain(ed25519.0.as_bytes(), ed25519.1), Ok(()));
    assert_eq!(plain(ecdsa.0.as_bytes(), ecdsa.1), Ok(()));
    for (envelope, key) in [(ed25519.0, ecdsa.1), (ecdsa.0, ed25519.1)] {
        let refusal = plain(envelope.as_bytes(), key).unwrap_err();
        assert!(matches!(refusal, Refusal::Invalid { .. }), "{refusal}");
    }
}

#[test]
fn rsa_pss_is_not_the_scheme_of_an_rsa_key() {
    let refusal = plain(dsse!("env.rsa.json").as_bytes(), dsse!("rsa.pub2.pem")).unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid { .. }), "{refusal}");
}
