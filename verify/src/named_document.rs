//! Which documents are worth looking for before a verdict: those that somebody names whose bill of
//! materials could count. Whoever may add attestations cannot make anybody look for anything.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::{Digest, Identity, Limits, Statement};

use crate::evidence::{Attestation, Evidence};
use crate::expected::ExpectedSigner;
use crate::policy::Policy;
use crate::read::{Received, What, read};
use crate::referenced::references;
use crate::signature::examine_some;
use crate::trust::Trust;

/// Whose bills of materials could count.
#[derive(Clone, Copy, Debug)]
pub enum ReferredBy<'a> {
    /// Those of whom the policy lets sign one for any step, in this version or an earlier one.
    Policy(&'a Policy),
    /// Those of the signer who is asked for.
    Signer(&'a ExpectedSigner),
}

/// What is asked, with everything the answer may depend on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds a callback")]
pub struct DocumentsQuestion<'a> {
    /// What was found beside the artifact.
    pub evidence: &'a Evidence,
    /// Keys and trusted roots.
    pub trust: &'a Trust,
    /// Whose references are followed.
    pub by: ReferredBy<'a>,
    /// The time to judge signatures at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
    /// Asked between attestations; `true` ends the work with what was found until then.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// The digests of the documents that verified statements about the artifact refer to, to be looked
/// for and put into [`Evidence::documents`]. Only signatures of references are checked for it, and
/// none where no bill of materials is asked for; the verdict checks all of them itself.
///
/// At most `Limits::referrers_per_digest`: the first of each statement, then the second of each, so
/// that statements with many keep no other's from being looked for.
pub fn documents_named(question: &DocumentsQuestion<'_>) -> Vec<Digest> {
    if !question.by.asks() {
        return Vec::new();
    }
    let (evidence, limits) = (question.evidence, question.limits);
    let covering = evidence.covering();
    let refers = |statement: &Statement| {
        evidence.subject_of(statement, &covering).is_some()
            && references(statement, limits).is_ok_and(|named| !named.is_empty())
    };
    let claims = |attestation: &&Attestation| {
        !(question.cancelled)() && claims(attestation, limits, &mut |one| refers(one))
    };
    let referring = evidence.attestations.iter().filter(claims).collect();
    let (trust, now) = (question.trust, question.now);
    let examined = examine_some(referring, evidence, trust, now, limits, question.cancelled);
    let candidates = examined.unwrap_or_else(|cancelled| cancelled.candidates);
    let mut named: Vec<(usize, Digest)> = Vec::new();
    for verified in candidates.iter().filter_map(|one| one.outcome().ok()) {
        let statement = verified.value();
        if !question.by.includes(verified.signer()) || !refers(statement) {
            continue;
        }
        let found = references(statement, limits).unwrap_or_default();
        named.extend(found.into_iter().map(|named| named.digest).enumerate());
    }
    first_of_each(named, limits)
}

/// As [`documents_named`], of everybody whose statement about the artifact refers to documents,
/// verified or not: for whoever keeps evidence for others, who will trust whom they want.
pub fn documents_claimed(evidence: &Evidence, limits: &Limits) -> Vec<Digest> {
    let covering = evidence.covering();
    let mut named = Vec::new();
    let mut claimed = |statement: &Statement| {
        if evidence.subject_of(statement, &covering).is_some() {
            let found = references(statement, limits).unwrap_or_default();
            named.extend(found.into_iter().map(|named| named.digest).enumerate());
        }
        false
    };
    for attestation in &evidence.attestations {
        claims(attestation, limits, &mut claimed);
    }
    first_of_each(named, limits)
}

fn first_of_each(mut named: Vec<(usize, Digest)>, limits: &Limits) -> Vec<Digest> {
    named.sort_by_key(|(place, _)| *place);
    let mut seen = BTreeSet::new();
    named
        .into_iter()
        .map(|(_, digest)| digest)
        .filter(|digest| seen.insert(digest.clone()))
        .take(limits.referrers_per_digest)
        .collect()
}

/// Whether an attestation says by its own word that it refers to documents.
fn claims(
    attestation: &Attestation,
    limits: &Limits,
    refers: &mut dyn FnMut(&Statement) -> bool,
) -> bool {
    match read(attestation, limits) {
        Ok(Received::One(read)) => match &read.what {
            What::Statement(statement) => refers(statement),
            What::Blob | What::Image(..) => false,
        },
        Ok(Received::Plain(plain)) => refers(&plain.statement),
        Err(_) => false,
    }
}

impl ReferredBy<'_> {
    /// Whether anybody's bill of materials could count.
    fn asks(self) -> bool {
        match self {
            Self::Policy(policy) => policy.takes_sboms(),
            Self::Signer(_) => true,
        }
    }

    fn includes(self, signer: &Identity) -> bool {
        match self {
            Self::Policy(policy) => policy.takes_sboms_of(signer),
            Self::Signer(expected) => expected.matches(signer),
        }
    }
}
