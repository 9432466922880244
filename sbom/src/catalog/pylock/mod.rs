//! Python packages that a standard lock file declares.
//!
//! `pylock.toml` and `pylock.NAME.toml`, lock version 1.0 (PEP 751), of March 2026,
//! <https://packaging.python.org/en/latest/specifications/pylock-toml/>. `dependencies` may be left
//! out, and most tools do; PDM writes them as its own, which are read too. What is installed by
//! default is needed, what only an extra adds may be missing, and what only dependency groups add
//! is for developing.

mod entry;
mod marker;

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Purl;
use serde::Deserialize;

use super::python_lock::{self, Locked};
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package, python};
use crate::{Presence, Scope, address};
use entry::Entry;
use marker::{Asked, may_be_met};

#[derive(Debug)]
pub(super) struct Pylock;

impl Cataloger for Pylock {
    fn name(&self) -> &'static str {
        "pylock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Python",
            reads: "`pylock.toml`, `pylock.*.toml`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::Some,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        let name = file_name(path).strip_prefix("pylock.");
        let named = name.and_then(|name| name.strip_suffix(".toml"));
        let named = named.is_some_and(|name| !name.is_empty() && !name.contains('.'));
        (named || name == Some("toml")) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match toml::from_str::<LockFile>(&list.text()) {
                Ok(file) => file.read(list, &mut found),
                Err(error) => {
                    let error = error.message();
                    found.unknown(list.path, &format!("not a lock file: {error}"));
                }
            }
        }
        found
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LockFile {
    lock_version: String,
    #[serde(default)]
    extras: Vec<String>,
    #[serde(default)]
    default_groups: Vec<String>,
    packages: Vec<Entry>,
}

impl LockFile {
    fn read(&self, list: ListFile<'_>, found: &mut Found) {
        let version = &self.lock_version;
        match version.split_once('.') {
            Some(("1", "0")) => {}
            // What else a later minor version says does not change what is said now.
            Some(("1", _)) => {
                found.unknown(list.path, &format!("lock-version {version} is not known"));
            }
            _ => {
                found.unknown(list.path, &format!("lock-version {version} is not read"));
                return;
            }
        }
        let asking = Scopes::of(self);
        let entries = self
            .packages
            .iter()
            .map(|entry| (entry, asking.of_entry(entry)));
        let entries: Vec<_> = entries.collect();
        let unread = entries.iter().find(|(_, scope)| scope.is_none());
        if let Some((entry, _)) = unread {
            let name = &entry.name;
            found.unknown(
                list.path,
                &format!("the marker of {name} is not understood"),
            );
        }
        let mut files = BTreeMap::<Purl, BTreeSet<&BTreeMap<String, String>>>::new();
        let mut places = Vec::new();
        for (entry, scope) in &entries {
            let package = entry.package(scope.unwrap_or(Scope::Required));
            if let Some(index) = found.add(list, package)
                && let Some(package) = found.packages.get(index)
            {
                let hashes = entry.files().map(|file| &file.hashes);
                files
                    .entry(package.purl.clone())
                    .or_default()
                    .extend(hashes);
                places.push((index, *entry));
            }
        }
        for (index, entry) in &places {
            // One package may be in several entries, each for other machines.
            if let Some(package) = found.packages.get_mut(*index)
                && files
                    .get(&package.purl)
                    .is_some_and(|files| files.len() == 1)
                && let Some(only) = python_lock::only(entry.files())
            {
                package.hashes.extend(only.digests());
                let url = only.url.clone();
                package.distribution = url.filter(|url| !address::holds_secret(url));
            }
        }
        found.edges.extend(edges(&places));
    }
}

fn edges(places: &[(usize, &Entry)]) -> Vec<(usize, usize)> {
    let mut locked = Locked::default();
    for (place, (_, entry)) in places.iter().enumerate() {
        locked.insert(&entry.name, entry.version(), place);
    }
    let mut edges = Vec::new();
    for (from, entry) in places {
        for needed in &entry.dependencies {
            let met = locked.meeting(&needed.name, needed.version.as_deref());
            let met = met.iter().filter_map(|place| places.get(*place));
            let met = met.filter(|(_, other)| other.meets(needed));
            edges.extend(met.map(|(to, _)| (*from, *to)));
        }
        for specifier in &entry.tool.pdm.dependencies {
            let met = locked.specified(specifier).iter();
            let met = met.filter_map(|place| places.get(*place));
            edges.extend(met.map(|(to, _)| (*from, *to)));
        }
    }
    edges
}

/// Who asks for what.
struct Scopes {
    by_default: Asked,
    with_extras: Asked,
}

impl Scopes {
    fn of(file: &LockFile) -> Self {
        let normalised = |names: &[String]| {
            let names = names.iter().map(|name| python::normalise(name));
            names.collect::<BTreeSet<_>>()
        };
        let by_default = Asked {
            extras: BTreeSet::new(),
            groups: normalised(&file.default_groups),
        };
        let with_extras = Asked {
            extras: normalised(&file.extras),
            ..by_default.clone()
        };
        Self {
            by_default,
            with_extras,
        }
    }

    /// `None` if its marker cannot be read.
    fn of_entry(&self, entry: &Entry) -> Option<Scope> {
        let Some(marker) = &entry.marker else {
            return Some(Scope::Required);
        };
        if may_be_met(marker, &self.by_default)? {
            return Some(Scope::Required);
        }
        if may_be_met(marker, &self.with_extras)? {
            return Some(Scope::Optional);
        }
        Some(Scope::Excluded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_specification_are_lock_files() {
        let wants = |path| Pylock.wants(path);
        assert!(wants("pylock.toml"));
        assert!(wants("app/pylock.prod.toml"));
        assert!(!wants("pylock.a.b.toml"));
        assert!(!wants("pylock..toml"));
        assert!(!wants("mypylock.toml"));
        assert!(!wants("venv/lib/site-packages/x/pylock.toml"));
    }
}
