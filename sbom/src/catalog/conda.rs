//! Packages that conda, mamba or pixi installed.
//!
//! `conda-meta/*.json` of an environment, one record for each package: `PrefixRecord` of conda 25,
//! <https://github.com/conda/conda/blob/25.9.0/conda/models/records.py>. Virtual packages as `__glibc`, which are
//! properties of the machine, are in no environment.

use std::collections::BTreeMap;

use bulla_model::{Algorithm, Digest};
use serde_json::Value;

use super::conda_archive::Archive;
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use crate::{License, Presence};

#[derive(Debug)]
pub(super) struct Conda;

impl Cataloger for Conda {
    fn name(&self) -> &'static str {
        "conda"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "conda",
            reads: "`conda-meta/*.json`",
            presence: Presence::Installed,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: true,
            hashes: true,
            files: true,
        }
    }

    fn wants(&self, path: &str) -> bool {
        environment(path).is_some_and(|environment| {
            let mut parts = environment.split('/');
            !parts.any(|part| INSIDE.contains(&part))
        })
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        let mut installed = BTreeMap::new();
        let mut needs = Vec::new();
        for list in context.files(|path| self.wants(path)) {
            // Read by hand, so that no reason says what is in an address.
            let record: Value = match list.read_json() {
                Ok(record) => record,
                Err(error) => {
                    found.unknown(list.path, &format!("not valid JSON: {error}"));
                    continue;
                }
            };
            let environment = environment(list.path).unwrap_or_default();
            let Some((index, name)) = read(list, environment, &record, &mut found) else {
                continue;
            };
            installed.insert((environment, name), index);
            let depends = record.get("depends").and_then(Value::as_array);
            let depends = depends.into_iter().flatten().filter_map(Value::as_str);
            needs.extend(depends.map(|spec| (index, (environment, name_of(spec)))));
        }
        found.edges = needs
            .into_iter()
            .filter_map(|(from, need)| Some((from, *installed.get(&need)?)))
            .collect();
        found
    }
}

/// Environments in these are fixtures of what is installed there.
const INSIDE: [&str; 3] = ["node_modules", "site-packages", "dist-packages"];

/// The folder that the record's environment is, with a slash at its end unless it is the root.
fn environment(path: &str) -> Option<&str> {
    let (folder, name) = path.rsplit_once('/')?;
    let environment = folder.strip_suffix("conda-meta")?;
    // macOS puts files beside those it copies, whose names begin with a dot.
    let record = name
        .strip_suffix(".json")
        .filter(|name| !name.starts_with('.'));
    (environment.is_empty() || environment.ends_with('/'))
        .then_some(environment)
        .filter(|_| record.is_some_and(|name| !name.is_empty()))
}

/// Adds the package of a record; its position and name.
fn read(
    list: ListFile<'_>,
    environment: &str,
    record: &Value,
    found: &mut Found,
) -> Option<(usize, String)> {
    let text = |key: &str| {
        let text = record.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    let (Some(name), Some(version)) = (text("name"), text("version")) else {
        found.unknown(list.path, "no name and version");
        return None;
    };
    let archive = Archive {
        name,
        version,
        build: text("build"),
        subdir: text("subdir"),
        file: text("fn"),
        url: text("url"),
        channel: text("channel"),
    };
    let package = archive.package().map(|mut package| {
        let digest = text("sha256").and_then(|value| Digest::new(Algorithm::Sha256, value).ok());
        package.hashes.extend(digest);
        package
            .licenses
            .extend(text("license").and_then(License::parse));
        package
    });
    let index = found.add(list, package)?;
    let files = record.get("files").and_then(Value::as_array);
    let files = files.into_iter().flatten().filter_map(Value::as_str);
    let files = files.filter(|file| is_below(file));
    let owned = files.map(|file| (index, format!("{environment}{file}")));
    found.owned.extend(owned);
    Some((index, name.to_ascii_lowercase()))
}

/// A record speaks of its own environment only.
fn is_below(file: &str) -> bool {
    !file.starts_with('/') && file.split('/').all(|part| part != "..")
}

/// The name in a match specification: `conda-forge::python >=3.9,<3.10.0a0`, `libgcc-ng[version='7']`.
fn name_of(spec: &str) -> String {
    let spec = spec.split(['[', '(', '#']).next().unwrap_or_default();
    let spec = spec.rsplit(':').next().unwrap_or_default().trim();
    let end = spec.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    let name = spec.get(..end.unwrap_or(spec.len())).unwrap_or_default();
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_of_an_environment() {
        assert_eq!(environment("conda-meta/a-1-0.json"), Some(""));
        assert_eq!(environment("opt/e/conda-meta/a-1-0.json"), Some("opt/e/"));
        assert_eq!(environment("opt/e/conda-meta/history"), None);
        assert_eq!(environment("opt/e/conda-meta/._a-1-0.json"), None);
        assert_eq!(environment("opt/e/not-conda-meta/a-1-0.json"), None);
        assert_eq!(environment("opt/e/conda-meta/x/a-1-0.json"), None);
        assert!(!Conda.wants("e/lib/site-packages/t/conda-meta/a-1-0.json"));
    }

    #[test]
    fn specifications_name_a_package() {
        for (spec, name) in [
            ("python >=3.9,<3.10.0a0 *_cpython", "python"),
            ("python", "python"),
            ("Libgcc-ng>=7", "libgcc-ng"),
            ("conda-forge/linux-64::openssl=3.0", "openssl"),
            ("https://conda.example.test/team::pay 1", "pay"),
            ("zlib[version='1:2',build=x]", "zlib"),
            ("__glibc >=2.17,<3.0.a0", "__glibc"),
            ("", ""),
        ] {
            assert_eq!(name_of(spec), name, "{spec}");
        }
    }
}
