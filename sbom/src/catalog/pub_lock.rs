//! Dart and Flutter packages that pub's lock file declares.
//!
//! pubspec.lock, <https://dart.dev/tools/pub/glossary#lockfile>, as pub of Dart 1 to 3.9 writes it; the
//! format has no version. It holds no edges. What only a development dependency needs is
//! `transitive` there like everything else, so that it counts as needed.

use std::collections::BTreeMap;

use bulla_model::{Algorithm, Digest, Purl, PurlError};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::git_location::GitLocation;
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package, yaml};
use crate::{Package, Presence, Scope, address};

#[derive(Debug)]
pub(super) struct PubLock;

impl Cataloger for PubLock {
    fn name(&self) -> &'static str {
        "pub-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Dart",
            reads: "`pubspec.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "pubspec.lock" && !is_inside_package(path)
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

#[derive(Deserialize)]
struct LockFile {
    packages: Option<BTreeMap<String, Locked>>,
}

#[derive(Deserialize)]
struct Locked {
    /// `direct main`, `direct dev`, `direct overridden`, `transitive`.
    dependency: Option<String>,
    description: Description,
    source: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Description {
    Origin(Box<Origin>),
    /// The name of an SDK.
    Other(IgnoredAny),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Origin {
    /// Of what is hosted, if it is not the key of the entry.
    name: Option<String>,
    sha256: Option<String>,
    url: Option<String>,
    path: Option<String>,
    resolved_ref: Option<String>,
}

fn read(list: ListFile<'_>, file: &LockFile, found: &mut Found) {
    let mut others = 0usize;
    for (key, locked) in file.packages.iter().flatten() {
        if SOURCES.contains(&locked.source.as_str()) {
            found.add(list, locked.package(key));
        } else {
            others = others.saturating_add(1);
        }
    }
    if others > 0 {
        found.unknown(list.path, &format!("{others} packages of another source"));
    }
}

const SOURCES: [&str; 4] = ["hosted", "git", "sdk", "path"];

impl Locked {
    fn package(&self, key: &str) -> Result<Package, PurlError> {
        let nothing = Origin::default();
        let origin = match &self.description {
            Description::Origin(origin) => origin,
            Description::Other(IgnoredAny) => &nothing,
        };
        let name = origin.name.as_deref().unwrap_or(key);
        let url = origin.url.as_deref().unwrap_or_default();
        let git = GitLocation {
            repository: url,
            commit: origin.resolved_ref.as_deref().unwrap_or_default(),
            folder: origin.path.as_deref().unwrap_or_default(),
        };
        let purl = Purl::builder("pub", name).with_version(&self.version);
        let purl = match self.source.as_str() {
            "hosted" if !is_default(url) => {
                let repository = address::without_secret(url.trim_end_matches('/'));
                purl.with_qualifier("repository_url", &repository)
            }
            "git" => purl.with_qualifier("vcs_url", &git.url()),
            // What is part of an SDK or lies in another folder has no address.
            _ => purl,
        };
        let mut package = Package::new(name, &self.version, purl.build()?).declared();
        match self.source.as_str() {
            "hosted" => {
                let hash = origin.sha256.as_deref().unwrap_or_default();
                let digest = Digest::new(Algorithm::Sha256, hash);
                package.hashes.extend(digest);
            }
            "git" => git.describe(&mut package),
            _ => {}
        }
        if self.dependency.as_deref() == Some("direct dev") {
            package.scope = Scope::Excluded;
        }
        Ok(package)
    }
}

/// Whether this is the repository of everybody, under its name of now or its name until Dart 2.19.
fn is_default(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["", "pub.dev", "pub.dartlang.org"].contains(&host.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_repository_has_two_names_and_needs_no_qualifier() {
        for (host, qualifier) in [
            (concat!("pub", ".dev"), ""),
            (concat!("pub", ".dartlang", ".org/"), ""),
            (
                "pub.example.test",
                "?repository_url=https:%2F%2Fpub.example.test",
            ),
        ] {
            let text = format!(
                "packages:\n  a:\n    dependency: transitive\n    description: {{name: a, url: 'https://{host}'}}\n    \
                 source: hosted\n    version: '1.0.0'\n"
            );
            let file: LockFile = yaml::read(&text).unwrap();
            let locked = &file.packages.unwrap()["a"];
            let purl = locked.package("a").unwrap().purl;
            assert_eq!(purl.as_str(), format!("pkg:pub/a@1.0.0{qualifier}"));
        }
    }
}
