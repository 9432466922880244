//! Decoding what came from outside, for looking at: nothing here is verified.

use bulla_attest::PublicKey;
use bulla_attest::key::encrypted;
use bulla_model::{
    Bundle, BundleContent, Digest, Envelope, KeyMaterial, Limits, Manifest, Statement,
};
use serde::Serialize;
use serde_json::Value;

use crate::Failure;
use crate::failure::FailureKind;

/// A document, decoded.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Decoded {
    /// A Sigstore bundle.
    Bundle(Box<DecodedBundle>),
    /// A DSSE envelope.
    Envelope(Box<DecodedEnvelope>),
    /// An in-toto statement.
    Statement(Box<DecodedStatement>),
    /// An image manifest or index.
    Manifest(Box<DecodedManifest>),
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
    /// JSON of another kind.
    Json {
        /// The document.
        document: Value,
    },
}

/// A bundle.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodedBundle {
    /// The version of its format.
    pub version: String,
    /// Who it says signed: a certificate, or a key by its hint.
    pub signer: String,
    /// How many transparency log entries it carries.
    pub log_entries: usize,
    /// How many timestamps it carries.
    pub timestamps: usize,
    /// The envelope; absent if it signs a blob.
    pub envelope: Option<DecodedEnvelope>,
    /// The digest it says the signed blob has.
    pub blob: Option<String>,
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
        let limit = limits.bundle_bytes;
        bulla_model::json::check(bytes, limit, limits.json_depth).map_err(|error| {
            Failure::new(
                FailureKind::Input,
                format_args!("neither JSON nor PEM: {error}"),
            )
        })?;
        let document: Value = serde_json::from_slice(bytes)
            .map_err(|error| Failure::new(FailureKind::Input, error))?;
        let has = |name: &str| document.get(name).is_some();
        if has("verificationMaterial") {
            let bundle = Bundle::parse(bytes.to_vec(), limits).map_err(malformed)?;
            return Ok(Self::Bundle(Box::new(decode_bundle(&bundle, limits))));
        }
        if has("payloadType") && has("payload") {
            let envelope = Envelope::parse(bytes, limits).map_err(malformed)?;
            return Ok(Self::Envelope(Box::new(decode_envelope(&envelope, limits))));
        }
        if has("_type") && has("predicateType") {
            let statement = Statement::parse(bytes, limits).map_err(malformed)?;
            return Ok(Self::Statement(Box::new(decode_statement(&statement))));
        }
        if has("schemaVersion") && (has("layers") || has("manifests")) {
            let manifest = Manifest::parse(bytes.to_vec(), limits).map_err(malformed)?;
            return Ok(Self::of_manifest(&manifest));
        }
        Ok(Self::Json { document })
    }

    /// Decodes a manifest that was read.
    pub fn of_manifest(manifest: &Manifest) -> Self {
        Self::Manifest(Box::new(DecodedManifest {
            digest: manifest.digest().clone(),
            media_type: manifest.media_type().to_owned(),
            document: serde_json::from_slice(manifest.bytes()).unwrap_or(Value::Null),
        }))
    }

    fn of_pem(bytes: &[u8]) -> Result<Self, Failure> {
        let text = String::from_utf8_lossy(bytes);
        if text.contains("PRIVATE KEY-----") {
            let label = text.contains("ENCRYPTED");
            return Ok(Self::PrivateKey {
                encrypted: label || encrypted::is_encrypted(bytes),
            });
        }
        let key = PublicKey::from_pem(bytes)?;
        Ok(Self::PublicKey {
            algorithm: key.algorithm().name().to_owned(),
            key_id: key.key_id().digest().clone(),
        })
    }
}

/// Decodes a bundle.
pub fn decode_bundle(bundle: &Bundle, limits: &Limits) -> DecodedBundle {
    let (envelope, blob) = match bundle.content() {
        BundleContent::Dsse(envelope) => (Some(decode_envelope(envelope, limits)), None),
        BundleContent::Message {
            algorithm, digest, ..
        } => (None, Some(format!("{algorithm}:{}", hex::encode(digest)))),
    };
    DecodedBundle {
        version: format!("{:?}", bundle.version())
            .trim_start_matches('V')
            .replace('_', "."),
        signer: signer_hint(bundle),
        log_entries: bundle.log_entries(),
        timestamps: bundle.timestamps(),
        envelope,
        blob,
    }
}

/// Who a bundle says signed it, shortened.
pub fn signer_hint(bundle: &Bundle) -> String {
    match bundle.key() {
        KeyMaterial::Certificate(der) => {
            format!("certificate {}", Digest::sha256(der).short())
        }
        KeyMaterial::PublicKey { hint } if hint.is_empty() => "a key without a hint".to_owned(),
        KeyMaterial::PublicKey { hint } => {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(hint);
            match bytes {
                Ok(bytes) if bytes.len() == 32 => {
                    format!(
                        "key {}",
                        hex::encode(bytes).chars().take(8).collect::<String>()
                    )
                }
                _ => format!("key `{}`", hint.chars().take(48).collect::<String>()),
            }
        }
    }
}

fn decode_envelope(envelope: &Envelope, limits: &Limits) -> DecodedEnvelope {
    let statement = Statement::parse(envelope.payload(), limits).ok();
    let signatures = envelope.signatures().iter();
    DecodedEnvelope {
        payload_type: envelope.payload_type().to_owned(),
        payload: envelope.payload_digest(),
        signatures: signatures
            .map(|one| one.key_id.clone().unwrap_or_default())
            .collect(),
        statement: statement.as_ref().map(decode_statement),
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
