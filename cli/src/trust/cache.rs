//! The copy of a TUF repository on this machine: one file, replaced whole.
//!
//! Roles that belong together are written together, so that an interrupted refresh, or one that runs
//! beside, leaves the copy as it was or as it will be and never a mixture of both. It holds only what
//! was verified to the end; it is verified again on every use, because anybody may have written it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sigstore_tuf::{MetadataStore, Result as TufResult};

use super::tuf::TufError;
use crate::Failure;
use crate::failure::FailureKind;
use crate::lock::Lock;
use crate::output::write_atomic;

/// What was kept of a repository, not yet verified again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Files by the name the updater gives them.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// When it was brought up to date, by its own word: it only saves requests.
    pub(super) refreshed: Timestamp,
}

/// Its form on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    refreshed: Timestamp,
    /// Base64, so that every byte is as it was received.
    files: BTreeMap<String, String>,
}

impl Held {
    /// Reads what is in a folder; `None` only where there is certainly nothing.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, TufError> {
        let path = file(folder);
        let failed = |error| TufError::Local(format!("failed to read {}: {error}", path.display()));
        let opened = match std::fs::File::open(&path) {
            Ok(opened) => opened,
            // Below something that is no folder there is nothing either.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        opened
            .take(LARGEST_COPY + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > LARGEST_COPY {
            return Err(TufError::Refused(format!(
                "it is larger than {LARGEST_COPY} bytes"
            )));
        }
        let refused = |error: &dyn std::fmt::Display| {
            TufError::Refused(format!("no copy of a repository: {error}"))
        };
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| refused(&error))?;
        let files = document.files.into_iter().map(|(name, text)| {
            let bytes = STANDARD.decode(text).map_err(|error| refused(&error))?;
            Ok((name, bytes))
        });
        Ok(Some(Self {
            files: files.collect::<Result<_, TufError>>()?,
            refreshed: document.refreshed,
        }))
    }

    /// Replaces what is in a folder; the lock is held by whoever compared it with this before.
    pub(super) fn write(&self, folder: &Path, _lock: &Lock) -> Result<(), Failure> {
        let files = self.files.iter();
        let document = Document {
            refreshed: self.refreshed,
            files: files
                .map(|(name, bytes)| (name.clone(), STANDARD.encode(bytes)))
                .collect(),
        };
        let bytes = serde_json::to_vec(&document).expect("because texts always serialise");
        let path = file(folder);
        if bytes.len() as u64 > LARGEST_COPY {
            return Err(Failure::new(
                FailureKind::Unavailable,
                format_args!("{}: larger than {LARGEST_COPY} bytes", path.display()),
            ));
        }
        write_atomic(&path, &bytes)
    }
}

/// Makes sure that nobody else replaces the copy in a folder meanwhile.
pub(super) fn lock(folder: &Path) -> Result<Lock, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    Lock::of(&file(folder))
}

fn file(folder: &Path) -> PathBuf {
    folder.join("metadata.json")
}

/// A copy in memory, which the updater reads and writes; nothing reaches the disk by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlay(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    files: BTreeMap<String, Vec<u8>>,
    used: BTreeSet<String>,
}

impl Overlay {
    /// Over what is held.
    pub(super) fn over(files: BTreeMap<String, Vec<u8>>) -> Self {
        let used = BTreeSet::new();
        Self(Arc::new(Mutex::new(Contents { files, used })))
    }

    /// The files that were read or written: what no role leads to any more is not kept.
    pub(super) fn used(&self) -> BTreeMap<String, Vec<u8>> {
        let contents = self.contents();
        let used = contents.used.iter();
        used.filter_map(|name| contents.files.get_key_value(name))
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MetadataStore for Overlay {
    fn load(&self, name: &str) -> TufResult<Option<Vec<u8>>> {
        let mut contents = self.contents();
        contents.used.insert(name.to_owned());
        let bytes = contents.files.get(name).cloned();
        if let Some(bytes) = bytes.as_deref().filter(|_| super::store::is_metadata(name)) {
            super::strict::strict(bytes)?;
        }
        Ok(bytes)
    }

    fn store(&self, name: &str, bytes: &[u8]) -> TufResult<()> {
        // The file without a version holds the same, and what it replaces is not needed again.
        if !super::store::is_versioned(name) {
            let mut contents = self.contents();
            contents.used.insert(name.to_owned());
            contents.files.insert(name.to_owned(), bytes.to_vec());
        }
        Ok(())
    }
}

/// An endless file in place of the copy; the updater's own bounds on roles and targets are below it.
const LARGEST_COPY: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_read_as_it_was_written_and_without_what_was_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("copy");
        assert_eq!(Held::read(&folder).unwrap(), None);
        let files = BTreeMap::from([("old.json".to_owned(), vec![1])]);
        let overlay = Overlay::over(files);
        overlay.store("timestamp.json", b"\xff\0").unwrap();
        overlay.store("7.snapshot.json", b"x").unwrap();
        let held = Held {
            files: overlay.used(),
            refreshed: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(held.files.len(), 1);
        held.write(&folder, &lock(&folder).unwrap()).unwrap();
        assert_eq!(Held::read(&folder).unwrap(), Some(held));
    }

    #[test]
    fn only_nothing_is_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        for bytes in [
            &b""[..],
            b"{}",
            b"null",
            br#"{"refreshed":"1970-01-01T00:00:00Z","files":{"a":"?"}}"#,
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = Held::read(folder.path()).unwrap_err();
            assert!(matches!(error, TufError::Refused(_)), "{error}");
        }
        // Below a file there can be none.
        assert_eq!(Held::read(&path).unwrap(), None);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let error = Held::read(folder.path()).unwrap_err();
        assert!(matches!(error, TufError::Local(_)), "{error}");
    }

    #[test]
    fn an_endless_copy_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let endless = std::fs::File::create(file(folder.path())).unwrap();
        endless.set_len(LARGEST_COPY + 1).unwrap();
        let error = Held::read(folder.path()).unwrap_err();
        assert!(error.to_string().contains("larger than"), "{error}");
    }
}
