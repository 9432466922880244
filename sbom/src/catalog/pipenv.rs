//! Python distributions that a Pipfile.lock declares.
//!
//! Pipfile.lock of pipenv 2024, `pipfile-spec` 6, <https://pipenv.pypa.io/en/latest/pipfile.html>.

use std::collections::BTreeMap;

use bulla_model::Digest;
use serde_json::Value;

use super::{
    Capability, Cataloger, Context, Edges, Found, ListFile, Technique, file_name,
    is_inside_package, python, requirements,
};
use crate::{Package, Presence, Scope};

#[derive(Debug)]
pub(super) struct Pipenv;

impl Cataloger for Pipenv {
    fn name(&self) -> &'static str {
        "pipenv"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Python",
            reads: "`Pipfile.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "Pipfile.lock" && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match list.read_json::<BTreeMap<String, Value>>() {
                Ok(lock) if lock.contains_key("_meta") => read(list, &lock, &mut found),
                Ok(_) => found.unknown(list.path, "not a lock file: no _meta"),
                Err(error) => found.unknown(list.path, &format!("not a lock file: {error}")),
            }
        }
        found
    }
}

fn read(list: ListFile<'_>, lock: &BTreeMap<String, Value>, found: &mut Found) {
    for (category, entries) in lock.iter().filter(|(key, _)| *key != "_meta") {
        let Some(entries) = entries.as_object() else {
            found.unknown(list.path, &format!("{category} lists no packages"));
            continue;
        };
        for (name, entry) in entries {
            // What is fetched from a repository or folder has no version here.
            let version = entry.get("version").and_then(Value::as_str);
            let version = version.and_then(|version| version.strip_prefix("=="));
            let version =
                version.map(|version| version.strip_prefix('=').unwrap_or(version).trim());
            let Some(version) = version.filter(|version| requirements::is_exact(version)) else {
                found.unknown(list.path, &format!("no exact version of {name}"));
                continue;
            };
            let package = python::purl(name, version).map(|purl| {
                let mut package = Package::new(name, version, purl).declared();
                package.scope = scope(category);
                package.hashes.extend(digest(entry));
                package
            });
            found.add(list, package);
        }
    }
}

/// Categories of other names are installed where somebody asks for them.
fn scope(category: &str) -> Scope {
    match category {
        "default" => Scope::Required,
        "develop" => Scope::Excluded,
        _ => Scope::Optional,
    }
}

/// The digest, if there is one: of several each is of another file, and which one is fetched
/// depends on the machine.
fn digest(entry: &Value) -> Option<Digest> {
    let [hash] = entry.get("hashes")?.as_array()?.as_slice() else {
        return None;
    };
    let (algorithm, value) = hash.as_str()?.split_once(':')?;
    Digest::new(algorithm.parse().ok()?, value).ok()
}
