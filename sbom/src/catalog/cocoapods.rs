//! Pods that CocoaPods' lock file declares.
//!
//! Podfile.lock of CocoaPods 1.16 and before,
//! <https://guides.cocoapods.org/using/using-cocoapods.html#what-is-podfilelock>, written by
//! <https://github.com/CocoaPods/Core/blob/1.16.2/lib/cocoapods-core/lockfile.rb>. Its checksums are SHA-1, and
//! of the description of a pod; they are left out. Each subspec is a package with a subpath.

use std::collections::BTreeMap;

use bulla_model::{PurlError, PurlParts};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::git_location::GitLocation;
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package, yaml};
use crate::{Package, Presence, address};

#[derive(Debug)]
pub(super) struct Cocoapods;

impl Cataloger for Cocoapods {
    fn name(&self) -> &'static str {
        "cocoapods"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "CocoaPods",
            reads: "`Podfile.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    /// Not in `Pods`, where pods are fetched to.
    fn wants(&self, path: &str) -> bool {
        file_name(path) == "Podfile.lock" && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match yaml::read::<LockFile>(&list.text()) {
                // Without any pod there is only the version of the tool.
                Ok(file) if file.pods.is_some() || file.cocoapods.is_some() => {
                    read(list, &file, &mut found);
                }
                Ok(_) => found.unknown(list.path, "not a lock file"),
                Err(reason) => found.unknown(list.path, &reason),
            }
        }
        found
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct LockFile {
    pods: Option<Vec<Entry>>,
    cocoapods: Option<IgnoredAny>,
    /// Roots of pods by the repository of their descriptions.
    #[serde(rename = "SPEC REPOS", default)]
    repositories: BTreeMap<String, Vec<String>>,
    #[serde(rename = "EXTERNAL SOURCES", default)]
    sources: BTreeMap<String, Source>,
    #[serde(rename = "CHECKOUT OPTIONS", default)]
    checkouts: BTreeMap<String, Source>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Alone(String),
    Needing(BTreeMap<String, Vec<String>>),
}

#[derive(Default, Deserialize)]
struct Source {
    #[serde(rename = ":git")]
    git: Option<String>,
    #[serde(rename = ":commit")]
    commit: Option<String>,
    #[serde(rename = ":tag")]
    tag: Option<String>,
    #[serde(rename = ":http")]
    http: Option<String>,
}

fn read(list: ListFile<'_>, file: &LockFile, found: &mut Found) {
    let mut origins = BTreeMap::new();
    for (repository, roots) in &file.repositories {
        let named = roots
            .iter()
            .map(|root| (root.as_str(), Origin::Repository(repository)));
        origins.extend(named);
    }
    // What was checked out says which commit, and what was asked for may say only a branch.
    for (name, source) in file.sources.iter().chain(&file.checkouts) {
        origins.insert(root(name), Origin::Source(source));
    }
    let mut positions = BTreeMap::new();
    let mut needing = Vec::new();
    let mut malformed = 0usize;
    for (text, needs) in file.pods.iter().flatten().flat_map(Entry::pods) {
        let Some((name, version)) = split(text) else {
            malformed = malformed.saturating_add(1);
            continue;
        };
        let origin = origins.get(root(name));
        if let Some(index) = found.add(list, package(name, version, origin)) {
            positions.insert(name, index);
            needing.push((index, needs));
        }
    }
    for (from, needs) in needing {
        // `name` or `name (requirement)`; there is one version of each name.
        let names = needs.iter().filter_map(|need| need.split(" (").next());
        let met = names.filter_map(|name| positions.get(name));
        found.edges.extend(met.map(|to| (from, *to)));
    }
    if malformed > 0 {
        found.unknown(list.path, &format!("{malformed} entries are no pod"));
    }
}

impl Entry {
    fn pods(&self) -> Vec<(&str, &[String])> {
        match self {
            Self::Alone(text) => vec![(text, &[])],
            Self::Needing(map) => {
                let pods = map.iter();
                pods.map(|(text, needs)| (text.as_str(), needs.as_slice()))
                    .collect()
            }
        }
    }
}

/// `name (version)`.
fn split(text: &str) -> Option<(&str, &str)> {
    let (name, version) = text.split_once(" (")?;
    let version = version.strip_suffix(')')?;
    (!name.is_empty() && !version.is_empty()).then_some((name, version))
}

/// The pod without its subspec.
fn root(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// Where a pod is from, if not from a folder.
enum Origin<'a> {
    Repository(&'a str),
    Source(&'a Source),
}

fn package(name: &str, version: &str, origin: Option<&Origin<'_>>) -> Result<Package, PurlError> {
    let mut parts = PurlParts {
        kind: "cocoapods".to_owned(),
        name: root(name).to_owned(),
        version: Some(version.to_owned()),
        subpath: name.split_once('/').map(|(_, subspec)| subspec.to_owned()),
        ..PurlParts::default()
    };
    let (key, value) = origin.map(Origin::qualifier).unwrap_or_default();
    if !value.is_empty() {
        parts.qualifiers.insert(key.to_owned(), value);
    }
    let mut package = Package::new(name, version, parts.build()?).declared();
    if let Some(Origin::Source(source)) = origin {
        match source.git() {
            Some(git) => git.describe(&mut package),
            None => package.distribution.clone_from(&source.http),
        }
    }
    Ok(package)
}

impl Origin<'_> {
    fn qualifier(&self) -> (&'static str, String) {
        match self {
            Self::Repository(place) if is_default(place) => Default::default(),
            Self::Repository(place) => ("repository_url", address::without_secret(place)),
            Self::Source(source) => match (source.git(), &source.http) {
                (Some(git), _) => ("vcs_url", git.url()),
                (None, Some(url)) => ("download_url", address::without_secret(url)),
                (None, None) => Default::default(),
            },
        }
    }
}

impl Source {
    fn git(&self) -> Option<GitLocation<'_>> {
        let commit = self.commit.as_deref().or(self.tag.as_deref());
        Some(GitLocation {
            repository: self.git.as_deref()?,
            commit: commit.unwrap_or_default(),
            folder: "",
        })
    }
}

/// Whether this is the repository of everybody, by its name, its address, or that of before 1.8.
fn is_default(place: &str) -> bool {
    let place = place.to_ascii_lowercase();
    let host = place
        .split_once("://")
        .map_or(place.as_str(), |(_, rest)| rest);
    let host = host.trim_end_matches('/').trim_end_matches(".git");
    ["trunk", "cdn.cocoapods.org", "github.com/cocoapods/specs"].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_repository_has_three_names_and_needs_no_qualifier() {
        for (place, qualifier) in [
            ("trunk".to_owned(), ""),
            (format!("https://cdn.{}.org/", "cocoapods"), ""),
            (format!("https://{}.com/CocoaPods/Specs.git", "github"), ""),
            (
                "https://pods.example.test/specs".to_owned(),
                "repository_url",
            ),
        ] {
            assert_eq!(
                Origin::Repository(&place).qualifier().0,
                qualifier,
                "{place}"
            );
        }
    }

    #[test]
    fn names_are_told_from_versions() {
        assert_eq!(split("A/B+C (1.0-beta)"), Some(("A/B+C", "1.0-beta")));
        for text in ["", "A", "A (1", " (1)", "A ()", "(1)"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
