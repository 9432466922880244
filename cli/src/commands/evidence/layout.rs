//! A pack's OCI layout: the same contents are always the same files.
//!
//! Written here and not through a store, because the form is part of what is verified: a reader
//! writes the layout again and compares.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bulla_model::evidence_pack::MEDIA_TYPE;
use bulla_model::{
    Annotations, Descriptor, Digest, ImageIndex, ImageManifest, Limits, Manifest, PackRole,
    media_type,
};

use super::{Contents, EMPTY_CONFIG};
use crate::Failure;
use crate::failure::FailureKind;

/// Writes everything but layers into an empty directory.
pub(super) fn write(directory: &Path, contents: &Contents, limits: &Limits) -> Result<(), Failure> {
    let manifest = pack_manifest(contents)?;
    let index = index(contents, &manifest, limits)?;
    put(directory, "oci-layout", MARKER)?;
    put(directory, "index.json", &index)?;
    let own = [EMPTY_CONFIG, &contents.document_bytes, &manifest];
    let blobs = contents.blobs.values().map(Vec::as_slice);
    for bytes in blobs.chain(own) {
        let path = blob(directory, &Digest::sha256(bytes));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Failure::file("make", parent, &error))?;
        }
        fs::write(&path, bytes).map_err(|error| Failure::file("write", &path, &error))?;
    }
    Ok(())
}

/// Where a layout keeps a blob.
pub(super) fn blob(directory: &Path, digest: &Digest) -> PathBuf {
    directory
        .join("blobs")
        .join(digest.algorithm().name())
        .join(digest.hex())
}

fn put(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = directory.join(name);
    fs::write(&path, bytes).map_err(|error| Failure::file("write", &path, &error))
}

/// The artifact manifest: a referrer of the image, whose first layer is the index document and
/// whose other layers are the files that have names.
fn pack_manifest(contents: &Contents) -> Result<Vec<u8>, Failure> {
    let titled = |mut descriptor: Descriptor, title: &str| {
        let annotation = (TITLE.to_owned(), title.to_owned());
        descriptor.annotations.extend([annotation]);
        descriptor
    };
    let document = Descriptor::of(MEDIA_TYPE, &contents.document_bytes);
    let mut layers = vec![titled(document, "evidence-pack.json")];
    for file in &contents.document.files {
        if let Some(title) = file.title() {
            layers.push(titled(file.descriptor(), &title));
        }
    }
    let subject = contents.document.current(PackRole::Subject).next();
    json(&ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
        artifact_type: Some(MEDIA_TYPE.to_owned()),
        config: Descriptor::of(media_type::EMPTY, EMPTY_CONFIG),
        layers,
        subject: subject.map(bulla_model::PackFile::descriptor),
        annotations: Annotations::from([(CREATED.to_owned(), contents.document.now.to_string())]),
    })
}

/// `index.json`: the image, what lists it, its referrers, and the pack under a tag.
fn index(contents: &Contents, pack: &[u8], limits: &Limits) -> Result<Vec<u8>, Failure> {
    let document = &contents.document;
    let mut entries = Vec::new();
    let mut listed = BTreeSet::new();
    for role in [PackRole::Index, PackRole::Subject, PackRole::Referrer] {
        for file in document.current(role) {
            if !listed.insert(&file.digest) {
                continue;
            }
            let mut entry = entry(contents.bytes(&file.digest), limits)?;
            if role == PackRole::Subject {
                tag(&mut entry, IMAGE_TAG);
            }
            entries.push(entry);
        }
    }
    let mut own = entry(pack, limits)?;
    own.annotations.clear();
    tag(&mut own, PACK_TAG);
    entries.push(own);
    json(&ImageIndex::new(entries))
}

fn tag(entry: &mut Descriptor, name: &str) {
    let annotation = (REF_NAME.to_owned(), name.to_owned());
    entry.annotations.extend([annotation]);
}

/// A manifest as `index.json` lists it; referrers with what they are.
fn entry(bytes: &[u8], limits: &Limits) -> Result<Descriptor, Failure> {
    let manifest = Manifest::parse(bytes.to_vec(), limits)
        .map_err(|error| Failure::new(FailureKind::Input, error))?;
    let mut descriptor = manifest.descriptor();
    if manifest.subject().is_some() {
        descriptor.artifact_type = manifest.artifact_type().map(ToOwned::to_owned);
        descriptor.annotations = manifest.annotations().clone();
        // An annotation of the manifest must not become a tag of the layout.
        descriptor.annotations.remove(REF_NAME);
    }
    Ok(descriptor)
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::new(FailureKind::Internal, error))
}

const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const TITLE: &str = "org.opencontainers.image.title";
const CREATED: &str = "org.opencontainers.image.created";
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The tag of the image in a pack's layout, for tools that need one.
const IMAGE_TAG: &str = "image";
/// The tag of the pack itself.
const PACK_TAG: &str = "evidence-pack";
