//! Promotions: the gate decided that a release may enter an environment.
//!
//! Defined in `docs/predicates/promotion.md`, version 0.1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::approval::PolicyBinding;
use super::{Predicate, check_critical};
use crate::{Digest, Edge, PredicateError, PredicateType, Service, Tier};

/// The type's URI.
pub const TYPE: &str = "https://bulla.dev/promotion/v0.1";

/// A promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
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
    /// The policy it was decided under.
    pub policy: PolicyBinding,
    /// The statements the decision used.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The gates and what they said.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// When it was decided.
    pub issued_at: Timestamp,
    /// Until when it holds; absent means until something takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

impl Predicate for Promotion {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn check(&self) -> Result<(), PredicateError> {
        check_critical(
            &self.crit,
            &[
                "service", "tier", "version", "edge", "chain", "slot", "policy", "inputs", "gates",
                "issuedAt", "notAfter",
            ],
        )
    }
}

/// A promotion's place among those of its release. Digests are of DSSE payload bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// The first promotion of the release; absent in that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Digest>,
    /// The promotions this one follows, sorted; none in the first.
    #[serde(default)]
    pub previous: Vec<Digest>,
    /// 1 + the highest sequence of `previous`; 1 in the first.
    pub sequence: u64,
}

/// A promotion's place among those of one service into one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// 1 + the sequence of `previous`; 1 in the first.
    pub sequence: u64,
    /// The promotion that held the slot before; two with the same one are a fork.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
}

/// A statement a decision used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// What the statement is.
    pub predicate_type: PredicateType,
    /// Digest of its DSSE payload bytes.
    pub payload: Digest,
    /// Digest of the referrer manifest it was found in, so that it can be fetched first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
}

/// A gate and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Name of the requirement, for example `approvals`.
    pub id: String,
    /// What it said; a promotion is only made when all passed.
    pub result: GateResult,
    /// What it saw, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
}

/// What a gate said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum GateResult {
    /// Not satisfied.
    Failed,
    /// Satisfied.
    Passed,
}
