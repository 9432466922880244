//! Referrers: manifests whose `subject` is the manifest one asked about.
//!
//! Implements "Listing Referrers" of the OCI distribution specification v1.1.1,
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>.

use crate::Descriptor;

/// An entry of a referrers list. Everything in it is a hint until the manifest has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Referrer {
    /// Media type, digest and length of the referring manifest, with its artifact type and
    /// annotations as the list gives them (old clients leave annotations out).
    pub descriptor: Descriptor,
}

/// The referrers of one digest, and whether the list is whole.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReferrerList {
    /// Sorted by digest, each once.
    pub referrers: Vec<Referrer>,
    /// Whether entries that may be signed evidence were left out: then absence proves nothing.
    pub truncated: bool,
    /// Whether entries of other kinds were left out.
    pub others_truncated: bool,
}
