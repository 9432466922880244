//! Incidents: something went wrong, and which promotion caused it.
//!
//! Defined in `docs/predicates/incident.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{ADDRESS, Checks, TEXT, WORD};
use super::{Predicate, own};
use crate::descriptor::present;
use crate::{Digest, Environment, PredicateError, ScopeKind, Service, Statement, instant};

/// The type's URI.
pub const TYPE: &str = crate::ours!("incident/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "id",
    "url",
    "severity",
    "service",
    "environment",
    "causedBy",
    "startedAt",
    "detectedAt",
    "resolvedAt",
    "summary",
    "issuedAt",
];

/// An incident, as far as it is known when it is written; of several with one id the one issued
/// last stands. It is about artifacts, a service or an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Its id, for example `INC-77`.
    pub id: String,
    /// Where it can be looked at.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// The service.
    pub service: Service,
    /// Where it happened.
    pub environment: Environment,
    /// Payload digest of the promotion that caused it, once it is known.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub caused_by: Option<Digest>,
    /// When it began.
    #[serde(deserialize_with = "instant::read")]
    pub started_at: Timestamp,
    /// When somebody noticed.
    #[serde(
        default,
        deserialize_with = "instant::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub detected_at: Option<Timestamp>,
    /// When it was over.
    #[serde(
        default,
        deserialize_with = "instant::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub resolved_at: Option<Timestamp>,
    /// What happened.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub summary: Option<String>,
    /// When this was written.
    #[serde(deserialize_with = "instant::read")]
    pub issued_at: Timestamp,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

/// How bad an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Hardly anybody noticed.
    Low,
    /// Some were hindered.
    Medium,
    /// Many were hindered.
    High,
    /// Nothing worked, or something was lost.
    Critical,
}

impl Predicate for Incident {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.about(&[ScopeKind::Environment, ScopeKind::Service])?;
        checks.text("/predicate/id", &self.id, WORD)?;
        checks.optional("/predicate/url", self.url.as_deref(), ADDRESS)?;
        if let Some(promotion) = &self.caused_by {
            checks.sha256("/predicate/causedBy", promotion)?;
        }
        checks.optional("/predicate/summary", self.summary.as_deref(), TEXT)?;
        let mut after = self.started_at;
        for (name, time) in [
            ("detectedAt", self.detected_at),
            ("resolvedAt", self.resolved_at),
            ("issuedAt", Some(self.issued_at)),
        ] {
            let time = time.unwrap_or(after);
            if time < after {
                let pointer = format_args!("/predicate/{name}");
                return Err(checks.refuse(pointer, "a time that is not before those above it"));
            }
            after = time;
        }
        Ok(())
    }
}
