//! The level of SLSA's build track: what the policy says of the builder, or a summary of the artifact.

use std::fmt;

use bulla_model::predicate::vsa::VsaResult;
use bulla_model::predicate::{Provenance, Vsa};
use jiff::Timestamp;
use serde::Deserialize;

use super::{ProvenanceRule, depth, source_vsa};
use crate::evidence::Evidence;
use crate::pattern::Pattern;
use crate::policy::{Place, PolicyError, Scope, pattern};
use crate::question::Context;
use crate::require::any_of;
use crate::slsa::has_levels;
use crate::verdict::Finding;
use crate::verified::Verified;

/// A summary of the artifact that may vouch for the level too.
#[derive(Clone, Debug)]
pub struct BuildVsaRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// Who has to have verified: `verifier.id`.
    pub verifier: String,
    /// What has to have been verified: `resourceUri`.
    pub resources: Vec<Pattern>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wire {
    by: Vec<String>,
    verifier: String,
    resources: Vec<String>,
}

impl BuildVsaRule {
    pub(super) fn read(wire: Wire, place: &Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let reason = match (&*wire.verifier, wire.resources.is_empty()) {
            ("", _) => Some("`verifier` is empty: write the `verifier.id` that summaries have"),
            (_, true) => Some("`resources` is empty: name what summaries are about"),
            _ => None,
        };
        if let Some(reason) = reason {
            let (place, reason) = (place.clone(), reason.to_owned());
            return Err(PolicyError::Rule { place, reason });
        }
        Ok(Self {
            by: scope.names(wire.by, place)?,
            verifier: wire.verifier,
            resources: wire.resources.iter().map(|text| pattern(text)).collect(),
        })
    }
}

impl fmt::Display for BuildVsaRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, verifier) = (self.by.join(" or "), &self.verifier);
        let resources = any_of(&self.resources, "");
        write!(f, "a summary of {resources} by {verifier}, signed by {by}")
    }
}

/// How a level was found to be high enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    /// By the policy's word on the builder, or because none is asked for.
    Built,
    /// By a summary; another one that says otherwise may be missing.
    Summed,
}

/// Whether the build reaches the level that is asked for.
pub(super) fn fits(
    context: &Context<'_>,
    at: Timestamp,
    rule: &ProvenanceRule,
    build: &Verified<Provenance>,
) -> Result<Reached, Finding> {
    let Some(wanted) = rule.level else {
        return Ok(Reached::Built);
    };
    let (current, now) = (context.question.policy, context.question.now);
    let builder = &build.value().run_details.builder.id;
    let signer = (build.signer(), build.time());
    let found = context.policy.build_level(current, builder, signer, now);
    if found >= wanted {
        return Ok(Reached::Built);
    }
    let summed = rule.build_vsa.as_ref();
    if summed.is_some_and(|summary| vouches(context, at, wanted, summary)) {
        return Ok(Reached::Summed);
    }
    let message = "the builder is not trusted up to the level".to_owned();
    let found = format!("level {found}, {builder}");
    Err(depth::mismatch(
        rule,
        message,
        format!("level {wanted}"),
        &found,
    ))
}

/// Whether one summary says that the artifact reaches the level, and none that it failed.
fn vouches(context: &Context<'_>, at: Timestamp, wanted: u8, rule: &BuildVsaRule) -> bool {
    let level = [format!("SLSA_BUILD_LEVEL_{wanted}")];
    let mut reaches = false;
    for summary in source_vsa::summaries(context, at, &rule.by) {
        if !Evidence::is_about(summary.value(), context.against) {
            continue;
        }
        let Ok(said) = summary.value().predicate::<Vsa>() else {
            return false;
        };
        let mut resources = rule.resources.iter();
        let is_meant = said.verifier.id == rule.verifier
            && resources.any(|pattern| pattern.matches(&said.resource_uri));
        if !is_meant {
            continue;
        }
        let failed = said
            .verified_levels
            .iter()
            .any(|level| level == source_vsa::FAILED);
        if failed || said.verification_result != VsaResult::Passed {
            return false;
        }
        let is_own = Evidence::is_about(summary.value(), context.own);
        reaches |= is_own && has_levels(&level, &said.verified_levels);
    }
    reaches
}
