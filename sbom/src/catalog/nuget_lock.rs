//! .NET packages that a lock file declares.
//!
//! packages.lock.json of NuGet 6, versions 1 and 2,
//! <https://learn.microsoft.com/en-us/nuget/consume-packages/package-references-in-project-files#locking-dependencies>.
//! Its `contentHash` is left out: it covers a package without its signature, so it is not the digest
//! of the file that a registry gives out, <https://github.com/NuGet/Home/wiki/Nupkg-Metadata-File>.

use std::collections::BTreeMap;

use bulla_model::Purl;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name, is_inside_package,
};
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct NugetLock;

impl Cataloger for NugetLock {
    fn name(&self) -> &'static str {
        "nuget-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: ".NET",
            reads: "`packages.lock.json`, `packages.*.lock.json`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    /// Several projects of one folder have one file each, with the project's name in the middle.
    fn wants(&self, path: &str) -> bool {
        let name = file_name(path);
        name.starts_with("packages.") && name.ends_with(".lock.json") && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match list.read_json::<LockFile>() {
                Ok(LockFile {
                    version: 1 | 2,
                    dependencies,
                }) => read(list, &dependencies, &mut found),
                Ok(LockFile { version, .. }) => {
                    found.unknown(list.path, &format!("version {version} is not read"));
                }
                Err(error) => found.unknown(list.path, &format!("not a lock file: {error}")),
            }
        }
        found
    }
}

#[derive(Deserialize)]
struct LockFile {
    version: u64,
    dependencies: BTreeMap<String, Framework>,
}

/// What one framework gets, by name.
type Framework = BTreeMap<String, Entry>;

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    resolved: Option<String>,
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
}

fn read(list: ListFile<'_>, frameworks: &BTreeMap<String, Framework>, found: &mut Found) {
    // One framework holds one version of a name, and names are equal whatever their case.
    let mut positions = BTreeMap::new();
    for (framework, entries) in frameworks {
        for (name, entry) in entries {
            // A project of the same solution has no version.
            if entry.kind.eq_ignore_ascii_case("project") {
                continue;
            }
            let Some(version) = entry.resolved.as_deref() else {
                found.unknown(list.path, &format!("{name} has no version"));
                continue;
            };
            let purl = Purl::builder("nuget", name).with_version(version).build();
            let package = purl.map(|purl| Package::new(name, version, purl).declared());
            if let Some(index) = found.add(list, package) {
                positions.insert((framework.as_str(), name.to_lowercase()), index);
            }
        }
    }
    for (framework, entries) in frameworks {
        // `net8.0/linux-x64` lists only what that system gets otherwise than `net8.0`.
        let base = framework.split('/').next().unwrap_or_default();
        for (name, entry) in entries {
            let Some(from) = positions.get(&(framework.as_str(), name.to_lowercase())) else {
                continue;
            };
            let targets = entry.dependencies.keys().filter_map(|name| {
                let name = name.to_lowercase();
                let own = positions.get(&(framework.as_str(), name.clone()));
                own.or_else(|| positions.get(&(base, name)))
            });
            found.edges.extend(targets.map(|to| (*from, *to)));
        }
    }
}
