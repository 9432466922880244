//! Documents that stand elsewhere than in the statement about them.

use std::sync::Arc;

/// A document that somebody's statement refers to by its digest, as far as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// Its bytes as received; their digest is looked at before they count.
    Bytes(Arc<[u8]>),
    /// It could not be had, and why: what it would have said is not known.
    Unavailable(String),
    /// Other bytes were where it should be, and which.
    Altered(String),
}
