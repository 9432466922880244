//! Sigstore bundles: received bytes and a thin view of them.
//!
//! Implements the Sigstore bundle, versions 0.1 to 0.3 (written: 0.3),
//! <https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_bundle.proto>.
//! Certificates, log entries and timestamps are only counted here; what they prove is decided by
//! the verifier, over the same bytes.

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::descriptor::media_type;
use crate::envelope::{WireEnvelope, decode_base64};
use crate::json::{self, JsonError};
use crate::{Algorithm, Digest, Envelope, EnvelopeError, Limits};

/// The media type of version 0.1, the only one in which a log's promise may stand alone.
pub(crate) const V0_1: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";

/// A bundle as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    bytes: Vec<u8>,
    version: BundleVersion,
    key: KeyMaterial,
    content: BundleContent,
    log_entries: usize,
    timestamps: usize,
}

/// The version a bundle's media type names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BundleVersion {
    /// 0.1: a log promise may stand alone.
    V0_1,
    /// 0.2: inclusion proofs are mandatory.
    V0_2,
    /// 0.3: one certificate instead of a chain.
    V0_3,
}

/// What a bundle says about the key of its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyMaterial {
    /// A certificate, DER; the leaf if the bundle has a chain.
    Certificate(Vec<u8>),
    /// A hint which public key to use; never believed.
    PublicKey {
        /// `base64(SHA-256(SPKI DER))` as cosign and sigstore-go write it; any text.
        hint: String,
    },
}

/// What a bundle's signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleContent {
    /// An envelope with exactly one signature.
    Dsse(Envelope),
    /// A signature over an artifact's bytes.
    Message {
        /// Name of the digest algorithm, for example `SHA2_256`.
        algorithm: String,
        /// The artifact's digest; a hint, the verifier takes the artifact's own.
        digest: Vec<u8>,
        /// The signature.
        signature: Vec<u8>,
    },
}

impl Bundle {
    /// Reads a bundle of version 0.1 to 0.3.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, BundleError> {
        let wire: Wire = json::read(&bytes, limits.bundle_bytes, limits.json_depth)?;
        let version = version_of(&wire.media_type)?;
        let material = wire.verification_material;
        let log_entries = material.tlog_entries.map_or(0, |entries| entries.len());
        let timestamps = material
            .timestamp_verification_data
            .and_then(|data| data.rfc3161_timestamps)
            .map_or(0, |timestamps| timestamps.len());
        if log_entries > limits.log_entries {
            return Err(BundleError::LogEntries {
                limit: limits.log_entries,
                found: log_entries,
            });
        }
        if timestamps > limits.timestamps {
            return Err(BundleError::Timestamps {
                limit: limits.timestamps,
                found: timestamps,
            });
        }
        let chain = material
            .x509_certificate_chain
            .and_then(|chain| chain.certificates.into_iter().next());
        if chain.is_some() && version == BundleVersion::V0_3 {
            return Err(BundleError::Chain);
        }
        let key = match (material.public_key, material.certificate.or(chain)) {
            (Some(key), None) => KeyMaterial::PublicKey { hint: key.hint },
            (None, Some(certificate)) => KeyMaterial::Certificate(
                decode_base64(&certificate.raw_bytes).ok_or(BundleError::Base64 {
                    what: "certificate",
                })?,
            ),
            _ => return Err(BundleError::Key),
        };
        let content = match (wire.dsse_envelope, wire.message_signature) {
            (Some(envelope), None) if envelope.signatures.len() == 1 => {
                BundleContent::Dsse(envelope.decode()?)
            }
            (Some(envelope), None) => {
                return Err(BundleError::Signatures {
                    found: envelope.signatures.len(),
                });
            }
            (None, Some(message)) => message.decode()?,
            _ => return Err(BundleError::Content),
        };
        Ok(Self {
            bytes,
            version,
            key,
            content,
            log_entries,
            timestamps,
        })
    }

    /// Wraps an envelope signed by a bare key as a v0.3 bundle. `hint` names the key.
    pub fn with_public_key(envelope: &Envelope, hint: &str) -> Result<Self, BundleError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Out<'a> {
            media_type: &'static str,
            verification_material: Material<'a>,
            dsse_envelope: serde_json::Value,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Material<'a> {
            public_key: Hint<'a>,
        }
        #[derive(Serialize)]
        struct Hint<'a> {
            hint: &'a str,
        }
        let out = Out {
            media_type: media_type::BUNDLE,
            verification_material: Material {
                public_key: Hint { hint },
            },
            dsse_envelope: serde_json::from_slice(&envelope.to_json())
                .expect("because an envelope writes JSON"),
        };
        let bytes = serde_json::to_vec(&out).expect("because strings always serialise");
        let limits = Limits {
            bundle_bytes: bytes.len() as u64,
            ..Limits::default()
        };
        Self::parse(bytes, &limits)
    }

    /// Wraps a bare key's signature over an artifact with this SHA-256 digest as a v0.3 bundle.
    /// `hint` names the key.
    pub fn with_message_signature(
        digest: &Digest,
        signature: &[u8],
        hint: &str,
    ) -> Result<Self, BundleError> {
        let standard = base64::engine::general_purpose::STANDARD;
        let out = serde_json::json!({
            "mediaType": media_type::BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": hint}},
            "messageSignature": {
                "messageDigest": Self::message_digest(digest),
                "signature": standard.encode(signature),
            },
        });
        let bytes = serde_json::to_vec(&out).expect("because strings always serialise");
        Self::parse(bytes, &Limits::default())
    }

    /// A digest as bundles write it.
    pub(crate) fn message_digest(digest: &Digest) -> serde_json::Value {
        let algorithm = match digest.algorithm() {
            Algorithm::Sha256 => "SHA2_256",
            Algorithm::Sha384 => "SHA2_384",
            Algorithm::Sha512 => "SHA2_512",
        };
        let value = hex::decode(digest.hex()).expect("because a digest is hexadecimal");
        let value = base64::engine::general_purpose::STANDARD.encode(value);
        serde_json::json!({"algorithm": algorithm, "digest": value})
    }

    /// The bytes as received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The version.
    pub fn version(&self) -> BundleVersion {
        self.version
    }

    /// What it says about the signer's key.
    pub fn key(&self) -> &KeyMaterial {
        &self.key
    }

    /// What was signed.
    pub fn content(&self) -> &BundleContent {
        &self.content
    }

    /// The envelope, if it holds one.
    pub fn envelope(&self) -> Option<&Envelope> {
        match &self.content {
            BundleContent::Dsse(envelope) => Some(envelope),
            BundleContent::Message { .. } => None,
        }
    }

    /// How many transparency log entries it carries.
    pub fn log_entries(&self) -> usize {
        self.log_entries
    }

    /// How many RFC 3161 timestamps it carries.
    pub fn timestamps(&self) -> usize {
        self.timestamps
    }
}

fn version_of(text: &str) -> Result<BundleVersion, BundleError> {
    match text {
        V0_1 => Ok(BundleVersion::V0_1),
        "application/vnd.dev.sigstore.bundle+json;version=0.2" => Ok(BundleVersion::V0_2),
        "application/vnd.dev.sigstore.bundle+json;version=0.3" | media_type::BUNDLE => {
            Ok(BundleVersion::V0_3)
        }
        _ => Err(BundleError::MediaType {
            found: text.chars().take(100).collect(),
        }),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: String,
    verification_material: WireMaterial,
    #[serde(default)]
    dsse_envelope: Option<WireEnvelope>,
    #[serde(default)]
    message_signature: Option<WireMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMaterial {
    #[serde(default)]
    public_key: Option<WireKey>,
    #[serde(default)]
    certificate: Option<WireCertificate>,
    #[serde(default)]
    x509_certificate_chain: Option<WireChain>,
    #[serde(default)]
    tlog_entries: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(default)]
    timestamp_verification_data: Option<WireTimestamps>,
}

#[derive(Deserialize)]
struct WireKey {
    #[serde(default)]
    hint: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCertificate {
    raw_bytes: String,
}

#[derive(Deserialize)]
struct WireChain {
    certificates: Vec<WireCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTimestamps {
    #[serde(default)]
    rfc3161_timestamps: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMessage {
    message_digest: WireDigest,
    signature: String,
}

#[derive(Deserialize)]
struct WireDigest {
    algorithm: String,
    digest: String,
}

impl WireMessage {
    fn decode(self) -> Result<BundleContent, BundleError> {
        Ok(BundleContent::Message {
            algorithm: self.message_digest.algorithm.chars().take(32).collect(),
            digest: decode_base64(&self.message_digest.digest).ok_or(BundleError::Base64 {
                what: "message digest",
            })?,
            signature: decode_base64(&self.signature)
                .ok_or(BundleError::Base64 { what: "signature" })?,
        })
    }
}

/// Why bytes are no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is not JSON of the right shape.
    #[error("no Sigstore bundle: {0}")]
    Json(#[from] JsonError),
    /// The media type is none of version 0.1 to 0.3.
    #[error("no Sigstore bundle of version 0.1 to 0.3: media type `{}`", found.escape_debug())]
    MediaType {
        /// What was found, cut short.
        found: String,
    },
    /// A v0.3 bundle carries a chain.
    #[error(
        "a v0.3 bundle carries one certificate, not a chain (/verificationMaterial/x509CertificateChain)"
    )]
    Chain,
    /// It does not name exactly one key.
    #[error(
        "the bundle names no key, or two: expected `publicKey` or `certificate` (/verificationMaterial)"
    )]
    Key,
    /// It does not hold exactly one of envelope and message signature.
    #[error("the bundle holds no content, or two: expected `dsseEnvelope` or `messageSignature`")]
    Content,
    /// Its envelope does not have exactly one signature.
    #[error(
        "an envelope in a bundle has exactly one signature, found {found} (/dsseEnvelope/signatures)"
    )]
    Signatures {
        /// The number found.
        found: usize,
    },
    /// Something is not base64.
    #[error("the bundle's {what} is not base64")]
    Base64 {
        /// Which part.
        what: &'static str,
    },
    /// The envelope is malformed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// There are too many log entries.
    #[error("{found} transparency log entries, the limit is {limit}")]
    LogEntries {
        /// The limit.
        limit: usize,
        /// The number found.
        found: usize,
    },
    /// There are too many timestamps.
    #[error("{found} timestamps, the limit is {limit}")]
    Timestamps {
        /// The limit.
        limit: usize,
        /// The number found.
        found: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EnvelopeSignature;

    fn signature() -> EnvelopeSignature {
        EnvelopeSignature {
            key_id: None,
            signature: vec![1],
        }
    }

    #[test]
    fn an_envelope_in_a_bundle_has_exactly_one_signature() {
        // F28: verifiers that take the first or any of several signatures have been fooled.
        for signatures in [vec![], vec![signature(), signature()]] {
            let count = signatures.len();
            let envelope = Envelope::new(b"{}".to_vec(), "t", signatures);
            assert_eq!(
                Bundle::with_public_key(&envelope, "h").unwrap_err(),
                BundleError::Signatures { found: count }
            );
        }
    }

    #[test]
    fn a_key_bundle_round_trips() {
        let envelope = Envelope::new(b"{}".to_vec(), "t", vec![signature()]);
        let bundle = Bundle::with_public_key(&envelope, "hint").unwrap();
        let again = Bundle::parse(bundle.bytes().to_vec(), &Limits::default()).unwrap();
        assert_eq!(again, bundle);
        assert_eq!(again.envelope(), Some(&envelope));
        assert_eq!(
            *again.key(),
            KeyMaterial::PublicKey {
                hint: "hint".into()
            }
        );
    }

    #[test]
    fn contradictory_bundles_are_refused() {
        let parse = |material: &str, content: &str| {
            let text = format!(
                r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{material},{content}}}"#
            );
            Bundle::parse(text.into_bytes(), &Limits::default()).unwrap_err()
        };
        let dsse =
            r#""dsseEnvelope":{"payload":"","payloadType":"t","signatures":[{"sig":"AA=="}]}"#;
        assert_eq!(parse("{}", dsse), BundleError::Key);
        assert_eq!(
            parse(
                r#"{"publicKey":{"hint":"x"},"certificate":{"rawBytes":"AA=="}}"#,
                dsse
            ),
            BundleError::Key
        );
        assert_eq!(
            parse(r#"{"publicKey":{"hint":"x"}}"#, r#""other":1"#),
            BundleError::Content
        );
        assert_eq!(
            parse(
                r#"{"x509CertificateChain":{"certificates":[{"rawBytes":"AA=="}]}}"#,
                dsse
            ),
            BundleError::Chain
        );
    }
}
