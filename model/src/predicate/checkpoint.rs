//! Checkpoints: what is in force, so that nothing of it can be hidden.
//!
//! Defined in `docs/predicates/checkpoint.md`, version 1.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::approval::PolicyBinding;
use super::check::Checks;
use super::{Predicate, own};
use crate::descriptor::present;
use crate::{Digest, Environment, PredicateError, Scope, ScopeKind, Service, Statement};

/// The type's URI.
pub const TYPE: &str = crate::ours!("checkpoint/v1");

/// The members a reader of version 1 understands.
pub const MEMBERS: &[&str] = &[
    "scope",
    "serial",
    "previous",
    "issuedAt",
    "notAfter",
    "policyMin",
    "freeze",
    "revocations",
    "slots",
    "retired",
];

/// The state of a ledger at one time. The only subject is its scope. What it lists and the verifier
/// does not hold, or holds and cannot read, leaves the answer open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// The ledger.
    pub scope: Scope,
    /// 1 in the first, else 1 + that of `previous`. Two with one serial are an equivocation.
    pub serial: u64,
    /// Payload digest of the checkpoint before; absent in the first.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub previous: Option<Digest>,
    /// When it was made.
    #[serde(deserialize_with = "crate::instant::read")]
    pub issued_at: Timestamp,
    /// When it is stale for everybody, whatever age their policy allows.
    #[serde(deserialize_with = "crate::instant::read")]
    pub not_after: Timestamp,
    /// The lowest version of each policy that may be used, sorted by name.
    pub policy_min: Vec<PolicyMinimum>,
    /// The calendar in force; absent where there is none.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub freeze: Option<FreezeHead>,
    /// Payload digests of all revocations in force, lifts included, sorted.
    pub revocations: Vec<Digest>,
    /// Who holds each place, sorted by service, then environment.
    pub slots: Vec<SlotHead>,
    /// What was taken out of service, sorted by environment, then retirement. Where there is something,
    /// `crit` names it: who passes over it would let in what was taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Retired>,
    /// Members a reader must understand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crit: Vec<String>,
}

/// A version of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMinimum {
    /// The policy's name: environments of one ledger may be of several policies.
    pub name: String,
    /// The version.
    pub version: u64,
    /// Its digest: the one that the policy's statement has.
    pub digest: Digest,
}

/// The latest of the freezes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FreezeHead {
    /// Its serial.
    pub serial: u64,
    /// Its payload digest.
    pub digest: Digest,
}

/// The latest promotion of a service into an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SlotHead {
    /// The service.
    pub service: Service,
    /// The environment.
    pub environment: Environment,
    /// The promotion's `slot.sequence`.
    pub sequence: u64,
    /// Its payload digest.
    pub head: Digest,
}

/// A step out of service that whoever asks about one of its subjects has to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retired {
    /// The environment.
    pub environment: Environment,
    /// Payload digest of the promotion of kind `retire`.
    pub retirement: Digest,
    /// Its subject set, sorted.
    pub subjects: Vec<Digest>,
}

impl Predicate for Checkpoint {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn from_json(_kind: &str, json: &str) -> serde_json::Result<Self> {
        own::read(json)
    }

    fn check(&self, statement: &Statement) -> Result<(), PredicateError> {
        let checks = Checks::new(TYPE, statement);
        checks.critical(&self.crit, MEMBERS)?;
        checks.is_about_scope(&self.scope, ScopeKind::Ledger)?;
        checks.number("/predicate/serial", self.serial)?;
        if self.previous.is_none() != (self.serial == 1) {
            let expected = "the checkpoint before, and none in serial 1";
            return Err(checks.refuse("/predicate/previous", expected));
        }
        if let Some(previous) = &self.previous {
            checks.sha256("/predicate/previous", previous)?;
        }
        checks.window(self.issued_at, self.not_after)?;
        let names: Vec<_> = self.policy_min.iter().map(|policy| &policy.name).collect();
        checks.some_sorted("/predicate/policyMin", &names)?;
        for (index, policy) in self.policy_min.iter().enumerate() {
            let PolicyMinimum {
                name,
                version,
                digest,
            } = policy.clone();
            let binding = PolicyBinding {
                name,
                version,
                digest,
            };
            checks.policy(&format!("/predicate/policyMin/{index}"), &binding)?;
        }
        if let Some(freeze) = &self.freeze {
            checks.number("/predicate/freeze/serial", freeze.serial)?;
            checks.sha256("/predicate/freeze/digest", &freeze.digest)?;
        }
        checks.sha256_set("/predicate/revocations", &self.revocations)?;
        let places: Vec<_> = self
            .slots
            .iter()
            .map(|slot| (&slot.service, &slot.environment))
            .collect();
        checks.sorted("/predicate/slots", &places)?;
        for (index, slot) in self.slots.iter().enumerate() {
            checks.number(&format!("/predicate/slots/{index}/sequence"), slot.sequence)?;
            checks.sha256(format_args!("/predicate/slots/{index}/head"), &slot.head)?;
        }
        check_retired(self, &checks)
    }
}

fn check_retired(said: &Checkpoint, checks: &Checks<'_>) -> Result<(), PredicateError> {
    if !said.retired.is_empty() && !said.crit.iter().any(|name| name == "retired") {
        return Err(checks.refuse(
            "/predicate/crit",
            "`retired`, where something is listed there",
        ));
    }
    let places = said.retired.iter();
    let places: Vec<_> = places
        .map(|one| (&one.environment, &one.retirement))
        .collect();
    checks.sorted("/predicate/retired", &places)?;
    for (index, one) in said.retired.iter().enumerate() {
        let pointer = format!("/predicate/retired/{index}");
        checks.sha256(format_args!("{pointer}/retirement"), &one.retirement)?;
        if one.subjects.is_empty() {
            return Err(checks.refuse(format_args!("{pointer}/subjects"), "at least one digest"));
        }
        checks.sha256_set(&format!("{pointer}/subjects"), &one.subjects)?;
    }
    Ok(())
}
