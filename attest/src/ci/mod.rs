//! Build facts: what a CI system, or `bulla run`, knows about a build.
//!
//! Environments come in as maps and are never read here. What a CI job says about itself is a
//! claim like any other: it counts as much as the identity that signs it.

mod azure;
mod buildkite;
mod buildx;
mod circleci;
mod github;
mod gitlab;
mod jenkins;
mod redact;
mod run;
mod tekton;
mod value;

use std::collections::BTreeMap;

use bulla_model::ResourceDescriptor;
use bulla_model::predicate::Provenance;
use bulla_model::predicate::slsa_provenance::{
    BuildDefinition, BuildMetadata, Builder, RunDetails,
};
use jiff::Timestamp;
use serde_json::Value;

pub use buildx::{BuildxError, BuiltImage, built_images};
pub use redact::{REDACTED, redact_command, strip_credentials};
pub use run::{GitSource, RUN_BUILD_TYPE, RunError, RunRecord};

/// An environment: names and values of variables.
pub type Variables = BTreeMap<String, String>;

/// What is known about a build, in the terms of SLSA provenance v1.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildFacts {
    /// URI that says how to read the parameters.
    pub build_type: String,
    /// What whoever started the build could choose.
    pub external_parameters: Value,
    /// What the platform set.
    pub internal_parameters: Value,
    /// What the build used, the source first.
    pub resolved_dependencies: Vec<ResourceDescriptor>,
    /// URI of the builder.
    pub builder_id: String,
    /// The platform's name for the run.
    pub invocation_id: Option<String>,
    /// Start of the build.
    pub started_on: Option<Timestamp>,
    /// End of the build.
    pub finished_on: Option<Timestamp>,
}

impl From<BuildFacts> for Provenance {
    fn from(facts: BuildFacts) -> Self {
        let metadata = BuildMetadata {
            invocation_id: facts.invocation_id,
            started_on: facts.started_on,
            finished_on: facts.finished_on,
        };
        Self {
            build_definition: BuildDefinition {
                build_type: facts.build_type,
                external_parameters: facts.external_parameters,
                internal_parameters: facts.internal_parameters,
                resolved_dependencies: facts.resolved_dependencies,
            },
            run_details: RunDetails {
                builder: Builder {
                    id: facts.builder_id,
                    ..Builder::default()
                },
                metadata: (metadata != BuildMetadata::default()).then_some(metadata),
                byproducts: Vec::new(),
            },
        }
    }
}

/// A CI system: how to recognise it, and how to read its environment.
#[derive(Clone, Copy, Debug)]
pub struct CiSystem {
    /// The name on the command line and in output.
    pub name: &'static str,
    /// The variable that shows a job runs there.
    pub marker: &'static str,
    /// The value the marker has there; without one, any but nothing.
    pub value: Option<&'static str>,
    read: fn(&Variables) -> Result<BuildFacts, CiError>,
}

/// Every CI system, one row each, sorted by name.
pub const CI_SYSTEMS: &[CiSystem] = &[
    row("azure", "TF_BUILD", Some("True"), azure::build_facts),
    row(
        "buildkite",
        "BUILDKITE",
        Some("true"),
        buildkite::build_facts,
    ),
    row("circleci", "CIRCLECI", Some("true"), circleci::build_facts),
    row(
        "github",
        "GITHUB_ACTIONS",
        Some("true"),
        github::build_facts,
    ),
    row("gitlab", "GITLAB_CI", Some("true"), gitlab::build_facts),
    row("jenkins", "JENKINS_URL", None, jenkins::build_facts),
    row("tekton", "TEKTON_TASK_RUN", None, tekton::build_facts),
];

const fn row(
    name: &'static str,
    marker: &'static str,
    value: Option<&'static str>,
    read: fn(&Variables) -> Result<BuildFacts, CiError>,
) -> CiSystem {
    CiSystem {
        name,
        marker,
        value,
        read,
    }
}

impl CiSystem {
    /// The system this environment belongs to. An environment that shows two belongs to neither:
    /// which of them built is not for a variable to say.
    pub fn detect(variables: &Variables) -> Result<Option<&'static Self>, CiError> {
        let mut here = CI_SYSTEMS.iter().filter(|system| system.is_here(variables));
        match (here.next(), here.next()) {
            (Some(one), Some(other)) => Err(CiError::Ambiguous {
                markers: [one.marker, other.marker],
            }),
            (found, _) => Ok(found),
        }
    }

    fn is_here(&self, variables: &Variables) -> bool {
        variables
            .get(self.marker)
            .is_some_and(|value| match self.value {
                Some(wanted) => value == wanted,
                None => !value.is_empty(),
            })
    }

    /// Reads the build's facts from the environment.
    pub fn build_facts(&self, variables: &Variables) -> Result<BuildFacts, CiError> {
        (self.read)(variables)
    }
}

/// Why an environment yields no build facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CiError {
    /// Variables of two CI systems are set.
    #[error("the variables {} and {} are both set, so it is not clear which system built", markers[0], markers[1])]
    Ambiguous {
        /// The variables.
        markers: [&'static str; 2],
    },
    /// A variable is not set.
    #[error("the variable {name} is not set, so the provenance would be incomplete")]
    Missing {
        /// The variable.
        name: &'static str,
    },
    /// A variable has a value the CI system never sets.
    #[error("the variable {name} is `{}`, expected {expected}", found.escape_debug())]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is, cut short.
        found: String,
    },
}
