//! What witness puts beside the signatures of its envelopes, and the collections it signs.
//!
//! Implements `dsse/dsse.go` and `attestation/collection.go` of go-witness at ad20e39,
//! <https://github.com/in-toto/go-witness/tree/ad20e39c46a03d414c6a17e2033f61aa4bfa050f>: a
//! signature may have its certificate, the ones above it, and RFC 3161 tokens over the signature.
//! Deviations: a timestamp of another type than `tsp` refuses the envelope.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::envelope::decode_base64;
use crate::json::{self, JsonError};
use crate::{Bundle, BundleError, Envelope, Limits};

/// Certificates beside one signature. Stops chains that are all cost.
const CHAIN_LENGTH: usize = 10;

/// What stands beside one signature, unverified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WitnessMaterials {
    /// The signing certificate and the ones above it, DER; empty for a bare key.
    pub certificates: Vec<Vec<u8>>,
    /// RFC 3161 responses, DER; witness keeps their tokens alone.
    pub timestamps: Vec<Vec<u8>>,
}

impl WitnessMaterials {
    /// Reads what stands beside each signature of an envelope, in their order.
    pub fn of_envelope(bytes: &[u8], limits: &Limits) -> Result<Vec<Self>, WitnessError> {
        let wire: WireEnvelope = json::read(bytes, limits.bundle_bytes, limits.json_depth)?;
        let signatures = wire.signatures.into_iter().enumerate();
        signatures
            .map(|(index, one)| one.decode(index, limits))
            .collect()
    }

    /// A bundle with an envelope of one signature, and this beside it.
    pub fn bundle(&self, envelope: &Envelope, limits: &Limits) -> Result<Bundle, BundleError> {
        let raw = |der: &Vec<u8>| json!({"rawBytes": STANDARD.encode(der)});
        let token = |der: &Vec<u8>| json!({"signedTimestamp": STANDARD.encode(der)});
        let certificates: Vec<Value> = self.certificates.iter().map(raw).collect();
        let timestamps: Vec<Value> = self.timestamps.iter().map(token).collect();
        // The payload's bytes are carried over; only the JSON around them is written anew.
        let envelope: Value =
            serde_json::from_slice(&envelope.to_json()).expect("because an envelope writes JSON");
        let document = json!({
            "mediaType": crate::bundle::V0_2,
            "verificationMaterial": {
                "x509CertificateChain": {"certificates": certificates},
                "timestampVerificationData": {"rfc3161Timestamps": timestamps},
            },
            "dsseEnvelope": envelope,
        });
        let bytes = serde_json::to_vec(&document).expect("because strings always serialise");
        Bundle::parse(bytes, limits)
    }
}

#[derive(Deserialize)]
struct WireEnvelope {
    signatures: Vec<WireSignature>,
}

#[derive(Deserialize)]
struct WireSignature {
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    intermediates: Option<Vec<String>>,
    #[serde(default)]
    timestamps: Option<Vec<WireTimestamp>>,
}

#[derive(Deserialize)]
struct WireTimestamp {
    r#type: String,
    data: String,
}

impl WireSignature {
    fn decode(self, index: usize, limits: &Limits) -> Result<WitnessMaterials, WitnessError> {
        let wrong = |member, expected| WitnessError::Member {
            index,
            member,
            expected,
        };
        let Some(certificate) = self.certificate.filter(|text| !text.is_empty()) else {
            // Without a certificate nothing beside the signature means anything.
            return Ok(WitnessMaterials::default());
        };
        let above = self.intermediates.unwrap_or_default();
        if above.len() >= CHAIN_LENGTH {
            return Err(wrong("intermediates", "at most 9 certificates"));
        }
        let mut certificates = Vec::new();
        for text in std::iter::once(certificate).chain(above) {
            let der = certificate_of(&text);
            certificates.push(der.ok_or(wrong("certificate", "certificates, PEM in base64"))?);
        }
        let stamps = self.timestamps.unwrap_or_default();
        if stamps.len() > limits.timestamps {
            return Err(wrong("timestamps", "fewer"));
        }
        let mut timestamps = Vec::new();
        for stamp in stamps {
            let token = decode_base64(&stamp.data).filter(|_| stamp.r#type == "tsp");
            let token = token.ok_or(wrong("timestamps", "type `tsp` and base64"))?;
            let response = response_of(&token);
            timestamps.push(response.ok_or(wrong("timestamps", "tokens in DER"))?);
        }
        Ok(WitnessMaterials {
            certificates,
            timestamps,
        })
    }
}

fn certificate_of(text: &str) -> Option<Vec<u8>> {
    let bytes = decode_base64(text)?;
    let block = pem::parse(&bytes).ok()?;
    (block.tag() == "CERTIFICATE").then(|| block.into_contents())
}

/// A response that grants the token, which is the form in which bundles keep one (RFC 3161, section
/// 2.4.2): a sequence of the status and the token as it came.
fn response_of(token: &[u8]) -> Option<Vec<u8>> {
    const GRANTED: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x00];
    const SEQUENCE: u8 = 0x30;
    if token.first() != Some(&SEQUENCE) {
        return None;
    }
    let length = u32::try_from(token.len().checked_add(GRANTED.len())?).ok()?;
    let mut response = vec![SEQUENCE];
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        response.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let bytes: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        response.push(0x80 | u8::try_from(bytes.len()).ok()?);
        response.extend(bytes);
    }
    response.extend(GRANTED);
    response.extend(token);
    Some(response)
}

/// Why what stands beside a signature cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// It is not JSON of the right shape.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A member is not what it should be.
    #[error("expected {expected} (/signatures/{index}/{member})")]
    Member {
        /// Index of the signature, from 0.
        index: usize,
        /// The member.
        member: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}
