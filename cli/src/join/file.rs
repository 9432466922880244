//! Files people name on the command line.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use bulla_model::{Algorithm, Digest, Hasher};

use crate::Failure;
use crate::failure::FailureKind;

/// Opens a file for reading. A named pipe in a folder is refused, because opening it waits for
/// whoever may write to it, and so is a device, whose bytes may never end: an archive that was
/// unpacked, or another user of a shared folder, could have put either under the name of a file.
/// What a shell hands over (`/dev/stdin`, `<(...)`) is a pipe too, but open already and meant.
pub fn open(path: &Path) -> io::Result<File> {
    if is_handed_over(path) {
        return File::open(path);
    }
    // Opening alone can do something to a device.
    regular(&std::fs::metadata(path)?)?;
    open_at_once(path)
}

/// Opens what was a file a moment ago, without waiting for anybody, and looks again at what it is now
/// that nobody can put something else in its place.
fn open_at_once(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        options.custom_flags(flags.cast_signed());
    }
    let file = options.open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Refuses what may have no end.
#[cfg_attr(
    not(unix),
    expect(clippy::unnecessary_wraps, reason = "only Unix has such files")
)]
fn regular(metadata: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = metadata.file_type();
        if kind.is_fifo() || kind.is_char_device() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is a pipe or a device, not a file",
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = metadata;
    Ok(())
}

/// Descriptors of this process under the names that shells pass, and the empty file.
fn is_handed_over(path: &Path) -> bool {
    let numbered = |folder: &str| {
        let number = path.strip_prefix(folder).ok().and_then(Path::to_str);
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    path == Path::new("/dev/stdin")
        || path == Path::new("/dev/null")
        || numbered("/dev/fd")
        || numbered("/proc/self/fd")
}

/// Reads a file whole; `-` is standard input. More than `limit` bytes are refused.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let outcome = if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
    } else {
        open(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
    };
    outcome.map_err(|error| Failure::file("read", path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::new(
            FailureKind::Unavailable,
            format_args!(
                "{} is larger than the limit of {limit} bytes",
                path.display()
            ),
        ));
    }
    Ok(bytes)
}

/// The SHA-256 digest of a file of any size.
pub fn digest(path: &Path) -> Result<Digest, Failure> {
    let [digest] = digests(path, [Algorithm::Sha256])?;
    Ok(digest)
}

/// Digests of a file of any size by several algorithms, read once.
pub fn digests<const N: usize>(
    path: &Path,
    algorithms: [Algorithm; N],
) -> Result<[Digest; N], Failure> {
    let failed = |error: io::Error| Failure::file("read", path, &error);
    let mut file = open(path).map_err(failed)?;
    let mut hashers = algorithms.map(Hasher::new);
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        match buffer.get(..count) {
            Some([]) | None => return Ok(hashers.map(Hasher::finish)),
            Some(part) => hashers.iter_mut().for_each(|hasher| hasher.update(part)),
        }
    }
}

/// Bytes of a file that are held whole, for schemes that sign all of it and not a digest. Stops
/// large files from filling the memory.
pub const WHOLE_BYTES: u64 = 64 << 20;

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn pipe(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.is_ok_and(|status| status.success()));
        path
    }

    #[test]
    fn a_pipe_in_a_folder_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [pipe.as_path(), &link, Path::new("/dev/zero")] {
            for failure in [digest(path).unwrap_err(), read(path, 10).unwrap_err()] {
                let text = failure.message();
                assert!(text.contains("a pipe or a device"), "{text}");
            }
        }
        assert_eq!(read(Path::new("/dev/null"), 10).unwrap(), b"");
        // Put there after it was looked at.
        for path in [pipe.as_path(), &link, Path::new("/dev/zero")] {
            let error = open_at_once(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        }
        // A link of the same name elsewhere is no descriptor of this process.
        assert!(!is_handed_over(&folder.path().join("dev/fd/3")));
        assert!(!is_handed_over(Path::new("/dev/fd/../zero")));
    }
}
