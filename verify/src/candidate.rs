//! Attestations once their signatures have been looked at.

use bulla_model::{Digest, PredicateType, Statement};

use crate::cause::Cause;
use crate::verified::Verified;

/// An attestation found beside the artifact, and what became of it.
#[derive(Debug)]
pub struct Candidate {
    pub(crate) manifest: Option<Digest>,
    pub(crate) claimed_type: Option<PredicateType>,
    pub(crate) outcome: Result<Verified<Statement>, Refusal>,
}

impl Candidate {
    /// Digest of the referrer manifest it was found in.
    pub fn manifest(&self) -> Option<&Digest> {
        self.manifest.as_ref()
    }

    /// The predicate type it claims to have; a hint unless the outcome is a verified statement.
    pub fn claimed_type(&self) -> Option<&PredicateType> {
        self.claimed_type.as_ref()
    }

    /// The verified statement, or why there is none.
    pub fn outcome(&self) -> Result<&Verified<Statement>, &Refusal> {
        self.outcome.as_ref()
    }
}

/// Why an attestation was not verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A key or certificate was valid at another time.
    #[error("expired: {}", reason.escape_debug())]
    Expired {
        /// What was expected and found.
        reason: String,
    },
    /// A signature, certificate, log proof or timestamp is wrong.
    #[error("invalid: {}", reason.escape_debug())]
    Invalid {
        /// What was expected and found.
        reason: String,
    },
    /// The bytes are no bundle or no statement.
    #[error("malformed: {}", reason.escape_debug())]
    Malformed {
        /// What was expected and found.
        reason: String,
    },
    /// The signer is nobody this verifier trusts.
    #[error("signed by {}, whom nothing here trusts ({})", signer.escape_debug(), reason.escape_debug())]
    Untrusted {
        /// The signer as the bundle claims it.
        signer: String,
        /// What was looked for.
        reason: String,
    },
}

impl Refusal {
    pub(crate) fn invalid(reason: &str) -> Self {
        Self::Invalid {
            reason: reason.chars().take(200).collect(),
        }
    }

    /// The exit code that stands for this refusal.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Expired { .. } => Cause::Expired,
            Self::Invalid { .. } | Self::Malformed { .. } => Cause::Invalid,
            Self::Untrusted { .. } => Cause::Untrusted,
        }
    }
}
