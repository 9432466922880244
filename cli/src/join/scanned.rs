//! Whether the report of a scanner is about an image.

use std::collections::BTreeSet;

use bulla_model::Digest;
use bulla_registry::Store as _;

use super::artifact::platforms;
use super::image::OpenImage;
use crate::Failure;

/// Refuses a report that names other images only. One names a manifest, an index or a configuration, and
/// what was scanned of an index is one of its platforms. A report that names none is anybody's word.
pub async fn must_be_of(image: &OpenImage, said: &BTreeSet<Digest>) -> Result<(), Failure> {
    if said.is_empty() || said.contains(&image.descriptor.digest) {
        return Ok(());
    }
    let parts = platforms(image).await?;
    let parts = parts.into_iter().map(|part| part.descriptor.digest);
    for digest in std::iter::once(image.descriptor.digest.clone()).chain(parts) {
        let manifest = image.store.manifest(&digest).await?;
        let config = manifest.image().map(|image| &image.config.digest);
        if said.contains(&digest) || config.is_some_and(|config| said.contains(config)) {
            return Ok(());
        }
    }
    let said: Vec<_> = said.iter().take(4).map(ToString::to_string).collect();
    let failure = Failure::usage(format_args!(
        "the report is about another image than {}",
        image.pinned
    ));
    Err(failure
        .with_detail(format_args!("it says {}", said.join(", ")))
        .with_hint("scan the image by its digest"))
}
