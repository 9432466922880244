//! Attestations once their signatures have been looked at.

use bulla_model::{Digest, PredicateType, Statement};

use crate::artifact::ArtifactClaim;
use crate::cause::Cause;
use crate::verified::Verified;

/// An attestation found beside the artifact, and what became of it.
#[derive(Debug)]
pub struct Candidate {
    pub(crate) manifest: Option<Digest>,
    pub(crate) claimed_type: Option<PredicateType>,
    pub(crate) outcome: Result<Verified<Statement>, Refusal>,
    pub(crate) signature: Option<Result<Verified<ArtifactClaim>, Refusal>>,
    /// The verified reference, where the document it names is of no use.
    pub(crate) referring: Option<Verified<Statement>>,
    /// The verified statement, where a revocation took it back.
    pub(crate) voided: Option<Verified<Statement>>,
}

impl Candidate {
    pub(crate) fn refused(manifest: Option<Digest>, refusal: Refusal) -> Self {
        Self {
            manifest,
            claimed_type: None,
            outcome: Err(refusal),
            signature: None,
            referring: None,
            voided: None,
        }
    }

    /// A statement whose document was found where its reference led.
    pub(crate) fn by_value(verified: Verified<Statement>) -> Self {
        Self {
            manifest: verified.manifest().cloned(),
            claimed_type: Some(verified.value().predicate_type().clone()),
            outcome: Ok(verified),
            signature: None,
            referring: None,
            voided: None,
        }
    }

    /// A reference whose document says nothing, and why.
    pub(crate) fn referring(verified: Verified<Statement>, refusal: Refusal) -> Self {
        Self {
            manifest: verified.manifest().cloned(),
            claimed_type: Some(verified.value().predicate_type().clone()),
            outcome: Err(refusal),
            signature: None,
            referring: Some(verified),
            voided: None,
        }
    }

    /// Takes the statement back: it says nothing any more, and whose it was stays known.
    pub(crate) fn void(&mut self, reason: String) {
        let refused = Err(Refusal::Revoked { reason });
        match std::mem::replace(&mut self.outcome, refused) {
            Ok(statement) => self.voided = Some(statement),
            earlier @ Err(_) => self.outcome = earlier,
        }
    }

    /// The statement behind a refusal, if its signature is good all the same: its document is of no
    /// use, or it was taken back.
    pub(crate) fn behind(&self) -> Option<&Verified<Statement>> {
        self.referring.as_ref().or(self.voided.as_ref())
    }

    /// Whether it is what another candidate says by naming a document, told once more.
    pub(crate) fn is_by_reference(&self) -> bool {
        let document = self.outcome.as_ref().ok().and_then(Verified::document);
        self.referring.is_some() || document.is_some()
    }

    /// What became of it, if it signs the artifact itself instead of a statement about it.
    pub fn signature(&self) -> Option<Result<&Verified<ArtifactClaim>, &Refusal>> {
        self.signature.as_ref().map(Result::as_ref)
    }

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
    /// The document that a statement refers to is another one than was signed.
    #[error("another document: {}", reason.escape_debug())]
    OtherDocument {
        /// What was expected and found.
        reason: String,
    },
    /// It signs something else, so that there is nothing to check it with.
    #[error("about another artifact: {}", reason.escape_debug())]
    OtherSubject {
        /// What was expected and found.
        reason: String,
    },
    /// The document that a statement refers to could not be had.
    #[error("not at hand: {}", reason.escape_debug())]
    Unavailable {
        /// What was looked for.
        reason: String,
    },
    /// It was made after the time it is judged at, or recorded by a log that began after it.
    #[error("not valid yet: {}", reason.escape_debug())]
    Later {
        /// What was expected and found.
        reason: String,
    },
    /// Too few logs or timestamp authorities have seen it, whoever signed it.
    #[error("a signature by {} with too few records: {}", signer.escape_debug(), reason.escape_debug())]
    Unrecorded {
        /// The signer, verified.
        signer: String,
        /// How many were expected and found.
        reason: String,
    },
    /// It was taken back.
    #[error("revoked: {}", reason.escape_debug())]
    Revoked {
        /// Why, and by which revocation.
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

    pub(crate) fn other_document(reason: &str) -> Self {
        Self::OtherDocument {
            reason: reason.chars().take(300).collect(),
        }
    }

    /// The exit code that stands for this refusal.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Expired { .. } | Self::Later { .. } | Self::Revoked { .. } => Cause::Expired,
            Self::Invalid { .. } | Self::Malformed { .. } | Self::OtherDocument { .. } => {
                Cause::Invalid
            }
            Self::Unavailable { .. } => Cause::Undetermined,
            Self::OtherSubject { .. } => Cause::OtherSubject,
            Self::Untrusted { .. } | Self::Unrecorded { .. } => Cause::Untrusted,
        }
    }
}
