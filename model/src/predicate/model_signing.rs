//! Signed directories: a list of their files.
//!
//! Implements the predicate of OpenSSF Model Signing v1.0,
//! <https://github.com/ossf/model-signing-spec>, as its reference implementation 1.1.1 writes it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Predicate;
use crate::{Algorithm, Digest, PredicateError, Statement};

/// The type's URI.
pub const TYPE: &str = "https://model_signing/signature/v1.0";

/// The files of a directory. Member names are the specification's, which has underscores.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ModelSigning {
    /// The files, each once.
    pub resources: Vec<ModelResource>,
    /// How they were listed.
    pub serialization: ModelSerialization,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ModelResource {
    /// Its path below the directory, with `/`.
    pub name: String,
    /// The hash it is known by.
    pub algorithm: String,
    /// Its digest, hexadecimal.
    pub digest: String,
}

/// How the files were listed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ModelSerialization {
    /// `files`, or `shards` of them.
    pub method: String,
    /// Paths that are not in the list.
    #[serde(default)]
    pub ignore_paths: Vec<String>,
}

impl Predicate for ModelSigning {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn check(&self, _: &Statement) -> Result<(), PredicateError> {
        self.files().map(|_| ())
    }
}

impl ModelSigning {
    /// The digest that stands for a directory: SHA-256 over its files' digests in the order of
    /// their names. It does not hold the names.
    pub fn digest_of(files: &BTreeMap<String, Digest>) -> Digest {
        let all: Vec<u8> = files.values().flat_map(Digest::to_bytes).collect();
        Digest::sha256(&all)
    }

    /// The same over the files in the order of this list: names can be sorted in several ways, as
    /// text and as paths.
    pub fn digest(&self) -> Result<Digest, PredicateError> {
        let files = self.files()?;
        let listed = self.resources.iter().filter_map(|one| files.get(&one.name));
        let all: Vec<u8> = listed.flat_map(Digest::to_bytes).collect();
        Ok(Digest::sha256(&all))
    }

    /// The files by name. Lists of parts of files, and of other hashes than SHA-256, cannot be
    /// compared and are refused; so is a name that stands twice.
    pub fn files(&self) -> Result<BTreeMap<String, Digest>, PredicateError> {
        let invalid = |pointer: String, expected: &str| PredicateError::Shape {
            kind: TYPE,
            reason: format!("{pointer}: expected {expected}"),
        };
        if self.serialization.method != "files" {
            return Err(invalid("/serialization/method".to_owned(), "`files`"));
        }
        let mut files = BTreeMap::new();
        for (index, file) in self.resources.iter().enumerate() {
            let digest = Digest::new(Algorithm::Sha256, &file.digest);
            let digest = digest.ok().filter(|_| file.algorithm == "sha256");
            let Some(digest) = digest else {
                let pointer = format!("/resources/{index}/digest");
                return Err(invalid(pointer, "a SHA-256 digest"));
            };
            if files.insert(file.name.clone(), digest).is_some() {
                let pointer = format!("/resources/{index}/name");
                return Err(invalid(pointer, "a name that stands once"));
            }
        }
        Ok(files)
    }
}
