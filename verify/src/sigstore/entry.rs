//! Log entries: the proof that one was included, the promise that it will be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{BundleVersion, InclusionProof, LogEntry};
use jiff::Timestamp;
use serde::Serialize;
use sigstore_crypto::Checkpoint;
use sigstore_types::{Sha256Hash, SignatureBytes};

use super::body::{self, Facts};
use super::refusal::later;
use super::root::{Log, Root};
use crate::candidate::Refusal;
use crate::records::{LogRecord, Records};

/// Whether an entry is of a Rekor v2 log, which signs checkpoints only.
fn is_v2(entry: &LogEntry) -> bool {
    entry.version == "0.0.2" && entry.kind != "intoto"
}

/// Whether a log's promise to include an entry was verified already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    Verified,
    Unverified,
}

impl Root {
    /// Verifies an entry: it is about these facts, and the log has or promises to have it.
    pub(super) fn entry(
        &self,
        entry: &LogEntry,
        facts: &Facts<'_>,
        version: BundleVersion,
        promise: Promise,
    ) -> Result<LogRecord, Refusal> {
        body::check(entry, facts)?;
        self.logged(entry, version, promise)
    }

    /// Verifies proof and promise of an entry, of which only the oldest bundles, and none of a
    /// Rekor v2 log, may lack the proof.
    fn logged(
        &self,
        entry: &LogEntry,
        version: BundleVersion,
        promise: Promise,
    ) -> Result<LogRecord, Refusal> {
        let proof_needed = version != BundleVersion::V0_1 || is_v2(entry);
        match entry.proven() {
            Some((proof, checkpoint)) => self.included(entry, proof, checkpoint)?,
            None if proof_needed || entry.promise.is_none() => {
                return Err(Refusal::invalid("a log entry has no inclusion proof"));
            }
            None => {
                // A proof without a checkpoint proves nothing, and may not contradict itself either.
                if let Some(proof) = &entry.proof {
                    let root = hash(&proof.root_hash)?;
                    leads_to(entry, proof, proof.log_index, (proof.tree_size, &root))?;
                }
            }
        }
        if entry.promise.is_some() && promise == Promise::Unverified {
            self.promised(entry)?;
        }
        self.record(entry)
    }

    /// The record of an entry whose proof and promise, where it has them, were verified.
    fn record(&self, entry: &LogEntry) -> Result<LogRecord, Refusal> {
        let log = self.log(entry)?;
        let promised = entry.promise.is_some();
        let integrated_time = match entry.integrated_time {
            Some(seconds) if promised && !is_v2(entry) => Some(time(seconds)?),
            _ => None,
        };
        Ok(LogRecord {
            log: log.url.clone(),
            log_id: log.id.to_hex(),
            operator: log.operator.clone(),
            log_index: entry.log_index,
            kind: format!("{} {}", entry.kind, entry.version),
            integrated_time,
            promised,
            included: entry.proven().is_some(),
        })
    }

    /// Refuses entries of a log whose key was not believed when the signature is first known to have
    /// existed: a key that ended, and leaked since, must prove nothing new. Without any verified
    /// time an entry proves none either.
    pub(super) fn logged_in_time(
        &self,
        entries: &[LogEntry],
        records: &Records,
    ) -> Result<(), Refusal> {
        let Some(time) = records.earliest() else {
            return Ok(());
        };
        for entry in entries {
            let log = self.log(entry)?;
            let believed = log.window.is_none_or(|window| {
                window.start <= time && window.end.is_none_or(|end| time <= end)
            });
            if !believed {
                return Err(Refusal::invalid(&format!(
                    "the key of the log {} was not valid at {time}",
                    log.url
                )));
            }
        }
        Ok(())
    }

    fn log(&self, entry: &LogEntry) -> Result<&Log, Refusal> {
        let named = self
            .logs
            .iter()
            .find(|log| log.id.as_bytes() == entry.log_id.as_slice());
        if named.is_none() && self.begins_later(&entry.log_id) {
            return Err(later(&entry.log_id));
        }
        named.ok_or_else(|| Refusal::Untrusted {
            signer: format!("the log {}", hex::encode(&entry.log_id)),
            reason: "no such log in the trusted root".to_owned(),
        })
    }

    /// Logs of this root that a checkpoint's signatures name, with what they signed.
    fn signers<'a>(
        &'a self,
        checkpoint: &'a Checkpoint,
    ) -> impl Iterator<Item = (&'a Log, &'a SignatureBytes)> {
        checkpoint.signatures().iter().flat_map(move |signature| {
            self.logs
                .iter()
                .filter(|log| log.id.as_bytes().starts_with(signature.key_id.as_bytes()))
                .map(move |log| (log, &signature.signature))
        })
    }

    /// RFC 6962 section 2.1.1, against a checkpoint that the log itself signed. Checkpoints name
    /// their key by four bytes, entries by all: both must mean one log.
    fn included(
        &self,
        entry: &LogEntry,
        proof: &InclusionProof,
        text: &str,
    ) -> Result<(), Refusal> {
        let checkpoint = checkpoint(text)?;
        agree(entry, proof, &checkpoint)?;
        let index = if is_v2(entry) {
            entry.log_index
        } else {
            proof.log_index
        };
        let tree = (checkpoint.tree_size(), checkpoint.root_hash());
        leads_to(entry, proof, index, tree)?;
        let log = self.log(entry)?;
        let signed = self.signers(&checkpoint).any(|(signer, signature)| {
            signer.id == log.id
                && self
                    .keys
                    .verify_with_key_id(&log.id, checkpoint.signed_data(), signature)
                    .is_ok()
        });
        if signed {
            Ok(())
        } else {
            Err(Refusal::invalid("the log did not sign the checkpoint"))
        }
    }

    /// The signed entry timestamp: over body, time, index and log, by the log's key of that time.
    fn promised(&self, entry: &LogEntry) -> Result<(), Refusal> {
        let log = self.log(entry)?;
        let seconds = entry
            .integrated_time
            .ok_or_else(|| Refusal::invalid("a promise without a time"))?;
        let bytes = promise_bytes(&entry.body, seconds, &entry.log_id, entry.log_index)?;
        let signature = SignatureBytes::new(entry.promise.clone().unwrap_or_default());
        self.keys
            .verify_with_key_id_at(&log.id, time(seconds)?, &bytes, &signature)
            .map_err(|error| Refusal::invalid(&format!("the log's promise: {error}")))
    }
}

/// What a log of version 1 signs when it promises to include an entry.
pub(super) fn promise_bytes(
    body: &[u8],
    integrated_time: i64,
    log_id: &[u8],
    log_index: u64,
) -> Result<Vec<u8>, Refusal> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Promised {
        body: String,
        integrated_time: i64,
        #[serde(rename = "logID")]
        log_id: String,
        log_index: u64,
    }
    let promised = Promised {
        body: STANDARD.encode(body),
        integrated_time,
        log_id: hex::encode(log_id),
        log_index,
    };
    serde_json_canonicalizer::to_vec(&promised)
        .map_err(|error| Refusal::invalid(&error.to_string()))
}

/// The hashes lead from the entry to the root of a tree of that size, RFC 6962 section 2.1.1.
fn leads_to(
    entry: &LogEntry,
    proof: &InclusionProof,
    index: u64,
    (size, root): (u64, &Sha256Hash),
) -> Result<(), Refusal> {
    let hashes = proof.hashes.iter().map(|bytes| hash(bytes));
    sigstore_merkle::verify_inclusion_proof(
        &sigstore_merkle::hash_leaf(&entry.body),
        index,
        size,
        &hashes.collect::<Result<Vec<_>, _>>()?,
        root,
    )
    .map_err(|error| Refusal::invalid(&format!("inclusion proof: {error}")))
}

fn hash(bytes: &[u8]) -> Result<Sha256Hash, Refusal> {
    Sha256Hash::try_from(bytes).map_err(|error| Refusal::invalid(&error.to_string()))
}

/// Nobody signs what stands beside a checkpoint, so all of it must agree with it.
fn agree(entry: &LogEntry, proof: &InclusionProof, checkpoint: &Checkpoint) -> Result<(), Refusal> {
    if proof.root_hash != checkpoint.root_hash().as_bytes()
        || proof.tree_size != checkpoint.tree_size()
    {
        return Err(Refusal::invalid(
            "an inclusion proof contradicts its checkpoint",
        ));
    }
    // In Rekor v1 the proof's index is the shard's; in v2 it is the entry's, and may be left out.
    if is_v2(entry) && proof.log_index != 0 && proof.log_index != entry.log_index {
        return Err(Refusal::invalid("a log entry has two places in its log"));
    }
    Ok(())
}

fn checkpoint(text: &str) -> Result<Checkpoint, Refusal> {
    Checkpoint::from_text(text).map_err(|error| Refusal::invalid(&format!("checkpoint: {error}")))
}

fn time(seconds: i64) -> Result<Timestamp, Refusal> {
    Timestamp::from_second(seconds).map_err(|error| Refusal::invalid(&error.to_string()))
}
