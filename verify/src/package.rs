//! What package URLs of bills of materials name, as it is compared.

use bulla_model::Purl;

/// A package, without qualifiers and subpath.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) kind: String,
    /// Namespace and name, folded: where a registry takes several spellings for one package, and in
    /// letter case everywhere. What is forbidden is forbidden in every spelling, so that two packages
    /// may be taken for one, but never one for two.
    pub(crate) path: String,
    pub(crate) version: Option<String>,
}

impl Package {
    pub(crate) fn of(purl: &Purl) -> Self {
        let parts = purl.parts();
        let path = match parts.namespace {
            Some(namespace) => format!("{namespace}/{}", parts.name),
            None => parts.name,
        };
        Self {
            path: folded(&parts.kind, &path),
            kind: parts.kind,
            version: parts.version,
        }
    }

    /// Whether it may be another package than was meant: a version with a `/` or `@` that is not
    /// encoded ends up before or in the name, as in `pkg:npm/left-pad@github:acme/left-pad` and
    /// `pkg:npm/left-pad@npm:left-pad@1.3.0`.
    pub(crate) fn is_unclear(&self) -> bool {
        self.path.chars().skip(1).any(|letter| letter == '@')
    }
}

/// A name in the form in which names of this type are compared.
///
/// <https://packaging.python.org/en/latest/specifications/name-normalization/>
pub(crate) fn folded(kind: &str, path: &str) -> String {
    let path = path.to_lowercase();
    if kind != "pypi" {
        return path;
    }
    let mut out = String::with_capacity(path.len());
    for letter in path.chars() {
        let letter = if "-_.".contains(letter) { '-' } else { letter };
        if letter != '-' || !out.ends_with('-') {
            out.push(letter);
        }
    }
    out
}
