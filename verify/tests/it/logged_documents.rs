//! Entries of kind `intoto 0.0.1`, which name a document instead of a signature.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{CosignLayer, Digest, Limits, cosign as layers};
use bulla_verify::{
    Attestation, Evidence, ExpectedClaim, ExpectedSigner, Pattern, SignedQuestion, Trust, Verdict,
    verify_signed,
};
use serde_json::{Value, json};

use crate::kit::Signer;

macro_rules! sigstore {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/verify/sigstore/", $name)).as_slice()
    };
}

const DOCUMENT: &[u8] = sigstore!("intoto1.layer.json");
/// What it is about.
const IMAGE: &str = "sha256:a74d89d8dd863ca5dae4a29e0feede81ddf59197849a80784af5a02ab7786925";

/// An attestation of 2022: a layer of an `.att` tag, as received.
#[derive(Clone)]
struct Layer {
    document: Vec<u8>,
    annotations: BTreeMap<String, String>,
}

impl Layer {
    fn recorded() -> Self {
        Self {
            document: DOCUMENT.to_vec(),
            annotations: serde_json::from_slice(sigstore!("intoto1.annotations.json")).unwrap(),
        }
    }

    fn attestation(&self) -> Attestation {
        let limits = Limits::default();
        let annotations = self.annotations.clone();
        let layer =
            CosignLayer::new(layers::DSSE, self.document.clone(), annotations, &limits).unwrap();
        Attestation::cosign(layer, None)
    }

    fn verdict(&self) -> Verdict {
        ask(self.attestation())
    }

    /// What the log's promise says, changed.
    fn with_promise(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut layer = self.clone();
        let text = layer.annotations.get_mut(layers::BUNDLE).unwrap();
        let mut promise: Value = serde_json::from_str(text).unwrap();
        change(&mut promise);
        *text = promise.to_string();
        layer
    }

    /// The entry's body, changed.
    fn with_body(&self, change: impl FnOnce(&mut Value)) -> Self {
        self.with_promise(|promise| {
            let body = &mut promise["Payload"]["body"];
            let bytes = STANDARD.decode(body.as_str().unwrap()).unwrap();
            let mut inner: Value = serde_json::from_slice(&bytes).unwrap();
            change(&mut inner);
            *body = STANDARD.encode(inner.to_string()).into();
        })
    }
}

fn ask(attestation: Attestation) -> Verdict {
    let limits = Limits::default();
    let now = "2026-11-01T00:00:00Z".parse().unwrap();
    let roots = [sigstore!("public.trusted_root.json").to_vec()];
    let trust = Trust::new([], &roots, now, &limits).unwrap();
    let signer = ExpectedSigner::Certificate {
        issuer: Pattern::regex("https://token.actions.githubusercontent.com").unwrap(),
        subject: Pattern::regex("https://github.com/slsa-framework/.*").unwrap(),
    };
    let evidence = Evidence {
        artifact: Some(IMAGE.parse().unwrap()),
        attestations: vec![attestation],
        ..Evidence::default()
    };
    verify_signed(&SignedQuestion {
        name: "image",
        evidence: &evidence,
        trust: &trust,
        signer: &signer,
        claim: &ExpectedClaim::Anything,
        now,
        limits: &limits,
        cancelled: &|| false,
    })
}

fn found(verdict: &Verdict) -> String {
    assert_eq!(verdict.exit_code(), 12, "{:?}", verdict.findings);
    verdict.signatures[0].checks[0].found.clone()
}

#[test]
fn an_entry_that_names_a_document_counts_for_an_envelope_received_as_it() {
    let verdict = Layer::recorded().verdict();
    assert_eq!(verdict.exit_code(), 0, "{:?}", verdict.findings);
    let record = &verdict.signatures[0].records.log_entries[0];
    assert_eq!(record.kind, "intoto 0.0.1");
    assert!(record.promised && record.integrated_time.is_some());
}

#[test]
fn f03_the_same_envelope_in_other_bytes_is_another_document() {
    let mut spaced = Layer::recorded();
    spaced.document.push(b' ');
    let what = found(&spaced.verdict());
    assert!(what.contains("about another document"), "{what}");
    // In a bundle the envelope was written anew, and nothing tells what was logged.
    let limits = Limits::default();
    let attestation = Layer::recorded().attestation();
    let bulla_verify::AttestationForm::Cosign(layer) = &attestation.form else {
        panic!("it is a layer");
    };
    let bundle = layer.to_bundle(&limits).unwrap();
    let rewritten = Attestation::bundle(bundle.bytes().to_vec(), None);
    let what = found(&ask(rewritten));
    assert!(
        what.contains("needs the document that was logged"),
        "{what}"
    );
}

#[test]
fn f01_the_entry_is_about_this_document_payload_and_certificate() {
    let other = Digest::sha256(b"another");
    for (place, value, reason) in [
        (
            "/spec/content/hash/value",
            json!(other.hex()),
            "about another document",
        ),
        (
            "/spec/content/payloadHash/value",
            json!(other.hex()),
            "about other content",
        ),
        (
            "/spec/publicKey",
            json!(STANDARD.encode(Signer::named("x").pem())),
            "another kind of key",
        ),
        ("/apiVersion", json!("0.0.3"), "proves nothing here"),
    ] {
        let changed = Layer::recorded().with_body(|body| {
            *body.pointer_mut(place).unwrap() = value;
        });
        let what = found(&changed.verdict());
        assert!(what.contains(reason), "{place}: {what}");
    }
    for missing in ["hash", "payloadHash"] {
        let changed = Layer::recorded().with_body(|body| {
            let content = body["spec"]["content"].as_object_mut().unwrap();
            content.remove(missing);
        });
        let what = found(&changed.verdict());
        assert!(what.contains("no log entry"), "{missing}: {what}");
    }
    let own = Layer::recorded();
    let certificate = own.annotations[layers::CHAIN].clone();
    let (first, _) = certificate.split_at(certificate.find("-----END").unwrap());
    let other = format!("{first}-----END CERTIFICATE-----\n");
    let changed = own.with_body(|body| body["spec"]["publicKey"] = STANDARD.encode(other).into());
    let what = found(&changed.verdict());
    assert!(what.contains("another key or certificate"), "{what}");
}

#[test]
fn f14_the_promise_is_over_the_whole_entry() {
    let own = Layer::recorded();
    for (name, value) in [
        ("integratedTime", json!(1_671_000_000)),
        ("logIndex", json!(1)),
    ] {
        let changed = own.with_promise(|promise| promise["Payload"][name] = value);
        assert_eq!(changed.verdict().exit_code(), 12, "{name}");
    }
    // The same JSON in another order is not what the log signed.
    let reordered = own.with_body(|body| body["spec"]["extra"] = json!(1));
    assert_eq!(reordered.verdict().exit_code(), 12);
    let mut without = own.clone();
    without.annotations.remove(layers::BUNDLE);
    assert_eq!(without.verdict().exit_code(), 12);
}

/// Every annotation and the document, each byte in turn changed in one bit.
#[test]
fn no_changed_byte_of_document_or_annotations_is_accepted() {
    let own = Layer::recorded();
    // Certificates above the leaf prove nothing: the trusted root has its own.
    let ignored = [layers::CHAIN, "predicateType"];
    let mut tried = 0;
    for at in (0..own.document.len()).step_by(397) {
        let mut changed = own.clone();
        changed.document[at] ^= 1;
        assert_ne!(changed.verdict().exit_code(), 0, "byte {at}");
        tried += 1;
    }
    for name in own.annotations.keys() {
        if ignored.contains(&name.as_str()) {
            continue;
        }
        let text = own.annotations[name].as_bytes();
        for at in (0..text.len()).step_by(61) {
            let mut bytes = text.to_vec();
            bytes[at] ^= 1;
            let mut changed = own.clone();
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            changed.annotations.insert(name.clone(), text);
            assert_ne!(changed.verdict().exit_code(), 0, "{name} {at}");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn a_layer_with_a_timestamp_alone_is_verified_where_there_are_no_logs() {
    // GitHub's bundle of a private repository, told as the layer cosign would have written.
    let bundle: Value = serde_json::from_slice(sigstore!("github.sigstore.json")).unwrap();
    let material = &bundle["verificationMaterial"];
    let der = material["certificate"]["rawBytes"].as_str().unwrap();
    let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", STANDARD.decode(der).unwrap()));
    let tokens = &material["timestampVerificationData"]["rfc3161Timestamps"];
    let stamp = json!({"SignedRFC3161Timestamp": tokens[0]["signedTimestamp"]});
    let annotations = [
        (layers::SIGNATURE.to_owned(), String::new()),
        (layers::CERTIFICATE.to_owned(), certificate),
        (layers::TIMESTAMP.to_owned(), stamp.to_string()),
    ];
    let limits = Limits::default();
    let envelope = bundle["dsseEnvelope"].to_string().into_bytes();
    let layer = CosignLayer::new(layers::DSSE, envelope, annotations.into(), &limits).unwrap();
    let case = crate::forms::Case {
        root: Some(sigstore!("github.trusted_root.json").to_vec()),
        digest: crate::forms::subject(sigstore!("github.sigstore.json")),
        ..crate::forms::Case::default()
    };
    let verdict = case.verdict_about(vec![Attestation::cosign(layer, None)]);
    assert_eq!(verdict.exit_code(), 0, "{:?}", verdict.findings);
    assert_eq!(verdict.signatures[0].records.timestamps.len(), 1);
}
