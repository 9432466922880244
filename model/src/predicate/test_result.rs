//! Test results.
//!
//! Implements in-toto test-result v0.1,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/test-result.md>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Predicate;
use crate::ResourceDescriptor;
use crate::descriptor::or_null;

/// The type's URI.
pub const TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// The outcome of a test run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// The outcome over everything.
    pub result: Outcome,
    /// What was run: suites, configuration files.
    #[serde(default, deserialize_with = "or_null")]
    pub configuration: Vec<ResourceDescriptor>,
    /// Where the run can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Names of tests that passed.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub passed_tests: Vec<String>,
    /// Names of tests that passed with warnings.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub warned_tests: Vec<String>,
    /// Names of tests that failed.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub failed_tests: Vec<String>,
    /// Everything else, as it came.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Predicate for TestResult {
    const TYPES: &'static [&'static str] = &[TYPE];
}

/// The outcome of a test run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// At least one test failed.
    Failed,
    /// All tests passed.
    Passed,
    /// All tests passed, some with warnings.
    Warned,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Failed => "FAILED",
            Self::Passed => "PASSED",
            Self::Warned => "WARNED",
        })
    }
}
