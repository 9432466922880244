//! The rule on soak, as policies write it.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use bulla_model::Environment;

use crate::policy::{Age, Parts, Place, PolicyError, Scope, Value};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand};
use crate::verdict::Report;

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    #[serde(rename = "in")]
    environment: String,
    min: Age,
    #[serde(default)]
    from: SoakStart,
    #[serde(default)]
    by: Vec<String>,
    #[serde(default)]
    healthy: Option<bool>,
}

impl Requirement for SoakRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let refuse = |place: Place, reason: &str| {
            let reason = reason.to_owned();
            Err(PolicyError::Rule { place, reason })
        };
        let named = !wire.by.is_empty();
        if !named && wire.from == SoakStart::Deployment {
            let reason = "`by` is missing: name who signs deployments, or write `from: promotion`";
            return refuse(place, reason);
        }
        let healthy = wire.healthy.unwrap_or(named);
        if healthy && !named {
            return refuse(place, "`healthy` needs `by`: name who signs deployments");
        }
        Ok(Self {
            environment: scope.environment(&wire.environment, &place)?,
            min: wire.min.0,
            from: wire.from,
            by: if named {
                scope.names(wire.by, &place)?
            } else {
                Vec::new()
            },
            healthy,
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let from = match self.from {
            SoakStart::Deployment => "deployment",
            SoakStart::Promotion => "promotion",
        };
        // The same signers say that it runs and that it broke.
        let by = if self.healthy {
            Value::words(&self.by)
        } else {
            Value::any(&self.by)
        };
        let parts = vec![
            ("in", Value::Word(self.environment.to_string())),
            ("min", Value::AtLeast(self.min)),
            ("from", Value::Word(from.to_owned())),
            ("by", by),
            ("unhealthy", Value::Lets(!self.healthy)),
        ];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        super::judge(context, step, self, report);
    }
}

impl fmt::Display for SoakRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self.by.join(" or ");
        let since = match self.from {
            SoakStart::Deployment => format!("a deployment signed by {by}"),
            SoakStart::Promotion => "the promotion".to_owned(),
        };
        let healthy = if self.healthy {
            format!(", without failure by the word of {by}")
        } else {
            String::new()
        };
        let (min, environment, place) = (self.min, self.environment.name(), &self.place);
        write!(
            f,
            "{min:#} in {environment} since {since}{healthy}   [{place}]"
        )
    }
}
