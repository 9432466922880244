//! Which statements may count for a rule, and why others do not.

use jiff::{SignedDuration, Timestamp};

use bulla_model::{Digest, Identity, Statement, SubjectSet};

use crate::candidate::{Candidate, Refusal};
use crate::cause::Cause;
use crate::code::Code;
use crate::evidence::Evidence;
use crate::policy::{IdentityRule, Matched, Policy, TierRule};
use crate::question::Context;
use crate::signature::is_type;
use crate::verdict::{Finding, Severity};
use crate::verified::{SignedTime, Verified, best_copies};

/// What a statement must be to count.
pub(crate) struct Wanted<'a> {
    pub(crate) check: &'static str,
    pub(crate) types: &'a [&'a str],
    /// Names of identities in the policy.
    pub(crate) by: &'a [String],
    pub(crate) policy: &'a Policy,
    /// The current version of that policy.
    pub(crate) current: &'a Policy,
    pub(crate) tier: TierRule,
    /// What it has to be about.
    pub(crate) about: &'a [Digest],
    /// What it may be about besides: then it is meant for another rule, and nothing is said of it.
    pub(crate) aside: &'a [Digest],
    /// When the rule is judged.
    pub(crate) at: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) max_age: Option<SignedDuration>,
}

/// The statements that count, and what is to be said about the others.
pub(crate) struct Eligible<'a> {
    pub(crate) statements: Vec<&'a Verified<Statement>>,
    pub(crate) causes: Vec<Cause>,
    pub(crate) findings: Vec<Finding>,
}

impl<'a> Wanted<'a> {
    /// What speaks for the artifact, or for the platform of it that is looked at.
    pub(crate) fn new(
        context: &Context<'a>,
        check: &'static str,
        (types, by): (&'a [&'a str], &'a [String]),
        at: Timestamp,
    ) -> Self {
        Self {
            check,
            types,
            by,
            policy: context.policy,
            current: context.question.policy,
            tier: context.tier_rule,
            about: context.own,
            aside: context.bearing,
            at,
            now: context.question.now,
            max_age: None,
        }
    }

    /// What may tell people something: of any age, now, by whom any rule names, about any part.
    pub(crate) fn of_anybody(
        context: &Context<'a>,
        types: &'a [&'a str],
        by: &'a [String],
    ) -> Self {
        Self {
            about: context.bearing,
            ..Self::new(context, "contents", (types, by), context.question.now)
        }
    }

    pub(crate) fn no_older_than(self, max_age: Option<SignedDuration>) -> Self {
        Self { max_age, ..self }
    }

    pub(crate) fn among<'c>(&self, candidates: &'c [Candidate]) -> Eligible<'c> {
        let mut eligible = Eligible {
            statements: Vec::new(),
            causes: Vec::new(),
            findings: Vec::new(),
        };
        for candidate in candidates {
            let Some(kind) = candidate.claimed_type() else {
                continue;
            };
            if !self.types.iter().any(|wanted| is_type(kind, wanted)) {
                continue;
            }
            if self.is_aside(candidate) {
                continue;
            }
            match self.judge(candidate) {
                Ok(statement) => eligible.statements.push(statement),
                Err((cause, finding)) => {
                    eligible.causes.push(cause);
                    eligible.findings.push(finding.severity(Severity::Note));
                }
            }
        }
        best_copies(&mut eligible.statements);
        eligible
    }

    /// Whether it is verified and about another part of the same artifact.
    fn is_aside(&self, candidate: &Candidate) -> bool {
        let about = |digests| {
            let statement = candidate.outcome().ok().or(candidate.behind());
            statement.is_some_and(|it| Evidence::is_about(it.value(), digests))
        };
        self.aside != self.about && !about(self.about) && about(self.aside)
    }

    fn judge<'c>(
        &self,
        candidate: &'c Candidate,
    ) -> Result<&'c Verified<Statement>, (Cause, Finding)> {
        match candidate.outcome() {
            Ok(statement) => self.may_count(statement).map(|()| statement),
            Err(refusal) => {
                // Whose it is decides before what became of it: strangers may refer to whatever
                // they like, and what they signed may be taken back.
                candidate
                    .behind()
                    .map_or(Ok(()), |statement| self.may_count(statement))?;
                Err((
                    refusal.cause(),
                    refused(self.check, refusal, candidate.manifest()),
                ))
            }
        }
    }

    /// The statement behind a candidate that was taken back and would count otherwise, and what is
    /// to be said about it.
    pub(crate) fn missed<'c>(
        &self,
        candidate: &'c Candidate,
    ) -> Option<(&'c Verified<Statement>, Finding)> {
        let statement = candidate.voided.as_ref()?;
        let refusal = candidate.outcome().err()?;
        self.may_count(statement).ok()?;
        let finding = refused(self.check, refusal, candidate.manifest());
        Some((statement, finding.severity(Severity::Note)))
    }

    /// Whether a statement is about the artifact, by a signer who is named, and of a good time.
    fn may_count(&self, statement: &Verified<Statement>) -> Result<(), (Cause, Finding)> {
        let fail = |cause, finding: Finding, pointer| {
            Err((cause, finding.at(statement.manifest(), pointer)))
        };
        if !Evidence::is_about(statement.value(), self.about) {
            let finding = Finding::new(
                Code::SubjectMismatch,
                self.check,
                "the statement is about another artifact",
            )
            .expected(show_digests(self.about))
            .found(show_subjects(statement.value()));
            return fail(Cause::OtherSubject, finding, "/subject");
        }
        match match_any(
            self.policy,
            self.current,
            self.by,
            statement.signer(),
            statement.time(),
            self.now,
        ) {
            Matched::Yes => {}
            Matched::OutOfTime => {
                let finding = Finding::new(
                    Code::KeyExpired,
                    self.check,
                    "the signer was valid at another time",
                )
                .found(statement.signer().to_string());
                return fail(Cause::Expired, finding, "");
            }
            Matched::No => {
                let finding = Finding::new(
                    Code::SignerUntrusted,
                    self.check,
                    "signed by somebody the policy does not name for this",
                )
                .expected(describe_identities(self.policy, self.by))
                .found(statement.signer().to_string());
                return fail(Cause::Untrusted, finding, "");
            }
        }
        match judge_time(
            statement.time(),
            false,
            self.tier,
            self.at,
            self.now,
            self.max_age,
        ) {
            None => Ok(()),
            Some((cause, code, message)) => {
                let finding = Finding::new(code, self.check, message);
                fail(cause, finding, "/predicate")
            }
        }
    }
}

/// Whether a time is acceptable: not contradictory, proven where that is demanded, there when the
/// decision was made, and young enough.
pub(crate) fn judge_time(
    time: SignedTime,
    own: bool,
    tier: TierRule,
    at: Timestamp,
    now: Timestamp,
    max_age: Option<SignedDuration>,
) -> Option<(Cause, Code, String)> {
    if time.contradicts(now, own) {
        let message =
            "its word about the time and the proof of it contradict each other".to_owned();
        return Some((Cause::Denied, Code::TimeMismatch, message));
    }
    if !time.is_proven() && !tier.claimed_time {
        let message = "only its signer says when, and the tier takes nobody's word".to_owned();
        return Some((Cause::Denied, Code::TimeUnproven, message));
    }
    if !time.was_there(at) {
        let message = "it was made after the decision it should support".to_owned();
        return Some((Cause::Denied, Code::TooLate, message));
    }
    let limit = max_age?;
    let stale = |message: String| Some((Cause::Expired, Code::StatementStale, message));
    match time
        .not_older_than()
        .map(|issued| at.duration_since(issued))
    {
        None => stale("it does not say when it was made".to_owned()),
        Some(age) if age > limit => stale(format!(
            "{} old, at most {} allowed",
            crate::policy::show_duration(age),
            crate::policy::show_duration(limit)
        )),
        Some(_) => None,
    }
}

/// Whether a signer is one of the named identities of the version that applies, and the current
/// version lets that stand: whoever was ended or dropped since must not go on by naming a version
/// that did not know it.
pub(crate) fn match_any(
    policy: &Policy,
    current: &Policy,
    names: &[String],
    signer: &Identity,
    time: SignedTime,
    now: Timestamp,
) -> Matched {
    let mut best = Matched::No;
    for rule in rules(policy, names) {
        match rule.matches(signer, time, now) {
            Matched::Yes if policy.version == current.version => return Matched::Yes,
            Matched::Yes => return current.lets_stand(policy.version, signer, time, now),
            Matched::OutOfTime => best = Matched::OutOfTime,
            Matched::No => {}
        }
    }
    best
}

pub(crate) fn describe_identities(policy: &Policy, names: &[String]) -> String {
    let describe = |rule: &IdentityRule| format!("{} ({})", rule.describe(), rule.place());
    let texts: Vec<_> = rules(policy, names).map(describe).take(4).collect();
    texts.join(", ")
}

fn rules<'a>(policy: &'a Policy, names: &'a [String]) -> impl Iterator<Item = &'a IdentityRule> {
    names
        .iter()
        .filter_map(|name| policy.identities.get(name))
        .flatten()
}

/// Says why an attestation was not verified.
pub(crate) fn refused(
    check: &'static str,
    refusal: &Refusal,
    manifest: Option<&Digest>,
) -> Finding {
    let code = match refusal {
        Refusal::Expired { .. } => Code::KeyExpired,
        Refusal::Invalid { .. } => Code::SignatureInvalid,
        Refusal::Malformed { .. } => Code::StatementUnusable,
        Refusal::OtherDocument { .. } => Code::DocumentMismatch,
        Refusal::OtherSubject { .. } => Code::SubjectMismatch,
        Refusal::Revoked { .. } => Code::Revoked,
        Refusal::Unavailable { .. } => Code::EvidenceIncomplete,
        Refusal::Later { .. } => Code::TooLate,
        Refusal::Unrecorded { .. } => Code::RecordsMissing,
        Refusal::Untrusted { .. } => Code::SignerUntrusted,
    };
    let finding = Finding::new(code, check, refusal.to_string()).at(manifest, "");
    match refusal {
        Refusal::Unavailable { .. } => {
            finding.hint("if you have it, name it: bulla verify --document FILE …")
        }
        _ => finding,
    }
}

pub(crate) fn show_digests(digests: &[Digest]) -> String {
    digests
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The first digests of a set.
pub(crate) fn show_set(set: &SubjectSet) -> String {
    let first: Vec<_> = set.iter().take(SHOWN).cloned().collect();
    match set.len().saturating_sub(SHOWN) {
        0 => show_digests(&first),
        more => format!("{} and {more} more", show_digests(&first)),
    }
}

/// How many digests of a set are shown.
const SHOWN: usize = 8;

pub(crate) fn show_subjects(statement: &Statement) -> String {
    let digests = statement
        .subjects()
        .iter()
        .filter_map(|subject| subject.digest.sha256());
    digests
        .take(4)
        .map(|digest| digest.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
