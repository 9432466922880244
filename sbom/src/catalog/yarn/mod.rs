//! npm packages that Yarn's lock files declare.
//!
//! `yarn.lock`: version 1 in a syntax of its own, <https://classic.yarnpkg.com/lang/en/docs/yarn-lock/>,
//! and YAML since version 2, <https://yarnpkg.com/advanced/lexicon#lockfile>, with `__metadata` 4 to 8.
//! Neither tells what is only for developing: in the newer ones a workspace needs both alike. The
//! `checksum` of the newer ones is of an archive that Yarn makes itself and is left out.

mod berry;
mod classic;

use std::collections::BTreeMap;

use bulla_model::PurlError;

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name,
    is_inside_package, lock, npm_origin::Origin,
};
use crate::{Package, Presence};

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
    /// The address of the archive.
    resolved: Option<String>,
    /// Names and ranges.
    needs: Vec<(String, String)>,
}

impl Entry {
    fn package(&self) -> Result<Package, PurlError> {
        let purl = self.origin.purl(&self.name, &self.version)?;
        let mut package = Package::new(&self.name, &self.version, purl).declared();
        package.distribution.clone_from(&self.resolved);
        let digests = self.integrity.iter().flat_map(|text| lock::integrity(text));
        package.hashes.extend(digests);
        Ok(package)
    }
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
                let of_name = named.entry(name).or_default();
                // One package may be asked for in several ways.
                if of_name.last() != Some(&index) {
                    of_name.push(index);
                }
            }
        }
        listed.push((index, entry));
    }
    for (from, entry) in listed {
        for (name, range) in &entry.needs {
            let exact = [format!("{name}@{range}"), format!("{name}@npm:{range}")];
            let mut exact = exact.iter().filter_map(|one| asked.get(one.as_str()));
            // What was patched, or is answered by a resolution, is asked for in other words: of several
            // versions each may be meant.
            if let Some(to) = exact.next() {
                found.edges.push((from, *to));
                continue;
            }
            let all = named.get(name.as_str()).into_iter().flatten();
            let all = all.take(lock::VERSIONS);
            found.edges.extend(all.map(|to| (from, *to)));
        }
    }
}

/// The name and the range of `@scope/name@range`.
pub(super) fn split(descriptor: &str) -> Option<(&str, &str)> {
    let begin = usize::from(descriptor.starts_with('@'));
    let at = descriptor.get(begin..)?.find('@')?.saturating_add(begin);
    let (name, range) = descriptor.split_at_checked(at)?;
    Some((name, range.get(1..)?)).filter(|(name, _)| !name.is_empty())
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
}
