//! Package URLs.
//!
//! Implements the package URL specification (ECMA-427, 1st edition, December 2025),
//! <https://github.com/package-url/purl-spec>, through the `packageurl` crate.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A package URL in canonical form, for example `pkg:deb/debian/curl@7.88.1-10?arch=amd64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Purl(String);

impl Purl {
    /// Starts a package URL of this type (`deb`, `npm`, `cargo`, ...) and name.
    pub fn builder(kind: &str, name: &str) -> PurlBuilder {
        PurlBuilder {
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: None,
            version: None,
            qualifiers: Vec::new(),
        }
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
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        let parsed = packageurl::PackageUrl::from_str(text).map_err(|error| PurlError::Syntax {
            reason: error.to_string(),
        })?;
        Ok(Self(parsed.to_string()))
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

/// Collects the parts of a [`Purl`].
#[derive(Clone, Debug)]
pub struct PurlBuilder {
    kind: String,
    name: String,
    namespace: Option<String>,
    version: Option<String>,
    qualifiers: Vec<(String, String)>,
}

impl PurlBuilder {
    /// Sets the namespace: a Debian vendor, an npm scope with its `@`, a Maven group.
    pub fn with_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Sets the version.
    pub fn with_version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Adds a qualifier; an empty value is left out, as the specification asks.
    pub fn with_qualifier(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.qualifiers.push((key.to_owned(), value.to_owned()));
        }
        self
    }

    /// Checks the parts and writes the canonical form.
    pub fn build(self) -> Result<Purl, PurlError> {
        let syntax = |error: packageurl::Error| PurlError::Syntax {
            reason: error.to_string(),
        };
        let mut purl = packageurl::PackageUrl::new(self.kind, self.name).map_err(syntax)?;
        if let Some(namespace) = self.namespace {
            purl.with_namespace(namespace).map_err(syntax)?;
        }
        if let Some(version) = self.version {
            purl.with_version(version).map_err(syntax)?;
        }
        for (key, value) in self.qualifiers {
            purl.add_qualifier(key, value).map_err(syntax)?;
        }
        Ok(Purl(purl.to_string()))
    }
}

/// Why a text or a set of parts is no package URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PurlError {
    /// The parser of the specification refused it.
    #[error("no package URL: {}", reason.escape_debug())]
    Syntax {
        /// What the parser said.
        reason: String,
    },
}
