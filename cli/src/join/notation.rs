//! Trust policies, trust stores and revocation lists of the Notary Project, from files that were
//! named. Nothing is looked for where nobody pointed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bulla_model::{Digest, Limits};
use bulla_verify::notation::{
    PolicyStatement, RevocationLists, StoreName, TrustPolicy, TrustStores,
};

use super::file;
use super::rules::Source;
use crate::Failure;
use crate::args::notation::Verify;
use crate::failure::FailureKind;

/// Files of one trust store. Stops folders that only cost time.
const FILES: usize = 1024;

/// Where trust comes from.
#[derive(Debug)]
pub struct Places {
    policy: PathBuf,
    stores: PathBuf,
}

impl Places {
    /// The places that were named.
    pub fn of(arguments: &Verify) -> Result<Self, Failure> {
        if let (Some(policy), Some(stores)) = (&arguments.trust_policy, &arguments.trust_store) {
            return Ok(Self {
                policy: policy.clone(),
                stores: stores.clone(),
            });
        }
        let folder = arguments.notation_config.as_ref().ok_or_else(|| {
            Failure::usage("no trust policy given").with_hint(
                "pass --trust-policy FILE with --trust-store DIR, or --notation-config DIR",
            )
        })?;
        let own = folder.join("trustpolicy.oci.json");
        // One that is there and cannot be read is not passed over for an older one.
        let absent = std::fs::symlink_metadata(&own)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        let policy = if absent {
            folder.join("trustpolicy.json")
        } else {
            own
        };
        Ok(Self {
            policy,
            stores: folder.join("truststore"),
        })
    }

    /// Reads the policy.
    pub fn policy(
        &self,
        limits: &Limits,
        sources: &mut Vec<Source>,
    ) -> Result<TrustPolicy, Failure> {
        let bytes = file::read(&self.policy, limits.configuration_bytes)?;
        let digest = Digest::sha256(&bytes);
        sources.push(source("trust policy", &self.policy, digest));
        TrustPolicy::parse(&bytes, limits).map_err(|error| configuration(&self.policy, &error))
    }

    /// Reads the stores a statement names. An empty one is as good as none.
    pub fn stores(
        &self,
        statement: &PolicyStatement,
        limits: &Limits,
        sources: &mut Vec<Source>,
    ) -> Result<TrustStores, Failure> {
        let mut stores = TrustStores::default();
        for name in statement.stores() {
            let folder = self.stores.join("x509");
            let folder = folder.join(name.kind().name()).join(name.name());
            let mut listing = String::new();
            for path in certificates(&folder, name)? {
                let bytes = file::read(&path, limits.configuration_bytes)?;
                let own = path.file_name().unwrap_or_default().display();
                let digest = Digest::sha256(&bytes);
                writeln!(listing, "{}  {own}", digest.hex())
                    .expect("because writing to a text cannot fail");
                stores
                    .add(name, &bytes)
                    .map_err(|error| configuration(&path, &error))?;
            }
            if stores.count(name) == 0 {
                return Err(configuration(&folder, &"the trust store is empty")
                    .with_hint("put the authority's root certificate there, PEM or DER"));
            }
            let digest = Digest::sha256(listing.as_bytes());
            sources.push(source("trust store", &folder, digest));
        }
        Ok(stores)
    }
}

/// Reads revocation lists.
pub fn revocation_lists(
    paths: &[PathBuf],
    limits: &Limits,
    sources: &mut Vec<Source>,
) -> Result<RevocationLists, Failure> {
    let mut lists = RevocationLists::default();
    for path in paths {
        let bytes = file::read(path, limits.bundle_bytes)?;
        sources.push(source("revocation list", path, Digest::sha256(&bytes)));
        lists
            .add(&bytes)
            .map_err(|error| configuration(path, &error))?;
    }
    Ok(lists)
}

/// The files of a store, sorted. Links are refused, and folders inside are nobody's.
fn certificates(folder: &Path, name: &StoreName) -> Result<Vec<PathBuf>, Failure> {
    let missing = || {
        configuration(folder, &format_args!("there is no trust store {name}"))
            .with_hint("put the authority's root certificate into that folder, PEM or DER")
    };
    let kind = std::fs::symlink_metadata(folder).map_err(|_| missing())?;
    if !kind.is_dir() {
        return Err(configuration(
            folder,
            &"a trust store is a folder, and no link to one",
        ));
    }
    let failed = |error: std::io::Error| Failure::file("read", folder, &error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_symlink() {
            return Err(configuration(
                &entry.path(),
                &"links have no place in a trust store",
            ));
        }
        if kind.is_file() {
            paths.push(entry.path());
        }
        if paths.len() > FILES {
            return Err(configuration(
                folder,
                &format_args!("more than {FILES} files"),
            ));
        }
    }
    paths.sort();
    Ok(paths)
}

fn source(what: &'static str, path: &Path, digest: Digest) -> Source {
    Source {
        what,
        path: path.display().to_string(),
        origin: "command line".to_owned(),
        digest,
    }
}

fn configuration(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let text = format_args!("{}: {error}", path.display());
    Failure::new(FailureKind::Configuration, text)
}
