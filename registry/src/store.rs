//! The one interface over registries, layouts and memory.

use std::fmt;
use std::future::Future;
use std::io::Read;

use bulla_model::{Descriptor, Digest, Limits, Manifest, ReferrerList, Repository, Tag};
use tokio::io::AsyncReadExt;

use crate::{BlobReader, StoreError};

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A tag, which may move.
    Tag(Tag),
    /// A digest, which cannot.
    Digest(Digest),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "{tag}"),
            Self::Digest(digest) => write!(f, "{digest}"),
        }
    }
}

impl From<Tag> for Target {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Target {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

/// One repository: of a registry, of an OCI layout directory, or in memory.
///
/// Everything read is hashed here: a digest asked for is the digest received, or an error. Only
/// [`StoreError::NotFound`] means absent. Implements what the OCI distribution specification
/// v1.1.1 calls pull, push, content discovery and content management,
/// <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>.
pub trait Store: Send + Sync {
    /// The name for messages, for example `registry.example.test/pay/api` or `oci:DIR`.
    fn name(&self) -> String;

    /// Bounds on what is read.
    fn limits(&self) -> &Limits;

    /// Finds media type, digest and size of a manifest.
    fn resolve(
        &self,
        target: &Target,
    ) -> impl Future<Output = Result<Descriptor, StoreError>> + Send;

    /// Reads a manifest; the bytes have this digest.
    fn manifest(
        &self,
        digest: &Digest,
    ) -> impl Future<Output = Result<Manifest, StoreError>> + Send;

    /// Opens a blob; its digest and size are checked with the last read.
    fn open_blob(
        &self,
        descriptor: &Descriptor,
    ) -> impl Future<Output = Result<BlobReader, StoreError>> + Send;

    /// Opens a blob for reading on a thread outside the runtime; checked as in
    /// [`Self::open_blob`]. Reading inside an asynchronous task may panic: use
    /// `spawn_blocking` or a thread.
    fn open_blob_blocking(
        &self,
        descriptor: &Descriptor,
    ) -> impl Future<Output = Result<Box<dyn Read + Send>, StoreError>> + Send;

    /// Whether the store has a blob.
    fn has_blob(&self, digest: &Digest) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// How many bytes a blob has by the store's word; `None` if the store does not have it. For
    /// blobs known by nothing but their digest.
    fn blob_size(
        &self,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Stores a small blob, unless it is there.
    fn put_blob(&self, bytes: Vec<u8>) -> impl Future<Output = Result<Digest, StoreError>> + Send;

    /// Stores a blob from a stream, which has to have the descriptor's digest and size.
    fn put_blob_stream(
        &self,
        descriptor: &Descriptor,
        reader: BlobReader,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores a manifest by its digest and, if given, moves a tag to it.
    ///
    /// If the manifest has a `subject`, it is in that digest's [`Self::referrers`] when this
    /// returns, also where the registry has no referrers API and several writers are at work.
    fn put_manifest(
        &self,
        bytes: &[u8],
        media_type: &str,
        tag: Option<&Tag>,
    ) -> impl Future<Output = Result<Descriptor, StoreError>> + Send;

    /// Stores a manifest without a `subject` and moves a tag to it, if the tag still names
    /// `expected` (`None`: if there is no such tag). Says whether it did.
    ///
    /// For lists that grow: what the tag named before is no longer listed. Registries may ignore the
    /// condition between its check and the write, so a writer looks again afterwards.
    fn replace_tag(
        &self,
        tag: &Tag,
        expected: Option<&Digest>,
        bytes: &[u8],
        media_type: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Lists the manifests whose subject is this digest, at most `Limits::referrers_per_digest`.
    fn referrers(
        &self,
        digest: &Digest,
    ) -> impl Future<Output = Result<ReferrerList, StoreError>> + Send;

    /// Lists the tags, sorted.
    fn tags(&self) -> impl Future<Output = Result<Vec<Tag>, StoreError>> + Send;

    /// Deletes a manifest and everything that lists it.
    fn delete_manifest(
        &self,
        digest: &Digest,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads a small blob; one described as larger than `limit` bytes is refused unread.
    fn blob(
        &self,
        descriptor: &Descriptor,
        limit: u64,
    ) -> impl Future<Output = Result<Vec<u8>, StoreError>> + Send {
        read_small(self, descriptor, limit)
    }

    /// The repository of a registry that blobs can be mounted from.
    fn mount_source(&self) -> Option<&Repository> {
        None
    }

    /// Takes a blob over from another repository of the same registry, if that is possible.
    fn mount_blob(
        &self,
        digest: &Digest,
        source: &Repository,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (digest, source);
        async { Ok(false) }
    }
}

/// Reads a blob of at most `limit` bytes.
pub(crate) async fn read_small<S: Store + ?Sized>(
    store: &S,
    descriptor: &Descriptor,
    limit: u64,
) -> Result<Vec<u8>, StoreError> {
    let what = format!("blob {}", descriptor.digest);
    if descriptor.size > limit {
        return Err(StoreError::TooLarge { what, limit });
    }
    let mut reader = store.open_blob(descriptor).await?;
    let mut bytes = Vec::new();
    reader
        .read_to_end(&mut bytes)
        .await
        .map_err(|error| StoreError::from_io(error, &what))?;
    Ok(bytes)
}

/// Parses a manifest received for a digest, and checks that it is the one asked for.
pub(crate) fn checked_manifest(
    bytes: Vec<u8>,
    digest: &Digest,
    store: &dyn Fn() -> String,
    limits: &Limits,
) -> Result<Manifest, StoreError> {
    let found = Digest::of(digest.algorithm(), &bytes);
    if found != *digest {
        return Err(StoreError::DigestMismatch {
            what: "manifest".to_owned(),
            store: store(),
            expected: digest.clone(),
            found,
        });
    }
    parsed_manifest(bytes, &format!("manifest {digest}"), store, limits)
}

/// Parses a manifest.
pub(crate) fn parsed_manifest(
    bytes: Vec<u8>,
    what: &str,
    store: &dyn Fn() -> String,
    limits: &Limits,
) -> Result<Manifest, StoreError> {
    Manifest::parse(bytes, limits).map_err(|source| StoreError::Manifest {
        what: what.to_owned(),
        store: store(),
        source,
    })
}

/// Refuses to store a manifest under a media type it contradicts.
pub(crate) fn check_media_type(manifest: &Manifest, media_type: &str) -> Result<(), StoreError> {
    if manifest.media_type() == media_type {
        return Ok(());
    }
    Err(StoreError::malformed(
        format!("manifest {}", manifest.digest()),
        &format!("it is {}, not {media_type}", manifest.media_type()),
    ))
}

/// Parses a manifest that is stored under a tag only.
pub(crate) fn untied_manifest(
    bytes: &[u8],
    media_type: &str,
    store: &dyn Fn() -> String,
    limits: &Limits,
) -> Result<Manifest, StoreError> {
    let manifest = parsed_manifest(bytes.to_vec(), "manifest", store, limits)?;
    check_media_type(&manifest, media_type)?;
    if manifest.subject().is_some() {
        let what = format!("manifest {}", manifest.digest());
        return Err(StoreError::malformed(what, "it has a subject"));
    }
    Ok(manifest)
}
