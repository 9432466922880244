//! One package and what is known about it.

use std::collections::BTreeSet;

use bulla_model::{Digest, Purl};

use crate::License;

/// A package that is installed, or declared by a lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// The name its ecosystem uses, with the scope of npm: `curl`, `@babel/core`.
    pub name: String,
    /// The version as its ecosystem writes it.
    pub version: String,
    /// The package URL; it identifies the package in an [`Inventory`](crate::Inventory).
    pub purl: Purl,
    /// Licences it declares.
    pub licenses: BTreeSet<License>,
    /// Who distributes it: the maintainer of a distribution's package, the author elsewhere.
    pub supplier: Option<String>,
    /// Who wrote it, where that is somebody else.
    pub author: Option<String>,
    /// One line about it.
    pub description: Option<String>,
    /// Its home page.
    pub homepage: Option<String>,
    /// Where its sources are kept: the address of a repository.
    pub repository: Option<String>,
    /// Where it was or would be fetched from.
    pub distribution: Option<String>,
    /// Digests of the distributed archive, from lock files.
    pub hashes: BTreeSet<Digest>,
    /// Whether what was listed needs it to run.
    pub scope: Scope,
    /// How sure it is that it is this package, in percent.
    pub confidence: u8,
    /// Whether it is there, or only wished for.
    pub presence: Presence,
    /// Where it was found.
    pub locations: BTreeSet<Location>,
    /// The layer that brought it, by its position from 0; absent in a directory.
    pub layer: Option<usize>,
    /// Catalogers that found it.
    pub found_by: BTreeSet<&'static str>,
    /// Package URLs of its direct dependencies, all of them in the same inventory.
    pub dependencies: BTreeSet<Purl>,
}

impl Package {
    /// A package about which only its identity is known.
    pub fn new(name: &str, version: &str, purl: Purl) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            purl,
            licenses: BTreeSet::new(),
            supplier: None,
            author: None,
            description: None,
            homepage: None,
            repository: None,
            distribution: None,
            hashes: BTreeSet::new(),
            scope: Scope::Required,
            confidence: 100,
            presence: Presence::Installed,
            locations: BTreeSet::new(),
            layer: None,
            found_by: BTreeSet::new(),
            dependencies: BTreeSet::new(),
        }
    }

    /// The same package, which is only declared.
    #[must_use]
    pub fn declared(mut self) -> Self {
        self.presence = Presence::Declared;
        self
    }

    /// Takes over what another finding of the same package knows and this one does not.
    pub(crate) fn merge(&mut self, other: Self) {
        self.licenses.extend(other.licenses);
        self.supplier = self.supplier.take().or(other.supplier);
        self.author = self.author.take().or(other.author);
        self.description = self.description.take().or(other.description);
        self.homepage = self.homepage.take().or(other.homepage);
        self.repository = self.repository.take().or(other.repository);
        self.distribution = self.distribution.take().or(other.distribution);
        self.hashes.extend(other.hashes);
        self.scope = self.scope.min(other.scope);
        self.confidence = self.confidence.max(other.confidence);
        self.presence = self.presence.min(other.presence);
        self.locations.extend(other.locations);
        self.layer = [self.layer, other.layer].into_iter().flatten().min();
        self.found_by.extend(other.found_by);
        self.dependencies.extend(other.dependencies);
    }
}

/// Whether a package is needed at run time. The first that any finding says wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Installed, or needed to run.
    Required,
    /// May be missing.
    Optional,
    /// Needed only to develop or build.
    Excluded,
}

/// Whether a package is there. The first that any finding says wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// Its files are there, or it was built into something that is.
    Installed,
    /// A lock file or manifest names it; nothing says that it was installed.
    Declared,
}

impl Presence {
    /// One word: `installed`, `declared`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Declared => "declared",
        }
    }
}

/// A file that shows a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Path from the root of the image or directory, without a leading slash.
    pub path: String,
    /// The layer that holds it, by the digest of its blob; absent in a directory.
    pub layer: Option<Digest>,
}
