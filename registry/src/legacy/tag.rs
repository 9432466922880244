//! The tags cosign derives from a digest: `[PREFIX]sha256-HEX.sig`, `.att` and `.sbom`.

use std::fmt;
use std::str::FromStr;

use bulla_model::{Digest, Tag};

/// What a legacy tag holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegacyKind {
    /// Simple signing payloads with their signatures.
    Signature,
    /// DSSE envelopes.
    Attestation,
    /// An SBOM, unsigned.
    Sbom,
}

impl LegacyKind {
    /// What the tag ends with.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Signature => "sig",
            Self::Attestation => "att",
            Self::Sbom => "sbom",
        }
    }

    /// The tag for a digest; `None` where it would be longer than a tag can be, so that no registry
    /// can have it.
    pub fn tag(self, prefix: &TagPrefix, digest: &Digest) -> Option<Tag> {
        let (algorithm, value) = (digest.algorithm(), digest.hex());
        let suffix = self.suffix();
        format!("{prefix}{algorithm}-{value}.{suffix}").parse().ok()
    }

    /// What a tag of this name holds, whatever its prefix; `None` for every other tag.
    pub fn of_tag(tag: &Tag) -> Option<Self> {
        let (name, suffix) = tag.as_str().rsplit_once('.')?;
        let kind = [Self::Signature, Self::Attestation, Self::Sbom]
            .into_iter()
            .find(|kind| kind.suffix() == suffix)?;
        let (name, value) = name.rsplit_once('-')?;
        let digest: Digest = format!("sha256:{value}").parse().ok()?;
        (name.ends_with("sha256") && digest.hex() == value).then_some(kind)
    }

    /// What a referrer of this artifact type holds, if it is one of the older kinds.
    pub(crate) fn of_artifact_type(artifact_type: &str) -> Option<Self> {
        match artifact_type {
            "application/vnd.dev.cosign.artifact.sig.v1+json" => Some(Self::Signature),
            "application/vnd.dev.cosign.artifact.sbom.v1+json" => Some(Self::Sbom),
            "application/vnd.in-toto+json" | "application/vnd.dsse.envelope.v1+json" => {
                Some(Self::Attestation)
            }
            _ => None,
        }
    }
}

/// What stands before the digest in legacy tags; cosign's `--attachment-tag-prefix`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPrefix(String);

impl fmt::Display for TagPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TagPrefix {
    type Err = TagPrefixError;

    fn from_str(text: &str) -> Result<Self, TagPrefixError> {
        // What can begin a tag is what is one together with its rest.
        if text.len() <= MAX_PREFIX && format!("{text}x").parse::<Tag>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        Err(TagPrefixError {
            found: text.chars().take(100).collect(),
        })
    }
}

/// A text cannot begin a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` cannot begin a tag: expected at most {MAX_PREFIX} letters, digits, `_`, `.` and `-`, of which the last two not first",
    found.escape_debug()
)]
pub struct TagPrefixError {
    /// The text, cut short.
    pub found: String,
}

/// A tag has 128 characters, of which the digest and the longest suffix need 76.
const MAX_PREFIX: usize = 52;

#[cfg(test)]
mod tests {
    use bulla_model::Algorithm;

    use super::*;

    #[test]
    fn tags_are_those_cosign_writes() {
        let digest = Digest::sha256(b"x");
        let none = TagPrefix::default();
        let tag = LegacyKind::Signature.tag(&none, &digest).unwrap();
        assert_eq!(tag.as_str(), format!("sha256-{}.sig", digest.hex()));
        let prefix: TagPrefix = "team-".parse().unwrap();
        let tag = LegacyKind::Sbom.tag(&prefix, &digest).unwrap();
        assert_eq!(tag.as_str(), format!("team-sha256-{}.sbom", digest.hex()));
        assert_eq!(LegacyKind::of_tag(&tag), Some(LegacyKind::Sbom));
        for other in ["1.0", "v1.sig", "sha256-00.sig", "1.0-x.att"] {
            assert_eq!(LegacyKind::of_tag(&other.parse().unwrap()), None, "{other}");
        }
        let long = Digest::of(Algorithm::Sha512, b"x");
        assert_eq!(LegacyKind::Attestation.tag(&none, &long), None);
    }

    #[test]
    fn a_prefix_can_begin_a_tag() {
        let longest = "p".repeat(MAX_PREFIX);
        let longest: TagPrefix = longest.parse().unwrap();
        assert!(
            LegacyKind::Sbom
                .tag(&longest, &Digest::sha256(b"x"))
                .is_some()
        );
        for text in ["-a", ".a", "a/b", "a b", "\u{1b}", &"p".repeat(53)] {
            let error = text.parse::<TagPrefix>().unwrap_err();
            assert!(error.to_string().contains("cannot begin a tag"), "{error}");
        }
    }
}
