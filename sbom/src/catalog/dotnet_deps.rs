//! .NET packages that an application was published with.
//!
//! `*.deps.json` of .NET 8, <https://github.com/dotnet/sdk/blob/v8.0.100/documentation/specs/runtime-configuration-file.md>.
//! Its `sha512` is left out: NuGet takes it over from `.nupkg.metadata`, where it covers the package
//! without its signature, so it is not the digest of the file that a registry gives out,
//! <https://github.com/NuGet/Home/wiki/Nupkg-Metadata-File>.

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};
use serde::Deserialize;
use serde_json::Value;

use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name};
use crate::{Package, Presence, Scope};

#[derive(Debug)]
pub(super) struct DotnetDeps;

impl Cataloger for DotnetDeps {
    fn name(&self) -> &'static str {
        "dotnet-deps"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: ".NET",
            reads: "`*.deps.json`",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path).ends_with(".deps.json")
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match list.read_json::<DepsFile>() {
                Ok(deps) => read(list, &deps, &mut found),
                Err(error) => found.unknown(list.path, &format!("not a deps.json: {error}")),
            }
        }
        found
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DepsFile {
    runtime_target: RuntimeTarget,
    targets: BTreeMap<String, BTreeMap<String, Entry>>,
    libraries: BTreeMap<String, Library>,
}

/// Which target is the one that runs; the others were for the compiler.
#[derive(Deserialize)]
#[serde(untagged)]
enum RuntimeTarget {
    Named { name: String },
    Name(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
    #[serde(default)]
    compile_only: bool,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type")]
    kind: String,
}

fn read(list: ListFile<'_>, deps: &DepsFile, found: &mut Found) {
    let (RuntimeTarget::Named { name } | RuntimeTarget::Name(name)) = &deps.runtime_target;
    let Some(target) = deps.targets.get(name) else {
        found.unknown(list.path, "its runtime target is not among its targets");
        return;
    };
    // One target holds one version of a name, and names are equal whatever their case.
    let mut positions = BTreeMap::new();
    let mut malformed = 0usize;
    for (key, entry) in target {
        let (Some((name, version)), Some(library)) =
            (key.rsplit_once('/'), deps.libraries.get(key))
        else {
            malformed = malformed.saturating_add(1);
            continue;
        };
        // The other kinds, as `reference`, are single assemblies and no packages.
        let id = match library.kind.as_str() {
            "package" | "project" => name,
            // The runtime inside a self-contained application; the prefix is not of its package.
            "runtimepack" => name.strip_prefix("runtimepack.").unwrap_or(name),
            _ => continue,
        };
        if let Some(index) = found.add(list, package(id, version, entry)) {
            positions.insert(name.to_lowercase(), index);
        }
    }
    if malformed > 0 {
        found.unknown(list.path, &format!("{malformed} entries are no library"));
    }
    for (key, entry) in target {
        let from = key
            .rsplit_once('/')
            .and_then(|(name, _)| positions.get(&name.to_lowercase()));
        let Some(from) = from else {
            continue;
        };
        let names = entry.dependencies.keys();
        let targets = names.filter_map(|name| positions.get(&name.to_lowercase()));
        found.edges.extend(targets.map(|to| (*from, *to)));
    }
}

fn package(name: &str, version: &str, entry: &Entry) -> Result<Package, PurlError> {
    let purl = Purl::builder("nuget", name).with_version(version).build()?;
    let mut package = Package::new(name, version, purl);
    if entry.compile_only {
        // Its assemblies were for the compiler and are not beside the application.
        package.scope = Scope::Excluded;
        return Ok(package.declared());
    }
    Ok(package)
}
