//! Conditions: expressions that statements by somebody who is named have to fulfil.

use std::collections::BTreeSet;
use std::fmt;

use jiff::SignedDuration;

use crate::cause::Cause;
use crate::cel::EvaluationError;
use crate::code::Code;
use crate::eligible::Eligible;
use crate::policy::{Parts, Place, PolicyError, Scope, Value};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand, failed};
use crate::verdict::{Finding, Outcome, Report};

mod asked;
mod rule;
mod said;
mod seen;
mod words;

use asked::Asked;
use rule::Wire;
pub use rule::{ConditionMatch, ConditionRule};
use said::Said;

const CHECK: &str = "conditions";
/// Conditions of one step, or of what one service adds to it. Stops a file that has everything looked
/// at very often.
const CONDITIONS: usize = 64;
/// How many statements are told.
const SHOWN: usize = 8;

/// Expressions that statements have to fulfil. All of them must hold.
#[derive(Clone, Debug)]
pub struct ConditionsRule {
    /// Each of them; no two have one name.
    pub all: Vec<ConditionRule>,
    /// Where they are written.
    pub place: Place,
}

impl Requirement for ConditionsRule {
    type Wire = Vec<serde_saphyr::Spanned<Wire>>;

    fn read(wire: Self::Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let wrong = |reason: String| PolicyError::Rule {
            place: place.clone(),
            reason,
        };
        if wire.is_empty() {
            return Err(wrong(
                "`conditions` has none: leave it out instead".to_owned(),
            ));
        }
        if wire.len() > CONDITIONS {
            let found = wire.len();
            return Err(wrong(format!(
                "{found} conditions, the limit is {CONDITIONS}"
            )));
        }
        let mut names = BTreeSet::new();
        let mut all = Vec::new();
        for one in wire {
            let rule = ConditionRule::read(one.value, scope.place(one.referenced), scope)?;
            if !names.insert(rule.name.clone()) {
                let place = rule.place;
                let reason = format!("two conditions are called `{}`", rule.name);
                return Err(PolicyError::Rule { place, reason });
            }
            all.push(rule);
        }
        Ok(Self { all, place })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        // One more lets less through; of one that is another, nobody can say what it does.
        let lines: Vec<String> = self.all.iter().map(ConditionRule::text).collect();
        let parts = vec![("all", Value::demands(&lines))];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn lines(&self) -> Vec<String> {
        self.all.iter().map(ToString::to_string).collect()
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        for asked in Asked::all(&self.all, context, step) {
            judge(context, asked, report);
        }
    }
}

impl fmt::Display for ConditionsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.all.iter().map(|rule| rule.name.as_str()).collect();
        write!(f, "conditions: {}   [{}]", names.join(", "), self.place)
    }
}

fn judge(context: &Context<'_>, asked: Asked<'_>, report: &mut Report) {
    let (rule, said, is_hidden) = (asked.rule, asked.said, asked.is_hidden);
    let (outcome, summary) = match rule.matching {
        ConditionMatch::Any => any(context, rule, &said, asked.eligible, report),
        ConditionMatch::All => {
            let all: Vec<_> = said.iter().collect();
            every(context, rule, &all, asked.eligible, report)
        }
        ConditionMatch::Newest => {
            let newest = said::newest(&said);
            every(context, rule, &newest, asked.eligible, report)
        }
    };
    // What holds of all, or of the newest, holds only if there is no other. No age bounds that: a
    // newer one may be what is missing.
    let is_hidden = is_hidden || context.question.evidence.is_incomplete();
    let outcome = match outcome {
        Outcome::Ok if rule.matching != ConditionMatch::Any && is_hidden => {
            Outcome::Failed(Cause::Undetermined)
        }
        outcome => outcome,
    };
    let summary = format!("{}: {summary}", rule.name);
    report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
}

/// One yes is enough.
fn any(
    context: &Context<'_>,
    rule: &ConditionRule,
    said: &[Said<'_>],
    eligible: Eligible<'_>,
    report: &mut Report,
) -> (Outcome, String) {
    if let Some(yes) = said.iter().find(|said| said.is_yes()) {
        return (Outcome::Ok, format!("as {} says", yes.signer()));
    }
    if said.is_empty() {
        return none(context, rule, eligible, report);
    }
    tell(rule, said.iter(), report);
    // What could not be looked at, or cannot be had, might be the one.
    let is_open = said.iter().any(Said::is_open) || eligible.causes.contains(&Cause::Undetermined);
    let outcome = if is_open {
        Outcome::Failed(Cause::Undetermined)
    } else {
        failed(context, Cause::Denied)
    };
    (outcome, format!("of none of {}", said.len()))
}

/// One no is too many.
fn every(
    context: &Context<'_>,
    rule: &ConditionRule,
    counting: &[&Said<'_>],
    eligible: Eligible<'_>,
    report: &mut Report,
) -> (Outcome, String) {
    if counting.is_empty() {
        return none(context, rule, eligible, report);
    }
    let count = counting.len();
    let not = counting.iter().filter(|said| !said.is_yes());
    let (outcome, summary) = if not.clone().any(|said| !said.is_open()) {
        let not = not.clone().count();
        (
            Outcome::Failed(Cause::Denied),
            format!("not of {not} of {count}"),
        )
    } else if not.clone().next().is_some() {
        (
            Outcome::Failed(Cause::Undetermined),
            "cannot be told".to_owned(),
        )
    } else {
        (Outcome::Ok, format!("of all {count}"))
    };
    tell(rule, counting.iter().copied(), report);
    (outcome, summary)
}

/// Nothing is there that it could be asked of.
fn none(
    context: &Context<'_>,
    rule: &ConditionRule,
    mut eligible: Eligible<'_>,
    report: &mut Report,
) -> (Outcome, String) {
    let message = format!("nothing that counts for `{}`", rule.name);
    let finding = Finding::new(Code::ConditionMissing, CHECK, message)
        .expected(format!("{} signed by {}", rule.kind, rule.by.join(" or ")))
        .place(&rule.place)
        .hint(format!(
            "bulla attest {} --type {} --predicate FILE --key KEY",
            context.question.name, rule.kind
        ));
    report.findings.push(finding);
    report.findings.append(&mut eligible.findings);
    let outcome = failed(context, Cause::best(eligible.causes));
    (outcome, "nothing that counts".to_owned())
}

/// Says of each statement that is no yes why not.
fn tell<'s>(rule: &ConditionRule, said: impl Iterator<Item = &'s Said<'s>>, report: &mut Report) {
    for said in said.filter(|said| !said.is_yes()).take(SHOWN) {
        let (code, message) = match said.answer() {
            Ok(_) => (
                Code::ConditionFailed,
                format!("`{}` does not hold", rule.name),
            ),
            Err(EvaluationError::Denied(reason)) => (
                Code::ConditionFailed,
                format!("`{}` does not hold: {}", rule.name, reason.escape_debug()),
            ),
            Err(EvaluationError::Cannot(reason)) => (
                Code::ConditionError,
                format!("`{}` cannot be evaluated: {}", rule.name, reason),
            ),
            Err(error @ (EvaluationError::Steps(_) | EvaluationError::Cut)) => (
                Code::ConditionError,
                format!("`{}` was not evaluated to its end: {error}", rule.name),
            ),
        };
        let finding = Finding::new(code, CHECK, message)
            .expected(rule.shown())
            .found(format!("{} signed by {}", rule.kind, said.signer()))
            .place(&rule.place)
            .at(said.manifest(), "/predicate");
        report.findings.push(finding);
    }
}

/// How a rule's age is written, for its line.
fn aged(age: Option<SignedDuration>) -> String {
    age.map_or_else(String::new, |age| format!(", at most {age:#} old"))
}
