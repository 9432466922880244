//! Verification summaries.
//!
//! Implements SLSA Verification Summary Attestation v1,
//! <https://slsa.dev/spec/v1.1/verification_summary>.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Predicate;
use crate::ResourceDescriptor;
use crate::descriptor::or_null;

/// The type's URI.
pub const TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// The summary of a verification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vsa {
    /// Who verified.
    pub verifier: Verifier,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_verified: Option<Timestamp>,
    /// Where the artifact was to be used or found.
    pub resource_uri: String,
    /// The policy.
    pub policy: ResourceDescriptor,
    /// The attestations the verification used: all of them, or none.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub input_attestations: Vec<ResourceDescriptor>,
    /// The outcome.
    pub verification_result: VsaResult,
    /// Levels the artifact reaches.
    #[serde(default, deserialize_with = "or_null")]
    pub verified_levels: Vec<String>,
    /// How many dependencies reach each level.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub dependency_levels: BTreeMap<String, u64>,
    /// The SLSA version the levels are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slsa_version: Option<String>,
    /// Everything else, as it came.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Predicate for Vsa {
    const TYPES: &'static [&'static str] = &[TYPE];
}

/// Who verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// URI of the verifier.
    pub id: String,
    /// Versions of its components.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub version: BTreeMap<String, String>,
}

/// The outcome of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum VsaResult {
    /// The artifact failed.
    Failed,
    /// The artifact passed.
    Passed,
}
