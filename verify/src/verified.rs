//! The proof that a signature was checked, as a type.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use bulla_model::predicate::{Predicate, own};
use bulla_model::{Digest, Identity, PredicateError, Statement, SubjectSet};

use crate::artifact::ArtifactClaim;
use crate::records::Records;
use crate::scheme::SignatureScheme;
use crate::sigstore::Proof;

/// How far clocks of signers may run ahead of the verifier's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How far a statement's own word and a timestamp of it may lie apart, in our own predicates.
const TIME_MISMATCH: SignedDuration = SignedDuration::from_mins(10);

/// Something a signature was verified over. Only [`crate::signature`] and [`crate::named_key`] make
/// one from signed bytes, [`crate::referenced`] one from bytes whose digest was signed, and policy
/// code accepts nothing else.
///
/// ```compile_fail
/// // Unverified statements cannot be passed off as verified ones.
/// let statement = bulla_model::Statement::parse(b"{}", &bulla_model::Limits::default()).unwrap();
/// let verified = bulla_verify::Verified { value: statement };
/// ```
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    signer: Identity,
    time: SignedTime,
    payload: Digest,
    manifest: Option<Digest>,
    subjects: Option<SubjectSet>,
    document: Option<Digest>,
    /// Whether it is a statement of a type of ours that may still change.
    draft: bool,
    proof: Arc<Proof>,
}

/// When something was signed, and how we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedTime {
    /// A transparency log or a timestamp authority proves that it existed by then. The second
    /// value is the signer's own word, if it gave one.
    Proven(Timestamp, Option<Timestamp>),
    /// Only the signer says so.
    Claimed(Timestamp),
    /// Nothing says when.
    Unknown,
}

impl SignedTime {
    /// The time at which rules about the signer are judged.
    pub fn existed_by(self) -> Option<Timestamp> {
        match self {
            Self::Proven(time, _) | Self::Claimed(time) => Some(time),
            Self::Unknown => None,
        }
    }

    /// The time from which age is counted: the earlier of proof and word.
    pub fn not_older_than(self) -> Option<Timestamp> {
        match self {
            Self::Proven(time, Some(word)) => Some(time.min(word)),
            Self::Proven(_, None) | Self::Unknown => None,
            Self::Claimed(time) => Some(time),
        }
    }

    /// The signer's own word, which no copy can change.
    pub(crate) fn word(self) -> Option<Timestamp> {
        match self {
            Self::Proven(_, word) => word,
            Self::Claimed(word) => Some(word),
            Self::Unknown => None,
        }
    }

    /// Whether what was signed may tell of something at this time: not of what lies after it was
    /// signed, by its word and by the proof, or in the future.
    pub(crate) fn may_tell_of(self, at: Timestamp, now: Timestamp) -> bool {
        let by = |time: Timestamp, slack| at <= time.saturating_add(slack).unwrap_or(time);
        let known = [self.word(), self.existed_by()];
        by(now, CLOCK_SKEW)
            && known
                .into_iter()
                .flatten()
                .all(|time| by(time, TIME_MISMATCH))
    }

    /// Whether anything but the signer's word says when.
    pub fn is_proven(self) -> bool {
        matches!(self, Self::Proven(..))
    }

    /// Whether the statement was there at this time, as far as anything says.
    pub(crate) fn was_there(self, at: Timestamp) -> bool {
        self.existed_by()
            .is_none_or(|time| time <= at.saturating_add(CLOCK_SKEW).unwrap_or(at))
    }

    /// Whether word and proof contradict each other, or the word lies in the future. In `own`
    /// statements both are of the same moment; a standard one may be recorded long after what it
    /// tells of, a build or a scan, never before.
    pub(crate) fn contradicts(self, now: Timestamp, own: bool) -> bool {
        match self {
            Self::Proven(time, Some(word)) => {
                let late = word.duration_since(time);
                late > TIME_MISMATCH || (own && late.abs() > TIME_MISMATCH)
            }
            Self::Proven(_, None) | Self::Unknown => false,
            Self::Claimed(time) => {
                !self.was_there(now) || time > now.saturating_add(CLOCK_SKEW).unwrap_or(now)
            }
        }
    }
}

impl Verified<ArtifactClaim> {
    /// To be called only where a signature over the artifact or payload has just been verified.
    pub(crate) fn of_artifact(
        claim: ArtifactClaim,
        proof: Proof,
        payload: Digest,
        manifest: Option<Digest>,
    ) -> Self {
        let time = match proof.records.earliest() {
            Some(time) => SignedTime::Proven(time, None),
            None => SignedTime::Unknown,
        };
        Self {
            value: claim,
            signer: proof.signer.clone(),
            time,
            payload,
            manifest,
            subjects: None,
            document: None,
            draft: false,
            proof: Arc::new(proof),
        }
    }
}

impl Verified<Statement> {
    /// To be called only where a signature over the payload has just been verified.
    pub(crate) fn new(
        statement: Statement,
        proof: Proof,
        time: SignedTime,
        payload: Digest,
        manifest: Option<Digest>,
    ) -> Self {
        let subjects = statement.subject_set();
        let draft = own::is_draft(statement.predicate_type().as_str());
        Self {
            value: statement,
            signer: proof.signer.clone(),
            time,
            payload,
            manifest,
            subjects,
            document: None,
            draft,
            proof: Arc::new(proof),
        }
    }

    /// Reads the predicate as type `P`; the proof stays attached.
    pub fn predicate<P: Predicate>(&self) -> Result<Verified<P>, PredicateError> {
        let value = self.value.predicate::<P>()?;
        Ok(self.with(value))
    }

    /// The same proof for another view of the same statement.
    pub(crate) fn with<P>(&self, value: P) -> Verified<P> {
        Verified {
            value,
            signer: self.signer.clone(),
            time: self.time,
            payload: self.payload.clone(),
            manifest: self.manifest.clone(),
            subjects: self.subjects.clone(),
            document: self.document.clone(),
            draft: self.draft,
            proof: Arc::clone(&self.proof),
        }
    }

    /// The same proof for what this statement says by naming a document. To be called only with the
    /// document that has the signed digest, or with none.
    pub(crate) fn by_value(&self, statement: Statement, document: Option<Digest>) -> Self {
        Self {
            signer: self.signer.clone(),
            time: self.time,
            payload: self.payload.clone(),
            manifest: self.manifest.clone(),
            subjects: statement.subject_set(),
            draft: own::is_draft(statement.predicate_type().as_str()),
            value: statement,
            document,
            proof: Arc::clone(&self.proof),
        }
    }
}

impl<T> Verified<T> {
    /// What was signed.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Who signed.
    pub fn signer(&self) -> &Identity {
        &self.signer
    }

    /// When it was signed, and how we know.
    pub fn time(&self) -> SignedTime {
        self.time
    }

    /// How well it is known when a copy was signed; of copies the least stands for all: proven when
    /// it says that it was signed, and the oldest. Anybody can take the record off a copy, or have
    /// it recorded once more, hours later.
    pub(crate) fn doubt(&self) -> (bool, bool, Option<Timestamp>) {
        let time = self.time;
        let late = matches!(time, SignedTime::Proven(proof, Some(word))
            if word.duration_since(proof).abs() > TIME_MISMATCH);
        (late, !time.is_proven(), time.existed_by())
    }

    /// Verified log entries and timestamps.
    pub fn records(&self) -> &Records {
        &self.proof.records
    }

    /// How a bare key signed; a certificate's key signs by the scheme of its kind.
    pub fn scheme(&self) -> Option<SignatureScheme> {
        self.proof.scheme
    }

    /// From when until when the signing certificate was valid.
    pub fn certificate_validity(&self) -> Option<(Timestamp, Timestamp)> {
        self.proof.certificate
    }

    /// Digest of the signed payload: of a DSSE envelope, of a layer, or of the artifact itself.
    pub fn payload(&self) -> &Digest {
        &self.payload
    }

    /// Digest of the referrer manifest it was found in.
    pub fn manifest(&self) -> Option<&Digest> {
        self.manifest.as_ref()
    }

    /// Digest of the document that holds what was said, if the statement only refers to it.
    pub fn document(&self) -> Option<&Digest> {
        self.document.as_ref()
    }

    /// Whether its predicate is one of ours and of version 0.x, which a tier may refuse.
    pub(crate) fn is_draft(&self) -> bool {
        self.draft
    }

    /// The SHA-256 digests of the statement's subjects; `None` if a subject has none.
    pub fn subjects(&self) -> Option<&SubjectSet> {
        self.subjects.as_ref()
    }
}

/// Keeps one of each statement and signer, the best known copy: the same may be attached twice, and
/// whoever may attach it chooses which record goes with it.
pub(crate) fn best_copies<T, V: Borrow<Verified<T>>>(all: &mut Vec<V>) {
    let key = |one: &V| {
        let one: &Verified<T> = one.borrow();
        (one.payload().clone(), one.signer().clone())
    };
    let mut least = BTreeMap::new();
    for one in &*all {
        let doubt = one.borrow().doubt();
        let held = least.entry(key(one)).or_insert(doubt);
        *held = doubt.min(*held);
    }
    all.retain(|one| {
        let key = key(one);
        least.get(&key) == Some(&one.borrow().doubt()) && least.remove(&key).is_some()
    });
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn word_and_proof_may_lie_ten_minutes_apart_in_own_statements() {
        let said = |word: i64| SignedTime::Proven(at(100), Some(at(word)));
        for (word, own, contradicts) in [
            (90, true, false),
            (89, true, true),
            (110, true, false),
            (111, true, true),
            (0, false, false),
            (110, false, false),
            (111, false, true),
        ] {
            assert_eq!(
                said(word).contradicts(at(200), own),
                contradicts,
                "{word} {own}"
            );
        }
        assert!(
            !SignedTime::Claimed(at(201)).contradicts(at(200), true),
            "skew"
        );
        assert!(SignedTime::Claimed(at(202)).contradicts(at(200), false));
    }

    #[test]
    fn age_counts_from_the_earlier_of_proof_and_word() {
        let proven = |word| SignedTime::Proven(at(100), word).not_older_than();
        assert_eq!(proven(Some(at(90))), Some(at(90)));
        assert_eq!(proven(Some(at(105))), Some(at(100)));
        assert_eq!(
            proven(None),
            None,
            "a proof alone may be of an old statement"
        );
        assert_eq!(SignedTime::Claimed(at(1)).not_older_than(), Some(at(1)));
        assert_eq!(SignedTime::Unknown.not_older_than(), None);
    }

    /// A statement that somebody signed.
    pub(crate) fn copy(payload: u8, time: SignedTime) -> Verified<Statement> {
        let text = serde_json::json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "x", "digest": {"sha256": "ab".repeat(32)}}],
            "predicateType": "https://example.test/x",
        });
        let limits = bulla_model::Limits::default();
        let statement = Statement::parse(text.to_string().as_bytes(), &limits).unwrap();
        let proof = Proof {
            signer: Identity::Certificate(Box::default()),
            records: Records::default(),
            scheme: None,
            certificate: None,
        };
        Verified::new(statement, proof, time, Digest::sha256(&[payload]), None)
    }

    #[test]
    fn a_copy_without_its_record_takes_the_place_of_none() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let proven = |second| SignedTime::Proven(at(second), Some(at(5)));
        let copies = [
            SignedTime::Unknown,
            SignedTime::Claimed(at(5)),
            proven(7),
            proven(6),
            proven(8),
            proven(4000),
        ];
        for turned in 0..copies.len() {
            let mut all = Vec::new();
            for place in 0..copies.len() {
                let time = copies[(place + turned) % copies.len()];
                all.extend([copy(1, time), copy(2, SignedTime::Unknown)]);
            }
            best_copies(&mut all);
            let mut times: Vec<_> = all.iter().map(Verified::time).collect();
            times.sort_by_key(|time| !time.is_proven());
            assert_eq!(times, [proven(6), SignedTime::Unknown]);
        }
        // What is not recorded at all is not made late by whoever has it recorded.
        let claimed = SignedTime::Claimed(at(5));
        for times in [[claimed, proven(4000)], [proven(4000), claimed]] {
            let mut all: Vec<_> = times.iter().map(|time| copy(1, *time)).collect();
            best_copies(&mut all);
            assert_eq!(all[0].time(), claimed);
            assert_eq!(all.len(), 1);
        }
    }

    #[test]
    fn f36_recorded_once_more_a_statement_is_no_newer() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let proven = |second| SignedTime::Proven(at(second), Some(at(5)));
        let all = [
            copy(1, SignedTime::Claimed(at(5))),
            copy(2, proven(6)),
            copy(1, proven(9)),
            copy(1, proven(7)),
            copy(1, proven(7)),
        ];
        let mut kept: Vec<&Verified<Statement>> = all.iter().collect();
        best_copies(&mut kept);
        let times: Vec<_> = kept.iter().map(|one| one.time()).collect();
        assert_eq!(times, [proven(6), proven(7)]);
    }
}
