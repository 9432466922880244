//! Version 0.1 of approvals and promotions, which is read and not written.
//!
//! Defined in `docs/predicates/approval.v0.1.schema.json` and `promotion.v0.1.schema.json`. They
//! become the types of version 1, which says more; a tier may refuse them (`draftPredicates`).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::approval::{ApprovalDecision, OnBehalfOf, PolicyBinding};
use super::check::unknown;
use super::promotion::{Chain, Gate, Input, Slot};
use super::{Approval, Predicate, Promotion};
use crate::{Digest, Edge, PredicateError, Service, Statement, Tier};

/// The URI of approvals.
pub const APPROVAL: &str = crate::ours!("approval/v0.1");
/// The URI of promotions.
pub const PROMOTION: &str = crate::ours!("promotion/v0.1");

/// The members of approvals that could be critical.
pub(super) const APPROVAL_MEMBERS: &[&str] = &[
    "decision",
    "service",
    "edge",
    "policy",
    "previous",
    "issuedAt",
    "notAfter",
    "reason",
    "onBehalfOf",
];

/// The members of promotions that could be critical.
pub(super) const PROMOTION_MEMBERS: &[&str] = &[
    "service", "tier", "version", "edge", "chain", "slot", "policy", "inputs", "gates", "issuedAt",
    "notAfter",
];

/// An approval of version 0.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DraftApproval {
    /// Yes or no.
    pub decision: ApprovalDecision,
    /// The service the approver saw named.
    pub service: Service,
    /// The step.
    pub edge: Edge,
    /// The policy.
    pub policy: PolicyBinding,
    /// Payload digests of the promotions this step extends.
    #[serde(default)]
    pub previous: Vec<Digest>,
    /// When it was given.
    pub issued_at: Timestamp,
    /// Until when it may be used.
    pub not_after: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whose review a relay passes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<OnBehalfOf>,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

impl Predicate for DraftApproval {
    const TYPES: &'static [&'static str] = &[APPROVAL];

    fn check(&self, _: &Statement) -> Result<(), PredicateError> {
        critical(&self.crit, APPROVAL_MEMBERS)
    }
}

impl From<DraftApproval> for Approval {
    fn from(draft: DraftApproval) -> Self {
        Self {
            decision: draft.decision,
            service: draft.service,
            edge: draft.edge,
            policy: draft.policy,
            previous: draft.previous,
            issued_at: draft.issued_at,
            not_after: draft.not_after,
            nonce: None,
            reason: draft.reason,
            on_behalf_of: draft.on_behalf_of,
            crit: draft.crit,
        }
    }
}

/// A promotion of version 0.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DraftPromotion {
    /// The service as the gate computed it.
    pub service: Service,
    /// The tier the policy gave the service.
    pub tier: Tier,
    /// The release's version, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The step.
    pub edge: Edge,
    /// Its place among the promotions of this release.
    pub chain: Chain,
    /// Its place among the promotions of this service into this environment.
    pub slot: Slot,
    /// The policy.
    pub policy: PolicyBinding,
    /// The statements the decision used.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The gates and what they said.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// When it was decided.
    pub issued_at: Timestamp,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

impl Predicate for DraftPromotion {
    const TYPES: &'static [&'static str] = &[PROMOTION];

    fn check(&self, _: &Statement) -> Result<(), PredicateError> {
        critical(&self.crit, PROMOTION_MEMBERS)
    }
}

impl From<DraftPromotion> for Promotion {
    fn from(draft: DraftPromotion) -> Self {
        Self {
            service: draft.service,
            tier: draft.tier,
            version: draft.version,
            edge: draft.edge,
            chain: draft.chain,
            slot: draft.slot,
            policy: draft.policy,
            reason: None,
            tickets: Vec::new(),
            inputs: draft.inputs,
            gates: draft.gates,
            issued_at: draft.issued_at,
            not_after: draft.not_after,
            crit: draft.crit,
        }
    }
}

/// Version 0.1 had no rules but this one.
pub(super) fn critical(crit: &[String], understood: &[&str]) -> Result<(), PredicateError> {
    match unknown(crit, understood) {
        Some(name) => Err(PredicateError::Critical { name }),
        None => Ok(()),
    }
}
