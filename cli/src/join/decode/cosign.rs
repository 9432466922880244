//! Signatures and attestations as cosign kept them before bundles, for looking at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{
    CosignLayer, CosignMaterials, Digest, Envelope, Limits, LogPromise, SimpleSigning, json,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{DecodedCertificate, DecodedEnvelope, DecodedLogEntry, DecodedTimestamp};

/// A layer, or a file of `cosign sign-blob`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedCosign {
    /// Who it says signed.
    pub signer: String,
    /// The certificates, the signer's first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<DecodedCertificate>,
    /// The log entry that is promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_entry: Option<DecodedLogEntry>,
    /// The timestamp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<DecodedTimestamp>,
    /// What is signed about an image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<DecodedPayload>,
    /// The attestation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<DecodedEnvelope>,
    /// Why something could not be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A simple signing payload.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedPayload {
    /// The image.
    pub digest: Digest,
    /// The name it was signed under.
    pub docker_reference: String,
    /// What the signer added.
    pub optional: std::collections::BTreeMap<String, Value>,
}

impl DecodedPayload {
    /// Decodes a payload.
    pub fn of(payload: &SimpleSigning) -> Self {
        Self {
            digest: payload.digest.clone(),
            docker_reference: payload.docker_reference.clone(),
            optional: payload.optional.clone(),
        }
    }
}

impl DecodedCosign {
    /// Decodes a layer with its annotations.
    pub fn of_layer(layer: &CosignLayer, limits: &Limits) -> Self {
        let mut decoded = match layer.materials(limits) {
            Ok(materials) => Self::of_materials(&materials),
            Err(error) => Self {
                problem: Some(error.to_string()),
                ..Self::default()
            },
        };
        let content = if layer.is_signature() {
            let payload = layer.payload(limits);
            payload
                .map(|payload| decoded.payload = Some(DecodedPayload::of(&payload)))
                .map_err(|error| error.to_string())
        } else {
            let envelope = Envelope::parse(layer.bytes(), limits);
            envelope
                .map(|envelope| decoded.envelope = Some(DecodedEnvelope::of(&envelope, limits)))
                .map_err(|error| error.to_string())
        };
        if let Err(problem) = content {
            decoded.problem.get_or_insert(problem);
        }
        decoded
    }

    /// Decodes `{"base64Signature", "cert", "rekorBundle"}`; `None` if it is none.
    pub fn of_file(document: &Value, limits: &Limits) -> Option<Self> {
        let signature = STANDARD
            .decode(document["base64Signature"].as_str()?.trim())
            .ok()?;
        let text = document["cert"].as_str().unwrap_or_default();
        let pem = STANDARD.decode(text.trim());
        let pem = pem.as_deref().unwrap_or(text.as_bytes());
        let blocks = pem::parse_many(pem).unwrap_or_default();
        let promise = &document["rekorBundle"];
        let promise = (!promise.is_null())
            .then(|| LogPromise::parse(promise.to_string().as_bytes(), limits).ok())
            .flatten();
        let certificates = blocks
            .into_iter()
            .filter(|block| block.tag() == "CERTIFICATE")
            .map(pem::Pem::into_contents);
        let materials = CosignMaterials {
            certificates: certificates.collect(),
            promise,
            timestamp: None,
        };
        let envelope = Envelope::parse(&signature, limits).ok();
        Some(Self {
            envelope: envelope.map(|envelope| DecodedEnvelope::of(&envelope, limits)),
            ..Self::of_materials(&materials)
        })
    }

    fn of_materials(materials: &CosignMaterials) -> Self {
        let certificates = materials.certificates.iter();
        let certificates: Vec<_> = certificates
            .filter_map(|der| DecodedCertificate::of_der(der))
            .collect();
        Self {
            signer: certificates.first().map_or_else(
                || "a key without a hint".to_owned(),
                DecodedCertificate::holder,
            ),
            certificates,
            log_entry: materials.promise.as_ref().map(log_entry),
            timestamp: materials
                .timestamp
                .as_ref()
                .and_then(|der| DecodedTimestamp::of_der(der)),
            ..Self::default()
        }
    }
}

fn log_entry(promise: &LogPromise) -> DecodedLogEntry {
    let Limits {
        bundle_bytes,
        json_depth,
        ..
    } = Limits::default();
    let body: Value = json::read(&promise.body, bundle_bytes, json_depth).unwrap_or(Value::Null);
    let word = |name: &str| body[name].as_str().unwrap_or("?").to_owned();
    DecodedLogEntry {
        kind: format!("{} {}", word("kind"), word("apiVersion")),
        log_index: u64::try_from(promise.log_index).ok(),
        log_id: hex::encode(&promise.log_id),
        integrated_time: Timestamp::from_second(promise.integrated_time).ok(),
        promise: true,
        inclusion_proof: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_whose_body_is_no_strict_json_has_no_kind() {
        let kind = |body: &str| {
            let promise = LogPromise {
                signature: Vec::new(),
                body: body.as_bytes().to_vec(),
                integrated_time: 0,
                log_index: 0,
                log_id: Vec::new(),
            };
            log_entry(&promise).kind
        };
        assert_eq!(kind(r#"{"kind":"a","apiVersion":"1"}"#), "a 1");
        assert_eq!(kind(r#"{"kind":"a","kind":"b","apiVersion":"1"}"#), "? ?");
        let hidden = r#"{"kind":{"$serde_json::private::RawValue":"\"a\""}}"#;
        assert_eq!(kind(hidden), "? ?");
    }
}
