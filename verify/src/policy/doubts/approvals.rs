//! Approvals and reviews that nobody could give.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_model::{Person, Role};
use jiff::Timestamp;

use super::{Doubt, added};
use crate::policy::place::Place;
use crate::policy::rules::EdgeRule;
use crate::policy::{ApprovalsRule, Exclusion, Policy, Service};
use crate::require::provenance::builders;

/// What approvals of a step, or its review, could never be.
pub(super) fn doubt(policy: &Policy, edge: &EdgeRule, now: Timestamp, doubts: &mut Vec<Doubt>) {
    if let Some(rule) = &edge.require.approvals {
        threshold(policy, edge, rule, None, now, doubts);
    }
    for (service, require) in added(policy, edge) {
        if let Some(rule) = &require.approvals {
            threshold(policy, edge, rule, service, now, doubts);
        }
    }
    if let Some(rule) = &edge.review {
        roles(policy, &rule.place, &rule.roles, doubts);
        let able = able(policy, &rule.roles, now);
        let left = fewest(&able, &[promoters(policy, edge)]);
        if left == 0 {
            let text = "nobody could give the review: it takes a person who did not promote";
            doubts.push(Doubt::new(&rule.place, text));
        }
    }
}

/// Tiers that take what relays pass on, of accounts that nobody has.
pub(super) fn accounts(policy: &Policy, doubts: &mut Vec<Doubt>) {
    let mut persons = policy.people.persons.values();
    if persons.any(|rule| !rule.accounts.is_empty()) {
        return;
    }
    let place = Place::of_file(&Arc::from(policy.base.path.as_str()));
    for (tier, rule) in &policy.tiers {
        if rule.relayed_approvals {
            let text = format!("tier `{tier}` takes relayed approvals and nobody has `accounts`");
            doubts.push(Doubt::new(&place, text));
        }
    }
}

fn threshold(
    policy: &Policy,
    edge: &EdgeRule,
    rule: &ApprovalsRule,
    service: Option<&Service>,
    now: Timestamp,
    doubts: &mut Vec<Doubt>,
) {
    roles(policy, &rule.place, &rule.roles, doubts);
    let able = able(policy, &rule.roles, now);
    let excludes = |one: Exclusion| rule.exclude.contains(&one);
    let mut out = Vec::new();
    if excludes(Exclusion::Promoter) || excludes(Exclusion::Requester) {
        out.push(promoters(policy, edge));
    }
    if excludes(Exclusion::Builder) {
        let by = builders(policy);
        out.push(persons(policy, &by));
    }
    let left = fewest(&able, &out);
    if left >= rule.threshold {
        return;
    }
    let of = service.map_or_else(String::new, |service| format!(" for `{service}`"));
    let without = if left < able.len() {
        ", whoever promotes or builds left out"
    } else {
        ""
    };
    let text = format!(
        "{} approvals are needed{of} and {left} persons may give one{without}",
        rule.threshold
    );
    doubts.push(Doubt::new(&rule.place, text));
}

/// Roles that nobody holds.
fn roles(policy: &Policy, place: &Place, roles: &[Role], doubts: &mut Vec<Doubt>) {
    for role in roles {
        if policy.people.holders(std::slice::from_ref(role)).is_empty() {
            doubts.push(Doubt::new(place, format!("nobody holds the role `{role}`")));
        }
    }
}

/// Who holds one of the roles and could sign now, or be spoken for.
fn able<'p>(policy: &'p Policy, roles: &[Role], now: Timestamp) -> BTreeSet<&'p Person> {
    let holders = policy.people.holders(roles).into_iter();
    let takes_relayed = policy.tiers.values().any(|tier| tier.relayed_approvals);
    let signs = |person: &&Person| {
        let rule = policy.people.persons.get(*person);
        rule.is_some_and(|rule| {
            let is_told = takes_relayed && !rule.accounts.is_empty();
            is_told || rule.identities.iter().any(|one| one.is_usable(now))
        })
    };
    holders.filter(signs).collect()
}

fn promoters<'p>(policy: &'p Policy, edge: &EdgeRule) -> BTreeSet<Option<&'p Person>> {
    persons(policy, &edge.by)
}

/// The persons behind named identities; `None` stands for whoever is none, or could be any.
fn persons<'p>(policy: &'p Policy, by: &[String]) -> BTreeSet<Option<&'p Person>> {
    let rules = by.iter().filter_map(|name| policy.identities.get(name));
    let mut found: BTreeSet<_> = rules
        .flatten()
        .map(|rule| {
            let mut persons = policy.people.persons.iter();
            let is = |own: &super::super::IdentityRule| own.covers(rule);
            persons
                .find(|(_, person)| person.identities.iter().any(is))
                .map(|(person, _)| person)
        })
        .collect();
    if found.is_empty() {
        found.insert(None);
    }
    found
}

/// How many are left in the best case: of each group somebody takes part and is left out, one person
/// for both if that can be. Whoever is nobody, or could not approve anyway, takes none away.
fn fewest(able: &BTreeSet<&Person>, groups: &[BTreeSet<Option<&Person>>]) -> usize {
    let is_able = |person: Option<&Person>| person.is_some_and(|person| able.contains(person));
    let is_closed = |group: &&BTreeSet<_>| group.iter().copied().all(is_able);
    let mut closed = groups.iter().filter(is_closed);
    let out = match (closed.next(), closed.next()) {
        (None, _) => 0,
        (Some(one), Some(other)) if one.is_disjoint(other) => 2,
        (Some(_), _) => 1,
    };
    able.len().saturating_sub(out)
}
