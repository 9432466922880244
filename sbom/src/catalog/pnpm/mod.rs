//! npm packages that pnpm's lock file declares.
//!
//! `pnpm-lock.yaml`, versions 5 to 9, <https://github.com/pnpm/spec/blob/master/lockfile/9.0.md> and the
//! files beside it. One package may be there for several sets of peers; it is listed once, and needs
//! what any of them needs.

mod key;

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Purl, PurlError};
use serde::Deserialize;

use self::key::Key;
use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name,
    is_inside_package, lock, npm, yaml,
};
use crate::{Package, Presence, Scope, address};

#[derive(Debug)]
pub(super) struct Pnpm;

impl Cataloger for Pnpm {
    fn name(&self) -> &'static str {
        "pnpm"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "npm",
            reads: "`pnpm-lock.yaml`, versions 5 to 9",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "pnpm-lock.yaml" && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match yaml::read::<LockFile>(&list.text()) {
                Ok(file) => read(list, &file, &mut found),
                Err(reason) => found.unknown(list.path, &reason),
            }
        }
        found
    }
}

/// The versions of the file that are known.
const VERSIONS: std::ops::RangeInclusive<u64> = 5..=9;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LockFile {
    lockfile_version: String,
    #[serde(default)]
    importers: BTreeMap<String, Importer>,
    /// Of a single project before version 9.
    #[serde(flatten)]
    only: Importer,
    #[serde(default)]
    packages: BTreeMap<String, Locked>,
    /// Since version 9 what packages need stands apart.
    #[serde(default)]
    snapshots: BTreeMap<String, Locked>,
}

/// What a project needs, by kind.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Importer {
    #[serde(default)]
    dependencies: BTreeMap<String, Reference>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Reference>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Reference>,
}

/// A version, or what leads to one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Version(String),
    Specified { version: String },
}

impl Reference {
    fn version(&self) -> &str {
        match self {
            Self::Version(version) | Self::Specified { version } => version,
        }
    }
}

#[derive(Default, Deserialize)]
struct Locked {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    resolution: Resolution,
    #[serde(default)]
    dependencies: BTreeMap<String, Reference>,
    #[serde(default, rename = "optionalDependencies")]
    optional_dependencies: BTreeMap<String, Reference>,
}

#[derive(Default, Deserialize)]
struct Resolution {
    integrity: Option<String>,
    tarball: Option<String>,
    repo: Option<String>,
    commit: Option<String>,
    path: Option<String>,
}

impl Resolution {
    /// The qualifier that says where a package is from, if not from a registry.
    fn origin(&self, is_of_registry: bool) -> (&'static str, String) {
        if let (Some(repository), commit) = (&self.repo, self.commit.as_deref()) {
            let folder = self.path.as_deref();
            return ("vcs_url", lock::vcs_url("git", repository, commit, folder));
        }
        match &self.tarball {
            Some(tarball) if !is_of_registry => ("download_url", address::without_secret(tarball)),
            _ => Default::default(),
        }
    }
}

impl Locked {
    fn package(&self, key: &Key<'_>) -> Option<Result<Package, PurlError>> {
        let name = self.name.as_deref().unwrap_or(key.name);
        let version = self.version.as_deref().or(key.version())?;
        let (qualifier, value) = self.resolution.origin(key.version().is_some());
        Some(purl(name, version, qualifier, &value).map(|purl| {
            let mut package = Package::new(name, version, purl).declared();
            let integrity = self.resolution.integrity.iter();
            package
                .hashes
                .extend(integrity.flat_map(|text| lock::integrity(text)));
            package
        }))
    }
}

fn purl(name: &str, version: &str, key: &str, value: &str) -> Result<Purl, PurlError> {
    let mut parts = npm::purl(name, version)?.parts();
    if !value.is_empty() {
        parts.qualifiers.insert(key.to_owned(), value.to_owned());
    }
    parts.build()
}

fn read(list: ListFile<'_>, file: &LockFile, found: &mut Found) {
    let major = file.lockfile_version.split('.').next().unwrap_or_default();
    let major = major.parse::<u64>().unwrap_or(u64::MAX);
    if !VERSIONS.contains(&major) {
        found.unknown(list.path, "its version is not one that is known");
    }
    let mut indexes = BTreeMap::<(&str, &str), usize>::new();
    let mut nameless = 0usize;
    for (text, locked) in &file.packages {
        let key = Key::of(text);
        let Some(package) = key.as_ref().and_then(|key| locked.package(key)) else {
            nameless = nameless.saturating_add(1);
            continue;
        };
        if let (Some(index), Some(key)) = (found.add(list, package), key) {
            indexes.entry(key.identity()).or_insert(index);
        }
    }
    if nameless > 0 {
        let reason = format!("{nameless} packages have no name and version");
        found.unknown(list.path, &reason);
    }
    let to = |name: &str, reference: &str| {
        let key = Key::referred(name, reference)?;
        indexes.get(&key.identity()).copied()
    };
    // What may be missing is no reason to need what it needs.
    let (mut edges, mut weak) = (BTreeSet::new(), BTreeSet::new());
    for (text, locked) in file.packages.iter().chain(&file.snapshots) {
        let from = Key::of(text).and_then(|key| indexes.get(&key.identity()).copied());
        let Some(from) = from else { continue };
        let all = [
            (&mut edges, &locked.dependencies),
            (&mut weak, &locked.optional_dependencies),
        ];
        for (edges, needs) in all {
            let needs = needs.iter();
            let needs = needs.filter_map(|(name, one)| to(name, one.version()));
            edges.extend(needs.map(|to| (from, to)));
        }
    }
    let projects = file.importers.values().chain([&file.only]);
    let asked = |kind: fn(&Importer) -> &BTreeMap<String, Reference>| {
        let all = projects.clone().flat_map(kind);
        all.filter_map(|(name, one)| to(name, one.version()))
            .collect::<Vec<_>>()
    };
    let required = reached(&edges, asked(|one| &one.dependencies));
    let mut perhaps = asked(|one| &one.optional_dependencies);
    let weakly = weak.iter().filter(|(from, _)| required.contains(from));
    perhaps.extend(weakly.map(|(_, to)| *to));
    let all: BTreeSet<_> = edges.union(&weak).copied().collect();
    let optional = reached(&all, perhaps);
    let excluded = reached(&all, asked(|one| &one.dev_dependencies));
    for index in indexes.values() {
        let scope = match index {
            one if required.contains(one) => Scope::Required,
            one if optional.contains(one) => Scope::Optional,
            one if excluded.contains(one) => Scope::Excluded,
            // Nobody asks for it: which it is nobody says.
            _ => Scope::Required,
        };
        if let Some(package) = found.packages.get_mut(*index) {
            package.scope = scope;
        }
    }
    found.edges.extend(all);
}

/// What is needed by these, and they themselves.
pub(super) fn reached(edges: &BTreeSet<(usize, usize)>, from: Vec<usize>) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut pending = from;
    while let Some(one) = pending.pop() {
        if reached.insert(one) {
            let needs = edges.range((one, 0)..=(one, usize::MAX));
            pending.extend(needs.map(|(_, to)| *to));
        }
    }
    reached
}
