//! Layouts and links: in-toto as it was before attestations.
//!
//! Implements the metadata of the in-toto specification v1.0,
//! <https://github.com/in-toto/specification/blob/v1.0/in-toto-spec.md>, section 4, in both of its
//! wrappings: `{"signed", "signatures"}`, whose signatures are over the canonical JSON of `signed`,
//! and DSSE envelopes (in-toto enhancement 5), whose signatures are over the bytes of the payload.
//! Deviations: thresholds of none, names that occur twice, artifacts without a SHA-2 digest and
//! paths that are one path in two spellings are refused; OpenPGP signatures are read and count for
//! nothing.

mod canonical;
mod layout;
mod link;
mod path;
mod rule;

use serde::Deserialize;
use serde_json::Value;

use crate::envelope::{self, Envelope, EnvelopeError};
use crate::json::{self, JsonError};
use crate::{Digest, Limits};

pub use canonical::canonical_json;
pub use layout::{
    FunctionaryKey, Inspection, KeyValue, Layout, LayoutStep, MAX_LAYOUT_ELEMENTS, PublicValue,
};
pub use link::{Artifacts, StepLink};
pub use path::{artifact_path, is_path_pattern};
pub use rule::{ArtifactRule, ArtifactSide, MatchRule};

/// Signatures of one document. Stops one that is all cost.
pub const MAX_METADATA_SIGNATURES: usize = 32;

/// A signed layout or link; nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    content: MetadataContent,
    signed: Vec<u8>,
    payload: Digest,
    signatures: Vec<MetadataSignature>,
    in_envelope: bool,
}

/// What was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataContent {
    /// A layout.
    Layout(Box<Layout>),
    /// A link.
    Link(Box<StepLink>),
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataSignature {
    /// A hint which key made it; never believed.
    pub key_id: String,
    /// The signature's bytes; none for OpenPGP, which is not checked here.
    pub bytes: Option<Vec<u8>>,
}

impl Metadata {
    /// Reads a layout or link in either wrapping.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, MetadataError> {
        let wire: Wrapping = json::read(bytes, limits.bundle_bytes, limits.json_depth)?;
        let metadata = match wire {
            Wrapping {
                signed: Some(signed),
                payload: None,
                signatures: Some(signatures),
            } => Self::of_signed(signed, signatures)?,
            Wrapping {
                signed: None,
                payload: Some(_),
                ..
            } => Self::of_envelope(&Envelope::parse(bytes, limits)?, limits)?,
            _ => return Err(MetadataError::Neither),
        };
        let found = metadata.signatures.len();
        if found > MAX_METADATA_SIGNATURES {
            return Err(MetadataError::TooMany {
                what: "signatures",
                limit: MAX_METADATA_SIGNATURES,
                found,
            });
        }
        Ok(metadata)
    }

    fn of_signed(signed: Value, signatures: Vec<WireSignature>) -> Result<Self, MetadataError> {
        let canonical = canonical_json(&signed)?;
        let signatures = signatures.into_iter().enumerate();
        Ok(Self {
            payload: Digest::sha256(&canonical),
            signed: canonical,
            content: MetadataContent::read(signed)?,
            signatures: signatures
                .map(|(index, one)| one.decode(index))
                .collect::<Result<_, _>>()?,
            in_envelope: false,
        })
    }

    fn of_envelope(envelope: &Envelope, limits: &Limits) -> Result<Self, MetadataError> {
        if envelope.payload_type() != envelope::IN_TOTO {
            let found = envelope.payload_type().chars().take(80).collect();
            return Err(MetadataError::PayloadType { found });
        }
        let payload: Value =
            json::read(envelope.payload(), limits.bundle_bytes, limits.json_depth)?;
        Ok(Self {
            content: MetadataContent::read(payload)?,
            signed: envelope.pae().as_bytes().to_vec(),
            payload: envelope.payload_digest(),
            signatures: envelope
                .signatures()
                .iter()
                .map(|one| MetadataSignature {
                    key_id: one.key_id.clone().unwrap_or_default(),
                    bytes: Some(one.signature.clone()),
                })
                .collect(),
            in_envelope: true,
        })
    }

    /// The layout or link.
    pub fn content(&self) -> &MetadataContent {
        &self.content
    }

    /// The bytes the signatures are over.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed
    }

    /// SHA-256 digest of the payload, in its canonical form where that is what is signed.
    pub fn payload_digest(&self) -> &Digest {
        &self.payload
    }

    /// The signatures, in order.
    pub fn signatures(&self) -> &[MetadataSignature] {
        &self.signatures
    }

    /// Whether it came in a DSSE envelope.
    pub fn is_in_envelope(&self) -> bool {
        self.in_envelope
    }
}

impl MetadataContent {
    fn read(value: Value) -> Result<Self, MetadataError> {
        let shape = |error: serde_json::Error| MetadataError::Shape {
            reason: error.to_string().chars().take(200).collect(),
        };
        match value.get("_type").and_then(Value::as_str) {
            Some("layout") => {
                let wire: layout::WireLayout = json::value(value).map_err(shape)?;
                Ok(Self::Layout(Box::new(wire.try_into()?)))
            }
            Some("link") => {
                let wire: link::WireLink = json::value(value).map_err(shape)?;
                Ok(Self::Link(Box::new(wire.try_into()?)))
            }
            _ => Err(MetadataError::Neither),
        }
    }
}

/// The members by which the wrappings are told apart.
#[derive(Deserialize)]
struct Wrapping {
    #[serde(default)]
    signed: Option<Value>,
    #[serde(default)]
    payload: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    signatures: Option<Vec<WireSignature>>,
}

/// A signature's JSON, of which DSSE's is read by the envelope's own reader.
#[derive(Deserialize)]
struct WireSignature {
    #[serde(default)]
    keyid: Option<String>,
    #[serde(default)]
    sig: Option<String>,
    #[serde(default)]
    signature: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    other_headers: Option<serde::de::IgnoredAny>,
}

impl WireSignature {
    fn decode(self, index: usize) -> Result<MetadataSignature, MetadataError> {
        let bytes = match self {
            Self { sig: Some(sig), .. } => {
                Some(hex::decode(sig).map_err(|_| MetadataError::Signature { index })?)
            }
            Self {
                signature: Some(_),
                other_headers: Some(_),
                ..
            } => None,
            _ => return Err(MetadataError::Signature { index }),
        };
        Ok(MetadataSignature {
            key_id: self.keyid.unwrap_or_default(),
            bytes,
        })
    }
}

/// Why bytes are no layout and no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// It is not JSON, or not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// It is a DSSE envelope that cannot be read.
    #[error("{0}")]
    Envelope(#[from] EnvelopeError),
    /// It is neither, or both.
    #[error("neither a layout nor a link")]
    Neither,
    /// The envelope holds something else.
    #[error("payload type is `{}`, expected `{}`", found.escape_debug(), envelope::IN_TOTO)]
    PayloadType {
        /// What it says it holds.
        found: String,
    },
    /// A number has no canonical form.
    #[error("a number is no integer of 64 bits, which canonical JSON does not have")]
    Number,
    /// A member is missing or of another type.
    #[error("{}", reason.escape_debug())]
    Shape {
        /// What is wrong.
        reason: String,
    },
    /// A rule is none.
    #[error("`{}` is no artifact rule", rule.escape_debug())]
    Rule {
        /// The words.
        rule: String,
    },
    /// A step may be carried out by nobody.
    #[error("the threshold of step `{}` is 0", step.escape_debug())]
    Threshold {
        /// The step.
        step: String,
    },
    /// A step or inspection has no name, or that of another.
    #[error("the name `{}` is empty or occurs twice", name.escape_debug())]
    Name {
        /// The name.
        name: String,
    },
    /// A key calls itself otherwise than the layout does.
    #[error("the key `{}` gives another id for itself", id.escape_debug())]
    KeyId {
        /// The id in the layout.
        id: String,
    },
    /// An artifact has no digest that can be relied on.
    #[error("artifact `{}` has no digest by sha256, sha384 or sha512", path.escape_debug())]
    WeakDigest {
        /// The artifact.
        path: String,
    },
    /// A path is empty, or another artifact's in another spelling.
    #[error("artifact `{}` has no path of its own", path.escape_debug())]
    Path {
        /// The path.
        path: String,
    },
    /// A signature is not hexadecimal.
    #[error("signature {index} is not hexadecimal (/signatures/{index}/sig)")]
    Signature {
        /// Index of the signature, from 0.
        index: usize,
    },
    /// There is more of something than anybody needs.
    #[error("{found} {what}, the limit is {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
}
