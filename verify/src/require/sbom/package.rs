//! Patterns of package URLs.

use std::fmt;

use bulla_model::{Purl, PurlError};

use crate::package::{Package, folded};
use crate::pattern::Pattern;
use crate::policy::pattern;

/// A package, or several: `pkg:npm/event-stream@3.3.6`, `pkg:npm/left-pad`, `pkg:npm/@acme/*`.
///
/// Type, namespace, name and version are compared, each in the form that the type asks for, names
/// in whatever letter case; any version where none is written. `*` and `**` are as in other patterns, over `namespace/name` and
/// over the version.
#[derive(Clone, Debug)]
pub struct PackagePattern {
    text: String,
    kind: String,
    path: Pattern,
    /// The last part of the path, if it is a name rather than any.
    name: Option<Pattern>,
    version: Option<Pattern>,
}

impl PackagePattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let purl: Purl = text.parse().map_err(|error: PurlError| error.to_string())?;
        let parts = purl.parts();
        if !parts.qualifiers.is_empty() || parts.subpath.is_some() {
            return Err("a pattern of packages has neither qualifiers nor a subpath".to_owned());
        }
        let package = Package::of(&purl);
        let version = package.version.as_deref().unwrap_or_default();
        let stars = |text: &str| text.matches('*').count();
        if stars(&package.path) + stars(version) < stars(text) {
            return Err(format!("names of the type `{}` have no `*`", package.kind));
        }
        if package.is_unclear() {
            return Err("a `/` in a version is written `%2F`".to_owned());
        }
        let name = package.path.rsplit('/').next();
        let name = name.filter(|name| !name.trim_matches('*').is_empty());
        Ok(Self {
            name: name.map(pattern),
            text: text.to_owned(),
            path: pattern(&package.path),
            version: package.version.as_deref().map(pattern),
            kind: package.kind,
        })
    }

    /// Whether something that is called so, without a package URL, may be this package.
    pub(super) fn may_be(&self, name: &str) -> bool {
        let name = folded(&self.kind, name);
        let is_name = |pattern: &Pattern| pattern.matches(&name);
        self.path.matches(&name) || self.name.as_ref().is_some_and(is_name)
    }

    /// Whether it is this package. One that does not tell its version may be of any.
    pub(super) fn matches(&self, found: &Package) -> bool {
        let version = match (&self.version, &found.version) {
            (Some(pattern), Some(version)) => pattern.matches(version),
            (None, _) | (_, None) => true,
        };
        version && self.kind == found.kind && self.path.matches(&found.path)
    }
}

impl fmt::Display for PackagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_compared_by_type_path_and_version() {
        let matches = |pattern: &str, found: &str| {
            let pattern = PackagePattern::parse(pattern).unwrap();
            pattern.matches(&Package::of(&found.parse().unwrap()))
        };
        for (pattern, found, expected) in [
            (
                "pkg:npm/event-stream@3.3.6",
                "pkg:npm/event-stream@3.3.6",
                true,
            ),
            (
                "pkg:npm/event-stream@3.3.6",
                "pkg:npm/event-stream@3.3.7",
                false,
            ),
            ("pkg:npm/event-stream@3.3.6", "pkg:npm/event-stream", true),
            ("pkg:npm/left-pad", "pkg:npm/left-pad@1.0.0?arch=x#y", true),
            ("pkg:npm/left-pad", "pkg:npm/left-pads@1.0.0", false),
            ("pkg:npm/left-pad", "pkg:npm/@left/left-pad@1.0.0", false),
            ("pkg:npm/left-pad", "pkg:cargo/left-pad@1.0.0", false),
            ("pkg:npm/@acme/*", "pkg:npm/%40acme/pay@1", true),
            ("pkg:npm/@acme/*", "pkg:npm/@acme2/pay@1", false),
            ("pkg:pypi/Django", "pkg:pypi/django@5", true),
            ("pkg:pypi/evil-pkg", "pkg:pypi/evil.pkg@1", true),
            ("pkg:pypi/evil-pkg", "pkg:pypi/Evil--_pkg@1", true),
            ("pkg:pypi/evil_*", "pkg:pypi/evil.pkg@1", true),
            ("pkg:pypi/evil-pkg", "pkg:pypi/evilpkg@1", false),
            (
                "pkg:nuget/Newtonsoft.Json",
                "pkg:nuget/newtonsoft.JSON@1",
                true,
            ),
            ("pkg:npm/@acme/pay", "pkg:npm/%40acme%2Fpay@1", true),
            (
                "pkg:golang/github.com/evil/**",
                "pkg:golang/github.com/evil/a/b@v1",
                true,
            ),
            (
                "pkg:golang/github.com/evil/*",
                "pkg:golang/github.com/evil/a/b@v1",
                false,
            ),
            (
                "pkg:maven/org.apache.logging.log4j/*@2.14.*",
                "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
                true,
            ),
            (
                "pkg:maven/org.apache.logging.log4j/*@2.14.*",
                "pkg:maven/org.apache.logging.log4j/log4j-core@2.17.1",
                false,
            ),
            (
                "pkg:deb/debian/xz-utils@5.6.*",
                "pkg:deb/debian/xz-utils@5.6.1-1?arch=amd64",
                true,
            ),
        ] {
            assert_eq!(matches(pattern, found), expected, "{pattern} {found}");
        }
        for text in [
            "left-pad",
            "pkg:npm",
            "pkg:*/x",
            "pkg:npm/x?arch=y",
            "pkg:npm/x#y",
            "pkg:pub/evil_*",
            "pkg:pub/*",
            "pkg:npm/x@github:a/x",
            "",
        ] {
            assert!(PackagePattern::parse(text).is_err(), "{text}");
        }
    }
}
