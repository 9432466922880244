//! Waivers: a gate may overlook these findings for a while.
//!
//! Defined in `docs/predicates/waiver.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{Checks, TEXT, WORD};
use super::{Predicate, own};
use crate::{Environment, Nonce, PredicateError, ScopeKind, Statement};

/// The type's URI.
pub const TYPE: &str = crate::ours!("waiver/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "gate",
    "findings",
    "environments",
    "reason",
    "tickets",
    "issuedAt",
    "notAfter",
    "nonce",
];

/// A waiver. It is about its subjects: artifacts, or the scope of a service, which is all of its
/// artifacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiver {
    /// The gate, for example `vulnerabilities`.
    pub gate: String,
    /// What it may overlook, sorted: ids as the gate reports them, for example `CVE-2026-1234`.
    pub findings: Vec<String>,
    /// Where, sorted.
    pub environments: Vec<Environment>,
    /// Why.
    pub reason: String,
    /// The tickets under which it is worked on, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
    /// When it was given.
    #[serde(deserialize_with = "crate::instant::read")]
    pub issued_at: Timestamp,
    /// Until when it may be used; not at that instant any more.
    #[serde(deserialize_with = "crate::instant::read")]
    pub not_after: Timestamp,
    /// What sets it apart from another person's.
    pub nonce: Nonce,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

impl Predicate for Waiver {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.about(&[ScopeKind::Service])?;
        checks.text("/predicate/gate", &self.gate, WORD)?;
        checks.some_sorted("/predicate/findings", &self.findings)?;
        checks.texts("/predicate/findings", &self.findings)?;
        checks.some_sorted("/predicate/environments", &self.environments)?;
        checks.text("/predicate/reason", &self.reason, TEXT)?;
        checks.texts("/predicate/tickets", &self.tickets)?;
        checks.window(self.issued_at, self.not_after)
    }
}
