//! Signing: statements into envelopes and bundles, artifacts into bundles.
//!
//! Envelopes are DSSE v1.0.2 with one signature and no key id, as cosign v3 writes them; bundles
//! are Sigstore bundles v0.3 whose `publicKey.hint` is base64(SHA-256(SPKI DER)).

use bulla_model::envelope::IN_TOTO;
use bulla_model::{Bundle, Envelope, EnvelopeSignature, Limits, Pae, Statement};

use crate::signer::{Blob, SignError, Signer};

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
