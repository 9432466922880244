//! Compares a recorded verdict with a replayed one: what was decided, not how it was worded.

use bulla_model::{Limits, json};
use bulla_verify::Verdict;
use serde::Serialize;
use serde_json::Value;

use crate::Failure;
use crate::failure::FailureKind;

/// Where two verdicts differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// The part of the verdict.
    pub(super) part: &'static str,
    /// What was recorded.
    pub(super) recorded: String,
    /// What the replay found.
    pub(super) replayed: String,
}

/// The differences, none if the replay came to the same end for the same reasons.
pub(super) fn differences(
    recorded: &[u8],
    replayed: &Verdict,
    limits: &Limits,
) -> Result<Vec<Difference>, Failure> {
    let recorded: Value =
        json::read(recorded, limits.bundle_bytes, limits.json_depth).map_err(|error| {
            Failure::new(
                FailureKind::Tampered,
                format_args!("the recorded verdict is none: {error}"),
            )
        })?;
    let replayed = serde_json::to_value(replayed)
        .map_err(|error| Failure::new(FailureKind::Internal, error))?;
    let whole = WHOLE
        .iter()
        .map(|part| (*part, pick(&recorded, part), pick(&replayed, part)));
    let reviews = (
        "reviews",
        reviews(&recorded, &recorded),
        reviews(&recorded, &replayed),
    );
    let lists = LISTS.iter().map(|(part, members)| {
        (
            *part,
            select(&recorded, part, members),
            select(&replayed, part, members),
        )
    });
    Ok(whole
        .chain(lists)
        .chain(std::iter::once(reviews))
        .filter(|(_, recorded, replayed)| recorded != replayed)
        .map(|(part, recorded, replayed)| Difference {
            part,
            recorded: shown(&recorded),
            replayed: shown(&replayed),
        })
        .collect())
}

fn pick(verdict: &Value, part: &str) -> Value {
    verdict.get(part).cloned().unwrap_or(Value::Null)
}

/// The members of each entry that are decisions; texts may get better with a new version.
fn select(verdict: &Value, part: &str, members: &[&str]) -> Value {
    let Some(entries) = verdict.get(part).and_then(Value::as_array) else {
        return Value::Null;
    };
    let entry = |entry: &Value| {
        let kept = members.iter().map(|member| pick(entry, member));
        Value::Array(kept.collect())
    };
    Value::Array(entries.iter().map(entry).collect())
}

/// How reviews stand, by one of the verdicts, where the recorded one says it: earlier versions of
/// Bulla did not.
fn reviews(recorded: &Value, said: &Value) -> Value {
    let steps = |verdict: &Value| {
        let steps = verdict.get("steps").and_then(Value::as_array);
        steps.cloned().unwrap_or_default()
    };
    let pairs = steps(recorded).into_iter().zip(steps(said));
    let told = pairs.filter(|(recorded, _)| recorded.get("review").is_some());
    Value::Array(told.map(|(_, said)| pick(&said, "review")).collect())
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        value => value.to_string(),
    };
    text.chars().take(SHOWN).collect()
}

/// Parts that are compared as they are.
const WHOLE: [&str; 10] = [
    "decision",
    "cause",
    "subject",
    "environment",
    "service",
    "tier",
    "policy",
    "now",
    "attestations",
    "persons",
];
/// Lists, and the members of their entries that are compared.
const LISTS: [(&str, &[&str]); 3] = [
    // A promotion's digest is that of all it says.
    ("steps", &["environment", "at", "promotion", "approvedBy"]),
    ("checks", &["name", "step", "outcome"]),
    ("findings", &["code", "check", "severity"]),
];
/// Characters of a differing part that are shown.
const SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_recorded_of_reviews_is_compared() {
        let with = |review: Value| json!({"steps": [{"kind": "promote"}, review]});
        let open = with(json!({"review": {"due": "2026-11-28T10:00:00Z", "state": "open"}}));
        let accepted =
            with(json!({"review": {"due": "2026-11-28T10:00:00Z", "state": "accepted"}}));
        let same = |recorded: &Value, replayed: &Value| {
            reviews(recorded, recorded) == reviews(recorded, replayed)
        };
        assert!(same(&open, &open));
        assert!(!same(&accepted, &open));
        assert!(!same(&accepted, &with(json!({}))));
        // Earlier versions said nothing about it.
        assert!(same(&with(json!({})), &open));
    }
}
