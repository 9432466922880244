//! What catalogers can do, for the table of `docs/catalogers.md`.

use std::fmt::Write as _;

use super::CATALOGERS;
use crate::Presence;

/// What one cataloger reads, and what it says of each package beside name and version.
#[derive(Clone, Copy, Debug)]
pub struct Capability {
    /// Whose packages: `Debian`, `npm`.
    pub ecosystem: &'static str,
    /// The files, as people write them: `yarn.lock`.
    pub reads: &'static str,
    /// Whether what it lists is there, or only wished for.
    pub presence: Presence,
    /// How packages are known.
    pub technique: Technique,
    /// How much it says of which package needs which.
    pub edges: Edges,
    /// Whether it says licences.
    pub licenses: bool,
    /// Whether it says digests of what is distributed.
    pub hashes: bool,
    /// Whether it says which files a package put there.
    pub files: bool,
}

/// How much is known of what a package needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Nothing.
    None,
    /// Something, and there may be more.
    Some,
    /// All of it, as far as it was found.
    All,
}

/// How a package is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Technique {
    /// A list, or the package's own description, names it.
    Manifest,
    /// A program or library holds its name.
    Binary,
    /// The name of a file is all there is.
    FileName,
}

impl Technique {
    /// In the words of CycloneDX 1.6, `evidence.identity.methods.technique`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest-analysis",
            Self::Binary => "binary-analysis",
            Self::FileName => "filename",
        }
    }
}

/// The table of all catalogers in Markdown, in the order in which they run.
pub fn table() -> String {
    let mut text = String::from(
        "| cataloger | ecosystem | reads | lists what is | needs | licences | digests | files |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let tick = |has: bool| if has { "yes" } else { "" };
    for cataloger in CATALOGERS {
        let able = cataloger.capability();
        let presence = able.presence.as_str();
        let edges = match able.edges {
            Edges::None => "",
            Edges::Some => "some",
            Edges::All => "all",
        };
        let licenses = tick(able.licenses);
        let (hashes, files) = (tick(able.hashes), tick(able.files));
        let (name, ecosystem, reads) = (cataloger.name(), able.ecosystem, able.reads);
        writeln!(
            text,
            "| `{name}` | {ecosystem} | {reads} | {presence} | {edges} | {licenses} | {hashes} | {files} |"
        )
        .expect("because writing to a string cannot fail");
    }
    text
}
