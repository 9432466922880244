//! Files of a layout: never outside it, never half-written.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use crate::StoreError;

/// Prefix of files being written; whoever reads a layout ignores them.
pub(crate) const TEMPORARY: &str = ".bulla-";
/// The file whose lock guards `index.json`.
pub(crate) const LOCK: &str = "index.json.lock";

/// A layout's directory, resolved once.
#[derive(Clone, Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn new(directory: &Path) -> Result<Self, StoreError> {
        let path = fs::canonicalize(directory).map_err(StoreError::io(directory))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens a file for reading; a link that leads out of the layout is refused.
    pub(super) fn open(&self, relative: &Path) -> Result<Option<File>, StoreError> {
        let path = self.0.join(relative);
        let resolved = match fs::canonicalize(&path) {
            Ok(resolved) => resolved,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(path)(error)),
        };
        self.check_inside(&resolved)?;
        // Before it is opened: opening a pipe waits for whoever writes to it.
        let metadata = fs::metadata(&resolved).map_err(StoreError::io(&path))?;
        if !metadata.is_file() {
            return Err(StoreError::io(path)(io::Error::other("not a regular file")));
        }
        let file = File::open(&resolved).map_err(StoreError::io(&path))?;
        Ok(Some(file))
    }

    /// Reads a whole file of at most `limit` bytes.
    pub(super) fn read(&self, relative: &Path, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(file) = self.open(relative)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(StoreError::io(self.0.join(relative)))?;
        if bytes.len() as u64 > limit {
            return Err(StoreError::TooLarge {
                what: self.0.join(relative).display().to_string(),
                limit,
            });
        }
        Ok(Some(bytes))
    }

    /// Starts a file that gets its name when it is complete.
    pub(super) fn start(&self) -> Result<NamedTempFile, StoreError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // What is readable is the process's umask's decision, as for any other file.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        builder
            .tempfile_in(&self.0)
            .map_err(StoreError::io(&self.0))
    }

    /// Gives a complete file its name, surviving a power cut.
    pub(super) fn finish(&self, file: NamedTempFile, relative: &Path) -> Result<(), StoreError> {
        let path = self.0.join(relative);
        let parent = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(parent).map_err(StoreError::io(parent))?;
        let resolved = fs::canonicalize(parent).map_err(StoreError::io(parent))?;
        self.check_inside(&resolved)?;
        file.as_file().sync_all().map_err(StoreError::io(&path))?;
        file.persist(&path)
            .map_err(|error| StoreError::io(&path)(error.error))?;
        sync_directory(&resolved);
        Ok(())
    }

    /// Writes a whole file at once.
    pub(super) fn write(&self, relative: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let mut file = self.start()?;
        file.write_all(bytes)
            .map_err(StoreError::io(self.0.join(relative)))?;
        self.finish(file, relative)
    }

    /// Waits for the right to change `index.json`; it is given back when the file is dropped.
    pub(super) fn lock(&self, deadline: Duration) -> Result<File, StoreError> {
        let path = self.0.join(LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::io(&path))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if started.elapsed() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Deadline {
                        request: format!("lock {}", path.display()),
                        deadline,
                    });
                }
                Err(TryLockError::Error(error)) => return Err(StoreError::io(path)(error)),
            }
        }
    }

    fn check_inside(&self, resolved: &Path) -> Result<(), StoreError> {
        if resolved.starts_with(&self.0) {
            Ok(())
        } else {
            Err(StoreError::Escape {
                path: resolved.to_path_buf(),
                root: self.0.clone(),
            })
        }
    }
}

/// Makes a rename durable where directories can be synchronised; elsewhere the system does it.
fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(path) {
        let _unsupported = directory.sync_all();
    }
}
