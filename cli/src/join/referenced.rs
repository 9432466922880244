//! Documents too large to stand in a statement: stored in the registry, and named by their digest.
//!
//! The document is an artifact of its own that refers to the image, so that it is copied with it;
//! the statement is an in-toto reference.

use std::path::Path;

use base64::Engine as _;
use bulla_attest::claim;
use bulla_model::{Descriptor, Identity, Limits, ResourceDescriptor, Subject, media_type};
use bulla_registry::{AnyStore, Store as _};
use jiff::Timestamp;
use serde_json::json;

use super::file;
use super::image::OpenImage;
use crate::Failure;

/// A document, read and recognised, not stored yet.
#[derive(Debug)]
pub struct Document {
    bytes: Vec<u8>,
    media_type: &'static str,
}

impl Document {
    /// Reads an SBOM no larger than a reader would fetch.
    pub fn sbom(path: &Path, limits: &Limits) -> Result<Self, Failure> {
        let bytes = file::read(path, limits.document_bytes)?;
        let mut limits = limits.clone();
        limits.bundle_bytes = limits.document_bytes;
        let kind = claim::detect_sbom(&bytes, &limits)
            .map_err(|error| Failure::from(error).with_detail(path.display()))?;
        let media_type = kind.media_type();
        Ok(Self { bytes, media_type })
    }

    /// The statement that names it, once it is stored in `image`'s repository.
    pub fn statement(
        &self,
        subjects: &[Subject],
        now: Timestamp,
        signer: &Identity,
        image: &OpenImage,
    ) -> Result<Vec<u8>, Failure> {
        let blob = Descriptor::of(self.media_type, &self.bytes);
        let AnyStore::Remote(remote) = &image.evidence else {
            return Err(
                Failure::usage("a reference needs a registry that others can fetch from")
                    .with_hint("attest the image in a registry, or leave --by-reference away"),
            );
        };
        let repository = remote.repository();
        let location = format!(
            "https://{}/v2/{}/blobs/{}",
            repository.host(),
            repository.path(),
            blob.digest
        );
        let reference = ResourceDescriptor {
            media_type: Some(self.media_type.to_owned()),
            download_location: Some(location),
            ..ResourceDescriptor::of(blob.digest)
        };
        Ok(claim::reference(subjects, now, &uri(signer), &[reference])?)
    }

    /// Stores it beside the image, as an artifact that refers to it.
    pub async fn store(&self, image: &OpenImage) -> Result<Descriptor, Failure> {
        let blob = Descriptor::of(self.media_type, &self.bytes);
        let empty = b"{}";
        image.evidence.put_blob(empty.to_vec()).await?;
        image.evidence.put_blob(self.bytes.clone()).await?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::IMAGE_MANIFEST,
            "artifactType": self.media_type,
            "config": Descriptor::of(media_type::EMPTY, empty),
            "layers": [blob],
            "subject": image.descriptor,
        });
        let bytes = manifest.to_string();
        let stored = image
            .evidence
            .put_manifest(bytes.as_bytes(), media_type::IMAGE_MANIFEST, None)
            .await?;
        Ok(stored)
    }
}

/// A URI that names a signer: that of its certificate, or for a key its hash (RFC 6920).
fn uri(signer: &Identity) -> String {
    match signer {
        Identity::Certificate(certificate) if certificate.subject.contains("://") => {
            certificate.subject.clone()
        }
        Identity::Certificate(certificate) => format!("mailto:{}", certificate.subject),
        Identity::Key { key_id } => {
            let standard = base64::engine::general_purpose::STANDARD;
            let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD;
            let hash = standard.decode(key_id.hint()).unwrap_or_default();
            format!("ni:///sha-256;{}", url_safe.encode(hash))
        }
    }
}
