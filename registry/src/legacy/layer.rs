//! Legacy layers from bundles: the same signature, certificate and proofs in cosign's older form.
//!
//! <https://github.com/sigstore/cosign/blob/v3.0.4/specs/SIGNATURE_SPEC.md> names the annotations.
//! A bundle's log entry can only be written down there if the log promised it by a signed entry
//! timestamp, which Rekor v2 does not.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Annotations, Bundle, BundleContent, Digest, KeyMaterial, Limits, Statement};
use serde_json::{Value, json};

use super::LegacyKind;
use super::write::NewLegacyLayer;

/// What cosign signed of an image before bundles: a payload in the Red Hat "simple signing" format
/// that names `reference` (`HOST/REPO`) and the digest; `optional` is what the signer adds.
pub fn simple_signing(
    reference: &str,
    image: &Digest,
    optional: &BTreeMap<String, String>,
) -> Vec<u8> {
    // cosign writes `null` where there is nothing.
    let optional = (!optional.is_empty()).then_some(optional);
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": reference },
            "image": { "docker-manifest-digest": image },
            "type": "cosign container image signature",
        },
        "optional": optional,
    });
    serde_json::to_vec(&payload).expect("because a JSON value always serialises")
}

impl NewLegacyLayer {
    /// A signature of a [`simple_signing`] payload. `bundle` holds a signature over these bytes;
    /// `chain` are the certificates in PEM between its certificate and the root, the nearest first;
    /// empty if there are none.
    pub fn signature(
        payload: Vec<u8>,
        bundle: &Bundle,
        chain: &str,
    ) -> Result<Self, LegacyLayerError> {
        let BundleContent::Message {
            digest, signature, ..
        } = bundle.content()
        else {
            return Err(LegacyLayerError::Content);
        };
        if hex::encode(digest) != Digest::sha256(&payload).hex() {
            return Err(LegacyLayerError::Content);
        }
        let mut annotations = material(bundle, chain)?;
        annotations.insert(SIGNATURE.to_owned(), STANDARD.encode(signature));
        Ok(Self {
            kind: LegacyKind::Signature,
            media_type: "application/vnd.dev.cosign.simplesigning.v1+json",
            bytes: payload,
            annotations,
        })
    }

    /// An attestation: the envelope of a bundle.
    pub fn attestation(
        bundle: &Bundle,
        chain: &str,
        limits: &Limits,
    ) -> Result<Self, LegacyLayerError> {
        let envelope = bundle.envelope().ok_or(LegacyLayerError::Content)?;
        let statement =
            Statement::parse(envelope.payload(), limits).map_err(|_| LegacyLayerError::Content)?;
        let mut annotations = material(bundle, chain)?;
        // Readers find the signature in the envelope and want the annotation all the same.
        annotations.insert(SIGNATURE.to_owned(), String::new());
        annotations.insert(
            "predicateType".to_owned(),
            statement.predicate_type().as_str().to_owned(),
        );
        Ok(Self {
            kind: LegacyKind::Attestation,
            media_type: "application/vnd.dsse.envelope.v1+json",
            bytes: envelope.to_json(),
            annotations,
        })
    }
}

/// Certificate, log entry and timestamp as annotations.
fn material(bundle: &Bundle, chain: &str) -> Result<Annotations, LegacyLayerError> {
    let document: Value =
        serde_json::from_slice(bundle.bytes()).expect("because a bundle was read from this JSON");
    let material = &document["verificationMaterial"];
    let mut annotations = Annotations::new();
    if let Some(entry) = material["tlogEntries"]
        .as_array()
        .and_then(|entries| entries.iter().find_map(log_entry))
    {
        annotations.insert(BUNDLE.to_owned(), entry.to_string());
    }
    let timestamps = &material["timestampVerificationData"]["rfc3161Timestamps"];
    if let Some(token) = timestamps[0]["signedTimestamp"].as_str() {
        let timestamp = json!({ "SignedRFC3161Timestamp": token });
        annotations.insert(TIMESTAMP.to_owned(), timestamp.to_string());
    }
    if let KeyMaterial::Certificate(certificate) = bundle.key() {
        if annotations.is_empty() {
            return Err(LegacyLayerError::NoTime);
        }
        annotations.insert(CERTIFICATE.to_owned(), pem_text(certificate));
        if !chain.is_empty() {
            annotations.insert(CHAIN.to_owned(), chain.to_owned());
        }
    }
    Ok(annotations)
}

/// A log entry as clients wrote it down before bundles; none without a signed entry timestamp.
fn log_entry(entry: &Value) -> Option<Value> {
    let number = |value: &Value| -> Option<i64> {
        value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
    };
    let promise = entry["inclusionPromise"]["signedEntryTimestamp"].as_str()?;
    let log = STANDARD.decode(entry["logId"]["keyId"].as_str()?).ok()?;
    Some(json!({
        "SignedEntryTimestamp": promise,
        "Payload": {
            "body": entry["canonicalizedBody"].as_str()?,
            "integratedTime": number(&entry["integratedTime"])?,
            "logIndex": number(&entry["logIndex"])?,
            "logID": hex::encode(log),
        },
    }))
}

fn pem_text(der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", der), config)
}

/// Why a bundle has no older form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegacyLayerError {
    /// It signs something else.
    #[error("the bundle does not hold what the legacy layer is for")]
    Content,
    /// It rests on a certificate, and nothing in it tells older clients when that was valid.
    #[error(
        "older clients cannot tell when the certificate was valid: the bundle has neither a signed entry timestamp nor a timestamp of an authority"
    )]
    NoTime,
}

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_byte_for_byte_what_cosign_signs() {
        let digest = Digest::sha256(b"x");
        assert_eq!(
            String::from_utf8(simple_signing(
                "registry.example.test/pay/api",
                &digest,
                &BTreeMap::new()
            ))
            .unwrap(),
            format!(
                concat!(
                    r#"{{"critical":{{"identity":{{"docker-reference":"registry.example.test/pay/api"}},"#,
                    r#""image":{{"docker-manifest-digest":"{}"}},"#,
                    r#""type":"cosign container image signature"}},"optional":null}}"#
                ),
                digest
            )
        );
    }

    fn bundle(material: &Value) -> Bundle {
        let document = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            "messageSignature": {
                "messageDigest": {
                    "algorithm": "SHA2_256",
                    "digest": STANDARD.encode(hex::decode(Digest::sha256(b"payload").hex()).unwrap()),
                },
                "signature": STANDARD.encode(b"signature"),
            },
        });
        Bundle::parse(document.to_string().into_bytes(), &Limits::default()).unwrap()
    }

    fn entry(promise: &Value) -> Value {
        json!({
            "logIndex": "771488337",
            "logId": { "keyId": STANDARD.encode([0xc0, 0xd2]) },
            "kindVersion": { "kind": "hashedrekord", "version": "0.0.1" },
            "integratedTime": "1764000000",
            "inclusionPromise": promise,
            "canonicalizedBody": "e30=",
        })
    }

    #[test]
    fn proofs_of_a_bundle_become_annotations() {
        let promised = json!({ "signedEntryTimestamp": "c2V0" });
        let bundle = bundle(&json!({
            "certificate": { "rawBytes": STANDARD.encode(b"leaf") },
            "tlogEntries": [entry(&Value::Null), entry(&promised)],
            "timestampVerificationData": { "rfc3161Timestamps": [{ "signedTimestamp": "dHN0" }] },
        }));
        let chain = pem_text(b"between");
        let layer = NewLegacyLayer::signature(b"payload".to_vec(), &bundle, &chain).unwrap();
        let annotation = |name: &str| layer.annotations[name].as_str();
        assert_eq!(annotation(SIGNATURE), STANDARD.encode(b"signature"));
        assert_eq!(
            annotation(CERTIFICATE),
            "-----BEGIN CERTIFICATE-----\nbGVhZg==\n-----END CERTIFICATE-----\n"
        );
        assert_eq!(
            annotation(CHAIN),
            "-----BEGIN CERTIFICATE-----\nYmV0d2Vlbg==\n-----END CERTIFICATE-----\n"
        );
        assert_eq!(
            serde_json::from_str::<Value>(annotation(BUNDLE)).unwrap(),
            json!({
                "SignedEntryTimestamp": "c2V0",
                "Payload": {
                    "body": "e30=",
                    "integratedTime": 1_764_000_000,
                    "logIndex": 771_488_337,
                    "logID": "c0d2",
                },
            })
        );
        assert_eq!(
            annotation(TIMESTAMP),
            r#"{"SignedRFC3161Timestamp":"dHN0"}"#
        );
    }

    #[test]
    fn a_certificate_nobody_could_date_is_not_written() {
        let bundle = bundle(&json!({
            "certificate": { "rawBytes": STANDARD.encode(b"leaf") },
            "tlogEntries": [entry(&Value::Null)],
        }));
        assert_eq!(
            NewLegacyLayer::signature(b"payload".to_vec(), &bundle, ""),
            Err(LegacyLayerError::NoTime)
        );
    }

    #[test]
    fn a_signature_of_something_else_is_not_written() {
        let bundle = bundle(&json!({ "publicKey": { "hint": "k" } }));
        assert!(NewLegacyLayer::signature(b"payload".to_vec(), &bundle, "").is_ok());
        assert_eq!(
            NewLegacyLayer::signature(b"another".to_vec(), &bundle, ""),
            Err(LegacyLayerError::Content)
        );
        assert_eq!(
            NewLegacyLayer::attestation(&bundle, "", &Limits::default()),
            Err(LegacyLayerError::Content)
        );
    }
}
