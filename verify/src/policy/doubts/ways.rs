//! Environments that no way leads into, and soak where no way passes.

use std::collections::BTreeSet;

use bulla_model::{EdgeKind, Environment, Tier};

use super::{Doubt, added, meets};
use crate::policy::Policy;
use crate::policy::rules::{EdgeRule, TightenRule};

/// What cannot be reached.
pub(super) fn doubt(policy: &Policy, doubts: &mut Vec<Doubt>) {
    let reached = reached(policy, None);
    for (name, rule) in &policy.environments {
        if !reached.contains(&rule.uri) {
            let text = format!("no way leads from a build into `{name}`");
            doubts.push(Doubt::new(&rule.place, text));
        }
    }
    for edge in &policy.edges {
        if let Some(from) = edge.from.as_ref().filter(|from| !reached.contains(from)) {
            let name = policy.name_of(from).unwrap_or_default();
            let text = format!("the step begins in `{name}`, where nothing ever is");
            doubts.push(Doubt::new(&edge.place, text));
        }
        soak(policy, edge, doubts);
    }
    for rule in &policy.tighten {
        idle(policy, rule, &rule.tiers, doubts);
    }
    for (name, rule) in &policy.services {
        for added in &rule.tighten {
            idle(policy, added, std::slice::from_ref(&rule.tier), doubts);
        }
        if !policy.edges.is_empty() && self::reached(policy, Some(&rule.tier)).is_empty() {
            let text = format!("no step lets `{name}` of tier `{}` in anywhere", rule.tier);
            doubts.push(Doubt::new(&rule.place, text));
        }
    }
    if policy.services.is_empty() {
        let place = super::Place::of_file(&policy.base.path.as_str().into());
        let text = "no service is described, so nothing can be allowed";
        doubts.push(Doubt::new(&place, text));
    }
}

/// The environments that something of a tier, or of any, could come into.
fn reached<'p>(policy: &'p Policy, tier: Option<&Tier>) -> BTreeSet<&'p Environment> {
    let fits = |edge: &&EdgeRule| {
        let for_tier = tier.is_none_or(|tier| edge.tiers.contains(tier));
        is_forward(edge) && (edge.tiers.is_empty() || for_tier)
    };
    let mut found = BTreeSet::new();
    loop {
        let before = found.len();
        for edge in policy.edges.iter().filter(fits) {
            if edge.from.as_ref().is_none_or(|from| found.contains(from)) {
                found.insert(&edge.to);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// What is added to no step.
fn idle(policy: &Policy, added: &TightenRule, tiers: &[Tier], doubts: &mut Vec<Doubt>) {
    if !policy.edges.iter().any(|edge| meets(added, tiers, edge)) {
        let to = policy.name_of(&added.to).unwrap_or_default();
        let text = format!("no step into `{to}` is of the tiers and kinds that this is for");
        doubts.push(Doubt::new(&added.place, text));
    }
}

/// Soak in an environment that no way to the step passes.
fn soak(policy: &Policy, edge: &EdgeRule, doubts: &mut Vec<Doubt>) {
    let mut passed: BTreeSet<&Environment> = edge.from.iter().collect();
    loop {
        let before = passed.len();
        for earlier in policy.edges.iter().filter(|edge| is_forward(edge)) {
            if passed.contains(&earlier.to) {
                passed.extend(&earlier.from);
            }
        }
        if passed.len() == before {
            break;
        }
    }
    let own = edge.require.soak.iter();
    let added = added(policy, edge).filter_map(|(_, require)| require.soak.as_ref());
    for rule in own.chain(added) {
        if !passed.contains(&rule.environment) {
            let name = |uri| policy.name_of(uri).unwrap_or_default();
            let (soak, to) = (name(&rule.environment), name(&edge.to));
            let text = format!("soak in `{soak}`, which no way into `{to}` passes");
            doubts.push(Doubt::new(&rule.place, text));
        }
    }
}

fn is_forward(edge: &EdgeRule) -> bool {
    !matches!(edge.kind, EdgeKind::Rollback | EdgeKind::Retire)
}
