//! What lock files of Python's package managers have in common.

use std::collections::BTreeMap;

use bulla_model::Digest;

use super::{lock, python, requirements};

/// Positions of locked packages, by name and by version.
#[derive(Default)]
pub(super) struct Locked<'a> {
    by_name: BTreeMap<String, Vec<usize>>,
    by_version: BTreeMap<(String, &'a str), Vec<usize>>,
}

impl<'a> Locked<'a> {
    pub(super) fn insert(&mut self, name: &str, version: &'a str, position: usize) {
        let name = python::normalise(name);
        let named = self.by_name.entry(name.clone()).or_default();
        named.push(position);
        let exact = self.by_version.entry((name, version)).or_default();
        exact.push(position);
    }

    /// Those that meet a name, and a version where one is given. Of several versions of one name
    /// the markers say which, for a machine nobody knows: all may be.
    pub(super) fn meeting(&self, name: &str, version: Option<&'a str>) -> &[usize] {
        let name = python::normalise(name);
        let exact = version.and_then(|version| self.by_version.get(&(name.clone(), version)));
        let met = exact.or_else(|| self.by_name.get(&name));
        let met = met.map(Vec::as_slice).unwrap_or_default();
        met.get(..lock::VERSIONS).unwrap_or(met)
    }

    /// Those that meet a dependency specifier: `urllib3[socks]==2.1; python_version >= "3.8"`.
    pub(super) fn specified(&self, specifier: &'a str) -> &[usize] {
        match python::requirement(specifier) {
            Some(name) => self.meeting(&name, pinned(specifier)),
            None => &[],
        }
    }
}

/// The version, if only one meets the specifier.
fn pinned(specifier: &str) -> Option<&str> {
    let requirement = specifier.split(';').next().unwrap_or_default();
    let start = requirement.find(|c| "<>=!~@".contains(c))?;
    let version = requirement.get(start..)?.strip_prefix("==")?;
    let version = version.strip_prefix('=').unwrap_or(version).trim();
    requirements::is_exact(version).then_some(version)
}

/// The digest of a `sha256:…`; weak ones prove nothing and are left out.
pub(super) fn digest(hash: &str) -> Option<Digest> {
    let (algorithm, value) = hash.split_once(':')?;
    Digest::new(algorithm.parse().ok()?, value).ok()
}

/// The one that there is. Of several files, which one is installed depends on the machine, so that
/// none of them is the package.
pub(super) fn only<T>(files: impl IntoIterator<Item = T>) -> Option<T> {
    let mut files = files.into_iter();
    match (files.next(), files.next()) {
        (only, None) => only,
        _ => None,
    }
}

/// Whether an address is that of the index which needs no qualifier.
pub(super) fn is_default_index(index: &str) -> bool {
    let index = index.trim_end_matches('/');
    let place = index.split_once("://").map(|(_, place)| place);
    place.is_some_and(|place| DEFAULT_INDEX.contains(&place))
}

/// The Python Package Index, by its name and its old one.
const DEFAULT_INDEX: [&str; 2] = ["pypi.org/simple", "pypi.python.org/simple"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specifier_meets_the_version_it_pins_and_else_all() {
        let mut locked = Locked::default();
        locked.insert("Typing_Extensions", "4.0", 0);
        locked.insert("typing-extensions", "5.0", 1);
        let met = |text| locked.specified(text);
        assert_eq!(met("typing-extensions==5.0; python_version < '4'"), [1]);
        assert_eq!(met("typing.extensions[a,b] ===4.0"), [0]);
        assert_eq!(met("typing-extensions>=4"), [0, 1]);
        assert_eq!(met("typing-extensions==4.*"), [0, 1]);
        assert_eq!(met("typing-extensions"), [0, 1]);
        assert_eq!(
            met("typing-extensions @ https://example.test/?a==5.0"),
            [0, 1]
        );
        assert!(met("typing").is_empty());
        assert!(met("==5.0").is_empty());
    }

    #[test]
    fn of_several_files_none_is_the_package() {
        assert_eq!(only([1]), Some(1));
        assert_eq!(only([1, 2]), None);
        assert_eq!(only::<u8>([]), None);
    }

    #[test]
    fn the_default_index_needs_no_qualifier() {
        let host = ["pypi", "org"].join(".");
        assert!(is_default_index(&format!("https://{host}/simple")));
        assert!(!is_default_index(&format!(
            "https://{host}.example.test/simple"
        )));
        assert!(!is_default_index("https://index.example.test/simple"));
        assert!(!is_default_index("simple"));
    }
}
