//! What an expression says of one statement.

use bulla_model::{Digest, Statement};
use jiff::Timestamp;

use super::ConditionRule;
use super::seen::Seen;
use crate::cel::EvaluationError;
use crate::question::Context;
use crate::require::StepAtHand;
use crate::verified::Verified;

/// A statement that may count, and what the expression says of it.
pub(super) struct Said<'a> {
    statement: &'a Verified<Statement>,
    counts: Counts,
    answer: Result<bool, EvaluationError>,
    is_cut_short: bool,
}

/// What a statement counts as.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    /// Whether it may say yes; any may say no.
    pub(super) is_good: bool,
    /// When it was made at the latest.
    since: Option<Timestamp>,
}

impl Counts {
    pub(super) fn good(since: Option<Timestamp>) -> Self {
        let is_good = true;
        Self { is_good, since }
    }

    pub(super) fn against(since: Option<Timestamp>) -> Self {
        let is_good = false;
        Self { is_good, since }
    }
}

impl<'a> Said<'a> {
    pub(super) fn of(
        rule: &ConditionRule,
        (statement, counts): (&'a Verified<Statement>, Counts),
        seen: &Result<Seen<'_>, EvaluationError>,
        context: &Context<'_>,
        step: &StepAtHand<'_>,
    ) -> Self {
        let is_cut_short = (context.question.cancelled)();
        let answer = match seen {
            _ if is_cut_short => Err(EvaluationError::Cannot(
                "the time for all of it is over".to_owned(),
            )),
            Ok(seen) => rule.words.evaluate(seen, context, step),
            Err(error) => Err(error.clone()),
        };
        Self {
            statement,
            counts,
            answer,
            is_cut_short,
        }
    }

    pub(super) fn answer(&self) -> &Result<bool, EvaluationError> {
        &self.answer
    }

    pub(super) fn is_yes(&self) -> bool {
        self.answer == Ok(true)
    }

    /// Whether it could not be found out, rather than that it is not so.
    pub(super) fn is_open(&self) -> bool {
        self.is_cut_short
            || matches!(
                self.answer,
                Err(EvaluationError::Steps(_) | EvaluationError::Cut)
            )
    }

    pub(super) fn signer(&self) -> String {
        self.statement.signer().to_string()
    }

    pub(super) fn manifest(&self) -> Option<&Digest> {
        self.statement.manifest()
    }

    /// When it was said: of a yes only its signer's word counts, a record alone does not. Of anything
    /// else the latest that it may have been made, which no copy of it can move.
    fn time(&self) -> Option<Timestamp> {
        if self.is_yes() {
            self.statement.time().not_older_than()
        } else {
            self.counts.since
        }
    }
}

/// The newest, and each without a time that counts: that one may be newer than any.
pub(super) fn newest<'s, 'a>(said: &'s [Said<'a>]) -> Vec<&'s Said<'a>> {
    let newest = said.iter().filter_map(Said::time).max();
    let counts = |said: &&Said<'_>| said.time().is_none_or(|time| Some(time) == newest);
    said.iter().filter(counts).collect()
}
