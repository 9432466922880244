//! Files written whole or not at all.

use std::fs::{File, Metadata};
use std::io::Write as _;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use crate::Failure;

/// Writes a file, replacing what is there: a reader sees the old bytes or the new, never a part. Who
/// might read the old file may read the new one, and nobody else.
///
/// What is there and is no regular file (a pipe, `/dev/stdout`) is written to, not replaced.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let there = path.metadata().ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(|error| Failure::file("write", path, &error));
    }
    let mode = there.as_ref().and_then(mode_of);
    let file = filled(path, bytes, mode)?;
    if let Some(mode) = mode {
        restore_mode(file.as_file(), mode).map_err(|error| Failure::file("write", path, &error))?;
    }
    file.persist(path)
        .map_err(|error| Failure::file("write", path, &error.error))?;
    Ok(())
}

/// Writes a file that must not be there yet, readable by its owner only if `secret`.
pub fn write_new(path: &Path, bytes: &[u8], secret: bool) -> Result<(), Failure> {
    let file = filled(path, bytes, secret.then_some(0o600))?;
    file.persist_noclobber(path).map_err(|error| {
        let failure = Failure::file("write", path, &error.error);
        if error.error.kind() == std::io::ErrorKind::AlreadyExists {
            failure.with_hint("it is never overwritten: move it away, or choose another name")
        } else {
            failure
        }
    })?;
    Ok(())
}

/// A new temporary file in the folder of `path`, so that the last step is one rename.
pub fn partial(path: &Path, mode: u32) -> Result<NamedTempFile, Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(".bulla-").suffix(".partial");
    set_mode(&mut builder, mode);
    builder
        .tempfile_in(folder)
        .map_err(|error| Failure::file("write", path, &error))
}

fn filled(path: &Path, bytes: &[u8], mode: Option<u32>) -> Result<NamedTempFile, Failure> {
    let failed = |error: std::io::Error| Failure::file("write", path, &error);
    let mut file = partial(path, mode.unwrap_or(READABLE))?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    Ok(file)
}

/// What files that are no secrets may be read by, before the user's own mask.
pub const READABLE: u32 = 0o644;

#[cfg(unix)]
fn set_mode(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_: &mut Builder<'_, '_>, _: u32) {}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere files have no mode")]
fn mode_of(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(metadata.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode_of(_: &Metadata) -> Option<u32> {
    None
}

/// Gives a new file the mode that the user's mask took from it.
#[cfg(unix)]
fn restore_mode(file: &File, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if mode_of(&file.metadata()?) == Some(mode) {
        return Ok(());
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restore_mode(_: &File, _: u32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_new(&path, b"one", true).unwrap();
        let failure = write_new(&path, b"two", true).unwrap_err();
        assert_eq!(failure.kind().exit().code(), 2);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_a_file_stays_as_it_is_replaced() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for mode in [0o600, 0o640, 0o666] {
            std::fs::write(&path, b"one").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            write_atomic(&path, b"two").unwrap();
            let found = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{found:o}");
            assert_eq!(std::fs::read(&path).unwrap(), b"two");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_new(&path, b"one", true).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}
