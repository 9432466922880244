//! Files that several processes read, compare and replace: one at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::failure::FailureKind;
use crate::join::file;

/// The right to replace a file, until it is dropped; the system gives it back if the process dies.
///
/// The lock is on a file beside it, `NAME.lock`, which stays: the file itself is replaced by a
/// rename, and whoever waited for it would hold a lock on what is no longer there.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits, a few seconds at most, until nobody else is replacing the file at `path`.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        Self::within(path, PATIENCE)
    }

    /// Waits as long until nobody else is replacing what stands beside a file or folder that itself
    /// stays, so that no file of the lock's is left there. Where folders cannot be locked, one is.
    ///
    /// `None` where nothing can be locked, or somebody who may read the artifact does not let go of
    /// it: what is written then was signed and recorded already, perhaps with a key that is no more,
    /// and that another process writes in the same moment is less likely than either.
    pub fn beside(artifact: &Path) -> Option<Self> {
        Self::beside_within(artifact, PATIENCE).ok()
    }

    fn beside_within(artifact: &Path, patience: Duration) -> Result<Self, Failure> {
        if cfg!(unix) || artifact.is_file() {
            let file = file::open(artifact);
            let file = file.map_err(|error| Failure::file("lock", artifact, &error))?;
            return Self::held(file, artifact, artifact, patience);
        }
        let folder: PathBuf = artifact.components().collect();
        Self::within(&folder, patience)
    }

    fn within(path: &Path, patience: Duration) -> Result<Self, Failure> {
        let beside = beside(path);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&beside)
            .map_err(|error| Failure::file("lock", &beside, &error))?;
        Self::held(file, path, &beside, patience)
    }

    fn held(file: File, path: &Path, beside: &Path, patience: Duration) -> Result<Self, Failure> {
        let failed = |error: &std::io::Error| Failure::file("lock", beside, error);
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Failure::new(
                        FailureKind::File,
                        format_args!(
                            "{} or what is beside it is being written by another process",
                            path.display()
                        ),
                    )
                    .with_detail(format_args!("it holds the lock on {}", beside.display()))
                    .with_hint("try again when that process has ended"));
                }
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// Whoever holds a lock reads, compares and writes a small file.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_never_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let held = Lock::of(&path).unwrap();
        let failure = Lock::within(&path, Duration::ZERO).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::File);
        assert!(failure.message().contains("another process"), "{failure:?}");
        drop(held);
        Lock::within(&path, Duration::ZERO).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn beside_a_file_or_a_folder_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        std::fs::write(&file, "a").unwrap();
        let inside = folder.path().join("model");
        std::fs::create_dir(&inside).unwrap();
        for artifact in [&file, &inside] {
            let held = Lock::beside(artifact).unwrap();
            let failure = Lock::beside_within(artifact, Duration::ZERO).unwrap_err();
            assert!(failure.message().contains("another process"), "{failure:?}");
            drop(held);
            Lock::beside_within(artifact, Duration::ZERO).unwrap();
        }
        assert!(Lock::beside(&folder.path().join("nothing")).is_none());
        #[cfg(unix)]
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
