//! Relays whose word goes further than it was meant to.

use bulla_model::EdgeKind;

use super::{Doubt, added};
use crate::anchor::Anchor;
use crate::policy::rules::EdgeRule;
use crate::policy::{ApprovalsRule, Policy};
use crate::relay::RelayRule;

impl Policy {
    /// What an anchor's relays may do under this policy that is hardly meant.
    pub fn relay_doubts(&self, anchor: &Anchor) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        for relay in anchor.relays() {
            let own = self.edges.iter().filter(|edge| is_told(self, edge, relay));
            for edge in own {
                kinds(self, edge, relay, &mut doubts);
                ages(self, edge, relay, &mut doubts);
            }
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

/// Whether approvals of this step count that the relay passes on.
fn is_told(policy: &Policy, edge: &EdgeRule, relay: &RelayRule) -> bool {
    let mut tiers = policy.tiers.iter();
    let is_of = |name| edge.tiers.is_empty() || edge.tiers.contains(name);
    relay.environments().contains(&edge.to)
        && relay.is_for(edge.kind)
        && tiers.any(|(name, rule)| rule.relayed_approvals && is_of(name))
}

/// A relay that says no kinds passes on approvals of emergencies too.
fn kinds(policy: &Policy, edge: &EdgeRule, relay: &RelayRule, doubts: &mut Vec<Doubt>) {
    if relay.names_kinds() || edge.kind == EdgeKind::Promote || rules(policy, edge).next().is_none()
    {
        return;
    }
    let name = policy.name_of(&edge.to).unwrap_or_default();
    let text = format!(
        "the relay names no `kinds`, so it passes on approvals of {} into {name} too",
        edge.kind
    );
    doubts.push(Doubt::new(relay.place(), text));
}

/// A request that was merged long ago is still there to be passed on.
fn ages(policy: &Policy, edge: &EdgeRule, relay: &RelayRule, doubts: &mut Vec<Doubt>) {
    let is_of_base = |(is_base, _): &(bool, _)| *is_base;
    let mut base = rules(policy, edge).filter(is_of_base);
    if base.any(|(_, rule)| rule.max_age.is_some()) {
        return;
    }
    for (_, rule) in rules(policy, edge).filter(|(_, rule)| rule.max_age.is_none()) {
        let text = format!(
            "approvals have no `maxAge`, so a relay ({}) may pass on a review of any age",
            relay.place()
        );
        doubts.push(Doubt::new(&rule.place, text));
    }
}

/// The rules about approvals of a step, and whether each is the base's.
fn rules<'p>(
    policy: &'p Policy,
    edge: &'p EdgeRule,
) -> impl Iterator<Item = (bool, &'p ApprovalsRule)> {
    let own = edge.require.approvals.iter().map(|rule| (true, rule));
    let more = added(policy, edge);
    own.chain(more.filter_map(|(service, require)| {
        let rule = require.approvals.as_ref()?;
        Some((service.is_none(), rule))
    }))
}
