//! The rule on provenance, as policies write it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::source_vsa::{self, SourceVsaRule};
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
    /// Refs of the source; empty means any.
    pub refs: Vec<Pattern>,
    /// JSON pointers into `externalParameters`, and what has to be there.
    pub parameters: Vec<(String, Pattern)>,
    /// What a summary of the source commit has to say.
    pub source_vsa: Option<SourceVsaRule>,
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
    #[serde(default)]
    refs: Vec<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    source_vsa: Option<source_vsa::Wire>,
}

impl ProvenanceRule {
    /// Takes any provenance that these identities sign.
    pub(crate) fn any(by: Vec<String>) -> Self {
        Self {
            by,
            build_types: Vec::new(),
            builders: Vec::new(),
            refs: Vec::new(),
            parameters: Vec::new(),
            source_vsa: None,
            place: Place::of_file(&Arc::from("")),
        }
    }
}

impl Requirement for ProvenanceRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let patterns = |texts: &[String]| texts.iter().map(|text| pattern(text)).collect();
        let mut pointers = wire.parameters.keys();
        if let Some(odd) = pointers.find(|pointer| !pointer.starts_with('/')) {
            let reason = format!("`{odd}` is no JSON pointer: it begins with `/`");
            return Err(PolicyError::Rule { place, reason });
        }
        let parameters = wire.parameters.iter();
        let parameters = parameters.map(|(pointer, text)| (pointer.clone(), pattern(text)));
        let source_vsa = wire.source_vsa;
        Ok(Self {
            by: scope.names(wire.by, &place)?,
            build_types: patterns(&wire.build_types),
            builders: patterns(&wire.builders),
            refs: patterns(&wire.refs),
            parameters: parameters.collect(),
            source_vsa: source_vsa
                .map(|wire| SourceVsaRule::read(wire, &place, scope))
                .transpose()?,
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let parameters = self.parameters.iter();
        let parameters: Vec<_> = parameters
            .map(|(pointer, pattern)| format!("{pointer}: {pattern}"))
            .collect();
        let mut parts = vec![
            ("by", Value::any(&self.by)),
            ("buildTypes", Value::limit(&self.build_types)),
            ("builders", Value::limit(&self.builders)),
            ("refs", Value::limit(&self.refs)),
            ("parameters", Value::demands(&parameters)),
        ];
        if let Some(rule) = &self.source_vsa {
            let (by, levels) = (rule.by.join(" or "), rule.levels.join(" and "));
            let text = format!("{levels} by {by}");
            parts.push(("sourceVsa", Value::Whole(text)));
        }
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
            "provenance signed by {by}, build type {types}, builder {builders}"
        )?;
        if !self.refs.is_empty() {
            write!(f, ", source ref {}", any_of(&self.refs, ""))?;
        }
        for (pointer, pattern) in &self.parameters {
            write!(f, ", parameter {pointer} is {pattern}")?;
        }
        if let Some(wanted) = &self.source_vsa {
            write!(f, ", {wanted}")?;
        }
        write!(f, "   [{place}]")
    }
}
