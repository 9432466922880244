//! What is accepted, in every form it comes in, and what it proves.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{
    CosignBlob, CosignLayer, Digest, Envelope, EnvelopeSignature, Identity, Limits,
    attestation_list, cosign as layers, envelope,
};
use bulla_verify::slsa::{Provenance, SlsaVerdict};
use bulla_verify::{
    Attestation, Evidence, ExpectedClaim, ExpectedSigner, PublicKey, SignedQuestion, Trust,
    Verified, examine, verify_signed,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Facts, NOW};
use crate::forms::{Case, conformance, corpora, others, subject};
use crate::kit::Signer;
use crate::vectors::{entries, root, text};
use crate::{slsa, vsa};

/// Something accepted, and how to find out what changed copies of it prove.
pub(super) struct Fixture {
    pub(super) name: String,
    /// JSON.
    pub(super) document: Vec<u8>,
    prove: Box<Prove>,
}

type Prove = dyn Fn(&[u8]) -> Option<Facts> + Send + Sync;

impl Fixture {
    pub(super) fn new(
        name: &str,
        document: Vec<u8>,
        prove: impl Fn(&[u8]) -> Option<Facts> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            document,
            prove: Box::new(prove),
        }
    }

    /// What these bytes prove, if they are accepted.
    pub(super) fn facts(&self, document: &[u8]) -> Option<Facts> {
        (self.prove)(document)
    }
}

impl Facts {
    fn of<T>(verified: &Verified<T>, signed: Digest) -> Self {
        let time = verified.time();
        Self {
            signed,
            signer: format!("{:?}", verified.signer()),
            proven: time.existed_by().filter(|_| time.is_proven()),
        }
    }

    fn of_slsa(verdict: &SlsaVerdict) -> Option<Self> {
        if verdict.cause.is_some() {
            return None;
        }
        // Where several keys of a builder signed, each of them answers for it.
        let is_certificate = |signer: &&Identity| matches!(signer, Identity::Certificate(_));
        let said = (
            verdict.signer.as_ref().filter(is_certificate),
            &verdict.builder,
            &verdict.reference,
            &verdict.commit,
        );
        Some(Self {
            signed: verdict.statement.clone()?,
            signer: format!("{said:?}"),
            proven: None,
        })
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// What a case's trust says of one attestation about the case's artifact.
fn proven(case: &Case, trust: &Trust, attestation: Attestation) -> Option<Facts> {
    let limits = Limits::default();
    let evidence = Evidence {
        artifact: case.digest.clone(),
        digests: case.digest.iter().cloned().collect(),
        content: case.content.clone().map(Arc::from),
        attestations: vec![attestation],
        ..Evidence::default()
    };
    let found = examine(&evidence, trust, now(), &limits, &|| false).unwrap();
    if let Some(signature) = found[0].signature() {
        let verified = signature.ok()?;
        return Some(Facts::of(verified, verified.value().subject.clone()));
    }
    let verified = found[0].outcome().ok()?;
    Some(Facts::of(verified, verified.payload().clone()))
}

fn trust(case: &Case) -> Trust {
    let keys = case.key.iter().map(|pem| PublicKey::from_pem(pem).unwrap());
    let roots: Vec<Vec<u8>> = case.root.iter().cloned().collect();
    Trust::new(keys, &roots, now(), &Limits::default()).unwrap()
}

/// A document from which an attestation is read, under a case's trust.
pub(super) fn read(
    case: Case,
    document: Vec<u8>,
    read: impl Fn(&[u8]) -> Option<Attestation> + Send + Sync + 'static,
) -> Fixture {
    let trust = trust(&case);
    let name = case.name.clone();
    Fixture::new(&name, document, move |bytes| {
        proven(&case, &trust, read(bytes)?)
    })
}

impl From<Case> for Fixture {
    fn from(case: Case) -> Self {
        let document = case.bundle.clone();
        read(case, document, |bytes| {
            Some(Attestation::bundle(bytes.to_vec(), None))
        })
    }
}

/// The bundles of this repository: with certificates and keys, of files and statements, in every
/// version, with promises, proofs and timestamps, and one signed with a key alone.
fn bundles() -> Vec<Case> {
    let folder = root().join("testdata/verify/sigstore");
    let bytes = |name: &str| text(&folder.join(name)).into_bytes();
    let file = bytes("a.txt");
    let mut cases: Vec<Case> = [
        ("rekor1", "public"),
        ("rekor2", "rekor2"),
        ("private", "private"),
        ("github", "github"),
        ("v01", "public"),
        ("keyed", "keyed"),
        ("two-intermediates", "two-intermediates"),
    ]
    .into_iter()
    .map(|(name, root)| {
        let of_file = ["v01", "keyed"].contains(&name);
        let bundle = bytes(&format!("{name}.sigstore.json"));
        Case {
            name: name.to_owned(),
            root: Some(bytes(&format!("{root}.trusted_root.json"))),
            key: (name == "keyed").then(|| text(&folder.join("keyed.pub"))),
            digest: if of_file {
                Some(Digest::sha256(&file))
            } else {
                subject(&bundle)
            },
            content: of_file.then(|| file.clone()),
            bundle,
            ..Case::default()
        }
    })
    .collect();
    let interop = root().join("testdata/interop/sigstore");
    for path in entries(&interop) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".sigstore.json") {
            let bundle = text(&path).into_bytes();
            cases.push(Case {
                name,
                root: Some(text(&interop.join("trusted_root.json")).into_bytes()),
                digest: subject(&bundle),
                bundle,
                ..Case::default()
            });
        }
    }
    let signer = Signer::named("builder");
    let bundle = signer.seal(STATEMENT);
    cases.push(Case {
        name: "key".to_owned(),
        digest: subject(&bundle),
        bundle,
        // So that records spliced in are looked at.
        root: Some(bytes("public.trusted_root.json")),
        key: Some(signer.pem()),
        ..Case::default()
    });
    cases
}

const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}"#;

/// An envelope without a bundle, which two of two keys must have signed.
fn plain() -> Fixture {
    let signers = ["builder", "tester"].map(Signer::named);
    let signatures = signers.iter().map(|signer| EnvelopeSignature {
        key_id: None,
        signature: signer.signature(envelope::IN_TOTO, STATEMENT),
    });
    let plain = Envelope::new(STATEMENT.to_vec(), envelope::IN_TOTO, signatures.collect());
    let keys = signers.iter().map(Signer::public);
    let trust = Trust::new(keys, &[], now(), &Limits::default()).unwrap();
    let signer = ExpectedSigner::Keys {
        keys: signers.iter().map(Signer::key_id).collect(),
        threshold: 2,
    };
    let artifact = subject(&Signer::named("builder").seal(STATEMENT));
    Fixture::new("plain", plain.to_json(), move |bytes| {
        let evidence = Evidence {
            artifact: artifact.clone(),
            attestations: vec![Attestation::bundle(bytes.to_vec(), None)],
            ..Evidence::default()
        };
        let verdict = verify_signed(&SignedQuestion {
            name: "plain",
            evidence: &evidence,
            trust: &trust,
            signer: &signer,
            claim: &ExpectedClaim::Anything,
            now: now(),
            limits: &Limits::default(),
            cancelled: &|| false,
        });
        let first = verdict.signatures.iter().find(|one| one.counts)?;
        Some(Facts {
            signed: first.payload.clone()?,
            signer: signer.to_string(),
            proven: None,
        })
    })
}

/// A layer of cosign's as this file writes it down: what is JSON in an annotation stays JSON, so
/// that it is changed member by member.
#[derive(Deserialize)]
pub(super) struct Layer {
    #[serde(default)]
    payload: Option<String>,
    #[serde(default)]
    envelope: Option<Box<RawValue>>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    chain: Option<String>,
    #[serde(default)]
    bundle: Option<Box<RawValue>>,
    #[serde(default)]
    timestamp: Option<Box<RawValue>>,
}

impl Layer {
    pub(super) fn read(document: &[u8]) -> Option<Attestation> {
        let layer: Self = serde_json::from_slice(document).ok()?;
        let (kind, bytes) = match (layer.payload, layer.envelope) {
            (Some(payload), _) => (layers::SIMPLE_SIGNING, STANDARD.decode(payload).ok()?),
            (None, envelope) => (layers::DSSE, envelope?.get().as_bytes().to_vec()),
        };
        let bundle = layer.bundle.map(|bundle| bundle.get().to_owned());
        let timestamp = layer.timestamp.map(|stamp| stamp.get().to_owned());
        let annotations: BTreeMap<String, String> = [
            (layers::SIGNATURE, layer.signature),
            (layers::CERTIFICATE, layer.certificate),
            (layers::CHAIN, layer.chain),
            (layers::BUNDLE, bundle),
            (layers::TIMESTAMP, timestamp),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
        let layer = CosignLayer::new(kind, bytes, annotations, &Limits::default()).ok()?;
        Some(Attestation::cosign(layer, None))
    }
}

/// The parts of a version 0.1 bundle as cosign stored them before bundles.
fn older(bundle: &Value) -> (Vec<String>, Value) {
    let material = &bundle["verificationMaterial"];
    let chain = material["x509CertificateChain"]["certificates"].as_array();
    let pem = |certificate: &Value| {
        let der = STANDARD
            .decode(certificate["rawBytes"].as_str().unwrap())
            .unwrap();
        pem::encode(&pem::Pem::new("CERTIFICATE", der))
    };
    let certificates = chain.into_iter().flatten().map(pem).collect();
    let entry = &material["tlogEntries"][0];
    let number = |name: &str| entry[name].as_str().unwrap().parse::<i64>().unwrap();
    let log = STANDARD
        .decode(entry["logId"]["keyId"].as_str().unwrap())
        .unwrap();
    let promise = json!({
        "SignedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
        "Payload": {
            "body": entry["canonicalizedBody"],
            "integratedTime": number("integratedTime"),
            "logIndex": number("logIndex"),
            "logID": hex::encode(log),
        },
    });
    (certificates, promise)
}

/// Layers of `.sig` and `.att` tags, and the file `cosign sign-blob --bundle` wrote.
fn cosign() -> Vec<Fixture> {
    let public = text(&root().join("testdata/verify/sigstore/public.trusted_root.json"));
    let public = public.into_bytes();
    let image = Digest::sha256(b"image");
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "registry.example.test/pay/api"},
            "image": {"docker-manifest-digest": image},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string();
    let signer = Signer::named("builder");
    let signature = json!({
        "payload": STANDARD.encode(&payload),
        "signature": STANDARD.encode(signer.blob(payload.as_bytes(), false)),
    });
    let keyed = Case {
        name: "sig layer".to_owned(),
        key: Some(signer.pem()),
        digest: Some(image),
        root: Some(public.clone()),
        ..Case::default()
    };

    let bundle = text(&root().join("testdata/slsa/container-based.sigstore.json")).into_bytes();
    let parsed: Value = serde_json::from_slice(&bundle).unwrap();
    let (certificates, promise) = older(&parsed);
    let attestation = json!({
        "envelope": parsed["dsseEnvelope"],
        "certificate": certificates[0],
        "chain": certificates[1..].concat(),
        "bundle": promise,
    });
    let keyless = Case {
        name: "att layer".to_owned(),
        digest: subject(&bundle),
        root: Some(public.clone()),
        ..Case::default()
    };

    let folder = root().join("testdata/verify/sigstore");
    let parsed: Value = serde_json::from_str(&text(&folder.join("v01.sigstore.json"))).unwrap();
    let (certificates, promise) = older(&parsed);
    let file = json!({
        "base64Signature": parsed["messageSignature"]["signature"],
        "cert": STANDARD.encode(&certificates[0]),
        "rekorBundle": promise,
    });
    let content = text(&folder.join("a.txt")).into_bytes();
    let blob = Case {
        name: "blob file".to_owned(),
        digest: Some(Digest::sha256(&content)),
        root: Some(public),
        content: Some(content),
        ..Case::default()
    };
    let digest = blob.digest.clone().unwrap();
    vec![
        read(keyed, signature.to_string().into_bytes(), Layer::read),
        read(keyless, attestation.to_string().into_bytes(), Layer::read),
        read(blob, file.to_string().into_bytes(), move |bytes| {
            let limits = Limits::default();
            let blob = CosignBlob::parse(bytes, &limits).ok()?;
            let bundle = blob.to_bundle(&digest, &limits).ok()?;
            Some(Attestation::bundle(bundle.bytes().to_vec(), None))
        }),
    ]
}

/// An attestation as PyPI serves it (PEP 740).
fn pypi() -> Fixture {
    let folder = root().join("testdata/verify/sigstore");
    let bundle = text(&folder.join("rekor1.sigstore.json")).into_bytes();
    let parsed: Value = serde_json::from_slice(&bundle).unwrap();
    let material = &parsed["verificationMaterial"];
    let document = json!({
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {
            "statement": parsed["dsseEnvelope"]["payload"],
            "signature": parsed["dsseEnvelope"]["signatures"][0]["sig"],
        },
    });
    let case = Case {
        name: "pypi".to_owned(),
        digest: subject(&bundle),
        root: Some(text(&folder.join("public.trusted_root.json")).into_bytes()),
        ..Case::default()
    };
    read(case, document.to_string().into_bytes(), |bytes| {
        let found = attestation_list::bundles(bytes, &Limits::default()).ok()??;
        let [bundle] = <[Vec<u8>; 1]>::try_from(found).ok()?;
        Some(Attestation::bundle(bundle, None))
    })
}

/// Provenance of real builders, and summaries, each with what was asked about it.
fn builders() -> Vec<Fixture> {
    let mut out: Vec<Fixture> = slsa::accepted()
        .into_iter()
        .map(|(name, case)| {
            let document = match &case.provenance {
                Provenance::Attestations(list) => list[0].bytes().to_vec(),
                Provenance::Npm { document, .. } | Provenance::CloudBuild(document) => {
                    document.clone()
                }
            };
            let prepared = case.prepared();
            let prove = move |bytes: &[u8]| {
                let verdict = case.of_bytes(bytes).verify_with(&prepared);
                Facts::of_slsa(&verdict)
            };
            Fixture::new(name, document, prove)
        })
        .collect();
    out.extend(vsa::accepted().into_iter().map(|(name, case)| {
        let document = case.attestation.clone();
        let prove = move |bytes: &[u8]| Facts::of_slsa(&case.of_bytes(bytes).verify());
        Fixture::new(name, document, prove)
    }));
    out
}

/// Everything accepted in this repository.
pub(super) fn own() -> Vec<Fixture> {
    let mut all: Vec<Fixture> = bundles().into_iter().map(Fixture::from).collect();
    all.push(plain());
    all.extend(cosign());
    all.push(pypi());
    all.extend(builders());
    all.extend(super::relatives::all());
    all
}

/// And in the corpora, where they are present.
pub(super) fn all() -> Vec<Fixture> {
    let mut all = own();
    if let Some(corpora) = corpora() {
        let cases = conformance(&corpora).into_iter().chain(others(&corpora));
        all.extend(cases.map(Fixture::from));
    }
    all
}
