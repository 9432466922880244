//! The rule on provenance, as policies write it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::level::{self, BuildVsaRule};
use super::source_vsa::{self, SourceVsaRule};
use crate::pattern::Pattern;
use crate::policy::{
    Effect, HIGHEST_LEVEL, LOWEST_LEVEL, Parts, Place, PolicyError, Scope, Value, pattern,
};
use crate::question::Context;
use crate::require::{Coverage, Requirement, StepAtHand, any_of};
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
    /// The level of SLSA's build track; none asks for no more than that provenance is there.
    pub level: Option<u8>,
    /// A summary of the artifact that may vouch for the level too.
    pub build_vsa: Option<BuildVsaRule>,
    /// What a summary of the source commit has to say.
    pub source_vsa: Option<SourceVsaRule>,
    /// What of an image it has to be about.
    pub coverage: Coverage,
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
    level: Option<u8>,
    #[serde(default)]
    build_vsa: Option<level::Wire>,
    #[serde(default)]
    source_vsa: Option<source_vsa::Wire>,
    #[serde(default)]
    coverage: Coverage,
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
            level: None,
            build_vsa: None,
            source_vsa: None,
            coverage: Coverage::Index,
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
        level_is_asked(&wire).map_err(|reason| PolicyError::Rule {
            place: place.clone(),
            reason,
        })?;
        let parameters = wire.parameters.iter();
        let parameters = parameters.map(|(pointer, text)| (pointer.clone(), pattern(text)));
        let source_vsa = wire.source_vsa;
        Ok(Self {
            by: scope.names(wire.by, &place)?,
            build_types: patterns(&wire.build_types),
            builders: patterns(&wire.builders),
            refs: patterns(&wire.refs),
            parameters: parameters.collect(),
            level: wire.level,
            build_vsa: wire
                .build_vsa
                .map(|wire| BuildVsaRule::read(wire, &place, scope))
                .transpose()?,
            source_vsa: source_vsa
                .map(|wire| SourceVsaRule::read(wire, &place, scope))
                .transpose()?,
            coverage: wire.coverage,
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
        let level = self.level.unwrap_or(LOWEST_LEVEL);
        parts.push(("level", Value::Count(level.into())));
        parts.push(("coverage", Value::Word(self.coverage.to_string())));
        if let Some(rule) = &self.build_vsa {
            let there = Value::There(Effect::Loosened, rule.to_string());
            parts.push(("buildVsa", there));
            // Whoever may sign one may also say that the artifact failed.
            parts.push(("buildVsa.by", Value::words(&rule.by)));
            parts.push(("buildVsa.verifier", Value::Word(rule.verifier.clone())));
            parts.push(("buildVsa.resources", Value::words(&rule.resources)));
        }
        if let Some(rule) = &self.source_vsa {
            let (by, levels) = (rule.by.join(" or "), rule.levels.join(" and "));
            let text = format!("{levels} by {by}");
            parts.push(("sourceVsa", Value::Whole(text)));
        }
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        super::judge(context, step.at, self, report);
    }
}

/// Whether a level can be asked for, and is where something is said of it.
fn level_is_asked(wire: &Wire) -> Result<(), String> {
    match (wire.level, &wire.build_vsa) {
        (None, Some(_)) => Err("`buildVsa` needs `level`".to_owned()),
        (Some(LOWEST_LEVEL), _) => Err(format!(
            "`level` is {LOWEST_LEVEL}, which every provenance has: leave it out"
        )),
        (Some(level), _) if !(LOWEST_LEVEL..=HIGHEST_LEVEL).contains(&level) => Err(format!(
            "`level` is {level}: the build track of SLSA has {LOWEST_LEVEL} to {HIGHEST_LEVEL}"
        )),
        _ => Ok(()),
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
        if let Some(level) = self.level {
            write!(f, ", SLSA build level {level}")?;
        }
        if let Some(summary) = &self.build_vsa {
            write!(f, " or {summary}")?;
        }
        if let Some(wanted) = &self.source_vsa {
            write!(f, ", {wanted}")?;
        }
        write!(f, "{}   [{place}]", self.coverage.told())
    }
}
