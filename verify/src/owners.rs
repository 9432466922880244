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

const CHECK: &str = "policy";
/// How far the clocks of owners may run ahead of the verifier's.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// A statement about the policy, any version of it, that owners signed.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its payload digest.
    pub payload: Digest,
    /// The owners who signed it, sorted.
    pub by: BTreeSet<Identity>,
    /// What it says.
    pub said: SignedPolicy,
}

/// What the signatures beside a policy say at one time.
#[derive(Debug, Default)]
pub struct Owned {
    /// Every statement that owners signed, sorted by payload digest.
    pub all: Vec<Published>,
    /// The payload of the one that counts: it is about the files at hand, and most owners signed it.
    counts: Option<Digest>,
    /// Why others do not count.
    refused: Vec<(Cause, Finding)>,
    /// Earlier versions at hand whose persons too few owners signed.
    unsigned: Vec<u64>,
    /// An earlier version that `history` lists and that is not at hand.
    missing: Option<u64>,
    /// Of this version, files that enough owners signed later than those at hand.
    replaced: Option<Timestamp>,
}

impl Owned {
    /// The statement that counts, if any does.
    pub fn best(&self) -> Option<&Published> {
        let counts = self.counts.as_ref()?;
        self.all.iter().find(|one| one.payload == *counts)
    }

    /// Whether so many owners signed the files at hand, and nothing that takes their place.
    pub fn is_enough(&self, threshold: usize) -> bool {
        self.best().is_some_and(|best| best.by.len() >= threshold)
            && self.missing.is_none()
            && self.unsigned.is_empty()
            && self.replaced.is_none()
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
    let signatures = policy
        .signatures
        .iter()
        .take(limits.policy_signatures)
        .collect();
    let nothing = Evidence::default();
    let candidates = examine_some(signatures, &nothing, &trust, now, limits, cancelled)?;
    owned.all = signed(&candidates, &scope, &mut owned.refused);
    let own = owned.all.iter();
    let own: Vec<_> = own
        .filter(|one| one.said.version == policy.version())
        .collect();
    let mut counting = Vec::new();
    for one in &own {
        match refusal(&one.said, policy, now) {
            None => counting.push(*one),
            Some(why) => owned.refused.push(why),
        }
    }
    let best = counting.into_iter().max_by_key(|one| {
        (
            // More than enough are no more: else one owner could bring an earlier statement back.
            one.by.len().min(anchor.threshold()),
            one.said.issued_at,
            one.said.not_after,
            one.payload.clone(),
        )
    });
    let enough = |one: &&&Published| one.by.len() >= anchor.threshold();
    let later = own.iter().filter(enough).map(|one| &one.said);
    let later = later.filter(|said| said.files != policy.files && !is_ahead(said, now));
    let later = later.map(|said| said.issued_at).max();
    owned.replaced = later.filter(|later| best.is_some_and(|best| *later > best.said.issued_at));
    owned.counts = best.map(|best| best.payload.clone());
    // The digest in `history` binds what an earlier version demanded, and leaves out its persons.
    let earlier = policy.predecessors.iter().filter(|earlier| {
        let mut files = earlier.files.iter();
        let has_people = files.any(|file| file.role == FileRole::People);
        let mut all = owned.all.iter();
        has_people
            && !all.any(|one| {
                one.said.version == earlier.version()
                    && one.said.files == earlier.files
                    && one.by.len() >= anchor.threshold()
            })
    });
    // Who takes an earlier version away would take away what was revoked or retired under it.
    let at_hand = |version| {
        let mut loaded = policy.predecessors.iter();
        loaded.any(|one| one.version() == version)
    };
    let mut listed = policy.history.iter().map(|entry| entry.version);
    owned.missing = listed.find(|version| !at_hand(*version));
    owned.unsigned = earlier.map(Policy::version).collect();
    Ok(owned)
}

/// What owners signed about this policy, each statement once.
fn signed(
    candidates: &[Candidate],
    scope: &Scope,
    refused: &mut Vec<(Cause, Finding)>,
) -> Vec<Published> {
    let mut published: BTreeMap<Digest, Published> = BTreeMap::new();
    let mut refuse = |code, cause, message: String| {
        refused.push((cause, Finding::new(code, CHECK, message)));
    };
    for candidate in candidates {
        let statement = match candidate.outcome() {
            Ok(statement) => statement,
            Err(why) => {
                refuse(Code::PolicyUnsigned, why.cause(), why.to_string());
                continue;
            }
        };
        let kind = statement.value().predicate_type().as_str();
        if !SignedPolicy::TYPES.contains(&kind) {
            continue;
        }
        let said = match statement.predicate::<SignedPolicy>() {
            Ok(said) => said.value().clone(),
            Err(error) => {
                refuse(Code::StatementUnusable, Cause::Invalid, error.to_string());
                continue;
            }
        };
        if said.scope != *scope {
            let message = format!("signed as {}, and this is {scope}", said.scope);
            refuse(Code::PolicyUnsigned, Cause::OtherSubject, message);
            continue;
        }
        let payload = statement.payload().clone();
        let entry = published.entry(payload.clone()).or_insert(Published {
            payload,
            by: BTreeSet::new(),
            said,
        });
        entry.by.insert(statement.signer().clone());
    }
    published.into_values().collect()
}

/// Why a statement about this version does not count for the files at hand.
fn refusal(said: &SignedPolicy, policy: &Policy, now: Timestamp) -> Option<(Cause, Finding)> {
    let refuse = |code, cause, message| Some((cause, Finding::new(code, CHECK, message)));
    if let Some(change) = changed(&said.files, &policy.files) {
        return refuse(Code::PolicyChanged, Cause::Denied, change);
    }
    if said.not_after <= now {
        let message = format!("version {} was good until {}", said.version, said.not_after);
        return refuse(Code::PolicyExpired, Cause::Expired, message);
    }
    if is_ahead(said, now) {
        let message = format!("it says that it was signed at {}", said.issued_at);
        return refuse(Code::TooLate, Cause::Expired, message);
    }
    None
}

fn is_ahead(said: &SignedPolicy, now: Timestamp) -> bool {
    said.issued_at.duration_since(now) > CLOCK_SKEW
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
    let (limits, cancelled) = (question.limits, question.cancelled);
    let Ok(owned) = look(subject, environment, now, limits, cancelled) else {
        let message = "the deadline came before the policy's signatures were looked at";
        let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message);
        report.findings.push(finding.hint("raise --timeout"));
        report.check(CHECK, Outcome::Failed(Cause::Undetermined), "deadline");
        return;
    };
    let threshold = anchor.threshold();
    let best = owned.best().filter(|best| best.by.len() >= threshold);
    let Some(best) = best else {
        return unsigned(anchor, owned, report);
    };
    if let Some((cause, finding)) = outdated(question, &owned, best) {
        report.check(CHECK, Outcome::Failed(cause), finding.message.clone());
        report.findings.push(finding);
        return;
    }
    report.holds_until(best.said.not_after);
    let (by, until) = (best.by.len(), best.said.not_after);
    let summary = format!("signed by {by} owners, {threshold} needed, until {until}");
    report.check(CHECK, Outcome::Ok, summary);
}

/// What enough owners signed, and does not count all the same: something is missing, or later.
fn outdated(question: &Question<'_>, owned: &Owned, best: &Published) -> Option<(Cause, Finding)> {
    let policy = question.policy;
    let fail = |code, cause, message: String, hint: &str| {
        Some((cause, Finding::new(code, CHECK, message).hint(hint)))
    };
    if let Some(missing) = owned.missing {
        let message = format!("version {missing} is listed in `history` and not at hand");
        let hint = "keep every earlier version whole, in history/";
        return fail(Code::PolicyNotLoaded, Cause::Undetermined, message, hint);
    }
    if let Some(version) = owned.unsigned.first() {
        let message = format!("the policy's owners did not sign the persons of version {version}");
        let hint = "put its signatures into signatures/, or leave its people.yaml out of history/";
        return fail(Code::PolicyUnsigned, Cause::Denied, message, hint);
    }
    let seen = question.state.and_then(|state| state.published(policy));
    let later = owned
        .replaced
        .max(seen.filter(|seen| *seen > best.said.issued_at));
    let later = later?;
    let message = format!(
        "the owners signed other files of this version later, at {later}; these at {}",
        best.said.issued_at
    );
    let hint = "take the newest people.yaml with its signatures";
    fail(Code::PolicyRollback, Cause::Expired, message, hint)
}

/// Too few owners signed the files at hand.
fn unsigned(anchor: &Anchor, owned: Owned, report: &mut Report) {
    let threshold = anchor.threshold();
    let by = owned.best().map_or(0, |best| best.by.len());
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
    let sign = "its owners sign it: bulla policy sign --policy DIR --anchor FILE --key KEY";
    let (message, hint) = match code {
        Code::PolicyChanged => (
            "the policy's files are not those that its owners signed",
            "put back what was signed; or raise `version` and let the owners sign the change",
        ),
        Code::PolicyExpired => (
            "the owners' word on this version of the policy is over",
            sign,
        ),
        _ => ("the policy's owners did not sign these files", sign),
    };
    let finding = Finding::new(code, CHECK, message)
        .expected(format!("{threshold} of {} owners", anchor.owners().len()))
        .found(by.to_string())
        .hint(hint);
    report.findings.push(finding);
    let notes = owned.refused.into_iter().map(|(_, finding)| finding);
    let notes = notes.map(|finding| finding.severity(Severity::Note));
    report.findings.extend(notes.take(8));
    let summary = format!("signed by {by} owners, {threshold} needed");
    report.check(CHECK, Outcome::Failed(cause), summary);
}
