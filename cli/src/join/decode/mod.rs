//! Decoding what came from outside, for looking at: nothing here is verified.

mod bundle;
mod certificate;
mod cosign;
mod in_toto;
mod notation;
mod timestamp;

use bulla_attest::PublicKey;
use bulla_attest::key::encrypted;
use bulla_model::notation::{EnvelopeForm, NotationEnvelope};
use bulla_model::{
    Bundle, CosignLayer, Digest, Envelope, Limits, Manifest, SimpleSigning, Statement,
    WitnessMaterials,
};
use serde::Serialize;
use serde_json::Value;

use crate::Failure;
use crate::failure::FailureKind;

pub use bundle::{DecodedBundle, DecodedLogEntry, signer_hint};
pub use certificate::DecodedCertificate;
pub use cosign::{DecodedCosign, DecodedPayload};
pub use in_toto::{DecodedLayout, DecodedLink};
pub use notation::DecodedNotation;
pub use timestamp::DecodedTimestamp;

/// A document, decoded.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Decoded {
    /// A Sigstore bundle.
    Bundle(Box<DecodedBundle>),
    /// Certificates.
    Certificates {
        /// In the order they stand in.
        certificates: Vec<DecodedCertificate>,
    },
    /// A signature or attestation as cosign kept it before bundles: a layer, or a file.
    Cosign(Box<DecodedCosign>),
    /// Several documents, one in each line.
    Documents {
        /// In the order they stand in.
        documents: Vec<Decoded>,
    },
    /// A DSSE envelope.
    Envelope(Box<DecodedEnvelope>),
    /// A classic in-toto layout.
    InTotoLayout(Box<DecodedLayout>),
    /// A classic in-toto link.
    InTotoLink(Box<DecodedLink>),
    /// An in-toto statement.
    Statement(Box<DecodedStatement>),
    /// An image manifest or index.
    Manifest(Box<DecodedManifest>),
    /// A signature of the Notary Project.
    Notation(Box<DecodedNotation>),
    /// A public key.
    #[serde(rename_all = "camelCase")]
    PublicKey {
        /// The algorithm.
        algorithm: String,
        /// Digest of the key.
        key_id: Digest,
    },
    /// A private key, of which nothing is shown.
    #[serde(rename_all = "camelCase")]
    PrivateKey {
        /// Whether it is encrypted.
        encrypted: bool,
    },
    /// What cosign signs for an image.
    SimpleSigning(Box<DecodedPayload>),
    /// An RFC 3161 timestamp.
    Timestamp(Box<DecodedTimestamp>),
    /// Whom a Sigstore instance trusts, or where it is reached.
    Trust {
        /// Trusted root, signing configuration, or both.
        what: &'static str,
        /// The document.
        document: Value,
    },
    /// JSON of another kind.
    Json {
        /// The document.
        document: Value,
    },
}

/// An envelope.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedEnvelope {
    /// The type of the payload.
    pub payload_type: String,
    /// Digest of the payload.
    pub payload: Digest,
    /// Key ids of the signatures, empty where there is none.
    pub signatures: Vec<String>,
    /// Certificates that witness put beside the signatures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<DecodedCertificate>,
    /// Timestamps that it put there; nothing where one cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timestamps: Vec<Option<DecodedTimestamp>>,
    /// The statement, if the payload is one.
    pub statement: Option<DecodedStatement>,
}

/// A statement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedStatement {
    /// What it claims.
    pub predicate_type: String,
    /// What it is about.
    pub subjects: Vec<bulla_model::Subject>,
    /// The claim.
    pub predicate: Value,
}

/// A manifest or index.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// The document.
    pub document: Value,
}

impl Decoded {
    /// Decodes whatever this is.
    pub fn of(bytes: &[u8], limits: &Limits) -> Result<Self, Failure> {
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN ") {
            return Self::of_pem(bytes);
        }
        if bytes.first() == Some(&DER_SEQUENCE)
            && let Some(decoded) = Self::of_der(bytes)
        {
            return Ok(decoded);
        }
        if bytes.first() == Some(&COSE_SIGN1)
            && let Some(decoded) = DecodedNotation::of_cose(bytes, limits)
        {
            return Ok(Self::Notation(Box::new(decoded)));
        }
        let limit = limits.bundle_bytes;
        if let Err(error) = bulla_model::json::check(bytes, limit, limits.json_depth) {
            return Self::of_lines(bytes, limits).ok_or_else(|| {
                Failure::new(
                    FailureKind::Input,
                    format_args!("neither JSON nor PEM nor DER nor COSE: {error}"),
                )
            });
        }
        let document: Value = serde_json::from_slice(bytes)
            .map_err(|error| Failure::new(FailureKind::Input, error))?;
        Self::of_json(document, bytes, limits)
    }

    fn of_json(document: Value, bytes: &[u8], limits: &Limits) -> Result<Self, Failure> {
        let has = |name: &str| document.get(name).is_some();
        if has("verificationMaterial") {
            let bundle = Bundle::parse(bytes.to_vec(), limits).map_err(malformed)?;
            let bundle = DecodedBundle::of(&bundle, limits);
            return Ok(Self::Bundle(Box::new(bundle)));
        }
        let wrapped = has("payloadType") && has("payload");
        if (wrapped || has("signed"))
            && let Some(metadata) = in_toto::decode(bytes, limits)
        {
            return Ok(metadata);
        }
        if wrapped {
            let envelope = Envelope::parse(bytes, limits).map_err(malformed)?;
            let mut envelope = DecodedEnvelope::of(&envelope, limits);
            envelope.put_beside(&WitnessMaterials::of_envelope(bytes, limits).unwrap_or_default());
            return Ok(Self::Envelope(Box::new(envelope)));
        }
        if has("protected") && has("payload") {
            let envelope =
                NotationEnvelope::parse(EnvelopeForm::Jws, bytes, limits).map_err(malformed)?;
            return Ok(Self::of_notation(&envelope, limits));
        }
        if has("_type") && has("predicateType") {
            let statement = Statement::parse(bytes, limits).map_err(malformed)?;
            return Ok(Self::Statement(Box::new(decode_statement(&statement))));
        }
        if has("schemaVersion") && (has("layers") || has("manifests")) {
            let manifest = Manifest::parse(bytes.to_vec(), limits).map_err(malformed)?;
            return Ok(Self::of_manifest(&manifest));
        }
        if has("base64Signature") {
            let file = DecodedCosign::of_file(&document, limits).ok_or_else(|| {
                malformed("no signature: expected base64 in `base64Signature` and `cert`")
            })?;
            return Ok(Self::Cosign(Box::new(file)));
        }
        if let Ok(payload) = SimpleSigning::parse(bytes, limits) {
            let payload = DecodedPayload::of(&payload);
            return Ok(Self::SimpleSigning(Box::new(payload)));
        }
        let what = if has("trustedRoot") && has("signingConfig") {
            "trusted root and signing configuration"
        } else if has("certificateAuthorities") {
            "trusted root"
        } else if has("rekorTlogUrls") || has("caUrls") || has("caUrl") {
            "signing configuration"
        } else {
            return Ok(Self::Json { document });
        };
        Ok(Self::Trust { what, document })
    }

    /// Documents in lines, of which there are at least two, and each can be decoded.
    fn of_lines(bytes: &[u8], limits: &Limits) -> Option<Self> {
        let lines: Vec<&[u8]> = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
            .take(limits.referrers_per_digest.saturating_add(1))
            .collect();
        if lines.len() < 2 || lines.len() > limits.referrers_per_digest {
            return None;
        }
        let decode = |line: &&[u8]| {
            bulla_model::json::check(line, limits.bundle_bytes, limits.json_depth).ok()?;
            let document = serde_json::from_slice(line).ok()?;
            Self::of_json(document, line, limits).ok()
        };
        let documents = lines.iter().map(decode).collect::<Option<_>>()?;
        Some(Self::Documents { documents })
    }

    /// Decodes a manifest that was read.
    pub fn of_manifest(manifest: &Manifest) -> Self {
        Self::Manifest(Box::new(DecodedManifest {
            digest: manifest.digest().clone(),
            media_type: manifest.media_type().to_owned(),
            document: serde_json::from_slice(manifest.bytes()).unwrap_or(Value::Null),
        }))
    }

    /// Decodes an envelope of the Notary Project.
    pub fn of_notation(envelope: &NotationEnvelope, limits: &Limits) -> Self {
        Self::Notation(Box::new(DecodedNotation::of(envelope, limits)))
    }

    /// Decodes a layer of cosign's.
    pub fn of_layer(layer: &CosignLayer, limits: &Limits) -> Self {
        Self::Cosign(Box::new(DecodedCosign::of_layer(layer, limits)))
    }

    fn of_der(bytes: &[u8]) -> Option<Self> {
        if let Some(certificate) = DecodedCertificate::of_der(bytes) {
            return Some(Self::Certificates {
                certificates: vec![certificate],
            });
        }
        let timestamp = DecodedTimestamp::of_der(bytes)?;
        Some(Self::Timestamp(Box::new(timestamp)))
    }

    fn of_pem(bytes: &[u8]) -> Result<Self, Failure> {
        let text = String::from_utf8_lossy(bytes);
        if text.contains("PRIVATE KEY-----") {
            let label = text.contains("ENCRYPTED");
            return Ok(Self::PrivateKey {
                encrypted: label || encrypted::is_encrypted(bytes),
            });
        }
        if text.contains("-----BEGIN CERTIFICATE-----") {
            let blocks = pem::parse_many(bytes).map_err(malformed)?;
            let certificates = blocks
                .iter()
                .map(|block| DecodedCertificate::of_der(block.contents()))
                .collect::<Option<_>>()
                .ok_or_else(|| malformed("a PEM block is no certificate"))?;
            return Ok(Self::Certificates { certificates });
        }
        let key = PublicKey::from_pem(bytes)?;
        Ok(Self::PublicKey {
            algorithm: key.algorithm().name().to_owned(),
            key_id: key.key_id().digest().clone(),
        })
    }
}

impl DecodedEnvelope {
    fn of(envelope: &Envelope, limits: &Limits) -> Self {
        let statement = Statement::parse(envelope.payload(), limits).ok();
        let signatures = envelope.signatures().iter();
        Self {
            payload_type: envelope.payload_type().to_owned(),
            payload: envelope.payload_digest(),
            signatures: signatures
                .map(|one| one.key_id.clone().unwrap_or_default())
                .collect(),
            certificates: Vec::new(),
            timestamps: Vec::new(),
            statement: statement.as_ref().map(decode_statement),
        }
    }

    fn put_beside(&mut self, beside: &[WitnessMaterials]) {
        for materials in beside {
            let certificates = materials.certificates.iter();
            self.certificates
                .extend(certificates.filter_map(|der| DecodedCertificate::of_der(der)));
            let timestamps = materials.timestamps.iter();
            self.timestamps
                .extend(timestamps.map(|der| DecodedTimestamp::of_der(der)));
        }
    }
}

fn decode_statement(statement: &Statement) -> DecodedStatement {
    let predicate = statement
        .predicate_json()
        .and_then(|text| serde_json::from_str(text).ok());
    DecodedStatement {
        predicate_type: statement.predicate_type().as_str().to_owned(),
        subjects: statement.subjects().to_vec(),
        predicate: predicate.unwrap_or(Value::Null),
    }
}

fn malformed(error: impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Input, error)
}

/// What a tagged `COSE_Sign1` begins with: tag 18.
const COSE_SIGN1: u8 = 0xd2;
/// What DER of a certificate or timestamp begins with.
const DER_SEQUENCE: u8 = 0x30;
