//! Promotions: the gate decided that a release may enter an environment.
//!
//! Defined in `docs/predicates/promotion.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::approval::PolicyBinding;
use super::check::{Checks, ITEMS, TEXT, WORD};
use super::draft::{self, DraftPromotion};
use super::{Predicate, own};
use crate::descriptor::present;
use crate::{
    Digest, Edge, EdgeKind, PredicateError, PredicateType, Service, Statement, Tier, instant,
};

/// The type's URI.
pub const TYPE: &str = crate::ours!("promotion/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "service", "tier", "version", "edge", "chain", "slot", "policy", "reason", "tickets", "inputs",
    "gates", "issuedAt", "notAfter",
];

/// How many inputs a promotion may have.
pub const INPUTS: usize = ITEMS;

/// A promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    /// The service as the gate computed it.
    pub service: Service,
    /// The tier the policy gave the service.
    pub tier: Tier,
    /// The release's version, for people.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// The step.
    pub edge: Edge,
    /// Its place among the promotions of this release.
    pub chain: Chain,
    /// Its place among the promotions of this service into this environment.
    pub slot: Slot,
    /// The policy it was decided under.
    pub policy: PolicyBinding,
    /// Why; needed where the step goes around the normal gates.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub reason: Option<String>,
    /// The change tickets, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
    /// The statements the decision used.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The gates and what they said.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// When it was decided.
    #[serde(deserialize_with = "instant::read")]
    pub issued_at: Timestamp,
    /// Until when it holds; absent means until something takes it back.
    #[serde(
        default,
        deserialize_with = "instant::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub not_after: Option<Timestamp>,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

impl Predicate for Promotion {
    const TYPES: &'static [&'static str] = &[TYPE, draft::PROMOTION];

    fn from_json(kind: &str, json: &str) -> serde_json::Result<Self> {
        if kind == draft::PROMOTION {
            return crate::json::part::<DraftPromotion>(json.as_bytes()).map(Self::from);
        }
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        if statement.predicate_type().as_str() == draft::PROMOTION {
            return draft::critical(&self.crit, draft::PROMOTION_MEMBERS);
        }
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.about(&[])?;
        checks.optional("/predicate/version", self.version.as_deref(), WORD)?;
        checks.edge("/predicate/edge", &self.edge)?;
        self.chain.check(&checks)?;
        self.slot.check(&checks)?;
        checks.policy("/predicate/policy", &self.policy)?;
        let outside = matches!(self.edge.kind, EdgeKind::BreakGlass | EdgeKind::Hotfix);
        if outside && self.reason.is_none() {
            let expected = format!("a reason, because the step is of kind {}", self.edge.kind);
            return Err(checks.refuse("/predicate/reason", expected));
        }
        checks.optional("/predicate/reason", self.reason.as_deref(), TEXT)?;
        checks.texts("/predicate/tickets", &self.tickets)?;
        checks.items("/predicate/inputs", &self.inputs)?;
        for (index, input) in self.inputs.iter().enumerate() {
            let pointer = format_args!("/predicate/inputs/{index}/payload");
            checks.sha256(pointer, &input.payload)?;
        }
        checks.items("/predicate/gates", &self.gates)?;
        for (index, gate) in self.gates.iter().enumerate() {
            let pointer = format!("/predicate/gates/{index}");
            checks.text(format_args!("{pointer}/id"), &gate.id, WORD)?;
            let observed = format!("{pointer}/observed");
            checks.optional(&observed, gate.observed.as_deref(), TEXT)?;
        }
        self.not_after
            .map_or(Ok(()), |end| checks.window(self.issued_at, end))
    }
}

impl Chain {
    fn check(&self, checks: &Checks<'_>) -> Result<(), PredicateError> {
        if let Some(first) = &self.first {
            checks.sha256("/predicate/chain/first", first)?;
        }
        checks.sha256_set("/predicate/chain/previous", &self.previous)?;
        checks.number("/predicate/chain/sequence", self.sequence)
    }
}

impl Slot {
    fn check(&self, checks: &Checks<'_>) -> Result<(), PredicateError> {
        if let Some(previous) = &self.previous {
            checks.sha256("/predicate/slot/previous", previous)?;
        }
        checks.number("/predicate/slot/sequence", self.sequence)
    }
}

/// A promotion's place among those of its release. Digests are of DSSE payload bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chain {
    /// The first promotion of the release; absent in that one.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
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
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
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
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub manifest: Option<Digest>,
}

/// A gate and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Name of the requirement, for example `approvals`.
    pub id: String,
    /// What it said; only what goes around the normal gates is made when one did not pass.
    pub result: GateResult,
    /// What it saw, for people.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
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
