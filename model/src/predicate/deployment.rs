//! Deployments: what happened in an environment.
//!
//! Defined in `docs/predicates/deployment.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::{Checks, TEXT, WORD};
use super::{Predicate, own};
use crate::descriptor::present;
use crate::{Digest, Place, PredicateError, Service, Statement};

/// The type's URI.
pub const TYPE: &str = crate::ours!("deployment/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "service",
    "environment",
    "event",
    "promotion",
    "workload",
    "run",
    "replaced",
    "reason",
    "issuedAt",
];

/// One event of one deployment. The subjects are what was deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The service; the verifier computes its own.
    pub service: Service,
    /// Where, and on which clusters.
    pub environment: Place,
    /// What happened.
    pub event: DeploymentEvent,
    /// Payload digest of the promotion that was carried out.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub promotion: Option<Digest>,
    /// The workload, as its platform names it: `apps/v1/Deployment/pay/api`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub workload: Option<String>,
    /// What the events of one deployment have in common: the id or URL of its run.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub run: Option<String>,
    /// SHA-256 digests of what ran there before, sorted; after `rolled-back` it runs again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Digest>,
    /// Why it failed or was rolled back.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub reason: Option<String>,
    /// When it happened.
    #[serde(deserialize_with = "crate::instant::read")]
    pub issued_at: Timestamp,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentEvent {
    /// It did not come up.
    Failed,
    /// It was taken back.
    RolledBack,
    /// It began.
    Started,
    /// It runs.
    Succeeded,
}

impl Predicate for Deployment {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.about(&[])?;
        checks.place("/predicate/environment", &self.environment)?;
        if let Some(promotion) = &self.promotion {
            checks.sha256("/predicate/promotion", promotion)?;
        }
        checks.optional("/predicate/workload", self.workload.as_deref(), WORD)?;
        checks.optional("/predicate/run", self.run.as_deref(), WORD)?;
        checks.sha256_set("/predicate/replaced", &self.replaced)?;
        checks.optional("/predicate/reason", self.reason.as_deref(), TEXT)
    }
}
