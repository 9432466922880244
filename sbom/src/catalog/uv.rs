//! Python packages that uv's lock file declares.
//!
//! uv.lock, version 1, <https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile>.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::{Digest, Purl, PurlError};
use serde::Deserialize;

use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package, lock, python, python_lock};
use crate::{Package, Presence, Scope, address};

#[derive(Debug)]
pub(super) struct Uv;

impl Cataloger for Uv {
    fn name(&self) -> &'static str {
        "uv"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Python",
            reads: "`uv.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "uv.lock" && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match toml::from_str::<LockFile>(&list.text()) {
                Ok(file) => {
                    if file.version.is_some_and(|version| version > VERSION) {
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
    version: Option<u64>,
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Locked {
    name: String,
    /// Absent of projects whose version is computed.
    version: Option<String>,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    dependencies: Vec<Needed>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Needed>>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Vec<Needed>>,
    sdist: Option<Artifact>,
    #[serde(default)]
    wheels: Vec<Artifact>,
}

#[derive(Default, Deserialize)]
struct Source {
    editable: Option<String>,
    git: Option<String>,
    registry: Option<String>,
    url: Option<String>,
    r#virtual: Option<String>,
}

#[derive(Deserialize)]
struct Needed {
    name: String,
    version: Option<String>,
}

#[derive(Deserialize)]
struct Artifact {
    hash: Option<String>,
}

impl Source {
    /// The qualifier that says where it is from, if not from the default index.
    fn origin(&self) -> (&'static str, String) {
        if let Some(git) = &self.git {
            let (address, revision) = match git.rsplit_once('#') {
                Some((address, revision)) => (address, Some(revision)),
                None => (git.as_str(), None),
            };
            let (address, query) = address.split_once('?').unwrap_or((address, ""));
            let folder = query
                .split('&')
                .find_map(|part| part.strip_prefix("subdirectory="));
            return ("vcs_url", lock::vcs_url("git", address, revision, folder));
        }
        if let Some(url) = &self.url {
            return ("download_url", address::without_secret(url));
        }
        match &self.registry {
            Some(registry) if !python_lock::is_default_index(registry) => {
                ("repository_url", address::without_secret(registry))
            }
            _ => Default::default(),
        }
    }
}

impl Locked {
    fn package(&self, scope: Scope) -> Result<Package, PurlError> {
        let version = self.version.as_deref().unwrap_or_default();
        let (key, value) = self.source.origin();
        let name = python::normalise(&self.name);
        let purl = Purl::builder("pypi", &name).with_version(version);
        let purl = purl.with_qualifier(key, &value).build()?;
        let mut package = Package::new(&self.name, version, purl).declared();
        package.scope = scope;
        // Of several files, which one is installed depends on the machine.
        let mut files = self.sdist.iter().chain(&self.wheels);
        if let (Some(only), None) = (files.next(), files.next()) {
            let hash = only.hash.as_deref().and_then(|hash| hash.split_once(':'));
            let digest = hash
                .and_then(|(algorithm, value)| Digest::new(algorithm.parse().ok()?, value).ok());
            package.hashes.extend(digest);
        }
        Ok(package)
    }

    /// Whether it is a project that was locked, and not one that is fetched.
    fn is_root(&self) -> bool {
        self.source.editable.is_some() || self.source.r#virtual.is_some()
    }
}

/// Places of packages in the file.
struct Places<'a>(BTreeMap<&'a str, Vec<usize>>, &'a [Locked]);

impl<'a> Places<'a> {
    fn of(packages: &'a [Locked]) -> Self {
        let mut places = BTreeMap::<&str, Vec<usize>>::new();
        for (place, locked) in packages.iter().enumerate() {
            places.entry(&locked.name).or_default().push(place);
        }
        Self(places, packages)
    }

    /// Those that meet it: all of its name, if it does not say which version.
    fn meeting<'b>(&'b self, needed: &'b Needed) -> impl Iterator<Item = usize> + 'b {
        let places = self.0.get(needed.name.as_str()).into_iter().flatten();
        let places = places.take(lock::VERSIONS);
        places.copied().filter(|place| {
            let locked = self.1.get(*place).and_then(|one| one.version.as_ref());
            needed.version.is_none() || needed.version.as_ref() == locked
        })
    }

    /// What is reached from these by what they always need.
    fn reached(&self, from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut pending: Vec<_> = from.into_iter().collect();
        while let Some(place) = pending.pop() {
            let locked = self.1.get(place).filter(|_| reached.insert(place));
            let needed = locked.into_iter().flat_map(|one| &one.dependencies);
            pending.extend(needed.flat_map(|one| self.meeting(one)));
        }
        reached
    }
}

/// The newest version of the format that is known.
const VERSION: u64 = 1;

fn read(list: ListFile<'_>, file: &LockFile, found: &mut Found) {
    let places = Places::of(&file.package);
    let numbered = || file.package.iter().enumerate();
    let roots: Vec<_> = numbered().filter(|(_, one)| one.is_root()).collect();
    let required = places.reached(roots.iter().map(|(place, _)| *place));
    let extras = roots
        .iter()
        .flat_map(|(_, one)| one.optional_dependencies.values());
    let extras = extras.flatten().flat_map(|needed| places.meeting(needed));
    let optional = places.reached(extras.collect::<Vec<_>>());
    let scope = |place: &usize| match (required.contains(place), optional.contains(place)) {
        // Without a project nothing says what is only for developing.
        _ if roots.is_empty() => Scope::Required,
        (true, _) => Scope::Required,
        (false, true) => Scope::Optional,
        (false, false) => Scope::Excluded,
    };
    let indexes = numbered().map(|(place, locked)| found.add(list, locked.package(scope(&place))));
    let indexes: Vec<_> = indexes.collect();
    let index = |place: usize| indexes.get(place).copied().flatten();
    for (place, locked) in numbered() {
        let all = locked
            .optional_dependencies
            .values()
            .chain(locked.dev_dependencies.values())
            .flatten();
        let all = locked.dependencies.iter().chain(all);
        let met = all
            .flat_map(|needed| places.meeting(needed))
            .filter_map(index);
        if let Some(from) = index(place) {
            found.edges.extend(met.map(|to| (from, to)));
        }
    }
}
