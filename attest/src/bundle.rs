//! Signing: statements into envelopes and bundles, artifacts into bundles.
//!
//! Envelopes are DSSE v1.0.2 with one signature and no key id, as cosign v3 writes them; bundles
//! are Sigstore bundles v0.3 whose `publicKey.hint` is base64(SHA-256(SPKI DER)), or that carry
//! the certificate.

use bulla_model::envelope::IN_TOTO;
use bulla_model::{Bundle, Digest, Envelope, EnvelopeSignature, Limits, Pae, Statement};

use crate::http::ServiceError;
use crate::signer::{Blob, SignError, Signer};
use crate::sigstore::{CertificateChain, Recordable, Recorder, SignedContent, assemble};

/// What stands behind a signer's key and its signatures.
#[derive(Clone, Debug, Default)]
pub struct Backing {
    /// The certificate for the key; without one the key stands for itself.
    pub certificate: Option<CertificateChain>,
    /// Where signatures are recorded; without one, nowhere.
    pub recorder: Option<Recorder>,
}

impl Backing {
    /// The same, with only those records that cosign's older form has a place for.
    pub fn older(&self) -> Self {
        Self {
            certificate: self.certificate.clone(),
            recorder: self.recorder.as_ref().and_then(Recorder::older),
        }
    }
}

/// Signs a statement: the payload bytes as they are, checked to be a statement that readers with
/// the same limits accept.
pub async fn sign_envelope(
    payload: Vec<u8>,
    signer: &(impl Signer + Sync),
    limits: &Limits,
) -> Result<Envelope, SignError> {
    Statement::parse(&payload, limits)?;
    let signature = signer.sign(&Pae::new(IN_TOTO, &payload)).await?;
    let signature = EnvelopeSignature {
        key_id: None,
        signature,
    };
    Ok(Envelope::new(payload, IN_TOTO, vec![signature]))
}

/// Signs a statement and wraps it as a bundle.
pub async fn sign_statement(
    payload: Vec<u8>,
    signer: &(impl Signer + Sync),
    limits: &Limits,
) -> Result<Bundle, SignError> {
    let envelope = sign_envelope(payload, signer, limits).await?;
    let hint = signer.public_key().key_id().hint();
    within(Bundle::with_public_key(&envelope, &hint)?, limits)
}

/// Signs a statement, records the signature, and wraps everything as a bundle.
pub async fn sign_statement_backed(
    payload: Vec<u8>,
    signer: &(impl Signer + Sync),
    backing: &Backing,
    limits: &Limits,
) -> Result<Bundle, BackedError> {
    let envelope = sign_envelope(payload, signer, limits).await?;
    let [signature] = envelope.signatures() else {
        return Err(SignError::Key.into());
    };
    let content = SignedContent::Envelope(&envelope);
    back(content, &signature.signature, signer, backing, limits).await
}

/// Signs the bytes of an artifact and wraps the signature as a bundle.
pub async fn sign_blob(
    blob: Blob<'_>,
    signer: &(impl Signer + Sync),
    limits: &Limits,
) -> Result<Bundle, SignError> {
    let signature = signer.sign_blob(&blob).await?;
    let hint = signer.public_key().key_id().hint();
    within(
        Bundle::with_message_signature(&blob.digest(), &signature, &hint)?,
        limits,
    )
}

/// Signs the bytes of an artifact, records the signature, and wraps everything as a bundle.
pub async fn sign_blob_backed(
    blob: Blob<'_>,
    signer: &(impl Signer + Sync),
    backing: &Backing,
    limits: &Limits,
) -> Result<Bundle, BackedError> {
    let signature = signer.sign_blob(&blob).await?;
    let digest: Digest = blob.digest();
    let content = SignedContent::Blob(&digest);
    back(content, &signature, signer, backing, limits).await
}

async fn back(
    content: SignedContent<'_>,
    signature: &[u8],
    signer: &(impl Signer + Sync),
    backing: &Backing,
    limits: &Limits,
) -> Result<Bundle, BackedError> {
    let recordable = Recordable {
        content,
        signature,
        key: signer.public_key(),
        certificate: backing.certificate.as_ref(),
    };
    // Nothing is uploaded that no reader would take.
    if let SignedContent::Envelope(envelope) = content {
        let found = envelope.to_json().len() as u64;
        if found > limits.bundle_bytes {
            let limit = limits.bundle_bytes;
            return Err(SignError::Size { limit, found }.into());
        }
    }
    let records = match &backing.recorder {
        Some(recorder) => recorder.record(&recordable).await?,
        None => crate::sigstore::Records::default(),
    };
    Ok(assemble(&recordable, &records, limits).map_err(SignError::from)?)
}

/// A bundle its readers would refuse is better refused before it is stored.
fn within(bundle: Bundle, limits: &Limits) -> Result<Bundle, SignError> {
    let found = bundle.bytes().len() as u64;
    if found > limits.bundle_bytes {
        return Err(SignError::Size {
            limit: limits.bundle_bytes,
            found,
        });
    }
    Ok(bundle)
}

/// Why nothing was signed, or nothing recorded.
#[derive(Debug, thiserror::Error)]
pub enum BackedError {
    /// Nothing was signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A service did not record it.
    #[error(transparent)]
    Service(#[from] ServiceError),
}
