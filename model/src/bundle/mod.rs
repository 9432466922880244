//! Sigstore bundles: received bytes and a thin view of them.
//!
//! Implements the Sigstore bundle, versions 0.1 to 0.3 (written: 0.3),
//! <https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_bundle.proto>.
//! Certificates, log entries and timestamps are only counted here; what they prove is decided by
//! the verifier, over the same bytes.

mod entry;
mod error;
mod wire;

use base64::Engine as _;
use serde::Serialize;

use crate::descriptor::media_type;
use crate::json;
use crate::{Algorithm, Digest, Envelope, Limits};

pub use entry::{InclusionProof, LogEntry};
pub use error::BundleError;

/// Certificates of one chain. Those of Fulcio instances have four at most.
const CHAIN_LENGTH: usize = 10;

/// The media type of version 0.1, the only one in which a log's promise may stand alone.
pub(crate) const V0_1: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";
/// The last version with chains of certificates; unlike the first, it needs no promise of a log.
pub(crate) const V0_2: &str = "application/vnd.dev.sigstore.bundle+json;version=0.2";

/// A bundle as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    bytes: Vec<u8>,
    version: BundleVersion,
    key: KeyMaterial,
    content: BundleContent,
    chain: Vec<Vec<u8>>,
    log_entries: Vec<LogEntry>,
    timestamps: Vec<Vec<u8>>,
    envelope_document: Option<Digest>,
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
        /// Name of the digest algorithm, for example `SHA2_256`; empty if the bundle names none.
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
        let wire: wire::Wire = json::read(&bytes, limits.bundle_bytes, limits.json_depth)?;
        let version = version_of(&wire.media_type)?;
        let material = wire.verification_material;
        let entries = material.tlog_entries.unwrap_or_default();
        let timestamps = material
            .timestamp_verification_data
            .and_then(|data| data.rfc3161_timestamps)
            .unwrap_or_default();
        if entries.len() > limits.log_entries {
            return Err(BundleError::LogEntries {
                limit: limits.log_entries,
                found: entries.len(),
            });
        }
        if timestamps.len() > limits.timestamps {
            return Err(BundleError::Timestamps {
                limit: limits.timestamps,
                found: timestamps.len(),
            });
        }
        let log_entries = entries
            .into_iter()
            .enumerate()
            .map(|(at, entry)| entry.decode(at))
            .collect::<Result<_, _>>()?;
        let timestamps = timestamps
            .iter()
            .map(|timestamp| der(&timestamp.signed_timestamp, "timestamp", limits))
            .collect::<Result<_, _>>()?;
        let chained = material
            .x509_certificate_chain
            .map(|chain| chain.certificates);
        if chained.is_some() && version == BundleVersion::V0_3 {
            return Err(BundleError::Chain);
        }
        if chained
            .as_ref()
            .is_some_and(|chain| chain.len() > CHAIN_LENGTH)
        {
            return Err(BundleError::ChainLength {
                limit: CHAIN_LENGTH,
            });
        }
        let certificates = match (material.certificate, chained) {
            (Some(_), Some(_)) => return Err(BundleError::Key),
            (Some(certificate), None) => vec![certificate],
            (None, chain) => chain.unwrap_or_default(),
        };
        let mut chain = certificates
            .iter()
            .map(|certificate| der(&certificate.raw_bytes, "certificate", limits))
            .collect::<Result<Vec<_>, _>>()?;
        let key = match (material.public_key, chain.is_empty()) {
            (Some(key), true) => KeyMaterial::PublicKey { hint: key.hint },
            (None, false) => KeyMaterial::Certificate(chain.remove(0)),
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
            chain,
            log_entries,
            timestamps,
            envelope_document: None,
        })
    }

    /// Notes the SHA-256 digest of the document that the envelope was received as.
    pub(crate) fn with_envelope_document(mut self, digest: Digest) -> Self {
        self.envelope_document = Some(digest);
        self
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

    /// SHA-256 of the envelope's document, byte for byte, where it was received as one of its own.
    /// Log entries of kind `intoto 0.0.1` are about it.
    pub fn envelope_document(&self) -> Option<&Digest> {
        self.envelope_document.as_ref()
    }

    /// The certificates above the signing one, DER, as received.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// How many transparency log entries it carries.
    pub fn log_entries(&self) -> usize {
        self.log_entries.len()
    }

    /// The transparency log entries, as received.
    pub fn entries(&self) -> &[LogEntry] {
        &self.log_entries
    }

    /// How many RFC 3161 timestamps it carries.
    pub fn timestamps(&self) -> usize {
        self.timestamps.len()
    }

    /// The RFC 3161 timestamps, DER, as received.
    pub fn timestamp_tokens(&self) -> &[Vec<u8>] {
        &self.timestamps
    }

    /// The digest it names for the signed blob, if of an algorithm Bulla computes. Nothing signs
    /// it: a signature is checked over it only to tell "of something else" from "tampered with".
    pub fn named_digest(&self) -> Option<Digest> {
        let BundleContent::Message {
            algorithm, digest, ..
        } = &self.content
        else {
            return None;
        };
        let algorithm = match algorithm.as_str() {
            "SHA2_256" => Algorithm::Sha256,
            "SHA2_384" => Algorithm::Sha384,
            "SHA2_512" => Algorithm::Sha512,
            _ => return None,
        };
        Digest::new(algorithm, &hex::encode(digest)).ok()
    }

    /// The signature's bytes.
    pub fn signature(&self) -> &[u8] {
        match &self.content {
            BundleContent::Dsse(envelope) => &envelope.signatures()[0].signature,
            BundleContent::Message { signature, .. } => signature,
        }
    }
}

/// A certificate or timestamp, which are short.
fn der(text: &str, what: &'static str, limits: &Limits) -> Result<Vec<u8>, BundleError> {
    let bytes = wire::bytes(text, what)?;
    if bytes.len() > limits.der_bytes {
        return Err(BundleError::Der {
            what,
            limit: limits.der_bytes,
            found: bytes.len(),
        });
    }
    Ok(bytes)
}

fn version_of(text: &str) -> Result<BundleVersion, BundleError> {
    match text {
        V0_1 => Ok(BundleVersion::V0_1),
        V0_2 => Ok(BundleVersion::V0_2),
        "application/vnd.dev.sigstore.bundle+json;version=0.3" | media_type::BUNDLE => {
            Ok(BundleVersion::V0_3)
        }
        _ => Err(BundleError::MediaType {
            found: text.chars().take(100).collect(),
        }),
    }
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
    fn a_digest_without_an_algorithm_is_not_read_as_no_digest() {
        let parse = |digest: &str| {
            let text = format!(
                r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"x"}}}},"messageSignature":{{{digest}"signature":"AA=="}}}}"#
            );
            Bundle::parse(text.into_bytes(), &Limits::default())
        };
        assert!(parse("").is_ok());
        let named = r#""messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"#;
        assert!(parse(named).is_ok());
        for digest in ["", "AA=="] {
            let member = format!(r#""messageDigest":{{"algorithm":"","digest":"{digest}"}},"#);
            assert_eq!(parse(&member).unwrap_err(), BundleError::MessageDigest);
        }
    }

    #[test]
    fn null_is_absent_as_protobuf_reads_it() {
        let text = r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"certificate":null,"x509CertificateChain":null,"publicKey":{"hint":"x"},"tlogEntries":null,"timestampVerificationData":{"rfc3161Timestamps":null}},"messageSignature":null,"dsseEnvelope":{"payload":"","payloadType":"t","signatures":[{"sig":"AA==","keyid":null}]}}"#;
        let bundle = Bundle::parse(text.into(), &Limits::default()).unwrap();
        assert_eq!(bundle.log_entries() + bundle.timestamps(), 0);
        assert_eq!(bundle.envelope().unwrap().signatures()[0].key_id, None);
    }

    #[test]
    fn arrays_are_no_bundles() {
        let text = r#"["application/vnd.dev.sigstore.bundle.v0.3+json",{"publicKey":{"hint":"x"}},{"payload":"","payloadType":"t","signatures":[{"sig":"AA=="}]}]"#;
        let error = Bundle::parse(text.into(), &Limits::default()).unwrap_err();
        assert!(matches!(error, BundleError::Json(_)), "{error}");
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
        // Their sets take quadratic time to be read, so they have to be short.
        let long = "A".repeat((16 << 10) / 3 * 4 + 8);
        let certificate = format!(r#"{{"certificate":{{"rawBytes":"{long}"}}}}"#);
        let found = (long.len() / 4) * 3;
        let error = |what| BundleError::Der {
            what,
            limit: 16 << 10,
            found,
        };
        assert_eq!(parse(&certificate, dsse), error("certificate"));
        let stamp = format!(
            r#"{{"publicKey":{{"hint":"x"}},"timestampVerificationData":{{"rfc3161Timestamps":[{{"signedTimestamp":"{long}"}}]}}}}"#
        );
        assert_eq!(parse(&stamp, dsse), error("timestamp"));
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
