//! Places in policy files, for messages.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A place in a file: `release.yaml:41:7`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    file: Arc<str>,
    line: u64,
    column: u64,
}

impl Place {
    pub(crate) fn new(file: &Arc<str>, location: serde_saphyr::Location) -> Self {
        Self {
            file: Arc::clone(file),
            line: location.line(),
            column: location.column(),
        }
    }

    pub(crate) fn of_file(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            line: 1,
            column: 1,
        }
    }

    /// The file's path.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Line, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Column, from 1.
    pub fn column(&self) -> u64 {
        self.column
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}",
            self.file.escape_debug(),
            self.line,
            self.column
        )
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
