//! Opens a pack: every byte is accounted for, or it is no intact pack.
//!
//! 1. The archive is no larger than allowed and unpacks into an empty directory.
//! 2. `index.json` lists one pack, whose first layer is the index document.
//! 3. Every file the document names is there, with its digest and size.
//! 4. The pack that would be written from these files is the archive that was given, byte for byte:
//!    nothing was added, and nothing was changed that no digest covers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use bulla_model::evidence_pack::MEDIA_TYPE;
use bulla_model::{
    Algorithm, Digest, EvidencePack, Hasher, ImageIndex, Limits, Manifest, PackFile, PackRole, json,
};
use bulla_registry::archive;

use super::{Contents, largest, layout};
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::file;

/// An intact pack.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) contents: Contents,
    /// The digest of the archive.
    pub(super) digest: Digest,
    /// Its length in bytes.
    pub(super) size: u64,
}

/// Opens an archive.
pub(super) fn open(path: &Path, with_layers: bool, limits: &Limits) -> Result<Opened, Failure> {
    let read = |error| Failure::file("read", path, &error);
    let size = fs::metadata(path).map_err(read)?.len();
    let limit = largest(with_layers, limits);
    if size > limit {
        let failure = Failure::new(
            FailureKind::Unavailable,
            format_args!("{} has {size} bytes, the limit is {limit}", path.display()),
        );
        return Err(if with_layers {
            failure
        } else {
            failure.with_hint("a pack made with layers is accepted with --with-layers")
        });
    }
    let archive = file::open(path).map_err(read)?;
    unpacked(archive, path, limit, limits).map_err(|failure| match failure.kind() {
        FailureKind::Unavailable => failure,
        _ => not_intact(path, &failure),
    })
}

fn unpacked(archive: File, path: &Path, limit: u64, limits: &Limits) -> Result<Opened, Failure> {
    let digest = file::digest(path)?;
    let given = directory()?;
    let bounds = {
        let mut bounds = limits.clone();
        bounds.inflated_layer_bytes = limit;
        bounds.files = MOST_FILES;
        bounds
    };
    let size = archive.metadata().map_or(0, |metadata| metadata.len());
    archive::unpack(BufReader::new(archive).take(limit), given.path(), &bounds)?;
    let contents = contents(given.path(), limits)?;
    let again = directory()?;
    layout::write(again.path(), &contents, limits)?;
    let difference = difference(given.path(), again.path(), &contents)?;
    if let Some(difference) = difference {
        return Err(Failure::new(FailureKind::Tampered, difference));
    }
    for layer in layers(&contents.document) {
        let place = layout::blob(again.path(), &layer.digest);
        if !place.exists() {
            let from = layout::blob(given.path(), &layer.digest);
            fs::rename(&from, &place).map_err(|error| Failure::file("move", &from, &error))?;
        }
    }
    let Counting { hasher, .. } = archive::pack(again.path(), Counting::default())?;
    if hasher.finish() != digest {
        return Err(Failure::new(
            FailureKind::Tampered,
            "the files are those of the pack, but the archive around them was changed",
        ));
    }
    Ok(Opened {
        contents,
        digest,
        size,
    })
}

/// Steps 2 and 3.
fn contents(directory: &Path, limits: &Limits) -> Result<Contents, Failure> {
    let input = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Input, error);
    let index = file::read(&directory.join("index.json"), limits.manifest_bytes)?;
    let index: ImageIndex = json::read(&index, limits.manifest_bytes, limits.json_depth)
        .map_err(|error| input(&format_args!("index.json: {error}")))?;
    let mut packs = index
        .manifests
        .iter()
        .filter(|entry| entry.artifact_type.as_deref() == Some(MEDIA_TYPE));
    let (Some(pack), None) = (packs.next(), packs.next()) else {
        return Err(input(&"index.json does not list one evidence pack"));
    };
    let manifest = read(directory, &pack.digest, limits.manifest_bytes)?;
    let manifest = Manifest::parse(manifest, limits).map_err(|error| input(&error))?;
    let document = manifest
        .image()
        .and_then(|image| image.layers.first())
        .filter(|layer| layer.media_type == MEDIA_TYPE)
        .ok_or_else(|| input(&"the pack's first layer is no index document"))?;
    let document_bytes = read(directory, &document.digest, limits.manifest_bytes)?;
    let document = EvidencePack::parse(&document_bytes, limits).map_err(|error| input(&error))?;
    let mut blobs = BTreeMap::new();
    for file in &document.files {
        if file.role == PackRole::Layer {
            check_layer(directory, file)?;
        } else if !blobs.contains_key(&file.digest) {
            let limit = match file.role {
                PackRole::Document => limits.document_bytes,
                _ => limits.bundle_bytes,
            };
            let bytes = read(directory, &file.digest, limit)?;
            if bytes.len() as u64 != file.size {
                return Err(wrong_size(file));
            }
            blobs.insert(file.digest.clone(), bytes);
        }
    }
    Ok(Contents {
        document,
        document_bytes,
        blobs,
    })
}

fn read(directory: &Path, digest: &Digest, limit: u64) -> Result<Vec<u8>, Failure> {
    let bytes =
        file::read(&layout::blob(directory, digest), limit).map_err(|failure| {
            match failure.kind() {
                FailureKind::File => {
                    Failure::new(FailureKind::Tampered, format_args!("{digest} is missing"))
                }
                _ => failure,
            }
        })?;
    let found = Digest::of(digest.algorithm(), &bytes);
    if found == *digest {
        Ok(bytes)
    } else {
        Err(other_digest(digest, &found))
    }
}

fn check_layer(directory: &Path, file: &PackFile) -> Result<(), Failure> {
    let path = layout::blob(directory, &file.digest);
    let size = fs::metadata(&path)
        .map_err(|_| {
            Failure::new(
                FailureKind::Tampered,
                format_args!("layer {} is missing", file.digest),
            )
        })?
        .len();
    if size != file.size {
        return Err(wrong_size(file));
    }
    let found = file::digest(&path)?;
    if found == file.digest {
        Ok(())
    } else {
        Err(other_digest(&file.digest, &found))
    }
}

fn layers(document: &EvidencePack) -> impl Iterator<Item = &PackFile> {
    document.current(PackRole::Layer)
}

/// The first file that one directory has and the other has not, or not the same.
fn difference(given: &Path, again: &Path, contents: &Contents) -> Result<Option<String>, Failure> {
    let mut left = BTreeSet::new();
    walk(given, Path::new(""), &mut left)?;
    let mut right = BTreeSet::new();
    walk(again, Path::new(""), &mut right)?;
    for layer in layers(&contents.document) {
        right.insert(layout::blob(Path::new(""), &layer.digest));
    }
    if let Some(added) = left.difference(&right).next() {
        return Ok(Some(format!(
            "{} does not belong to the pack",
            added.display()
        )));
    }
    if let Some(missing) = right.difference(&left).next() {
        return Ok(Some(format!("{} is missing", missing.display())));
    }
    for name in ["oci-layout", "index.json"] {
        let bytes = |directory: &Path| {
            let path = directory.join(name);
            fs::read(&path).map_err(|error| Failure::file("read", &path, &error))
        };
        if bytes(given)? != bytes(again)? {
            return Ok(Some(format!("{name} is not that of the pack")));
        }
    }
    Ok(None)
}

/// The files below a directory, as paths relative to it.
fn walk(root: &Path, below: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    let directory = root.join(below);
    let failed = |error: std::io::Error| Failure::file("read", &directory, &error);
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = below.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(root, &path, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}

/// Digest and length of what is written.
#[derive(Debug)]
pub(super) struct Counting<W = std::io::Sink> {
    inner: W,
    pub(super) hasher: Hasher,
    pub(super) size: u64,
}

impl<W> Counting<W> {
    /// Counts what goes into a writer.
    pub(super) fn over(inner: W) -> Self {
        Self {
            inner,
            hasher: Hasher::new(Algorithm::Sha256),
            size: 0,
        }
    }

    /// The writer.
    pub(super) fn into_inner(self) -> W {
        self.inner
    }
}

impl Default for Counting {
    fn default() -> Self {
        Self::over(std::io::sink())
    }
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        if let Some(written) = bytes.get(..count) {
            self.hasher.update(written);
        }
        self.size = self.size.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

fn directory() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir()
        .map_err(|error| Failure::file("make a folder in", &std::env::temp_dir(), &error))
}

fn not_intact(path: &Path, failure: &Failure) -> Failure {
    Failure::new(
        FailureKind::Tampered,
        format_args!("{} is no intact evidence pack", path.display()),
    )
    .with_detail(failure.message())
}

fn wrong_size(file: &PackFile) -> Failure {
    Failure::new(
        FailureKind::Tampered,
        format_args!("{} does not have {} bytes", file.digest, file.size),
    )
}

fn other_digest(expected: &Digest, found: &Digest) -> Failure {
    Failure::new(
        FailureKind::Tampered,
        format_args!("expected the digest {expected}, found {found}"),
    )
}

/// Files in a pack, which stops an archive of nothing but names.
const MOST_FILES: usize = 65_536;
