//! Provenance: who built what from what.
//!
//! Implements SLSA provenance v1, <https://slsa.dev/spec/v1.1/provenance>, and reads v0.2,
//! <https://slsa.dev/spec/v0.2/provenance>, into the same view.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Predicate;
use crate::descriptor::or_null;
use crate::{PredicateError, ResourceDescriptor, Statement};

/// The type's URI.
pub const TYPE: &str = "https://slsa.dev/provenance/v1";
/// The URI of version 0.2.
pub const TYPE_V0_2: &str = "https://slsa.dev/provenance/v0.2";
/// A spelling of v1 that witness writes.
pub const TYPE_V1_0: &str = "https://slsa.dev/provenance/v1.0";
/// Annotation of the source dependency under which Bulla notes the authors' e-mail addresses (an
/// array of strings), so that authors can be kept from approving their own change.
pub const AUTHORS: &str = crate::ours!("authors");

/// Provenance v1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What the build was asked to do.
    pub build_definition: BuildDefinition,
    /// What happened.
    pub run_details: RunDetails,
}

impl Predicate for Provenance {
    const TYPES: &'static [&'static str] = &[TYPE, TYPE_V1_0];
}

impl Provenance {
    /// Reads provenance of any supported version from a statement.
    pub fn of(statement: &Statement) -> Result<Self, PredicateError> {
        if statement.predicate_type().as_str() == TYPE_V0_2 {
            return statement.predicate::<ProvenanceV02>().map(Self::from);
        }
        statement.predicate::<Self>()
    }

    /// Whether a statement of this type carries provenance.
    pub fn is_type(uri: &str) -> bool {
        uri == TYPE_V0_2 || Self::TYPES.contains(&uri)
    }

    /// The source: the first resolved dependency that names a Git commit, else the first with a
    /// `git+` URI.
    pub fn source(&self) -> Option<&ResourceDescriptor> {
        let dependencies = &self.build_definition.resolved_dependencies;
        dependencies
            .iter()
            .find(|dependency| is_commit(dependency))
            .or_else(|| dependencies.iter().find(|dependency| is_git(dependency)))
    }

    /// Every resolved dependency that could be the source: those that name a Git commit or have a
    /// `git+` URI. Which of them comes first is the builder's choice.
    pub fn git_dependencies(&self) -> impl Iterator<Item = &ResourceDescriptor> {
        let dependencies = self.build_definition.resolved_dependencies.iter();
        dependencies.filter(|dependency| is_commit(dependency) || is_git(dependency))
    }
}

fn is_git(dependency: &ResourceDescriptor) -> bool {
    let uri = dependency.uri.as_deref();
    uri.is_some_and(|uri| uri.starts_with("git+"))
}

fn is_commit(dependency: &ResourceDescriptor) -> bool {
    dependency.digest.value("gitCommit").is_some()
        || (dependency.digest.value("sha1").is_some() && is_git(dependency))
}

/// What the build was asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// How to read the parameters.
    pub build_type: String,
    /// Parameters under outside control.
    #[serde(default)]
    pub external_parameters: Value,
    /// Parameters under the platform's control.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub internal_parameters: Value,
    /// What the build used.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub resolved_dependencies: Vec<ResourceDescriptor>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// Who ran it.
    pub builder: Builder,
    /// When, and under which name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BuildMetadata>,
    /// What else came out.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub byproducts: Vec<ResourceDescriptor>,
}

/// Who ran the build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// URI of the builder.
    pub id: String,
    /// Versions of its components.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub version: BTreeMap<String, String>,
    /// What the builder itself depends on.
    #[serde(
        default,
        deserialize_with = "or_null",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub builder_dependencies: Vec<ResourceDescriptor>,
}

/// When a build ran, and under which name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildMetadata {
    /// The platform's name for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_id: Option<String>,
    /// Start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_on: Option<Timestamp>,
    /// End.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_on: Option<Timestamp>,
}

/// Version 0.2, only read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProvenanceV02 {
    builder: Builder,
    build_type: String,
    #[serde(default)]
    invocation: Option<InvocationV02>,
    #[serde(default)]
    metadata: Option<MetadataV02>,
    #[serde(default, deserialize_with = "or_null")]
    materials: Vec<ResourceDescriptor>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InvocationV02 {
    #[serde(default)]
    config_source: Value,
    #[serde(default)]
    parameters: Value,
    #[serde(default)]
    environment: Value,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct MetadataV02 {
    #[serde(default, rename = "buildInvocationId", alias = "buildInvocationID")]
    invocation_id: Option<String>,
    #[serde(default, rename = "buildStartedOn")]
    started_on: Option<Timestamp>,
    #[serde(default, rename = "buildFinishedOn")]
    finished_on: Option<Timestamp>,
}

impl Predicate for ProvenanceV02 {
    const TYPES: &'static [&'static str] = &[TYPE_V0_2];
}

impl From<ProvenanceV02> for Provenance {
    fn from(old: ProvenanceV02) -> Self {
        let (external, internal) = match old.invocation {
            Some(invocation) => (
                serde_json::json!({
                    "configSource": invocation.config_source,
                    "parameters": invocation.parameters,
                }),
                invocation.environment,
            ),
            None => (Value::Null, Value::Null),
        };
        Self {
            build_definition: BuildDefinition {
                build_type: old.build_type,
                external_parameters: external,
                internal_parameters: internal,
                resolved_dependencies: old.materials,
            },
            run_details: RunDetails {
                builder: old.builder,
                metadata: old.metadata.map(|metadata| BuildMetadata {
                    invocation_id: metadata.invocation_id,
                    started_on: metadata.started_on,
                    finished_on: metadata.finished_on,
                }),
                byproducts: Vec::new(),
            },
        }
    }
}
