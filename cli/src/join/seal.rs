//! Sealing: a statement is signed, its new signature is checked, and only then it is published.

use bulla_attest::sigstore::{LogService, Recorder};
use bulla_attest::{
    Blob, Signer as _, sign_blob, sign_blob_backed, sign_statement, sign_statement_backed,
};
use bulla_model::predicate::own;
use bulla_model::{Bundle, CosignLayer, Digest, Identity, Limits, PredicateType, Statement};
use bulla_registry::{Attached, attach};
use bulla_verify::{
    Attestation, Candidate, Evidence, PublicKey, SignedTime, Trust, Verified, examine,
};
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
    signer.check_time(Timestamp::now())?;
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

/// Signs an artifact, not a statement about it; records and verifies as [`seal`] does.
///
/// `artifact` says what the verifier may know of the artifact: at least its SHA-256 digest, and
/// what the key's scheme signs, another digest or the bytes.
pub async fn seal_blob(
    context: &Context,
    signer: &Sealer,
    blob: Blob<'_>,
    artifact: Evidence,
) -> Result<Bundle, Failure> {
    signer.check_time(Timestamp::now())?;
    let limits = context.limits.clone();
    let (key, backing) = (signer.signer(), signer.backing());
    let bundle = if signer.is_backed() {
        sign_blob_backed(blob, key, backing, &limits).await?
    } else {
        sign_blob(blob, key, &limits).await?
    };
    let expected = Expected::of(signer);
    blocking(move || {
        check_blob(&bundle, &expected, artifact, &limits)?;
        Ok(bundle)
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
    /// How many log entries and timestamps there have to be.
    records: (usize, usize),
    /// The logs' hosts.
    logs: Vec<String>,
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
            records: backing.recorder.as_ref().map_or((0, 0), |recorder| {
                let services = recorder.services();
                (services.logs.len(), services.timestamp_authorities.len())
            }),
            logs: {
                let services = backing.recorder.as_ref().map(Recorder::services);
                let logs = services.map_or(&[][..], |services| &services.logs);
                let host = |log: &LogService| log.url.host_str().unwrap_or_default().to_owned();
                logs.iter().map(host).collect()
            },
            unusual: {
                let signer = signer.signer();
                signer.schemes() != signer.public_key().algorithm().schemes()
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
    let candidate = expected.examine(new(bundle), Evidence::default(), limits)?;
    let verified = candidate
        .outcome()
        .map_err(|refusal| expected.unusable(refusal))?;
    expected.accept(verified)?;
    if *verified.payload() != Digest::sha256(payload) {
        return Err(expected.unusable(&"it is over another payload"));
    }
    let statement: &Statement = verified.value();
    if own::is_own(statement.predicate_type().as_str()) {
        agrees(verified.time())?;
    }
    Ok(statement.predicate_type().clone())
}

/// Refuses what no verifier would believe: of a clock that is wrong only the machine that has it can
/// be told, and a checkpoint that is put into a ledger cannot be taken out.
fn agrees(time: SignedTime) -> Result<(), Failure> {
    let SignedTime::Proven(proof, Some(word)) = time else {
        return Ok(());
    };
    if word.duration_since(proof).abs() <= APART {
        return Ok(());
    }
    Err(Failure::usage(format_args!(
        "the statement says {word} and was recorded at {proof}: verifiers would not believe it, so \
         it was not published"
    ))
    .with_hint("set the clock of this machine"))
}

/// How far the word of a statement of ours and a record of it may lie apart.
const APART: SignedDuration = SignedDuration::from_mins(10);

/// The same for an attestation in cosign's older form, which has no place for every record: the
/// signer and the payload must be the sealed ones, and what is there must verify.
pub fn check_layer(
    signer: &Sealer,
    layer: CosignLayer,
    sealed: &Sealed,
    limits: &Limits,
) -> Result<(), Failure> {
    let expected = Expected::of(signer);
    let layer = Attestation::cosign(layer, None);
    let candidate = expected.examine(layer, Evidence::default(), limits)?;
    let unusable = |reason: &dyn std::fmt::Display| {
        Failure::new(
            FailureKind::Input,
            format_args!("this signature has no older form that verifies: {reason}"),
        )
        .with_hint("leave --legacy away, or record in a log with the API of Rekor v1")
    };
    let verified = candidate.outcome().map_err(|refusal| unusable(refusal))?;
    if *verified.signer() != expected.identity || *verified.payload() != sealed.payload {
        return Err(unusable(&"it is not what was signed"));
    }
    Ok(())
}

/// What a new signature of an image in cosign's older form has to prove.
#[derive(Clone, Debug)]
pub struct NewSignature(Expected);

impl NewSignature {
    /// That it is by this signer.
    pub fn of(signer: &Sealer) -> Self {
        Self(Expected::of(signer))
    }

    /// Verifies a layer as any verifier would: it is about exactly this image.
    pub fn check(
        &self,
        layer: CosignLayer,
        image: &Digest,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let Self(expected) = self;
        let evidence = Evidence {
            artifact: Some(image.clone()),
            ..Evidence::default()
        };
        let candidate = expected.examine(Attestation::cosign(layer, None), evidence, limits)?;
        let verified = candidate
            .signature()
            .ok_or_else(|| expected.unusable(&"it signs no image"))?
            .map_err(|refusal| expected.unusable(refusal))?;
        if *verified.signer() != expected.identity {
            return Err(expected.unusable(&format_args!("it is by {}", verified.signer())));
        }
        if verified.value().subject != *image {
            return Err(expected.unusable(&"it is about another image"));
        }
        Ok(())
    }
}

/// The same for the signature of an artifact.
fn check_blob(
    bundle: &Bundle,
    expected: &Expected,
    artifact: Evidence,
    limits: &Limits,
) -> Result<(), Failure> {
    let digest = artifact.artifact.clone();
    let candidate = expected.examine(new(bundle), artifact, limits)?;
    let verified = candidate
        .signature()
        .ok_or_else(|| expected.unusable(&"it signs no artifact"))?
        .map_err(|refusal| expected.unusable(refusal))?;
    expected.accept(verified)?;
    if Some(&verified.value().subject) != digest.as_ref() {
        return Err(expected.unusable(&"it is over another artifact"));
    }
    Ok(())
}

impl Expected {
    fn examine(
        &self,
        attestation: Attestation,
        artifact: Evidence,
        limits: &Limits,
    ) -> Result<Candidate, Failure> {
        let now = Timestamp::now();
        // The clocks of services run a little ahead of ours, or behind.
        let latest = now.saturating_add(SERVICE_SKEW).unwrap_or(now);
        let keys = self.key.as_deref().map(PublicKey::from_pem);
        let keys = keys.transpose().map_err(|error| self.unusable(&error))?;
        let trust =
            Trust::new(keys, &self.roots, latest, limits).map_err(|error| self.unusable(&error))?;
        let trust = trust.with_legacy_schemes(self.unusual);
        let evidence = Evidence {
            attestations: vec![attestation],
            ..artifact
        };
        let candidates = examine(&evidence, &trust, latest, limits, &|| false)
            .map_err(|error| self.unusable(&error))?;
        let candidate = candidates.into_iter().next();
        candidate.ok_or_else(|| self.unusable(&"nothing was verified"))
    }

    /// Whoever signed, and whatever recorded it, is who was meant.
    fn accept<T>(&self, verified: &Verified<T>) -> Result<(), Failure> {
        if *verified.signer() != self.identity {
            return Err(self.unusable(&format_args!("it is by {}", verified.signer())));
        }
        let records = verified.records();
        let found = (records.log_entries.len(), records.timestamps.len());
        if found != self.records {
            return Err(self.unusable(&"a record that was asked for is missing"));
        }
        Ok(())
    }

    fn unusable(&self, reason: &dyn std::fmt::Display) -> Failure {
        let what = match &self.logs[..] {
            [] => "the new signature does not verify, so nothing was published".to_owned(),
            // That cannot be taken back, so it is not denied either.
            logs => format!(
                "the new signature does not verify, so it was not attached; it is recorded in the log {}",
                logs.join(" and ")
            ),
        };
        // Alone with a key, only Bulla can have made the mistake.
        if self.roots.is_empty() {
            return Failure::new(FailureKind::Internal, format_args!("{what}: {reason}"));
        }
        Failure::new(
            FailureKind::InvalidSignature,
            format_args!("{what}: {reason}"),
        )
        .with_hint("is the trusted root that of these services? pass --trusted-root FILE")
    }
}

fn new(bundle: &Bundle) -> Attestation {
    Attestation::bundle(bundle.bytes().to_vec(), None)
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
    fn what_a_wrong_clock_dates_is_not_published() {
        let at = |minutes| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        for (word, good) in [
            (100, true),
            (110, true),
            (111, false),
            (90, true),
            (89, false),
        ] {
            let time = SignedTime::Proven(at(100), Some(at(word)));
            assert_eq!(agrees(time).is_ok(), good, "{word}");
        }
        agrees(SignedTime::Claimed(at(7))).unwrap();
        agrees(SignedTime::Proven(at(7), None)).unwrap();
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
                records: (0, 0),
                logs: Vec::new(),
                unusual: false,
            };
            let bundle = signed(&key, &payload);
            check(&bundle, &expected, &payload, &limits).unwrap();
            let failure = check(&bundle, &expected, b"another", &limits).unwrap_err();
            assert_eq!(failure.kind().exit().code(), 70);
            check(&signed(&other, &payload), &expected, &payload, &limits).unwrap_err();
        }
    }
    #[test]
    fn an_artifacts_signature_is_checked_too() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let sealer = Sealer::from(AnySigner::from(MemorySigner::new(key)));
        let expected = Expected::of(&sealer);
        let limits = Limits::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let blob = Blob::new(b"artifact").unwrap();
        let bundle = runtime
            .block_on(sign_blob(blob, sealer.signer(), &limits))
            .unwrap();
        let of = |bytes: &[u8]| Evidence {
            artifact: Some(Digest::sha256(bytes)),
            ..Evidence::default()
        };
        check_blob(&bundle, &expected, of(b"artifact"), &limits).unwrap();
        check_blob(&bundle, &expected, of(b"another"), &limits).unwrap_err();
        let other = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let other = Sealer::from(AnySigner::from(MemorySigner::new(other)));
        let expected = Expected::of(&other);
        check_blob(&bundle, &expected, of(b"artifact"), &limits).unwrap_err();
        let recorded = Expected {
            records: (1, 0),
            ..Expected::of(&sealer)
        };
        check_blob(&bundle, &recorded, of(b"artifact"), &limits).unwrap_err();
    }
}
