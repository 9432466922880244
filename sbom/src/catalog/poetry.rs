//! Python packages that Poetry's lock file declares.
//!
//! poetry.lock, lock versions 1.0 to 2.1, <https://python-poetry.org/docs/2.1/basic-usage/>.

use std::collections::BTreeMap;

use bulla_model::PurlError;
use serde::Deserialize;
use toml::Value;

use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package, lock, python};
use crate::{Package, Presence, Scope};

#[derive(Debug)]
pub(super) struct Poetry;

impl Cataloger for Poetry {
    fn name(&self) -> &'static str {
        "poetry"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Python",
            reads: "`poetry.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "poetry.lock" && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match toml::from_str::<LockFile>(&list.text()) {
                Ok(file) => {
                    if !file.metadata.is_known() {
                        found.unknown(list.path, "its version is newer than what is known");
                    }
                    read(list, &file, &mut found);
                }
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
struct LockFile {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    lock_version: Option<String>,
}

impl Metadata {
    /// Absent of the oldest files.
    fn is_known(&self) -> bool {
        let major = self.lock_version.as_deref().map(|version| {
            let major = version.split('.').next().unwrap_or_default();
            major.parse::<u32>().unwrap_or(u32::MAX)
        });
        major.is_none_or(|major| major <= 2)
    }
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    description: Option<String>,
    #[serde(default)]
    optional: bool,
    /// Until lock version 1.1: `main` or `dev`.
    category: Option<String>,
    /// Since lock version 2.1.
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
}

impl Locked {
    // A locked version has several files with a digest each; which one is installed depends on the
    // machine, so that none of them is the package's.
    fn package(&self) -> Result<Package, PurlError> {
        let purl = python::purl(&self.name, &self.version)?;
        let mut package = Package::new(&self.name, &self.version, purl).declared();
        package.description = self.description.clone().filter(|text| !text.is_empty());
        package.scope = self.scope();
        Ok(package)
    }

    fn scope(&self) -> Scope {
        let elsewhere = !self.groups.is_empty() && !self.groups.iter().any(|group| group == "main");
        match self.category.as_deref() {
            Some("dev") => Scope::Excluded,
            _ if elsewhere => Scope::Excluded,
            _ if self.optional => Scope::Optional,
            _ => Scope::Required,
        }
    }
}

fn read(list: ListFile<'_>, file: &LockFile, found: &mut Found) {
    let mut positions = BTreeMap::<String, Vec<usize>>::new();
    let mut listed = Vec::new();
    for locked in &file.package {
        if let Some(index) = found.add(list, locked.package()) {
            let name = python::normalise(&locked.name);
            positions.entry(name).or_default().push(index);
            listed.push((index, locked));
        }
    }
    // Of several versions of one name the markers say which, for a machine nobody knows: all may be.
    let edges = listed.iter().flat_map(|(from, locked)| {
        let names = locked.dependencies.keys();
        let met = names.filter_map(|name| positions.get(&python::normalise(name)));
        let met = met.flat_map(|all| all.iter().take(lock::VERSIONS));
        met.map(|to| (*from, *to))
    });
    found.edges.extend(edges);
}
