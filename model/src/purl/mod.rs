//! Package URLs.
//!
//! Implements the package URL specification (ECMA-427, 1st edition, December 2025) with the type
//! definitions of <https://github.com/package-url/purl-spec> at 16f3d0e (August 2026). Deviations,
//! each for what real producers write:
//!
//! * Qualifier keys in upper case are read and written in lower case; two of the specification's
//!   tests want them refused, six want them read.
//! * `deb`, `apk`, `alpm`, `rpm`, `qpkg` and `golang` are read without the namespace that their
//!   definitions require (`pkg:golang/stdlib@1.24`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod kind;
mod parse;
mod percent;
mod write;

/// A package URL in canonical form, for example `pkg:deb/debian/curl@7.88.1-10?arch=amd64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Purl(String);

impl Purl {
    /// Starts a package URL of this type (`deb`, `npm`, `cargo`, ...) and name.
    pub fn builder(kind: &str, name: &str) -> PurlBuilder {
        PurlBuilder(PurlParts {
            kind: kind.to_owned(),
            name: name.to_owned(),
            ..PurlParts::default()
        })
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type, for example `deb`.
    pub fn kind(&self) -> &str {
        self.0
            .strip_prefix("pkg:")
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default()
    }

    /// The components, decoded.
    pub fn parts(&self) -> PurlParts {
        parse::parts(&self.0).expect("because canonical text can be read")
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        parse::parts(text)?.build()
    }
}

impl TryFrom<String> for Purl {
    type Error = PurlError;

    fn try_from(text: String) -> Result<Self, PurlError> {
        text.parse()
    }
}

impl From<Purl> for String {
    fn from(purl: Purl) -> Self {
        purl.0
    }
}

/// The components of a package URL, decoded; [`PurlParts::build`] checks them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurlParts {
    /// The type, for example `deb`.
    pub kind: String,
    /// A Debian vendor, an npm scope with its `@`, a Maven group; segments are separated by `/`.
    pub namespace: Option<String>,
    /// The name of the package.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// Further properties; keys in lower case, values not empty.
    pub qualifiers: BTreeMap<String, String>,
    /// A path inside the package, without a leading `/`.
    pub subpath: Option<String>,
}

impl PurlParts {
    /// Checks the components, brings them into the form their type asks for and writes the
    /// canonical text.
    pub fn build(mut self) -> Result<Purl, PurlError> {
        self.tidy()?;
        kind::apply(&mut self)?;
        let text = write::canonical(&self);
        if text.len() > MAX_BYTES {
            return Err(PurlError::too_long(text.len()));
        }
        Ok(Purl(text))
    }
}

/// Collects the parts of a [`Purl`].
#[derive(Clone, Debug)]
pub struct PurlBuilder(PurlParts);

impl PurlBuilder {
    /// Sets the namespace: a Debian vendor, an npm scope with its `@`, a Maven group.
    pub fn with_namespace(mut self, namespace: &str) -> Self {
        self.0.namespace = Some(namespace.to_owned());
        self
    }

    /// Sets the version.
    pub fn with_version(mut self, version: &str) -> Self {
        self.0.version = Some(version.to_owned());
        self
    }

    /// Adds a qualifier; an empty value is left out, as the specification asks.
    pub fn with_qualifier(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.0.qualifiers.insert(key.to_owned(), value.to_owned());
        }
        self
    }

    /// Checks the parts and writes the canonical form.
    pub fn build(self) -> Result<Purl, PurlError> {
        self.0.build()
    }
}

/// Why a text or a set of parts is no package URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PurlError {
    /// A component is missing, not allowed, or not written as the specification says.
    #[error("no package URL: {}", reason.escape_debug())]
    Syntax {
        /// Which component, and what was expected.
        reason: String,
    },
}

impl PurlError {
    fn syntax(reason: impl Into<String>) -> Self {
        Self::Syntax {
            reason: reason.into(),
        }
    }

    fn too_long(bytes: usize) -> Self {
        Self::syntax(format!("{bytes} bytes, at most {MAX_BYTES} are read"))
    }
}

/// Package URLs are copied into keys and messages, so one line of an SBOM must not be megabytes.
/// The longest real ones hold a download URL.
const MAX_BYTES: usize = 16 * 1024;
