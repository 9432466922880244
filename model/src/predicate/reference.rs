//! Documents that stand elsewhere.
//!
//! Implements the in-toto predicate Reference v0.1,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/reference.md>. Where it says a
//! document can be fetched is the word of its signer and leads anywhere; its digest is what counts.

use serde::{Deserialize, Serialize};

use super::Predicate;
use crate::ResourceDescriptor;

/// The type's URI.
pub const TYPE: &str = "https://in-toto.io/attestation/reference/v0.1";

/// "These documents are about the subjects", all of them about all subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Who says so.
    pub attester: Attester,
    /// The documents.
    pub references: Vec<ResourceDescriptor>,
}

/// The system that provides the documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attester {
    /// Its URI.
    pub id: String,
}

impl Predicate for Reference {
    const TYPES: &'static [&'static str] = &[TYPE];
}
