//! The rule on provenance, as policies write it.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::pattern::Pattern;
use crate::policy::{Parts, Place, PolicyError, Scope, Value, pattern};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand, any_of};
use crate::verdict::Report;

/// Provenance.
#[derive(Clone, Debug)]
pub struct ProvenanceRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// Build types; empty means any.
    pub build_types: Vec<Pattern>,
    /// Builder ids; empty means any.
    pub builders: Vec<Pattern>,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    by: Vec<String>,
    #[serde(default)]
    build_types: Vec<String>,
    #[serde(default)]
    builders: Vec<String>,
}

impl ProvenanceRule {
    /// Takes any provenance that these identities sign.
    pub(crate) fn any(by: Vec<String>) -> Self {
        Self {
            by,
            build_types: Vec::new(),
            builders: Vec::new(),
            place: Place::of_file(&Arc::from("")),
        }
    }
}

impl Requirement for ProvenanceRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let patterns = |texts: &[String]| texts.iter().map(|text| pattern(text)).collect();
        Ok(Self {
            by: scope.names(wire.by, &place)?,
            build_types: patterns(&wire.build_types),
            builders: patterns(&wire.builders),
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let parts = vec![
            ("by", Value::any(&self.by)),
            ("buildTypes", Value::limit(&self.build_types)),
            ("builders", Value::limit(&self.builders)),
        ];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        super::judge(context, step.at, self, report);
    }
}

impl fmt::Display for ProvenanceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, place) = (self.by.join(" or "), &self.place);
        let types = any_of(&self.build_types, "any");
        let builders = any_of(&self.builders, "any");
        write!(
            f,
            "provenance signed by {by}, build type {types}, builder {builders}   [{place}]"
        )
    }
}
