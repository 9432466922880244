//! From received bytes to verified statements. The only module that makes `Verified` from bytes.
//!
//! For each attestation:
//!
//! 1. Read the bundle strictly and within limits.
//! 2. Take the DSSE payload once; its bytes are what everything below is about.
//! 3. Read the statement: in-toto payload type, `_type`, subjects with digests.
//! 4. Verify the signature: with a certificate through a trusted root, with a known key and a log
//!    entry or timestamp through the same verifier, or with a known key alone.
//! 5. Establish the time: proven by log or timestamp, else claimed.
//!
//! Subject binding and everything about who may say what is the policy's part and works on the
//! verified result. Statements by signers nobody trusts, and broken ones, are kept as refusals:
//! they can explain a denial, never cause or prevent one.

use jiff::Timestamp;

use bulla_model::predicate::{Approval, Promotion, Provenance, Vsa};
use bulla_model::{
    Bundle, BundleContent, Digest, Envelope, Identity, KeyMaterial, Limits, PredicateType,
    Statement, envelope,
};

use crate::candidate::{Candidate, Refusal};
use crate::evidence::{Attestation, AttestationForm, Evidence};
use crate::sigstore::{self, Proof};
use crate::trust::Trust;
use crate::verified::{SignedTime, Verified};

/// Looks at every attestation of the evidence. `cancelled` is asked between two of them.
pub fn examine(
    evidence: &Evidence,
    trust: &Trust,
    now: Timestamp,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Candidate>, Cancelled> {
    let mut candidates = Vec::with_capacity(evidence.attestations.len());
    // The order of the registry's list decides nothing.
    let mut attestations: Vec<&Attestation> = evidence.attestations.iter().collect();
    attestations.sort();
    for attestation in attestations {
        if cancelled() {
            return Err(Cancelled);
        }
        candidates.push(examine_one(attestation, trust, now, limits));
    }
    Ok(candidates)
}

/// The caller's deadline came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline came before all attestations were looked at")]
pub struct Cancelled;

fn examine_one(
    attestation: &Attestation,
    trust: &Trust,
    now: Timestamp,
    limits: &Limits,
) -> Candidate {
    let manifest = attestation.manifest.clone();
    let (claimed_type, outcome) = match read(attestation, limits) {
        Err(refusal) => (None, Err(refusal)),
        Ok(read) => {
            let claimed = read.statement.predicate_type().clone();
            (Some(claimed), verify(read, manifest.clone(), trust, now))
        }
    };
    Candidate {
        manifest,
        claimed_type,
        outcome,
    }
}

struct Read {
    bundle: Bundle,
    statement: Statement,
}

impl Read {
    fn envelope(&self) -> &Envelope {
        self.bundle
            .envelope()
            .expect("because only bundles with an envelope are read")
    }
}

/// A DSSE envelope without a bundle around it, as securesystemslib and in-toto write it. With
/// several signatures it is refused, as it is in a bundle; its key id is a hint like any other.
fn envelope_alone(bytes: &[u8], limits: &Limits) -> Option<Bundle> {
    let envelope = Envelope::parse(bytes, limits).ok()?;
    let [signature] = envelope.signatures() else {
        return None;
    };
    let hint = signature.key_id.clone().unwrap_or_default();
    Bundle::with_public_key(&envelope, &hint).ok()
}

fn read(attestation: &Attestation, limits: &Limits) -> Result<Read, Refusal> {
    let malformed = |reason: String| Refusal::Malformed {
        reason: reason.chars().take(300).collect(),
    };
    let bundle = match &attestation.form {
        AttestationForm::Cosign(layer) => layer
            .to_bundle(limits)
            .map_err(|error| malformed(error.to_string()))?,
        AttestationForm::Bundle(bytes) => match Bundle::parse(bytes.clone(), limits) {
            Ok(bundle) => bundle,
            Err(error) => {
                envelope_alone(bytes, limits).ok_or_else(|| malformed(error.to_string()))?
            }
        },
    };
    let BundleContent::Dsse(envelope) = bundle.content() else {
        return Err(malformed(
            "the bundle signs a blob, not a statement".to_owned(),
        ));
    };
    if envelope.payload_type() != envelope::IN_TOTO {
        return Err(malformed(format!(
            "payload type is `{}`, expected `{}`",
            envelope.payload_type().chars().take(80).collect::<String>(),
            envelope::IN_TOTO
        )));
    }
    let statement = Statement::parse(envelope.payload(), limits)
        .map_err(|error| malformed(error.to_string()))?;
    Ok(Read { bundle, statement })
}

fn verify(
    read: Read,
    manifest: Option<Digest>,
    trust: &Trust,
    now: Timestamp,
) -> Result<Verified<Statement>, Refusal> {
    let payload = read.envelope().payload_digest();
    let proof = match read.bundle.key() {
        KeyMaterial::Certificate(_) => {
            // The artifact is bound by the caller; here any subject will do, so that "about
            // another subject" and "tampered with" stay two different answers.
            trust
                .roots()
                .verify_keyless(&read.bundle, &any_subject(&read.statement)?, now)?
        }
        KeyMaterial::PublicKey { hint } => verify_with_keys(&read, hint, trust, now)?,
    };
    let word = issued_at(&read.statement);
    let time = match (proof.existed_by, word) {
        (Some(time), word) => SignedTime::Proven(time, word),
        (None, Some(word)) => SignedTime::Claimed(word),
        (None, None) => SignedTime::Unknown,
    };
    Ok(Verified::new(
        read.statement,
        proof.signer,
        time,
        payload,
        manifest,
    ))
}

fn verify_with_keys(
    read: &Read,
    hint: &str,
    trust: &Trust,
    now: Timestamp,
) -> Result<Proof, Refusal> {
    let keys = trust.keys_for(hint);
    let pae = read.envelope().pae();
    let signature = &read.envelope().signatures()[0].signature;
    let mut failure = None;
    for key in keys {
        if let Err(refusal) = sigstore::check_signature(key.spki(), pae.as_bytes(), signature) {
            // Only the key the hint names makes a failure mean tampering.
            failure = (key.id().hint() == hint).then_some(refusal).or(failure);
            continue;
        }
        let recorded = read.bundle.log_entries() > 0 || read.bundle.timestamps() > 0;
        if recorded && !trust.roots().is_empty() {
            return trust.roots().verify_with_key(
                &read.bundle,
                &any_subject(&read.statement)?,
                key.spki(),
                now,
            );
        }
        // Without a trusted root, records prove nothing and the time stays the signer's word.
        return Ok(Proof {
            signer: Identity::Key {
                key_id: key.id().clone(),
            },
            existed_by: None,
        });
    }
    Err(failure.unwrap_or_else(|| Refusal::Untrusted {
        signer: format!(
            "a key with hint `{}`",
            hint.chars().take(48).collect::<String>()
        ),
        reason: "no such key here".to_owned(),
    }))
}

fn any_subject(statement: &Statement) -> Result<Digest, Refusal> {
    statement
        .subjects()
        .iter()
        .find_map(|subject| subject.digest.sha256())
        .ok_or_else(|| Refusal::Malformed {
            reason: "no subject has a sha256 digest".to_owned(),
        })
}

/// When the signer says it was issued: our own field, the annotation Bulla writes into standard
/// statements, or the predicate's own time.
fn issued_at(statement: &Statement) -> Option<Timestamp> {
    use bulla_model::predicate::{approval, promotion, vsa};
    let kind = statement.predicate_type().as_str();
    if kind == approval::TYPE {
        return statement
            .predicate::<Approval>()
            .ok()
            .map(|approval| approval.issued_at);
    }
    if kind == promotion::TYPE {
        return statement
            .predicate::<Promotion>()
            .ok()
            .map(|promotion| promotion.issued_at);
    }
    statement.issued_at_annotation().or_else(|| {
        if Provenance::is_type(kind) {
            let metadata = Provenance::of(statement).ok()?.run_details.metadata?;
            return metadata.finished_on.or(metadata.started_on);
        }
        if kind == vsa::TYPE {
            return statement.predicate::<Vsa>().ok()?.time_verified;
        }
        None
    })
}

/// Whether the statement's type is this one; a bare type is also matched by its versions.
pub(crate) fn is_type(kind: &PredicateType, wanted: &str) -> bool {
    use bulla_model::predicate::{CYCLONEDX, SPDX, is_cyclonedx, is_spdx};
    match wanted {
        CYCLONEDX => is_cyclonedx(kind.as_str()),
        SPDX => is_spdx(kind.as_str()),
        _ => kind.as_str() == wanted,
    }
}
