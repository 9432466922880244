//! Signatures of an artifact itself, without a statement: over a file's bytes, or over a simple
//! signing payload that names an image.

use std::collections::BTreeMap;

use bulla_model::{Digest, SimpleSigning};
use serde::Serialize;
use serde_json::Value;

/// What a verified signature of an artifact says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactClaim {
    /// What was signed, or named by what was signed.
    pub subject: Digest,
    /// The name it was signed under; only cosign's old signatures have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_reference: Option<String>,
    /// What the signer added; only cosign's old signatures have any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Value>,
}

impl ArtifactClaim {
    pub(crate) fn of_blob(subject: Digest) -> Self {
        Self {
            subject,
            docker_reference: None,
            annotations: BTreeMap::new(),
        }
    }
}

impl From<SimpleSigning> for ArtifactClaim {
    fn from(payload: SimpleSigning) -> Self {
        Self {
            subject: payload.digest,
            docker_reference: Some(payload.docker_reference).filter(|name| !name.is_empty()),
            annotations: payload.optional,
        }
    }
}
