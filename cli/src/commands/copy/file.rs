//! A file as an OCI artifact: a manifest with nothing but the file, so that it can be a member of a
//! release set. No clock enters it: the same file under the same name is the same artifact.

use std::path::Path;

use bulla_model::{Annotations, Descriptor, ImageManifest, media_type};
use bulla_registry::{AnyStore, BlobReader, CopyReport, Store as _};

use crate::Failure;
use crate::commands::Context;
use crate::join::{blocking, file, image};
use crate::target::Target;

/// Stores a file and the manifest that names it, and moves the destination's tag last.
pub(super) async fn store(
    context: &Context,
    path: &Path,
    to: &Target,
) -> Result<(Descriptor, CopyReport), Failure> {
    let described = path.to_owned();
    let layer = blocking(move || describe(&described)).await?;
    let destination = image::destination(context, to).await?;
    let progress = context.printer.progress(&format!("copying to {to}"));
    let mut report = CopyReport::default();
    put(&destination.store, path, &layer, &mut report).await?;
    let config = Descriptor::of(media_type::EMPTY, EMPTY);
    destination.store.put_blob(EMPTY.to_vec()).await?;
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
        artifact_type: Some(ARTIFACT.to_owned()),
        config,
        layers: vec![layer],
        subject: None,
        annotations: Annotations::new(),
    };
    let bytes = serde_json::to_vec(&manifest).expect("because texts and numbers always serialise");
    let kind = media_type::IMAGE_MANIFEST;
    let tag = destination.tag.as_ref();
    let descriptor = destination.store.put_manifest(&bytes, kind, tag).await?;
    report.copied.push(descriptor.clone());
    destination.finish().await?;
    drop(progress);
    Ok((descriptor, report))
}

/// The layer that a file becomes.
fn describe(path: &Path) -> Result<Descriptor, Failure> {
    let digest = file::digest(path)?;
    let size = path.metadata();
    let size = size.map_err(|error| Failure::file("read", path, &error))?;
    let mut layer = Descriptor::new(OCTETS, digest, size.len());
    let name = path.file_name().and_then(|name| name.to_str());
    if let Some(name) = name {
        layer.annotations.insert(TITLE.to_owned(), name.to_owned());
    }
    Ok(layer)
}

/// Streams the file, which has to be what was described, unless it is there.
async fn put(
    store: &AnyStore,
    path: &Path,
    layer: &Descriptor,
    report: &mut CopyReport,
) -> Result<(), Failure> {
    if store.has_blob(&layer.digest).await? {
        report.skipped.push(layer.clone());
        return Ok(());
    }
    let opened = path.to_owned();
    let file = blocking(move || {
        file::open(&opened).map_err(|error| Failure::file("read", &opened, &error))
    })
    .await?;
    let name = path.display().to_string();
    let reader = BlobReader::new(layer, name, tokio::fs::File::from_std(file));
    store.put_blob_stream(layer, reader).await?;
    report.copied.push(layer.clone());
    Ok(())
}

/// The type of an artifact that is one file.
const ARTIFACT: &str = "application/vnd.bulla.file.v1";
const OCTETS: &str = "application/octet-stream";
/// Where `oras pull` finds the name of a file.
const TITLE: &str = "org.opencontainers.image.title";
/// The bytes of the empty configuration, image specification v1.1.1.
const EMPTY: &[u8] = b"{}";
