//! Image manifests and indexes, with the bytes they were read from.
//!
//! Implements the OCI image specification v1.1.1 (`manifest.md`, `image-index.md`),
//! <https://github.com/opencontainers/image-spec/tree/v1.1.1>, and reads Docker's schema 2.

use serde::{Deserialize, Serialize};

use crate::descriptor::{Annotations, media_type, or_null};
use crate::json::{self, JsonError};
use crate::{Descriptor, Digest, Limits};

/// A manifest or an index as received: bytes, their digest, and the parsed view.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    bytes: Vec<u8>,
    digest: Digest,
    content: ManifestContent,
}

/// What a [`Manifest`] holds.
#[derive(Clone, Debug, PartialEq)]
pub enum ManifestContent {
    /// One image, or an artifact.
    Image(Box<ImageManifest>),
    /// Several manifests, usually one for each platform.
    Index(Box<ImageIndex>),
}

impl Manifest {
    /// Reads a manifest or index; the digest is that of these bytes.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, ManifestError> {
        let head: Head = json::read(&bytes, limits.manifest_bytes, limits.json_depth)?;
        if head.schema_version != 2 {
            return Err(ManifestError::SchemaVersion {
                found: head.schema_version,
            });
        }
        let depth = limits.json_depth;
        let content = match (
            head.manifests.is_some(),
            head.layers.is_some() || head.config.is_some(),
        ) {
            // CVE-2021-41190: a document that is both can be read as either.
            (true, true) => return Err(ManifestError::Ambiguous),
            (false, false) => return Err(ManifestError::Neither),
            (true, false) => {
                ManifestContent::Index(Box::new(json::read(&bytes, limits.manifest_bytes, depth)?))
            }
            (false, true) => {
                ManifestContent::Image(Box::new(json::read(&bytes, limits.manifest_bytes, depth)?))
            }
        };
        let expects_index = match head.media_type.as_deref() {
            None => None,
            Some(media_type::IMAGE_INDEX | media_type::DOCKER_LIST) => Some(true),
            Some(media_type::IMAGE_MANIFEST | media_type::DOCKER_MANIFEST) => Some(false),
            Some(other) => {
                return Err(ManifestError::MediaType {
                    found: other.chars().take(100).collect(),
                });
            }
        };
        if expects_index.is_some_and(|index| index != matches!(content, ManifestContent::Index(_)))
        {
            return Err(ManifestError::Ambiguous);
        }
        let digest = Digest::sha256(&bytes);
        Ok(Self {
            bytes,
            digest,
            content,
        })
    }

    /// The bytes as received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SHA-256 digest of the bytes.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The parsed view.
    pub fn content(&self) -> &ManifestContent {
        &self.content
    }

    /// The image manifest, unless this is an index.
    pub fn image(&self) -> Option<&ImageManifest> {
        match &self.content {
            ManifestContent::Image(image) => Some(image),
            ManifestContent::Index(_) => None,
        }
    }

    /// The index, unless this is an image manifest.
    pub fn index(&self) -> Option<&ImageIndex> {
        match &self.content {
            ManifestContent::Index(index) => Some(index),
            ManifestContent::Image(_) => None,
        }
    }

    /// The media type: the document's own, or OCI's for its kind.
    pub fn media_type(&self) -> &str {
        match &self.content {
            ManifestContent::Image(image) => image
                .media_type
                .as_deref()
                .unwrap_or(media_type::IMAGE_MANIFEST),
            ManifestContent::Index(index) => index
                .media_type
                .as_deref()
                .unwrap_or(media_type::IMAGE_INDEX),
        }
    }

    /// Describes the bytes: media type, digest and length.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(
            self.media_type(),
            self.digest.clone(),
            self.bytes.len() as u64,
        )
    }

    /// What this manifest refers to, if it is a referrer.
    pub fn subject(&self) -> Option<&Descriptor> {
        match &self.content {
            ManifestContent::Image(image) => image.subject.as_ref(),
            ManifestContent::Index(index) => index.subject.as_ref(),
        }
    }

    /// The artifact type: the manifest's own, or else its configuration's media type.
    pub fn artifact_type(&self) -> Option<&str> {
        match &self.content {
            ManifestContent::Image(image) => Some(
                image
                    .artifact_type
                    .as_deref()
                    .filter(|t| !t.is_empty())
                    .unwrap_or(&image.config.media_type),
            ),
            ManifestContent::Index(index) => index.artifact_type.as_deref(),
        }
    }

    /// The manifest's annotations.
    pub fn annotations(&self) -> &Annotations {
        match &self.content {
            ManifestContent::Image(image) => &image.annotations,
            ManifestContent::Index(index) => &index.annotations,
        }
    }
}

/// An image manifest, or an artifact's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u32,
    /// The media type of the document itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What kind of artifact this is; absent for container images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration, or the empty descriptor.
    pub config: Descriptor,
    /// The layers, lowest first.
    #[serde(default, deserialize_with = "or_null")]
    pub layers: Vec<Descriptor>,
    /// What this manifest refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Annotations::is_empty"
    )]
    pub annotations: Annotations,
}

/// A list of manifests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// Always 2.
    pub schema_version: u32,
    /// The media type of the document itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What kind of artifact this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The manifests, in order.
    #[serde(default, deserialize_with = "or_null")]
    pub manifests: Vec<Descriptor>,
    /// What this index refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Annotations.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Annotations::is_empty"
    )]
    pub annotations: Annotations,
}

impl ImageIndex {
    /// An index of these manifests.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(media_type::IMAGE_INDEX.to_owned()),
            artifact_type: None,
            manifests,
            subject: None,
            annotations: Annotations::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    layers: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    config: Option<serde::de::IgnoredAny>,
}

/// Why bytes are no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is not JSON of the right shape.
    #[error("no manifest: {0}")]
    Json(#[from] JsonError),
    /// It is of another schema version.
    #[error("manifest of schema version {found}: only version 2 is supported")]
    SchemaVersion {
        /// The version found.
        found: u32,
    },
    /// It could be read as a manifest and as an index.
    #[error("ambiguous manifest: it has the members of an image and of an index")]
    Ambiguous,
    /// It is neither a manifest nor an index.
    #[error("no manifest: it has neither `config` nor `manifests`")]
    Neither,
    /// Its media type is none of the four that are known.
    #[error("unknown manifest media type `{}`", found.escape_debug())]
    MediaType {
        /// The media type found, cut short.
        found: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(text.as_bytes().to_vec(), &Limits::default())
    }

    #[test]
    fn a_document_that_is_both_is_refused() {
        let both = r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#;
        assert_eq!(parse(both).unwrap_err(), ManifestError::Ambiguous);
        let lying = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#;
        assert_eq!(parse(lying).unwrap_err(), ManifestError::Ambiguous);
        assert_eq!(
            parse(r#"{"schemaVersion":2}"#).unwrap_err(),
            ManifestError::Neither
        );
        assert!(matches!(
            parse(r#"{"schemaVersion":1,"layers":[]}"#),
            Err(ManifestError::SchemaVersion { found: 1 })
        ));
    }

    #[test]
    fn bytes_are_kept_and_absent_maps_may_be_null() {
        let hex = "a".repeat(64);
        let text = format!(
            r#"{{ "schemaVersion": 2, "annotations": null, "manifests": [ {{"mediaType":"m","digest":"sha256:{hex}","size":3,"x-new":1}} ] }}"#
        );
        let manifest = parse(&text).unwrap();
        assert_eq!(manifest.bytes(), text.as_bytes());
        assert_eq!(*manifest.digest(), Digest::sha256(text.as_bytes()));
        assert_eq!(manifest.index().unwrap().manifests[0].extra["x-new"], 1);
        assert_eq!(manifest.media_type(), media_type::IMAGE_INDEX);
    }
}
