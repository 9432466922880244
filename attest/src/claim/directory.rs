//! Directories: a list of their files, as OpenSSF Model Signing v1.0 writes it.
//!
//! <https://github.com/ossf/model-signing-spec> names the predicate; its reference implementation
//! is <https://github.com/sigstore/model-transparency>. The subject is the directory, and its digest
//! is the SHA-256 over the files' digests in the order of their names.

use std::collections::BTreeMap;

use bulla_model::predicate::ModelSigning;
use bulla_model::{Algorithm, Digest, Subject};
use jiff::Timestamp;
use serde::Serialize;

use super::{ClaimError, known_type, write_dated};

pub use bulla_model::predicate::model_signing::TYPE as MODEL_SIGNING;

/// What is left out of every directory, at its top: where Git keeps its own.
pub const IGNORED: &[&str] = &[".git", ".gitattributes", ".github", ".gitignore"];

/// "These are the files of this directory". `files` are SHA-256 digests by path with `/`, without
/// symbolic links; `ignored` are paths that were left out besides [`IGNORED`].
pub fn directory(
    name: &str,
    files: &BTreeMap<String, Digest>,
    ignored: &[String],
    issued_at: Timestamp,
) -> Result<Vec<u8>, ClaimError> {
    if files.is_empty() {
        return Err(ClaimError::NoFiles);
    }
    let mut resources = Vec::with_capacity(files.len());
    for (name, digest) in files {
        if digest.algorithm() != Algorithm::Sha256 {
            return Err(ClaimError::FileDigest {
                name: name.chars().take(200).collect(),
            });
        }
        resources.push(Resource {
            name,
            algorithm: "sha256",
            digest: digest.hex(),
        });
    }
    let mut ignore_paths = IGNORED.to_vec();
    ignore_paths.extend(ignored.iter().map(String::as_str));
    ignore_paths.sort_unstable();
    let predicate = Predicate {
        resources,
        serialization: Serialization {
            method: "files",
            hash_type: "sha256",
            allow_symlinks: false,
            ignore_paths,
        },
    };
    let subject = Subject::named(name, ModelSigning::digest_of(files));
    write_dated(
        &[subject],
        issued_at,
        &known_type(MODEL_SIGNING),
        &predicate,
    )
}

#[derive(Serialize)]
struct Predicate<'a> {
    resources: Vec<Resource<'a>>,
    serialization: Serialization<'a>,
}

#[derive(Serialize)]
struct Resource<'a> {
    name: &'a str,
    algorithm: &'static str,
    digest: &'a str,
}

/// Member names are the specification's, which has underscores.
#[derive(Serialize)]
struct Serialization<'a> {
    method: &'static str,
    hash_type: &'static str,
    allow_symlinks: bool,
    ignore_paths: Vec<&'a str>,
}
