//! Signatures over a file as cosign wrote them before bundles: `sign-blob --bundle` without
//! `--new-bundle-format`, and signature and certificate in files of their own.
//!
//! The document is `{"base64Signature", "cert", "rekorBundle"}`, see
//! <https://github.com/sigstore/cosign/blob/v2.5.0/pkg/cosign/fetch.go> (`LocalSignedPayload`).
//! `cert` may also be the public key, which is not believed: keys are what `--key` names.
//! `attest-blob` puts an envelope where the signature would be.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Bundle, CosignMaterials, Digest, Envelope, Limits, LogPromise, json};
use bulla_verify::Attestation;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::file;
use crate::Failure;
use crate::failure::FailureKind;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "base64Signature")]
    signature: String,
    #[serde(default)]
    cert: Option<String>,
    #[serde(borrow, default, rename = "rekorBundle")]
    promise: Option<&'a RawValue>,
}

/// Whether a document is of this kind.
pub fn is(document: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "base64Signature")]
        _signature: serde::de::IgnoredAny,
    }
    serde_json::from_slice::<Head>(document).is_ok()
}

/// Reads such a document about the file with this digest.
pub fn read(
    path: &Path,
    document: &[u8],
    artifact: &Digest,
    limits: &Limits,
) -> Result<Attestation, Failure> {
    let wrong = |reason: &dyn std::fmt::Display| malformed(path, reason);
    json::check(document, limits.bundle_bytes, limits.json_depth).map_err(|error| wrong(&error))?;
    let wire: Wire<'_> = serde_json::from_slice(document).map_err(|error| wrong(&error))?;
    let signature = STANDARD
        .decode(wire.signature.trim())
        .map_err(|_| wrong(&"`base64Signature` is not base64"))?;
    let certificates = match wire.cert.as_deref().filter(|text| !text.is_empty()) {
        None => Vec::new(),
        Some(text) => certificates(text.as_bytes()).map_err(|reason| wrong(&reason))?,
    };
    let promise = wire
        .promise
        .filter(|raw| raw.get() != "null")
        .map(|raw| LogPromise::parse(raw.get().as_bytes(), limits))
        .transpose()
        .map_err(|error| wrong(&error))?;
    let materials = CosignMaterials {
        certificates,
        promise,
        timestamp: None,
    };
    let bundle = match Envelope::parse(&signature, limits) {
        Ok(envelope) => materials.envelope_bundle(&envelope, limits),
        Err(_) => materials.message_bundle(artifact, &signature, limits),
    };
    let bundle = bundle.map_err(|error| wrong(&error))?;
    Ok(attestation(&bundle))
}

/// Files that together are a signature: `--signature`, and what may stand beside it.
#[derive(Clone, Copy, Debug)]
pub struct Detached<'a> {
    /// The signature: base64, or its bytes.
    pub signature: &'a Path,
    /// The certificate of the signer: PEM, or base64 of PEM.
    pub certificate: Option<&'a Path>,
    /// Certificates above it, PEM.
    pub chain: Option<&'a Path>,
    /// An RFC 3161 timestamp response over the signature, DER.
    pub timestamp: Option<&'a Path>,
}

/// Reads a detached signature over the file with this digest.
pub fn detached(
    files: Detached<'_>,
    artifact: &Digest,
    limits: &Limits,
) -> Result<Attestation, Failure> {
    let bytes = file::read(files.signature, DETACHED_BYTES)?;
    let signature = STANDARD
        .decode(bytes.trim_ascii())
        .unwrap_or_else(|_| bytes.clone());
    if signature.is_empty() {
        return Err(malformed(files.signature, &"the signature is empty"));
    }
    let mut certificate_chain = Vec::new();
    for path in [files.certificate, files.chain].into_iter().flatten() {
        let bytes = file::read(path, DETACHED_BYTES)?;
        let mut found = certificates(&bytes).map_err(|reason| malformed(path, &reason))?;
        if found.is_empty() {
            return Err(malformed(path, &"no certificate is in it"));
        }
        certificate_chain.append(&mut found);
    }
    let timestamp = files
        .timestamp
        .map(|path| file::read(path, DETACHED_BYTES))
        .transpose()?;
    let materials = CosignMaterials {
        certificates: certificate_chain,
        promise: None,
        timestamp,
    };
    let bundle = materials
        .message_bundle(artifact, &signature, limits)
        .map_err(|error| malformed(files.signature, &error))?;
    Ok(attestation(&bundle))
}

fn attestation(bundle: &Bundle) -> Attestation {
    Attestation::bundle(bundle.bytes().to_vec(), None)
}

/// The certificates in PEM text, or in base64 of such text; none if it holds a public key.
fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let decoded = STANDARD.decode(text.trim_ascii());
    let text = decoded.as_deref().unwrap_or(text);
    let blocks = pem::parse_many(text).map_err(|_| "expected certificates as PEM".to_owned())?;
    if blocks.is_empty() {
        return Err("expected certificates as PEM".to_owned());
    }
    if blocks.len() > CHAIN_LENGTH {
        return Err(format!("more than {CHAIN_LENGTH} certificates"));
    }
    if let [only] = blocks.as_slice()
        && only.tag() == "PUBLIC KEY"
    {
        return Ok(Vec::new());
    }
    match blocks.iter().find(|block| block.tag() != "CERTIFICATE") {
        None => Ok(blocks.into_iter().map(pem::Pem::into_contents).collect()),
        Some(other) => Err(format!(
            "expected `CERTIFICATE`, found a PEM block `{}`",
            other
                .tag()
                .chars()
                .take(60)
                .collect::<String>()
                .escape_debug()
        )),
    }
}

fn malformed(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        FailureKind::Input,
        format_args!("{}: no signature: {reason}", path.display()),
    )
}

/// Bytes of a detached signature, certificate or timestamp. Stops endless files.
const DETACHED_BYTES: u64 = 1 << 20;
/// Certificates above a signer's. Stops endless chains.
const CHAIN_LENGTH: usize = 10;
