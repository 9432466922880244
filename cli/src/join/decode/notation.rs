//! Notary Project envelopes, for looking at.

use bulla_model::notation::{EnvelopeForm, NotationEnvelope};
use bulla_model::{Descriptor, Limits};
use jiff::Timestamp;
use serde::Serialize;

use super::{DecodedCertificate, DecodedTimestamp};

/// A signature of the Notary Project. Nothing of it is verified.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedNotation {
    /// JWS or COSE.
    pub form: &'static str,
    /// The algorithm it names.
    pub algorithm: &'static str,
    /// The signing scheme.
    pub scheme: &'static str,
    /// When it says it was signed.
    pub signing_time: Timestamp,
    /// Until when the artifact is meant to be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Timestamp>,
    /// The plugin without which it cannot be verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The program that signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_agent: Option<String>,
    /// The certificates, the signer's first.
    pub certificates: Vec<DecodedCertificate>,
    /// The timestamp countersignature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<DecodedTimestamp>,
    /// What it says was signed; absent if that cannot be read.
    pub target: Option<Descriptor>,
}

impl DecodedNotation {
    /// Decodes an envelope.
    pub fn of(envelope: &NotationEnvelope, limits: &Limits) -> Self {
        let attributes = envelope.attributes();
        let certificates = envelope.certificates().iter();
        Self {
            form: envelope.form().name(),
            algorithm: attributes.algorithm.name(),
            scheme: attributes.scheme.name(),
            signing_time: attributes.scheme.time(),
            expiry: attributes.expiry,
            plugin: attributes.plugin.as_ref().map(|one| one.name.clone()),
            signing_agent: envelope.signing_agent().map(ToOwned::to_owned),
            certificates: certificates
                .filter_map(|der| DecodedCertificate::of_der(der))
                .collect(),
            timestamp: envelope.timestamp().and_then(DecodedTimestamp::of_der),
            target: envelope.target(limits).ok(),
        }
    }

    /// Decodes a tagged COSE message; `None` if it is no signature.
    pub(super) fn of_cose(bytes: &[u8], limits: &Limits) -> Option<Self> {
        let envelope = NotationEnvelope::parse(EnvelopeForm::Cose, bytes, limits).ok()?;
        Some(Self::of(&envelope, limits))
    }

    /// Who it says signed, in one line.
    pub fn signer(&self) -> String {
        let leaf = self.certificates.first();
        leaf.map_or_else(String::new, DecodedCertificate::holder)
    }
}
