//! Python packages that PDM's lock file declares.
//!
//! pdm.lock, lock versions 4.0 to 4.5, as PDM 2 writes it,
//! <https://pdm-project.org/en/latest/usage/lockfile/>. The file names groups and does not say which of
//! them are extras of the project and which are for developing it: that is in the `pyproject.toml`
//! beside it, whose format is <https://packaging.python.org/en/latest/specifications/pyproject-toml/>.
//! Where that is missing, what is in no default group may be missing. Until lock version 4.2 packages
//! name no groups; then all of them are needed.

mod groups;

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};
use serde::Deserialize;

use super::python_lock::{self, Locked};
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package, lock, python};
use crate::{Package, Presence, address};
use groups::Groups;

#[derive(Debug)]
pub(super) struct Pdm;

impl Cataloger for Pdm {
    fn name(&self) -> &'static str {
        "pdm"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Python",
            reads: "`pdm.lock`, `pdm.*.lock`, lock versions 4, groups from `pyproject.toml`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        (is_lock_file(path) || file_name(path) == PROJECT) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let wants = |path: &str| is_lock_file(path) && self.wants(path);
        let folders = context.files(wants).map(|list| folder(list.path)).collect();
        let groups = Groups::read(context, &folders, &mut found);
        for list in context.files(wants) {
            match toml::from_str::<LockFile>(&list.text()) {
                Ok(file) => read(list, &file, groups.get(folder(list.path)), &mut found),
                Err(error) => {
                    let error = error.message();
                    found.unknown(list.path, &format!("not a lock file: {error}"));
                }
            }
        }
        found
    }
}

/// What says which groups there are.
const PROJECT: &str = "pyproject.toml";

/// Other names are of files that lock some of the groups.
fn is_lock_file(path: &str) -> bool {
    let stem = file_name(path).strip_suffix(".lock");
    stem.is_some_and(|stem| stem == "pdm" || stem.starts_with("pdm."))
}

fn folder(path: &str) -> &str {
    path.strip_suffix(file_name(path)).unwrap_or_default()
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    lock_version: Option<String>,
    /// Until lock version 4.2, by name and version.
    #[serde(default)]
    files: BTreeMap<String, Vec<Artifact>>,
}

/// A package, or one with some of its extras, which is a second entry of the same.
#[derive(Deserialize)]
struct Entry {
    name: String,
    version: Option<String>,
    summary: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    files: Vec<Artifact>,
    url: Option<String>,
    git: Option<String>,
    hg: Option<String>,
    svn: Option<String>,
    bzr: Option<String>,
    revision: Option<String>,
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
struct Artifact {
    /// Where addresses are locked.
    url: Option<String>,
    hash: Option<String>,
}

impl Entry {
    fn version(&self) -> &str {
        self.version.as_deref().unwrap_or_default()
    }

    fn package(&self, elsewhere: &[Artifact]) -> Result<Package, PurlError> {
        let purl = Purl::builder("pypi", &python::normalise(&self.name));
        let (key, value) = self.origin();
        let purl = purl
            .with_version(self.version())
            .with_qualifier(key, &value)
            .build()?;
        let mut package = Package::new(&self.name, self.version(), purl).declared();
        package.description = self.summary.clone().filter(|text| !text.is_empty());
        let only = python_lock::only(self.files.iter().chain(elsewhere));
        let hash = only.and_then(|file| file.hash.as_deref());
        package.hashes.extend(hash.and_then(python_lock::digest));
        let address = only.and_then(|file| file.url.clone());
        package.distribution = address.or_else(|| self.url.clone().filter(|url| is_remote(url)));
        Ok(package)
    }

    /// The qualifier that says where a package is from, if not from an index.
    fn origin(&self) -> (&'static str, String) {
        let tools = [
            ("git", &self.git),
            ("hg", &self.hg),
            ("svn", &self.svn),
            ("bzr", &self.bzr),
        ];
        let vcs = tools
            .into_iter()
            .find_map(|(tool, address)| Some((tool, address.as_deref()?)));
        if let Some((tool, address)) = vcs {
            let (revision, folder) = (self.revision.as_deref(), self.subdirectory.as_deref());
            return ("vcs_url", lock::vcs_url(tool, address, revision, folder));
        }
        match self.url.as_deref().filter(|url| is_remote(url)) {
            Some(url) => ("download_url", address::without_secret(url)),
            None => Default::default(),
        }
    }
}

/// Whether an address leads away from the machine on which the file was written.
fn is_remote(url: &str) -> bool {
    url.contains("://") && !url.starts_with("file:")
}

fn read(list: ListFile<'_>, file: &LockFile, groups: Option<&Groups>, found: &mut Found) {
    let Some(version) = file.metadata.lock_version.as_deref() else {
        found.unknown(list.path, "not a lock file: no lock_version");
        return;
    };
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(4)), None | Some(Ok(0..=5))) => {}
        // PDM does not read what is later either; names and versions are still said the same way.
        (Some(Ok(4)), _) => {
            found.unknown(list.path, &format!("lock_version {version} is not known"));
        }
        _ => {
            found.unknown(list.path, &format!("lock_version {version} is not read"));
            return;
        }
    }
    let mut locked = Locked::default();
    let mut listed = Vec::new();
    for entry in &file.package {
        let key = format!("{} {}", entry.name, entry.version());
        let elsewhere = file.metadata.files.get(&key);
        let package = entry.package(elsewhere.map(Vec::as_slice).unwrap_or_default());
        let package = package.map(|mut package| {
            package.scope = Groups::scope(groups, &entry.groups);
            package
        });
        if let Some(index) = found.add(list, package) {
            locked.insert(&entry.name, entry.version(), index);
            listed.push((index, entry));
        }
    }
    let edges = listed.iter().flat_map(|(from, entry)| {
        let needed = entry.dependencies.iter();
        let met = needed.flat_map(|specifier| locked.specified(specifier));
        met.map(|to| (*from, *to))
    });
    found.edges.extend(edges);
}
