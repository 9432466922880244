//! How the review of a step around the normal gates stands.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The review that the policy asks for after a hotfix or a broken glass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepReview {
    /// Until when somebody was, or is, to accept the step.
    pub due: Timestamp,
    /// How it stands.
    pub state: ReviewState,
}

/// How a review stands, by the reviews that are at hand and count.
///
/// It decides nothing: whether an overdue or rejected review denies is the policy's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// Nobody accepted or rejected the step, and there is time.
    Open,
    /// Nobody did, and the time is over.
    Overdue,
    /// Somebody accepted it and nobody rejected it, in time or later.
    Accepted,
    /// Somebody found that the step was wrong, whoever else accepted it.
    Rejected,
}

impl ReviewState {
    /// As JSON writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Overdue => "overdue",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}
