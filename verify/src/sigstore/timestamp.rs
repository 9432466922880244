//! RFC 3161 timestamps, each by one authority of the trusted root.

use bulla_model::Bundle;
use sigstore_types::{SignatureBytes, TimestampToken};

use super::root::Root;
use super::token;
use crate::candidate::Refusal;
use crate::records::TimestampRecord;

/// Refuses what is no timestamp, whoever else might read it as one.
pub(super) fn token_shapes(bundle: &Bundle) -> Result<(), Refusal> {
    let mut tokens = bundle.timestamp_tokens().iter();
    tokens.try_for_each(|token| token::check(token))
}

impl Root {
    /// Verifies every timestamp of the bundle; one that does not verify refuses the whole.
    pub(super) fn timestamps(&self, bundle: &Bundle) -> Result<Vec<TimestampRecord>, Refusal> {
        token_shapes(bundle)?;
        let signature = SignatureBytes::from_bytes(bundle.signature());
        bundle
            .timestamp_tokens()
            .iter()
            .map(|token| self.timestamp(token, &signature))
            .collect()
    }

    /// The authority that made it, with its own window (TOB-11): another's window never helps.
    fn timestamp(
        &self,
        token: &[u8],
        signature: &SignatureBytes,
    ) -> Result<TimestampRecord, Refusal> {
        let token = TimestampToken::new(token.to_vec());
        let mut reason = "no timestamp authority in the trusted root".to_owned();
        for authority in &self.authorities {
            match sigstore_tsa::verify_timestamp_for_authority(&token, signature, &authority.tsa) {
                Ok(time) => {
                    return Ok(TimestampRecord {
                        authority: authority.name.clone(),
                        certificate: authority.certificate.clone(),
                        operator: authority.operator.clone(),
                        time,
                    });
                }
                Err(error) => reason = error.to_string(),
            }
        }
        Err(Refusal::invalid(&format!("timestamp: {reason}")))
    }
}
