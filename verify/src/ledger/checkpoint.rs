//! The newest checkpoint, compared with what was seen, the policy and the clock.

use jiff::SignedDuration;

use bulla_model::Scope;
use bulla_model::predicate::Checkpoint;
use bulla_model::predicate::checkpoint::PolicyMinimum;

use super::checkpoints::{Checkpoints, Unreadable};
use super::{Purpose, SeenCheckpoint};
use crate::cause::Cause;
use crate::code::Code;
use crate::policy::{EnvironmentRule, Freshness, show_duration};
use crate::question::Question;
use crate::state::Memory;
use crate::verdict::{Finding, Outcome, Report, Severity};
use crate::verified::Verified;

const CHECK: &str = "freshness";

/// Judges the newest one; answers it if it counts. What an environment does not demand cannot be
/// missed, but what is there, or was seen before, is believed in any case.
pub(super) fn judge(
    question: &Question<'_>,
    rule: &EnvironmentRule,
    purpose: Purpose,
    scope: &Scope,
    found: Checkpoints,
    report: &mut Report,
) -> Option<Verified<Checkpoint>> {
    if rule.freshness == Freshness::None {
        let message =
            "nothing proves that nothing was revoked: the environment demands no freshness";
        let finding = Finding::new(Code::RevocationsUnproven, CHECK, message);
        report.findings.push(finding.severity(Severity::Warning));
    }
    for one in found.open() {
        unreadable(one, report);
    }
    let mut newest_first = found.readable.into_iter();
    let Some(newest) = newest_first.next() else {
        missing(question, rule, scope, report);
        return None;
    };
    let seen = SeenCheckpoint {
        scope: scope.clone(),
        serial: newest.value().serial,
        payload: newest.payload().clone(),
    };
    if let Some(twin) = newest_first
        .next()
        .filter(|twin| twin.value().serial == seen.serial)
    {
        equivocation(
            &seen,
            &format!("{} and {}", seen.payload, twin.payload()),
            report,
        );
    } else if remembered(question, &newest, &seen, report) {
        report.checkpoint = Some(seen);
    }
    policy(question, &newest, report);
    age(question, rule, purpose, &newest, report);
    Some(newest)
}

fn fail(finding: Finding, cause: Cause, summary: &str, report: &mut Report) {
    report.findings.push(finding);
    report.check(CHECK, Outcome::Failed(cause), summary);
}

/// What follows from a checkpoint that is not there. Where not all of the ledger could be read, it
/// may be in the rest.
fn absent(question: &Question<'_>) -> Cause {
    if question.evidence.ledger.unavailable.is_empty() {
        Cause::Expired
    } else {
        Cause::Undetermined
    }
}

/// The owner signed it, so what it says is in force, whatever that is.
fn unreadable(one: &Unreadable, report: &mut Report) {
    let message = format!(
        "the ledger's owner signed a checkpoint that this version cannot read: {}",
        one.because
    );
    let finding = Finding::new(Code::CheckpointUnknown, CHECK, message)
        .found(one.payload.to_string())
        .at(one.manifest.as_ref(), "/predicate")
        .hint("use a version of bulla that understands it");
    fail(finding, Cause::Undetermined, "not understood", report);
}

fn missing(question: &Question<'_>, rule: &EnvironmentRule, scope: &Scope, report: &mut Report) {
    let seen = question
        .state
        .and_then(|state| state.last_checkpoint(scope));
    let keeps = question.anchor.and_then(|anchor| anchor.ledger());
    let hint = if keeps.is_none() {
        "name the owner of the ledger in the anchor, `ledger: {by: [...]}`".to_owned()
    } else {
        format!("let the ledger's owner write one: bulla checkpoint {scope}")
    };
    // Also where nothing is demanded: to hide all of them would hide the last one too.
    if let Some(seen) = seen {
        let message = format!(
            "checkpoint {} was seen before, and none is there now",
            seen.serial
        );
        let finding = Finding::new(Code::CheckpointRollback, CHECK, message)
            .expected(format!("serial {} or later", seen.serial))
            .hint(hint);
        fail(finding, absent(question), "none any more", report);
        return;
    }
    if rule.freshness == Freshness::None {
        return;
    }
    let message = format!("no checkpoint proves what is revoked for {}", question.name);
    let hint = if keeps.is_none() {
        format!(
            "{hint}; or set `freshness: none` for the environment to decide without checkpoints"
        )
    } else {
        hint
    };
    let finding = Finding::new(Code::FreshnessUnproven, CHECK, message).hint(hint);
    fail(finding, Cause::Undetermined, "no checkpoint", report);
}

fn equivocation(seen: &SeenCheckpoint, what: &str, report: &mut Report) {
    let message = format!("there are two checkpoints with serial {}", seen.serial);
    let finding = Finding::new(Code::CheckpointEquivocation, CHECK, message)
        .found(what.to_owned())
        .hint(format!(
            "the ledger's owner writes the next one: bulla checkpoint {}",
            seen.scope
        ));
    fail(finding, Cause::Denied, "two of one serial", report);
}

/// Whether it may be remembered.
fn remembered(
    question: &Question<'_>,
    newest: &Verified<Checkpoint>,
    seen: &SeenCheckpoint,
    report: &mut Report,
) -> bool {
    let Some(state) = question.state else {
        return true;
    };
    match state.compare_checkpoint(seen) {
        Memory::Fine => {
            let before = state.last_checkpoint(&seen.scope);
            let twin = before.filter(|before| !before.may_precede(newest.value()));
            let Some(before) = twin else { return true };
            let message = format!(
                "checkpoint {} follows another one than was seen",
                seen.serial
            );
            let previous = newest.value().previous.as_ref();
            let finding = Finding::new(Code::CheckpointEquivocation, CHECK, message)
                .expected(before.payload.to_string())
                .found(previous.map_or_else(|| "none".to_owned(), ToString::to_string))
                .at(newest.manifest(), "/predicate/previous")
                .hint(
                    "ask the ledger's owner which of the two is theirs, and who signed the other",
                );
            fail(finding, Cause::Denied, "another one before", report);
        }
        Memory::Older { seen: last } => {
            let message = "the newest checkpoint is older than one seen before";
            let finding = Finding::new(Code::CheckpointRollback, CHECK, message)
                .expected(format!("serial {last} or later"))
                .found(format!("serial {}", seen.serial));
            fail(
                finding,
                absent(question),
                "older than one seen before",
                report,
            );
        }
        Memory::Different { seen: other } => {
            equivocation(
                seen,
                &format!("{}, and before {other}", seen.payload),
                report,
            );
        }
    }
    false
}

/// What the ledger says of the policy's version.
fn policy(question: &Question<'_>, newest: &Verified<Checkpoint>, report: &mut Report) {
    let mut minimums = newest.value().policy_min.iter();
    let is_of_this = |one: &&PolicyMinimum| one.name == question.policy.name();
    let Some(minimum) = minimums.find(is_of_this) else {
        return;
    };
    let (version, digest) = (question.policy.version(), question.policy.digest());
    let (code, cause, message) = match version.cmp(&minimum.version) {
        std::cmp::Ordering::Less => (
            Code::PolicyRollback,
            Cause::Expired,
            "the policy is older than the checkpoint allows",
        ),
        std::cmp::Ordering::Equal if digest != minimum.digest => (
            Code::PolicyEquivocation,
            Cause::Denied,
            "the checkpoint knows this version of the policy with other content",
        ),
        _ => return,
    };
    let finding = Finding::new(code, CHECK, message)
        .expected(format!("version {} ({})", minimum.version, minimum.digest))
        .found(format!("version {version} ({digest})"))
        .at(newest.manifest(), "/predicate/policyMin");
    fail(finding, cause, "not the policy of the checkpoint", report);
}

fn age(
    question: &Question<'_>,
    rule: &EnvironmentRule,
    purpose: Purpose,
    newest: &Verified<Checkpoint>,
    report: &mut Report,
) {
    let Freshness::Within { promote, admit } = rule.freshness else {
        return;
    };
    let (now, said) = (question.now, newest.value());
    let issued = newest.time().not_older_than();
    // Clocks of owners may run a little ahead.
    let age = issued.map(|issued| now.duration_since(issued).max(SignedDuration::ZERO));
    let limit = match purpose {
        Purpose::Admit => admit.max(promote),
        Purpose::Promote => promote,
    };
    let stale = |message: String, pointer: &'static str| {
        Finding::new(Code::CheckpointStale, CHECK, message)
            .place(&rule.place)
            .at(newest.manifest(), pointer)
            .hint(format!(
                "let the ledger's owner renew it: bulla checkpoint {}",
                said.scope
            ))
    };
    let name = format!("checkpoint {}", said.serial);
    let Some(age) = age.filter(|age| *age <= limit && now < said.not_after) else {
        let message = match age {
            _ if now >= said.not_after => format!("{name} ended at {}", said.not_after),
            Some(age) => format!(
                "{name} is {} old, at most {} allowed",
                show_duration(age),
                show_duration(limit)
            ),
            None => format!("{name} does not say how old it is"),
        };
        let finding = stale(message, "/predicate/issuedAt");
        fail(finding, absent(question), "stale", report);
        return;
    };
    let until = issued.and_then(|issued| issued.checked_add(limit).ok());
    report.holds_until(until.map_or(said.not_after, |until| until.min(said.not_after)));
    let summary = format!("{name}, {} old", show_duration(age));
    report.check(CHECK, Outcome::Ok, summary).place = Some(rule.place.clone());
    if age > promote {
        let message = format!(
            "{name} is {} old: nothing could be promoted with it",
            show_duration(age)
        );
        let finding = stale(message, "/predicate/issuedAt");
        report.findings.push(finding.severity(Severity::Warning));
    }
}
