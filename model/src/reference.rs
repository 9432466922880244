//! Names of images in registries.
//!
//! Implements the grammar of the OCI distribution specification v1.1.1,
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests>.
//! Deviation: the host is mandatory and `docker.io` is never guessed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Digest, DigestError};

/// A repository: a registry's host (with port) and a path in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repository {
    host: String,
    path: String,
}

impl Repository {
    /// The host with its port, for example `registry.example.com:5000`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path below the host, for example `pay/api`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// This repository's content with that digest.
    pub fn pinned(&self, digest: Digest) -> PinnedReference {
        PinnedReference {
            repository: self.clone(),
            digest,
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({self})")
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (host, path) = text.split_once('/').ok_or(ReferenceError::NoHost)?;
        check_host(host)?;
        if path.is_empty() || path.len() > 255 || !path.split('/').all(is_path_component) {
            return Err(ReferenceError::Path {
                found: excerpt(path),
            });
        }
        Ok(Self {
            host: host.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// A tag: 1 to 128 letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// The tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let mut bytes = text.bytes();
        let first = bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        let rest = bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if first && rest && text.len() <= 128 {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReferenceError::Tag {
                found: excerpt(text),
            })
        }
    }
}

/// A reference to an image: repository, and a tag, a digest, or both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl Reference {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if one was written.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse::<Digest>()?)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the host's port.
        let tag_at = name.rfind(':').filter(|at| !name[*at..].contains('/'));
        let (name, tag) = match tag_at {
            Some(at) => (&name[..at], Some(name[at + 1..].parse::<Tag>()?)),
            None => (name, None),
        };
        Ok(Self {
            repository: name.parse()?,
            tag,
            digest,
        })
    }
}

/// A reference that cannot move: repository and digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PinnedReference {
    repository: Repository,
    digest: Digest,
}

impl PinnedReference {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The digest of the manifest or index.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl fmt::Display for PinnedReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

impl FromStr for PinnedReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference: Reference = text.parse()?;
        let digest = reference.digest.ok_or(ReferenceError::NotPinned)?;
        Ok(Self {
            repository: reference.repository,
            digest,
        })
    }
}

macro_rules! through_text {
    ($($type:ty),*) => {$(
        impl TryFrom<String> for $type {
            type Error = ReferenceError;

            fn try_from(text: String) -> Result<Self, ReferenceError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    )*};
}

through_text!(Repository, Tag, Reference, PinnedReference);

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// There is no host: `docker.io` is never guessed.
    #[error("no registry host: write it out, for example `registry.example.com/app:1.0`")]
    NoHost,
    /// The part before the first slash is no host.
    #[error("`{}` is no registry host: expected a name with a dot, a port, or `localhost`", found.escape_debug())]
    Host {
        /// What was found, cut short.
        found: String,
    },
    /// The path is not lower-case components separated by slashes.
    #[error("`{}` is no repository path: expected lower-case letters, digits, `.`, `_`, `-` and `/`", found.escape_debug())]
    Path {
        /// What was found, cut short.
        found: String,
    },
    /// The tag is malformed.
    #[error("`{}` is no tag: expected 1 to 128 letters, digits, `_`, `.` and `-`", found.escape_debug())]
    Tag {
        /// What was found, cut short.
        found: String,
    },
    /// The digest is malformed.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A digest is needed here.
    #[error("not pinned: a digest (`@sha256:…`) is needed here")]
    NotPinned,
}

fn check_host(host: &str) -> Result<(), ReferenceError> {
    let wrong = || ReferenceError::Host {
        found: excerpt(host),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(wrong());
    }
    let in_brackets = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let named = name.len() <= 253
        && name.split('.').all(label)
        && (name.contains('.') || port.is_some() || name == "localhost");
    if in_brackets || named {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = component.bytes().next().is_some_and(alphanumeric)
        && component.bytes().next_back().is_some_and(alphanumeric);
    let separators = component
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|run| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-'));
    ends && separators
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_round_trip() {
        let hex = "0".repeat(64);
        for text in [
            "registry.example.com/pay/api",
            "registry.example.com/pay/api:1.8.2",
            "localhost/app",
            "localhost:5000/app:v1",
            "127.0.0.1:5000/a/b--c/d__e.f:v1",
            "[::1]:5000/app",
            &format!("registry.example.com/pay/api:1.8.2@sha256:{hex}"),
            &format!("registry.example.com/pay/api@sha256:{hex}"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn hosts_are_never_guessed() {
        assert_eq!(
            "alpine".parse::<Reference>().unwrap_err(),
            ReferenceError::NoHost
        );
        assert!(matches!(
            "library/alpine".parse::<Reference>(),
            Err(ReferenceError::Host { .. })
        ));
    }

    #[test]
    fn malformed_references_are_refused() {
        for text in [
            "",
            "/",
            "a.b/",
            "a.b/C",
            "a.b/c:",
            "a.b/c:-x",
            "a.b/c/../d",
            "a.b/c//d",
            "a.b/c@sha256:00",
            "a.b/c@md5:00",
            "a b.c/d",
            "a.b:99999/c",
            "a.b/c:x\u{1b}[31m",
            "-a.b/c",
            "a.b/_c",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
        assert!(
            serde_json::from_str::<Reference>("\"alpine\"").is_err(),
            "serde goes through the check"
        );
        assert_eq!(
            "a.b/c:1".parse::<PinnedReference>().unwrap_err(),
            ReferenceError::NotPinned
        );
    }
}
