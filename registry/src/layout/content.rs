//! Content of a layout: `blobs/<algorithm>/<hex>`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use bulla_model::{Digest, Manifest};

use super::Layout;
use crate::store::checked_manifest;
use crate::{Store, StoreError};

/// Where the content of a digest is.
pub(super) fn path(digest: &Digest) -> PathBuf {
    Path::new("blobs")
        .join(digest.algorithm().name())
        .join(digest.hex())
}

impl Layout {
    pub(super) fn read_manifest(&self, digest: &Digest) -> Result<Manifest, StoreError> {
        let bytes = self
            .root
            .read(&path(digest), self.limits.manifest_bytes)?
            .ok_or_else(|| self.absent(format!("manifest {digest}")))?;
        checked_manifest(bytes, digest, &|| self.name(), &self.limits)
    }

    pub(super) fn open_content(&self, digest: &Digest) -> Result<File, StoreError> {
        self.root
            .open(&path(digest))?
            .ok_or_else(|| self.absent(format!("blob {digest}")))
    }

    /// Writes content, replacing what is there: that heals a damaged file.
    pub(crate) fn write_content(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::sha256(bytes);
        self.root.write(&path(&digest), bytes)?;
        Ok(digest)
    }

    /// Moves a file of the same file system in as the content of its digest, which the caller has
    /// computed. For layouts that are made for one command: nothing waits for the disk.
    pub(crate) fn adopt(&self, file: &Path, digest: &Digest) -> Result<(), StoreError> {
        let path = self.directory().join(path(digest));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(StoreError::io(parent))?;
        }
        fs::rename(file, &path).map_err(StoreError::io(path))
    }

    pub(super) fn absent(&self, what: String) -> StoreError {
        StoreError::NotFound {
            what,
            store: self.name(),
        }
    }
}
