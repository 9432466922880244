//! Files that an artifact holds: its manifest names them by their digests, so that what is decided
//! about the artifact is decided about each of them.

use std::path::Path;

use bulla_model::{Digest, Manifest, media_type};
use bulla_registry::Store as _;

use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::image::{self, OpenImage};
use crate::join::{blocking, file};
use crate::target::Target;

/// The artifact, if it holds the file.
pub(super) async fn open(
    context: &Context,
    target: &Target,
    artifact: &str,
) -> Result<OpenImage, Failure> {
    let Target::File(path) = target else {
        return Err(Failure::usage(format_args!("{target} is no file"))
            .with_hint("--in says which artifact a file is in; an image is verified without it"));
    };
    let image = image::open(context, &Target::parse(artifact)?).await?;
    let manifest = image.store.manifest(&image.descriptor.digest).await?;
    let hashed = path.clone();
    // Hashing a large file takes its time.
    let digest = blocking(move || file::digest(&hashed)).await?;
    holds(&manifest, &digest, path, &image)?;
    Ok(image)
}

fn holds(
    manifest: &Manifest,
    digest: &Digest,
    path: &Path,
    image: &OpenImage,
) -> Result<(), Failure> {
    let Some(artifact) = manifest.image() else {
        let text = format_args!("--in {}: a list of manifests holds no file", image.pinned);
        return Err(Failure::usage(text).with_hint("name the manifest that does, by its digest"));
    };
    // What stands where an artifact has no file is none of its files.
    let mut files = artifact
        .layers
        .iter()
        .filter(|layer| layer.media_type != media_type::EMPTY);
    if files.any(|layer| layer.digest == *digest) {
        return Ok(());
    }
    let text = format_args!("{} is not in {}", path.display(), image.pinned);
    Err(Failure::new(FailureKind::OtherSubject, text)
        .with_detail(format_args!(
            "its digest is {digest}, which none of {} files has",
            artifact.layers.len()
        ))
        .with_hint("it was changed, or comes from another artifact or another version of it"))
}
