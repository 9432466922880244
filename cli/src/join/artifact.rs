//! What is to be signed: images, files and directories, from what was typed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_attest::claim::IGNORED;
use bulla_model::Digest;
use bulla_registry::{Store as _, Target as Selector};

use super::directory::{self, LocalDirectory};
use super::image::{self, OpenImage};
use super::{blocking, file};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::target::{Found, Target};

/// Something to be signed.
#[derive(Debug)]
pub enum Artifact {
    /// An image or an index.
    Image(Box<OpenImage>),
    /// A file.
    File(LocalFile),
    /// A directory.
    Directory(LocalDirectory),
}

/// A file to be signed.
#[derive(Debug)]
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name, without the folders it is in.
    pub name: String,
    /// The SHA-256 digest of its bytes.
    pub digest: Digest,
}

impl Artifact {
    /// What it is called in messages.
    pub fn label(&self) -> String {
        match self {
            Self::Image(image) => image.pinned.clone(),
            Self::File(file) => file.path.display().to_string(),
            Self::Directory(directory) => directory.path.display().to_string(),
        }
    }

    /// The file or directory, unless it is an image.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Image(_) => None,
            Self::File(file) => Some(&file.path),
            Self::Directory(directory) => Some(&directory.path),
        }
    }

    /// The image, if it is one.
    pub fn image(&self) -> Option<&OpenImage> {
        match self {
            Self::Image(image) => Some(image),
            Self::File(_) | Self::Directory(_) => None,
        }
    }
}

/// Opens everything the targets name, in their order; patterns of files are expanded. With
/// `recursive` an index is followed by each of its platforms.
pub async fn open_all(
    context: &Context,
    targets: &[String],
    recursive: bool,
) -> Result<Vec<Artifact>, Failure> {
    let mut artifacts = Vec::new();
    for target in targets {
        for target in expand(target)? {
            artifacts.push(match target {
                Target::File(path) => Artifact::File(local_file(path).await?),
                Target::Directory(path) => {
                    Artifact::Directory(blocking(move || directory::read(&path, IGNORED)).await?)
                }
                target => {
                    let image = image::open(context, &target).await?.writable()?;
                    Artifact::Image(Box::new(image))
                }
            });
            if let (true, Some(Artifact::Image(image))) = (recursive, artifacts.last()) {
                let platforms = platforms(image).await?;
                artifacts.extend(platforms.into_iter().map(Artifact::Image));
            }
        }
    }
    Ok(artifacts)
}

/// The targets a text names: one, or the files a pattern matches, sorted. A path that exists is no
/// pattern, whatever its name.
fn expand(text: &str) -> Result<Vec<Target>, Failure> {
    let is_pattern = text.contains(['*', '?', '[']) && Found::at(Path::new(text)) == Found::Nothing;
    if !is_pattern {
        return Ok(vec![Target::parse(text)?]);
    }
    let paths = glob::glob(text)
        .map_err(|error| Failure::usage(format_args!("`{text}` is no pattern: {error}")))?;
    let mut targets = Vec::new();
    for path in paths {
        let path = path.map_err(|error| Failure::file("read", error.path(), error.error()))?;
        if path.is_file() {
            targets.push(Target::File(path));
        }
    }
    if targets.is_empty() {
        return Err(Failure::new(
            FailureKind::NotFound,
            format_args!("no file matches `{text}`"),
        ));
    }
    Ok(targets)
}

async fn local_file(path: PathBuf) -> Result<LocalFile, Failure> {
    blocking(move || {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or("file").to_owned();
        let digest = file::digest(&path)?;
        Ok(LocalFile { path, name, digest })
    })
    .await
}

/// The manifests an index lists, those of indexes within it included; statements of `BuildKit` are
/// no platforms.
pub async fn platforms(image: &OpenImage) -> Result<Vec<Box<OpenImage>>, Failure> {
    let mut seen = BTreeSet::from([image.descriptor.digest.clone()]);
    let mut open = vec![image.descriptor.digest.clone()];
    let mut parts = Vec::new();
    while let Some(digest) = open.pop() {
        let manifest = image.store.manifest(&digest).await?;
        let entries = manifest.index().map_or(&[][..], |index| &index.manifests);
        for entry in entries {
            if entry.is_buildkit_attestation() || !seen.insert(entry.digest.clone()) {
                continue;
            }
            if parts.len() >= PLATFORMS {
                return Err(Failure::new(
                    FailureKind::Unavailable,
                    format_args!("{} lists more than {PLATFORMS} manifests", image.pinned),
                ));
            }
            let selector = Selector::Digest(entry.digest.clone());
            let descriptor = image.store.resolve(&selector).await?;
            open.push(descriptor.digest.clone());
            parts.push(Box::new(image.part(descriptor)));
        }
    }
    Ok(parts)
}

/// Manifests of one index that are signed. Stops an index that lists endlessly.
const PLATFORMS: usize = 512;
