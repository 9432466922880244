//! Values of rules, by what more of them means.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::Effect;
use crate::policy::show_duration;
use crate::score::Score;

/// A value, and what more of it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// There at all; what its coming does, and what it says.
    There(Effect, String),
    /// A whole requirement, of which no parts are known.
    Whole(String),
    /// Any of these will do: one more lets more through.
    Any(BTreeSet<String>),
    /// The same, and none means no limit.
    Limit(BTreeSet<String>),
    /// These are shut out.
    Out(BTreeSet<String>),
    /// Words without a direction.
    Words(BTreeSet<String>),
    /// At least as many.
    Count(usize),
    /// At least as long.
    AtLeast(SignedDuration),
    /// At most as old; none is any age.
    AtMost(Option<SignedDuration>),
    /// At least that score; none is any.
    Score(Option<Score>),
    /// Asked of all steps from then on; none of those that name its version.
    From(Option<Timestamp>),
    /// Whether something is let through.
    Lets(bool),
    /// A word without a direction.
    Word(String),
}

impl Value {
    /// Any of these identities, or whatever else is named.
    pub(crate) fn any<T: fmt::Display>(texts: &[T]) -> Self {
        Self::Any(texts.iter().map(ToString::to_string).collect())
    }

    /// These, without a direction.
    pub(crate) fn words<T: fmt::Display>(texts: &[T]) -> Self {
        Self::Words(texts.iter().map(ToString::to_string).collect())
    }

    /// All of these: one more lets less through.
    pub(crate) fn demands<T: fmt::Display>(texts: &[T]) -> Self {
        Self::Out(texts.iter().map(ToString::to_string).collect())
    }

    /// Any of these; none means no limit.
    pub(crate) fn limit<T: fmt::Display>(texts: &[T]) -> Self {
        Self::Limit(texts.iter().map(ToString::to_string).collect())
    }

    /// What it does that this is there now.
    pub(crate) fn coming(&self) -> Effect {
        match self {
            Self::There(effect, _) => *effect,
            Self::Whole(_) => Effect::Tightened,
            _ => Effect::Changed,
        }
    }

    /// Which way it goes from an earlier value, and how that reads; nothing if it is the same.
    pub(crate) fn differs(&self, old: &Self) -> Option<(Effect, String)> {
        // What it says is told part by part.
        if self == old || matches!((self, old), (Self::There(..), Self::There(..))) {
            return None;
        }
        let ways = |tighter: bool| {
            if tighter {
                Effect::Tightened
            } else {
                Effect::Loosened
            }
        };
        let arrow = format!("{old} -> {self}");
        Some(match (old, self) {
            (Self::Limit(old), Self::Limit(new)) if old.is_empty() || new.is_empty() => {
                (ways(old.is_empty()), arrow)
            }
            (Self::Any(old), Self::Any(new)) | (Self::Limit(old), Self::Limit(new)) => {
                (grown(old, new), told(old, new))
            }
            (Self::Out(old), Self::Out(new)) => (grown(old, new).reversed(), told(old, new)),
            (Self::Words(old), Self::Words(new)) => (Effect::Changed, told(old, new)),
            (Self::Count(old), Self::Count(new)) => (ways(new > old), arrow),
            (Self::AtLeast(old), Self::AtLeast(new)) => (ways(new > old), arrow),
            (Self::AtMost(old), Self::AtMost(new)) => {
                let tighter = match (old, new) {
                    (Some(old), Some(new)) => new < old,
                    (old, _) => old.is_none(),
                };
                (ways(tighter), arrow)
            }
            (Self::Score(old), Self::Score(new)) => (ways(new > old), arrow),
            (Self::From(Some(old)), Self::From(Some(new))) => (ways(new < old), arrow),
            (Self::Lets(_), Self::Lets(new)) => (ways(!new), arrow),
            _ => (Effect::Changed, arrow),
        })
    }
}

fn grown(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Effect {
    match (new.is_superset(old), new.is_subset(old)) {
        (true, _) => Effect::Loosened,
        (_, true) => Effect::Tightened,
        (false, false) => Effect::Changed,
    }
}

fn told(old: &BTreeSet<String>, new: &BTreeSet<String>) -> String {
    let added = new.difference(old).map(|text| format!("+{text}"));
    let removed = old.difference(new).map(|text| format!("-{text}"));
    added.chain(removed).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::There(_, text) | Self::Whole(text) | Self::Word(text) => f.write_str(text),
            Self::Any(set) | Self::Limit(set) | Self::Out(set) | Self::Words(set) => {
                if set.is_empty() {
                    let is_limit = matches!(self, Self::Limit(_));
                    return f.write_str(if is_limit { "any" } else { "none" });
                }
                let texts: Vec<_> = set.iter().map(String::as_str).collect();
                f.write_str(&texts.join(", "))
            }
            Self::Count(count) => count.fmt(f),
            Self::AtLeast(time) | Self::AtMost(Some(time)) => f.write_str(&show_duration(*time)),
            Self::AtMost(None) => f.write_str("any age"),
            Self::Score(Some(score)) => score.fmt(f),
            Self::Score(None) => f.write_str("any"),
            Self::From(Some(time)) => time.fmt(f),
            Self::From(None) => f.write_str("with its version"),
            Self::Lets(yes) => f.write_str(if *yes { "allow" } else { "deny" }),
        }
    }
}
