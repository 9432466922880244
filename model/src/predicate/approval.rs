//! Approvals: one identity says yes or no to one step of one release.
//!
//! Defined in `docs/predicates/approval.md`, version 0.1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Predicate, check_critical};
use crate::{Digest, Edge, PredicateError, Service};

/// The type's URI.
pub const TYPE: &str = "https://bulla.dev/approval/v0.1";

/// An approval or a rejection. It binds the subject set of its statement, the step, the policy and
/// the promotions it extends, so it counts for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Yes or no.
    pub decision: ApprovalDecision,
    /// The service the approver saw named; the verifier computes its own.
    pub service: Service,
    /// The step.
    pub edge: Edge,
    /// The policy the approver decided under.
    pub policy: PolicyBinding,
    /// Payload digests of the promotions this step extends, sorted; none for the entry.
    #[serde(default)]
    pub previous: Vec<Digest>,
    /// When it was given.
    pub issued_at: Timestamp,
    /// Until when it may be used.
    pub not_after: Timestamp,
    /// Why, in the approver's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whose review a relay passes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<OnBehalfOf>,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

impl Predicate for Approval {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn check(&self) -> Result<(), PredicateError> {
        check_critical(
            &self.crit,
            &[
                "decision",
                "service",
                "edge",
                "policy",
                "previous",
                "issuedAt",
                "notAfter",
                "reason",
                "onBehalfOf",
            ],
        )
    }
}

/// Yes or no. A rejection is advice: a registry can hide it. A veto is a revocation of the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalDecision {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// Which policy a statement was made under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyBinding {
    /// The policy's name.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// The digest over the sorted `path`, `sha256` lines of the base and the service's file.
    pub digest: Digest,
}

/// Whose review a relay passes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnBehalfOf {
    /// The platform, for example `github.com`.
    pub platform: String,
    /// The platform's immutable account id.
    pub account_id: String,
    /// Where the review can be looked at.
    pub review_url: String,
    /// The reviewed commit.
    pub commit: String,
}
