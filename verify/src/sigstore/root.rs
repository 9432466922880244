//! A trusted root, prepared once for many verifications.

use bulla_model::{Digest, Limits};
use jiff::Timestamp;
use sigstore_crypto::Keyring;
use sigstore_trust_root::TrustedRoot;
use sigstore_types::{Sha256Hash, TsaAuthority};
use sigstore_verify::Verifier;

use super::refusal::cut;
use crate::TrustError;

/// Everything one `trusted_root.json` lets us verify as of the time it was prepared for.
pub(super) struct Root {
    pub(super) digest: Digest,
    pub(super) verifier: Verifier,
    pub(super) keys: Keyring,
    pub(super) logs: Vec<Log>,
    pub(super) authorities: Vec<Authority>,
    /// Key ids of every log the document names, at whatever time.
    pub(super) named: Vec<Vec<u8>>,
    /// Whether it belongs to an instance without any log, as GitHub's for private repositories:
    /// then timestamps alone say when, and certificates carry no proof of their publication.
    pub(super) without_logs: bool,
}

/// A transparency log.
pub(super) struct Log {
    pub(super) id: Sha256Hash,
    pub(super) url: String,
}

/// A timestamp authority.
pub(super) struct Authority {
    pub(super) name: String,
    pub(super) certificate: Digest,
    pub(super) tsa: TsaAuthority,
}

impl Root {
    /// Reads a document; material that starts after `now` is dropped.
    pub(super) fn new(bytes: &[u8], now: Timestamp, limits: &Limits) -> Result<Self, TrustError> {
        bulla_model::json::check(bytes, limits.configuration_bytes, limits.json_depth)?;
        let text = std::str::from_utf8(bytes).map_err(|_| TrustError::Encoding)?;
        let unusable = |reason: String| TrustError::Root {
            reason: cut(&reason),
        };
        let mut root = TrustedRoot::from_json(text).map_err(|error| unusable(error.to_string()))?;
        let without_logs = root.tlogs.is_empty()
            && root.ctlogs.is_empty()
            && !root.timestamp_authorities.is_empty();
        let named = root
            .tlogs
            .iter()
            .map(|log| log.log_id.key_id.as_bytes().to_vec())
            .collect();
        let started = |start: Option<Timestamp>| start.is_none_or(|start| start <= now);
        root.tlogs
            .retain(|log| started(log.public_key.valid_for.map(|w| w.start)));
        root.ctlogs
            .retain(|log| started(log.public_key.valid_for.map(|w| w.start)));
        root.certificate_authorities
            .retain(|ca| started(ca.valid_for.map(|w| w.start)));
        root.timestamp_authorities
            .retain(|tsa| started(tsa.valid_for.map(|w| w.start)));
        let verifier = Verifier::new(&root).map_err(|error| unusable(error.to_string()))?;
        let keys = root
            .rekor_keys()
            .map_err(|error| unusable(error.to_string()))?;
        let mut logs = Vec::new();
        for log in &root.tlogs {
            let id = Sha256Hash::try_from(log.log_id.key_id.as_bytes())
                .map_err(|error| unusable(error.to_string()))?;
            let url = log.base_url.clone();
            logs.push(Log { id, url });
        }
        Ok(Self {
            digest: Digest::sha256(bytes),
            verifier,
            keys,
            logs,
            authorities: authorities(&root),
            named,
            without_logs,
        })
    }
}

fn authorities(root: &TrustedRoot) -> Vec<Authority> {
    let mut all = Vec::new();
    for tsa in &root.timestamp_authorities {
        let chain: Vec<_> = tsa
            .cert_chain
            .certificates
            .iter()
            .map(|certificate| certificate.raw_bytes.clone())
            .collect();
        let (Some(leaf), Some(top)) = (chain.first().cloned(), chain.last().cloned()) else {
            continue;
        };
        let certificate = Digest::sha256(leaf.as_bytes());
        let subject = [&tsa.subject.organization, &tsa.subject.common_name];
        let subject: Vec<&str> = subject.into_iter().flatten().map(String::as_str).collect();
        let name = match &tsa.uri {
            Some(uri) if !uri.is_empty() => uri.clone(),
            _ if !subject.is_empty() => subject.join(" / "),
            _ => certificate.to_string(),
        };
        let between = chain.get(1..chain.len() - 1).unwrap_or_default().to_vec();
        all.push(Authority {
            name,
            certificate,
            tsa: TsaAuthority::new(leaf, between, top, tsa.valid_for),
        });
    }
    all
}
