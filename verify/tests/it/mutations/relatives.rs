//! What other projects seal in ways of their own: Notation, in-toto layouts and links, witness; and
//! what cosign stores beside an image with a timestamp.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::in_toto::Metadata;
use bulla_model::notation::EnvelopeForm;
use bulla_model::{Digest, Limits};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Facts;
use super::fixtures::{Fixture, Layer, read};
use crate::forms::{Case, subject};
use crate::layouts::{Chain, enveloped, traditional_inspected};
use crate::notation::{self, Case as NotationCase};
use crate::vectors::{root, text};
use crate::witness;

pub(super) fn all() -> Vec<Fixture> {
    let mut all = notation();
    all.extend(layouts());
    all.push(witnessed());
    all.push(timestamped_layer());
    all
}

/// An envelope in CBOR, as this file writes it down. A member that occurs twice is refused.
#[derive(Deserialize)]
struct Wrapped {
    cose: String,
}

/// Signatures of the Notary Project. CBOR stands in JSON as base64, whose bytes are changed one by
/// one.
fn notation() -> Vec<Fixture> {
    let mut all = Vec::new();
    for (name, case, form, envelope) in notation::accepted() {
        let document = match form {
            EnvelopeForm::Jws => envelope,
            EnvelopeForm::Cose => {
                let bytes = STANDARD.encode(envelope);
                json!({ "cose": bytes }).to_string().into_bytes()
            }
        };
        let prove = move |document: &[u8]| match form {
            EnvelopeForm::Jws => facts(&case, form, document),
            EnvelopeForm::Cose => {
                let document: Wrapped = serde_json::from_slice(document).ok()?;
                facts(&case, form, &STANDARD.decode(document.cose).ok()?)
            }
        };
        all.push(Fixture::new(name, document, prove));
    }
    all
}

fn facts(case: &NotationCase, form: EnvelopeForm, envelope: &[u8]) -> Option<Facts> {
    let signature = case.verify(form, envelope);
    if signature.cause.is_some() {
        return None;
    }
    let said = (
        &signature.signer,
        signature.signing_time,
        &signature.annotations,
    );
    Some(Facts {
        signed: case.artifact.digest.clone(),
        signer: format!("{said:?}"),
        proven: signature.timestamp,
    })
}

/// Layouts, and each link of theirs while the rest stays.
fn layouts() -> Vec<Fixture> {
    let mut all = Vec::new();
    let both = [
        ("layout in envelope", enveloped()),
        ("layout", traditional_inspected()),
    ];
    for (name, (layout, chain)) in both {
        for (file, link) in chain.files.clone() {
            let (layout, chain, file) = (layout.clone(), chain.clone(), file.clone());
            let prove = {
                let file = file.clone();
                move |bytes: &[u8]| {
                    let mut chain = chain.clone();
                    chain.files.insert(file.clone(), bytes.to_vec());
                    followed(&chain, &layout, bytes)
                }
            };
            all.push(Fixture::new(&format!("{name}: {file}"), link, prove));
        }
        let document = layout.clone();
        let prove = move |bytes: &[u8]| followed(&chain, bytes, bytes);
        all.push(Fixture::new(name, document, prove));
    }
    all
}

/// What a document proves, if the layout was followed: what is signed in it.
fn followed(chain: &Chain, layout: &[u8], document: &[u8]) -> Option<Facts> {
    let verdict = chain.judged_as(layout);
    if verdict.exit_code() != 0 {
        return None;
    }
    let document = Metadata::parse(document, &Limits::default()).ok()?;
    Some(Facts {
        signed: Digest::sha256(document.signed_bytes()),
        signer: format!("{:?}", verdict.layout),
        proven: None,
    })
}

/// An envelope of witness's, whose signature carries certificates and timestamps itself.
fn witnessed() -> Fixture {
    let case = witness::certified();
    let document = case.bundle.clone();
    Fixture::new("witness", document, move |bytes| {
        let changed = Case {
            bundle: bytes.to_vec(),
            ..case.clone()
        };
        let verdict = changed.verdict();
        let one = verdict.signatures.iter().find(|one| one.counts)?;
        Some(Facts {
            signed: one.payload.clone()?,
            signer: format!("{:?}", one.signer),
            proven: one.time.filter(|_| one.time_proven),
        })
    })
}

/// GitHub's bundle of a private repository, told as the layer cosign would have written.
fn timestamped_layer() -> Fixture {
    let folder = root().join("testdata/verify/sigstore");
    let bundle = text(&folder.join("github.sigstore.json")).into_bytes();
    let parsed: Value = serde_json::from_slice(&bundle).unwrap();
    let material = &parsed["verificationMaterial"];
    let der = material["certificate"]["rawBytes"].as_str().unwrap();
    let certificate = pem::Pem::new("CERTIFICATE", STANDARD.decode(der).unwrap());
    let tokens = &material["timestampVerificationData"]["rfc3161Timestamps"];
    let document = json!({
        "envelope": parsed["dsseEnvelope"],
        "certificate": pem::encode(&certificate),
        "timestamp": {"SignedRFC3161Timestamp": tokens[0]["signedTimestamp"]},
    });
    let case = Case {
        name: "att layer with a timestamp".to_owned(),
        digest: subject(&bundle),
        root: Some(text(&folder.join("github.trusted_root.json")).into_bytes()),
        ..Case::default()
    };
    read(case, document.to_string().into_bytes(), Layer::read)
}
