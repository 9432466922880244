//! What an image says about itself. Nobody signed it apart from the image.

use bulla_model::{Limits, Manifest, json};
use bulla_registry::Store as _;
use serde_json::Value;

use super::image::OpenImage;
use crate::Failure;

/// The labels in an image's configuration; `None` for what has none.
pub async fn of(
    image: &OpenImage,
    manifest: &Manifest,
    limits: &Limits,
) -> Result<Option<Value>, Failure> {
    let Some(content) = manifest.image() else {
        return Ok(None);
    };
    let bytes = match image
        .store
        .blob(&content.config, limits.manifest_bytes)
        .await
    {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // A configuration of another shape has no labels, which is no reason to stop.
    let config = json::read::<Value>(&bytes, limits.manifest_bytes, limits.json_depth).ok();
    let labels = config.and_then(|config| config.get("config")?.get("Labels").cloned());
    Ok(labels)
}

/// The version that an image gives itself: its manifest's annotation, else its label.
pub async fn version(image: &OpenImage, limits: &Limits) -> Option<String> {
    const VERSION: &str = "org.opencontainers.image.version";
    let manifest = image.store.manifest(&image.descriptor.digest).await.ok()?;
    if let Some(version) = manifest.annotations().get(VERSION) {
        return Some(version.clone());
    }
    let labels = of(image, &manifest, limits).await.ok()??;
    Some(labels.get(VERSION)?.as_str()?.to_owned())
}
