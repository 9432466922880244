//! Rotation: an anchor that takes the place of another one, on the word of both anchors' owners.
//!
//! Defined in `docs/spec/promotion-chain.md`. The owners sign the new file's bytes as they are, in one
//! DSSE envelope beside it, to which each adds a signature.

use std::collections::BTreeSet;

use bulla_model::envelope::EnvelopeError;
use bulla_model::{Digest, Envelope, KeyId, Limits};
use serde::Serialize;

use super::Anchor;
use crate::cause::Cause;
use crate::public_key::PublicKey;
use crate::scheme::Message;

/// The payload type of anchors in envelopes: no statement passes for one, and none for a statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.bulla.anchor+yaml";

/// The longest envelope beside an anchor that is read: the anchor in base64, and its signatures.
pub fn signatures_bytes(limits: &Limits) -> u64 {
    limits.configuration_bytes.saturating_mul(2)
}

/// Which owners of one anchor signed, of how many that have to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// The owners who signed, by their keys.
    pub by: BTreeSet<KeyId>,
    /// How many have to.
    pub threshold: usize,
}

impl Agreement {
    fn of(anchor: &Anchor, envelope: &Envelope) -> Self {
        Self {
            by: signed_by(anchor.owners(), envelope),
            threshold: anchor.threshold(),
        }
    }

    /// Whether so many signed.
    pub fn is_enough(&self) -> bool {
        self.by.len() >= self.threshold
    }

    /// The agreement of an anchor's owners, if enough of them signed.
    fn needed(
        anchor: &Anchor,
        whose: &'static str,
        envelope: &Envelope,
    ) -> Result<Self, RotationError> {
        let agreement = Self::of(anchor, envelope);
        if agreement.is_enough() {
            return Ok(agreement);
        }
        Err(RotationError::Owners {
            whose,
            found: agreement.by.len(),
            needed: agreement.threshold,
            instead: Instead::of(anchor, envelope),
        })
    }
}

/// What is there in the place of owners' signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// No signature.
    Nothing,
    /// Signatures that name none of the owners.
    Others,
    /// Signatures that name an owner, none of which that key made.
    Broken,
}

impl Instead {
    fn of(anchor: &Anchor, envelope: &Envelope) -> Self {
        let hints: Vec<_> = anchor.owners().iter().map(|key| key.id().hint()).collect();
        let is_owners =
            |id: Option<&str>| id.is_some_and(|id| hints.iter().any(|hint| hint.as_str() == id));
        let mut found = envelope.signatures().iter();
        if envelope.signatures().is_empty() {
            Self::Nothing
        } else if found.all(|one| is_owners(one.key_id.as_deref())) {
            Self::Broken
        } else {
            // As for statements: whoever can add a signature of his own does not make it tampering.
            Self::Others
        }
    }
}

/// Who stands behind a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// Owners of the anchor that was there.
    pub old: Agreement,
    /// Owners of the one that takes its place.
    pub new: Agreement,
}

impl Anchor {
    /// Whether `next` says that it takes the place of this anchor: it names it, and is its next
    /// version. Who says so is not asked.
    pub fn precedes(&self, next: &Self) -> Result<(), RotationError> {
        if next.name != self.name {
            return Err(RotationError::Name {
                expected: self.name.clone(),
                found: next.name.clone(),
            });
        }
        // A version that cannot be counted on from is the last.
        if self.version.checked_add(1) != Some(next.version) {
            return Err(RotationError::Version {
                old: self.version,
                found: next.version,
            });
        }
        if next.previous.as_ref() != Some(&self.digest) {
            return Err(RotationError::Previous {
                expected: self.digest.clone(),
                found: next.previous.clone(),
            });
        }
        Ok(())
    }

    /// Whether `next` takes the place of this anchor: `signatures` is an envelope over `bytes`, the
    /// file that `next` was read from, by as many of this anchor's owners as it says, and by as many
    /// of the new one's as that says.
    pub fn rotate(
        &self,
        next: &Self,
        bytes: &[u8],
        signatures: &[u8],
        limits: &Limits,
    ) -> Result<Rotation, RotationError> {
        self.precedes(next)?;
        let envelope = envelope(next, bytes, signatures, limits)?;
        // Of the new file nothing is believed, nor its keys tried, before the owners of old said so.
        let old = Agreement::needed(self, "the anchor that is replaced", &envelope)?;
        let new = Agreement::needed(next, "the new anchor", &envelope)?;
        Ok(Rotation { old, new })
    }

    /// Whether enough of its own owners signed this anchor.
    pub fn is_agreed(
        &self,
        bytes: &[u8],
        signatures: &[u8],
        limits: &Limits,
    ) -> Result<Agreement, RotationError> {
        let envelope = envelope(self, bytes, signatures, limits)?;
        Agreement::needed(self, "the new anchor", &envelope)
    }
}

/// Which of these keys signed the file that `next` was read from.
pub fn signers_of(
    next: &Anchor,
    bytes: &[u8],
    signatures: &[u8],
    keys: &[PublicKey],
    limits: &Limits,
) -> Result<BTreeSet<KeyId>, RotationError> {
    let envelope = envelope(next, bytes, signatures, limits)?;
    Ok(signed_by(keys, &envelope))
}

/// Reads an envelope that is over exactly this file.
fn envelope(
    next: &Anchor,
    bytes: &[u8],
    signatures: &[u8],
    limits: &Limits,
) -> Result<Envelope, RotationError> {
    let limit = signatures_bytes(limits);
    if signatures.len() as u64 > limit {
        return Err(RotationError::Size { limit });
    }
    let envelope = Envelope::parse(signatures, limits)?;
    let limit = limits.policy_signatures;
    if envelope.signatures().len() > limit {
        return Err(RotationError::Signatures { limit });
    }
    let is_it = envelope.payload() == bytes && Digest::sha256(bytes) == next.digest;
    if envelope.payload_type() != PAYLOAD_TYPE || !is_it {
        return Err(RotationError::Payload);
    }
    Ok(envelope)
}

/// The keys that made a signature, each once. A signature is tried with the key that its hint names
/// alone, so that the work grows with the signatures and not with the keys a proposal lists.
fn signed_by(keys: &[PublicKey], envelope: &Envelope) -> BTreeSet<KeyId> {
    let pae = envelope.pae();
    let made = |key: &&PublicKey| {
        let hint = key.id().hint();
        let own = envelope.signatures().iter();
        let mut own = own.filter(|one| one.key_id.as_deref() == Some(hint.as_str()));
        own.any(|one| {
            let message = Message::of(pae.as_bytes());
            key.check(message, &one.signature, false).is_ok()
        })
    };
    let made = keys.iter().filter(made);
    made.map(|key| key.id().clone()).collect()
}

/// Why an anchor does not take the place of another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// It is the anchor of another verifier.
    #[error("the new anchor is `{found}`, and the one in its place is `{expected}`")]
    Name {
        /// The anchor's name.
        expected: String,
        /// The new one's.
        found: String,
    },
    /// It is not the next version.
    #[error("version {found} does not follow version {old}: versions go up by one")]
    Version {
        /// The version that is there.
        old: u64,
        /// The new one.
        found: u64,
    },
    /// It takes the place of another anchor.
    #[error("the new anchor does not name the one it replaces: expected `previous: {expected}`{}", other(.found.as_ref()))]
    Previous {
        /// The digest of the anchor that is there.
        expected: Digest,
        /// What it says.
        found: Option<Digest>,
    },
    /// Its signatures are in no envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The envelope is too long.
    #[error("the signatures are longer than {limit} bytes")]
    Size {
        /// The limit in bytes.
        limit: u64,
    },
    /// There are too many of them.
    #[error("there are more than {limit} signatures")]
    Signatures {
        /// How many are looked at.
        limit: usize,
    },
    /// The envelope is about something else.
    #[error(
        "the signatures are over other bytes than this file, or over something that is no anchor"
    )]
    Payload,
    /// Too few owners signed it.
    #[error("{found} of {needed} owners of {whose} signed")]
    Owners {
        /// Whose owners.
        whose: &'static str,
        /// How many signed.
        found: usize,
        /// How many have to.
        needed: usize,
        /// What is there besides, if none of them did.
        instead: Instead,
    },
}

fn other(found: Option<&Digest>) -> String {
    found.map_or(String::new(), |found| format!(", found {found}"))
}

impl RotationError {
    /// The reason in the terms of the exit codes; `None` where a file cannot be read.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Envelope(_) | Self::Size { .. } | Self::Signatures { .. } => None,
            Self::Name { .. } | Self::Previous { .. } => Some(Cause::OtherSubject),
            Self::Version { old, found } if found <= old => Some(Cause::Expired),
            Self::Payload => Some(Cause::Invalid),
            Self::Owners {
                found: 0, instead, ..
            } => Some(match instead {
                Instead::Nothing => Cause::Nothing,
                Instead::Others => Cause::Untrusted,
                Instead::Broken => Cause::Invalid,
            }),
            Self::Version { .. } | Self::Owners { .. } => Some(Cause::Denied),
        }
    }
}
