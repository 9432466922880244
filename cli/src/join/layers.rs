//! Layers: from a store's asynchronous blobs to the readers that listing packages takes.

use bulla_model::{Annotations, Descriptor, ImageManifest, Manifest};
use bulla_registry::{AnyStore, Store as _};
use bulla_sbom::source::{Image, ImageInput, LayerInput, LayerReader};
use tokio::runtime::Handle;

use super::image::OpenImage;
use crate::Failure;
use crate::failure::FailureKind;

/// The image of one platform, and what its manifest says beside its layers.
#[derive(Debug)]
pub struct Listed {
    /// Its layers and configuration.
    pub image: Image,
    /// Annotations of its manifest.
    pub annotations: Annotations,
}

/// The image of one platform, ready to be listed on a thread that may block.
pub async fn image(open: &OpenImage, platform: Option<&str>) -> Result<Listed, Failure> {
    image_of(open, &platform_manifest(open, platform).await?).await
}

/// The images of all platforms, in the order of the index.
pub async fn images(open: &OpenImage) -> Result<Vec<Listed>, Failure> {
    let manifest = open.store.manifest(&open.descriptor.digest).await?;
    let Some(index) = manifest.index() else {
        return Ok(vec![image_of(open, &manifest).await?]);
    };
    let entries = index.manifests.iter();
    let mut images = Vec::new();
    for entry in entries.filter(|entry| !entry.is_buildkit_attestation()) {
        let manifest = open.store.manifest(&entry.digest).await?;
        images.push(image_of(open, &manifest).await?);
    }
    Ok(images)
}

async fn image_of(open: &OpenImage, manifest: &Manifest) -> Result<Listed, Failure> {
    let Some(image) = manifest.image() else {
        return Err(Failure::new(
            FailureKind::Input,
            format_args!("{} is an index inside an index", manifest.digest()),
        ));
    };
    let limits = open.store.limits();
    let config = open
        .store
        .blob(&image.config, limits.manifest_bytes)
        .await?;
    let input = ImageInput {
        manifest_digest: manifest.digest().clone(),
        config,
        layers: layers(&open.store, image),
    };
    Ok(Listed {
        image: Image::new(input)?,
        annotations: image.annotations.clone(),
    })
}

fn layers(store: &AnyStore, image: &ImageManifest) -> Vec<LayerInput> {
    let runtime = Handle::current();
    image
        .layers
        .iter()
        .map(|layer| {
            let (store, runtime, descriptor) = (store.clone(), runtime.clone(), layer.clone());
            LayerInput {
                digest: layer.digest.clone(),
                media_type: layer.media_type.clone(),
                size: layer.size,
                // Stores check what they give out.
                is_checked: true,
                open: Box::new(move || -> std::io::Result<LayerReader> {
                    runtime
                        .block_on(store.open_blob_blocking(&descriptor))
                        .map_err(std::io::Error::other)
                }),
            }
        })
        .collect()
}

/// The manifest itself, or of an index the one for the platform.
async fn platform_manifest(open: &OpenImage, platform: Option<&str>) -> Result<Manifest, Failure> {
    let manifest = open.store.manifest(&open.descriptor.digest).await?;
    let Some(index) = manifest.index() else {
        return Ok(manifest);
    };
    let images: Vec<&Descriptor> = index
        .manifests
        .iter()
        .filter(|entry| !entry.is_buildkit_attestation())
        .collect();
    let name = |entry: &Descriptor| entry.platform.as_ref().map(ToString::to_string);
    let own = own_platform();
    let chosen = match (platform, images.as_slice()) {
        (None, [one]) => Some(*one),
        (None, several) => several
            .iter()
            .find(|entry| name(entry).as_deref() == Some(&own))
            .copied(),
        (Some(wanted), several) => several
            .iter()
            .find(|entry| name(entry).as_deref() == Some(wanted))
            .copied(),
    };
    if let Some(entry) = chosen {
        return Ok(open.store.manifest(&entry.digest).await?);
    }
    let names: Vec<String> = images.iter().filter_map(|entry| name(entry)).collect();
    let wanted = platform.unwrap_or(&own);
    Err(
        Failure::usage(format_args!("the image has no platform {wanted}"))
            .with_detail(format_args!("it has {}", names.join(", ")))
            .with_hint("choose one with --platform"),
    )
}

/// The platform of this machine as images name it, with Linux in place of systems without images.
fn own_platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("linux/{architecture}")
}
