//! Environments and the edges between them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::descriptor::present;

/// An environment: `env://org/app-scope/name`, never a bare word on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Environment(String);

impl Environment {
    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component, for people.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Environment {
    type Err = EnvironmentError;

    fn from_str(text: &str) -> Result<Self, EnvironmentError> {
        let whole = text
            .strip_prefix("env://")
            .is_some_and(|rest| rest.split('/').count() == 3 && rest.split('/').all(is_component));
        if whole {
            Ok(Self(text.to_owned()))
        } else {
            Err(EnvironmentError::Shape {
                found: text.chars().take(100).collect(),
            })
        }
    }
}

/// Whether this may be a component of an environment or scope: 1 to 63 lower-case letters, digits,
/// `-`, `.` and `_`, beginning with a letter or digit.
pub(crate) fn is_component(part: &str) -> bool {
    (1..=63).contains(&part.len())
        && part.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_')
        })
        && part
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
}

impl TryFrom<String> for Environment {
    type Error = EnvironmentError;

    fn try_from(text: String) -> Result<Self, EnvironmentError> {
        text.parse()
    }
}

impl From<Environment> for String {
    fn from(value: Environment) -> Self {
        value.0
    }
}

/// An environment as statements name it: the URI and the clusters it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The environment.
    pub uri: Environment,
    /// Cluster ids the statement is meant for; none means any verifier of the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
}

/// A step from one environment into another. `from` is absent for the entry into the first one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// What kind of step it is.
    pub kind: EdgeKind,
    /// Where the release comes from.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub from: Option<Environment>,
    /// Where it goes.
    pub to: Place,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            Some(from) => write!(f, "{} -> {}", from.name(), self.to.uri.name()),
            None => write!(f, "build -> {}", self.to.uri.name()),
        }
    }
}

/// Kinds of steps. An unknown kind makes a statement unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// Straight into the next environment, outside the normal gates, in an emergency.
    BreakGlass,
    /// A fix on a shorter way.
    Hotfix,
    /// From outside the chain.
    Import,
    /// The normal step.
    Promote,
    /// Out of service.
    Retire,
    /// Back to what ran before.
    Rollback,
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BreakGlass => "break-glass",
            Self::Hotfix => "hotfix",
            Self::Import => "import",
            Self::Promote => "promote",
            Self::Retire => "retire",
            Self::Rollback => "rollback",
        })
    }
}

/// Why a text is no environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// It does not have the three components.
    #[error("`{}` is no environment: expected `env://org/app-scope/name`", found.escape_debug())]
    Shape {
        /// What was found, cut short.
        found: String,
    },
}
