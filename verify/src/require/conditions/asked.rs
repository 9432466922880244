//! Which statements a condition is asked of.

use std::collections::BTreeSet;

use bulla_model::Statement;

use super::CHECK;
use super::rule::{ConditionMatch, ConditionRule};
use super::said::{Counts, Said};
use super::seen::Seen;
use crate::against::{self, Against};
use crate::eligible::{Eligible, Wanted};
use crate::question::Context;
use crate::require::StepAtHand;
use crate::verified::Verified;

/// A condition, and what is said of each statement that it is asked of.
pub(super) struct Asked<'a> {
    pub(super) rule: &'a ConditionRule,
    /// What is to be said about statements that do not count.
    pub(super) eligible: Eligible<'a>,
    /// What is known, in the order in which it came. What does not count as a yes is there only if
    /// it is none.
    pub(super) said: Vec<Said<'a>>,
    /// Whether a document that may say no is not at hand.
    pub(super) is_hidden: bool,
    of: Vec<(&'a Verified<Statement>, Counts)>,
}

impl<'a> Asked<'a> {
    /// Asks each of them, one statement after the other: a predicate is read once for all of them,
    /// and not kept.
    pub(super) fn all(
        rules: &'a [ConditionRule],
        context: &Context<'a>,
        step: &StepAtHand<'_>,
    ) -> Vec<Self> {
        let rules = rules.iter();
        let mut all: Vec<_> = rules.map(|rule| Self::of(rule, context, step)).collect();
        for candidate in context.candidates {
            let Ok(statement) = candidate.outcome() else {
                continue;
            };
            let mut seen = None;
            for asked in &mut all {
                let mut of = asked.of.iter();
                let Some((_, counts)) = of.find(|(one, _)| std::ptr::eq(*one, statement)) else {
                    continue;
                };
                let seen = seen.get_or_insert_with(|| Seen::of(statement));
                let said = Said::of(asked.rule, (statement, *counts), seen, context, step);
                if counts.is_good || !said.is_yes() {
                    asked.said.push(said);
                }
            }
        }
        all
    }

    fn of(rule: &'a ConditionRule, context: &Context<'a>, step: &StepAtHand<'_>) -> Self {
        let types = rule.types();
        let wanted =
            Wanted::new(context, CHECK, (&types, &rule.by), step.at).no_older_than(rule.max_age);
        let mut eligible = wanted.among(context.candidates);
        let good: Vec<_> = eligible.statements.drain(..).collect();
        let at = (step.at, rule.max_age);
        let is_hidden = !against::not_at_hand(context, &types, &rule.by, at).is_empty();
        let mut asked = Self {
            rule,
            eligible,
            said: Vec::new(),
            is_hidden,
            of: Vec::new(),
        };
        if rule.matching == ConditionMatch::Any {
            let counts = |statement| (statement, Counts::good(against::since(statement)));
            asked.of = good.into_iter().map(counts).collect();
        } else {
            let told = against::told(context, &types, &rule.by, step.at);
            asked.of = weighed(rule, &good, told, step);
        }
        asked
    }
}

/// Those that count, and those that do if they say no: what a no lacks in time may be made up, and
/// only what is surely too old is over.
fn weighed<'a>(
    rule: &ConditionRule,
    good: &[&'a Verified<Statement>],
    told: Vec<Against<'a>>,
    step: &StepAtHand<'_>,
) -> Vec<(&'a Verified<Statement>, Counts)> {
    let keys: BTreeSet<_> = good
        .iter()
        .map(|one| (one.payload(), one.signer()))
        .collect();
    let mut of = Vec::new();
    for one in told {
        let key = (one.statement.payload(), one.statement.signer());
        if !keys.contains(&key) {
            if !one.is_old(rule.max_age, step.at) {
                of.push((one.statement, Counts::against(one.since)));
            }
            continue;
        }
        let mut copies = good.iter();
        let best = copies.find(|good| (good.payload(), good.signer()) == key);
        of.extend(best.map(|best| (*best, Counts::good(one.since))));
    }
    of
}
