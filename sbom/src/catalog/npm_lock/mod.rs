//! npm packages that a lock file declares.
//!
//! package-lock.json, lockfileVersion 1 to 3, <https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json>.

mod nested;

use std::collections::BTreeMap;

use bulla_model::PurlError;
use serde::Deserialize;
use serde_json::Value;

use self::nested::Nested;
use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name,
    is_inside_package, lock, npm, npm_origin::Origin,
};
use crate::source::SourceKind;
use crate::{Package, Presence, Scope};

#[derive(Debug)]
pub(super) struct NpmLock;

impl Cataloger for NpmLock {
    fn name(&self) -> &'static str {
        "npm-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "npm",
            reads: "`package-lock.json`, `npm-shrinkwrap.json`, versions 1 to 3",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        ["package-lock.json", "npm-shrinkwrap.json"].contains(&file_name(path))
            && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match list.read_json::<LockFile>() {
                Err(error) => found.unknown(list.path, &format!("not a lock file: {error}")),
                Ok(LockFile {
                    packages: Some(packages),
                    ..
                }) => {
                    read(list, &packages, context, &mut found);
                }
                Ok(LockFile {
                    version: None | Some(1),
                    dependencies: Some(dependencies),
                    ..
                }) => match nested::flat(dependencies) {
                    Some(entries) => read(list, &entries, context, &mut found),
                    None => found.unknown(list.path, "its names take more than is read"),
                },
                // A project without packages.
                Ok(LockFile {
                    version: Some(1), ..
                }) => {}
                Ok(LockFile { version, .. }) => {
                    let version = version.unwrap_or_default();
                    found.unknown(list.path, &format!("lockfileVersion {version} is not read"));
                }
            }
        }
        found
    }
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(rename = "lockfileVersion")]
    version: Option<u64>,
    packages: Option<BTreeMap<String, Entry>>,
    dependencies: Option<BTreeMap<String, Nested>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the fields of the file"
)]
struct Entry {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    dev: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    dev_optional: bool,
    dependencies: Option<BTreeMap<String, Value>>,
    dev_dependencies: Option<BTreeMap<String, Value>>,
    optional_dependencies: Option<BTreeMap<String, Value>>,
    peer_dependencies: Option<BTreeMap<String, Value>>,
    license: Option<Value>,
}

impl Entry {
    fn package(&self, key: &str) -> Option<Result<Package, PurlError>> {
        let by_key = key.rsplit_once("node_modules/").map(|(_, name)| name);
        let name = self
            .name
            .as_deref()
            .or(by_key)
            .filter(|name| !name.is_empty())?;
        let version = self.version.as_deref()?;
        // Archives of registries are the usual ones, wherever the registry is.
        let resolved = self.resolved.as_deref().filter(|_| !self.link);
        let origin = resolved.and_then(Origin::of).filter(Origin::is_git);
        let purl = origin.unwrap_or_default().purl(name, version);
        Some(purl.map(|purl| {
            let mut package = Package::new(name, version, purl).declared();
            package.scope = match (self.dev, self.optional || self.dev_optional) {
                (true, _) => Scope::Excluded,
                (false, true) => Scope::Optional,
                (false, false) => Scope::Required,
            };
            package
                .hashes
                .extend(self.integrity.iter().flat_map(|text| lock::integrity(text)));
            let license = serde_json::json!({ "license": self.license });
            package.licenses.extend(npm::licenses(&license));
            package
        }))
    }

    fn dependencies(&self) -> impl Iterator<Item = &String> {
        [
            &self.dependencies,
            &self.dev_dependencies,
            &self.optional_dependencies,
            &self.peer_dependencies,
        ]
        .into_iter()
        .flatten()
        .flat_map(BTreeMap::keys)
    }
}

fn read(
    list: ListFile<'_>,
    entries: &BTreeMap<String, Entry>,
    context: &Context<'_>,
    found: &mut Found,
) {
    let folder = list
        .path
        .strip_suffix(file_name(list.path))
        .unwrap_or_default();
    let installed = Installed::new(context, folder);
    let mut positions = BTreeMap::<&str, usize>::new();
    for (key, entry) in entries {
        if entry.link || !installed.has(key) {
            continue;
        }
        let Some(package) = entry.package(key) else {
            continue;
        };
        if let Some(index) = found.add(list, package) {
            positions.insert(key, index);
        }
    }
    // Workspaces are links from `node_modules` to their folder in the project.
    for (key, entry) in entries.iter().filter(|(_, entry)| entry.link) {
        let target = entry
            .resolved
            .as_deref()
            .and_then(|target| positions.get(target).copied());
        if let Some(target) = target {
            positions.insert(key, target);
        }
    }
    for (key, entry) in entries {
        let Some(from) = positions.get(key.as_str()).copied() else {
            continue;
        };
        let targets = entry
            .dependencies()
            .filter_map(|name| npm::resolve(&positions, key, name));
        found.edges.extend(targets.map(|to| (from, to)));
    }
}

/// In an image, what lies in `node_modules` beside a lock file decides which of its entries count.
struct Installed<'a> {
    context: &'a Context<'a>,
    folder: &'a str,
    decides: bool,
}

impl<'a> Installed<'a> {
    fn new(context: &'a Context<'a>, folder: &'a str) -> Self {
        let modules = format!("{folder}node_modules/");
        let next = context.view.files().range(modules.clone()..).next();
        let present = next.is_some_and(|(path, _)| path.starts_with(&modules));
        Self {
            context,
            folder,
            decides: present && context.kind == SourceKind::Image,
        }
    }

    fn has(&self, key: &str) -> bool {
        let manifest = || format!("{}{key}/package.json", self.folder);
        !self.decides
            || !key.contains("node_modules/")
            || self.context.view.files().contains_key(&manifest())
    }
}
