//! Who may take things back, and who keeps the list of what was: the rules of ledgers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_model::Identity;
use jiff::Timestamp;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Policy;
use super::identity::{IdentityRule, Matched};
use super::parse::{PolicyError, list, rule};
use super::persons::identity;
use super::place::Place;
use super::wire::IdentityWire;
use crate::verified::SignedTime;

/// Who may revoke, and who may lift.
#[derive(Clone, Debug)]
pub struct RevocationsRule {
    /// Identities that may revoke; each of them alone.
    pub by: Vec<String>,
    /// Identities that may lift.
    pub lift_by: Vec<String>,
    /// How many distinct persons it takes to lift.
    pub lift_threshold: usize,
    /// Where it is written.
    pub place: Place,
}

/// Who signs the calendar of freezes.
#[derive(Clone, Debug)]
pub struct FreezesRule {
    /// Identities that may sign it; each of them alone.
    pub by: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FreezesWire {
    by: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RevocationsWire {
    by: Vec<String>,
    #[serde(default)]
    lift: Option<LiftWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LiftWire {
    by: Vec<String>,
    #[serde(default = "one")]
    threshold: usize,
}

fn one() -> usize {
    1
}

pub(super) fn revocations(
    path: &Arc<str>,
    wire: Option<Spanned<RevocationsWire>>,
    identities: &BTreeMap<String, Vec<IdentityRule>>,
) -> Result<Option<RevocationsRule>, PolicyError> {
    let Some(wire) = wire else { return Ok(None) };
    let place = Place::new(path, wire.referenced);
    let RevocationsWire { by, lift } = wire.value;
    let lift = lift.unwrap_or_else(|| LiftWire {
        by: by.clone(),
        threshold: one(),
    });
    for names in [&by, &lift.by] {
        named(names, &place, identities)?;
    }
    if lift.threshold == 0 {
        return Err(rule(
            &place,
            "`threshold` is 0: lifts need at least 1".into(),
        ));
    }
    Ok(Some(RevocationsRule {
        by,
        lift_by: lift.by,
        lift_threshold: lift.threshold,
        place,
    }))
}

pub(super) fn freezes(
    path: &Arc<str>,
    wire: Option<Spanned<FreezesWire>>,
    identities: &BTreeMap<String, Vec<IdentityRule>>,
) -> Result<Option<FreezesRule>, PolicyError> {
    let Some(wire) = wire else { return Ok(None) };
    let place = Place::new(path, wire.referenced);
    let by = wire.value.by;
    named(&by, &place, identities)?;
    Ok(Some(FreezesRule { by, place }))
}

/// Refuses a list that names nobody, or somebody there is not.
fn named(
    names: &[String],
    place: &Place,
    identities: &BTreeMap<String, Vec<IdentityRule>>,
) -> Result<(), PolicyError> {
    if names.is_empty() {
        let reason = "`by` is empty: name at least one identity";
        return Err(rule(place, reason.into()));
    }
    if let Some(name) = names.iter().find(|name| !identities.contains_key(*name)) {
        let known = list(identities.keys());
        let reason = format!("no identity `{name}`: expected one of {known}");
        return Err(rule(place, reason));
    }
    Ok(())
}

impl Policy {
    /// Whether somebody who signs now may sign the calendar of freezes.
    pub fn lets_freeze(&self, signer: &Identity, now: Timestamp) -> bool {
        let names = self.freezes.as_ref().map(|rule| &rule.by);
        self.is_any(names, signer, now)
    }

    /// Whether somebody who signs now may revoke, or lift.
    pub fn lets_revoke(&self, signer: &Identity, is_lift: bool, now: Timestamp) -> bool {
        let names = self
            .revocations
            .as_ref()
            .map(|rule| if is_lift { &rule.lift_by } else { &rule.by });
        self.is_any(names, signer, now)
    }

    fn is_any(&self, names: Option<&Vec<String>>, signer: &Identity, now: Timestamp) -> bool {
        let rules = names.into_iter().flatten();
        let mut rules = rules.filter_map(|name| self.identities.get(name)).flatten();
        let time = SignedTime::Claimed(now);
        rules.any(|rule| rule.matches(signer, time, now) == Matched::Yes)
    }
}

/// Identities as an anchor lists them: each one of these may sign.
#[derive(Clone, Debug, Default)]
pub struct Signers(pub(crate) Vec<IdentityRule>);

/// Reads identities outside of a policy.
pub(crate) fn signers(
    path: &Arc<str>,
    wires: Vec<Spanned<IdentityWire>>,
) -> Result<Signers, PolicyError> {
    let rules: Result<_, _> = wires.into_iter().map(|wire| identity(path, wire)).collect();
    rules.map(Signers)
}
