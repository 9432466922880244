//! What was checked, each with what was expected and found.

use serde::Serialize;

use crate::cause::Cause;
use crate::verdict::Outcome;

/// A check, and what came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SlsaCheck {
    /// Its name, stable.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Checks in order; the first that fails ends them.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<SlsaCheck>);

/// A check failed, and is the last of its list.
#[derive(Debug)]
pub(super) struct Stop;

impl Checks {
    /// Notes a check; `cause` is what its failure means.
    pub(super) fn step(
        &mut self,
        name: &'static str,
        holds: bool,
        cause: Cause,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Result<(), Stop> {
        let outcome = if holds {
            Outcome::Ok
        } else {
            Outcome::Failed(cause)
        };
        self.0.push(SlsaCheck {
            name,
            outcome,
            expected: cut(expected.into()),
            found: cut(found.into()),
        });
        if holds { Ok(()) } else { Err(Stop) }
    }

    /// Notes that two texts must be the same.
    pub(super) fn equal(
        &mut self,
        name: &'static str,
        expected: &str,
        found: Option<&str>,
    ) -> Result<(), Stop> {
        let holds = found == Some(expected);
        self.step(
            name,
            holds,
            Cause::Denied,
            expected,
            found.unwrap_or(NOTHING),
        )
    }

    /// Notes a failure and ends the list.
    pub(super) fn fail<T>(
        &mut self,
        name: &'static str,
        cause: Cause,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Result<T, Stop> {
        self.step(name, false, cause, expected, found)?;
        Err(Stop)
    }

    pub(super) fn into_list(self) -> Vec<SlsaCheck> {
        self.0
    }
}

/// What is shown where a document says nothing.
pub(super) const NOTHING: &str = "nothing";

/// The cause of a list of checks: that of the one that failed, or none if all hold. A list in
/// which nothing was checked is no success.
pub(super) fn cause(checks: &[SlsaCheck]) -> Option<Cause> {
    let failed = checks.iter().find_map(|check| match check.outcome {
        Outcome::Ok => None,
        Outcome::Failed(cause) => Some(cause),
    });
    failed.or_else(|| checks.is_empty().then_some(Cause::Nothing))
}

fn cut(text: String) -> String {
    if text.chars().count() > 300 {
        text.chars().take(300).chain(['…']).collect()
    } else {
        text
    }
}
