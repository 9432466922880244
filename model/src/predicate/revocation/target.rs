//! What a revocation takes back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::descriptor::present;
use crate::predicate::check::{ADDRESS, Checks, WORD};
use crate::{Digest, Edge, EdgeKind, KeyId, PredicateError, Purl, Service, instant};

/// A target. Neither revocations nor checkpoints nor policies can be one: a verifier passes over an
/// attestation target that is the payload of such a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", remote = "Self")]
pub enum Target {
    /// An artifact.
    Subject {
        /// Its SHA-256 digest.
        digest: Digest,
    },
    /// One statement, whoever signed it.
    Attestation {
        /// Its payload digest.
        payload: Digest,
    },
    /// A step: what has not yet taken it may not. A veto, if it names the release.
    Edge {
        /// The step; an audience of none means any.
        edge: Edge,
        /// The service; absent means all.
        #[serde(
            default,
            deserialize_with = "present",
            skip_serializing_if = "Option::is_none"
        )]
        service: Option<Service>,
        /// SHA-256 digests of the subject set that is held up, sorted; none means all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        subjects: Vec<Digest>,
    },
    /// Everything somebody signed in a span of time.
    Signer {
        /// Who.
        signer: RevokedSigner,
        /// When; open ends are from the first and to the last.
        #[serde(flatten)]
        range: Range,
    },
    /// Everything a builder made in a span of time.
    Builder {
        /// The builder's id in SLSA provenance.
        id: String,
        /// The versions of its components that it must have had; none means every version.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        version: BTreeMap<String, String>,
        /// When.
        #[serde(flatten)]
        range: Range,
    },
    /// Every artifact that contains a component: package URL without qualifiers; without a version,
    /// every version.
    Component {
        /// The component.
        purl: Purl,
    },
    /// An earlier revocation, which holds no longer.
    Lift {
        /// Its payload digest.
        payload: Digest,
    },
    /// Something this version does not know.
    #[serde(skip)]
    Unknown(UnknownTarget),
}

/// Somebody whose signatures are taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum RevokedSigner {
    /// The holder of a certificate.
    #[serde(rename_all = "camelCase")]
    Certificate {
        /// The issuer of the identity, exactly.
        issuer: String,
        /// The subject alternative name, exactly.
        subject: String,
    },
    /// A bare key.
    #[serde(rename_all = "camelCase")]
    Key {
        /// SHA-256 digest of the public key.
        key_id: KeyId,
    },
}

/// A span of time: the start is included, the end is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// The start.
    #[serde(
        default,
        deserialize_with = "instant::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_before: Option<Timestamp>,
    /// The end.
    #[serde(
        default,
        deserialize_with = "instant::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_after: Option<Timestamp>,
}

impl Range {
    /// Whether an instant lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= at) && self.not_after.is_none_or(|end| at < end)
    }
}

/// A target of a kind, or with a kind of step or signer, that came later. It is kept as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct UnknownTarget(Map<String, Value>);

impl UnknownTarget {
    /// The kind it claims, cut short.
    pub fn kind(&self) -> String {
        let kind = self.0.get("kind").and_then(Value::as_str);
        kind.unwrap_or_default().chars().take(64).collect()
    }
}

impl Target {
    pub(super) fn check(&self, checks: &Checks<'_>, pointer: &str) -> Result<(), PredicateError> {
        let at = |member: &str| format!("{pointer}/{member}");
        match self {
            Self::Subject { digest } => checks.sha256(at("digest"), digest),
            Self::Attestation { payload } | Self::Lift { payload } => {
                checks.sha256(at("payload"), payload)
            }
            Self::Edge { edge, subjects, .. } => {
                checks.edge(&at("edge"), edge)?;
                checks.sha256_set(&at("subjects"), subjects)
            }
            Self::Signer { signer, range } => {
                range.check(checks, pointer)?;
                match signer {
                    RevokedSigner::Certificate { issuer, subject } => {
                        checks.text(at("signer/issuer"), issuer, ADDRESS)?;
                        checks.text(at("signer/subject"), subject, ADDRESS)
                    }
                    RevokedSigner::Key { key_id } => {
                        checks.sha256(at("signer/keyId"), key_id.digest())
                    }
                }
            }
            Self::Builder { id, version, range } => {
                range.check(checks, pointer)?;
                checks.text(at("id"), id, ADDRESS)?;
                let parts: Vec<_> = version.iter().collect();
                checks.items(at("version"), &parts)?;
                for (name, version) in version {
                    checks.text(at("version"), name, ADDRESS)?;
                    checks.text(at("version"), version, WORD)?;
                }
                Ok(())
            }
            Self::Component { purl } => {
                let parts = purl.parts();
                if parts.qualifiers.is_empty() && parts.subpath.is_none() {
                    return Ok(());
                }
                Err(checks.refuse(at("purl"), "a package URL without qualifiers and subpath"))
            }
            Self::Unknown(_) => Ok(()),
        }
    }
}

impl Range {
    fn check(&self, checks: &Checks<'_>, pointer: &str) -> Result<(), PredicateError> {
        match (self.not_before, self.not_after) {
            (Some(start), Some(end)) if start >= end => {
                let expected = "a time later than `notBefore`";
                Err(checks.refuse(format_args!("{pointer}/notAfter"), expected))
            }
            _ => Ok(()),
        }
    }
}

const KINDS: &[&str] = &[
    "attestation",
    "builder",
    "component",
    "edge",
    "lift",
    "signer",
    "subject",
];

/// Whether some part of a target says that it is of a kind that came later.
fn is_unknown(target: &Map<String, Value>) -> Result<bool, &'static str> {
    let inner = |member: &str| target.get(member).and_then(Value::as_object);
    let is_later = |object: Option<&Map<String, Value>>, is_known: &dyn Fn(&str) -> bool| {
        let kind = object.map_or(Ok(None), kind_of)?;
        Ok(kind.is_some_and(|kind| !is_known(kind)))
    };
    match kind_of(target)? {
        Some("edge") => is_later(inner("edge"), &|kind| {
            serde_json::from_value::<EdgeKind>(kind.into()).is_ok()
        }),
        Some("signer") => is_later(inner("signer"), &|kind| {
            ["certificate", "key"].contains(&kind)
        }),
        kind => Ok(kind.is_some_and(|kind| !KINDS.contains(&kind))),
    }
}

/// The kind of a target or of a part of one. A number would be taken for a place in the list of
/// kinds by the derived reader.
fn kind_of(object: &Map<String, Value>) -> Result<Option<&str>, &'static str> {
    match object.get("kind") {
        None => Ok(None),
        Some(Value::String(kind)) => Ok(Some(kind)),
        Some(_) => Err("`kind` is no text"),
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let target = Map::deserialize(input)?;
        if is_unknown(&target).map_err(serde::de::Error::custom)? {
            return Ok(Self::Unknown(UnknownTarget(target)));
        }
        // The derived function, which knows the kinds above.
        Self::deserialize(Value::Object(target)).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown(target) => target.serialize(out),
            known => Self::serialize(known, out),
        }
    }
}
