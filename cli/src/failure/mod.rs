//! Failures: what ends a command without its answer, and what to do about it.

mod library;
mod services;

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::Exit;
use crate::escape::escape;

/// A command could not do its work.
///
/// Every text in it is free of control characters: constructors escape what they are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: FailureKind,
    message: String,
    details: Vec<String>,
    hints: Vec<String>,
}

/// What sort of failure it is; in JSON, by its kebab-case name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureKind {
    /// Standard output was closed by its reader; nothing is wrong.
    BrokenPipe,
    /// A file of Bulla's own, or a setting, is wrong.
    Configuration,
    /// A file or a folder cannot be read or written.
    File,
    /// What was given to read is malformed.
    Input,
    /// A defect of Bulla.
    Internal,
    /// The user interrupted it.
    Interrupted,
    /// A signature does not hold.
    InvalidSignature,
    /// What was asked for is not there.
    NotFound,
    /// What is here is not what the question is about.
    OtherSubject,
    /// A password is missing or wrong.
    Password,
    /// What was served is not what its digest names.
    Tampered,
    /// A registry, the network or a limit stood in the way.
    Unavailable,
    /// The command line is wrong.
    Usage,
}

impl FailureKind {
    /// The exit code of this sort of failure.
    pub fn exit(self) -> Exit {
        match self {
            Self::BrokenPipe => Exit::Success,
            Self::Configuration
            | Self::File
            | Self::Input
            | Self::NotFound
            | Self::Password
            | Self::Usage => Exit::Usage,
            Self::Internal => Exit::Internal,
            Self::Interrupted => Exit::Interrupted,
            Self::InvalidSignature | Self::Tampered => Exit::Invalid,
            Self::OtherSubject => Exit::OtherSubject,
            Self::Unavailable => Exit::Undetermined,
        }
    }
}

impl Failure {
    /// A failure with one line that says what is wrong: a lower-case fragment without a full stop.
    pub fn new(kind: FailureKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: clean(message),
            details: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// The command line is wrong.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// A file cannot be read or written; `doing` is for example `read`.
    pub fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            FailureKind::File,
            format_args!("failed to {doing} {}: {error}", path.display()),
        )
    }

    /// Adds a line that says what was expected, found, and where.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.details.push(clean(detail));
        self
    }

    /// Adds the next command to type, or the thing to change.
    #[must_use]
    pub fn with_hint(mut self, hint: impl fmt::Display) -> Self {
        self.hints.push(clean(hint));
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The line that says what is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What was expected, found, and where.
    pub fn details(&self) -> &[String] {
        &self.details
    }

    /// What to do about it.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

fn clean(text: impl fmt::Display) -> String {
    escape(&text.to_string()).into_owned()
}
