//! Changes between two policies: each rule that is another one, and which way it goes where that can be
//! decided from the rules alone.

mod facts;
mod history;
mod parts;
mod value;

use serde::Serialize;

use super::Policy;
use super::place::Place;
use facts::{Facts, facts};
use history::history;
pub(crate) use parts::Parts;
pub(crate) use value::Value;

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// What was allowed may be refused.
    Tightened,
    /// What was refused may be allowed.
    Loosened,
    /// Either, or neither.
    Changed,
}

impl Effect {
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::Tightened => Self::Loosened,
            Self::Loosened => Self::Tightened,
            Self::Changed => Self::Changed,
        }
    }
}

/// A rule that is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which way it goes.
    pub effect: Effect,
    /// What the rule is about: `step staging -> prod`.
    pub subject: String,
    /// The rule: `approvals.threshold`; empty where all of the subject came or went.
    pub rule: String,
    /// What is another, one line: `2 -> 1`, `+ci -builder`, `added: …`.
    pub text: String,
    /// Where it is written: in the new policy, or in the old one if it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Policy {
    /// What another policy in the place of this one would change.
    pub fn changes_to(&self, new: &Self) -> Vec<Change> {
        let (before, after) = (facts(self), facts(new));
        let mut changes: Vec<Change> = history(self, new);
        let mut keys: Vec<_> = before.keys().chain(after.keys()).collect();
        keys.sort();
        keys.dedup();
        // That the new one lists the old one is how it has to be, and told if it does not.
        let own = format!("history.v{}", self.version);
        let is_own = |rule: &str| {
            let digest = self.digest();
            let mut listed = new.history.iter();
            rule == own && listed.any(|one| one.version == self.version && one.digest == digest)
        };
        for key in keys {
            let (subject, rule) = key;
            if subject == "policy" && is_own(rule) {
                continue;
            }
            let found = match (before.get(key), after.get(key)) {
                (Some(old), Some(new)) => new.value.differs(&old.value).map(|(effect, text)| {
                    let place = new.place.clone();
                    (effect, text, place)
                }),
                (Some(old), None) if !is_part((&before, &after), subject, rule) => {
                    let text = format!("removed: {}", old.value);
                    Some((old.value.coming().reversed(), text, old.place.clone()))
                }
                (None, Some(new)) if !is_part((&after, &before), subject, rule) => {
                    let text = format!("added: {}", new.value);
                    Some((new.value.coming(), text, new.place.clone()))
                }
                _ => None,
            };
            changes.extend(found.map(|(effect, text, place)| Change {
                effect,
                subject: subject.clone(),
                rule: rule.clone(),
                text: text.trim_end_matches([':', ' ']).to_owned(),
                place,
            }));
        }
        changes
    }
}

/// Whether a rule is part of one that only its own side has: told by that.
fn is_part((own, other): (&Facts, &Facts), subject: &str, rule: &str) -> bool {
    let only_here = |rule: &str| {
        let key = (subject.to_owned(), rule.to_owned());
        own.contains_key(&key) && !other.contains_key(&key)
    };
    let ends = rule.rmatch_indices('.').map(|(end, _)| end);
    let mut wholes = ends.filter_map(|end| rule.get(..end));
    (!rule.is_empty() && only_here("")) || wholes.any(only_here)
}
