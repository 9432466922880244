//! The digest that approvals and promotions bind.

use bulla_model::{Algorithm, Digest, Hasher};

/// A policy file's path and digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileDigest {
    pub(crate) path: String,
    pub(crate) digest: Digest,
}

/// SHA-256 over the lines `<sha256 hex>  <path>\n`, sorted by path: what `sha256sum` prints.
pub(crate) fn over<'a>(files: impl IntoIterator<Item = &'a FileDigest>) -> Digest {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort();
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for file in files {
        hasher.update(format!("{}  {}\n", file.digest.hex(), file.path).as_bytes());
    }
    hasher.finish()
}
