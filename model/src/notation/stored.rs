//! Signatures in registries: one envelope in the only layer of a manifest that refers to the image.

use super::{ARTIFACT_TYPE, EnvelopeForm, NotationError};
use crate::descriptor::media_type;
use crate::{Descriptor, Digest, Limits, Manifest, json};

/// Annotation of the manifest: digests of the certificates, a JSON list in a text. A hint.
const THUMBPRINTS: &str = "io.cncf.notary.x509chain.thumbprint#S256";

/// Whether a manifest, or an entry of a list of referrers, says it is a signature.
pub fn is_signature(artifact_type: Option<&str>) -> bool {
    artifact_type == Some(ARTIFACT_TYPE)
}

/// The layer with the envelope, and its form. The manifest must refer to `subject`.
pub fn signature_layer<'a>(
    manifest: &'a Manifest,
    subject: &Digest,
) -> Result<(&'a Descriptor, EnvelopeForm), NotationError> {
    let refused = |reason| Err(NotationError::Manifest { reason });
    let Some(image) = manifest.image() else {
        return refused("it is an index");
    };
    if !is_signature(manifest.artifact_type()) {
        return refused("it has another artifact type");
    }
    let own_type = image
        .artifact_type
        .as_deref()
        .is_some_and(|own| !own.is_empty());
    if own_type && image.config.media_type != media_type::EMPTY {
        return refused("its configuration is not the empty one");
    }
    match manifest.subject() {
        Some(found) if found.digest == *subject => {}
        _ => return refused("it refers to something else"),
    }
    match image.layers.as_slice() {
        [layer] => Ok((layer, EnvelopeForm::of_media_type(&layer.media_type)?)),
        _ => refused("it does not have exactly one layer"),
    }
}

/// The digests of the certificates as the manifest's annotation lists them, hexadecimal. Nobody
/// signed them: they are for looking at.
pub fn thumbprints(manifest: &Manifest, limits: &Limits) -> Option<Vec<String>> {
    let text = manifest.annotations().get(THUMBPRINTS)?;
    json::read(text.as_bytes(), limits.manifest_bytes, limits.json_depth).ok()
}
