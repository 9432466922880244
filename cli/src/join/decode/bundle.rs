//! Bundles, for looking at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Bundle, BundleContent, Digest, KeyMaterial, Limits};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{DecodedCertificate, DecodedEnvelope, DecodedTimestamp};

/// A bundle.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedBundle {
    /// The version of its format.
    pub version: String,
    /// Who it says signed: a certificate, or a key by its hint.
    pub signer: String,
    /// The certificate of the signer and those above it, as far as they are there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<DecodedCertificate>,
    /// Transparency log entries.
    pub log_entries: Vec<DecodedLogEntry>,
    /// RFC 3161 timestamps; those that cannot be decoded are `null`.
    pub timestamps: Vec<Option<DecodedTimestamp>>,
    /// The envelope; absent if it signs a blob.
    pub envelope: Option<DecodedEnvelope>,
    /// The digest it says the signed blob has.
    pub blob: Option<String>,
}

/// An entry of a transparency log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedLogEntry {
    /// Kind and version, `hashedrekord 0.0.1`.
    pub kind: String,
    /// Its number in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
    /// The log's key, hexadecimal.
    pub log_id: String,
    /// When the log says it took it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrated_time: Option<Timestamp>,
    /// Whether the log promises to include it.
    pub promise: bool,
    /// Whether a proof that it is included is there.
    pub inclusion_proof: bool,
}

impl DecodedBundle {
    /// Decodes a bundle.
    pub fn of(bundle: &Bundle, limits: &Limits) -> Self {
        let (envelope, blob) = match bundle.content() {
            BundleContent::Dsse(envelope) => (Some(DecodedEnvelope::of(envelope, limits)), None),
            BundleContent::Message {
                algorithm, digest, ..
            } => (None, Some(format!("{algorithm}:{}", hex::encode(digest)))),
        };
        let document: Value = serde_json::from_slice(bundle.bytes()).unwrap_or(Value::Null);
        let material = &document["verificationMaterial"];
        let chain = list(&material["x509CertificateChain"]["certificates"]);
        let leaf = material.get("certificate").into_iter();
        let stamps = list(&material["timestampVerificationData"]["rfc3161Timestamps"]);
        Self {
            version: format!("{:?}", bundle.version())
                .trim_start_matches('V')
                .replace('_', "."),
            signer: signer_hint(bundle),
            certificates: leaf
                .chain(chain)
                .filter_map(|one| DecodedCertificate::of_der(&bytes(&one["rawBytes"])?))
                .collect(),
            log_entries: list(&material["tlogEntries"])
                .map(DecodedLogEntry::of)
                .collect(),
            timestamps: stamps
                .map(|one| DecodedTimestamp::of_der(&bytes(&one["signedTimestamp"])?))
                .collect(),
            envelope,
            blob,
        }
    }
}

impl DecodedLogEntry {
    fn of(entry: &Value) -> Self {
        let kind = &entry["kindVersion"];
        let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        Self {
            kind: format!("{} {}", word(&kind["kind"]), word(&kind["version"])),
            log_index: number(&entry["logIndex"]).and_then(|index| u64::try_from(index).ok()),
            log_id: bytes(&entry["logId"]["keyId"]).map_or_else(String::new, hex::encode),
            integrated_time: number(&entry["integratedTime"])
                .filter(|time| *time != 0)
                .and_then(|time| Timestamp::from_second(time).ok()),
            promise: entry["inclusionPromise"]["signedEntryTimestamp"].is_string(),
            inclusion_proof: entry["inclusionProof"].is_object(),
        }
    }
}

/// Who a bundle says signed it, shortened.
pub fn signer_hint(bundle: &Bundle) -> String {
    match bundle.key() {
        KeyMaterial::Certificate(der) => DecodedCertificate::of_der(der)
            .map(|certificate| certificate.holder())
            .filter(|holder| !holder.is_empty())
            .unwrap_or_else(|| format!("certificate {}", Digest::sha256(der).short())),
        KeyMaterial::PublicKey { hint } if hint.is_empty() => "a key without a hint".to_owned(),
        KeyMaterial::PublicKey { hint } => match STANDARD.decode(hint) {
            Ok(bytes) if bytes.len() == 32 => {
                let text = hex::encode(bytes);
                format!("key {}", text.chars().take(8).collect::<String>())
            }
            _ => format!("key `{}`", hint.chars().take(48).collect::<String>()),
        },
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    STANDARD.decode(value.as_str()?).ok()
}

/// A number, which Protobuf's JSON writes as text.
fn number(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}
