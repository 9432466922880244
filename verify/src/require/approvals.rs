//! Approvals: distinct persons, none of whom had a hand in the release.

use std::collections::BTreeSet;

use bulla_model::predicate::approval::ApprovalDecision;
use bulla_model::predicate::{Approval, Predicate as _};
use bulla_model::{Edge, Person, SubjectSet};

use crate::anchor::Anchor;
use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::{judge_time, refused, show_set};
use crate::question::Context;
use crate::relay::RelayRule;
use crate::require::{StepAtHand, failed};
use crate::typed;
use crate::verdict::{Finding, Outcome, Report, Severity};
use crate::verified::{Verified, best_copies};

mod excluded;
mod relayed;
mod rule;
mod speaker;

use excluded::{Excluded, excluded};
use relayed::Relayed;
pub use rule::{ApprovalsRule, Exclusion};
use speaker::{Speaker, speaker};

const CHECK: &str = "approvals";

/// What the approvals at hand come to.
struct Counted {
    persons: BTreeSet<Person>,
    excluded: Excluded,
    notes: Vec<Finding>,
    definite: Vec<Cause>,
}

fn count(context: &Context<'_>, step: &StepAtHand<'_>, rule: &ApprovalsRule) -> Counted {
    let excluded = excluded(context, step, rule);
    let mut counted: BTreeSet<Person> = BTreeSet::new();
    let mut counting = BTreeSet::new();
    let mut notes = Vec::new();
    let mut definite = Vec::new();
    let is_approval = |candidate: &&Candidate| {
        let kind = candidate.claimed_type();
        kind.is_some_and(|kind| Approval::TYPES.contains(&kind.as_str()))
    };
    let candidates = context.candidates.iter().filter(is_approval);
    let mut best: Vec<_> = candidates
        .clone()
        .filter_map(|c| c.outcome().ok())
        .collect();
    best_copies(&mut best);
    for candidate in candidates {
        let judged = match candidate.outcome() {
            Err(refusal) => {
                let finding = refused(CHECK, refusal, candidate.manifest());
                let voided = candidate.voided.as_ref();
                let voided = voided.and_then(|statement| statement.predicate::<Approval>().ok());
                // Only one that would have counted is missed.
                let otherwise =
                    voided.and_then(|one| judge_one(context, step, rule, &excluded, &one).err());
                Err(Refused::junk(
                    otherwise.map_or(finding, |refused| refused.finding),
                ))
            }
            Ok(statement) => match statement.predicate::<Approval>() {
                Ok(approval) => judge_one(context, step, rule, &excluded, &approval),
                Err(error) => Err(Refused::junk(Finding::new(
                    Code::StatementUnusable,
                    CHECK,
                    error.to_string(),
                ))),
            },
        };
        match judged {
            Ok(person) => {
                let key = candidate.outcome().ok();
                counting.extend(key.map(|one| (one.payload(), one.signer())));
                counted.insert(person);
            }
            Err(refused) => {
                // Whoever copies an approval with another record, or none, changes no answer.
                let own = candidate.outcome().ok();
                let own = own.filter(|one| best.iter().any(|best| std::ptr::eq(*best, *one)));
                let key = own.map(|one| (one.payload(), one.signer()));
                definite.extend(key.zip(refused.cause));
                notes.push(refused.finding.at(candidate.manifest(), refused.pointer));
            }
        }
    }
    definite.retain(|(key, _)| !counting.contains(key));
    Counted {
        persons: counted,
        excluded,
        notes,
        definite: definite.into_iter().map(|(_, cause)| cause).collect(),
    }
}

/// Who approved, by a rule, and who else could; nobody if that cannot be known.
pub(crate) fn tally(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &ApprovalsRule,
) -> (BTreeSet<Person>, Vec<Person>) {
    let Counted {
        persons, excluded, ..
    } = count(context, step, rule);
    if excluded.unknown.is_some() {
        return (BTreeSet::new(), Vec::new());
    }
    let able = able(context, rule, &excluded, &persons);
    (persons, able)
}

fn judge(context: &Context<'_>, step: &StepAtHand<'_>, rule: &ApprovalsRule, report: &mut Report) {
    let Counted {
        persons: counted,
        excluded,
        notes,
        definite,
    } = count(context, step, rule);
    let names: Vec<_> = counted.iter().map(ToString::to_string).collect();
    let summary = if names.is_empty() {
        format!("0 of {}", rule.threshold)
    } else {
        format!(
            "{} of {}: {}",
            counted.len(),
            rule.threshold,
            names.join(", ")
        )
    };
    let enough = counted.len() >= rule.threshold && excluded.unknown.is_none();
    report.findings.extend(notes.into_iter().map(|finding| {
        let severity = match (finding.code, enough) {
            (Code::ApprovalRejected, _) => Severity::Warning,
            (_, true) | (Code::SignatureInvalid | Code::StatementUnusable, _) => Severity::Note,
            (_, false) => finding.severity.max(Severity::Warning),
        };
        finding.severity(severity)
    }));
    if enough {
        report.check(CHECK, Outcome::Ok, summary).place = Some(rule.place.clone());
        report.persons.extend(counted);
        return;
    }
    let outcome = conclude(context, step, rule, &excluded, &counted, &definite, report);
    report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
}

/// Everybody who said yes to this step of these subjects, whether or not it counted or was taken back
/// since, and whether or not their key was valid then. Strangers are nobody.
pub(crate) fn approvers(
    context: &Context<'_>,
    edge: &Edge,
    subjects: Option<&SubjectSet>,
) -> BTreeSet<Person> {
    let approvals = context.candidates.iter().filter_map(|candidate| {
        let statement = candidate.outcome().ok().or(candidate.voided.as_ref());
        let approval = statement?.predicate::<Approval>().ok()?;
        let said = approval.value();
        let meant = said.edge == *edge && approval.subjects() == subjects;
        (meant && said.decision == ApprovalDecision::Approve).then_some(approval)
    });
    let people = &context.question.policy.people;
    let relays = context.question.anchor.map_or(&[][..], Anchor::relays);
    let persons = approvals.flat_map(|approval| {
        let mut persons = people.at_any_time(approval.signer());
        if let Some(said) = &approval.value().on_behalf_of {
            let is_own = |one: &RelayRule| {
                one.platform().as_str() == said.platform && one.is_ever(approval.signer())
            };
            let told = people.by_account(&said.platform, &said.account_id);
            persons.extend(
                told.filter(|_| relays.iter().any(is_own))
                    .map(|(person, _)| person.clone()),
            );
        }
        persons
    });
    persons.collect()
}

fn conclude(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &ApprovalsRule,
    excluded: &Excluded,
    counted: &BTreeSet<Person>,
    definite: &[Cause],
    report: &mut Report,
) -> Outcome {
    if let Some((exclusion, who)) = &excluded.unknown {
        let finding = Finding::new(
            Code::SeparationUnknown,
            CHECK,
            format!(
                "nobody can approve: who the {} is maps to no person",
                exclusion.name()
            ),
        )
        .found(who.clone())
        .place(&rule.place)
        .hint("add the identity to people.yaml, under `people` or `machines`");
        report.findings.insert(0, finding);
        return failed(context, Cause::Denied);
    }
    let able = able(context, rule, excluded, counted);
    let missing = rule.threshold.saturating_sub(counted.len());
    let message = format!("{} of {} approvals", counted.len(), rule.threshold);
    let finding = Finding::new(Code::ApprovalsMissing, CHECK, message)
        .place(&rule.place)
        .hint(ask(context, step, missing, &able))
        .waits_for(able);
    report.findings.insert(0, finding);
    // Approvals that trusted people gave and that do not count are a definite no; what anybody
    // could have pushed leaves the answer at "not yet".
    let cause = if definite.is_empty() {
        Cause::NotYet
    } else {
        Cause::best(definite.iter().copied())
    };
    failed(context, cause)
}

/// Whom to ask for approvals that are missing, and the command.
pub(crate) fn ask(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    missing: usize,
    able: &[Person],
) -> String {
    let names: Vec<String> = able.iter().map(ToString::to_string).collect();
    let names = if names.is_empty() {
        "but nobody else may approve".to_owned()
    } else {
        names.join(" or ")
    };
    format!(
        "ask {missing} more ({names}): bulla approve {} {}",
        step.release(context),
        typed::step(context, step.edge),
    )
}

/// Who else could approve.
fn able(
    context: &Context<'_>,
    rule: &ApprovalsRule,
    excluded: &Excluded,
    counted: &BTreeSet<Person>,
) -> Vec<Person> {
    let holders = context.question.policy.people.holders(&rule.roles);
    holders
        .into_iter()
        .filter(|person| !counted.contains(*person) && !excluded.persons.contains_key(*person))
        .cloned()
        .collect()
}

struct Refused {
    /// Set only if somebody the policy knows really signed it for this artifact.
    cause: Option<Cause>,
    finding: Finding,
    pointer: &'static str,
}

impl Refused {
    fn junk(finding: Finding) -> Self {
        Self {
            cause: None,
            finding,
            pointer: "",
        }
    }

    fn definite(cause: Cause, finding: Finding, pointer: &'static str) -> Self {
        Self {
            cause: Some(cause),
            finding,
            pointer,
        }
    }
}

fn judge_one(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &ApprovalsRule,
    excluded: &Excluded,
    approval: &Verified<Approval>,
) -> Result<Person, Refused> {
    let people = &context.question.policy.people;
    let who = speaker(context, approval)?;
    addressed(step, approval, &who)?;
    if approval.is_draft() && !context.tier_rule.draft_predicates {
        let message = format!("{who} approved by a statement of version 0");
        let finding = Finding::new(Code::DraftPredicate, CHECK, message);
        return Err(Refused::definite(Cause::Denied, finding, "/predicateType"));
    }
    bound(context, step, approval, &who)?;
    check_time(context, step, rule, approval)
        .map_err(|(cause, finding)| Refused::definite(cause, finding, "/predicate/issuedAt"))?;
    let person = match who {
        Speaker::Person(person) if approval.value().on_behalf_of.is_none() => person,
        Speaker::Person(person) => return Err(relayed::by_a_person(context, &person)),
        Speaker::Relay(relays, said) => {
            let relayed = Relayed {
                approval,
                said,
                relays,
            };
            relayed.person(context, step, rule, excluded)?
        }
    };
    if !people.holds_one_of(&person, &rule.roles) {
        let roles: Vec<_> = rule.roles.iter().map(ToString::to_string).collect();
        let message = format!("{person} holds none of the roles asked for");
        let finding =
            Finding::new(Code::ApproverUnknown, CHECK, message).expected(roles.join(", "));
        return Err(Refused::definite(Cause::Denied, finding, ""));
    }
    if let Some(exclusion) = excluded.persons.get(&person) {
        let (code, what) = exclusion.told();
        let finding = Finding::new(code, CHECK, format!("{person} approved too, but {what}"));
        return Err(Refused::definite(Cause::Denied, finding, ""));
    }
    Ok(person)
}

/// Whether it is a yes to this step for this artifact. Anything else is no refusal of the step:
/// whoever copies approvals about must not change the answer.
fn addressed(
    step: &StepAtHand<'_>,
    approval: &Verified<Approval>,
    who: &Speaker<'_>,
) -> Result<(), Refused> {
    let said = approval.value();
    if approval.subjects() != Some(step.subjects) {
        let message = format!("{who} approved another artifact");
        let finding = Finding::new(Code::SubjectMismatch, CHECK, message)
            .expected(show_set(step.subjects))
            .found(approval.subjects().map_or_else(String::new, show_set));
        return Err(Refused {
            cause: None,
            finding,
            pointer: "/subject",
        });
    }
    if said.edge != *step.edge {
        let message = format!("{who} approved another step");
        let finding = Finding::new(Code::ApprovalMismatch, CHECK, message)
            .expected(format!("{} ({})", step.edge, step.edge.kind))
            .found(format!("{} ({})", said.edge, said.edge.kind))
            .severity(Severity::Note);
        return Err(Refused {
            cause: None,
            finding,
            pointer: "/predicate/edge",
        });
    }
    if said.decision == ApprovalDecision::Reject {
        let message = format!("{who} rejected this step");
        let finding = Finding::new(Code::ApprovalRejected, CHECK, message);
        return Err(Refused {
            cause: None,
            finding,
            pointer: "/predicate/decision",
        });
    }
    Ok(())
}

/// Whether it was given for the release as it stands: service, policy, promotions before.
fn bound(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    approval: &Verified<Approval>,
    who: &Speaker<'_>,
) -> Result<(), Refused> {
    let said = approval.value();
    let mut previous = said.previous.clone();
    previous.sort();
    let (what, pointer) = if said.service != *context.service {
        ("service", "/predicate/service")
    } else if said.policy != *step.binding {
        ("policy", "/predicate/policy")
    } else if previous != step.previous {
        ("chain of promotions", "/predicate/previous")
    } else {
        return Ok(());
    };
    let message = format!("{who} approved under another {what}");
    let finding = Finding::new(Code::ApprovalMismatch, CHECK, message);
    Err(Refused::definite(Cause::Denied, finding, pointer))
}

fn check_time(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &ApprovalsRule,
    approval: &Verified<Approval>,
) -> Result<(), (Cause, Finding)> {
    let now = context.question.now;
    if let Some((cause, code, message)) = judge_time(
        approval.time(),
        true,
        context.tier_rule,
        step.at,
        now,
        rule.max_age,
    ) {
        return Err((cause, Finding::new(code, CHECK, message)));
    }
    if step.at >= approval.value().not_after {
        let message = format!(
            "the approval could be used until {}",
            approval.value().not_after
        );
        return Err((
            Cause::Expired,
            Finding::new(Code::StatementStale, CHECK, message),
        ));
    }
    Ok(())
}
