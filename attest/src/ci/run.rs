//! Builds by `bulla run -- COMMAND`, on any machine.
//!
//! The build type is Bulla's own, `docs/buildtypes/run.md`. Running the command and hashing files
//! is the caller's work; here a record of it becomes provenance or a link.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::predicate::link::Link;
use bulla_model::predicate::slsa_provenance;
use bulla_model::{DigestSet, ResourceDescriptor};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::redact::is_secret_name;
use super::{BuildFacts, REDACTED, Variables, redact_command, strip_credentials};

/// The build type of `bulla run`.
pub const RUN_BUILD_TYPE: &str = "https://bulla.dev/buildtypes/run/v1";

/// What happened when a command was run. The command's products are the statement's subjects.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// The command and its arguments, as run; secrets are replaced when the record is written.
    pub command: Vec<String>,
    /// How it ended; 0 is success.
    pub exit_code: i32,
    /// URI of the builder, for example `https://bulla.dev/builders/local`.
    pub builder_id: String,
    /// The Git work tree it ran in.
    pub source: Option<GitSource>,
    /// Files it could read, named by their path.
    pub materials: Vec<ResourceDescriptor>,
    /// The environment it ran in; only variables in `shown_variables` are written.
    pub environment: Variables,
    /// Names of variables whose values may be written.
    pub shown_variables: BTreeSet<String>,
    /// Start.
    pub started_on: Timestamp,
    /// End.
    pub finished_on: Timestamp,
}

/// A Git work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitSource {
    /// URL of the remote repository; user and password are dropped when it is written.
    pub url: Option<String>,
    /// The commit that is checked out, in hexadecimal.
    pub commit: String,
    /// Whether files differ from that commit.
    pub dirty: bool,
    /// E-mail addresses of the commit's author and committer, so that a policy can keep them from
    /// approving their own change.
    pub authors: Vec<String>,
}

impl RunRecord {
    /// The facts for provenance. A failed command built nothing, so there are none.
    pub fn build_facts(&self) -> Result<BuildFacts, RunError> {
        self.check()?;
        if self.exit_code != 0 {
            return Err(RunError::Failed {
                exit_code: self.exit_code,
            });
        }
        let mut dependencies: Vec<_> = self.source.iter().map(GitSource::descriptor).collect();
        dependencies.extend(self.sorted_materials());
        Ok(BuildFacts {
            build_type: RUN_BUILD_TYPE.to_owned(),
            external_parameters: json!({
                "command": redact_command(&self.command),
                "environment": self.shown_environment(),
            }),
            internal_parameters: Value::Null,
            resolved_dependencies: dependencies,
            builder_id: self.builder_id.clone(),
            invocation_id: None,
            started_on: Some(self.started_on),
            finished_on: Some(self.finished_on),
        })
    }

    /// The step as an in-toto link with this name; failed commands have one too.
    pub fn link(&self, name: &str) -> Result<Link, RunError> {
        self.check()?;
        let mut materials: Vec<_> = self.source.iter().map(GitSource::descriptor).collect();
        materials.extend(self.sorted_materials());
        Ok(Link {
            name: name.to_owned(),
            command: redact_command(&self.command),
            materials,
            byproducts: BTreeMap::from([("return-value".to_owned(), self.exit_code.into())]),
            environment: self
                .shown_environment()
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
        })
    }

    fn check(&self) -> Result<(), RunError> {
        if self.command.is_empty() {
            return Err(RunError::NoCommand);
        }
        if self.finished_on < self.started_on {
            return Err(RunError::Times {
                started_on: self.started_on,
                finished_on: self.finished_on,
            });
        }
        if let Some(index) = self
            .materials
            .iter()
            .position(|material| material.digest.is_empty())
        {
            return Err(RunError::Material { index });
        }
        match &self.source {
            Some(source) if !source.is_commit() => Err(RunError::Commit {
                found: source.commit.chars().take(80).collect(),
            }),
            _ => Ok(()),
        }
    }

    /// Files in the order of their names, whatever order they were found in.
    fn sorted_materials(&self) -> Vec<ResourceDescriptor> {
        let mut materials = self.materials.clone();
        materials.sort_by(|a, b| (&a.name, &a.uri).cmp(&(&b.name, &b.uri)));
        materials
    }

    /// Variables that are allowed; one with a secret's name is named without its value.
    fn shown_environment(&self) -> BTreeMap<String, String> {
        self.environment
            .iter()
            .filter(|(name, _)| self.shown_variables.contains(*name))
            .map(|(name, value)| {
                let value = if is_secret_name(name) {
                    REDACTED
                } else {
                    value
                };
                (name.clone(), value.to_owned())
            })
            .collect()
    }
}

impl GitSource {
    fn is_commit(&self) -> bool {
        [40, 64].contains(&self.commit.len())
            && self
                .commit
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    fn descriptor(&self) -> ResourceDescriptor {
        ResourceDescriptor {
            uri: self
                .url
                .as_deref()
                .map(|url| format!("git+{}", strip_credentials(url))),
            digest: DigestSet::default().with_value("gitCommit", &self.commit),
            annotations: self.annotations(),
            ..ResourceDescriptor::default()
        }
    }

    fn annotations(&self) -> BTreeMap<String, Value> {
        let mut annotations = BTreeMap::from([("dirty".to_owned(), self.dirty.into())]);
        if !self.authors.is_empty() {
            let authors: BTreeSet<_> = self
                .authors
                .iter()
                .map(|text| text.to_lowercase())
                .collect();
            annotations.insert(
                slsa_provenance::AUTHORS.to_owned(),
                Value::from_iter(authors),
            );
        }
        annotations
    }
}

/// Why a record yields no claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No command was run.
    #[error("no command was run")]
    NoCommand,
    /// The command failed.
    #[error("the command ended with exit code {exit_code}, so there is nothing to attest")]
    Failed {
        /// Its exit code.
        exit_code: i32,
    },
    /// The end lies before the start.
    #[error("the command ended at {finished_on}, before its start at {started_on}")]
    Times {
        /// Start.
        started_on: Timestamp,
        /// End.
        finished_on: Timestamp,
    },
    /// A material has no digest.
    #[error("material {index} has no digest")]
    Material {
        /// Index of the material, from 0.
        index: usize,
    },
    /// The commit is no commit id.
    #[error("`{}` is no Git commit id", found.escape_debug())]
    Commit {
        /// What was found, cut short.
        found: String,
    },
}
