//! The JSON of bundles, <https://github.com/sigstore/protobuf-specs> v0.5.0, as protobuf writes it.

use serde::Deserialize;

use super::{BundleContent, BundleError, InclusionProof, LogEntry};
use crate::envelope::{WireEnvelope, decode_base64};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire {
    pub(super) media_type: String,
    pub(super) verification_material: WireMaterial,
    #[serde(default)]
    pub(super) dsse_envelope: Option<WireEnvelope>,
    #[serde(default)]
    pub(super) message_signature: Option<WireMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireMaterial {
    #[serde(default)]
    pub(super) public_key: Option<WireKey>,
    #[serde(default)]
    pub(super) certificate: Option<WireCertificate>,
    #[serde(default)]
    pub(super) x509_certificate_chain: Option<WireChain>,
    #[serde(default)]
    pub(super) tlog_entries: Option<Vec<WireEntry>>,
    #[serde(default)]
    pub(super) timestamp_verification_data: Option<WireTimestamps>,
}

#[derive(Deserialize)]
pub(super) struct WireKey {
    #[serde(default)]
    pub(super) hint: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireCertificate {
    pub(super) raw_bytes: String,
}

#[derive(Deserialize)]
pub(super) struct WireChain {
    pub(super) certificates: Vec<WireCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTimestamps {
    #[serde(default)]
    pub(super) rfc3161_timestamps: Option<Vec<WireTimestamp>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireTimestamp {
    pub(super) signed_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireEntry {
    #[serde(default)]
    log_index: WireNumber,
    log_id: WireLogId,
    kind_version: WireKind,
    #[serde(default)]
    integrated_time: WireNumber,
    #[serde(default)]
    inclusion_promise: Option<WirePromise>,
    #[serde(default)]
    inclusion_proof: Option<WireProof>,
    canonicalized_body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLogId {
    key_id: String,
}

#[derive(Deserialize)]
struct WireKind {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePromise {
    signed_entry_timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProof {
    #[serde(default)]
    log_index: WireNumber,
    #[serde(default)]
    root_hash: String,
    #[serde(default)]
    tree_size: WireNumber,
    #[serde(default)]
    hashes: Vec<String>,
    #[serde(default)]
    checkpoint: Option<WireCheckpoint>,
}

#[derive(Deserialize)]
struct WireCheckpoint {
    #[serde(default)]
    envelope: String,
}

/// Protobuf's 64-bit numbers are written as strings and read as numbers too.
#[derive(Deserialize)]
#[serde(untagged)]
enum WireNumber {
    Text(String),
    Number(i64),
}

impl Default for WireNumber {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl WireNumber {
    fn read(&self, entry: usize, what: &'static str) -> Result<i64, BundleError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => text
                .parse()
                .map_err(|_| BundleError::Number { entry, what }),
        }
    }

    fn unsigned(&self, entry: usize, what: &'static str) -> Result<u64, BundleError> {
        u64::try_from(self.read(entry, what)?).map_err(|_| BundleError::Number { entry, what })
    }
}

pub(super) fn bytes(text: &str, what: &'static str) -> Result<Vec<u8>, BundleError> {
    decode_base64(text).ok_or(BundleError::Base64 { what })
}

/// Bytes of the longest checkpoint. Stops one with a hundred thousand lines of signatures, each of
/// which costs a verification; real ones have a few hundred bytes.
const CHECKPOINT_BYTES: usize = 16 << 10;

impl WireEntry {
    pub(super) fn decode(self, at: usize) -> Result<LogEntry, BundleError> {
        if let Some(checkpoint) = self
            .inclusion_proof
            .as_ref()
            .and_then(|proof| proof.checkpoint.as_ref())
            && checkpoint.envelope.len() > CHECKPOINT_BYTES
        {
            return Err(BundleError::Checkpoint {
                limit: CHECKPOINT_BYTES,
                found: checkpoint.envelope.len(),
            });
        }
        let integrated = self.integrated_time.read(at, "integratedTime")?;
        let proof = match self.inclusion_proof {
            None => None,
            Some(proof) => Some(InclusionProof {
                log_index: proof.log_index.unsigned(at, "inclusionProof.logIndex")?,
                tree_size: proof.tree_size.unsigned(at, "inclusionProof.treeSize")?,
                root_hash: bytes(&proof.root_hash, "root hash")?,
                hashes: proof
                    .hashes
                    .iter()
                    .map(|hash| bytes(hash, "hash of an inclusion proof"))
                    .collect::<Result<_, _>>()?,
                checkpoint: proof
                    .checkpoint
                    .map(|checkpoint| checkpoint.envelope)
                    .filter(|envelope| !envelope.is_empty()),
            }),
        };
        let promise = match self.inclusion_promise {
            None => None,
            Some(promise) => Some(bytes(
                &promise.signed_entry_timestamp,
                "signed entry timestamp",
            )?),
        };
        Ok(LogEntry {
            log_index: self.log_index.unsigned(at, "logIndex")?,
            log_id: bytes(&self.log_id.key_id, "log id")?,
            kind: self.kind_version.kind,
            version: self.kind_version.version,
            // Absent and 0 are one and the same in protobuf.
            integrated_time: Some(integrated).filter(|time| *time != 0),
            promise,
            proof,
            body: bytes(&self.canonicalized_body, "canonicalized body")?,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireMessage {
    #[serde(default)]
    message_digest: Option<WireDigest>,
    signature: String,
}

#[derive(Deserialize)]
struct WireDigest {
    algorithm: String,
    digest: String,
}

impl WireMessage {
    pub(super) fn decode(self) -> Result<BundleContent, BundleError> {
        let (algorithm, digest) = match self.message_digest {
            None => (String::new(), Vec::new()),
            // Only a bundle without any is read as one that names none.
            Some(wire) if wire.algorithm.is_empty() => return Err(BundleError::MessageDigest),
            Some(wire) => (
                wire.algorithm.chars().take(32).collect(),
                bytes(&wire.digest, "message digest")?,
            ),
        };
        Ok(BundleContent::Message {
            algorithm,
            digest,
            signature: bytes(&self.signature, "signature")?,
        })
    }
}
