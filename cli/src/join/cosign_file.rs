//! Signatures over a file as cosign wrote them before bundles: `sign-blob --bundle` without
//! `--new-bundle-format`, and signature and certificate in files of their own.
//!
//! `attest-blob` puts an envelope where the signature would be.

use std::path::Path;

use bulla_model::{CosignBlob, Digest, Limits};
use bulla_verify::Attestation;
use serde::Deserialize;

use super::file;
use crate::Failure;
use crate::failure::FailureKind;

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
    let wrong = |error| malformed(path, &error);
    let blob = CosignBlob::parse(document, limits).map_err(wrong)?;
    match blob.attestation(limits) {
        Some(layer) => Ok(Attestation::cosign(layer.map_err(wrong)?, None)),
        None => attestation(&blob, path, artifact, limits),
    }
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
    let signature = file::read(files.signature, DETACHED_BYTES)?;
    let text = |path: Option<&Path>| -> Result<Option<String>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let bytes = file::read(path, DETACHED_BYTES)?;
        let text = String::from_utf8(bytes);
        text.map(Some)
            .map_err(|_| malformed(path, &"no certificate is in it"))
    };
    let certificate = text(files.certificate)?;
    let chain = text(files.chain)?;
    let timestamp = files
        .timestamp
        .map(|path| file::read(path, DETACHED_BYTES))
        .transpose()?;
    let (certificate, chain) = (certificate.as_deref(), chain.as_deref());
    let blob = CosignBlob::detached(&signature, certificate, chain, timestamp)
        .map_err(|error| malformed(files.certificate.unwrap_or(files.signature), &error))?;
    attestation(&blob, files.signature, artifact, limits)
}

fn attestation(
    blob: &CosignBlob,
    path: &Path,
    artifact: &Digest,
    limits: &Limits,
) -> Result<Attestation, Failure> {
    let bundle = blob
        .to_bundle(artifact, limits)
        .map_err(|error| malformed(path, &error))?;
    Ok(Attestation::bundle(bundle.bytes().to_vec(), None))
}

fn malformed(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        FailureKind::Input,
        format_args!("{}: no signature: {reason}", path.display()),
    )
}

/// Bytes of a detached signature, certificate or timestamp. Stops endless files.
const DETACHED_BYTES: u64 = 1 << 20;
