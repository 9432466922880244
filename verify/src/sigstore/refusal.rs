//! What a failure of `sigstore-verify` means here.

use bulla_model::Bundle;

use super::root::Root;
use crate::candidate::Refusal;

impl Root {
    /// A log this root does not know is a stranger, not a forger, whatever check noticed it.
    pub(super) fn refusal(&self, error: &sigstore_verify::Error, bundle: &Bundle) -> Refusal {
        self.or_stranger(of(error), bundle)
    }

    /// A log whose key counts only from after the time that is judged at is no reason to speak of
    /// forgery either: it was signed later. That is said of what `verifies` under the whole of the
    /// document alone; anybody can name such a log.
    pub(super) fn or_later(
        &self,
        refusal: Refusal,
        bundle: &Bundle,
        verifies: impl Fn(&Self) -> bool,
    ) -> Refusal {
        let mut entries = bundle.entries().iter();
        let Some(entry) = entries.find(|entry| self.begins_later(&entry.log_id)) else {
            return refusal;
        };
        match refusal {
            _ if self.whole().is_some_and(verifies) => later(&entry.log_id),
            Refusal::Later { reason } => Refusal::Untrusted {
                signer: "a certificate or key".to_owned(),
                reason,
            },
            other => other,
        }
    }

    /// As [`Root::refusal`], for a failure found here.
    pub(super) fn or_stranger(&self, refusal: Refusal, bundle: &Bundle) -> Refusal {
        let known = |id: &[u8]| self.named.iter().any(|log| log == id);
        let stranger = bundle.entries().iter().any(|entry| !known(&entry.log_id));
        match refusal {
            Refusal::Invalid { reason } if stranger => Refusal::Untrusted {
                signer: "a certificate or key".to_owned(),
                reason,
            },
            other => other,
        }
    }
}

/// What is said of an entry of a log that began after the time that is judged at.
pub(super) fn later(log_id: &[u8]) -> Refusal {
    Refusal::Later {
        reason: format!(
            "the log {} began after the time that is judged at",
            hex::encode(log_id)
        ),
    }
}

fn of(error: &sigstore_verify::Error) -> Refusal {
    use sigstore_verify::{CertificateError, Error, TransparencyLogError};
    let reason = cut(&error.to_string());
    match error {
        // The chain's own error is inside a text; only its name tells time from trust.
        Error::Certificate(CertificateError::ChainInvalid(text))
            if text.contains("CertExpired") || text.contains("CertNotValidYet") =>
        {
            Refusal::Expired { reason }
        }
        Error::Certificate(
            CertificateError::ChainInvalid(_) | CertificateError::NoValidAuthority { .. },
        )
        | Error::TransparencyLog(TransparencyLogError::UnknownLog { .. }) => Refusal::Untrusted {
            signer: "a certificate".to_owned(),
            reason,
        },
        Error::Certificate(
            CertificateError::Expired { .. } | CertificateError::NotYetValid { .. },
        ) => Refusal::Expired { reason },
        _ => Refusal::Invalid { reason },
    }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}
