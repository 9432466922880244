//! Promotion records of Kubernetes' image promoter: an image was copied from one repository into
//! another.
//!
//! Implements the predicate of kpromo v1 as
//! <https://github.com/kubernetes-sigs/promo-tools/blob/bfe4ae6f11915b1e462450051feba6d6f59d5ae5/docs/promotion-predicate.md>
//! defines it. Stricter where Bulla relies on it: references that cannot be parsed, and places that
//! are told twice and differ, make a record unusable. Members that nothing here reads are passed
//! over, whatever they hold.

use jiff::Timestamp;
use serde::Deserialize;

use super::Predicate;
use crate::{Algorithm, Digest, DigestSet, PredicateError, Reference, Repository, Statement};

/// The type's URI.
pub const TYPE: &str = "https://k8s.io/promo-tools/promotion/v1";

/// A copy of an image, as its promoter tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromotionRecord {
    src_ref: Option<Reference>,
    dst_ref: Reference,
    digest: Digest,
    timestamp: Option<Timestamp>,
    source: Option<Copied>,
    destination: Option<Copied>,
}

/// One end of the copy, once more: later versions write it beside the reference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Copied {
    name: Option<String>,
    #[serde(default, deserialize_with = "crate::descriptor::or_null")]
    digest: DigestSet,
}

impl PromotionRecord {
    /// Where the image was copied from; not told by records that were made afterwards.
    pub fn source(&self) -> Option<&Repository> {
        self.src_ref.as_ref().map(Reference::repository)
    }

    /// Where it was copied to.
    pub fn destination(&self) -> &Repository {
        self.dst_ref.repository()
    }

    /// What was copied.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// When the promoter ran.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Whether one end of the copy is the same wherever it is told.
    fn agrees(&self, reference: &Reference, again: Option<&Copied>) -> bool {
        let repository = |name: &String| {
            name.parse()
                .map(|name: Reference| name.repository().clone())
        };
        let is_same = |again: &Copied| {
            let mut name = again.name.iter().map(repository);
            let hex = again.digest.value("sha256");
            name.all(|found| found.as_ref() == Ok(reference.repository()))
                && hex.is_none_or(|hex| hex == self.digest.hex())
        };
        let digest = reference.digest();
        digest.is_none_or(|digest| *digest == self.digest) && again.is_none_or(is_same)
    }
}

impl Predicate for PromotionRecord {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let wrong = |reason: &str| PredicateError::Shape {
            kind: TYPE,
            reason: reason.to_owned(),
        };
        if self.digest.algorithm() != Algorithm::Sha256 {
            return Err(wrong("/digest: expected a SHA-256 digest"));
        }
        let subjects = statement.subject_set();
        if !subjects.is_some_and(|set| set.iter().eq([&self.digest])) {
            return Err(wrong("/digest: expected that of the only subject"));
        }
        if !self.agrees(&self.dst_ref, self.destination.as_ref()) {
            return Err(wrong(
                "/destination: expected what `dstRef` and `digest` say",
            ));
        }
        match (&self.src_ref, &self.source) {
            (Some(reference), source) if self.agrees(reference, source.as_ref()) => Ok(()),
            (None, None) => Ok(()),
            _ => Err(wrong("/source: expected what `srcRef` and `digest` say")),
        }
    }
}
