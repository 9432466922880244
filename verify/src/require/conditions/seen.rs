//! What an expression sees: of a statement that was verified, and of the step it is judged for.

use bulla_model::Statement;
use serde_json::Value as Json;

use crate::cel::{EvaluationError, Schema, Shape, Value};
use crate::question::Context;
use crate::require::StepAtHand;
use crate::verified::Verified;

/// The names an expression may use. Each is described in `docs/conditions.md`.
pub(super) const SCHEMA: Schema = &[
    ("predicate", Shape::Any),
    ("statement", Shape::Object(STATEMENT)),
    ("signer", Shape::Object(SIGNER)),
    ("step", Shape::Object(STEP)),
];

const STATEMENT: Schema = &[
    ("type", Shape::Text),
    ("subjects", Shape::List),
    ("issued", Shape::Timestamp),
    ("proven", Shape::Bool),
];

const SIGNER: Schema = &[
    ("kind", Shape::Text),
    ("keyId", Shape::Text),
    ("issuer", Shape::Text),
    ("subject", Shape::Text),
    ("sourceRepository", Shape::Text),
    ("sourceDigest", Shape::Text),
    ("sourceRef", Shape::Text),
    ("buildSigner", Shape::Text),
    ("runnerEnvironment", Shape::Text),
    ("deploymentEnvironment", Shape::Text),
    ("buildSignerDigest", Shape::Text),
    ("sourceRepositoryId", Shape::Text),
    ("sourceOwner", Shape::Text),
    ("sourceOwnerId", Shape::Text),
    ("buildConfig", Shape::Text),
    ("buildConfigDigest", Shape::Text),
    ("buildTrigger", Shape::Text),
    ("runInvocation", Shape::Text),
    ("sourceVisibility", Shape::Text),
    ("workflowName", Shape::Text),
    ("tokenSubject", Shape::Text),
];

const STEP: Schema = &[
    ("kind", Shape::Text),
    ("from", Shape::Text),
    ("to", Shape::Text),
    ("service", Shape::Text),
    ("tier", Shape::Text),
    ("at", Shape::Timestamp),
];

/// A statement as an expression sees it.
pub(super) struct Seen<'a> {
    statement: &'a Verified<Statement>,
    predicate: Json,
    subjects: Json,
    signer: Json,
}

impl<'a> Seen<'a> {
    pub(super) fn of(statement: &'a Verified<Statement>) -> Result<Self, EvaluationError> {
        let wrong = |error: serde_json::Error| {
            let reason: String = error.to_string().chars().take(200).collect();
            EvaluationError::Cannot(format!("the statement cannot be read: {reason}"))
        };
        let predicate = match statement.value().predicate_json() {
            Some(text) => serde_json::from_str(text).map_err(wrong)?,
            None => Json::Null,
        };
        Ok(Self {
            statement,
            predicate,
            subjects: serde_json::to_value(statement.value().subjects()).map_err(wrong)?,
            signer: serde_json::to_value(statement.signer()).map_err(wrong)?,
        })
    }

    /// The same as one JSON object, with times as texts: `input` of Rego.
    #[cfg(feature = "rego")]
    pub(super) fn json(&self, context: &Context<'_>, step: &StepAtHand<'_>) -> String {
        let (kind, time) = (
            self.statement.value().predicate_type(),
            self.statement.time(),
        );
        let name = |uri| context.policy.name_of(uri).unwrap_or_else(|| uri.name());
        let mut statement = serde_json::json!({
            "type": kind.as_str(),
            "subjects": self.subjects,
            "proven": time.is_proven(),
        });
        if let Some(issued) = time.not_older_than() {
            statement["issued"] = Json::String(issued.to_string());
        }
        let mut said = serde_json::json!({
            "kind": step.edge.kind.to_string(),
            "to": name(&step.edge.to.uri),
            "service": context.service.as_str(),
            "tier": context.tier.as_str(),
            "at": step.at.to_string(),
        });
        if let Some(from) = &step.edge.from {
            said["from"] = Json::String(name(from).to_owned());
        }
        let input = serde_json::json!({
            "predicate": self.predicate,
            "statement": statement,
            "signer": self.signer,
            "step": said,
        });
        input.to_string()
    }

    /// A value for each name of the schema.
    pub(super) fn names(
        &self,
        context: &Context<'_>,
        step: &StepAtHand<'_>,
    ) -> [(&'static str, Value<'_>); 4] {
        let held = |json| Value::of(json).unwrap_or(Value::Null);
        let text = |text: &str| Value::owned(text);
        let (kind, time) = (
            self.statement.value().predicate_type(),
            self.statement.time(),
        );
        // Not when it existed by: whoever attaches a copy that was recorded later chooses that.
        let issued = time.not_older_than();
        let issued = issued.map(|issued| ("issued", Value::Timestamp(issued)));
        let statement = [
            ("type", text(kind.as_str())),
            ("subjects", held(&self.subjects)),
            ("proven", Value::Bool(time.is_proven())),
        ];
        let name = |uri| context.policy.name_of(uri).unwrap_or_else(|| uri.name());
        let from = step.edge.from.as_ref();
        let from = from.map(|from| ("from", text(name(from))));
        let said = [
            ("kind", text(&step.edge.kind.to_string())),
            ("to", text(name(&step.edge.to.uri))),
            ("service", text(context.service.as_str())),
            ("tier", text(context.tier.as_str())),
            ("at", Value::Timestamp(step.at)),
        ];
        [
            ("predicate", held(&self.predicate)),
            ("statement", Value::map(statement.into_iter().chain(issued))),
            ("signer", held(&self.signer)),
            ("step", Value::map(said.into_iter().chain(from))),
        ]
    }
}
