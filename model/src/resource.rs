//! Resource descriptors.
//!
//! Implements `ResourceDescriptor` of the in-toto attestation framework v1.1,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/resource_descriptor.md>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::descriptor::or_null;
use crate::{Digest, DigestSet};

/// Names something: a subject, a material, a piece of evidence. Unknown members are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceDescriptor {
    /// A name for people or for the producer; never identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A URI that identifies the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Digests of the resource.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "DigestSet::is_empty"
    )]
    pub digest: DigestSet,
    /// The resource itself, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Where to get it, when that differs from the URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_location: Option<String>,
    /// Media type of the resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Annotations of any shape.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub annotations: BTreeMap<String, Value>,
}

impl ResourceDescriptor {
    /// A resource with this name and digest.
    pub fn named(name: &str, digest: Digest) -> Self {
        Self {
            name: Some(name.to_owned()),
            digest: digest.into(),
            ..Self::default()
        }
    }

    /// A resource known by its digest alone.
    pub fn of(digest: Digest) -> Self {
        Self {
            digest: digest.into(),
            ..Self::default()
        }
    }
}
