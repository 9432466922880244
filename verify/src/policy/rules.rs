//! Checked rules.

use jiff::{SignedDuration, Timestamp};

use bulla_model::{EdgeKind, Environment, Person, Role, Tier};

use super::digest::FileDigest;
use super::place::Place;
use crate::pattern::Pattern;
use crate::require::Requirements;

/// An environment.
#[derive(Clone, Debug)]
pub struct EnvironmentRule {
    /// The environment's URI.
    pub uri: Environment,
    /// Clusters it stands for; empty means any.
    pub audience: Vec<String>,
    /// How fresh the word on revocations must be.
    pub freshness: Freshness,
    /// Where it is written.
    pub place: Place,
}

/// How fresh the word on revocations must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Not at all; every verdict says so.
    None,
    /// A checkpoint of at most this age.
    Within {
        /// When promoting.
        promote: SignedDuration,
        /// When admitting.
        admit: SignedDuration,
    },
}

/// A tier.
#[derive(Clone, Copy, Debug)]
pub struct TierRule {
    /// Whether a key's own word counts where neither log nor timestamp says when.
    pub claimed_time: bool,
    /// Whether approvals passed on by a relay count.
    pub relayed_approvals: bool,
    /// Whether predicates of version v0.x count.
    pub draft_predicates: bool,
}

/// A service.
#[derive(Clone, Debug)]
pub struct ServiceRule {
    /// Its tier.
    pub tier: Tier,
    /// Source repositories, as provenance names them.
    pub sources: Vec<Pattern>,
    /// Image repositories it is published in.
    pub images: Vec<Pattern>,
    /// Who answers for it.
    pub owners: Vec<Person>,
    /// What it requires beyond the base.
    pub tighten: Vec<TightenRule>,
    pub(crate) file: FileDigest,
    /// Where it is written.
    pub place: Place,
}

/// A step from one environment into another, and what it takes.
#[derive(Clone, Debug)]
pub struct EdgeRule {
    /// Where from; none for the entry.
    pub from: Option<Environment>,
    /// Where to.
    pub to: Environment,
    /// What kind of step.
    pub kind: EdgeKind,
    /// Tiers it is for; empty means all.
    pub tiers: Vec<Tier>,
    /// Identities that may sign the promotion.
    pub by: Vec<String>,
    /// What it takes.
    pub require: Requirements,
    /// Who has to look at it again, and by when.
    pub review: Option<ReviewRule>,
    /// Where it is written.
    pub place: Place,
}

/// What steps into an environment take besides what their own rules say, and when that is asked.
#[derive(Clone, Debug)]
pub struct TightenRule {
    /// Where to.
    pub to: Environment,
    /// Tiers it is for; empty means all. A service has one anyway.
    pub tiers: Vec<Tier>,
    /// Kinds of steps it is for; empty means all.
    pub kinds: Vec<EdgeKind>,
    /// Asked of every step taken from then on, whatever version of the policy it names, and of none
    /// that was surely taken before.
    pub effective_from: Option<Timestamp>,
    /// Asked again at every moment, of what is in the environment.
    pub standing: bool,
    /// What it takes.
    pub require: Requirements,
    /// Where it is written.
    pub place: Place,
}

impl TightenRule {
    /// Whether it is about a step of this kind into there, of a service of this tier.
    pub fn is_about(&self, to: &Environment, kind: EdgeKind, tier: &Tier) -> bool {
        self.to == *to
            && (self.tiers.is_empty() || self.tiers.contains(tier))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
    }

    /// When it is asked, where that is not once, of the steps that name its version.
    pub fn when(&self) -> Option<String> {
        match (self.effective_from, self.standing) {
            (None, false) => None,
            (Some(from), false) => Some(format!("of every step from {from} on")),
            (None, true) => Some("at every moment".to_owned()),
            (Some(from), true) => Some(format!("from {from} on, at every moment")),
        }
    }
}

/// A second look at what went around the normal gates.
#[derive(Clone, Debug)]
pub struct ReviewRule {
    /// How long there is for it, counted from the promotion.
    pub within: SignedDuration,
    /// Roles of which the reviewer must hold one; empty means any person.
    pub roles: Vec<Role>,
    /// Whether the promotion holds no longer once the time is over.
    pub overdue_denies: bool,
    /// Where it is written.
    pub place: Place,
}
