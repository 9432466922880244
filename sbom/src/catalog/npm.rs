//! Installed npm packages, from `node_modules`.
//!
//! package.json of npm 11, <https://docs.npmjs.com/cli/v11/configuring-npm/package-json>, and Node's
//! way of finding modules, <https://nodejs.org/docs/latest-v22.x/api/modules.html#loading-from-node_modules-folders>.

use std::collections::BTreeMap;

use bulla_model::{Purl, PurlError};
use serde_json::Value;

use super::{Capability, Cataloger, Context, Edges, Found, Technique, npm_repository};
use crate::{License, Package, Presence};

#[derive(Debug)]
pub(super) struct Npm;

impl Cataloger for Npm {
    fn name(&self) -> &'static str {
        "npm"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "npm",
            reads: "`node_modules/*/package.json`",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: false,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        path.strip_suffix("/package.json").is_some_and(is_installed)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut folders = BTreeMap::new();
        let mut needs = Vec::new();
        for list in context.files(|path| self.wants(path)) {
            let manifest: Value = match list.read_json() {
                Ok(manifest) => manifest,
                Err(error) => {
                    found.unknown(list.path, &format!("not valid JSON: {error}"));
                    continue;
                }
            };
            let text = |key: &str| manifest.get(key).and_then(Value::as_str);
            // Folders that only set `type` or `main` have one too and are no packages.
            let (Some(name), Some(version)) = (text("name"), text("version")) else {
                continue;
            };
            let Some(index) = found.add(list, package(&manifest, name, version)) else {
                continue;
            };
            let folder = list.path.strip_suffix("/package.json").unwrap_or_default();
            folders.insert(folder, index);
            needs.push((index, folder, dependencies(&manifest)));
        }
        for (index, folder, names) in needs {
            let targets = names
                .iter()
                .filter_map(|name| resolve(&folders, folder, name));
            found.edges.extend(targets.map(|target| (index, target)));
        }
        found
    }
}

/// The package URL of an npm package; a scope is its namespace.
pub(super) fn purl(name: &str, version: &str) -> Result<Purl, PurlError> {
    match name.split_once('/') {
        Some((scope, name)) => Purl::builder("npm", name).with_namespace(scope),
        None => Purl::builder("npm", name),
    }
    .with_version(version)
    .build()
}

/// Licences in any of the three ways npm has had.
pub(super) fn licenses(manifest: &Value) -> impl Iterator<Item = License> {
    let name = |value: &Value| -> Option<License> {
        License::parse(value.as_str().or_else(|| value.get("type")?.as_str())?)
    };
    let old = manifest
        .get("licenses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    manifest
        .get("license")
        .into_iter()
        .chain(old)
        .filter_map(name)
}

/// Finds a module by name, in the importer's own `node_modules` first, then in those above.
pub(super) fn resolve<T: Copy>(
    folders: &BTreeMap<&str, T>,
    importer: &str,
    name: &str,
) -> Option<T> {
    let mut folder = Some(importer);
    while let Some(current) = folder {
        let candidate = match current {
            "" => format!("node_modules/{name}"),
            current => format!("{current}/node_modules/{name}"),
        };
        if let Some(found) = folders.get(candidate.as_str()) {
            return Some(*found);
        }
        folder = match current {
            "" => None,
            current => Some(current.rsplit_once('/').map_or("", |(above, _)| above)),
        };
    }
    None
}

fn package(manifest: &Value, name: &str, version: &str) -> Result<Package, PurlError> {
    let mut package = Package::new(name, version, purl(name, version)?);
    let text = |key: &str| manifest.get(key).and_then(Value::as_str).map(str::to_owned);
    package.licenses.extend(licenses(manifest));
    package.supplier = manifest
        .get("author")
        .and_then(|author| author.as_str().or_else(|| author.get("name")?.as_str()))
        .map(str::to_owned)
        .filter(|author| !author.is_empty());
    package.description = text("description");
    package.homepage = text("homepage");
    package.repository = npm_repository::of(manifest);
    Ok(package)
}

/// Names of what the package loads, if it is there.
fn dependencies(manifest: &Value) -> Vec<String> {
    ["dependencies", "optionalDependencies", "peerDependencies"]
        .iter()
        .filter_map(|key| manifest.get(key)?.as_object())
        .flat_map(|names| names.keys().cloned())
        .collect()
}

/// Whether a folder is where a package manager puts a package: from the first `node_modules` on,
/// only `node_modules` and package names take turns. Fixtures inside packages are not there.
fn is_installed(folder: &str) -> bool {
    let mut parts = folder
        .split('/')
        .skip_while(|part| *part != "node_modules")
        .peekable();
    let mut any = false;
    while let Some(part) = parts.next() {
        if part != "node_modules" {
            return false;
        }
        let Some(name) = parts.next() else {
            return false;
        };
        let complete = match name {
            // pnpm's own store: `.pnpm/NAME@VERSION/node_modules/NAME`.
            ".pnpm" => parts.next().is_some() && parts.peek().is_some(),
            name if name.starts_with('@') => parts.next().is_some(),
            name => !name.starts_with('.'),
        };
        if !complete {
            return false;
        }
        any = true;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixtures_are_not_installed() {
        assert!(is_installed("app/node_modules/a"));
        assert!(is_installed("node_modules/@s/a/node_modules/b"));
        assert!(is_installed("node_modules/.pnpm/a@1.0.0/node_modules/a"));
        assert!(!is_installed("node_modules/a/test/fixture"));
        assert!(!is_installed("node_modules/a/test/node_modules/b"));
        assert!(!is_installed("node_modules/@s"));
        assert!(!is_installed("node_modules/.bin"));
        assert!(!is_installed("app"));
    }

    #[test]
    fn the_nearest_module_is_found() {
        let folders = BTreeMap::from([
            ("app/node_modules/a", 1),
            ("app/node_modules/b", 2),
            ("app/node_modules/b/node_modules/a", 3),
        ]);
        assert_eq!(resolve(&folders, "app/node_modules/b", "a"), Some(3));
        assert_eq!(resolve(&folders, "app/node_modules/b", "b"), Some(2));
        assert_eq!(resolve(&folders, "app", "c"), None);
    }
}
