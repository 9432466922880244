//! One test run, and what it was of.

use jiff::Timestamp;
use serde_json::Value;

use bulla_model::predicate::TestResult;
use bulla_model::predicate::test_result::Outcome;
use bulla_model::{Digest, PredicateError, Statement};

use crate::against::Against;
use crate::verified::Verified;

/// Where a test result of ours says what it left out.
const NOTE: &str = "https://bulla.dev/tests";

/// A test run that may count.
pub(super) struct Run<'a> {
    statement: &'a Verified<Statement>,
    /// Whether it may pass anything; any may fail it.
    pub(super) is_good: bool,
    /// When it was signed at the latest.
    since: Option<Timestamp>,
    result: Result<TestResult, PredicateError>,
}

/// What the newest of some runs say.
pub(super) enum Said<'r> {
    Passed(&'r Run<'r>),
    Failed(&'r Run<'r>),
    Unreadable(&'r Run<'r>, &'r PredicateError),
    Nothing,
}

/// What the newest runs say, each with whether it passed. F36: an old clean run must not hide a
/// newer failed one. Runs without a time that counts may be older or
/// newer than any: they stand beside the newest, so that leaving the time out gains nothing. The first that did
/// not pass decides.
pub(super) fn newest<'r>(runs: &[(&'r Run<'r>, bool)]) -> Said<'r> {
    let timed = runs
        .iter()
        .map(|(run, passed)| (*run, *passed, run.time(*passed)));
    let newest = timed.clone().filter_map(|(_, _, at)| at).max();
    let counting = timed.filter(|(_, _, at)| at.is_none_or(|at| Some(at) == newest));
    let mut said = Said::Nothing;
    for (run, passed, _) in counting {
        match &run.result {
            Err(error) => return Said::Unreadable(run, error),
            Ok(_) if !passed => return Said::Failed(run),
            Ok(_) if matches!(said, Said::Nothing) => said = Said::Passed(run),
            Ok(_) => {}
        }
    }
    said
}

impl<'a> Run<'a> {
    pub(super) fn good(statement: &'a Verified<Statement>, since: Option<Timestamp>) -> Self {
        Self::new(statement, true, since)
    }

    /// One that counts only as far as it did not pass.
    pub(super) fn against(told: &Against<'a>) -> Self {
        Self::new(told.statement, false, told.since)
    }

    fn new(statement: &'a Verified<Statement>, is_good: bool, since: Option<Timestamp>) -> Self {
        Self {
            statement,
            is_good,
            since,
            result: statement.value().predicate(),
        }
    }

    pub(super) fn manifest(&self) -> Option<&Digest> {
        self.statement.manifest()
    }

    /// When it was run: of what passed only its signer's word says so, a record alone does not. Of
    /// what failed it is the latest that it may have been, which no copy of it can move.
    pub(super) fn time(&self, passed: bool) -> Option<Timestamp> {
        if passed {
            self.statement.time().not_older_than()
        } else {
            self.since
        }
    }

    pub(super) fn passed(&self) -> bool {
        let result = self.result.as_ref();
        result.is_ok_and(|result| result.result != Outcome::Failed)
    }

    /// What it says it is of as a whole.
    pub(super) fn configurations(&self) -> impl Iterator<Item = &str> {
        let result = self.result.as_ref().into_iter();
        let all = result.flat_map(|result| &result.configuration);
        all.filter_map(|one| one.name.as_deref().or(one.uri.as_deref()))
    }

    /// Everything it says was run, and whether that passed: configurations and tests, each name
    /// once. A run that failed passed nothing.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        let result = self.result.as_ref().ok();
        let failed = result.into_iter().flat_map(|result| &result.failed_tests);
        let failed = failed.map(|name| (name.as_str(), false));
        let tests = result.into_iter();
        let tests = tests.flat_map(|result| result.passed_tests.iter().chain(&result.warned_tests));
        let passed = self.configurations().chain(tests.map(String::as_str));
        let passed = passed.map(|name| (name, self.passed()));
        // What failed comes first, so that its word stands.
        let mut seen = std::collections::BTreeSet::new();
        let mut all = failed.chain(passed);
        std::iter::from_fn(move || all.find(|(name, _)| seen.insert(*name)))
    }

    /// Whether it failed without saying all of what: then it may have been any of it. Of what it was
    /// as a whole it always says something, so that this is no answer unless it is what is asked for.
    pub(super) fn may_be_of_any(&self, is_asked: impl Fn(&str) -> bool) -> bool {
        let Ok(result) = &self.result else {
            return true;
        };
        // What it lists as passed does not tell what failed.
        let says_nothing = result.failed_tests.is_empty() && !self.configurations().any(is_asked);
        let note = result.extra.get(NOTE);
        let says = |member: &str| note.and_then(|note| note.get(member));
        let left_out = says("namesOmitted").and_then(Value::as_u64) != Some(0);
        let hidden = says("hiddenFailures").and_then(Value::as_bool) != Some(false);
        result.result == Outcome::Failed
            && (says_nothing || (note.is_some() && (left_out || hidden)))
    }

    /// One line for people.
    pub(super) fn summary(&self) -> String {
        let Ok(result) = &self.result else {
            return "unreadable".to_owned();
        };
        let (passed, failed) = (result.passed_tests.len(), result.failed_tests.len());
        match (passed, failed) {
            (0, 0) => result.result.to_string(),
            (passed, 0) => format!("{} ({passed} tests)", result.result),
            (passed, failed) => format!(
                "{} ({failed} of {} tests failed)",
                result.result,
                passed.saturating_add(failed)
            ),
        }
    }
}
