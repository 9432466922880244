//! What is said where nothing, or not enough, is what was asked for.

use std::collections::BTreeSet;

use bulla_model::Digest;

use super::{CHECK, SignedQuestion, is_asked};
use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::code::Code;
use crate::verdict::{Finding, Outcome, Report, is_plain};

/// Why the answer is not "allow".
pub(super) struct Gap<'a> {
    pub(super) causes: &'a [Cause],
    /// How many signers counted, where several are needed.
    pub(super) signers: usize,
    /// Why each signature that was looked at does not count.
    pub(super) notes: &'a [Finding],
    /// What else the signer signed about the artifact.
    pub(super) others: BTreeSet<&'a str>,
}

impl Gap<'_> {
    fn has(&self, code: Code) -> bool {
        self.notes.iter().any(|note| note.code == code)
    }

    /// Whether nothing but records is missing.
    fn is_unrecorded(&self) -> bool {
        self.has(Code::RecordsMissing) && !self.has(Code::SignerUntrusted)
    }
}

/// The types of what the signer said about the artifact without being asked for it.
pub(super) fn others<'a>(
    question: &SignedQuestion<'_>,
    covering: &[Digest],
    candidates: &'a [Candidate],
) -> BTreeSet<&'a str> {
    let others = candidates.iter().filter(|one| !is_asked(question, one));
    let others = others
        .filter(|one| one.signature().is_none())
        .filter(|one| {
            one.outcome().is_ok_and(|verified| {
                question.signer.matches(verified.signer())
                    && question.evidence.is_subject_of(verified.value(), covering)
            })
        });
    let types = others.filter_map(Candidate::claimed_type);
    types
        .map(bulla_model::PredicateType::as_str)
        .take(OTHERS)
        .collect()
}

/// Types that are named where none is the one asked for.
const OTHERS: usize = 8;

pub(super) fn missing(question: &SignedQuestion<'_>, report: &mut Report, gap: &Gap<'_>) {
    // A document that somebody expected refers to, and that could not be had, is doubt, too.
    let doubtful = question.evidence.is_incomplete() || gap.causes.contains(&Cause::Undetermined);
    let cause = if doubtful {
        Cause::Undetermined
    } else {
        Cause::best(gap.causes.iter().copied())
    };
    let code = match cause {
        Cause::Invalid if gap.has(Code::DocumentMismatch) => Code::DocumentMismatch,
        Cause::Nothing => Code::AttestationMissing,
        Cause::Untrusted if gap.is_unrecorded() => Code::RecordsMissing,
        Cause::Expired => Code::KeyExpired,
        Cause::Invalid => Code::SignatureInvalid,
        Cause::OtherSubject => Code::SubjectMismatch,
        Cause::Undetermined => Code::EvidenceIncomplete,
        _ => Code::SignerUntrusted,
    };
    let message = format!("no {} by {}", question.claim, question.signer);
    let mut finding = Finding::new(code, CHECK, message).expected(question.signer.to_string());
    if let Some(hint) = hint(question.name) {
        finding = finding.hint(hint);
    }
    if code == Code::RecordsMissing {
        finding = finding.found("signed, but with too few records");
    }
    if gap.signers > 0 {
        finding = finding.found(format!("{} of them", gap.signers));
    }
    if cause == Cause::Nothing && !gap.others.is_empty() {
        let types: Vec<&str> = gap.others.iter().copied().collect();
        finding = finding.found(types.join(", "));
        if let Some(kind) = types.iter().find(|kind| is_plain(kind)) {
            finding = finding.hint(format!("pass --type {kind}"));
        }
    }
    report.findings.push(finding);
    report.check(CHECK, Outcome::Failed(cause), "none");
}

/// Where to look. Files and folders have no referrers; the caller knows what it read instead.
fn hint(name: &str) -> Option<String> {
    let local = name.starts_with("file:") || name.starts_with("dir:");
    (!local).then(|| format!("bulla tree {name} shows what there is"))
}
