//! rpm's database, in whichever of its three formats.

use super::{bdb, ndb, sqlite};

/// A database, and what of it was not written into it yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Database<'a> {
    pub(super) bytes: &'a [u8],
    /// SQLite's write-ahead log beside it.
    pub(super) log: Option<&'a [u8]>,
}

impl Database<'_> {
    /// Calls `each` with every header, in the order in which they are kept.
    ///
    /// What is wrong is told after those that could be read; an empty file is an empty database.
    pub(super) fn headers(&self, each: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
        let bytes = self.bytes;
        if bytes.is_empty() {
            Ok(())
        } else if sqlite::is_it(bytes) {
            sqlite::headers(bytes, self.log, each)
        } else if ndb::is_it(bytes) {
            ndb::headers(bytes, each)
        } else if bdb::is_it(bytes) {
            bdb::headers(bytes, each)
        } else {
            Err(Fault::Format)
        }
    }
}

/// What is wrong with a database.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("neither SQLite, nor rpm's own format, nor a hash table of Berkeley DB")]
    Format,
    #[error("it is encrypted")]
    Encrypted,
    #[error("{0} is not inside the file")]
    Outside(&'static str),
    #[error("{0} is damaged")]
    Damaged(&'static str),
    #[error("its packages take more bytes than the file has")]
    Amplified,
    #[error("SQLite cannot read it: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("it could not be put aside: {0}")]
    Aside(#[from] std::io::Error),
}

/// Bytes that headers may take together, so that no page is read for many of them.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(bytes).ok_or(Fault::Amplified)?;
        Ok(())
    }
}
