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

/// The version that an image gives itself: its manifest's annotation, else its label. Nobody signed it,
/// and it stands in lines that people agree to, so that only what looks like a version is one.
pub async fn version(image: &OpenImage, limits: &Limits) -> Option<String> {
    const VERSION: &str = "org.opencontainers.image.version";
    let manifest = image.store.manifest(&image.descriptor.digest).await.ok()?;
    let version = if let Some(version) = manifest.annotations().get(VERSION) {
        version.clone()
    } else {
        let labels = of(image, &manifest, limits).await.ok()??;
        labels.get(VERSION)?.as_str()?.to_owned()
    };
    is_version(&version).then_some(version)
}

/// Whether a text can be a version: short, and without blanks.
fn is_version(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".-_+~^:/@".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_forges_a_line_is_no_version() {
        for good in ["1.8.2", "2026-11-23T10:00:00+01:00", "v1.2.3-rc.1+abc~2"] {
            assert!(is_version(good), "{good}");
        }
        let long = "1".repeat(65);
        for bad in ["", "1.8.2   staging -> prod", "1\u{a0}2", "1\n2", &long] {
            assert!(!is_version(bad), "{bad}");
        }
    }
}
