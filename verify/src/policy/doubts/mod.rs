//! Doubts: what a policy may say but hardly means. Rules that nobody can meet, names that nothing uses.
//!
//! A doubt is only said where the policy alone decides it. None of them changes a verdict.

mod actors;
mod approvals;
mod conditions;
mod levels;
mod names;
mod records;
mod relays;
mod sources;
mod ways;

use bulla_model::{EdgeKind, Tier};
use jiff::Timestamp;
use serde::Serialize;

use super::place::Place;
use super::rules::{EdgeRule, ServiceRule, TightenRule};
use super::{Policy, Requirements, Service};
use crate::pattern::Effort;

/// Steps that comparing the patterns of one policy may take: a fraction of a second.
const EFFORT: u64 = 1 << 26;

/// Something that is allowed and hardly meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// Where it is written.
    pub place: Place,
    /// What is odd, one line.
    pub text: String,
}

impl Doubt {
    fn new(place: &Place, text: impl Into<String>) -> Self {
        let (place, text) = (place.clone(), text.into());
        Self { place, text }
    }
}

impl Policy {
    /// What this policy hardly means, as of a time: keys come and go.
    pub fn doubts(&self, now: Timestamp) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        for edge in &self.edges {
            approvals::doubt(self, edge, now, &mut doubts);
            conditions::doubt(self, edge, &mut doubts);
            let is_way_in = !matches!(edge.kind, EdgeKind::Rollback | EdgeKind::Retire);
            if is_way_in && !needs_provenance(self, edge) {
                doubts.push(Doubt::new(&edge.place, "the step needs no provenance"));
            }
        }
        ways::doubt(self, &mut doubts);
        names::doubt(self, now, &mut doubts);
        levels::doubt(self, &mut doubts);
        records::doubt(self, &mut doubts);
        approvals::accounts(self, &mut doubts);
        let mut effort = Effort::new(EFFORT);
        let mut stopped = actors::doubt(self, &mut effort, &mut doubts);
        if stopped.is_none() {
            stopped = sources::doubt(self, &mut effort, &mut doubts);
        }
        if let Some(place) = stopped {
            let text = "there are too many patterns, or too long ones, to compare all of them: from \
                        here on nobody looked whether two of them meet";
            doubts.push(Doubt::new(&place, text));
        }
        let mut told: Vec<Doubt> = Vec::with_capacity(doubts.len());
        for doubt in doubts {
            if !told.contains(&doubt) {
                told.push(doubt);
            }
        }
        told
    }
}

/// Whether everything that takes a step needs provenance: by the base, or since every service adds it.
fn needs_provenance(policy: &Policy, edge: &EdgeRule) -> bool {
    let fits = |tier| edge.tiers.is_empty() || edge.tiers.contains(tier);
    let adds = |rule: &ServiceRule| {
        let about = |added: &&TightenRule| added.is_about(&edge.to, edge.kind, &rule.tier);
        let mut added = policy.tighten.iter().chain(&rule.tighten).filter(about);
        added.any(|added| added.require.provenance.is_some())
    };
    let mut services = policy.services.values().filter(|rule| fits(&rule.tier));
    let every = services.next().is_some_and(adds) && services.all(adds);
    every || edge.require.provenance.is_some()
}

/// What the base and services add to a step; the base for no service in particular.
fn added<'p>(
    policy: &'p Policy,
    edge: &'p EdgeRule,
) -> impl Iterator<Item = (Option<&'p Service>, &'p Requirements)> {
    let own = policy.services.iter().flat_map(|(name, rule)| {
        let tiers = std::slice::from_ref(&rule.tier);
        let own = rule.tighten.iter();
        own.map(move |added| (Some(name), added, tiers))
    });
    let base = policy.tighten.iter();
    base.map(|added| (None, added, added.tiers.as_slice()))
        .chain(own)
        .filter(|(_, added, tiers)| meets(added, tiers, edge))
        .map(|(name, added, _)| (name, &added.require))
}

/// Whether what is added for these tiers, or all, is asked of a step.
fn meets(added: &TightenRule, tiers: &[Tier], edge: &EdgeRule) -> bool {
    added.to == edge.to
        && (added.kinds.is_empty() || added.kinds.contains(&edge.kind))
        && (tiers.is_empty()
            || edge.tiers.is_empty()
            || tiers.iter().any(|tier| edge.tiers.contains(tier)))
}
