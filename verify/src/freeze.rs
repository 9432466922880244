//! Freezes: whether a step was held up when it was taken, or is now.
//!
//! A step is judged once, by the calendar that was there then. What was promoted before a freeze began,
//! or before its calendar was there, stays.

use std::collections::BTreeSet;

use bulla_model::predicate::freeze::{Window, WindowKind};
use bulla_model::{EdgeKind, Person};

use crate::calendar::{AskedStep, Budget, Hold};
use crate::cause::Cause;
use crate::code::Code;
use crate::ledger::{Applying, Calendar, Moment};
use crate::policy::{ApprovalsRule, Exclusion, FreezesRule, Requirements};
use crate::question::Context;
use crate::require::{StepAtHand, approvals, failed};
use crate::typed;
use crate::verdict::{Finding, Outcome, Report};

const CHECK: &str = "freeze";

/// Whether the step was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is in a chain.
    Already,
    /// It is about to be taken: then waiting may help.
    NotYet,
}

/// What one calendar says of the step.
enum Answer {
    Free(String, BTreeSet<Person>),
    Held(Box<Finding>, Outcome, String),
    Unknown(Box<Finding>),
}

/// What all that may have been in force says of the step together.
struct Told {
    outcome: Outcome,
    summary: String,
    findings: Vec<Finding>,
    persons: BTreeSet<Person>,
}

impl Told {
    fn failed(cause: Cause, summary: &str, findings: Vec<Finding>) -> Self {
        Self {
            outcome: Outcome::Failed(cause),
            summary: summary.to_owned(),
            findings,
            persons: BTreeSet::new(),
        }
    }
}

struct Asking<'a> {
    context: &'a Context<'a>,
    step: &'a StepAtHand<'a>,
    requirements: &'a [&'a Requirements],
    rule: &'a FreezesRule,
    taken: Taken,
}

/// Judges the step, if the version of the policy that it was taken under asks for a calendar.
pub(crate) fn judge(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    requirements: &[&Requirements],
    taken: Taken,
    report: &mut Report,
) {
    let Some(rule) = context.policy.freezes() else {
        return;
    };
    let asking = Asking {
        context,
        step,
        requirements,
        rule,
        taken,
    };
    let mut told = asking.told(&context.calendars.at(asking.moment()));
    if taken == Taken::NotYet && told.outcome == Outcome::Ok {
        told = asking.unsettled().unwrap_or(told);
    }
    report.findings.append(&mut told.findings);
    report.persons.append(&mut told.persons);
    report.check(CHECK, told.outcome, told.summary).place = Some(rule.place.clone());
}

fn equivocation(one: &Calendar, other: &Calendar) -> Finding {
    let message = format!("there are two of {}", one.name());
    Finding::new(Code::FreezeEquivocation, CHECK, message)
        .found(format!("{} and {}", one.payload, other.payload))
        .at(one.manifest.as_ref(), "/predicate/serial")
        .hint("the release owner writes the next one: bulla freeze renew")
}

fn unproven(calendar: &Calendar) -> Finding {
    let message = format!(
        "whether {} was there when the step was taken cannot be told",
        calendar.name()
    );
    Finding::new(Code::FreezeUnknown, CHECK, message)
        .found(calendar.payload.to_string())
        .at(calendar.manifest.as_ref(), "/predicate/issuedAt")
        .hint("calendars need a timestamp or a checkpoint that lists them, and a key that is valid")
}

fn unusable(calendar: &Calendar, because: &dyn std::fmt::Display) -> Answer {
    let message = format!("{} cannot be used: {because}", calendar.name());
    let finding = Finding::new(Code::FreezeUnknown, CHECK, message)
        .found(calendar.payload.to_string())
        .at(calendar.manifest.as_ref(), "/predicate")
        .hint("use a version of bulla that understands it, or let the release owner write another");
    Answer::Unknown(Box::new(finding))
}

impl Asking<'_> {
    fn moment(&self) -> Moment {
        Moment {
            at: self.step.at,
            is_now: self.taken == Taken::NotYet,
            claims: self.context.tier_rule.claimed_time,
        }
    }

    fn told(&self, applying: &Applying<'_>) -> Told {
        if let Some((one, other)) = applying.twins {
            let findings = vec![equivocation(one, other)];
            return Told::failed(Cause::Denied, "two of one serial", findings);
        }
        let (answers, unknown) = self.all(applying);
        if !unknown.is_empty() {
            return Told::failed(Cause::Undetermined, "not known", unknown);
        }
        let (outcome, summary, finding, persons) = match answers.into_iter().next() {
            Some(Answer::Held(finding, outcome, summary)) => {
                (outcome, summary, Some(*finding), BTreeSet::new())
            }
            Some(Answer::Free(summary, persons)) => (Outcome::Ok, summary, None, persons),
            Some(Answer::Unknown(_)) | None => {
                (Outcome::Ok, "no calendar".to_owned(), None, BTreeSet::new())
            }
        };
        Told {
            outcome,
            summary,
            findings: finding.into_iter().collect(),
            persons,
        }
    }

    /// A step that everything at hand lets through, but that would be refused, or be open, when it is
    /// verified later: not all that is at hand will be known to have been there.
    fn unsettled(&self) -> Option<Told> {
        let calendars = self.context.calendars;
        let now = self.moment();
        // What is of this second was not there before the next one.
        let next = now.at.saturating_add(jiff::SignedDuration::from_secs(1));
        let is_settled = [now.at, next.unwrap_or(now.at)].into_iter().all(|at| {
            let is_now = false;
            let later = calendars.at(Moment { at, is_now, ..now });
            self.told(&later).outcome == Outcome::Ok
        });
        let applying = calendars.at(now);
        let calendar = applying.calendars.last().filter(|_| !is_settled)?;
        let word = calendar
            .said
            .as_ref()
            .ok()
            .map(|said| said.value().issued_at);
        let hint = match word.filter(|word| *word >= now.at) {
            Some(word) => format!("wait until {word} is past, then try again"),
            None => format!(
                "let the ledger's owner list it: bulla checkpoint {}",
                bulla_model::Scope::ledger_of(&self.step.edge.to.uri)
            ),
        };
        let message = format!(
            "{} lets the step through, and nobody could tell later that it was there by now",
            calendar.name()
        );
        let finding = Finding::new(Code::FreezeUnknown, CHECK, message)
            .found(calendar.payload.to_string())
            .at(calendar.manifest.as_ref(), "/predicate/issuedAt")
            .hint(hint);
        Some(Told::failed(
            Cause::Undetermined,
            "not known",
            vec![finding],
        ))
    }

    /// What each of those says that may have been in force, the newest first, and what is not known.
    fn all(&self, applying: &Applying<'_>) -> (Vec<Answer>, Vec<Finding>) {
        let doubts = applying.doubts.iter().map(|(doubt, manifest)| {
            Finding::new(Code::FreezeUnknown, CHECK, doubt.clone())
                .at(manifest.as_ref(), "/predicate")
                .hint("the registry hides it, or the ledger is kept elsewhere: --ledger PLACE")
        });
        let mut unknown: Vec<Finding> = doubts.collect();
        let mut answers = Vec::new();
        for calendar in applying.calendars.iter().rev() {
            if (self.context.question.cancelled)() {
                let message = "the deadline came before every calendar was looked at";
                let finding = Finding::new(Code::FreezeUnknown, CHECK, message);
                unknown.push(finding.hint("raise --timeout"));
                break;
            }
            match self.one(calendar) {
                Answer::Unknown(finding) => unknown.push(*finding),
                answer => answers.push(answer),
            }
        }
        if applying.none {
            answers.push(Answer::Free("no calendar".to_owned(), BTreeSet::new()));
        }
        let is_free = |answer: &Answer| matches!(answer, Answer::Free(..));
        let differ = answers.iter().any(is_free) && !answers.iter().all(is_free);
        if let Some(calendar) = applying.calendars.last().filter(|_| differ) {
            unknown.push(unproven(calendar));
        }
        (answers, unknown)
    }

    fn one(&self, calendar: &Calendar) -> Answer {
        let (at, edge) = (self.step.at, self.step.edge);
        let said = match &calendar.said {
            Ok(said) => said.value(),
            Err(because) => return unusable(calendar, because),
        };
        let budget = self.context.calendars.budget().part();
        let asked = AskedStep {
            environment: &edge.to.uri,
            service: Some(self.context.service),
            kind: edge.kind,
        };
        if at >= said.not_after {
            match asked.has_any(&said.windows, &budget) {
                Ok(true) => return self.expired(calendar, said.not_after),
                Ok(false) => {}
                Err(error) => return unusable(calendar, &error),
            }
        }
        match asked.held(&said.windows, at, &budget) {
            Err(error) => unusable(calendar, &error),
            Ok(Hold::Free) => {
                let summary = format!("not frozen, {}", calendar.name());
                Answer::Free(summary, BTreeSet::new())
            }
            Ok(Hold::Shut(holding)) => {
                let until = self.until(&asked, &said.windows, &budget);
                self.held(calendar, &holding, until.as_ref(), None)
            }
            Ok(Hold::Extra(extra, holding)) => match self.missing(extra) {
                Ok(persons) => {
                    let summary = format!("{extra} more approved it, {}", calendar.name());
                    Answer::Free(summary, persons)
                }
                Err(missing) => {
                    let until = self.until(&asked, &said.windows, &budget);
                    self.held(calendar, &holding, until.as_ref(), Some(missing))
                }
            },
        }
    }

    /// When a step that waits may go ahead, if that is near and does not take long to find.
    fn until(
        &self,
        asked: &AskedStep<'_>,
        windows: &[Window],
        budget: &Budget<'_>,
    ) -> Option<jiff::Zoned> {
        match self.taken {
            Taken::NotYet => asked.free_from(windows, self.step.at, budget).ok()?,
            Taken::Already => None,
        }
    }

    fn expired(&self, calendar: &Calendar, end: jiff::Timestamp) -> Answer {
        let message = format!("{} could be used until {end}", calendar.name());
        let finding = Finding::new(Code::FreezeExpired, CHECK, message)
            .found(calendar.payload.to_string())
            .place(&self.rule.place)
            .at(calendar.manifest.as_ref(), "/predicate/notAfter")
            .hint("let the release owner renew it: bulla freeze renew");
        let outcome = Outcome::Failed(Cause::Expired);
        Answer::Held(Box::new(finding), outcome, "over".to_owned())
    }

    /// Who approved, if they are as many more as a window asks for by each rule of the step; else how
    /// many are missing, and who could. A step that asks for no approvals is one that asks for none of
    /// anybody who had no hand in it.
    fn missing(&self, extra: u32) -> Result<BTreeSet<Person>, (usize, Vec<Person>)> {
        let own = self.requirements.iter();
        let mut rules: Vec<ApprovalsRule> = own
            .filter_map(|require| require.approvals.clone())
            .collect();
        if rules.is_empty() {
            rules.push(ApprovalsRule {
                threshold: 0,
                roles: Vec::new(),
                exclude: Exclusion::DEFAULT.to_vec(),
                max_age: None,
                place: self.rule.place.clone(),
            });
        }
        let mut persons = BTreeSet::new();
        for rule in &rules {
            let extra = usize::try_from(extra).unwrap_or(usize::MAX);
            let wanted = rule.threshold.saturating_add(extra);
            let (counted, able) = approvals::tally(self.context, self.step, rule);
            if counted.len() < wanted {
                return Err((wanted.saturating_sub(counted.len()), able));
            }
            persons.extend(counted);
        }
        Ok(persons)
    }

    fn hint(&self, until: Option<&jiff::Zoned>, missing: Option<&(usize, Vec<Person>)>) -> String {
        match (missing, self.taken, until) {
            (Some((count, able)), ..) => approvals::ask(self.context, self.step, *count, able),
            (None, Taken::NotYet, Some(until)) => {
                format!("wait until {}, then try again", local(until))
            }
            (None, Taken::NotYet, None) => "ask the release owner for another calendar".to_owned(),
            (None, Taken::Already, _) => format!(
                "take the step again outside of the freeze: {}",
                self.step
                    .command(self.context, typed::take(self.context, self.step.edge))
            ),
        }
    }

    fn held(
        &self,
        calendar: &Calendar,
        holding: &[&Window],
        until: Option<&jiff::Zoned>,
        missing: Option<(usize, Vec<Person>)>,
    ) -> Answer {
        let name = self.step.edge.to.uri.name();
        let window = holding.first().copied();
        let is_open = window.is_some_and(|window| window.kind == WindowKind::Open);
        let reason = window.map_or_else(String::new, reason);
        let what = match (self.taken, is_open) {
            (Taken::Already, false) => format!("{name} was frozen when the step was taken"),
            (Taken::Already, true) => {
                format!("the step into {name} was taken outside of its open windows")
            }
            (Taken::NotYet, false) => format!("{name} is frozen"),
            (Taken::NotYet, true) => format!("{name} is outside of its open windows"),
        };
        let end = until.map_or_else(String::new, |until| format!(" until {}", local(until)));
        let mut finding = Finding::new(Code::Frozen, CHECK, format!("{what}{end}: {reason}"))
            .expected(expected(holding))
            .found(format!("{} at {}", self.step.edge.kind, self.step.at))
            .place(&self.rule.place)
            .at(calendar.manifest.as_ref(), "/predicate/windows");
        let cause = match self.taken {
            Taken::Already => Cause::Denied,
            Taken::NotYet => Cause::NotYet,
        };
        finding = finding.hint(self.hint(until, missing.as_ref()));
        // More approvals may be in what could not be had; whether a window is closed is not.
        let outcome = match missing {
            Some((_, able)) => {
                finding = finding.waits_for(able);
                failed(self.context, cause)
            }
            None => Outcome::Failed(cause),
        };
        let summary = format!("frozen, {}", calendar.name());
        Answer::Held(Box::new(finding), outcome, summary)
    }
}

/// A time as people read it: RFC 3339, and the zone whose clock it is by.
fn local(time: &jiff::Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z %Q").to_string()
}

/// Why, in its owner's words, cut short.
fn reason(window: &Window) -> String {
    let reason: String = window.reason.chars().take(200).collect();
    reason.escape_debug().to_string()
}

/// What would have gone ahead.
fn expected(holding: &[&Window]) -> String {
    let exempt = |kind: &EdgeKind| holding.iter().all(|one| one.exempt_kinds.contains(kind));
    let mut kinds: Vec<EdgeKind> = holding
        .iter()
        .flat_map(|window| window.exempt_kinds.iter().copied())
        .filter(exempt)
        .collect();
    kinds.sort();
    kinds.dedup();
    let extra: Option<Vec<u32>> = holding.iter().map(|one| one.extra_approvals).collect();
    let extra = extra.and_then(|extra| extra.into_iter().max());
    let mut parts: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    parts.extend(extra.map(|extra| format!("{extra} more approved than the step asks for")));
    if parts.is_empty() {
        parts.push("no step".to_owned());
    }
    parts.join(", or ")
}
