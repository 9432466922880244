//! Rules of a file, with the names they refer to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_saphyr::Spanned;

use bulla_model::{Environment, Tier};

use super::identity::IdentityRule;
use super::parse::{PolicyError, list, pattern, rule};
use super::place::Place;
use super::rules::{
    ApprovalsRule, EdgeRule, EnvironmentRule, Exclusion, ProvenanceRule, Requirements, SbomRule,
    TestsRule, TierRule,
};
use super::wire::{EdgeWire, RequireWire};

/// What names in a file may refer to.
pub(super) struct Scope<'a> {
    pub(super) path: &'a Arc<str>,
    pub(super) environments: &'a BTreeMap<String, EnvironmentRule>,
    pub(super) identities: &'a BTreeMap<String, Vec<IdentityRule>>,
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
            .map(|name| self.environment(&name, &place))
            .transpose()?;
        let to = self.environment(&edge.to, &place)?;
        if from.as_ref() == Some(&to) {
            return Err(rule(
                &place,
                format!("`from` and `to` are both `{}`", edge.to),
            ));
        }
        if let Some(unknown) = edge.tiers.iter().find(|tier| !tiers.contains_key(tier)) {
            return Err(rule(
                &place,
                format!(
                    "no tier `{unknown}`: expected one of {}",
                    list(tiers.keys())
                ),
            ));
        }
        Ok(EdgeRule {
            from,
            to,
            kind: edge.kind,
            tiers: edge.tiers,
            by: self.names(edge.by, &place)?,
            require: self.requirements(edge.require)?,
            place,
        })
    }

    pub(super) fn environment(
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

    fn names(&self, by: Vec<String>, place: &Place) -> Result<Vec<String>, PolicyError> {
        if by.is_empty() {
            return Err(rule(
                place,
                "`by` is empty: name at least one identity".into(),
            ));
        }
        match by.iter().find(|name| !self.identities.contains_key(*name)) {
            None => Ok(by),
            Some(name) => Err(rule(
                place,
                format!(
                    "no identity `{name}`: expected one of {}",
                    list(self.identities.keys())
                ),
            )),
        }
    }

    pub(super) fn requirements(&self, wire: RequireWire) -> Result<Requirements, PolicyError> {
        let mut out = Requirements::default();
        if let Some(spanned) = wire.provenance {
            let place = Place::new(self.path, spanned.referenced);
            let patterns = |texts: &[String]| texts.iter().map(|text| pattern(text)).collect();
            out.provenance = Some(ProvenanceRule {
                by: self.names(spanned.value.by, &place)?,
                build_types: patterns(&spanned.value.build_types),
                builders: patterns(&spanned.value.builders),
                place,
            });
        }
        if let Some(spanned) = wire.sbom {
            let place = Place::new(self.path, spanned.referenced);
            out.sbom = Some(SbomRule {
                by: self.names(spanned.value.by, &place)?,
                formats: spanned.value.formats,
                max_age: spanned.value.max_age.map(|age| age.0),
                place,
            });
        }
        if let Some(spanned) = wire.tests {
            let place = Place::new(self.path, spanned.referenced);
            out.tests = Some(TestsRule {
                by: self.names(spanned.value.by, &place)?,
                max_age: spanned.value.max_age.map(|age| age.0),
                place,
            });
        }
        if let Some(spanned) = wire.approvals {
            let place = Place::new(self.path, spanned.referenced);
            if spanned.value.threshold == 0 {
                // F18: a threshold of none has been accepted as "satisfied".
                return Err(rule(
                    &place,
                    "`threshold` is 0: leave `approvals` out instead".into(),
                ));
            }
            out.approvals = Some(ApprovalsRule {
                threshold: spanned.value.threshold,
                roles: spanned.value.roles,
                exclude: spanned
                    .value
                    .exclude
                    .unwrap_or_else(|| Exclusion::DEFAULT.to_vec()),
                max_age: spanned.value.max_age.map(|age| age.0),
                place,
            });
        }
        Ok(out)
    }
}
