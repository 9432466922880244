//! Reviews: a second look at a promotion that went around the normal gates, by somebody who had no
//! hand in it. Judged at every moment, not only when the step was taken.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::review::ReviewOutcome;
use bulla_model::predicate::{Predicate as _, Promotion, Review};
use bulla_model::{Digest, Identity, Person};

use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::judge_time;
use crate::policy::{Actor, ReviewRule};
use crate::question::Context;
use crate::require::{approvals, failed};
use crate::step_review::{ReviewState, StepReview};
use crate::verdict::{Finding, Outcome, Report, Severity};
use crate::verified::{SignedTime, Verified};

pub(crate) const CHECK: &str = "review";

/// Who had a hand in a promotion.
pub(crate) struct Involved {
    persons: BTreeSet<Person>,
    /// A requester nobody knows may be anybody.
    unknown: Option<String>,
}

impl Involved {
    /// Whoever signed it, this copy or another, and whoever approved it.
    pub(crate) fn in_promotion(context: &Context<'_>, promotion: &Verified<Promotion>) -> Self {
        let edge = &promotion.value().edge;
        let mut persons = approvals::approvers(context, edge, promotion.subjects());
        let (signer, now) = (promotion.signer(), context.question.now);
        let people = &context.question.policy.people;
        let candidates = context.candidates.iter();
        let copies = candidates
            .filter_map(|candidate| candidate.outcome().ok().or(candidate.voided.as_ref()))
            .filter(|one| one.payload() == promotion.payload());
        persons.extend(copies.flat_map(|one| people.at_any_time(one.signer())));
        let unknown = match people.actor(signer, promotion.time(), now) {
            Actor::Person(person) => {
                persons.insert(person);
                None
            }
            Actor::Machine(_) => None,
            Actor::OutOfTime | Actor::Unknown => Some(signer.to_string()),
        };
        Self { persons, unknown }
    }
}

/// Whether this signer may review; the finding says why not.
pub(crate) fn judge_reviewer(
    context: &Context<'_>,
    rule: &ReviewRule,
    involved: &Involved,
    reviewer: &Identity,
    time: SignedTime,
) -> Result<Person, Finding> {
    let people = &context.question.policy.people;
    let person = match people.actor(reviewer, time, context.question.now) {
        Actor::Person(person) if people.holds_one_of(&person, &rule.roles) => person,
        Actor::Person(person) => {
            let roles: Vec<_> = rule.roles.iter().map(ToString::to_string).collect();
            let message = format!("{person} holds none of the roles asked for");
            let finding = Finding::new(Code::ReviewerUnknown, CHECK, message);
            return Err(finding.expected(roles.join(", ")).place(&rule.place));
        }
        Actor::Machine(_) | Actor::OutOfTime | Actor::Unknown => {
            let message = "the reviewer is no person the policy knows";
            let finding = Finding::new(Code::ReviewerUnknown, CHECK, message)
                .found(reviewer.to_string())
                .severity(Severity::Note);
            return Err(finding);
        }
    };
    if let Some(requester) = &involved.unknown {
        let message = "nobody can review: who promoted it maps to no person";
        return Err(Finding::new(Code::SeparationUnknown, CHECK, message)
            .found(requester.clone())
            .hint("add the identity to people.yaml, under `people` or `machines`"));
    }
    if involved.persons.contains(&person) {
        let message = format!("{person} promoted or approved what is to be reviewed");
        let finding = Finding::new(Code::ReviewerInvolved, CHECK, message);
        return Err(finding.place(&rule.place));
    }
    Ok(person)
}

/// Who rejects it by this signature: of a no neither the time is asked, nor whether the key is over
/// by now. What speaks against an emergency does not lapse.
fn opponent(
    context: &Context<'_>,
    rule: &ReviewRule,
    involved: &Involved,
    signer: &Identity,
) -> Option<Person> {
    let people = &context.question.policy.people;
    let mut persons = people.at_any_time(signer).into_iter();
    persons.find(|person| {
        people.holds_one_of(person, &rule.roles) && !involved.persons.contains(person)
    })
}

/// What the reviews of a promotion that count came to.
#[derive(Default)]
struct Heard {
    accepted: Option<Person>,
    rejected: Option<(Person, Option<Digest>)>,
    /// One that cannot be read, of somebody who could reject.
    unusable: Option<Finding>,
    /// What is to be said about those that do not count.
    notes: Vec<Finding>,
}

impl Heard {
    fn of(context: &Context<'_>, promotion: &Verified<Promotion>, rule: &ReviewRule) -> Self {
        let involved = Involved::in_promotion(context, promotion);
        let mut heard = Self::default();
        // The same may be attached many times, which is no more to be said.
        let mut told = BTreeSet::new();
        for review in reviews(context, promotion) {
            if review.value().outcome != ReviewOutcome::Accepted
                && let Some(person) = opponent(context, rule, &involved, review.signer())
            {
                let rejection = (person, review.manifest().cloned());
                heard.rejected = heard.rejected.or(Some(rejection));
                continue;
            }
            match judge_one(context, rule, &involved, &review) {
                Ok(person) => heard.accepted = heard.accepted.or(Some(person)),
                Err(finding) => {
                    let (payload, signer) = (review.payload().clone(), review.signer().clone());
                    if !told.insert((payload, signer, finding.code)) {
                        continue;
                    }
                    let severity = finding.severity.max(Severity::Warning);
                    let note = finding.at(review.manifest(), "").severity(severity);
                    heard.notes.push(note);
                }
            }
        }
        heard.unusable = unusable(context, promotion, rule, &involved);
        heard
    }

    fn state(&self, due: Timestamp, now: Timestamp) -> ReviewState {
        match (&self.rejected, &self.accepted) {
            (Some(_), _) => ReviewState::Rejected,
            (None, Some(_)) => ReviewState::Accepted,
            (None, None) if now <= due => ReviewState::Open,
            (None, None) => ReviewState::Overdue,
        }
    }
}

/// Says whether the promotion was reviewed, has still time, or is overdue.
pub(super) fn judge(
    context: &Context<'_>,
    promotion: &Verified<Promotion>,
    at: Timestamp,
    rule: &ReviewRule,
    report: &mut Report,
) -> StepReview {
    let due = at.saturating_add(rule.within).unwrap_or(Timestamp::MAX);
    let mut heard = Heard::of(context, promotion, rule);
    let state = heard.state(due, context.question.now);
    if let Some((person, manifest)) = heard.rejected.take() {
        let message = format!("{person} found that it was wrong to go around the gates");
        let finding = Finding::new(Code::ReviewRejected, CHECK, message)
            .at(manifest.as_ref(), "/predicate/outcome");
        if rule.overdue_denies {
            report.findings.push(finding);
            let outcome = Outcome::Failed(Cause::Denied);
            checked(report, rule, outcome, format!("rejected by {person}"));
            return StepReview { due, state };
        }
        report.findings.push(finding.severity(Severity::Warning));
    }
    if let Some(finding) = heard.unusable.take() {
        if rule.overdue_denies {
            report.findings.push(finding);
            let outcome = Outcome::Failed(Cause::Undetermined);
            checked(report, rule, outcome, "a review cannot be read".to_owned());
            return StepReview { due, state };
        }
        report.findings.push(finding.severity(Severity::Warning));
    }
    judge_deadline(context, promotion, (due, rule), heard, report);
    StepReview { due, state }
}

/// What follows where a rejection is none, or denies nothing.
fn judge_deadline(
    context: &Context<'_>,
    promotion: &Verified<Promotion>,
    (due, rule): (Timestamp, &ReviewRule),
    mut heard: Heard,
    report: &mut Report,
) {
    // That nobody rejected it cannot be known while something may be missing.
    let fine = if rule.overdue_denies && context.question.evidence.is_incomplete() {
        Outcome::Failed(Cause::Undetermined)
    } else {
        Outcome::Ok
    };
    if let Some(person) = heard.accepted {
        checked(report, rule, fine, format!("accepted by {person}"));
        return;
    }
    report.findings.append(&mut heard.notes);
    if context.question.now <= due {
        if rule.overdue_denies {
            report.holds_until(due);
        }
        checked(report, rule, fine, format!("due until {due}"));
        return;
    }
    overdue(context, promotion, due, rule, report);
}

fn overdue(
    context: &Context<'_>,
    promotion: &Verified<Promotion>,
    due: Timestamp,
    rule: &ReviewRule,
    report: &mut Report,
) {
    let kind = promotion.value().edge.kind;
    let message = format!("the {kind} should have been reviewed until {due}");
    let finding = Finding::new(Code::ReviewOverdue, CHECK, message)
        .at(promotion.manifest(), "")
        .place(&rule.place)
        .hint(context.command(
            (None, promotion.subjects()),
            (
                "review",
                format!(
                    "--promotion {} --outcome accepted --key KEY",
                    promotion.payload()
                ),
            ),
        ));
    if !rule.overdue_denies {
        report.findings.push(finding.severity(Severity::Warning));
        return;
    }
    report.findings.push(finding);
    let outcome = failed(context, Cause::Denied);
    checked(report, rule, outcome, format!("overdue since {due}"));
}

fn checked(report: &mut Report, rule: &ReviewRule, outcome: Outcome, summary: String) {
    report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
}

/// Verified reviews of this promotion. What names another one is about something else.
fn reviews(context: &Context<'_>, promotion: &Verified<Promotion>) -> Vec<Verified<Review>> {
    let written = context.candidates.iter().filter(|candidate| {
        let kind = candidate.claimed_type();
        kind.is_some_and(|kind| Review::TYPES.contains(&kind.as_str()))
    });
    let read = written
        .filter_map(|candidate| candidate.outcome().ok()?.predicate::<Review>().ok())
        .filter(|review| {
            review.value().promotion == *promotion.payload()
                && review.subjects() == promotion.subjects()
        });
    read.collect()
}

/// A review of these subjects that cannot be read, by somebody who could reject: it may be a no, to
/// this promotion.
fn unusable(
    context: &Context<'_>,
    promotion: &Verified<Promotion>,
    rule: &ReviewRule,
    involved: &Involved,
) -> Option<Finding> {
    context.candidates.iter().find_map(|candidate| {
        // What is no review is not looked at: everybody may attach as much of it as they like.
        let kind = candidate.claimed_type()?;
        if !Review::TYPES.contains(&kind.as_str()) {
            return None;
        }
        let review = candidate.outcome().ok()?;
        let error = review.predicate::<Review>().err()?;
        if review.subjects() != promotion.subjects() {
            return None;
        }
        opponent(context, rule, involved, review.signer())?;
        let finding = Finding::new(Code::StatementUnusable, CHECK, error.to_string());
        Some(finding.at(review.manifest(), "/predicate"))
    })
}

fn judge_one(
    context: &Context<'_>,
    rule: &ReviewRule,
    involved: &Involved,
    review: &Verified<Review>,
) -> Result<Person, Finding> {
    let now = context.question.now;
    let person = judge_reviewer(context, rule, involved, review.signer(), review.time())?;
    match judge_time(review.time(), true, context.tier_rule, now, now, None) {
        None => Ok(person),
        Some((_, code, message)) => Err(Finding::new(code, CHECK, message)),
    }
}
