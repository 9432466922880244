//! Whom a verifier can believe at all: public keys and Sigstore trusted roots.

use std::collections::BTreeMap;

use jiff::Timestamp;

use bulla_model::{Identity, JsonError, KeyId, Limits};

use crate::candidate::Refusal;
use crate::public_key::PublicKey;
use crate::records::Thresholds;
use crate::sigstore::Roots;

/// Keys and trusted roots, prepared once for many verifications. What a signer may sign is for
/// the policy to say; trust only makes a signature checkable.
#[derive(Debug)]
pub struct Trust {
    keys: BTreeMap<KeyId, PublicKey>,
    roots: Roots,
    thresholds: Thresholds,
    legacy_schemes: bool,
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
            keys: keys
                .into_iter()
                .map(|key| (key.id().clone(), key))
                .collect(),
            roots: Roots::new(trusted_roots, now, limits)?,
            thresholds: Thresholds::default(),
            legacy_schemes: false,
        })
    }

    /// Lets signatures count only that so many different logs and authorities have seen.
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Lets bare keys count under schemes of older tools too: SHA-256 with P-384 and P-521,
    /// RSA-PSS, raw `r || s`. Off unless somebody asks for it.
    pub fn with_legacy_schemes(mut self, legacy: bool) -> Self {
        self.legacy_schemes = legacy;
        self
    }

    /// Whether an authority of the trusted roots issued a certificate (DER), valid at `at`, for
    /// signing. Whether a signature with it counts is for [`examine`](crate::examine) to say; this
    /// is to find out early, before something is signed that nobody would believe.
    pub fn vouches_for(&self, certificate: &[u8], at: Timestamp) -> Result<(), Refusal> {
        self.roots.vouch(certificate, at)
    }

    /// The key with this hint; with an empty or foreign kind of hint every key is tried, those of
    /// the signers of the same bytes last: who signed once rarely signs again.
    pub(crate) fn keys_for(&self, hint: &str, signed: &[Identity]) -> Vec<&PublicKey> {
        let named: Vec<_> = self
            .keys
            .values()
            .filter(|key| key.id().hint() == hint)
            .collect();
        let is_digest = hint.len() == 44 && hint.ends_with('=');
        if named.is_empty() && !is_digest {
            let mut keys: Vec<_> = self.keys.values().take(MAX_KEYS_TRIED).collect();
            keys.sort_by_cached_key(|key| {
                let own = |signer: &Identity| matches!(signer, Identity::Key { key_id } if key_id == key.id());
                signed.iter().any(own)
            });
            return keys;
        }
        named
    }

    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    pub(crate) fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    pub(crate) fn legacy_schemes(&self) -> bool {
        self.legacy_schemes
    }
}

/// Without a usable hint this many keys are tried, so that cost does not grow with keys times
/// signatures.
const MAX_KEYS_TRIED: usize = 32;

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

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use ed25519_dalek::pkcs8::EncodePublicKey as _;

    use super::*;

    #[test]
    fn who_signed_already_is_tried_last_and_nobody_is_left_out() {
        let keys = (0..40_u8).map(|seed| {
            let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
            PublicKey::from_spki(key.to_public_key_der().unwrap().as_bytes()).unwrap()
        });
        let trust = Trust::new(keys, &[], Timestamp::UNIX_EPOCH, &Limits::default()).unwrap();
        let all: Vec<_> = trust.keys_for("", &[]).into_iter().cloned().collect();
        assert_eq!(all.len(), MAX_KEYS_TRIED);
        // Signatures of all of them that name no key, in some order: how many keys are tried until
        // each has met its own.
        let tries = |order: &[&PublicKey], known: bool| {
            let mut signed = Vec::new();
            let mut tries = 0;
            for signer in order {
                let beside: &[Identity] = if known { &signed } else { &[] };
                let keys = trust.keys_for("", beside);
                let mut sorted: Vec<_> = keys.iter().map(|key| key.id()).collect();
                sorted.sort();
                assert!(sorted.into_iter().eq(all.iter().map(PublicKey::id)));
                tries += 1 + keys.iter().position(|key| key == signer).unwrap();
                let key_id = signer.id().clone();
                signed.push(Identity::Key { key_id });
            }
            tries
        };
        let forwards: Vec<_> = all.iter().collect();
        assert_eq!(tries(&forwards, false), 32 * 33 / 2);
        assert_eq!(tries(&forwards, true), 32);
        // Five does not divide thirty-two: every signer once, far from the one before.
        let mixed: Vec<_> = (0..32).map(|at| &all[at * 5 % 32]).collect();
        assert_eq!(tries(&mixed, false), 32 * 33 / 2);
        assert!(tries(&mixed, true) <= 32 * 33 / 4);
        // A key that is named is the only one, whether it signed or not.
        let named = all[3].id().clone();
        let hint = named.hint();
        let signed = [Identity::Key { key_id: named }];
        assert_eq!(trust.keys_for(&hint, &signed), [&all[3]]);
    }
}
