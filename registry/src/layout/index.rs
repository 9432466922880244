//! A layout's `index.json`: tags, images and referrers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bulla_model::{Descriptor, Digest, Manifest, ReferrerList, Tag, media_type};

use super::{Layout, content, saved};
use crate::index_document::IndexDocument;
use crate::legacy::LegacyKind;
use crate::store::{check_media_type, parsed_manifest};
use crate::{Store, StoreError, referrers};

/// The file that lists a layout's manifests.
pub(super) const INDEX: &str = "index.json";
/// The annotation that tags an entry.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An image or index listed by a layout, which is no referrer, no legacy signature and no part of a
/// listed index.
#[derive(Clone, Debug, PartialEq)]
pub struct LayoutImage {
    /// Its manifest or index.
    pub descriptor: Descriptor,
    /// Its tags, sorted.
    pub tags: Vec<Tag>,
}

impl Layout {
    /// The images of this layout, sorted by digest: what a reference without a tag can mean.
    pub async fn images(&self) -> Result<Vec<LayoutImage>, StoreError> {
        self.run(Self::list_images).await
    }

    pub(super) fn read_index(&self) -> Result<IndexDocument, StoreError> {
        let what = self.index_name();
        let bytes = self
            .root
            .read(Path::new(INDEX), self.limits.manifest_bytes)?
            .ok_or_else(|| StoreError::malformed(&*what, "it is missing"))?;
        IndexDocument::parse(&bytes, &what, &self.limits)
    }

    pub(super) fn write_index(&self, index: &IndexDocument) -> Result<(), StoreError> {
        self.root.write(Path::new(INDEX), &index.to_bytes())
    }

    pub(super) fn tagged(&self, tag: &Tag) -> Result<Digest, StoreError> {
        let digests: BTreeSet<Digest> = self
            .entries()?
            .into_iter()
            .filter(|entry| {
                entry.annotations.get(REF_NAME).map(String::as_str) == Some(tag.as_str())
            })
            .map(|entry| entry.digest)
            .collect();
        let mut digests = digests.into_iter();
        match (digests.next(), digests.next()) {
            (Some(digest), None) => Ok(digest),
            (None, _) => Err(self.absent(format!("tag {tag}"))),
            (Some(_), Some(_)) => Err(StoreError::malformed(
                self.index_name(),
                &format!("the tag {tag} names two manifests"),
            )),
        }
    }

    pub(super) fn list_tags(&self) -> Result<Vec<Tag>, StoreError> {
        let tags: BTreeSet<Tag> = self.entries()?.iter().filter_map(tag_of).collect();
        Ok(tags.into_iter().collect())
    }

    pub(crate) fn add_manifest(
        &self,
        bytes: Vec<u8>,
        media_type: &str,
        tag: Option<&Tag>,
    ) -> Result<Descriptor, StoreError> {
        let manifest = parsed_manifest(bytes, "manifest", &|| self.name(), &self.limits)?;
        check_media_type(&manifest, media_type)?;
        self.write_content(manifest.bytes())?;
        let descriptor = manifest.descriptor();
        let entry = listed_entry(&manifest, tag);
        self.change_index(|index, entries| {
            let listed = entries.iter().any(|known| {
                known.digest == entry.digest && (tag.is_none() || tag_of(known).as_ref() == tag)
            });
            let mut changed = false;
            if let Some(tag) = tag
                && !listed
            {
                changed |= index.remove_annotation(REF_NAME, tag.as_str());
                // The tag's own entry replaces one that only keeps the manifest listed.
                changed |= index.retain(|known| !is_bare(known, &entry.digest));
            }
            if let Some(parent) = manifest.index() {
                let children: BTreeSet<&Digest> =
                    parent.manifests.iter().map(|child| &child.digest).collect();
                changed |= index.retain(|known| {
                    !(children.contains(&known.digest) && is_bare(known, &known.digest))
                });
            }
            if !listed {
                index.push(&entry);
            }
            changed || !listed
        })?;
        Ok(descriptor)
    }

    /// Moves a tag if it names what is expected; the entry it had is dropped with it.
    pub(super) fn replace_tagged(
        &self,
        tag: &Tag,
        expected: Option<&Digest>,
        manifest: &Manifest,
    ) -> Result<bool, StoreError> {
        self.write_content(manifest.bytes())?;
        let entry = listed_entry(manifest, Some(tag));
        let mut replaced = false;
        self.change_index(|index, entries| {
            let named: BTreeSet<&Digest> = entries
                .iter()
                .filter(|known| tag_of(known).as_ref() == Some(tag))
                .map(|known| &known.digest)
                .collect();
            replaced = named == expected.into_iter().collect();
            if replaced {
                index.retain(|known| tag_of(known).as_ref() != Some(tag));
                index.push(&entry);
            }
            replaced
        })?;
        Ok(replaced)
    }

    pub(super) fn remove_manifest(&self, digest: &Digest) -> Result<(), StoreError> {
        let path = self.root.path().join(content::path(digest));
        if self.root.open(&content::path(digest))?.is_none() {
            return Err(self.absent(format!("manifest {digest}")));
        }
        self.change_index(|index, _| index.retain(|entry| entry.digest != *digest))?;
        fs::remove_file(&path).map_err(StoreError::io(path))
    }

    pub(super) fn list_referrers(&self, subject: &Digest) -> Result<ReferrerList, StoreError> {
        let fallback = referrers::fallback_tag(subject);
        let mut found = Vec::new();
        for entry in self.entries()? {
            if !is_manifest(&entry) {
                continue;
            }
            let manifest = self.listed(&entry)?;
            if manifest.subject().is_some_and(|s| s.digest == *subject) {
                found.push(referrers::entry(&manifest));
            }
            if tag_of(&entry).as_ref() == Some(&fallback)
                && let Some(index) = manifest.index()
            {
                found.extend(index.manifests.iter().cloned());
            }
        }
        let limit = self.limits.referrers_per_digest;
        Ok(referrers::list(found, limit, false))
    }

    fn list_images(&self) -> Result<Vec<LayoutImage>, StoreError> {
        let entries = self.entries()?;
        let mut images: Vec<LayoutImage> = Vec::new();
        let mut parts: BTreeSet<Digest> = BTreeSet::new();
        for entry in entries.iter().filter(|entry| is_manifest(entry)) {
            let manifest = self.listed(entry)?;
            let tag = tag_of(entry);
            if let Some(index) = manifest.index() {
                parts.extend(index.manifests.iter().map(|child| child.digest.clone()));
            }
            let beside = |tag: &Tag| is_fallback_tag(tag) || LegacyKind::of_tag(tag).is_some();
            if manifest.subject().is_some() || tag.as_ref().is_some_and(beside) {
                continue;
            }
            match images
                .iter_mut()
                .find(|image| image.descriptor.digest == entry.digest)
            {
                Some(image) => image.tags.extend(tag),
                None => images.push(LayoutImage {
                    descriptor: manifest.descriptor(),
                    tags: tag.into_iter().collect(),
                }),
            }
        }
        images.retain(|image| !image.tags.is_empty() || !parts.contains(&image.descriptor.digest));
        images.sort_by(|a, b| a.descriptor.digest.cmp(&b.descriptor.digest));
        for image in &mut images {
            image.tags.sort();
        }
        Ok(images)
    }

    /// Reads, changes and writes the index under the lock. `change` says whether to write.
    fn change_index(
        &self,
        change: impl FnOnce(&mut IndexDocument, &[Descriptor]) -> bool,
    ) -> Result<(), StoreError> {
        let _lock = self.root.lock(self.limits.deadline)?;
        let mut index = self.read_index()?;
        let entries = index.entries(&self.index_name())?;
        if change(&mut index, &entries) {
            self.write_index(&index)?;
        }
        Ok(())
    }

    /// Reads a listed manifest. One that is missing could have been a referrer: that is an
    /// error, because leaving it out would hide it.
    fn listed(&self, entry: &Descriptor) -> Result<Manifest, StoreError> {
        self.read_manifest(&entry.digest).map_err(|error| {
            if error.is_not_found() {
                StoreError::malformed(
                    self.index_name(),
                    &format!("it lists {}, which the layout does not hold", entry.digest),
                )
            } else {
                error
            }
        })
    }

    fn entries(&self) -> Result<Vec<Descriptor>, StoreError> {
        let entries = self.read_index()?.entries(&self.index_name())?;
        Ok(saved::with_tags(entries))
    }

    fn index_name(&self) -> String {
        self.root.path().join(INDEX).display().to_string()
    }
}

/// The entry of `index.json`: referrers say there what they are, others only their tag.
fn listed_entry(manifest: &Manifest, tag: Option<&Tag>) -> Descriptor {
    let mut entry = if manifest.subject().is_some() {
        referrers::entry(manifest)
    } else {
        manifest.descriptor()
    };
    // An annotation of the manifest must not become a tag of the layout.
    entry.annotations.remove(REF_NAME);
    if let Some(tag) = tag {
        entry
            .annotations
            .insert(REF_NAME.to_owned(), tag.as_str().to_owned());
    }
    entry
}

fn is_bare(entry: &Descriptor, digest: &Digest) -> bool {
    entry.digest == *digest && entry.artifact_type.is_none() && entry.annotations.is_empty()
}

fn tag_of(entry: &Descriptor) -> Option<Tag> {
    entry.annotations.get(REF_NAME)?.parse().ok()
}

fn is_fallback_tag(tag: &Tag) -> bool {
    tag.as_str()
        .strip_prefix("sha256-")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_manifest(entry: &Descriptor) -> bool {
    matches!(
        entry.media_type.as_str(),
        media_type::IMAGE_MANIFEST
            | media_type::IMAGE_INDEX
            | media_type::DOCKER_MANIFEST
            | media_type::DOCKER_LIST
    )
}
