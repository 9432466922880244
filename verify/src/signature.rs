//! From received bytes to verified statements. With `named_key`, the only module that makes
//! `Verified` from bytes.
//!
//! For each attestation:
//!
//! 1. Read it strictly and within limits ([`crate::read`]); take the signed bytes once, they are
//!    what everything below is about.
//! 2. Verify the signature: with a certificate through a trusted root, or with a known key.
//! 3. Verify every log entry and timestamp beside it, and count who made them.
//! 4. Establish the time: proven by log or timestamp, else claimed.
//!
//! Subject binding and everything about who may say what is the policy's part and works on the
//! verified result. Statements by signers nobody trusts, and broken ones, are kept as refusals:
//! they can explain a denial, never cause or prevent one.

use jiff::Timestamp;

use bulla_model::predicate::{Provenance, Vsa};
use bulla_model::{Bundle, Digest, Identity, Limits, PredicateType, Statement};

use crate::artifact::ArtifactClaim;
use crate::candidate::{Candidate, Refusal};
use crate::evidence::{Attestation, Evidence};
use crate::public_key::PublicKey;
use crate::read::{PlainEnvelope, Read, Received, What, malformed, payload_digest, read};
use crate::records::Records;
use crate::scheme::{Checked, Message};
use crate::sigstore::Proof;
use crate::trust::Trust;
use crate::verified::{SignedTime, Verified};

/// Looks at every attestation of the evidence, small ones first, so that whoever adds large junk
/// delays nobody else. `cancelled` is asked before each signature.
pub fn examine(
    evidence: &Evidence,
    trust: &Trust,
    now: Timestamp,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Candidate>, Cancelled> {
    let all = evidence.attestations.iter().collect();
    examine_some(all, evidence, trust, now, limits, cancelled)
}

/// The same for the statements of the ledger.
pub(crate) fn examine_ledger(
    evidence: &Evidence,
    trust: &Trust,
    now: Timestamp,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Candidate>, Cancelled> {
    let all = evidence.ledger.attestations.iter().collect();
    examine_some(all, evidence, trust, now, limits, cancelled)
}

/// Looks at some of the evidence's attestations.
pub(crate) fn examine_some(
    mut attestations: Vec<&Attestation>,
    evidence: &Evidence,
    trust: &Trust,
    now: Timestamp,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Candidate>, Cancelled> {
    let mut candidates = Vec::with_capacity(attestations.len());
    // The order of the registry's list decides nothing.
    attestations.sort_by_key(|attestation| (attestation.bytes().len(), *attestation));
    let world = World {
        evidence,
        trust,
        now,
    };
    for attestation in attestations {
        if cancelled() {
            return Err(Cancelled { candidates });
        }
        let manifest = attestation.manifest.as_ref();
        match read(attestation, limits) {
            Ok(Received::One(read)) => candidates.push(world.candidate(&read, manifest)),
            Ok(Received::Plain(plain)) => {
                if !world.plain(&plain, manifest, cancelled, &mut candidates) {
                    return Err(Cancelled { candidates });
                }
            }
            Err(refusal) => candidates.push(Candidate::refused(manifest.cloned(), refusal)),
        }
    }
    Ok(candidates)
}

/// The caller's deadline came first.
#[derive(Debug, thiserror::Error)]
#[error("the deadline came before all attestations were looked at")]
pub struct Cancelled {
    /// What was looked at before. A "yes" that needs nothing else is one all the same.
    pub candidates: Vec<Candidate>,
}

/// What every signature is judged with.
#[derive(Clone, Copy)]
struct World<'a> {
    evidence: &'a Evidence,
    trust: &'a Trust,
    now: Timestamp,
}

impl World<'_> {
    fn candidate(self, read: &Read, manifest: Option<&Digest>) -> Candidate {
        let manifest = manifest.cloned();
        let claimed_type = read.claimed_type().cloned();
        let (outcome, signature) = match &read.what {
            What::Statement(statement) => (self.statement(read, statement, manifest.clone()), None),
            What::Blob | What::Image(..) => {
                let refusal = malformed("it signs the artifact itself, not a statement");
                (Err(refusal), Some(self.artifact(read, manifest.clone())))
            }
        };
        Candidate {
            manifest,
            claimed_type,
            outcome,
            signature,
            referring: None,
            voided: None,
        }
    }

    fn statement(
        self,
        read: &Read,
        statement: &Statement,
        manifest: Option<Digest>,
    ) -> Result<Verified<Statement>, Refusal> {
        let payload =
            payload_digest(read, None).ok_or_else(|| malformed("the bundle holds no envelope"))?;
        let word = issued_at(statement);
        let proof = match read.hint() {
            // The artifact is bound by the caller; here any subject will do, so that "about
            // another subject" and "tampered with" stay two different answers.
            None => {
                let subject = [any_subject(statement)?];
                let message = Message {
                    bytes: None,
                    digests: &subject,
                };
                let roots = self.trust.roots();
                roots.verify_certificate(&read.bundle, message, self.now)?
            }
            Some(hint) => {
                let pae = read.bundle.envelope().map(bulla_model::Envelope::pae);
                let pae = pae.ok_or_else(|| malformed("the bundle holds no envelope"))?;
                self.keyed(&read.into(), hint, Message::of(pae.as_bytes()), word)?
            }
        };
        self.counted(&proof)?;
        let time = signed_time(&proof, word);
        let statement = statement.clone();
        Ok(Verified::new(statement, proof, time, payload, manifest))
    }

    /// Judges every signature of an envelope over the one statement that was read; `false` if the
    /// deadline came first. A key that signed twice signed once, so that copies cost no memory.
    fn plain(
        self,
        plain: &PlainEnvelope,
        manifest: Option<&Digest>,
        cancelled: &dyn Fn() -> bool,
        candidates: &mut Vec<Candidate>,
    ) -> bool {
        let PlainEnvelope {
            envelope,
            statement,
            certified,
        } = plain;
        let (pae, payload) = (envelope.pae(), envelope.payload_digest());
        let word = issued_at(statement);
        let mut signers: Vec<Identity> = Vec::new();
        let mut counted = Vec::new();
        for signature in envelope.signatures() {
            if cancelled() {
                return false;
            }
            if counted.contains(&signature) {
                continue;
            }
            let hint = signature.key_id.as_deref().unwrap_or_default();
            let made = Made {
                signature: &signature.signature,
                bundle: None,
                signed: &signers,
                over_file: false,
            };
            let proof = self
                .keyed(&made, hint, Message::of(pae.as_bytes()), word)
                .and_then(|proof| self.counted(&proof).map(|()| proof));
            if let Ok(proof) = &proof {
                counted.push(signature);
                if signers.contains(&proof.signer) {
                    continue;
                }
                signers.push(proof.signer.clone());
            }
            let outcome = proof.map(|proof| {
                let time = signed_time(&proof, word);
                let manifest = manifest.cloned();
                Verified::new(statement.clone(), proof, time, payload.clone(), manifest)
            });
            candidates.push(Candidate {
                manifest: manifest.cloned(),
                claimed_type: Some(statement.predicate_type().clone()),
                outcome,
                signature: None,
                referring: None,
                voided: None,
            });
        }
        for read in certified {
            if cancelled() {
                return false;
            }
            candidates.push(self.candidate(read, manifest));
        }
        true
    }

    /// A signature of the artifact's bytes, or of a payload that names an image.
    fn artifact(
        self,
        read: &Read,
        manifest: Option<Digest>,
    ) -> Result<Verified<ArtifactClaim>, Refusal> {
        if let What::Image(payload, says) = &read.what {
            let claim = ArtifactClaim::from(says.clone());
            return self.claimed(read, Message::of(payload), claim, manifest);
        }
        let mut digests: Vec<Digest> = self.evidence.artifact.iter().cloned().collect();
        digests.extend(self.evidence.digests.iter().cloned());
        let mut bytes = self.evidence.content.as_deref();
        let subject = match read.bundle.named_digest() {
            // A signature of something else is checked all the same, as far as its digest allows,
            // so that it is not mistaken for a tampered one of this.
            Some(named) if !digests.contains(&named) => {
                digests = vec![named.clone()];
                bytes = None;
                Some(named)
            }
            _ => self.evidence.artifact.clone(),
        };
        let subject = subject.ok_or_else(|| Refusal::OtherSubject {
            reason: "no artifact was given".to_owned(),
        })?;
        if bytes.is_some_and(|bytes| bytes.starts_with(b"DSSEv1 ")) {
            return Err(malformed("an encoded envelope is no artifact"));
        }
        let message = Message {
            bytes,
            digests: &digests,
        };
        self.claimed(read, message, ArtifactClaim::of_blob(subject), manifest)
    }

    fn claimed(
        self,
        read: &Read,
        message: Message<'_>,
        claim: ArtifactClaim,
        manifest: Option<Digest>,
    ) -> Result<Verified<ArtifactClaim>, Refusal> {
        let proof = match read.hint() {
            None => {
                let roots = self.trust.roots();
                roots.verify_certificate(&read.bundle, message, self.now)?
            }
            Some(hint) => {
                let mut made = Made::from(read);
                // Whoever may write to a registry can add any; a file's were named for it.
                made.over_file = matches!(read.what, What::Blob) && manifest.is_none();
                self.keyed(&made, hint, message, None)?
            }
        };
        self.counted(&proof)?;
        let payload =
            payload_digest(read, Some(&claim.subject)).unwrap_or_else(|| claim.subject.clone());
        Ok(Verified::of_artifact(claim, proof, payload, manifest))
    }

    fn counted(self, proof: &Proof) -> Result<(), Refusal> {
        match proof.records.missing(self.trust.thresholds()) {
            None => Ok(()),
            Some(reason) => Err(Refusal::Unrecorded {
                signer: proof.signer.to_string(),
                reason,
            }),
        }
    }

    /// Checks the signature with the keys the hint allows for, then what stands beside it.
    fn keyed(
        self,
        made: &Made<'_>,
        hint: &str,
        message: Message<'_>,
        word: Option<Timestamp>,
    ) -> Result<Proof, Refusal> {
        let mut failure = None;
        let keys = self.trust.keys_for(hint, made.signed);
        let only = keys.len() == 1;
        for key in keys {
            let legacy = self.trust.legacy_schemes();
            let scheme = match key.check(message, made.signature, legacy) {
                Ok(scheme) => scheme,
                Err(checked) => {
                    // Only the key the hint names makes a failure mean tampering. Over a file's
                    // own bytes nothing else can be meant than the one key there is.
                    let named = key.is_named_by(hint);
                    let only = made.over_file && hint.is_empty() && only;
                    failure = refused(checked, named, only, key).or(failure);
                    continue;
                }
            };
            let roots = self.trust.roots();
            let recorded = |bundle: &&Bundle| bundle.log_entries() > 0 || bundle.timestamps() > 0;
            // Without a trusted root, records prove nothing and the time stays the signer's word.
            let records = match made.bundle.filter(recorded) {
                Some(bundle) if !roots.is_empty() => {
                    roots.records_of_key(bundle, message, key.spki(), self.now)?
                }
                _ => Records::default(),
            };
            in_window(key, &records, word, self.now)?;
            return Ok(Proof {
                signer: Identity::Key {
                    key_id: key.id().clone(),
                },
                records,
                scheme: Some(scheme),
                certificate: None,
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
}

/// A signature by a bare key, the bundle whose records are about it, and who is known to have signed
/// the same.
struct Made<'a> {
    signature: &'a [u8],
    bundle: Option<&'a Bundle>,
    signed: &'a [Identity],
    /// Whether a file's bytes were signed, and the signature is no attachment.
    over_file: bool,
}

impl<'a> From<&'a Read> for Made<'a> {
    fn from(read: &'a Read) -> Self {
        Self {
            signature: read.bundle.signature(),
            bundle: Some(&read.bundle),
            signed: &[],
            over_file: false,
        }
    }
}

fn signed_time(proof: &Proof, word: Option<Timestamp>) -> SignedTime {
    match (proof.records.earliest(), word) {
        (Some(time), word) => SignedTime::Proven(time, word),
        (None, Some(word)) => SignedTime::Claimed(word),
        (None, None) => SignedTime::Unknown,
    }
}

/// What a failed check with a key says: nothing, if the hint did not name the key.
fn refused(checked: Checked, named: bool, only: bool, key: &PublicKey) -> Option<Refusal> {
    match checked {
        Checked::Good => None,
        Checked::Bad if only && !named => Some(Refusal::invalid(alone(key))),
        Checked::Bad => named.then(|| Refusal::invalid("the signature does not match")),
        Checked::NotAtHand => Some(Refusal::OtherSubject {
            reason: "the scheme needs the artifact's bytes or another digest of them".to_owned(),
        }),
    }
}

/// Why the one key does not fit a signature that names none.
fn alone(key: &PublicKey) -> &'static str {
    if key.is_rsa() {
        "the signature does not match: the file was changed, another key signed it, or it is RSA-PSS with a salt that is not as long as the hash (openssl: -sigopt rsa_pss_saltlen:digest)"
    } else {
        "the signature does not match: the file was changed, or another key signed it"
    }
}

/// Every verified time has to lie in the key's window (F16, TOB-4). Where nothing is verified, the
/// signer's word has to, and the present too: a word is cheap once a key has leaked.
fn in_window(
    key: &PublicKey,
    records: &Records,
    word: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let window = key.validity();
    let mut times: Vec<Timestamp> = records.times().collect();
    if times.is_empty() {
        times = word.into_iter().chain([now]).collect();
    }
    match times.into_iter().find(|time| !window.contains(*time)) {
        None => Ok(()),
        Some(time) => Err(Refusal::Expired {
            reason: format!("key {} is not valid at {time}", key.id().short()),
        }),
    }
}

/// Some digest of some subject; `sigstore-verify` knows SHA-256 and SHA-512.
fn any_subject(statement: &Statement) -> Result<Digest, Refusal> {
    use bulla_model::Algorithm;
    [Algorithm::Sha256, Algorithm::Sha512]
        .into_iter()
        .find_map(|algorithm| {
            let subjects = statement.subjects();
            subjects
                .iter()
                .find_map(|subject| subject.digest.known(algorithm))
        })
        .ok_or_else(|| malformed("no subject has a sha256 or sha512 digest"))
}

/// When the signer says it was issued: our own field, the annotation Bulla writes into standard
/// statements, or the predicate's own time.
fn issued_at(statement: &Statement) -> Option<Timestamp> {
    use bulla_model::predicate::{PromotionRecord, openvex, own, promotion_record, vsa, vulns};
    let kind = statement.predicate_type().as_str();
    if own::is_own(kind) {
        return own::issued_at(statement);
    }
    statement.issued_at_annotation().or_else(|| {
        if Provenance::is_type(kind) {
            let metadata = Provenance::of(statement).ok()?.run_details.metadata?;
            return metadata.finished_on.or(metadata.started_on);
        }
        if kind == vsa::TYPE {
            return statement.predicate::<Vsa>().ok()?.time_verified;
        }
        if kind == vulns::TYPE {
            return vulns::scanned_at(statement);
        }
        if openvex::is_openvex(kind) {
            return openvex::issued_at(statement);
        }
        if kind == promotion_record::TYPE {
            return statement.predicate::<PromotionRecord>().ok()?.timestamp();
        }
        None
    })
}

/// Whether the statement's type is this one; a bare type is also matched by its versions.
pub(crate) fn is_type(kind: &PredicateType, wanted: &str) -> bool {
    use bulla_model::predicate::{CYCLONEDX, SPDX, is_cyclonedx, is_spdx, openvex};
    match wanted {
        CYCLONEDX => is_cyclonedx(kind.as_str()),
        SPDX => is_spdx(kind.as_str()),
        openvex::TYPE => openvex::is_openvex(kind.as_str()),
        _ => kind.as_str() == wanted,
    }
}
