//! Claims that nobody signed: what `BuildKit` puts into an index beside the platforms.
//!
//! They are shown, and never counted: whoever can push the index can write them. Format:
//! <https://github.com/moby/buildkit/blob/v0.24.0/docs/attestations/attestation-storage.md>.

use bulla_model::{Descriptor, Digest, Manifest, media_type};
use serde::Serialize;

/// A manifest of unsigned claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsigned {
    /// What it is, for people.
    pub what: &'static str,
    /// Its manifest.
    pub manifest: Digest,
    /// The platform's manifest that the index says it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<Digest>,
}

/// Whether a manifest of this kind can list unsigned claims.
pub fn may_list(descriptor: &Descriptor) -> bool {
    [media_type::IMAGE_INDEX, media_type::DOCKER_LIST].contains(&descriptor.media_type.as_str())
}

/// The unsigned claims an index lists.
pub fn listed(manifest: &Manifest) -> Vec<Unsigned> {
    let entries = manifest.index().map_or(&[][..], |index| &index.manifests);
    let attestations = entries
        .iter()
        .filter(|entry| entry.is_buildkit_attestation());
    attestations
        .map(|entry| Unsigned {
            what: BUILDKIT,
            manifest: entry.digest.clone(),
            about: entry
                .annotations
                .get("vnd.docker.reference.digest")
                .and_then(|digest| digest.parse().ok()),
        })
        .collect()
}

/// The predicate types a manifest of unsigned claims says its layers have.
pub fn predicate_types(manifest: &Manifest) -> Vec<String> {
    let layers = manifest.image().map_or(&[][..], |image| &image.layers);
    layers
        .iter()
        .filter_map(|layer| layer.annotations.get("in-toto.io/predicate-type"))
        .map(|kind| kind.chars().take(200).collect())
        .collect()
}

/// What such a manifest is called.
pub const BUILDKIT: &str = "BuildKit attestations";
