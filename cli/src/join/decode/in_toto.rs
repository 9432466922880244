//! Layouts and links, to be looked at.

use bulla_model::Limits;
use bulla_model::in_toto::{Layout, Metadata, MetadataContent, StepLink};
use serde::Serialize;

use super::Decoded;

/// A layout, and the key ids its signatures name.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedLayout {
    /// Key ids of the signatures, empty where there is none.
    pub signatures: Vec<String>,
    /// The layout.
    pub layout: Layout,
}

/// A link, and the key ids its signatures name.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedLink {
    /// Key ids of the signatures, empty where there is none.
    pub signatures: Vec<String>,
    /// The link.
    pub link: StepLink,
}

/// Decodes a layout or link in either wrapping; nothing if it is none.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Option<Decoded> {
    let metadata = Metadata::parse(bytes, limits).ok()?;
    let signatures = metadata.signatures().iter();
    let signatures = signatures.map(|one| one.key_id.clone()).collect();
    Some(match metadata.content().clone() {
        MetadataContent::Layout(layout) => Decoded::InTotoLayout(Box::new(DecodedLayout {
            signatures,
            layout: *layout,
        })),
        MetadataContent::Link(link) => Decoded::InTotoLink(Box::new(DecodedLink {
            signatures,
            link: *link,
        })),
    })
}
