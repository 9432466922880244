//! Bundles v0.3 with certificates, log entries and timestamps.

use bulla_model::descriptor::media_type;
use bulla_model::{Algorithm, Bundle, BundleError, Limits};
use serde_json::{Map, Value, json};

use super::content::{base64, raw};
use super::recorder::Records;
use super::{Recordable, SignedContent};

/// Puts a signature and its records together.
pub(crate) fn assemble(
    recordable: &Recordable<'_>,
    records: &Records,
    limits: &Limits,
) -> Result<Bundle, BundleError> {
    let mut material = Map::new();
    let (name, value) = match recordable.certificate {
        Some(chain) => ("certificate", json!({"rawBytes": base64(chain.leaf())})),
        None => ("publicKey", json!({"hint": recordable.key.key_id().hint()})),
    };
    material.insert(name.to_owned(), value);
    if !records.entries.is_empty() {
        material.insert("tlogEntries".into(), Value::from(records.entries.clone()));
    }
    if !records.timestamps.is_empty() {
        let stamps = records.timestamps.iter();
        let stamps: Vec<_> = stamps
            .map(|stamp| json!({"signedTimestamp": base64(stamp)}))
            .collect();
        material.insert(
            "timestampVerificationData".into(),
            json!({"rfc3161Timestamps": stamps}),
        );
    }
    let mut bundle = json!({
        "mediaType": media_type::BUNDLE,
        "verificationMaterial": material,
    });
    match recordable.content {
        SignedContent::Envelope(envelope) => {
            bundle["dsseEnvelope"] = serde_json::from_slice(&envelope.to_json())
                .expect("because an envelope writes JSON");
        }
        SignedContent::Blob(digest) => {
            let algorithm = match digest.algorithm() {
                Algorithm::Sha256 => "SHA2_256",
                Algorithm::Sha384 => "SHA2_384",
                Algorithm::Sha512 => "SHA2_512",
            };
            bundle["messageSignature"] = json!({
                "messageDigest": {"algorithm": algorithm, "digest": base64(&raw(digest))},
                "signature": base64(recordable.signature),
            });
        }
    }
    let bytes = serde_json::to_vec(&bundle).expect("because strings always serialise");
    Bundle::parse(bytes, limits)
}
