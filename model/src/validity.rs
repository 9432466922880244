//! Windows of time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// From when until when something holds; an absent end is open. The start is included, the end is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, try_from = "Ends")]
pub struct Validity {
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Ends {
    #[serde(default)]
    not_before: Option<Timestamp>,
    #[serde(default)]
    not_after: Option<Timestamp>,
}

impl Validity {
    /// A window that never opens is refused.
    pub fn new(
        not_before: Option<Timestamp>,
        not_after: Option<Timestamp>,
    ) -> Result<Self, ValidityError> {
        match (not_before, not_after) {
            (Some(start), Some(end)) if start >= end => Err(ValidityError::Empty { start, end }),
            _ => Ok(Self {
                not_before,
                not_after,
            }),
        }
    }

    /// Whether this instant lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= at) && self.not_after.is_none_or(|end| at < end)
    }

    /// The start, included.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// The end, excluded.
    pub fn not_after(&self) -> Option<Timestamp> {
        self.not_after
    }
}

impl TryFrom<Ends> for Validity {
    type Error = ValidityError;

    fn try_from(ends: Ends) -> Result<Self, ValidityError> {
        Self::new(ends.not_before, ends.not_after)
    }
}

/// Why two instants are no window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValidityError {
    /// The end is not after the start.
    #[error("the window from {start} until {end} never opens")]
    Empty {
        /// The start given.
        start: Timestamp,
        /// The end given.
        end: Timestamp,
    },
}
