//! Digest sets: one thing, named by several algorithms at once.
//!
//! Implements `DigestSet` of the in-toto attestation framework v1.1,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/digest_set.md>.
//! Names of algorithms Bulla does not compute are kept, so that signed statements can be shown in
//! full, but they never make a match.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Algorithm, Digest, DigestError};

/// A map from algorithm name to value in lower-case hexadecimal; never wrong for known algorithms.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct DigestSet(BTreeMap<String, String>);

impl DigestSet {
    /// The SHA-256 value, if the set has one.
    pub fn sha256(&self) -> Option<Digest> {
        self.known(Algorithm::Sha256)
    }

    /// The value of this algorithm, if the set has one.
    pub fn known(&self, algorithm: Algorithm) -> Option<Digest> {
        self.0
            .get(algorithm.name())
            .and_then(|hex| Digest::new(algorithm, hex).ok())
    }

    /// The value under this name, known or not (`gitCommit`, `sha1`).
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the set names these digests: it has the SHA-256 value, and every algorithm that
    /// both sides know agrees.
    pub fn names(&self, digests: &[Digest]) -> bool {
        let Some(own) = self.sha256() else {
            return false;
        };
        digests.contains(&own)
            && digests.iter().all(|digest| {
                self.known(digest.algorithm())
                    .is_none_or(|value| value == *digest)
            })
    }

    /// How many algorithms the set has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Algorithm names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Adds a value under a name Bulla does not compute, for example `gitCommit`.
    pub fn with_value(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl From<Digest> for DigestSet {
    fn from(digest: Digest) -> Self {
        Self(BTreeMap::from([(
            digest.algorithm().name().to_owned(),
            digest.hex().to_owned(),
        )]))
    }
}

impl TryFrom<BTreeMap<String, String>> for DigestSet {
    type Error = DigestError;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, DigestError> {
        for (name, value) in &map {
            if let Ok(algorithm) = name.parse::<Algorithm>() {
                Digest::new(algorithm, value)?;
            }
        }
        Ok(Self(map))
    }
}

impl From<DigestSet> for BTreeMap<String, String> {
    fn from(set: DigestSet) -> Self {
        set.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Result<DigestSet, DigestError> {
        let map: BTreeMap<_, _> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        DigestSet::try_from(map)
    }

    #[test]
    fn every_recognised_digest_must_match() {
        let (sha256, sha512) = (Digest::sha256(b"x"), Digest::of(Algorithm::Sha512, b"x"));
        let other = Digest::of(Algorithm::Sha512, b"y");
        let named = set(&[("sha256", sha256.hex()), ("sha512", sha512.hex())]).unwrap();
        assert!(named.names(std::slice::from_ref(&sha256)));
        assert!(named.names(&[sha256.clone(), sha512.clone()]));
        assert!(!named.names(&[sha256, other]));
        assert!(!named.names(&[sha512]), "sha256 is mandatory");
    }

    #[test]
    fn weak_digests_alone_name_nothing() {
        let weak = set(&[("sha1", "aa"), ("gitCommit", "bb")]).unwrap();
        assert!(!weak.names(&[Digest::sha256(b"x")]));
        assert_eq!(weak.value("gitCommit"), Some("bb"));
    }

    #[test]
    fn a_malformed_known_digest_is_refused() {
        assert!(set(&[("sha256", "00")]).is_err());
        assert!(set(&[("sha256", &"AB".repeat(32))]).is_err());
        assert!(set(&[("made-up", "zz")]).is_ok());
    }
}
