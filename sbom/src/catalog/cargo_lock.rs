//! Rust packages that a Cargo.lock declares, read by the `cargo-lock` crate.
//!
//! <https://doc.rust-lang.org/1.95.0/cargo/guide/cargo-toml-vs-cargo-lock.html>. The file is also
//! read in images: programs are seldom built by `cargo auditable`, and where somebody put their
//! lock file beside them it is the only list there is.

use std::collections::BTreeMap;

use bulla_model::{Algorithm, Digest, Purl, PurlError};
use cargo_lock::{Lockfile, Package as Locked, SourceId};

use super::{
    Capability, Cataloger, Context, Edges, Found, Technique, file_name, is_inside_package,
};
use crate::{Package, Presence, address};

#[derive(Debug)]
pub(super) struct CargoLock;

impl Cataloger for CargoLock {
    fn name(&self) -> &'static str {
        "cargo-lock"
    }

    fn capability(&self) -> Capability {
        Capability {
            ecosystem: "Rust",
            reads: "`Cargo.lock`",
            presence: Presence::Declared,
            technique: Technique::Manifest,
            edges: Edges::All,
            licenses: false,
            hashes: true,
            files: false,
        }
    }

    fn wants(&self, path: &str) -> bool {
        file_name(path) == "Cargo.lock" && !is_inside_package(path)
    }

    fn catalog(&self, context: &Context<'_>) -> Found {
        let mut found = Found::default();
        for list in context.files(|path| self.wants(path)) {
            let lock: Lockfile = match list.text().parse() {
                Ok(lock) => lock,
                Err(error) => {
                    found.unknown(list.path, &format!("not a lock file: {error}"));
                    continue;
                }
            };
            let mut positions = BTreeMap::new();
            for locked in &lock.packages {
                if let Some(index) = found.add(list, package(locked)) {
                    positions.insert((locked.name.as_str(), &locked.version), index);
                }
            }
            for locked in &lock.packages {
                let Some(from) = positions.get(&(locked.name.as_str(), &locked.version)) else {
                    continue;
                };
                let targets = locked.dependencies.iter().filter_map(|dependency| {
                    positions.get(&(dependency.name.as_str(), &dependency.version))
                });
                found.edges.extend(targets.map(|to| (*from, *to)));
            }
        }
        found
    }
}

fn package(locked: &Locked) -> Result<Package, PurlError> {
    let version = locked.version.to_string();
    let purl = Purl::builder("cargo", locked.name.as_str()).with_version(&version);
    let (key, value) = locked.source.as_ref().map(origin).unwrap_or_default();
    let mut package = Package::new(
        locked.name.as_str(),
        &version,
        purl.with_qualifier(key, &value).build()?,
    );
    let checksum = locked
        .checksum
        .as_ref()
        .and_then(cargo_lock::Checksum::as_sha256);
    let digest = checksum.map(|bytes| Digest::new(Algorithm::Sha256, &hex::encode(bytes)));
    package.hashes.extend(digest.and_then(Result::ok));
    Ok(package.declared())
}

/// The qualifier that says where a package is from, if not from the default registry.
fn origin(source: &SourceId) -> (&'static str, String) {
    if source.is_git() {
        let commit = source
            .precise()
            .map(|commit| format!("@{commit}"))
            .unwrap_or_default();
        let address = address::without_secret(source.url().as_str());
        return ("vcs_url", format!("git+{address}{commit}"));
    }
    if source.is_registry() && !source.is_default_registry() {
        let address = address::without_secret(source.url().as_str());
        return ("repository_url", address);
    }
    Default::default()
}
