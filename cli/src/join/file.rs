//! Files people name on the command line.

use std::io::Read as _;
use std::path::Path;

use bulla_model::{Algorithm, Digest, Hasher};

use crate::Failure;
use crate::failure::FailureKind;

/// Reads a file whole; `-` is standard input. More than `limit` bytes are refused.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let outcome = if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
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
    let failed = |error: std::io::Error| Failure::file("read", path, &error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
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
