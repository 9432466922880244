//! Signatures of the Notary Project, as received: JWS and COSE envelopes, and the manifests they
//! are stored in.
//!
//! Implements the Notary Project's signature specification and its two envelope formats,
//! <https://github.com/notaryproject/specifications/blob/d4b62b949228911bd5e62da4f5f8dd38682d293a/specs/signature-specification.md>,
//! `signature-envelope-jws.md` and `signature-envelope-cose.md` beside it. Reading proves nothing:
//! an envelope shows what was signed, byte for byte, and by which certificate it says it was.
//!
//! Stricter than the specification: members of a JWS that it does not name at the top are refused,
//! times in COSE are whole seconds, and a header that names a verification plugin counts whether or
//! not it is marked critical.

mod attributes;
mod cose;
mod error;
mod jws;
mod stored;

pub use attributes::{NotationAlgorithm, SignedAttributes, SigningScheme, VerificationPlugin};
pub use error::NotationError;
pub use stored::{is_signature, signature_layer, thumbprints};

use serde::Deserialize;

use crate::json::{self, JsonError};
use crate::{Descriptor, Limits};

/// Artifact type of a signature's manifest; in older ones its configuration's media type.
pub const ARTIFACT_TYPE: &str = "application/vnd.cncf.notary.signature";
/// Media type of a JWS envelope.
pub const JWS: &str = "application/jose+json";
/// Media type of a COSE envelope.
pub const COSE: &str = "application/cose";
/// Media type of what is signed.
pub const PAYLOAD: &str = "application/vnd.cncf.notary.payload.v1+json";

/// Bytes of one envelope. A chain and a timestamp need some ten thousand; a list in CBOR takes up
/// dozens of times its length in memory (F48).
pub const ENVELOPE_BYTES: u64 = 1 << 20;

/// Certificates of one chain. Stops chains that only cost time.
const CHAIN_CERTIFICATES: usize = 16;

/// Which envelope format was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeForm {
    /// JSON Web Signature (RFC 7515), flattened JSON.
    Jws,
    /// `COSE_Sign1` (RFC 9052), tagged.
    Cose,
}

impl EnvelopeForm {
    /// The form with this media type.
    pub fn of_media_type(media_type: &str) -> Result<Self, NotationError> {
        match media_type {
            JWS => Ok(Self::Jws),
            COSE => Ok(Self::Cose),
            other => Err(NotationError::MediaType {
                found: other.chars().take(100).collect(),
            }),
        }
    }

    /// Its name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jws => "JWS",
            Self::Cose => "COSE",
        }
    }
}

/// A signature envelope as received. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotationEnvelope {
    form: EnvelopeForm,
    signed: Vec<u8>,
    signature: Vec<u8>,
    attributes: SignedAttributes,
    payload: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    timestamp: Option<Vec<u8>>,
    signing_agent: Option<String>,
}

/// What a reader of one form found.
struct Parts {
    signed: Vec<u8>,
    signature: Vec<u8>,
    attributes: SignedAttributes,
    payload: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    timestamp: Option<Vec<u8>>,
    signing_agent: Option<String>,
}

impl NotationEnvelope {
    /// Reads an envelope of this form.
    pub fn parse(form: EnvelopeForm, bytes: &[u8], limits: &Limits) -> Result<Self, NotationError> {
        let limit = ENVELOPE_BYTES.min(limits.bundle_bytes);
        let found = bytes.len() as u64;
        if found > limit {
            return Err(NotationError::Size { limit, found });
        }
        let parts = match form {
            EnvelopeForm::Jws => jws::read(bytes, limits)?,
            EnvelopeForm::Cose => cose::read(bytes)?,
        };
        let count = parts.certificates.len();
        if count == 0 || count > CHAIN_CERTIFICATES {
            return Err(NotationError::Chain {
                found: count,
                limit: CHAIN_CERTIFICATES,
            });
        }
        let certificates = parts.certificates.iter().map(|der| ("certificate", der));
        let timestamp = parts.timestamp.iter().map(|der| ("timestamp", der));
        for (what, der) in certificates.chain(timestamp) {
            if der.len() > limits.der_bytes {
                return Err(NotationError::Der {
                    what,
                    limit: limits.der_bytes,
                    found: der.len(),
                });
            }
        }
        for (name, empty) in [
            ("signature", parts.signature.is_empty()),
            ("payload", parts.payload.is_empty()),
        ] {
            if empty {
                return Err(NotationError::Missing { name });
            }
        }
        Ok(Self {
            form,
            signed: parts.signed,
            signature: parts.signature,
            attributes: parts.attributes,
            payload: parts.payload,
            certificates: parts.certificates,
            timestamp: parts.timestamp,
            signing_agent: parts.signing_agent,
        })
    }

    /// The form it came in.
    pub fn form(&self) -> EnvelopeForm {
        self.form
    }

    /// The bytes the signature is over: signed headers and payload, as they came.
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// The signature; of elliptic curves `r` and `s` in a row.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// What the signer says about the signature.
    pub fn attributes(&self) -> &SignedAttributes {
        &self.attributes
    }

    /// The payload as it was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The certificates, DER: the signer's first, the root last. At least one.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// The timestamp countersignature, an RFC 3161 token.
    pub fn timestamp(&self) -> Option<&[u8]> {
        self.timestamp.as_deref()
    }

    /// The program that signed, as it says; not signed.
    pub fn signing_agent(&self) -> Option<&str> {
        self.signing_agent.as_deref()
    }

    /// What the payload says was signed.
    pub fn target(&self, limits: &Limits) -> Result<Descriptor, JsonError> {
        let payload: Payload = json::read(&self.payload, ENVELOPE_BYTES, limits.json_depth)?;
        Ok(payload.target_artifact)
    }
}

/// `application/vnd.cncf.notary.payload.v1+json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    target_artifact: Descriptor,
}
