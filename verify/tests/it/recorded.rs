//! Signatures of files and images, with and without records, in the forms of several generations.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::predicate::cosign;
use bulla_model::{
    Bundle, CosignBlob, CosignLayer, Digest, Envelope, EnvelopeSignature, Limits, Validity,
    cosign as layers, envelope,
};
use bulla_verify::{
    Attestation, Code, Evidence, ExpectedClaim, ExpectedSigner, PublicKey, SignatureScheme,
    Thresholds,
};
use serde_json::{Value, json};

use crate::forms::{Case, subject};
use crate::kit::{self, Signer, World, assert_exit, assert_found};
use crate::signed::Ask;

macro_rules! sigstore {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/verify/sigstore/", $name)).as_slice()
    };
}

const CONTENT: &[u8] = sigstore!("a.txt");

/// A file's signature of 2023, version 0.1, with proof and promise.
fn oldest() -> Case {
    Case {
        bundle: sigstore!("v01.sigstore.json").to_vec(),
        root: Some(sigstore!("public.trusted_root.json").to_vec()),
        digest: Some(Digest::sha256(CONTENT)),
        ..Case::default()
    }
}

/// A file's signature by a bare key, in a log.
fn keyed() -> Case {
    Case {
        bundle: sigstore!("keyed.sigstore.json").to_vec(),
        root: Some(sigstore!("keyed.trusted_root.json").to_vec()),
        key: Some(String::from_utf8(sigstore!("keyed.pub").to_vec()).unwrap()),
        digest: Some(Digest::sha256(CONTENT)),
        ..Case::default()
    }
}

/// Provenance of a private repository: a timestamp, no log.
fn github() -> Case {
    let bundle = sigstore!("github.sigstore.json").to_vec();
    let digest = subject(&bundle);
    Case {
        bundle,
        root: Some(sigstore!("github.trusted_root.json").to_vec()),
        digest,
        ..Case::default()
    }
}

fn material(json: &mut Value) -> &mut Value {
    &mut json["verificationMaterial"]
}

#[test]
fn a_promise_alone_counts_in_the_oldest_bundles_only() {
    let case = oldest();
    assert_eq!(case.exit(), 0);
    let mut promise = case.json();
    let entry = &mut material(&mut promise)["tlogEntries"][0];
    entry.as_object_mut().unwrap().remove("inclusionProof");
    let verdict = case.with(&promise).verdict();
    assert_eq!(verdict.exit_code(), 0, "{:?}", verdict.findings);
    let record = &verdict.signatures[0].records.log_entries[0];
    assert!(record.promised && !record.included && record.integrated_time.is_some());
    let mut newer = promise.clone();
    newer["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2".into();
    assert_eq!(case.with(&newer).exit(), 12);
    let mut neither = promise.clone();
    let entry = &mut material(&mut neither)["tlogEntries"][0];
    entry.as_object_mut().unwrap().remove("inclusionPromise");
    assert_eq!(case.with(&neither).exit(), 12);
    for (field, value) in [
        ("integratedTime", json!("1689177397")),
        ("logIndex", json!("1")),
        (
            "inclusionPromise",
            json!({"signedEntryTimestamp": "MEUCIQ=="}),
        ),
    ] {
        let mut changed = promise.clone();
        material(&mut changed)["tlogEntries"][0][field] = value;
        assert_eq!(case.with(&changed).exit(), 12, "{field}");
    }
}

#[test]
fn f03_a_promise_for_another_signature_does_not_help() {
    let case = oldest();
    let mut spliced = case.json();
    material(&mut spliced)["tlogEntries"] =
        keyed().json()["verificationMaterial"]["tlogEntries"].clone();
    assert!([11, 12].contains(&case.with(&spliced).exit()));
    let case = keyed();
    let mut spliced = case.json();
    material(&mut spliced)["tlogEntries"] =
        oldest().json()["verificationMaterial"]["tlogEntries"].clone();
    assert!([11, 12].contains(&case.with(&spliced).exit()));
}

#[test]
fn f17_one_log_twice_is_one_log() {
    let mut case = oldest();
    let mut twice = case.json();
    let entries = material(&mut twice)["tlogEntries"].as_array_mut().unwrap();
    entries.push(entries[0].clone());
    case.bundle = twice.to_string().into_bytes();
    case.thresholds = Thresholds {
        logs: 1,
        timestamps: 0,
    };
    assert_eq!(case.exit(), 0);
    case.thresholds = Thresholds {
        logs: 2,
        timestamps: 0,
    };
    assert_eq!(case.exit(), 11);
    case.thresholds = Thresholds {
        logs: 1,
        timestamps: 1,
    };
    assert_eq!(case.exit(), 11);
}

#[test]
fn f02_cosigns_own_file_is_bound_to_signature_certificate_and_blob() {
    let bundle = oldest().json();
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    let leaf = &bundle["verificationMaterial"]["x509CertificateChain"]["certificates"][0];
    let der = leaf["rawBytes"].as_str().unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n");
    let log_id = STANDARD
        .decode(entry["logId"]["keyId"].as_str().unwrap())
        .unwrap();
    let number = |name: &str| entry[name].as_str().unwrap().parse::<i64>().unwrap();
    let file = json!({
        "base64Signature": bundle["messageSignature"]["signature"],
        "cert": STANDARD.encode(pem),
        "rekorBundle": {
            "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
            "Payload": {
                "body": entry["canonicalizedBody"],
                "integratedTime": number("integratedTime"),
                "logIndex": number("logIndex"),
                "logID": hex::encode(log_id),
            },
        },
    });
    let exit = |file: &Value, content: &[u8]| {
        let limits = Limits::default();
        let blob = CosignBlob::parse(file.to_string().as_bytes(), &limits).unwrap();
        let digest = Digest::sha256(content);
        let bundle = blob.to_bundle(&digest, &limits).unwrap();
        let case = Case {
            bundle: bundle.bytes().to_vec(),
            digest: Some(digest),
            ..oldest()
        };
        case.exit()
    };
    assert_eq!(exit(&file, CONTENT), 0);
    assert_eq!(exit(&file, b"another blob"), 12);
    let mut without = file.clone();
    without["rekorBundle"] = Value::Null;
    assert_eq!(exit(&without, CONTENT), 12);
    let mut signature = file.clone();
    signature["base64Signature"] = keyed().json()["messageSignature"]["signature"].clone();
    assert_eq!(exit(&signature, CONTENT), 12);
    let mut time = file.clone();
    time["rekorBundle"]["Payload"]["integratedTime"] = 1_689_177_500.into();
    assert_eq!(exit(&time, CONTENT), 12);
}

#[test]
fn timestamps_alone_count_only_under_a_root_without_logs() {
    let case = github();
    let verdict = case.verdict();
    assert_eq!(verdict.exit_code(), 0, "{:?}", verdict.findings);
    assert_eq!(verdict.signatures[0].records.timestamps.len(), 1);
    let public: Value = serde_json::from_slice(sigstore!("public.trusted_root.json")).unwrap();
    for kind in ["tlogs", "ctlogs"] {
        let mut root: Value = serde_json::from_slice(case.root.as_ref().unwrap()).unwrap();
        root[kind] = public[kind].clone();
        let with_logs = Case {
            root: Some(root.to_string().into_bytes()),
            ..case.clone()
        };
        assert_eq!(with_logs.exit(), 12, "with {kind}");
    }
    let mut bare = case.json();
    material(&mut bare)["timestampVerificationData"] = json!({"rfc3161Timestamps": []});
    assert_eq!(case.with(&bare).exit(), 12);
}

#[test]
fn f16_a_key_counts_in_its_window_of_verified_time() {
    let case = keyed();
    let verdict = case.verdict();
    assert_eq!(verdict.exit_code(), 0, "{:?}", verdict.findings);
    let at = verdict.signatures[0].time.unwrap();
    assert!(verdict.signatures[0].time_proven);
    let minute = jiff::SignedDuration::from_mins(1);
    let window = |from, to| Validity::new(from, to).unwrap();
    for (validity, exit) in [
        (window(Some(at - minute), Some(at + minute)), 0),
        (window(Some(at + minute), None), 14),
        (window(None, Some(at - minute)), 14),
    ] {
        let case = Case {
            validity,
            ..case.clone()
        };
        assert_eq!(case.exit(), exit, "{validity:?}");
    }
    // Without a trusted root nothing is proven, and the present decides.
    let ended = Case {
        validity: window(None, Some(at + minute)),
        root: None,
        ..case
    };
    assert_eq!(ended.exit(), 14);
}

#[test]
fn f01_a_keyed_entry_is_about_this_signature_key_and_file() {
    let case = keyed();
    let body = case.json()["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"].clone();
    let body: Value =
        serde_json::from_slice(&STANDARD.decode(body.as_str().unwrap()).unwrap()).unwrap();
    for (place, value) in [
        (
            "/spec/data/hash/value",
            json!(Digest::sha256(b"another").hex()),
        ),
        ("/spec/signature/content", json!("AAAA")),
        (
            "/spec/signature/publicKey/content",
            json!(STANDARD.encode(Signer::named("x").pem())),
        ),
        ("/kind", json!("dsse")),
        ("/apiVersion", json!("0.0.2")),
    ] {
        let mut changed = body.clone();
        *changed.pointer_mut(place).unwrap() = value;
        let mut bundle = case.json();
        material(&mut bundle)["tlogEntries"][0]["canonicalizedBody"] =
            STANDARD.encode(changed.to_string()).into();
        let verdict = case.with(&bundle).verdict();
        assert_eq!(verdict.exit_code(), 12, "{place}");
        let found = &verdict.signatures[0].checks[0].found;
        assert!(found.contains("log entry"), "{place}: {found}");
    }
}

fn blob_bundle(signer: &Signer, content: &[u8], prehashed: bool) -> Vec<u8> {
    let signature = signer.blob(content, prehashed);
    let digest = Digest::sha256(content);
    let hint = signer.key_id().hint();
    let bundle = Bundle::with_message_signature(&digest, &signature, &hint).unwrap();
    bundle.bytes().to_vec()
}

#[test]
fn a_file_s_signature_counts_for_that_file_alone() {
    let builder = Signer::named("builder");
    for prehashed in [false, true] {
        let ask = |content: &[u8], bytes: bool| {
            let mut ask = Ask::new(Evidence {
                artifact: Some(Digest::sha256(content)),
                attestations: vec![Attestation::bundle(
                    blob_bundle(&builder, b"content", prehashed),
                    None,
                )],
                ..Evidence::default()
            });
            if bytes {
                ask.evidence.content = Some(content.into());
            }
            ask.verdict()
        };
        assert_exit(&ask(b"content", true), 0);
        let other = ask(b"another", true);
        assert_exit(&other, 13);
        assert_found(&other, Code::SubjectMismatch);
        // Ed25519 signs bytes or their SHA-512, of which a SHA-256 digest says nothing.
        assert_exit(&ask(b"content", false), 13);
    }
}

#[test]
fn encoded_envelopes_are_no_files() {
    let builder = Signer::named("builder");
    let content = b"DSSEv1 28 application/vnd.in-toto+json 2 {}".as_slice();
    let ask = Ask::new(Evidence {
        artifact: Some(Digest::sha256(content)),
        content: Some(content.into()),
        attestations: vec![Attestation::bundle(
            blob_bundle(&builder, content, false),
            None,
        )],
        ..Evidence::default()
    });
    assert_ne!(ask.verdict().exit_code(), 0);
}

/// A `.sig` layer over a payload, by this signer.
fn layer(signer: &Signer, payload: &[u8]) -> CosignLayer {
    let signature = STANDARD.encode(signer.blob(payload, false));
    let annotations = BTreeMap::from([(layers::SIGNATURE.to_owned(), signature)]);
    let limits = Limits::default();
    CosignLayer::new(
        layers::SIMPLE_SIGNING,
        payload.to_vec(),
        annotations,
        &limits,
    )
    .unwrap()
}

fn payload(image: &Digest) -> String {
    json!({
        "critical": {
            "identity": {"docker-reference": "registry.example.test/pay/api"},
            "image": {"docker-manifest-digest": image},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string()
}

#[test]
fn cosign_s_old_signatures_count_for_the_image_they_name() {
    let builder = Signer::named("builder");
    let ask = |layer: CosignLayer| {
        Ask::new(Evidence {
            artifact: Some(kit::image()),
            attestations: vec![Attestation::cosign(layer, None)],
            ..Evidence::default()
        })
    };
    let own = payload(&kit::image());
    let mut asked = ask(layer(&builder, own.as_bytes()));
    let verdict = asked.verdict();
    assert_exit(&verdict, 0);
    let name = "registry.example.test/pay/api";
    assert_eq!(
        verdict.signatures[0].docker_reference.as_deref(),
        Some(name)
    );
    asked.claim = ExpectedClaim::SignatureAs(name.to_owned());
    assert_exit(&asked.verdict(), 0);
    asked.claim = ExpectedClaim::SignatureAs("registry.example.test/pay".to_owned());
    assert_exit(&asked.verdict(), 13);
    asked.claim = ExpectedClaim::Attestation("https://x.example.test/y".to_owned());
    assert_exit(&asked.verdict(), 10);

    let another = payload(&Digest::sha256(b"another image"));
    assert_exit(&ask(layer(&builder, another.as_bytes())).verdict(), 13);
    assert_exit(
        &ask(layer(&Signer::named("mallory"), own.as_bytes())).verdict(),
        11,
    );
    // F02: a signature over another payload is none over this one.
    let annotations = layer(&builder, another.as_bytes()).annotations().clone();
    let limits = Limits::default();
    let swapped = CosignLayer::new(
        layers::SIMPLE_SIGNING,
        own.into_bytes(),
        annotations,
        &limits,
    )
    .unwrap();
    assert_ne!(ask(swapped).verdict().exit_code(), 0);
}

/// An envelope that these sign, without a bundle around it.
fn envelope_of(world: &World, signers: &[&str]) -> Vec<u8> {
    let payload = kit::payload(&world.evidence[0].bundle);
    let signatures = signers.iter().map(|name| EnvelopeSignature {
        key_id: None,
        signature: Signer::named(name).signature(envelope::IN_TOTO, &payload),
    });
    let signatures = signatures.collect();
    Envelope::new(payload, envelope::IN_TOTO, signatures).to_json()
}

#[test]
fn f28_thresholds_count_different_keys() {
    let mut world = World::empty();
    world.attest("builder", cosign::TYPE, &json!({}));
    let ask = |signers: &[&str], threshold: usize| {
        let mut evidence = world.gathered();
        evidence.attestations = vec![Attestation::bundle(envelope_of(&world, signers), None)];
        let mut ask = Ask::new(evidence);
        ask.trusted = vec!["builder", "tester", "scanner"];
        let keys = ask.trusted.iter().map(|name| Signer::named(name).key_id());
        ask.signer = ExpectedSigner::Keys {
            keys: keys.collect(),
            threshold,
        };
        ask.verdict()
    };
    assert_exit(&ask(&["builder", "tester"], 2), 0);
    assert_exit(&ask(&["builder", "mallory", "scanner"], 2), 0);
    assert_exit(&ask(&["builder", "builder"], 2), 11);
    assert_exit(&ask(&["builder", "mallory"], 2), 11);
    assert_exit(&ask(&["builder"], 0), 0);
    assert_exit(&ask(&["mallory"], 0), 11);
}

#[test]
fn f20_raw_pairs_and_other_hashes_need_to_be_asked_for() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    };
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    let mut spki = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    spki.extend_from_slice(pair.public_key().as_ref());
    let key = PublicKey::from_spki(&spki).unwrap();
    let signature = pair.sign(&random, CONTENT).unwrap();
    let digest = Digest::sha256(CONTENT);
    let bundle =
        Bundle::with_message_signature(&digest, signature.as_ref(), &key.id().hint()).unwrap();
    let exit = |key: PublicKey, legacy: bool| {
        let now = kit::hour(1);
        let limits = Limits::default();
        let signer = ExpectedSigner::Key(key.id().clone());
        let trust = bulla_verify::Trust::new([key], &[], now, &limits).unwrap();
        let evidence = Evidence {
            artifact: Some(digest.clone()),
            attestations: vec![Attestation::bundle(bundle.bytes().to_vec(), None)],
            ..Evidence::default()
        };
        let verdict = bulla_verify::verify_signed(&bulla_verify::SignedQuestion {
            name: "a.txt",
            evidence: &evidence,
            trust: &trust.with_legacy_schemes(legacy),
            signer: &signer,
            claim: &ExpectedClaim::Signature,
            now,
            limits: &limits,
            cancelled: &|| false,
        });
        verdict.exit_code()
    };
    assert_eq!(exit(key.clone(), false), 12);
    assert_eq!(exit(key.clone(), true), 0);
    let pairs = SignatureScheme::named("ecdsa-p256-sha256-p1363").unwrap();
    assert_eq!(exit(key.clone().with_scheme(pairs).unwrap(), false), 0);
    let other = SignatureScheme::named("rsa-pss-sha256-salt32").unwrap();
    key.with_scheme(other).unwrap_err();
}
