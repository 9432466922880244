//! Links: a command, what went in and what came out.
//!
//! Implements in-toto link v0.3,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/link.md>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Predicate;
use crate::ResourceDescriptor;
use crate::descriptor::or_null;

/// The type's URI.
pub const TYPE: &str = "https://in-toto.io/attestation/link/v0.3";

/// A step that was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The step's name.
    pub name: String,
    /// The command and its arguments.
    #[serde(default, deserialize_with = "or_null")]
    pub command: Vec<String>,
    /// What went in.
    #[serde(default, deserialize_with = "or_null")]
    pub materials: Vec<ResourceDescriptor>,
    /// What else came out: exit code, streams.
    #[serde(default, deserialize_with = "or_null")]
    pub byproducts: BTreeMap<String, Value>,
    /// Facts about where it ran; never secret values.
    #[serde(default, deserialize_with = "or_null")]
    pub environment: BTreeMap<String, Value>,
}

impl Predicate for Link {
    const TYPES: &'static [&'static str] = &[TYPE];
}
