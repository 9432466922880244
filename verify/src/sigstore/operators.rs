//! Who runs the logs and timestamp authorities of a trusted root: `operator`, which version 0.5.0 of
//! the protobuf specifications added and `sigstore-trust-root` does not read.

use std::collections::BTreeMap;

use bulla_model::Digest;
use serde::Deserialize;

/// Operators by what names a party: the key id of a log, the digest of an authority's certificate.
#[derive(Debug, Default)]
pub(super) struct Operators {
    logs: BTreeMap<Vec<u8>, String>,
    authorities: BTreeMap<Digest, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wire {
    tlogs: Vec<WireLog>,
    timestamp_authorities: Vec<WireAuthority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    log_id: WireId,
    #[serde(default)]
    operator: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireId {
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAuthority {
    cert_chain: WireChain,
    #[serde(default)]
    operator: Option<String>,
}

#[derive(Deserialize)]
struct WireChain {
    certificates: Vec<WireCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCertificate {
    raw_bytes: String,
}

impl Operators {
    /// Reads them from a document that was checked before.
    pub(super) fn of(text: &str) -> Result<Self, serde_json::Error> {
        let wire: Wire = serde_json::from_str(text)?;
        let named = |operator: Option<String>| operator.filter(|operator| !operator.is_empty());
        let bytes = |text: &str| bulla_model::envelope::decode_base64(text);
        let logs = wire.tlogs.into_iter().filter_map(|log| {
            let id = bytes(&log.log_id.key_id)?;
            Some((id, named(log.operator)?))
        });
        let authorities = wire.timestamp_authorities.into_iter().filter_map(|one| {
            let leaf = bytes(&one.cert_chain.certificates.first()?.raw_bytes)?;
            Some((Digest::sha256(&leaf), named(one.operator)?))
        });
        Ok(Self {
            logs: logs.collect(),
            authorities: authorities.collect(),
        })
    }

    /// Who runs the log with this key id.
    pub(super) fn of_log(&self, id: &[u8]) -> Option<String> {
        self.logs.get(id).cloned()
    }

    /// Who runs the timestamp authority with this certificate.
    pub(super) fn of_authority(&self, certificate: &Digest) -> Option<String> {
        self.authorities.get(certificate).cloned()
    }
}
