//! What stands beside a signature of cosign's: certificates, a log's promise, a timestamp.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BUNDLE, CERTIFICATE, CHAIN, CHAIN_LENGTH, CosignError, TIMESTAMP};
use crate::envelope::decode_base64;
use crate::{Bundle, Digest, Envelope, Limits};

/// The parts as received, unverified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CosignMaterials {
    /// The signing certificate and the ones above it, DER; empty for a bare key.
    pub certificates: Vec<Vec<u8>>,
    /// The log's promise.
    pub promise: Option<LogPromise>,
    /// An RFC 3161 timestamp response, DER.
    pub timestamp: Option<Vec<u8>>,
}

/// A Rekor entry with the log's promise to include it, without a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPromise {
    /// The signed entry timestamp.
    pub signature: Vec<u8>,
    /// The entry's body, JSON.
    pub body: Vec<u8>,
    /// When the log took it in, seconds since 1970.
    pub integrated_time: i64,
    /// Its index in the log.
    pub log_index: i64,
    /// The log's key id, 32 bytes.
    pub log_id: Vec<u8>,
}

impl CosignMaterials {
    /// Reads the annotations of a layer.
    pub fn of_annotations(
        annotations: &BTreeMap<String, String>,
        limits: &Limits,
    ) -> Result<Self, CosignError> {
        let text = |name| annotations.get(name).filter(|text| !text.is_empty());
        let mut certificates = Vec::new();
        if let Some(pem) = text(CERTIFICATE) {
            certificates = certificates_of(pem, CERTIFICATE)?;
            if certificates.len() != 1 {
                return Err(CosignError::Annotation {
                    name: CERTIFICATE,
                    expected: "one certificate",
                });
            }
            if let Some(pem) = text(CHAIN) {
                certificates.append(&mut certificates_of(pem, CHAIN)?);
            }
        }
        let promise = match text(BUNDLE) {
            None => None,
            Some(text) => Some(LogPromise::parse(text.as_bytes(), limits)?),
        };
        let timestamp = match text(TIMESTAMP) {
            None => None,
            Some(text) => Some(timestamp_of(text.as_bytes(), limits)?),
        };
        Ok(Self {
            certificates,
            promise,
            timestamp,
        })
    }

    /// A bundle with this signature over something that has the digest.
    pub fn message_bundle(
        &self,
        digest: &Digest,
        signature: &[u8],
        limits: &Limits,
    ) -> Result<Bundle, CosignError> {
        self.bundle(
            "messageSignature",
            json!({
                "messageDigest": Bundle::message_digest(digest),
                "signature": STANDARD.encode(signature),
            }),
            limits,
        )
    }

    /// A bundle with this envelope.
    pub fn envelope_bundle(
        &self,
        envelope: &Envelope,
        limits: &Limits,
    ) -> Result<Bundle, CosignError> {
        // The payload's bytes are carried over; only the JSON around them is written anew.
        let value =
            serde_json::from_slice(&envelope.to_json()).expect("because an envelope writes JSON");
        self.bundle("dsseEnvelope", value, limits)
    }

    fn bundle(&self, name: &str, content: Value, limits: &Limits) -> Result<Bundle, CosignError> {
        let mut material = serde_json::Map::new();
        if self.certificates.is_empty() {
            material.insert("publicKey".into(), json!({"hint": ""}));
        } else {
            let chain: Vec<Value> = self
                .certificates
                .iter()
                .map(|der| json!({"rawBytes": STANDARD.encode(der)}))
                .collect();
            material.insert(
                "x509CertificateChain".into(),
                json!({"certificates": chain}),
            );
        }
        if let Some(promise) = &self.promise {
            material.insert("tlogEntries".into(), json!([promise.entry(limits)?]));
        }
        if let Some(timestamp) = &self.timestamp {
            let token = json!([{"signedTimestamp": STANDARD.encode(timestamp)}]);
            material.insert(
                "timestampVerificationData".into(),
                json!({"rfc3161Timestamps": token}),
            );
        }
        let mut document = serde_json::Map::new();
        let version = match self.promise {
            Some(_) => crate::bundle::V0_1,
            None => crate::bundle::V0_2,
        };
        document.insert("mediaType".into(), version.into());
        document.insert("verificationMaterial".into(), Value::Object(material));
        document.insert(name.to_owned(), content);
        let bytes = serde_json::to_vec(&document).expect("because strings always serialise");
        Ok(Bundle::parse(bytes, limits)?)
    }
}

#[derive(Deserialize)]
struct WirePromise {
    #[serde(rename = "SignedEntryTimestamp")]
    signature: String,
    #[serde(rename = "Payload")]
    payload: WirePayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePayload {
    body: String,
    integrated_time: i64,
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBody {
    api_version: String,
    kind: String,
}

impl LogPromise {
    /// Reads cosign's `rekorBundle`: `{"SignedEntryTimestamp": …, "Payload": {…}}`.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, CosignError> {
        let wire: WirePromise = read("no log promise", bytes, limits)?;
        let wrong = |expected| CosignError::Annotation {
            name: BUNDLE,
            expected,
        };
        Ok(Self {
            signature: decode_base64(&wire.signature)
                .ok_or(wrong("a base64 SignedEntryTimestamp"))?,
            body: decode_base64(&wire.payload.body).ok_or(wrong("a base64 Payload.body"))?,
            integrated_time: wire.payload.integrated_time,
            log_index: wire.payload.log_index,
            log_id: hex::decode(&wire.payload.log_id)
                .map_err(|_| wrong("a hexadecimal Payload.logID"))?,
        })
    }

    /// The entry as bundles have it. Kind and version are the body's own.
    fn entry(&self, limits: &Limits) -> Result<Value, CosignError> {
        let body: WireBody = read("no log entry", &self.body, limits)?;
        Ok(json!({
            "logIndex": self.log_index.to_string(),
            "logId": {"keyId": STANDARD.encode(&self.log_id)},
            "kindVersion": {"kind": body.kind, "version": body.api_version},
            "integratedTime": self.integrated_time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": STANDARD.encode(&self.signature)},
            "canonicalizedBody": STANDARD.encode(&self.body),
        }))
    }
}

fn timestamp_of(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, CosignError> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "SignedRFC3161Timestamp")]
        token: String,
    }
    let wire: Wire = read("no timestamp", bytes, limits)?;
    decode_base64(&wire.token).ok_or(CosignError::Annotation {
        name: TIMESTAMP,
        expected: "a base64 SignedRFC3161Timestamp",
    })
}

fn read<T: serde::de::DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
    limits: &Limits,
) -> Result<T, CosignError> {
    crate::json::read(bytes, limits.bundle_bytes, limits.json_depth)
        .map_err(|error| CosignError::Json { what, error })
}

pub(super) fn certificates_of(text: &str, name: &'static str) -> Result<Vec<Vec<u8>>, CosignError> {
    let wrong = CosignError::Annotation {
        name,
        expected: "PEM with certificates",
    };
    let blocks = pem::parse_many(text).map_err(|_| wrong.clone())?;
    if blocks.is_empty() || blocks.iter().any(|block| block.tag() != "CERTIFICATE") {
        return Err(wrong);
    }
    if blocks.len() > CHAIN_LENGTH {
        return Err(CosignError::Chain {
            limit: CHAIN_LENGTH,
            found: blocks.len(),
        });
    }
    Ok(blocks.into_iter().map(pem::Pem::into_contents).collect())
}
