//! Change tickets that the promotion names. They are its signer's word: no tracker is asked.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use crate::cause::Cause;
use crate::code::Code;
use crate::pattern::Pattern;
use crate::policy::{Place, PolicyError, Scope, pattern};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand, any_of};
use crate::typed;
use crate::verdict::{Finding, Outcome, Report};

const CHECK: &str = "tickets";

/// Change tickets in the promotion.
#[derive(Clone, Debug)]
pub struct TicketsRule {
    /// What a ticket looks like; empty means any.
    pub patterns: Vec<Pattern>,
    /// How many different ones.
    pub min: usize,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    #[serde(default)]
    patterns: Vec<String>,
    #[serde(default)]
    regex: Vec<String>,
    #[serde(default)]
    min: Option<usize>,
}

impl Requirement for TicketsRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let min = wire.min.unwrap_or(1);
        if min == 0 {
            let reason = "`min` is 0: leave `tickets` out instead".to_owned();
            return Err(PolicyError::Rule { place, reason });
        }
        let mut patterns: Vec<_> = wire.patterns.iter().map(|text| pattern(text)).collect();
        for text in &wire.regex {
            match Pattern::regex_among(text, scope.patterns) {
                Ok(regex) => patterns.push(regex),
                Err(error) => {
                    let reason = format!("`regex`: {error}");
                    return Err(PolicyError::Rule { place, reason });
                }
            }
        }
        Ok(Self {
            patterns,
            min,
            place,
        })
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        judge(context, step, self, report);
    }
}

impl fmt::Display for TicketsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, place) = (self.min, &self.place);
        let like = any_of(&self.patterns, "anything");
        let tickets = if min == 1 { "ticket" } else { "tickets" };
        write!(
            f,
            "{min} {tickets} like {like} in the promotion   [{place}]"
        )
    }
}

impl TicketsRule {
    fn is_one(&self, ticket: &str) -> bool {
        let mut patterns = self.patterns.iter();
        self.patterns.is_empty() || patterns.any(|pattern| pattern.matches(ticket))
    }
}

fn judge(context: &Context<'_>, step: &StepAtHand<'_>, rule: &TicketsRule, report: &mut Report) {
    let named = step.tickets.unwrap_or_default();
    let found: BTreeSet<&str> = named
        .iter()
        .map(String::as_str)
        .filter(|ticket| rule.is_one(ticket))
        .collect();
    let texts: Vec<String> = found.iter().map(|ticket| shown(ticket)).collect();
    if found.len() >= rule.min {
        report.check(CHECK, Outcome::Ok, texts.join(", ")).place = Some(rule.place.clone());
        return;
    }
    let message = match step.tickets {
        Some(_) => "the promotion names too few change tickets",
        None => "the promotion will have to name a change ticket",
    };
    let found = named.iter().map(|ticket| shown(ticket)).take(8);
    let finding = Finding::new(Code::TicketMissing, CHECK, message)
        .expected(format!(
            "{} like {}",
            rule.min,
            any_of(&rule.patterns, "anything")
        ))
        .found(found.collect::<Vec<_>>().join(", "))
        .place(&rule.place)
        .hint(command(context, step));
    report.findings.push(finding);
    // The tickets are in the promotion itself, so nothing that may be missing could change them.
    // Before it is there, nobody has left anything out.
    let cause = match step.tickets {
        Some(_) => Cause::Denied,
        None => Cause::NotYet,
    };
    let summary = format!("{} of {}", texts.len(), rule.min);
    report.check(CHECK, Outcome::Failed(cause), summary).place = Some(rule.place.clone());
}

fn command(context: &Context<'_>, step: &StepAtHand<'_>) -> String {
    let (verb, rest) = typed::take(context, step.edge);
    step.command(context, (verb, format!("{rest} --ticket TICKET")))
}

fn shown(ticket: &str) -> String {
    ticket.chars().take(60).collect()
}
