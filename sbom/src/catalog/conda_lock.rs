//! Packages that conda-lock's lock file declares.
//!
//! `conda-lock.yml` and `*.conda-lock.yml`, version 1, as conda-lock 3 writes them,
//! <https://conda.github.io/conda-lock/output/>. It locks each platform for itself, and beside
//! packages of conda those of pip. A package that is in several categories is listed once for each.
//! The file of a package of pip that is locked depends on the platform: of several, none is the
//! package.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Algorithm, Digest, Purl, PurlError};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::conda_archive::{self, Archive};
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package, python, python_lock, yaml};
use crate::{Package, Presence, Scope, address};

#[derive(Debug)]
pub(super) struct CondaLock;

impl Cataloger for CondaLock {
    fn name(&self) -> &'static str {
        "conda-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "conda",
            reads: "`conda-lock.yml`, `*.conda-lock.yml`, version 1, also packages of pip",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        let name = file_name(path);
        let stem = NAMES.iter().find_map(|end| name.strip_suffix(end));
        stem.is_some_and(|stem| stem.is_empty() || stem.ends_with('.')) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match yaml::read::<LockFile>(&list.text()) {
                Ok(LockFile {
                    version: 1,
                    package,
                }) => read(list, &package, &mut found),
                Ok(LockFile { version, .. }) => {
                    found.unknown(list.path, &format!("version {version} is not read"));
                }
                Err(reason) => found.unknown(list.path, &reason),
            }
        }
        found
    }
}

const NAMES: [&str; 2] = ["conda-lock.yml", "conda-lock.yaml"];

#[derive(Deserialize)]
struct LockFile {
    version: u64,
    #[serde(default)]
    package: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
    manager: Manager,
    platform: String,
    #[serde(default)]
    dependencies: BTreeMap<String, Option<String>>,
    url: String,
    #[serde(default)]
    hash: Hash,
    /// What somebody asked for by address and not by name.
    source: Option<IgnoredAny>,
    build: Option<String>,
    category: Option<String>,
    #[serde(default)]
    optional: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
enum Manager {
    Conda,
    Pip,
}

#[derive(Default, Deserialize)]
struct Hash {
    sha256: Option<String>,
}

impl Entry {
    fn package(&self) -> Result<Package, PurlError> {
        let package = match self.manager {
            Manager::Conda => self.of_conda()?,
            Manager::Pip => self.of_pip()?,
        };
        let mut package = package.declared();
        package.scope = match self.category.as_deref() {
            Some("dev") => Scope::Excluded,
            None | Some("main") if !self.optional => Scope::Required,
            _ => Scope::Optional,
        };
        Ok(package)
    }

    fn of_conda(&self) -> Result<Package, PurlError> {
        let archive = Archive {
            name: &self.name,
            version: &self.version,
            build: self.build.as_deref(),
            url: Some(&self.url),
            ..Archive::default()
        };
        archive.package()
    }

    fn of_pip(&self) -> Result<Package, PurlError> {
        let name = python::normalise(&self.name);
        let purl = Purl::builder("pypi", &name).with_version(&self.version);
        if self.repository().is_some() {
            let address = self.url.split('#').next().unwrap_or_default();
            let purl = purl.with_qualifier("vcs_url", &address::without_secret(address));
            return Ok(Package::new(&self.name, &self.version, purl.build()?));
        }
        let address = conda_archive::without_token(&self.url);
        let by_address = address.as_deref().filter(|_| self.source.is_some());
        let by_address = by_address.map(address::without_secret);
        let purl = purl.with_qualifier("download_url", &by_address.unwrap_or_default());
        let mut package = Package::new(&self.name, &self.version, purl.build()?);
        package.distribution = address;
        Ok(package)
    }

    /// The tool of a repository that holds it: `git` of `git+https://…`.
    fn repository(&self) -> Option<&str> {
        let (scheme, _) = self.url.split_once("://")?;
        let (tool, _) = scheme.split_once('+')?;
        Some(tool)
    }

    /// Of a repository there is no file that it could be the digest of.
    fn digest(&self) -> Option<Digest> {
        let value = self.hash.sha256.as_deref()?;
        let digest = Digest::new(Algorithm::Sha256, value).ok();
        digest.filter(|_| self.repository().is_none())
    }

    fn key<'a>(&'a self, manager: Manager, name: &'a str) -> (&'a str, Manager, String) {
        let name = match manager {
            Manager::Conda => name.to_owned(),
            Manager::Pip => python::normalise(name),
        };
        (self.platform.as_str(), manager, name)
    }
}

fn read(list: ListFile<'_>, entries: &[Entry], found: &mut Found) {
    let mut positions = BTreeMap::new();
    let mut files = BTreeMap::<Purl, BTreeSet<(Option<Digest>, Option<String>)>>::new();
    let mut listed = Vec::new();
    for entry in entries {
        let Some(index) = found.add(list, entry.package()) else {
            continue;
        };
        // A platform has one version of a name, in each of its categories.
        positions
            .entry(entry.key(entry.manager, &entry.name))
            .or_insert(index);
        listed.push((index, entry));
        if let Some(package) = found.packages.get_mut(index) {
            let file = (entry.digest(), package.distribution.take());
            files.entry(package.purl.clone()).or_default().insert(file);
        }
    }
    for (index, entry) in listed {
        if let Some(package) = found.packages.get_mut(index)
            && let Some(files) = files.get(&package.purl)
            && let Some((digest, address)) = python_lock::only(files)
        {
            package.hashes.extend(digest.clone());
            package.distribution.clone_from(address);
        }
        let needed = entry.dependencies.keys().filter_map(|name| {
            // What pip's packages need may be installed by conda, never the other way round.
            let by_pip = positions.get(&entry.key(Manager::Pip, name));
            let by_pip = by_pip.filter(|_| entry.manager == Manager::Pip);
            by_pip.or_else(|| positions.get(&entry.key(Manager::Conda, name)))
        });
        found.edges.extend(needed.map(|to| (index, *to)));
    }
}
