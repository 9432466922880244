//! What rules say, part by part: where facts about one subject are put.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::facts::{Fact, Facts};
use super::{Effect, Value};
use crate::policy::Requirements;
use crate::policy::place::Place;

/// What a requirement says, and where.
pub(crate) struct Parts<'a> {
    /// Where it is written.
    pub(crate) place: &'a Place,
    /// By the names that its fields have in a policy.
    pub(crate) parts: Vec<(&'static str, Value)>,
}

/// Texts as a set.
pub(super) fn set<T: Display>(texts: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    texts.into_iter().map(|text| text.to_string()).collect()
}

/// The lines of requirements, without their places.
pub(super) fn lines(require: &Requirements) -> impl Iterator<Item = String> {
    let parts = require.parts().into_iter();
    parts.map(|(_, line, _)| without_place(&line).to_owned())
}

/// A line without its place, which is another one when a line above it is.
fn without_place(line: &str) -> &str {
    line.rsplit_once("   [").map_or(line, |(text, _)| text)
}

/// The facts about one subject, each below a prefix.
pub(super) struct Below<'a> {
    pub(super) facts: &'a mut Facts,
    pub(super) subject: String,
    pub(super) prefix: String,
}

impl<'a> Below<'a> {
    pub(super) fn about(facts: &'a mut Facts, subject: String) -> Self {
        let prefix = String::new();
        Self {
            facts,
            subject,
            prefix,
        }
    }

    pub(super) fn put(&mut self, rule: &str, value: Value, place: Option<&Place>) {
        let rule = match (self.prefix.as_str(), rule) {
            ("", rule) => rule.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, rule) => format!("{prefix}.{rule}"),
        };
        let key = (self.subject.clone(), rule);
        let place = place.cloned();
        self.facts.insert(key, Fact { value, place });
    }

    /// Puts everything a step takes. A requirement that tells no parts is compared as a whole.
    pub(super) fn requirements(&mut self, require: &Requirements, place: &Place) {
        for (name, line, parts) in require.parts() {
            let text = without_place(&line);
            let Some(Parts { place, parts }) = parts else {
                self.put(&name, Value::Whole(text.to_owned()), Some(place));
                continue;
            };
            let there = Value::There(Effect::Tightened, text.to_owned());
            self.put(&name, there, Some(place));
            for (part, value) in parts {
                self.put(&format!("{name}.{part}"), value, Some(place));
            }
        }
    }
}
