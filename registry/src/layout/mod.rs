//! OCI image layout directories: the embedded default, air-gapped transport, evidence packs.
//!
//! Implements the OCI image specification v1.1.1,
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>. Referrers are
//! entries of `index.json`; indexes under a referrers tag, as other tools write them, are read
//! too. Several processes may write at once: `index.json` changes under a lock, and everything
//! is written beside its place and renamed.

mod content;
mod files;
mod index;
mod saved;

use std::fs;
use std::io::{BufReader, Read};
use std::path::Path;

use bulla_model::{Descriptor, Digest, Limits, Manifest, ReferrerList, Tag, json};
use tokio::io::{AsyncWriteExt, BufReader as AsyncBufReader};

use self::files::Root;
pub(crate) use self::files::{LOCK, TEMPORARY};
pub use self::index::LayoutImage;
use crate::blob::BlockingBlob;
use crate::store::untied_manifest;
use crate::{BlobReader, Store, StoreError, Target};

/// An OCI image layout directory. Clones share it.
#[derive(Clone, Debug)]
pub struct Layout {
    root: Root,
    limits: Limits,
    name: String,
}

impl Layout {
    /// Opens an existing layout.
    pub fn open(directory: &Path, limits: &Limits) -> Result<Self, StoreError> {
        let layout = Self::at(directory, limits)?;
        let marker = layout.root.read(Path::new(MARKER), MARKER_BYTES)?;
        match marker {
            Some(bytes) if is_marker(&bytes) => Ok(layout),
            Some(_) => Err(StoreError::malformed(
                directory.join(MARKER).display().to_string(),
                "expected imageLayoutVersion 1.x",
            )),
            None => Err(StoreError::NotFound {
                what: "an OCI image layout".to_owned(),
                store: directory.display().to_string(),
            }),
        }
    }

    /// Opens a layout, making it first if the directory is absent or empty.
    pub fn create(directory: &Path, limits: &Limits) -> Result<Self, StoreError> {
        fs::create_dir_all(directory).map_err(StoreError::io(directory))?;
        let layout = Self::at(directory, limits)?;
        if layout.root.open(Path::new(MARKER))?.is_some() {
            return Self::open(directory, limits);
        }
        let _lock = layout.root.lock(limits.deadline)?;
        // Another process may have made it while this one waited.
        if layout.root.open(Path::new(MARKER))?.is_some() {
            return Self::open(directory, limits);
        }
        layout.check_only_ours(directory)?;
        if layout.root.open(Path::new(index::INDEX))?.is_none() {
            layout.write_index(&crate::index_document::IndexDocument::empty())?;
        }
        layout
            .root
            .write(Path::new(MARKER), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(layout)
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        self.root.path()
    }

    fn at(directory: &Path, limits: &Limits) -> Result<Self, StoreError> {
        Ok(Self {
            root: Root::new(directory)?,
            limits: limits.clone(),
            name: format!("oci:{}", directory.display()),
        })
    }

    /// A creation that was interrupted may be completed; a directory of something else may not.
    fn check_only_ours(&self, directory: &Path) -> Result<(), StoreError> {
        for entry in fs::read_dir(self.root.path()).map_err(StoreError::io(directory))? {
            let name = entry.map_err(StoreError::io(directory))?.file_name();
            let name = name.to_string_lossy();
            let ours = [index::INDEX, LOCK, "blobs"].contains(&&*name);
            if !ours && !name.starts_with(TEMPORARY) {
                return Err(StoreError::malformed(
                    directory.display().to_string(),
                    "it is not empty and no OCI image layout",
                ));
            }
        }
        Ok(())
    }

    /// Does file work on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let layout = self.clone();
        match tokio::task::spawn_blocking(move || work(&layout)).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(StoreError::Stream {
                    what: self.name.clone(),
                    source: std::io::Error::other("the runtime is shutting down"),
                }),
            },
        }
    }
}

impl Store for Layout {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    async fn resolve(&self, target: &Target) -> Result<Descriptor, StoreError> {
        let target = target.clone();
        self.run(move |layout| {
            let digest = match target {
                Target::Tag(tag) => layout.tagged(&tag)?,
                Target::Digest(digest) => digest,
            };
            Ok(layout.read_manifest(&digest)?.descriptor())
        })
        .await
    }

    async fn manifest(&self, digest: &Digest) -> Result<Manifest, StoreError> {
        let digest = digest.clone();
        self.run(move |layout| layout.read_manifest(&digest)).await
    }

    async fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobReader, StoreError> {
        let digest = descriptor.digest.clone();
        let file = self.run(move |layout| layout.open_content(&digest)).await?;
        let reader = AsyncBufReader::with_capacity(BUFFER, tokio::fs::File::from_std(file));
        Ok(BlobReader::new(descriptor, self.name(), reader))
    }

    async fn open_blob_blocking(
        &self,
        descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        let digest = descriptor.digest.clone();
        let file = self.run(move |layout| layout.open_content(&digest)).await?;
        let reader = BufReader::with_capacity(BUFFER, file);
        Ok(Box::new(BlockingBlob::new(descriptor, self.name(), reader)))
    }

    async fn has_blob(&self, digest: &Digest) -> Result<bool, StoreError> {
        let path = content::path(digest);
        self.run(move |layout| Ok(layout.root.open(&path)?.is_some()))
            .await
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let path = content::path(digest);
        self.run(move |layout| {
            let Some(file) = layout.root.open(&path)? else {
                return Ok(None);
            };
            let metadata = file.metadata().map_err(StoreError::io(&path))?;
            Ok(Some(metadata.len()))
        })
        .await
    }

    async fn put_blob(&self, bytes: Vec<u8>) -> Result<Digest, StoreError> {
        self.run(move |layout| layout.write_content(&bytes)).await
    }

    async fn put_blob_stream(
        &self,
        descriptor: &Descriptor,
        reader: BlobReader,
    ) -> Result<(), StoreError> {
        let what = format!("blob {}", descriptor.digest);
        let (file, writer) = self
            .run(|layout| {
                let file = layout.root.start()?;
                let writer = file.reopen().map_err(StoreError::io(file.path()))?;
                Ok((file, writer))
            })
            .await?;
        let mut writer = tokio::fs::File::from_std(writer);
        let mut reader = AsyncBufReader::with_capacity(BUFFER, reader);
        let copied = async {
            tokio::io::copy_buf(&mut reader, &mut writer).await?;
            writer.flush().await
        };
        copied
            .await
            .map_err(|error| StoreError::from_io(error, &what))?;
        let path = content::path(&descriptor.digest);
        self.run(move |layout| layout.root.finish(file, &path))
            .await
    }

    async fn put_manifest(
        &self,
        bytes: &[u8],
        media_type: &str,
        tag: Option<&Tag>,
    ) -> Result<Descriptor, StoreError> {
        let (bytes, media_type, tag) = (bytes.to_vec(), media_type.to_owned(), tag.cloned());
        self.run(move |layout| layout.add_manifest(bytes, &media_type, tag.as_ref()))
            .await
    }

    async fn replace_tag(
        &self,
        tag: &Tag,
        expected: Option<&Digest>,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<bool, StoreError> {
        let manifest = untied_manifest(bytes, media_type, &|| self.name(), &self.limits)?;
        let (tag, expected) = (tag.clone(), expected.cloned());
        self.run(move |layout| layout.replace_tagged(&tag, expected.as_ref(), &manifest))
            .await
    }

    async fn referrers(&self, digest: &Digest) -> Result<ReferrerList, StoreError> {
        let digest = digest.clone();
        self.run(move |layout| layout.list_referrers(&digest)).await
    }

    async fn tags(&self) -> Result<Vec<Tag>, StoreError> {
        self.run(Self::list_tags).await
    }

    async fn delete_manifest(&self, digest: &Digest) -> Result<(), StoreError> {
        let digest = digest.clone();
        self.run(move |layout| layout.remove_manifest(&digest))
            .await
    }
}

fn is_marker(bytes: &[u8]) -> bool {
    json::read::<serde_json::Value>(bytes, MARKER_BYTES, MARKER_DEPTH).is_ok_and(|marker| {
        marker
            .get("imageLayoutVersion")
            .and_then(serde_json::Value::as_str)
            .is_some_and(|version| version.starts_with("1."))
    })
}

/// The file that marks a directory as a layout.
const MARKER: &str = "oci-layout";
const MARKER_BYTES: u64 = 4096;
/// Nesting of the marker. Stops stack exhaustion.
const MARKER_DEPTH: usize = 16;
/// Large reads keep the number of hand-overs between threads small.
const BUFFER: usize = 1 << 20;
