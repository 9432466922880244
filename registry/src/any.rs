//! One store type for callers that learn at run time which kind it is.

use std::io::Read;

use bulla_model::{Descriptor, Digest, Limits, Manifest, ReferrerList, Repository, Tag};

use crate::{BlobReader, Layout, Memory, Remote, Store, StoreError, Target};

/// Any of the stores.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AnyStore {
    /// An OCI layout directory.
    Layout(Layout),
    /// Memory.
    Memory(Memory),
    /// A repository of a remote registry.
    Remote(Remote),
}

macro_rules! each {
    ($any:expr, $store:ident => $call:expr) => {
        match $any {
            AnyStore::Layout($store) => $call,
            AnyStore::Memory($store) => $call,
            AnyStore::Remote($store) => $call,
        }
    };
}

impl Store for AnyStore {
    fn name(&self) -> String {
        each!(self, store => store.name())
    }

    fn limits(&self) -> &Limits {
        each!(self, store => store.limits())
    }

    async fn resolve(&self, target: &Target) -> Result<Descriptor, StoreError> {
        each!(self, store => store.resolve(target).await)
    }

    async fn manifest(&self, digest: &Digest) -> Result<Manifest, StoreError> {
        each!(self, store => store.manifest(digest).await)
    }

    async fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobReader, StoreError> {
        each!(self, store => store.open_blob(descriptor).await)
    }

    async fn open_blob_blocking(
        &self,
        descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        each!(self, store => store.open_blob_blocking(descriptor).await)
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        each!(self, store => store.has_blob(digest).await)
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        each!(self, store => store.blob_size(digest).await)
    }

    async fn put_blob(&self, bytes: Vec<u8>) -> Result<Digest, StoreError> {
        each!(self, store => store.put_blob(bytes).await)
    }

    async fn put_blob_stream(
        &self,
        descriptor: &Descriptor,
        reader: BlobReader,
    ) -> Result<(), StoreError> {
        each!(self, store => store.put_blob_stream(descriptor, reader).await)
    }

    async fn put_manifest(
        &self,
        bytes: &[u8],
        media_type: &str,
        tag: Option<&Tag>,
    ) -> Result<Descriptor, StoreError> {
        each!(self, store => store.put_manifest(bytes, media_type, tag).await)
    }

    async fn replace_tag(
        &self,
        tag: &Tag,
        expected: Option<&Digest>,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<bool, StoreError> {
        each!(self, store => store.replace_tag(tag, expected, bytes, media_type).await)
    }

    async fn referrers(&self, digest: &Digest) -> Result<ReferrerList, StoreError> {
        each!(self, store => store.referrers(digest).await)
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        each!(self, store => store.tags().await)
    }

    async fn delete_manifest(&self, digest: &Digest) -> Result<(), StoreError> {
        each!(self, store => store.delete_manifest(digest).await)
    }

    async fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, StoreError> {
        each!(self, store => store.blob(descriptor, limit).await)
    }

    fn mount_source(&self) -> Option<&Repository> {
        each!(self, store => store.mount_source())
    }

    async fn mount_blob(&self, digest: &Digest, source: &Repository) -> Result<bool, StoreError> {
        each!(self, store => store.mount_blob(digest, source).await)
    }
}
