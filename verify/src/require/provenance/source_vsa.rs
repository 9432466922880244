//! Summaries of the source: how the commit that provenance names came to be.
//!
//! They follow the source track of SLSA, <https://slsa.dev/spec/v1.2/source-requirements>: the
//! subject is the commit, the resource its repository. They stand beside the artifact, since nothing
//! else is looked at.

use std::fmt;

use bulla_model::predicate::vsa::{self, VsaResult};
use bulla_model::predicate::{Provenance, Vsa};
use bulla_model::{Identity, Statement};
use jiff::Timestamp;
use serde::Deserialize;

use super::{ProvenanceRule, depth, repository_of};
use crate::eligible::{judge_time, match_any};
use crate::policy::{Matched, Place, PolicyError, Scope};
use crate::question::Context;
use crate::slsa::{has_levels, is_level};
use crate::verdict::Finding;
use crate::verified::Verified;

/// How a summary says that a level, or all of it, was not reached.
pub(super) const FAILED: &str = "FAILED";

/// A summary of the source commit.
#[derive(Clone, Debug)]
pub struct SourceVsaRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// Levels it has to reach.
    pub levels: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wire {
    by: Vec<String>,
    levels: Vec<String>,
}

impl SourceVsaRule {
    pub(super) fn read(wire: Wire, place: &Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let refuse = |reason: String| {
            let place = place.clone();
            Err(PolicyError::Rule { place, reason })
        };
        if wire.levels.is_empty() {
            return refuse("`levels` is empty: name one, such as SLSA_SOURCE_LEVEL_3".to_owned());
        }
        if let Some(odd) = wire.levels.iter().find(|level| !is_level(level)) {
            return refuse(format!("`{odd}` is no level that can be reached"));
        }
        Ok(Self {
            by: scope.names(wire.by, place)?,
            levels: wire.levels,
        })
    }
}

impl fmt::Display for SourceVsaRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (levels, by) = (self.levels.join(" and "), self.by.join(" or "));
        write!(f, "source {levels} by the word of {by}")
    }
}

/// Whether the commit reaches the levels: one summary says so, and none says that it failed.
pub(super) fn fits(
    context: &Context<'_>,
    at: Timestamp,
    rule: &ProvenanceRule,
    wanted: &SourceVsaRule,
    build: &Verified<Provenance>,
) -> Result<(), Finding> {
    let levels = wanted.levels.join(", ");
    let refuse = |message: &str, found: &str| {
        let message = message.to_owned();
        Err(depth::mismatch(rule, message, levels.clone(), found))
    };
    let Some((repository, commit)) = source(build) else {
        return refuse("provenance names no single source commit", "none");
    };
    let mut found: Vec<String> = Vec::new();
    let mut reaches = false;
    for summary in summaries(context, at, &wanted.by) {
        let is_subject = |statement: &Statement| {
            let mut subjects = statement.subjects().iter();
            subjects.any(|subject| {
                let digest = subject.digest.value("gitCommit");
                let digest = digest.or(subject.digest.value("sha1"));
                digest == Some(commit.as_str())
            })
        };
        if !is_subject(summary.value()) {
            continue;
        }
        let Ok(said) = summary.value().predicate::<Vsa>() else {
            return refuse("a summary of the source cannot be read", "unreadable");
        };
        let has_failed = said.verification_result != VsaResult::Passed
            || said.verified_levels.iter().any(|level| level == FAILED);
        if has_failed && depth::place_of(&said.resource_uri) == depth::place_of(&repository) {
            return refuse("a summary says that the source failed", FAILED);
        }
        if has_failed || repository_of(&said.resource_uri) != repository {
            continue;
        }
        reaches |= has_levels(&wanted.levels, &said.verified_levels);
        found.extend(said.verified_levels.into_iter().take(8));
    }
    if reaches {
        return Ok(());
    }
    let found = if found.is_empty() {
        "no summary".to_owned()
    } else {
        found.join(", ")
    };
    refuse("the source commit does not reach the levels", &found)
}

/// Repository and commit of the source; none if provenance says two of that repository, of which
/// either could have been built, or its signer's certificate another one.
fn source(build: &Verified<Provenance>) -> Option<(String, String)> {
    let source = build.value().source()?;
    let repository = repository_of(source.uri.as_deref()?);
    let claimed = match build.signer() {
        Identity::Certificate(certificate) => certificate.source_digest.as_deref(),
        Identity::Key { .. } => None,
    };
    let commit = depth::commits(source).next()?;
    let agrees = claimed.is_none_or(|claimed| claimed == commit);
    (agrees && depth::is_only_commit(build.value(), source))
        .then(|| (repository, commit.to_owned()))
}

/// Verified summaries by those who may sign them, of a good time.
pub(super) fn summaries<'a>(
    context: &Context<'a>,
    at: Timestamp,
    by: &[String],
) -> impl Iterator<Item = &'a Verified<Statement>> {
    let context = *context;
    let statements = context.candidates.iter();
    let statements = statements.filter_map(|candidate| candidate.outcome().ok());
    statements.filter(move |statement| {
        let (policy, current, now) = (
            context.policy,
            context.question.policy,
            context.question.now,
        );
        let (signer, time) = (statement.signer(), statement.time());
        statement.value().predicate_type().as_str() == vsa::TYPE
            && match_any(policy, current, by, signer, time, now) == Matched::Yes
            && judge_time(time, false, context.tier_rule, at, now, None).is_none()
    })
}
