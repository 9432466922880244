//! DSSE envelopes and the bytes that are really signed.
//!
//! Implements DSSE v1.0.2,
//! <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md> and `envelope.md`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError};
use crate::{Digest, Limits};

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An envelope: payload, its type, and signatures over both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

impl Envelope {
    /// Wraps a payload with its signatures.
    pub fn new(payload: Vec<u8>, payload_type: &str, signatures: Vec<EnvelopeSignature>) -> Self {
        Self {
            payload,
            payload_type: payload_type.to_owned(),
            signatures,
        }
    }

    /// Reads an envelope; the payload is decoded once and never written again.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, EnvelopeError> {
        let wire: WireEnvelope = json::read(bytes, limits.bundle_bytes, limits.json_depth)?;
        wire.decode()
    }

    /// The payload: the bytes that were signed, as received.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload's type.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The signatures, in order.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// The SHA-256 digest of the payload: how statements refer to one another.
    pub fn payload_digest(&self) -> Digest {
        Digest::sha256(&self.payload)
    }

    /// The bytes the signatures are over.
    pub fn pae(&self) -> Pae {
        Pae::new(&self.payload_type, &self.payload)
    }

    /// Writes the envelope as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let standard = base64::engine::general_purpose::STANDARD;
        let wire = WireEnvelope {
            payload: standard.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self
                .signatures
                .iter()
                .map(|signature| WireSignature {
                    keyid: signature.key_id.clone(),
                    sig: standard.encode(&signature.signature),
                })
                .collect(),
        };
        serde_json::to_vec(&wire).expect("because strings always serialise")
    }
}

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// A hint which key made it; never believed.
    pub key_id: Option<String>,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

/// Pre-authentication encoding: the only thing that is ever signed or checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pae(Vec<u8>);

impl Pae {
    /// `DSSEv1 LEN(type) type LEN(body) body`, lengths in decimal bytes.
    pub fn new(payload_type: &str, payload: &[u8]) -> Self {
        let mut bytes = format!(
            "DSSEv1 {} {} {} ",
            payload_type.len(),
            payload_type,
            payload.len()
        )
        .into_bytes();
        bytes.extend_from_slice(payload);
        Self(bytes)
    }

    /// The encoded bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An envelope's JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireEnvelope {
    pub(crate) payload: String,
    pub(crate) payload_type: String,
    pub(crate) signatures: Vec<WireSignature>,
}

/// A signature's JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireSignature {
    // An absent key id and an empty one mean the same (DSSE v1.0.2).
    #[serde(
        default,
        deserialize_with = "some_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) keyid: Option<String>,
    pub(crate) sig: String,
}

impl WireEnvelope {
    pub(crate) fn decode(self) -> Result<Envelope, EnvelopeError> {
        if self.signatures.is_empty() {
            return Err(EnvelopeError::NoSignature);
        }
        let mut signatures = Vec::with_capacity(self.signatures.len());
        for (index, signature) in self.signatures.into_iter().enumerate() {
            signatures.push(EnvelopeSignature {
                key_id: signature.keyid,
                signature: decode_base64(&signature.sig)
                    .ok_or(EnvelopeError::SignatureBase64 { index })?,
            });
        }
        let payload = decode_base64(&self.payload).ok_or(EnvelopeError::PayloadBase64)?;
        Ok(Envelope {
            payload,
            payload_type: self.payload_type,
            signatures,
        })
    }
}

/// Decodes standard or URL-safe base64, padded or not, as DSSE asks of readers.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    // Made once: each has a table that costs more than most texts.
    static STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let url_safe = text.bytes().any(|b| matches!(b, b'-' | b'_'));
    let engine = if url_safe { &URL_SAFE } else { &STANDARD };
    engine.decode(text).ok()
}

fn some_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// Why bytes are no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// It is not JSON of the right shape.
    #[error("no DSSE envelope: {0}")]
    Json(#[from] JsonError),
    /// The payload is not base64.
    #[error("the envelope's payload is not base64 (/payload)")]
    PayloadBase64,
    /// A signature is not base64.
    #[error("signature {index} is not base64 (/signatures/{index}/sig)")]
    SignatureBase64 {
        /// Index of the signature, from 0.
        index: usize,
    },
    /// Nobody signed it.
    #[error("the envelope has no signature (/signatures)")]
    NoSignature,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_matches_the_specification() {
        let pae = Pae::new("http://example.com/HelloWorld", b"hello world");
        assert_eq!(
            pae.as_bytes(),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(Pae::new("", b"").as_bytes(), b"DSSEv1 0  0 ");
        assert_eq!(
            Pae::new("é", b"").as_bytes(),
            "DSSEv1 2 é 0 ".as_bytes(),
            "lengths are bytes"
        );
    }

    #[test]
    fn both_base64_alphabets_are_read() {
        let read = |payload: &str| {
            let text = format!(
                r#"{{"payload":"{payload}","payloadType":"t","signatures":[{{"keyid":"","sig":"_-8"}}]}}"#
            );
            Envelope::parse(text.as_bytes(), &Limits::default())
        };
        assert_eq!(read("+/8=").unwrap().payload(), [0xfb, 0xff]);
        let envelope = read("-_8").unwrap();
        assert_eq!(envelope.payload(), [0xfb, 0xff]);
        assert_eq!(
            envelope.signatures()[0],
            EnvelopeSignature {
                key_id: None,
                signature: vec![0xff, 0xef]
            }
        );
        assert_eq!(
            read("+_8=").unwrap_err(),
            EnvelopeError::PayloadBase64,
            "alphabets are not mixed"
        );
    }

    #[test]
    fn an_envelope_round_trips_and_needs_a_signature() {
        let signature = EnvelopeSignature {
            key_id: Some("k".into()),
            signature: vec![1, 2, 3],
        };
        let envelope = Envelope::new(b"{}".to_vec(), IN_TOTO, vec![signature]);
        assert_eq!(
            Envelope::parse(&envelope.to_json(), &Limits::default()).unwrap(),
            envelope
        );
        let unsigned = Envelope::new(b"{}".to_vec(), IN_TOTO, vec![]);
        assert_eq!(
            Envelope::parse(&unsigned.to_json(), &Limits::default()).unwrap_err(),
            EnvelopeError::NoSignature
        );
    }
}
