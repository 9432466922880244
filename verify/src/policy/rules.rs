//! Checked rules.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use bulla_model::{EdgeKind, Environment, Person, Role, Tier};

use super::digest::FileDigest;
use super::place::Place;
use crate::pattern::Pattern;

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
    /// What it requires beyond the base, by destination.
    pub tighten: Vec<(Environment, Requirements)>,
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

/// What a step takes. All of it must be met.
#[derive(Clone, Debug, Default)]
pub struct Requirements {
    /// Provenance.
    pub provenance: Option<ProvenanceRule>,
    /// A bill of materials.
    pub sbom: Option<SbomRule>,
    /// A passed test run.
    pub tests: Option<TestsRule>,
    /// Time spent in an environment before.
    pub soak: Option<SoakRule>,
    /// Approvals by persons.
    pub approvals: Option<ApprovalsRule>,
}

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

/// A bill of materials.
#[derive(Clone, Debug)]
pub struct SbomRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// Formats; empty means any.
    pub formats: Vec<SbomFormat>,
    /// How old it may be.
    pub max_age: Option<SignedDuration>,
    /// Where it is written.
    pub place: Place,
}

/// Formats of bills of materials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SbomFormat {
    /// CycloneDX.
    Cyclonedx,
    /// SPDX.
    Spdx,
}

/// A passed test run.
#[derive(Clone, Debug)]
pub struct TestsRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// How old it may be.
    pub max_age: Option<SignedDuration>,
    /// Where it is written.
    pub place: Place,
}

/// Time spent in an environment before.
#[derive(Clone, Debug)]
pub struct SoakRule {
    /// Where.
    pub environment: Environment,
    /// How long at least.
    pub min: SignedDuration,
    /// From when on it counts.
    pub from: SoakStart,
    /// Identities that may sign deployments; none if only the promotion counts.
    pub by: Vec<String>,
    /// Whether a deployment that failed or was rolled back ends it.
    pub healthy: bool,
    /// Where it is written.
    pub place: Place,
}

/// From when on soaking counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoakStart {
    /// The first deployment that succeeded.
    #[default]
    Deployment,
    /// The promotion into the environment.
    Promotion,
}

/// Approvals by persons.
#[derive(Clone, Debug)]
pub struct ApprovalsRule {
    /// How many distinct persons.
    pub threshold: usize,
    /// Roles of which each must hold one; empty means any person.
    pub roles: Vec<Role>,
    /// Who may not approve.
    pub exclude: Vec<Exclusion>,
    /// How old an approval may be.
    pub max_age: Option<SignedDuration>,
    /// Where it is written.
    pub place: Place,
}

/// Who may not approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exclusion {
    /// Who wrote the change, as provenance names them.
    Author,
    /// Who signed the provenance.
    Builder,
    /// Who signs the promotion.
    Promoter,
    /// Who asked for it: the promotion's signer.
    Requester,
}

impl Exclusion {
    /// Who is excluded where a policy says nothing.
    pub const DEFAULT: &'static [Self] =
        &[Self::Author, Self::Builder, Self::Promoter, Self::Requester];
}
