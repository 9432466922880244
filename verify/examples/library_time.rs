//! How long verifications take in this library, beside the libraries it stands on:
//! `cargo run --release -p bulla-verify --example library_time`.
//!
//! * A keyless bundle, beside `sigstore-verify` alone on the same one.
//! * An envelope signed with a key, beside nothing but the check of that signature.
//! * The cost against the number of signatures in an envelope, and of bundles beside one artifact.
//!
//! Both sides of a comparison parse the bundle each time and reuse what they prepared from the
//! trusted root or the key. Their rounds alternate, so that a busy moment of the machine hits both;
//! medians are printed, as one JSON line each.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "this program measures the library, and is none of it"
)]

use std::time::Instant;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use bulla_model::{Bundle, Digest, Envelope, EnvelopeSignature, Limits, envelope};
use bulla_verify::{
    Attestation, Decision, Evidence, ExpectedClaim, ExpectedSigner, Pattern, PublicKey,
    SignedQuestion, Trust, verify_signed,
};
use jiff::Timestamp;
use sigstore_trust_root::TrustedRoot;
use sigstore_types::Sha256Hash;
use sigstore_verify::{VerificationPolicy, Verifier};

const ROUNDS: usize = 200;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../testdata/verify/sigstore/", $name)).as_slice()
    };
}

/// What the recorded bundles are about.
const ARTIFACT: &str = "a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";

fn main() {
    keyless(
        "keyless, Rekor v1",
        fixture!("rekor1.sigstore.json"),
        fixture!("public.trusted_root.json"),
    );
    keyless(
        "keyless, Rekor v2",
        fixture!("rekor2.sigstore.json"),
        fixture!("rekor2.trusted_root.json"),
    );
    keyed();
    for count in [1, 2, 4, 8, 16, 32] {
        signatures(count, true);
    }
    for count in [8, 32] {
        signatures(count, false);
    }
    for count in [1, 10, 100, 500] {
        bundles(count);
    }
}

fn keyless(name: &str, bundle: &[u8], root: &[u8]) {
    let trust = Trust::new([], &[root.to_vec()], Timestamp::now(), &Limits::default()).unwrap();
    let any = || Pattern::regex(".*").unwrap();
    let signer = ExpectedSigner::Certificate {
        issuer: any(),
        subject: any(),
    };
    let artifact: Digest = format!("sha256:{ARTIFACT}").parse().unwrap();
    let evidence = beside(&artifact, vec![bundle.to_vec()]);

    let root = TrustedRoot::from_json(std::str::from_utf8(root).unwrap()).unwrap();
    let verifier = Verifier::new(&root).unwrap();
    let hash = Sha256Hash::from_hex(ARTIFACT).unwrap();
    let text = std::str::from_utf8(bundle).unwrap();
    let alone = || {
        let bundle = sigstore_types::Bundle::from_json(text).unwrap();
        let policy = VerificationPolicy::any_identity();
        verifier.verify(hash, &bundle, &policy).unwrap();
    };
    compare(
        name,
        &|| allowed(&evidence, &trust, &signer),
        ("sigstore-verify", &alone),
    );
}

fn keyed() {
    let holder = Holder::new();
    let artifact = Digest::sha256(b"artifact");
    let payload = statement(&artifact, 0);
    let (bundle, signature) = holder.bundle(&payload);
    let evidence = beside(&artifact, vec![bundle]);
    let (trust, signer) = (
        trust(&[&holder]),
        ExpectedSigner::Key(holder.key.id().clone()),
    );
    let message = Envelope::new(payload, envelope::IN_TOTO, Vec::new()).pae();
    let point = holder.pair.public_key().as_ref();
    let alone = || {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(message.as_bytes(), &signature)
            .unwrap();
    };
    compare(
        "key, P-256",
        &|| allowed(&evidence, &trust, &signer),
        ("the signature alone", &alone),
    );
}

/// One envelope that so many have signed, all of whom must have. A signature that names no key is
/// tried with each.
fn signatures(count: usize, named: bool) {
    let holders: Vec<Holder> = (0..count).map(|_| Holder::new()).collect();
    let artifact = Digest::sha256(b"artifact");
    let payload = statement(&artifact, 0);
    let made = holders.iter().map(|holder| EnvelopeSignature {
        key_id: named.then(|| holder.key.id().hint()),
        signature: holder.sign(&payload),
    });
    let envelope = Envelope::new(payload.clone(), envelope::IN_TOTO, made.collect());
    let evidence = beside(&artifact, vec![envelope.to_json()]);
    let signer = ExpectedSigner::Keys {
        keys: holders.iter().map(|one| one.key.id().clone()).collect(),
        threshold: count,
    };
    let trust = trust(&holders.iter().collect::<Vec<_>>());
    let which = if named {
        "signatures"
    } else {
        "nameless signatures"
    };
    let name = format!("{which} in one envelope: {count}");
    alone(&name, &|| allowed(&evidence, &trust, &signer));
}

/// So many bundles beside one artifact, each looked at.
fn bundles(count: usize) {
    let holder = Holder::new();
    let artifact = Digest::sha256(b"artifact");
    let sealed = (0..count).map(|number| holder.bundle(&statement(&artifact, number)).0);
    let evidence = beside(&artifact, sealed.collect());
    let trust = trust(&[&holder]);
    let signer = ExpectedSigner::Key(holder.key.id().clone());
    let name = format!("bundles beside one artifact: {count}");
    alone(&name, &|| allowed(&evidence, &trust, &signer));
}

/// Somebody with a P-256 key.
struct Holder {
    pair: EcdsaKeyPair,
    key: PublicKey,
}

impl Holder {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        // What stands before the point in a SubjectPublicKeyInfo of this curve.
        let mut spki = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        spki.extend_from_slice(pair.public_key().as_ref());
        let key = PublicKey::from_spki(&spki).unwrap();
        Self { pair, key }
    }

    fn sign(&self, payload: &[u8]) -> Vec<u8> {
        let message = Envelope::new(payload.to_vec(), envelope::IN_TOTO, Vec::new()).pae();
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes());
        signature.unwrap().as_ref().to_vec()
    }

    fn bundle(&self, payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let signature = self.sign(payload);
        let signed = EnvelopeSignature {
            key_id: None,
            signature: signature.clone(),
        };
        let envelope = Envelope::new(payload.to_vec(), envelope::IN_TOTO, vec![signed]);
        let bundle = Bundle::with_public_key(&envelope, &self.key.id().hint()).unwrap();
        (bundle.bytes().to_vec(), signature)
    }
}

fn statement(artifact: &Digest, number: usize) -> Vec<u8> {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"a","digest":{{"sha256":"{}"}}}}],"predicateType":"https://example.test/number/v1","predicate":{{"number":{number}}}}}"#,
        artifact.hex()
    )
    .into_bytes()
}

fn beside(artifact: &Digest, bundles: Vec<Vec<u8>>) -> Evidence {
    let bundles = bundles.into_iter();
    Evidence {
        artifact: Some(artifact.clone()),
        attestations: bundles
            .map(|bytes| Attestation::bundle(bytes, None))
            .collect(),
        ..Evidence::default()
    }
}

fn trust(holders: &[&Holder]) -> Trust {
    let keys = holders.iter().map(|holder| holder.key.clone());
    Trust::new(
        keys.collect::<Vec<_>>(),
        &[],
        Timestamp::now(),
        &Limits::default(),
    )
    .unwrap()
}

fn allowed(evidence: &Evidence, trust: &Trust, signer: &ExpectedSigner) {
    let verdict = verify_signed(&SignedQuestion {
        name: "measured",
        evidence,
        trust,
        signer,
        claim: &ExpectedClaim::Anything,
        now: Timestamp::now(),
        limits: &Limits::default(),
        cancelled: &|| false,
    });
    assert_eq!(verdict.decision, Decision::Allow, "{:?}", verdict.findings);
    assert!(
        verdict.signatures.iter().all(|one| one.counts),
        "one does not count"
    );
}

fn compare(name: &str, ours: &dyn Fn(), (other, theirs): (&str, &dyn Fn())) {
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        here.push(timed(ours));
        there.push(timed(theirs));
    }
    let (here, there) = (median(here), median(there));
    println!(
        r#"{{"what": "{name}", "bulla_us": {here:.1}, "other": "{other}", "other_us": {there:.1}}}"#
    );
}

fn alone(name: &str, ours: &dyn Fn()) {
    let times = (0..ROUNDS / 4).map(|_| timed(ours)).collect();
    println!(r#"{{"what": "{name}", "bulla_us": {:.1}}}"#, median(times));
}

/// Microseconds.
fn timed(run: &dyn Fn()) -> f64 {
    let began = Instant::now();
    run();
    began.elapsed().as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
