//! The digest that approvals and promotions bind.

use bulla_model::Digest;
use bulla_model::predicate::policy;

/// A policy file's path and digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileDigest {
    pub(crate) path: String,
    pub(crate) digest: Digest,
}

/// The digest of these files, see [`policy::digest_of`].
pub(crate) fn over<'a>(files: impl IntoIterator<Item = &'a FileDigest>) -> Digest {
    let files = files.into_iter();
    policy::digest_of(files.map(|file| (file.path.as_str(), &file.digest)))
}
