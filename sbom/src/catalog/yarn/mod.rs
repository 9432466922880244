//! npm packages that Yarn's lock files declare.
//!
//! `yarn.lock`: version 1 in a syntax of its own, <https://classic.yarnpkg.com/lang/en/docs/yarn-lock/>,
//! and YAML since version 2, <https://yarnpkg.com/advanced/lexicon#lockfile>, with `__metadata` 4 to 8.
//! Neither tells what is only for developing: in the newer ones a workspace needs both alike. The
//! `checksum` of the newer ones is of an archive that Yarn makes itself and is left out.

mod berry;
mod classic;

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name,
    is_inside_package, lock, npm,
};
use crate::{Package, Presence, address};

#[derive(Debug)]
pub(super) struct Yarn;

impl Cataloger for Yarn {
    fn name(&self) -> &'static str {
        "yarn"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "npm",
            reads: "`yarn.lock` of all versions",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "yarn.lock" && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            let text = list.text();
            let read = if berry::is_it(&text) {
                berry::read(&text)
            } else {
                classic::read(&text)
            };
            match read {
                Ok(read) => {
                    if let Some(doubt) = read.doubt {
                        found.unknown(list.path, &doubt);
                    }
                    add(list, &read.entries, &mut found);
                }
                Err(reason) => found.unknown(list.path, &reason),
            }
        }
        found
    }
}

/// What a file says, in either syntax.
#[derive(Default)]
struct Read {
    entries: Vec<Entry>,
    /// Why it may say more.
    doubt: Option<String>,
}

/// One locked package.
#[derive(Default)]
struct Entry {
    /// What asks for it: `name@range`.
    descriptors: Vec<String>,
    name: String,
    /// Empty of projects, whose versions Yarn does not write.
    version: String,
    origin: Origin,
    integrity: Option<String>,
    /// Names and ranges.
    needs: Vec<(String, String)>,
}

/// Where a package is from.
#[derive(Debug, Default, PartialEq, Eq)]
enum Origin {
    /// A registry, or a folder of the project.
    #[default]
    Usual,
    /// A repository at a commit, as the qualifier `vcs_url` says it.
    Git(String),
    /// An archive somewhere else.
    Archive(String),
}

impl Entry {
    fn package(&self) -> Result<Package, PurlError> {
        let (key, value) = match &self.origin {
            Origin::Usual => ("", ""),
            Origin::Git(url) => ("vcs_url", url.as_str()),
            Origin::Archive(url) => ("download_url", url.as_str()),
        };
        let purl = npm::purl(&self.name, &self.version)?;
        let purl = match key {
            "" => purl,
            key => with_qualifier(&purl, key, value)?,
        };
        let mut package = Package::new(&self.name, &self.version, purl).declared();
        let digests = self.integrity.iter().flat_map(|text| lock::integrity(text));
        package.hashes.extend(digests);
        Ok(package)
    }
}

fn with_qualifier(purl: &Purl, key: &str, value: &str) -> Result<Purl, PurlError> {
    let mut parts = purl.parts();
    parts.qualifiers.insert(key.to_owned(), value.to_owned());
    parts.build()
}

/// Adds packages, and edges through what asks for them.
fn add(list: ListFile<'_>, entries: &[Entry], found: &mut Found) {
    let mut asked = BTreeMap::<&str, usize>::new();
    let mut named = BTreeMap::<&str, Vec<usize>>::new();
    let mut listed = Vec::new();
    for entry in entries {
        let Some(index) = found.add(list, entry.package()) else {
            continue;
        };
        for descriptor in &entry.descriptors {
            asked.insert(descriptor, index);
            if let Some((name, _)) = split(descriptor) {
                named.entry(name).or_default().push(index);
            }
        }
        listed.push((index, entry));
    }
    for (from, entry) in listed {
        for (name, range) in &entry.needs {
            let exact = [format!("{name}@{range}"), format!("{name}@npm:{range}")];
            let mut exact = exact.iter().filter_map(|one| asked.get(one.as_str()));
            // What was patched, or is answered by a resolution, is asked for in other words.
            let only = || match named.get(name.as_str()).map(Vec::as_slice) {
                Some([only]) => Some(only),
                _ => None,
            };
            if let Some(to) = exact.next().or_else(only) {
                found.edges.push((from, *to));
            }
        }
    }
}

/// The name and the range of `@scope/name@range`.
fn split(descriptor: &str) -> Option<(&str, &str)> {
    let begin = usize::from(descriptor.starts_with('@'));
    let at = descriptor.get(begin..)?.find('@')?.saturating_add(begin);
    let (name, range) = descriptor.split_at_checked(at)?;
    Some((name, range.get(1..)?)).filter(|(name, _)| !name.is_empty())
}

/// Where an address leads that is none of a registry's archives.
fn origin(address: &str) -> Option<Origin> {
    let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
    let is_git = place.starts_with("git") || place.strip_suffix(".git").is_some();
    if is_git {
        let place = place.strip_prefix("git+").unwrap_or(place);
        let commit = fragment
            .split('&')
            .find_map(|part| match part.split_once('=') {
                Some(("commit", commit)) => Some(commit),
                Some(_) => None,
                None => Some(part).filter(|part| !part.is_empty()),
            });
        return Some(Origin::Git(lock::vcs_url("git", place, commit, None)));
    }
    let is_address = place.starts_with("https://") || place.starts_with("http://");
    is_address.then(|| Origin::Archive(address::without_secret(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_no_ranges() {
        assert_eq!(split("a@^1"), Some(("a", "^1")));
        assert_eq!(split("@s/a@npm:b@1"), Some(("@s/a", "npm:b@1")));
        assert_eq!(split("@s/a"), None);
        assert_eq!(split("@"), None);
        assert_eq!(split(""), None);
        assert_eq!(split("@é@1"), Some(("@é", "1")));
    }

    #[test]
    fn repositories_and_archives_are_told_apart_without_secrets() {
        let git = |text: &str| Some(Origin::Git(text.to_owned()));
        assert_eq!(
            origin("git+https://t0ken@git.example.test/a.git#0123"),
            git("git+https://git.example.test/a.git@0123")
        );
        assert_eq!(
            origin("https://git.example.test/a.git#commit=0123"),
            git("git+https://git.example.test/a.git@0123")
        );
        assert_eq!(
            origin("https://example.test/a.tgz#sum"),
            Some(Origin::Archive("https://example.test/a.tgz".to_owned()))
        );
        assert_eq!(origin("npm:1.0.0"), None);
    }
}
