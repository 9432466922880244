//! npm packages that Bun's lock file declares.
//!
//! `bun.lock`, lockfileVersion 0 and 1, <https://bun.com/docs/pm/lockfile>; its items are described in
//! Bun 1.2, `packages/bun-types/bun.d.ts`, `BunLockFile`. The binary `bun.lockb` is not read. Archives
//! of registries are the usual ones, wherever the registry is.

mod links;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::PurlError;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name,
    is_inside_package, jsonc, lock, npm_origin::Origin, yarn::split,
};
use crate::{Package, Presence};
use links::Links;
use tree::Tree;

#[derive(Debug)]
pub(super) struct Bun;

impl Cataloger for Bun {
    fn name(&self) -> &'static str {
        "bun"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "npm",
            reads: "`bun.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        ["bun.lock", "bun.lockb"].contains(&file_name(path)) && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            if file_name(list.path) == "bun.lockb" {
                found.unknown(list.path, BINARY);
                continue;
            }
            match jsonc::read::<LockFile>(list) {
                Ok(file) => read(list, &file, &mut found),
                Err(error) => found.unknown(list.path, &format!("not a lock file: {error}")),
            }
        }
        found
    }
}

const BINARY: &str = "a binary lock file is not read; \
    `bun install --save-text-lockfile --frozen-lockfile --lockfile-only` writes bun.lock";

/// The newest version of the format that is known.
const VERSION: u64 = 1;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LockFile {
    lockfile_version: u64,
    /// Projects by their folder.
    #[serde(default)]
    workspaces: BTreeMap<String, Needs>,
    /// By the path of names that leads there: `left`, or `right/left` for a `left` of its own.
    #[serde(default)]
    packages: BTreeMap<String, Vec<Value>>,
}

/// What a project or package needs.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Needs {
    name: Option<String>,
    version: Option<String>,
    dependencies: BTreeMap<String, Value>,
    dev_dependencies: BTreeMap<String, Value>,
    optional_dependencies: BTreeMap<String, Value>,
    peer_dependencies: BTreeMap<String, Value>,
    optional_peers: BTreeSet<String>,
}

impl Needs {
    /// Names that it cannot do without.
    fn strong(&self) -> impl Iterator<Item = &String> {
        let peers = self.peer_dependencies.keys();
        let peers = peers.filter(|name| !self.optional_peers.contains(*name));
        self.dependencies.keys().chain(peers)
    }

    fn weak(&self) -> impl Iterator<Item = &String> {
        self.optional_dependencies
            .keys()
            .chain(&self.optional_peers)
    }
}

/// One item of `packages`.
struct Row<'a> {
    name: &'a str,
    /// A version, or what stands for one.
    resolution: &'a str,
    items: &'a [Value],
    needs: Needs,
}

impl<'a> Row<'a> {
    fn of(items: &'a [Value]) -> Option<Self> {
        let (name, resolution) = split(items.first()?.as_str()?)?;
        let needs = items.iter().find(|item| item.is_object());
        let needs = needs.map(Needs::deserialize).transpose().ok()?;
        Some(Self {
            name,
            resolution,
            items,
            needs: needs.unwrap_or_default(),
        })
    }

    /// The folder of a project.
    fn workspace(&self) -> Option<&'a str> {
        self.resolution.strip_prefix("workspace:")
    }

    fn is_of_registry(&self) -> bool {
        self.resolution
            .starts_with(|first: char| first.is_ascii_digit())
    }

    fn package(&self, file: &LockFile) -> Result<Package, PurlError> {
        let workspace = self
            .workspace()
            .and_then(|folder| file.workspaces.get(folder));
        let version = match workspace {
            Some(workspace) => workspace.version.as_deref().unwrap_or_default(),
            None if self.is_of_registry() => self.resolution,
            None => "",
        };
        let text = |place: usize| self.items.get(place).and_then(Value::as_str);
        let origin = self.origin();
        let purl = origin.purl(self.name, version)?;
        let mut package = Package::new(self.name, version, purl).declared();
        let address = text(1).filter(|text| text.starts_with("http") && self.is_of_registry());
        package.distribution = address.map(str::to_owned);
        // Archives have no registry's address before it.
        let is_archive = matches!(origin, Origin::Archive(_));
        let integrity = text(if is_archive { 2 } else { 3 });
        // What is said of a repository is of an archive that was made of it.
        let integrity = integrity.filter(|_| !origin.is_git());
        package
            .hashes
            .extend(integrity.into_iter().flat_map(lock::integrity));
        Ok(package)
    }

    fn origin(&self) -> Origin {
        if self.is_of_registry() {
            return Origin::Usual;
        }
        let Some(short) = self.resolution.strip_prefix("github:") else {
            return Origin::of(self.resolution).unwrap_or_default();
        };
        let (place, commit) = short.split_once('#').unwrap_or((short, ""));
        let commit = Some(commit).filter(|commit| !commit.is_empty());
        let address = format!("https://github.com/{place}");
        Origin::Git(lock::vcs_url("git", &address, commit, None))
    }
}

fn read(list: ListFile<'_>, file: &LockFile, found: &mut Found) {
    if file.lockfile_version > VERSION {
        found.unknown(list.path, "its version is newer than what is known");
    }
    let mut indexes = BTreeMap::<&str, usize>::new();
    let mut rows = Vec::new();
    let mut projects = BTreeMap::<&str, usize>::new();
    let mut nameless = 0usize;
    for (key, items) in &file.packages {
        let Some(row) = Row::of(items) else {
            nameless = nameless.saturating_add(1);
            continue;
        };
        if let Some(index) = found.add(list, row.package(file)) {
            indexes.insert(key, index);
            projects.extend(row.workspace().map(|folder| (folder, index)));
            rows.push((index, row));
        }
    }
    if nameless > 0 {
        let reason = format!("{nameless} packages have no name and version");
        found.unknown(list.path, &reason);
    }
    let tree = Tree::of(&indexes);
    let mut links = Links::default();
    for (from, row) in rows.iter().filter(|(_, row)| row.workspace().is_none()) {
        links.package(*from, &row.needs, &tree);
    }
    for (folder, needs) in &file.workspaces {
        let mut project = projects.get(folder.as_str()).copied();
        // Bun does not list the outermost project among the packages.
        if let (None, true, Some(name)) = (project, folder.is_empty(), &needs.name) {
            project = found.add(list, outermost(name, needs));
        }
        links.project(project, needs, &tree);
    }
    let scopes = links.scopes();
    for (index, _) in rows {
        if let Some(package) = found.packages.get_mut(index) {
            package.scope = scopes.of(index);
        }
    }
    found.edges.extend(links.all());
}

/// The project that all others lie in.
fn outermost(name: &str, needs: &Needs) -> Result<Package, PurlError> {
    let version = needs.version.as_deref().unwrap_or_default();
    let purl = Origin::Usual.purl(name, version)?;
    Ok(Package::new(name, version, purl).declared())
}
