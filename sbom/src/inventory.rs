//! Everything that was found in one source.

use crate::{OperatingSystem, Package};

/// The list of one image or directory, sorted and complete but for its [`unknowns`](Self::unknowns).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Packages in the order of their package URLs, each once.
    pub packages: Vec<Package>,
    /// The operating system, where `os-release` names one.
    pub operating_system: Option<OperatingSystem>,
    /// What should have been read and could not be, in the order of the paths.
    pub unknowns: Vec<Unknown>,
    /// Files whose contents were looked at.
    pub files_read: usize,
}

impl Inventory {
    /// Packages by the type of their package URL, for people: `[("deb", 283), ("npm", 241)]`, most first.
    pub fn count_by_kind(&self) -> Vec<(String, usize)> {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for package in &self.packages {
            *counts.entry(package.purl.kind()).or_default() += 1;
        }
        let mut counts: Vec<_> = counts
            .into_iter()
            .map(|(kind, count)| (kind.to_owned(), count))
            .collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    }
}

/// A file that a cataloger wanted and could not understand. Never fatal, never silent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// Path from the root of the image or directory.
    pub path: String,
    /// What was wrong with it, a lower-case fragment.
    pub reason: String,
}

impl Unknown {
    /// Records what was wrong with a file, as one line; control characters are escaped.
    pub(crate) fn new(path: &str, reason: &str) -> Self {
        let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let reason = line.chars().take(REASON_LENGTH).flat_map(escape).collect();
        Self {
            path: path.to_owned(),
            reason,
        }
    }
}

/// Escapes what a terminal could obey, and leaves quotes as they are.
fn escape(character: char) -> impl Iterator<Item = char> {
    let quote = matches!(character, '"' | '\'' | '\\').then_some(character);
    let escaped = quote.is_none().then(|| character.escape_debug());
    quote.into_iter().chain(escaped.into_iter().flatten())
}

const REASON_LENGTH: usize = 200;
