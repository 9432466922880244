//! Rules of a file, with the names they refer to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_saphyr::Spanned;

use bulla_model::{EdgeKind, Environment, Tier};

use super::identity::IdentityRule;
use super::parse::{PolicyError, list, rule};
use super::place::Place;
use super::rules::{EdgeRule, EnvironmentRule, ReviewRule, TierRule, TightenRule};
use super::wire::{EdgeWire, Overdue, TightenWire};
use crate::regular::Patterns;
use crate::require::Requirements;

/// What names in a file may refer to.
pub(crate) struct Scope<'a> {
    pub(super) path: &'a Arc<str>,
    pub(super) environments: &'a BTreeMap<String, EnvironmentRule>,
    pub(super) identities: &'a BTreeMap<String, Vec<IdentityRule>>,
    /// What regular expressions may still take.
    pub(crate) patterns: &'a Patterns,
    /// The identities that were named so far.
    pub(super) used: &'a RefCell<BTreeSet<String>>,
}

impl Scope<'_> {
    pub(super) fn edge(
        &self,
        wire: Spanned<EdgeWire>,
        tiers: &BTreeMap<Tier, TierRule>,
    ) -> Result<EdgeRule, PolicyError> {
        let place = Place::new(self.path, wire.referenced);
        let edge = wire.value;
        let from = edge
            .from
            .as_deref()
            .map(|name| self.environment(name, &place))
            .transpose()?;
        let to = self.environment(&edge.to, &place)?;
        let from = ends(edge.kind, from, &to).map_err(|reason| rule(&place, reason))?;
        let review = review(&edge, &place)?;
        known_tiers(&edge.tiers, tiers, &place)?;
        let require = edge.require.read(self)?;
        asks_no_age(&require)?;
        Ok(EdgeRule {
            from,
            to,
            kind: edge.kind,
            tiers: edge.tiers,
            by: self.names(edge.by, &place)?,
            require,
            review,
            place,
        })
    }

    /// What is required besides; in a service's file, which has one tier, `tiers` is not for it.
    pub(super) fn tighten(
        &self,
        wires: Vec<Spanned<TightenWire>>,
        tiers: Option<&BTreeMap<Tier, TierRule>>,
    ) -> Result<Vec<TightenRule>, PolicyError> {
        let read = |wire: Spanned<TightenWire>| {
            let place = Place::new(self.path, wire.referenced);
            let wire = wire.value;
            match (tiers, wire.tiers.first()) {
                (None, Some(_)) => {
                    let reason = "`tiers` is for the base: a service has one tier";
                    return Err(rule(&place, reason.to_owned()));
                }
                (Some(tiers), _) => known_tiers(&wire.tiers, tiers, &place)?,
                (None, None) => {}
            }
            let require = wire.require.read(self)?;
            if !wire.standing {
                asks_no_age(&require)?;
            }
            Ok(TightenRule {
                to: self.environment(&wire.to, &place)?,
                tiers: wire.tiers,
                kinds: wire.kinds,
                effective_from: wire.effective_from,
                standing: wire.standing,
                require,
                place,
            })
        };
        wires.into_iter().map(read).collect()
    }

    pub(crate) fn environment(
        &self,
        name: &str,
        place: &Place,
    ) -> Result<Environment, PolicyError> {
        self.environments
            .get(name)
            .map(|rule| rule.uri.clone())
            .ok_or_else(|| {
                rule(
                    place,
                    format!(
                        "no environment `{name}`: expected one of {}",
                        list(self.environments.keys())
                    ),
                )
            })
    }

    /// Names of identities, each of which the policy has.
    pub(crate) fn names(&self, by: Vec<String>, place: &Place) -> Result<Vec<String>, PolicyError> {
        if by.is_empty() {
            return Err(rule(
                place,
                "`by` is empty: name at least one identity".into(),
            ));
        }
        match by.iter().find(|name| !self.identities.contains_key(*name)) {
            None => {
                self.used.borrow_mut().extend(by.iter().cloned());
                Ok(by)
            }
            Some(name) => Err(rule(
                place,
                format!(
                    "no identity `{name}`: expected one of {}",
                    list(self.identities.keys())
                ),
            )),
        }
    }

    /// A place in this file.
    pub(crate) fn place(&self, location: serde_saphyr::Location) -> Place {
        Place::new(self.path, location)
    }
}

/// A promotion has no age when it is made, and nothing else is asked later.
fn asks_no_age(require: &Requirements) -> Result<(), PolicyError> {
    require.promotion_age.as_ref().map_or(Ok(()), |age| {
        let reason = "`promotionAge` is asked at every moment: write it under `tighten`, with \
                      `standing: true`";
        Err(rule(&age.place, reason.to_owned()))
    })
}

fn known_tiers(
    named: &[Tier],
    tiers: &BTreeMap<Tier, TierRule>,
    place: &Place,
) -> Result<(), PolicyError> {
    let mut unknown = named.iter().filter(|tier| !tiers.contains_key(tier));
    unknown.next().map_or(Ok(()), |unknown| {
        let known = list(tiers.keys());
        let reason = format!("no tier `{unknown}`: expected one of {known}");
        Err(rule(place, reason))
    })
}

/// Where a step of this kind begins. What goes back or out begins where it ends.
fn ends(
    kind: EdgeKind,
    from: Option<Environment>,
    to: &Environment,
) -> Result<Option<Environment>, String> {
    let name = to.name();
    match (kind, from) {
        (EdgeKind::Rollback | EdgeKind::Retire, None) => Ok(Some(to.clone())),
        (EdgeKind::Rollback | EdgeKind::Retire, Some(from)) if from != *to => Err(format!(
            "a step of kind {kind} begins in the environment it is for: leave `from` out or write `from: {name}`"
        )),
        (EdgeKind::Import, Some(_)) => {
            Err("a step of kind import comes from outside the chain: leave `from` out".to_owned())
        }
        (EdgeKind::Promote | EdgeKind::Hotfix | EdgeKind::BreakGlass, Some(from))
            if from == *to =>
        {
            Err(format!("`from` and `to` are both `{name}`"))
        }
        (_, from) => Ok(from),
    }
}

fn review(edge: &EdgeWire, place: &Place) -> Result<Option<ReviewRule>, PolicyError> {
    let outside = matches!(edge.kind, EdgeKind::Hotfix | EdgeKind::BreakGlass);
    let Some(within) = edge.review_within else {
        if edge.kind == EdgeKind::BreakGlass {
            let reason = "a step of kind break-glass needs `reviewWithin`, for example `5d`";
            return Err(rule(place, reason.to_owned()));
        }
        if !edge.review_roles.is_empty() || edge.overdue_review == Overdue::Deny {
            let reason = "`reviewRoles` and `overdueReview` need `reviewWithin`";
            return Err(rule(place, reason.to_owned()));
        }
        return Ok(None);
    };
    if !outside {
        let reason = format!(
            "a step of kind {} goes through the gates: `reviewWithin` is for hotfix and break-glass",
            edge.kind
        );
        return Err(rule(place, reason));
    }
    Ok(Some(ReviewRule {
        within: within.0,
        roles: edge.review_roles.clone(),
        overdue_denies: edge.overdue_review == Overdue::Deny,
        place: place.clone(),
    }))
}
