//! Haskell packages that Stack's lock file declares.
//!
//! stack.yaml.lock of Stack 2.1 to 3.7, <https://docs.haskellstack.org/en/v3.7.1/topics/lock_files/>. It lists what
//! a project adds to its snapshot; of the snapshot's own packages it has only one digest. Digests of
//! Hackage's packages are of their description and of the tree of files; they are left out. Only
//! those of archives are of what is fetched. There are no edges.

use bulla_model::{Algorithm, Digest, PurlError};
use serde::Deserialize;

use super::cabal::{self, is_version};
use super::git_location::GitLocation;
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package, yaml};
use crate::{Package, Presence, address};

#[derive(Debug)]
pub(super) struct Stack;

impl Cataloger for Stack {
    fn name(&self) -> &'static str {
        "stack"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Haskell",
            reads: "`stack.yaml.lock`, `stack*.yaml.lock`, without the snapshot",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    /// Not in `.stack-work`, where Stack builds.
    fn wants(&self, path: &str) -> bool {
        let name = file_name(path);
        let is_built = path.split('/').any(|part| part == ".stack-work");
        let is_lock = name.starts_with("stack") && name.ends_with(".yaml.lock");
        is_lock && !is_built && !is_inside_package(path)
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
    packages: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    completed: Locked,
}

#[derive(Deserialize)]
struct Locked {
    /// `name-version@sha256:digest,size`.
    hackage: Option<String>,
    name: Option<String>,
    version: Option<String>,
    git: Option<String>,
    hg: Option<String>,
    commit: Option<String>,
    subdir: Option<String>,
    /// An archive, and its digest.
    url: Option<String>,
    sha256: Option<String>,
}

fn read(list: ListFile<'_>, file: &LockFile, found: &mut Found) {
    let mut nameless = 0usize;
    for entry in file.packages.iter().flatten() {
        match entry.completed.package() {
            Some(package) => {
                found.add(list, package);
            }
            None => nameless = nameless.saturating_add(1),
        }
    }
    if nameless > 0 {
        let reason = format!("{nameless} entries name no package and version");
        found.unknown(list.path, &reason);
    }
}

impl Locked {
    fn package(&self) -> Option<Result<Package, PurlError>> {
        if let Some(hackage) = &self.hackage {
            let (name, version) = split(hackage)?;
            return Some(cabal::package(name, version, "", ""));
        }
        let (name, version) = (self.name.as_deref()?, self.version.as_deref()?);
        let commit = self.commit.as_deref().unwrap_or_default();
        if let Some(repository) = &self.git {
            let folder = self.subdir.as_deref().unwrap_or_default();
            let location = GitLocation {
                repository,
                commit,
                folder,
            };
            let package = cabal::package(name, version, "vcs_url", &location.url());
            return Some(package.map(|mut package| {
                location.describe(&mut package);
                package
            }));
        }
        if let Some(repository) = &self.hg {
            let url = format!("hg+{}@{commit}", address::without_secret(repository));
            return Some(cabal::package(name, version, "vcs_url", &url));
        }
        // Without any, it is an archive on the machine that locked it.
        let url = self.url.as_deref().unwrap_or_default();
        let purl_url = address::without_secret(url);
        let package = cabal::package(name, version, "download_url", &purl_url);
        Some(package.map(|mut package| {
            package.distribution.clone_from(&self.url);
            let digest = self.sha256.as_deref().unwrap_or_default();
            package
                .hashes
                .extend(Digest::new(Algorithm::Sha256, digest));
            package
        }))
    }
}

/// Name and version; a name has a letter between each two of its hyphens.
fn split(hackage: &str) -> Option<(&str, &str)> {
    let identifier = hackage.split('@').next()?;
    let (name, version) = identifier.rsplit_once('-')?;
    (!name.is_empty() && is_version(version)).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_versions() {
        assert_eq!(split("a-b-1.0@sha256:00,1"), Some(("a-b", "1.0")));
        assert_eq!(split("a-2b-1"), Some(("a-2b", "1")));
        for text in ["", "a", "a-b", "-1.0", "a-1.", "@a-1"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
