//! TUF metadata in a folder: a mirror on disk, or what the conformance suite looks into.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use sigstore_tuf::{Error, MetadataStore, Result};

use bulla_model::Digest;

use super::strict::strict;
use crate::output::write_atomic;

/// Files of a TUF repository below one folder.
///
/// Names come from metadata, so they are checked before they become paths, and no file is read
/// beyond a bound. What is read is not believed: the updater verifies it.
#[derive(Clone, Debug)]
pub(super) struct Store {
    folder: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Written and read: one file for each role and target, whatever its version.
    Cache,
    /// Only read, as somebody laid it out.
    Mirror,
}

impl Store {
    /// What was verified before.
    pub(super) fn cache(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            kind: Kind::Cache,
        }
    }

    /// A repository on this machine.
    pub(super) fn mirror(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            kind: Kind::Mirror,
        }
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        if let (Kind::Cache, Some(target)) = (self.kind, name.strip_prefix("targets/")) {
            return Ok(self.folder.join("targets").join(flat(target)));
        }
        if is_plain(name) {
            Ok(self.folder.join(name))
        } else {
            Err(Error::Malformed(format!(
                "`{}` is no name for a file",
                name.escape_debug()
            )))
        }
    }
}

/// Whether a name stays below the folder it is joined to, on every platform.
pub(super) fn is_plain(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && part.chars().all(is_plain_char)
        })
}

/// A target's name as one file name: a name with slashes names no folder here.
pub(super) fn flat(target: &str) -> String {
    if !target.is_empty()
        && target.len() <= LONGEST_TARGET
        && target.chars().all(is_plain_char)
        && !target.starts_with('.')
    {
        return target.to_owned();
    }
    let digest = Digest::sha256(target.as_bytes());
    format!("target-{}", digest.hex())
}

fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '~' | '%')
}

/// Whether it is a file such as `7.snapshot.json`.
pub(super) fn is_versioned(name: &str) -> bool {
    name.split_once('.').is_some_and(|(version, _)| {
        !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether it is read as JSON by the updater. Targets may be anything.
pub(super) fn is_metadata(name: &str) -> bool {
    !name.contains('/') && Path::new(name).extension().is_some_and(|end| end == "json")
}

impl MetadataStore for Store {
    fn load(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(name)?;
        let failed = |error| Error::io(format!("reading {}", path.display()), error);
        let file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(Error::Malformed(format!(
                "{} is larger than {LARGEST_FILE} bytes",
                path.display()
            )));
        }
        if is_metadata(name) {
            strict(&bytes)?;
        }
        Ok(Some(bytes))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> Result<()> {
        // The file without a version holds the same, and what it replaces is not needed again.
        if is_versioned(name) {
            return Ok(());
        }
        let path = self.path(name)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::io(format!("creating {}", folder.display()), error))?;
        }
        write_atomic(&path, bytes).map_err(|failure| Error::transport(failure.message().to_owned()))
    }
}

/// A longer name is none that a file system takes.
const LONGEST_TARGET: usize = 128;
/// A longer path is none that a repository has.
const LONGEST_NAME: usize = 512;
/// Endless files in a poisoned cache; the updater's own bounds are below it.
const LARGEST_FILE: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f54_names_never_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::cache(&folder.path().join("cache"));
        for name in [
            "../escape.json",
            "/etc/passwd",
            "a//b",
            "./a",
            "C:a",
            "a\\..\\b",
            "",
            "a/",
            "a\0b",
        ] {
            store.store(name, b"x").unwrap_err();
            store.load(name).unwrap_err();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        store.store("targets/trusted_root.json", b"x").unwrap();
        let held = store.load("targets/trusted_root.json").unwrap();
        assert_eq!(held.as_deref(), Some(&b"x"[..]));
        assert_eq!(store.load("absent.json").unwrap(), None);
        for target in [
            "../../escape",
            "a/b",
            "a\\b",
            "",
            "..",
            ".hidden",
            &"x".repeat(999),
        ] {
            let name = format!("targets/{target}");
            store.store(&name, target.as_bytes()).unwrap();
            let held = store.load(&name).unwrap();
            assert_eq!(held.as_deref(), Some(target.as_bytes()));
        }
        let flat: Vec<_> = std::fs::read_dir(folder.path().join("cache/targets"))
            .unwrap()
            .collect();
        assert_eq!(flat.len(), 8, "each target is one file of its own");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn versions_are_kept_once_and_odd_roles_are_kept_too() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::cache(folder.path());
        store.store("7.snapshot.json", b"x").unwrap();
        assert_eq!(store.load("7.snapshot.json").unwrap(), None);
        store.store("..%2Frole.json", b"{}").unwrap();
        assert!(store.load("..%2Frole.json").unwrap().is_some());
    }

    #[test]
    fn metadata_that_is_no_strict_json_is_not_handed_on() {
        let folder = tempfile::tempdir().unwrap();
        let hidden = br#"{"signed":{"$serde_json::private::RawValue":"{}"}}"#;
        std::fs::write(folder.path().join("root.json"), hidden).unwrap();
        Store::mirror(folder.path()).load("root.json").unwrap_err();
        Store::cache(folder.path()).load("root.json").unwrap_err();
    }

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(folder.path().join("root.json")).unwrap();
        file.set_len(LARGEST_FILE + 1).unwrap();
        Store::mirror(folder.path()).load("root.json").unwrap_err();
    }
}
