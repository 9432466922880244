//! Reviews: somebody looked again at a promotion that went around the normal gates.
//!
//! Defined in `docs/predicates/review.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{Checks, TEXT};
use super::{Predicate, own};
use crate::descriptor::present;
use crate::{Digest, Nonce, PredicateError, Statement};

/// The type's URI.
pub const TYPE: &str = crate::ours!("review/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "promotion",
    "outcome",
    "notes",
    "tickets",
    "issuedAt",
    "nonce",
];

/// A review of a hotfix or break-glass promotion. The subjects are those of the promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// Payload digest of the promotion.
    pub promotion: Digest,
    /// What the reviewer found.
    pub outcome: ReviewOutcome,
    /// What there is to say about it.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub notes: Option<String>,
    /// The tickets that follow from it, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
    /// When it was given.
    #[serde(deserialize_with = "crate::instant::read")]
    pub issued_at: Timestamp,
    /// What sets it apart from another person's.
    pub nonce: Nonce,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

/// What the reviewer found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewOutcome {
    /// It was right to go around the gates.
    Accepted,
    /// It was not.
    Rejected,
}

impl Predicate for Review {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.about(&[])?;
        checks.sha256("/predicate/promotion", &self.promotion)?;
        checks.optional("/predicate/notes", self.notes.as_deref(), TEXT)?;
        checks.texts("/predicate/tickets", &self.tickets)
    }
}
