//! What is looked at, and how much each of it weighs.
//!
//! Weights and meanings are those of sbomqs, `docs/sbom-score.md` says at which commit and where this
//! differs.

use std::fmt;

/// A part of the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Names, versions and identifiers within the document.
    Identification,
    /// Who made the document, when and with what.
    Provenance,
    /// Digests of components, and a signature.
    Integrity,
    /// Dependencies, suppliers, sources and purposes.
    Completeness,
    /// Licences of components and of the document.
    Licensing,
    /// What vulnerability databases know components by.
    Vulnerability,
    /// Whether the document can be read by programs.
    Structure,
}

impl Category {
    /// Every category, in the order they are shown in.
    pub const ALL: [Self; 7] = [
        Self::Identification,
        Self::Provenance,
        Self::Integrity,
        Self::Completeness,
        Self::Licensing,
        Self::Vulnerability,
        Self::Structure,
    ];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identification => "identification",
            Self::Provenance => "provenance",
            Self::Integrity => "integrity",
            Self::Completeness => "completeness",
            Self::Licensing => "licensing",
            Self::Vulnerability => "vulnerability",
            Self::Structure => "structure",
        }
    }

    /// How much it weighs among the others.
    pub(super) fn weight(self) -> u64 {
        match self {
            Self::Identification | Self::Vulnerability => 10,
            Self::Provenance | Self::Completeness => 12,
            Self::Integrity | Self::Licensing => 15,
            Self::Structure => 8,
        }
    }

    /// What belongs to it.
    pub(super) fn checks(self) -> impl Iterator<Item = Check> {
        let all = Check::ALL.iter().copied();
        all.filter(move |check| check.category() == self)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

macro_rules! checks {
    ($($name:ident = $text:literal, $category:ident $weight:literal, $todo:literal;)+) => {
        /// One thing that is looked at, of the document or of each component.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check {
            $(#[doc = concat!("`", $text, "`: ", $todo, ".")] $name,)+
        }

        impl Check {
            /// Every check, in the order they are shown in.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// What to do where it is not met.
            pub fn todo(self) -> &'static str {
                match self {
                    $(Self::$name => $todo,)+
                }
            }

            /// The category it belongs to.
            pub fn category(self) -> Category {
                match self {
                    $(Self::$name => Category::$category,)+
                }
            }

            /// How much it weighs within its category.
            pub(super) fn weight(self) -> u64 {
                match self {
                    $(Self::$name => $weight,)+
                }
            }
        }
    };
}

checks! {
    ComponentName = "component-name", Identification 40, "name every component";
    ComponentVersion = "component-version", Identification 35, "tell the version of every component";
    ComponentId = "component-id", Identification 25, "give every component an identifier in the document";
    Timestamp = "timestamp", Provenance 20, "tell when the document was made";
    Authors = "authors", Provenance 20, "tell who is the author of the document";
    Tool = "tool", Provenance 20, "tell the tool that made the document, with its version";
    Supplier = "supplier", Provenance 15, "tell who supplies what the document is about";
    Namespace = "namespace", Provenance 15, "give the document a serial number or namespace";
    Lifecycle = "lifecycle", Provenance 10, "tell the phase of the lifecycle that the document was made in";
    StrongHash = "strong-hash", Integrity 50, "tell a digest of every component, SHA-256 or better";
    NoWeakHash = "no-weak-hash", Integrity 40, "tell a digest better than SHA-1 beside every weak one";
    Signature = "signature", Integrity 10, "sign the document within itself";
    DependenciesComplete = "dependencies-complete", Completeness 25, "list the artifact and what it depends on in a composition whose dependencies are complete";
    DeclaredComplete = "declared-complete", Completeness 15, "say in a composition that the document is complete";
    PrimaryComponent = "primary-component", Completeness 20, "tell what the document is about";
    SourceCode = "source-code", Completeness 15, "tell where the source of every component is";
    ComponentSupplier = "component-supplier", Completeness 15, "tell who supplies every component";
    Purpose = "purpose", Completeness 10, "tell what kind of thing every component is";
    ConcludedLicense = "concluded-license", Licensing 20, "tell the concluded licence of every component";
    ValidLicense = "valid-license", Licensing 20, "write every concluded licence as an SPDX expression";
    ListedLicense = "listed-license", Licensing 20, "conclude licences that SPDX lists";
    CurrentLicense = "current-license", Licensing 15, "replace identifiers of licences that SPDX has deprecated";
    PermissiveLicense = "permissive-license", Licensing 20, "review components with copyleft or non-commercial licences";
    DeclaredLicense = "declared-license", Licensing 15, "tell the licence that every component declares";
    DataLicense = "data-license", Licensing 10, "tell the licence of the document itself";
    PackageIdentifier = "package-identifier", Vulnerability 100, "give every component a package URL or CPE";
    Specification = "specification", Structure 30, "name the specification";
    SpecificationVersion = "specification-version", Structure 30, "use a known version of the specification";
    FileFormat = "file-format", Structure 20, "write JSON";
    RequiredMembers = "required-members", Structure 20, "write every member that the specification requires";
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
