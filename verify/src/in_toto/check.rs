//! What was checked of a layout and its steps, and what is worth telling beside it.

use serde::Serialize;

use crate::cause::Cause;
use crate::verdict::Outcome;

/// A check, and what came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayoutCheck {
    /// Its name, stable.
    pub name: &'static str,
    /// The step or inspection it is about, with the folder of its layout; empty for the whole.
    pub of: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Checks in order. Unlike those of provenance they go on after a failure: each step is looked at.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) list: Vec<LayoutCheck>,
    pub(super) notes: Vec<String>,
}

impl Checks {
    /// Notes a check and says whether it holds; `cause` is what its failure means.
    pub(super) fn step(
        &mut self,
        (name, of): (&'static str, &str),
        holds: bool,
        cause: Cause,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> bool {
        let outcome = if holds {
            Outcome::Ok
        } else {
            Outcome::Failed(cause)
        };
        self.list.push(LayoutCheck {
            name,
            of: cut(of),
            outcome,
            expected: cut(&expected.into()),
            found: cut(&found.into()),
        });
        holds
    }

    /// Something that decides nothing, and should be known.
    pub(super) fn note(&mut self, text: impl AsRef<str>) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(cut(text.as_ref()));
        }
    }

    /// The cause of the whole, or none if everything holds. Where nothing was checked nothing holds.
    pub(super) fn cause(&self) -> Option<Cause> {
        let failed: Vec<Cause> = self
            .list
            .iter()
            .filter_map(|check| match check.outcome {
                Outcome::Ok => None,
                Outcome::Failed(cause) => Some(cause),
            })
            .collect();
        Cause::overall(&failed).or_else(|| self.list.is_empty().then_some(Cause::Nothing))
    }
}

/// Text of others, short enough to be shown.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() > 300 {
        text.chars().take(300).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// Notes that are kept. Stops links that are all oddity.
const MAX_NOTES: usize = 256;
