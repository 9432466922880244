//! Layouts that `cosign save` wrote: one image, and what is signed about it in manifests that are
//! told apart by an annotation instead of by tags.
//!
//! <https://github.com/sigstore/cosign/blob/v2.6.1/pkg/oci/layout/write.go>.

use bulla_model::Descriptor;

use super::index::REF_NAME;
use crate::legacy::{LegacyKind, TagPrefix};

/// The annotation's name.
const KIND: &str = "kind";
const IMAGES: [&str; 2] = [
    "dev.cosignproject.cosign/image",
    "dev.cosignproject.cosign/imageIndex",
];
const BESIDE: [(&str, LegacyKind); 2] = [
    ("dev.cosignproject.cosign/sigs", LegacyKind::Signature),
    ("dev.cosignproject.cosign/atts", LegacyKind::Attestation),
];

/// Gives the entries of such a layout the tags they were saved from. Where there is not exactly one
/// image, nothing says what they are about, and they stay as they are.
pub(super) fn with_tags(mut entries: Vec<Descriptor>) -> Vec<Descriptor> {
    let kind = |entry: &Descriptor| entry.annotations.get(KIND).cloned().unwrap_or_default();
    let mut images = entries
        .iter()
        .filter(|entry| IMAGES.contains(&kind(entry).as_str()));
    let (Some(image), None) = (images.next(), images.next()) else {
        return entries;
    };
    let image = image.digest.clone();
    for entry in &mut entries {
        let kind = kind(entry);
        let legacy = BESIDE.iter().find(|(name, _)| *name == kind);
        let tag = legacy.and_then(|(_, legacy)| legacy.tag(&TagPrefix::default(), &image));
        if let Some(tag) = tag {
            let held = entry.annotations.entry(REF_NAME.to_owned());
            held.or_insert_with(|| tag.to_string());
        }
    }
    entries
}
