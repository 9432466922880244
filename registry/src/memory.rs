//! A repository in memory, for tests and for collecting before writing.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_model::{Descriptor, Digest, Limits, Manifest, ReferrerList, Tag};
use bytes::Bytes;
use tokio::io::AsyncReadExt;

use crate::blob::BlockingBlob;
use crate::store::{check_media_type, checked_manifest, parsed_manifest, untied_manifest};
use crate::{BlobReader, Store, StoreError, Target, referrers};

/// A repository in memory. Clones share the content.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    content: Arc<Mutex<Content>>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Content {
    blobs: BTreeMap<Digest, Bytes>,
    manifests: BTreeMap<Digest, Manifest>,
    tags: BTreeMap<Tag, Digest>,
}

impl Memory {
    /// An empty repository.
    pub fn new(limits: Limits) -> Self {
        Self {
            content: Arc::default(),
            limits,
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // Every change is a single insertion, so a panic elsewhere leaves nothing half-done.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn absent(&self, what: String) -> StoreError {
        StoreError::NotFound {
            what,
            store: self.name(),
        }
    }

    fn bytes(&self, descriptor: &Descriptor) -> Result<Bytes, StoreError> {
        self.content()
            .blobs
            .get(&descriptor.digest)
            .cloned()
            .ok_or_else(|| self.absent(format!("blob {}", descriptor.digest)))
    }
}

impl Store for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    async fn resolve(&self, target: &Target) -> Result<Descriptor, StoreError> {
        let content = self.content();
        let digest = match target {
            Target::Tag(tag) => content.tags.get(tag),
            Target::Digest(digest) => Some(digest),
        };
        digest
            .and_then(|digest| content.manifests.get(digest))
            .map(Manifest::descriptor)
            .ok_or_else(|| self.absent(format!("manifest {target}")))
    }

    async fn manifest(&self, digest: &Digest) -> Result<Manifest, StoreError> {
        let kept = self.content().manifests.get(digest).cloned();
        let manifest = kept.ok_or_else(|| self.absent(format!("manifest {digest}")))?;
        checked_manifest(
            manifest.bytes().to_vec(),
            digest,
            &|| self.name(),
            &self.limits,
        )
    }

    async fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobReader, StoreError> {
        let bytes = self.bytes(descriptor)?;
        Ok(BlobReader::new(descriptor, self.name(), Cursor::new(bytes)))
    }

    async fn open_blob_blocking(
        &self,
        descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        let reader = Cursor::new(self.bytes(descriptor)?);
        Ok(Box::new(BlockingBlob::new(descriptor, self.name(), reader)))
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.content().blobs.contains_key(digest))
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let content = self.content();
        Ok(content.blobs.get(digest).map(|bytes| bytes.len() as u64))
    }

    async fn put_blob(&self, bytes: Vec<u8>) -> Result<Digest, StoreError> {
        let digest = Digest::sha256(&bytes);
        self.content()
            .blobs
            .insert(digest.clone(), Bytes::from(bytes));
        Ok(digest)
    }

    async fn put_blob_stream(
        &self,
        descriptor: &Descriptor,
        mut reader: BlobReader,
    ) -> Result<(), StoreError> {
        let what = format!("blob {}", descriptor.digest);
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .await
            .map_err(|error| StoreError::from_io(error, &what))?;
        self.content()
            .blobs
            .insert(descriptor.digest.clone(), Bytes::from(bytes));
        Ok(())
    }

    async fn put_manifest(
        &self,
        bytes: &[u8],
        media_type: &str,
        tag: Option<&Tag>,
    ) -> Result<Descriptor, StoreError> {
        let manifest = parsed_manifest(bytes.to_vec(), "manifest", &|| self.name(), &self.limits)?;
        let descriptor = manifest.descriptor();
        check_media_type(&manifest, media_type)?;
        let mut content = self.content();
        content
            .manifests
            .insert(descriptor.digest.clone(), manifest);
        if let Some(tag) = tag {
            content.tags.insert(tag.clone(), descriptor.digest.clone());
        }
        Ok(descriptor)
    }

    async fn replace_tag(
        &self,
        tag: &Tag,
        expected: Option<&Digest>,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<bool, StoreError> {
        let manifest = untied_manifest(bytes, media_type, &|| self.name(), &self.limits)?;
        let mut content = self.content();
        if content.tags.get(tag) != expected {
            return Ok(false);
        }
        let digest = manifest.digest().clone();
        content.manifests.insert(digest.clone(), manifest);
        content.tags.insert(tag.clone(), digest);
        Ok(true)
    }

    async fn referrers(&self, digest: &Digest) -> Result<ReferrerList, StoreError> {
        let content = self.content();
        let entries = content
            .manifests
            .values()
            .filter(|manifest| manifest.subject().is_some_and(|s| s.digest == *digest))
            .map(referrers::entry);
        Ok(referrers::list(
            entries,
            self.limits.referrers_per_digest,
            false,
        ))
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        Ok(self.content().tags.keys().cloned().collect())
    }

    async fn delete_manifest(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut content = self.content();
        let removed = content.manifests.remove(digest);
        content.tags.retain(|_, tagged| tagged != digest);
        drop(content);
        removed
            .map(|_| ())
            .ok_or_else(|| self.absent(format!("manifest {digest}")))
    }
}
