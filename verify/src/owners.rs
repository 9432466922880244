//! Whether the owners of the policy signed it: the files at hand are a version they published.
//!
//! Defined in `docs/predicates/policy.md`; asked where the anchor says `mustSign`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use bulla_model::predicate::policy::{FileRole, SignedFile};
use bulla_model::predicate::{Predicate as _, SignedPolicy};
use bulla_model::{Digest, Environment, Identity, Limits, Scope};

use crate::anchor::Anchor;
use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::code::Code;
use crate::evidence::Evidence;
use crate::policy::Policy;
use crate::question::Question;
use crate::signature::{Cancelled, examine_some};
use crate::trust::Trust;
use crate::verdict::{Finding, Outcome, Report, Severity};
use crate::verified::Verified;

const CHECK: &str = "policy";
/// How far the clocks of owners may run ahead of the verifier's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// A version of the policy that owners published: the files at hand, in one statement.
#[derive(Clone, Debug)]
pub struct Published {
    /// Payload digest of the statement.
    pub payload: Digest,
    /// The owners who signed it, sorted.
    pub by: BTreeSet<Identity>,
    /// Until when it may be used; not at that instant any more.
    pub not_after: Timestamp,
}

/// What the signatures beside a policy say about the files at hand, at one time.
#[derive(Debug, Default)]
pub struct Owned {
    /// The statement that most owners signed, if any did.
    pub best: Option<Published>,
    /// Why others do not count.
    refused: Vec<(Cause, Finding)>,
    /// Earlier versions at hand whose persons too few owners signed.
    unsigned: Vec<u64>,
}

impl Owned {
    /// Whether so many owners signed the files at hand.
    pub fn is_enough(&self, threshold: usize) -> bool {
        let best = self.best.as_ref();
        best.is_some_and(|best| best.by.len() >= threshold) && self.unsigned.is_empty()
    }

    /// Why signatures do not count, a line each.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.refused
            .iter()
            .map(|(_, finding)| finding.message.as_str())
    }
}

/// Looks at the signatures beside a policy: which owners of the anchor signed these files, as the
/// policy of this environment's organisation and app scope.
pub fn owned(
    policy: &Policy,
    anchor: &Anchor,
    environment: &Environment,
    now: Timestamp,
    limits: &Limits,
) -> Owned {
    look((policy, anchor), environment, now, limits, &|| false).unwrap_or_default()
}

fn look(
    (policy, anchor): (&Policy, &Anchor),
    environment: &Environment,
    now: Timestamp,
    limits: &Limits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Owned, Cancelled> {
    let mut owned = Owned::default();
    let Ok(scope) = Scope::policy_of(environment, policy.name()) else {
        let message = "the policy's name can be that of no scope, so nothing can be about it";
        let finding = Finding::new(Code::PolicyUnsigned, CHECK, message);
        owned.refused.push((Cause::Nothing, finding));
        return Ok(owned);
    };
    // No roots: owners sign with keys, and what else is beside a signature proves nothing here.
    let Ok(trust) = Trust::new(anchor.owners().iter().cloned(), &[], now, limits) else {
        return Ok(owned);
    };
    let signatures = policy.signatures.iter().collect();
    let nothing = Evidence::default();
    let candidates = examine_some(signatures, &nothing, &trust, now, limits, cancelled)?;
    owned.best = best(&candidates, policy, &scope, Some(now), &mut owned.refused);
    // The digest in `history` binds what an earlier version demanded, and leaves out its persons.
    let earlier = policy.predecessors.iter();
    let has_people = |one: &&Policy| one.files.iter().any(|file| file.role == FileRole::People);
    let unsigned = earlier.filter(has_people).filter(|earlier| {
        let signed = best(&candidates, earlier, &scope, None, &mut Vec::new());
        signed.is_none_or(|one| one.by.len() < anchor.threshold())
    });
    owned.unsigned = unsigned.map(Policy::version).collect();
    Ok(owned)
}

/// The statement about these files that most owners signed. `now` is when it has to be good; of an
/// earlier version it was.
fn best(
    candidates: &[Candidate],
    policy: &Policy,
    scope: &Scope,
    now: Option<Timestamp>,
    refused: &mut Vec<(Cause, Finding)>,
) -> Option<Published> {
    let mut published: BTreeMap<Digest, Published> = BTreeMap::new();
    for candidate in candidates {
        match judge_one(candidate, policy, scope, now) {
            Some(Ok(statement)) => {
                let payload = statement.payload().clone();
                let entry = published.entry(payload.clone()).or_insert(Published {
                    payload,
                    by: BTreeSet::new(),
                    not_after: statement.value().not_after,
                });
                entry.by.insert(statement.signer().clone());
            }
            Some(Err(why)) => refused.push(why),
            None => {}
        }
    }
    let all = published.into_values();
    all.max_by_key(|one| (one.by.len(), one.not_after, one.payload.clone()))
}

/// `None` if it is about something else: another type, or another version of this policy.
fn judge_one(
    candidate: &Candidate,
    policy: &Policy,
    scope: &Scope,
    now: Option<Timestamp>,
) -> Option<Result<Verified<SignedPolicy>, (Cause, Finding)>> {
    let refuse = |code, cause, message: String| {
        let finding = Finding::new(code, CHECK, message);
        Some(Err((cause, finding)))
    };
    let statement = match candidate.outcome() {
        Ok(statement) => statement,
        Err(refusal) => {
            let message = refusal.to_string();
            return refuse(Code::PolicyUnsigned, refusal.cause(), message);
        }
    };
    let kind = statement.value().predicate_type().as_str();
    if !SignedPolicy::TYPES.contains(&kind) {
        return None;
    }
    let said = match statement.predicate::<SignedPolicy>() {
        Ok(said) => said,
        Err(error) => return refuse(Code::StatementUnusable, Cause::Invalid, error.to_string()),
    };
    let value = said.value();
    if value.version != policy.version() {
        return None;
    }
    if value.scope != *scope {
        let message = format!("signed as {}, and this is {scope}", value.scope);
        return refuse(Code::PolicyUnsigned, Cause::OtherSubject, message);
    }
    if let Some(change) = changed(&value.files, &policy.files) {
        return refuse(Code::PolicyChanged, Cause::Denied, change);
    }
    let Some(now) = now else {
        return Some(Ok(said));
    };
    if value.not_after <= now {
        let message = format!(
            "version {} was good until {}",
            value.version, value.not_after
        );
        return refuse(Code::PolicyExpired, Cause::Expired, message);
    }
    if value.issued_at.duration_since(now) > CLOCK_SKEW {
        let message = format!("it says that it was signed at {}", value.issued_at);
        return refuse(Code::TooLate, Cause::Expired, message);
    }
    Some(Ok(said))
}

/// The first file that is another one than was signed, or only on one side.
fn changed(signed: &[SignedFile], found: &[SignedFile]) -> Option<String> {
    if signed == found {
        return None;
    }
    let missing = signed.iter().find(|one| !found.contains(one));
    let added = found.iter().find(|one| !signed.contains(one));
    let there = |path: &str| found.iter().any(|one| one.path == path);
    Some(match (missing, added) {
        (Some(file), _) if there(&file.path) => format!("{} is not what was signed", file.path),
        (Some(file), _) => format!("{} was signed and is not there", file.path),
        (None, Some(file)) => format!("{} is there and was not signed", file.path),
        (None, None) => "its files are in another order".to_owned(),
    })
}

/// Step 1, the owners' word, where the anchor demands it.
pub(crate) fn judge(question: &Question<'_>, environment: &Environment, report: &mut Report) {
    let Some(anchor) = question.anchor.filter(|anchor| anchor.must_sign()) else {
        return;
    };
    let (policy, now) = (question.policy, question.now);
    let subject = (policy, anchor);
    let looked = look(
        subject,
        environment,
        now,
        question.limits,
        question.cancelled,
    );
    let Ok(owned) = looked else {
        let message = "the deadline came before the policy's signatures were looked at";
        let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message);
        report.findings.push(finding.hint("raise --timeout"));
        report.check(CHECK, Outcome::Failed(Cause::Undetermined), "deadline");
        return;
    };
    let threshold = anchor.threshold();
    let by = owned.best.as_ref().map_or(0, |best| best.by.len());
    if let Some(version) = owned.unsigned.first().filter(|_| by >= threshold) {
        let message = format!("the policy's owners did not sign the persons of version {version}");
        let finding = Finding::new(Code::PolicyUnsigned, CHECK, message);
        report.findings.push(
            finding.hint("put its signatures back, or leave its people.yaml out of history/"),
        );
        let summary = format!("version {version} is not signed");
        report.check(CHECK, Outcome::Failed(Cause::Denied), summary);
        return;
    }
    if let Some(best) = owned.best.as_ref().filter(|_| by >= threshold) {
        report.holds_until(best.not_after);
        let summary = format!(
            "signed by {by} of {threshold} owners until {}",
            best.not_after
        );
        report.check(CHECK, Outcome::Ok, summary);
        return;
    }
    // Of too few, what is at hand counts; of none, why not.
    let (code, cause) = if by > 0 {
        (Code::PolicyUnsigned, Cause::Denied)
    } else {
        let cause = Cause::best(owned.refused.iter().map(|(cause, _)| *cause));
        let same = owned.refused.iter().find(|(other, _)| *other == cause);
        let code = same.map_or(Code::PolicyUnsigned, |(_, finding)| finding.code);
        let own = matches!(code, Code::PolicyChanged | Code::PolicyExpired);
        (if own { code } else { Code::PolicyUnsigned }, cause)
    };
    let message = match code {
        Code::PolicyChanged => "the policy's files are not those that its owners signed",
        Code::PolicyExpired => "the owners' word on this version of the policy is over",
        _ => "the policy's owners did not sign these files",
    };
    let finding = Finding::new(code, CHECK, message)
        .expected(format!("{threshold} of {} owners", anchor.owners().len()))
        .found(by.to_string())
        .hint("its owners sign it: bulla policy sign --policy DIR --key KEY");
    report.findings.push(finding);
    let notes = owned.refused.into_iter().map(|(_, finding)| finding);
    let notes = notes.map(|finding| finding.severity(Severity::Note));
    report.findings.extend(notes.take(8));
    let summary = format!("signed by {by} of {threshold} owners");
    report.check(CHECK, Outcome::Failed(cause), summary);
}
