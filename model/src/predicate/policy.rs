//! Policies: the owners say which files are a version of a policy.
//!
//! Defined in `docs/predicates/policy.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::check::{Checks, WORD};
use super::{Predicate, own};
use crate::descriptor::present;
use crate::{Algorithm, Digest, Hasher, PredicateError, Scope, ScopeKind, Statement};

/// The type's URI.
pub const TYPE: &str = crate::ours!("policy/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "scope", "name", "version", "previous", "digest", "files", "issuedAt", "notAfter",
];

/// A signed version of a policy. The only subject is its scope. Every owner signs the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedPolicy {
    /// The policy, all its versions.
    pub scope: Scope,
    /// The policy's name, the last component of `scope`.
    pub name: String,
    /// Its version; higher replaces lower.
    pub version: u64,
    /// Payload digest of the statement of the version before; absent in the first that was signed.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub previous: Option<Digest>,
    /// The digest of the base and all service files, see [`digest_of`].
    pub digest: Digest,
    /// All files, sorted by path.
    pub files: Vec<SignedFile>,
    /// When it was published.
    #[serde(deserialize_with = "crate::instant::read")]
    pub issued_at: Timestamp,
    /// When it may no longer be used.
    #[serde(deserialize_with = "crate::instant::read")]
    pub not_after: Timestamp,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

/// A file of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedFile {
    /// Its path relative to the policy's folder, with forward slashes.
    pub path: String,
    /// The SHA-256 digest of its bytes.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
    pub sha256: Digest,
    /// What it is.
    pub role: FileRole,
}

/// What a file of a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileRole {
    /// The base.
    Base,
    /// The persons, who may come and go without a new digest.
    People,
    /// A service's.
    Service,
}

/// SHA-256 over the lines `<sha256 hex>  <path>\n`, sorted by path: what `sha256sum` prints.
pub fn digest_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a Digest)>) -> Digest {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_unstable();
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for (path, digest) in files {
        hasher.update(format!("{}  {path}\n", digest.hex()).as_bytes());
    }
    hasher.finish()
}

impl Predicate for SignedPolicy {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.is_about_scope(&self.scope, ScopeKind::Policy)?;
        if self.name != self.scope.name() {
            let expected = format!("`{}`, as in `scope`", self.scope.name());
            return Err(checks.refuse("/predicate/name", expected));
        }
        checks.number("/predicate/version", self.version)?;
        if let Some(previous) = &self.previous {
            checks.sha256("/predicate/previous", previous)?;
        }
        self.check_files(&checks)?;
        checks.window(self.issued_at, self.not_after)
    }
}

impl SignedPolicy {
    fn check_files(&self, checks: &Checks<'_>) -> Result<(), PredicateError> {
        let paths: Vec<_> = self.files.iter().map(|file| &file.path).collect();
        checks.some_sorted("/predicate/files", &paths)?;
        if let Some(index) = paths.iter().position(|path| !is_relative(path)) {
            let expected = "a path below the policy's folder";
            return Err(checks.refuse(format_args!("/predicate/files/{index}/path"), expected));
        }
        let count = |role| self.files.iter().filter(|file| file.role == role).count();
        if count(FileRole::Base) != 1 || count(FileRole::People) > 1 {
            let expected = "one base file, and at most one of people";
            return Err(checks.refuse("/predicate/files", expected));
        }
        let bound = self
            .files
            .iter()
            .filter(|file| file.role != FileRole::People);
        let digest = digest_of(bound.map(|file| (file.path.as_str(), &file.sha256)));
        if self.digest != digest {
            let expected = format!("{digest}, that of the base and service files");
            return Err(checks.refuse("/predicate/digest", expected));
        }
        Ok(())
    }
}

/// Whether a path stays where it is: no root, no way up, nothing a terminal or shell would read.
fn is_relative(path: &str) -> bool {
    path.len() <= WORD
        && path
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(is_plain))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'@')
}

fn write_hex<S: Serializer>(digest: &Digest, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(digest.hex())
}

fn read_hex<'de, D: Deserializer<'de>>(input: D) -> Result<Digest, D::Error> {
    let hex = String::deserialize(input)?;
    Digest::new(Algorithm::Sha256, &hex).map_err(serde::de::Error::custom)
}
