//! Swift packages that Swift Package Manager's lock file declares.
//!
//! Package.resolved, versions 1 to 3, of projects and of Xcode's workspaces,
//! <https://docs.swift.org/swiftpm/documentation/packagemanagerdocs/resolvingpackageversions>. It holds no
//! edges, and of sources only their commit, which is no digest of what is fetched. Deviation: what is
//! from a registry has no repository, so that the namespace of its package URL is its scope alone.

use bulla_model::{Purl, PurlError};
use serde::Deserialize;

use super::git_location::GitLocation;
use super::{Capability, Cataloger, Context, Edges, Found, ListFile, Technique};
use super::{file_name, is_inside_package};
use crate::{Package, Presence};

#[derive(Debug)]
pub(super) struct Swift;

impl Cataloger for Swift {
    fn name(&self) -> &'static str {
        "swift"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Swift",
            reads: "`Package.resolved`, versions 1 to 3",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::None,
            licenses: false,
            hashes: false,
            files: false,
        }
    }

    /// Not in `.build` and `SourcePackages`, where packages are checked out.
    fn wants(&self, path: &str) -> bool {
        let is_fetched = path.split('/').any(|part| part == "checkouts");
        file_name(path) == "Package.resolved" && !is_fetched && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            match list.read_json::<LockFile>() {
                Ok(file) => read(list, &file, &mut found),
                Err(error) => found.unknown(list.path, &format!("not a lock file: {error}")),
            }
        }
        found
    }
}

#[derive(Deserialize)]
struct LockFile {
    version: u64,
    /// Where version 1 has its pins.
    object: Option<Pins>,
    pins: Option<Vec<Pin>>,
}

#[derive(Deserialize)]
struct Pins {
    pins: Vec<Pin>,
}

#[derive(Deserialize)]
struct Pin {
    identity: Option<String>,
    kind: Option<String>,
    #[serde(alias = "repositoryURL")]
    location: Option<String>,
    state: State,
}

#[derive(Deserialize)]
struct State {
    /// Absent of what follows a branch or is a commit.
    version: Option<String>,
    /// Absent of what is from a registry.
    revision: Option<String>,
}

fn read(list: ListFile<'_>, file: &LockFile, found: &mut Found) {
    let pins = match (file.version, &file.object, &file.pins) {
        (1, Some(object), _) => &object.pins,
        (2 | 3, _, Some(pins)) => pins,
        (version, ..) => {
            found.unknown(list.path, &format!("version {version} is not read"));
            return;
        }
    };
    let mut nameless = 0usize;
    for pin in pins {
        match pin.package() {
            Some(package) => {
                found.add(list, package);
            }
            None => nameless = nameless.saturating_add(1),
        }
    }
    if nameless > 0 {
        let reason = format!("{nameless} packages have no address");
        found.unknown(list.path, &reason);
    }
}

impl Pin {
    /// `None` of a repository on the machine that locked it.
    fn package(&self) -> Option<Result<Package, PurlError>> {
        if self.kind.as_deref() == Some("registry") {
            let (scope, name) = self.identity.as_deref()?.split_once('.')?;
            return Some(self.named(scope, name));
        }
        let git = GitLocation {
            repository: self.location.as_deref()?,
            commit: self.state.revision.as_deref().unwrap_or_default(),
            folder: "",
        };
        let (host, path) = git.host_and_path()?;
        let place = format!("{host}/{path}");
        let (namespace, name) = place.rsplit_once('/')?;
        Some(self.named(namespace, name).map(|mut package| {
            git.describe(&mut package);
            package
        }))
    }

    fn named(&self, namespace: &str, name: &str) -> Result<Package, PurlError> {
        let State { version, revision } = &self.state;
        let version = version.as_deref().or(revision.as_deref());
        let version = version.unwrap_or_default();
        let purl = Purl::builder("swift", name)
            .with_namespace(namespace)
            .with_version(version)
            .build()?;
        Ok(Package::new(name, version, purl).declared())
    }
}
