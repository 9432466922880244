//! Whom a verifier can believe at all: public keys and Sigstore trusted roots.

use std::collections::BTreeMap;

use jiff::Timestamp;

use bulla_model::{JsonError, KeyId, Limits};

use crate::scheme::{KeyKind, SignatureScheme};
use crate::sigstore::{self, Roots};

/// Keys and trusted roots, prepared once for many verifications. What a signer may sign is for
/// the policy to say; trust only makes a signature checkable.
#[derive(Debug)]
pub struct Trust {
    keys: BTreeMap<KeyId, PublicKey>,
    roots: Roots,
}

impl Trust {
    /// Prepares trust as of `now` from keys and `trusted_root.json` documents.
    pub fn new(
        keys: impl IntoIterator<Item = PublicKey>,
        trusted_roots: &[Vec<u8>],
        now: Timestamp,
        limits: &Limits,
    ) -> Result<Self, TrustError> {
        Ok(Self {
            keys: keys.into_iter().map(|key| (key.id.clone(), key)).collect(),
            roots: Roots::new(trusted_roots, now, limits)?,
        })
    }

    /// The key with this hint; with an empty or foreign kind of hint every key is tried.
    pub(crate) fn keys_for(&self, hint: &str) -> Vec<&PublicKey> {
        let named: Vec<_> = self
            .keys
            .values()
            .filter(|key| key.id.hint() == hint)
            .collect();
        let is_digest = hint.len() == 44 && hint.ends_with('=');
        if named.is_empty() && !is_digest {
            return self.keys.values().take(MAX_KEYS_TRIED).collect();
        }
        named
    }

    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }
}

/// Without a usable hint this many keys are tried, so that cost does not grow with keys times
/// signatures.
const MAX_KEYS_TRIED: usize = 32;

/// A public key: SPKI DER that signatures can be checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    spki: Vec<u8>,
}

impl PublicKey {
    /// Reads a PEM `PUBLIC KEY` of a supported algorithm: ECDSA on P-256, P-384 and P-521, Ed25519,
    /// RSA with 2048 to 4096 bits, ML-DSA.
    pub fn from_pem(pem: &str) -> Result<Self, TrustError> {
        let spki = sigstore::read_public_key(pem)?;
        Ok(Self {
            id: KeyId::of_spki(&spki),
            spki,
        })
    }

    /// Takes a key of a supported algorithm, SPKI DER.
    pub fn from_spki(spki: &[u8]) -> Result<Self, TrustError> {
        KeyKind::of_spki(spki).map_err(|reason| TrustError::Key { reason })?;
        Ok(Self {
            id: KeyId::of_spki(spki),
            spki: spki.to_vec(),
        })
    }

    /// Whether this key made this signature over exactly this message, with this scheme. What is
    /// signed is believed only through [`crate::examine`]; this is for vectors and for signers that
    /// check themselves.
    pub fn made(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
        scheme.holds(&self.spki, message, signature)
    }

    /// The SHA-256 digest of the key.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The key, SPKI DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}

/// Why keys or trusted roots cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// A trusted root is not UTF-8.
    #[error("the trusted root is not UTF-8")]
    Encoding,
    /// A trusted root is not strict JSON.
    #[error("no trusted root: {0}")]
    Json(#[from] JsonError),
    /// A public key cannot be read.
    #[error("no usable public key: {}", reason.escape_debug())]
    Key {
        /// What is wrong, cut short.
        reason: String,
    },
    /// A trusted root cannot be used.
    #[error("unusable trusted root: {}", reason.escape_debug())]
    Root {
        /// What is wrong, cut short.
        reason: String,
    },
}
