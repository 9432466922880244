//! The question a verdict answers, and what all its checks share.

use jiff::Timestamp;

use bulla_model::predicate::checkpoint::Retired;
use bulla_model::{Digest, Limits, Service, SubjectSet, Tier};

use crate::anchor::Anchor;
use crate::candidate::Candidate;
use crate::evidence::Evidence;
use crate::ledger::Calendars;
use crate::platforms::Platforms;
use crate::policy::{Policy, TierRule};
use crate::state::State;
use crate::trust::Trust;

/// What is asked, with everything the answer may depend on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds a callback")]
pub struct Question<'a> {
    /// The artifact as people write it, for hints; never believed.
    pub name: &'a str,
    /// What was found beside it.
    pub evidence: &'a Evidence,
    /// The policy.
    pub policy: &'a Policy,
    /// Keys and trusted roots; must hold at least the policy's keys.
    pub trust: &'a Trust,
    /// What this verifier was told out of band.
    pub anchor: Option<&'a Anchor>,
    /// What this verifier has seen before.
    pub state: Option<&'a State>,
    /// The time to judge at.
    pub now: Timestamp,
    /// Bounds.
    pub limits: &'a Limits,
    /// Asked between attestations, and before a condition is asked of one; `true` ends the work with "could not find out".
    pub cancelled: &'a dyn Fn() -> bool,
}

/// A question that cannot be asked: exit 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// The policy has no such environment.
    #[error("the policy has no environment `{}`: expected one of {known}", name.escape_debug())]
    NoEnvironment {
        /// What was asked for.
        name: String,
        /// The policy's environments.
        known: String,
    },
    /// The anchor does not let this verifier speak for the environment.
    #[error("the anchor does not name {environment}: this verifier acts for {known}")]
    NotOurs {
        /// What was asked for.
        environment: String,
        /// The anchor's environments.
        known: String,
    },
    /// A step of several is asked about for something else.
    #[error("{artifact} is not among those that the step is for")]
    NotInSet {
        /// The artifact.
        artifact: Digest,
    },
    /// The evidence names no artifact.
    #[error("no artifact was named")]
    NoArtifact,
}

/// What the checks of one verdict share.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) question: &'a Question<'a>,
    pub(crate) candidates: &'a [Candidate],
    /// The artifact, or the platform of it that is looked at; then the indexes that list it.
    pub(crate) covering: &'a [Digest],
    /// What a statement has to be about to speak for it: all of these, unless a rule asks about each
    /// platform.
    pub(crate) own: &'a [Digest],
    /// What a statement has to be about to speak against it.
    pub(crate) against: &'a [Digest],
    /// All that statements may be about: its platforms too, where a rule asks about them.
    pub(crate) bearing: &'a [Digest],
    /// What of the artifact can run.
    pub(crate) platforms: &'a Platforms,
    pub(crate) service: &'a Service,
    pub(crate) tier: &'a Tier,
    pub(crate) tier_rule: TierRule,
    /// The calendars of freezes.
    pub(crate) calendars: &'a Calendars,
    /// The retirements that the ledger's owner listed.
    pub(crate) retired: &'a [Retired],
    /// The version of the policy that applies to the step being judged.
    pub(crate) policy: &'a Policy,
}

impl<'a> Context<'a> {
    /// What to type to mean all that takes a step: as it was typed, or else the artifact, with a word
    /// for those that were not named.
    pub(crate) fn release(&self, names: Option<&str>, set: Option<&SubjectSet>) -> String {
        match names {
            Some(names) => names.to_owned(),
            None if set.is_some_and(|set| set.len() > 1) => {
                format!("{} OTHERS", self.question.name)
            }
            None => self.question.name.to_owned(),
        }
    }

    /// A command about all of them, as a hint; in words where only the artifact can be named, because
    /// it cannot be typed as it is.
    pub(crate) fn command(
        &self,
        (names, set): (Option<&str>, Option<&SubjectSet>),
        (verb, rest): (&str, String),
    ) -> String {
        let command = format!("bulla {verb} {} {rest}", self.release(names, set));
        match names {
            None if set.is_some_and(|set| set.len() > 1) => {
                format!("with those it came with: {command}")
            }
            _ => command,
        }
    }

    /// The same, with the tier the service had under this version of the policy; `None` if that
    /// version does not know the service.
    pub(crate) fn under(&self, policy: &'a Policy) -> Option<Self> {
        let tier = &policy.services.get(self.service)?.tier;
        let tier_rule = *policy.tiers.get(tier)?;
        Some(Self {
            tier,
            tier_rule,
            policy,
            ..*self
        })
    }
}
