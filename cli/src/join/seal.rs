//! Sealing: a statement is signed, its new signature is checked, and only then it is published.

use bulla_attest::{Signer as _, sign_statement, sign_statement_backed};
use bulla_model::{Bundle, Digest, Identity, Limits, PredicateType, Statement};
use bulla_registry::{Attached, attach};
use bulla_verify::{Attestation, Evidence, PublicKey, Trust, examine};
use jiff::{SignedDuration, Timestamp};

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

/// Signs a statement, records the signature where the sealer says, and verifies what came of it, by
/// other code than signed it.
pub async fn seal(context: &Context, signer: &Sealer, payload: Vec<u8>) -> Result<Sealed, Failure> {
    let limits = context.limits.clone();
    let (key, backing) = (signer.signer(), signer.backing());
    let bundle = if signer.is_backed() {
        sign_statement_backed(payload.clone(), key, backing, &limits).await?
    } else {
        sign_statement(payload.clone(), key, &limits).await?
    };
    let expected = Expected::of(signer);
    blocking(move || {
        let predicate_type = check(&bundle, &expected, &payload, &limits)?;
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

/// What a new bundle has to prove.
#[derive(Clone, Debug)]
struct Expected {
    identity: Identity,
    /// The public key, PEM; `None` where a certificate vouches for it.
    key: Option<String>,
    roots: Vec<Vec<u8>>,
    /// Whether a record has to prove the time.
    recorded: bool,
    /// Whether the signer was asked for another scheme than its kind of key is used with.
    unusual: bool,
}

impl Expected {
    fn of(signer: &Sealer) -> Self {
        let backing = signer.backing();
        let certified = backing.certificate.is_some();
        Self {
            identity: signer.identity().clone(),
            key: (!certified).then(|| signer.signer().public_key().to_pem()),
            roots: signer.roots().to_vec(),
            recorded: backing.recorder.is_some(),
            unusual: {
                let signer = signer.signer();
                let usual = signer.public_key().algorithm().schemes();
                signer.schemes().envelope != usual.envelope
            },
        }
    }
}

/// Verifies a new bundle as any verifier would: the signature is of the expected signer, over
/// exactly this payload, and its records hold.
fn check(
    bundle: &Bundle,
    expected: &Expected,
    payload: &[u8],
    limits: &Limits,
) -> Result<PredicateType, Failure> {
    let now = Timestamp::now();
    let unusable = |reason: &dyn std::fmt::Display| {
        let what = "the new signature does not verify, so nothing was published";
        // Alone with a key, only Bulla can have made the mistake.
        if expected.roots.is_empty() {
            return Failure::new(FailureKind::Internal, format_args!("{what}: {reason}"));
        }
        Failure::new(
            FailureKind::InvalidSignature,
            format_args!("{what}: {reason}"),
        )
        .with_hint("is the trusted root that of these services? pass --trusted-root FILE")
    };
    // The clocks of services run a little ahead of ours, or behind.
    let latest = now.saturating_add(SERVICE_SKEW).unwrap_or(now);
    let keys = expected.key.as_deref().map(PublicKey::from_pem);
    let keys = keys.transpose().map_err(|error| unusable(&error))?;
    let trust =
        Trust::new(keys, &expected.roots, latest, limits).map_err(|error| unusable(&error))?;
    let trust = trust.with_legacy_schemes(expected.unusual);
    let evidence = Evidence {
        attestations: vec![Attestation::bundle(bundle.bytes().to_vec(), None)],
        ..Evidence::default()
    };
    let candidates =
        examine(&evidence, &trust, latest, limits, &|| false).map_err(|error| unusable(&error))?;
    let candidate = candidates
        .first()
        .ok_or_else(|| unusable(&"nothing was verified"))?;
    let verified = candidate.outcome().map_err(|refusal| unusable(refusal))?;
    if *verified.payload() != Digest::sha256(payload) {
        return Err(unusable(&"it is over another payload"));
    }
    if *verified.signer() != expected.identity {
        return Err(unusable(&format_args!("it is by {}", verified.signer())));
    }
    if expected.recorded && !verified.time().is_proven() {
        return Err(unusable(&"no record proves its time"));
    }
    let statement: &Statement = verified.value();
    Ok(statement.predicate_type().clone())
}

/// How far the clocks of logs and timestamp authorities may run ahead of ours.
const SERVICE_SKEW: SignedDuration = SignedDuration::from_mins(1);

#[cfg(test)]
mod tests {
    use bulla_attest::{AnySigner, KeyAlgorithm, MemorySigner, PrivateKey};
    use bulla_model::Subject;

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
    fn f32_what_was_not_signed_is_never_called_signed() {
        // F32: attestations were marked signed though nothing was signed.
        let subject = Subject::of(Digest::sha256(b"x"));
        let payload = bulla_attest::claim::signature(&[subject], Timestamp::UNIX_EPOCH).unwrap();
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let other = PrivateKey::generate(algorithm).unwrap();
            let limits = Limits::default();
            let expected = Expected {
                identity: Identity::Key {
                    key_id: key.public_key().key_id(),
                },
                key: Some(key.public_key().to_pem()),
                roots: Vec::new(),
                recorded: false,
                unusual: false,
            };
            let bundle = signed(&key, &payload);
            check(&bundle, &expected, &payload, &limits).unwrap();
            let failure = check(&bundle, &expected, b"another", &limits).unwrap_err();
            assert_eq!(failure.kind().exit().code(), 70);
            check(&signed(&other, &payload), &expected, &payload, &limits).unwrap_err();
        }
    }
}
