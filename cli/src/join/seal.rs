//! Sealing: a statement is signed, its new signature is checked, and only then it is published.

use bulla_attest::{Signer as _, sign_statement};
use bulla_model::{Bundle, Digest, PredicateType, Statement};
use bulla_registry::{Attached, attach};
use bulla_verify::{Attestation, Evidence, PublicKey, Trust, examine};
use jiff::Timestamp;

use super::blocking;
use super::image::OpenImage;
use super::sealer::Sealer;
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;

/// A signed statement whose signature was checked.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// What it claims.
    pub predicate_type: PredicateType,
    /// Digest of the signed payload: what links and approvals name.
    pub payload: Digest,
    /// The bundle.
    pub bundle: Bundle,
}

/// Signs a statement and verifies it with the public key, by other code than signed it.
pub async fn seal(context: &Context, signer: &Sealer, payload: Vec<u8>) -> Result<Sealed, Failure> {
    let bundle = sign_statement(payload.clone(), signer.signer(), &context.limits).await?;
    let pem = signer.signer().public_key().to_pem();
    let limits = context.limits.clone();
    blocking(move || {
        let predicate_type = check(&bundle, &pem, &payload, &limits)?;
        Ok(Sealed {
            predicate_type,
            payload: Digest::sha256(&payload),
            bundle,
        })
    })
    .await
}

/// Attaches a sealed statement to an image, as a referrer of its digest.
pub async fn publish(image: &OpenImage, sealed: &Sealed) -> Result<Attached, Failure> {
    let now = Timestamp::now();
    Ok(attach(&image.evidence, &image.descriptor, &sealed.bundle, now).await?)
}

/// Verifies a new bundle as any verifier would: the signature holds under this key, over exactly
/// this payload.
fn check(
    bundle: &Bundle,
    pem: &str,
    payload: &[u8],
    limits: &bulla_model::Limits,
) -> Result<PredicateType, Failure> {
    let now = Timestamp::now();
    let unusable = |reason: &dyn std::fmt::Display| {
        Failure::new(
            FailureKind::Internal,
            format_args!("the new signature does not verify, so nothing was published: {reason}"),
        )
    };
    let key = PublicKey::from_pem(pem).map_err(|error| unusable(&error))?;
    let trust = Trust::new([key], &[], now, limits).map_err(|error| unusable(&error))?;
    let evidence = Evidence {
        attestations: vec![Attestation::bundle(bundle.bytes().to_vec(), None)],
        ..Evidence::default()
    };
    let candidates =
        examine(&evidence, &trust, now, limits, &|| false).map_err(|error| unusable(&error))?;
    let candidate = candidates
        .first()
        .ok_or_else(|| unusable(&"nothing was verified"))?;
    let verified = candidate.outcome().map_err(|refusal| unusable(refusal))?;
    if *verified.payload() != Digest::sha256(payload) {
        return Err(unusable(&"it is over another payload"));
    }
    let statement: &Statement = verified.value();
    Ok(statement.predicate_type().clone())
}

#[cfg(test)]
mod tests {
    use bulla_attest::{AnySigner, KeyAlgorithm, MemorySigner, PrivateKey};
    use bulla_model::{Limits, Subject};

    use super::*;

    fn signed(key: &PrivateKey, payload: &[u8]) -> Bundle {
        let key = PrivateKey::from_pem(key.to_pem().as_bytes(), None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let signer = AnySigner::from(MemorySigner::new(key));
        runtime
            .block_on(sign_statement(
                payload.to_vec(),
                &signer,
                &Limits::default(),
            ))
            .unwrap()
    }

    #[test]
    fn what_was_not_signed_is_never_called_signed() {
        // F32: attestations were marked signed though nothing was signed.
        let subject = Subject::of(Digest::sha256(b"x"));
        let payload = bulla_attest::claim::signature(&[subject], Timestamp::UNIX_EPOCH).unwrap();
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let other = PrivateKey::generate(algorithm).unwrap();
            let limits = Limits::default();
            let pem = key.public_key().to_pem();
            let bundle = signed(&key, &payload);
            check(&bundle, &pem, &payload, &limits).unwrap();
            let failure = check(&bundle, &pem, b"another", &limits).unwrap_err();
            assert_eq!(failure.kind().exit().code(), 70);
            check(&signed(&other, &payload), &pem, &payload, &limits).unwrap_err();
        }
    }
}
