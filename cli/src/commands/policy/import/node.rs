//! YAML with the place of everything in it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Levels. Stops documents that exhaust the stack.
const DEPTH: usize = 64;
/// Documents of one file. Stops a storm of separators.
const DOCUMENTS: usize = 1000;
/// Maps, lists and scalars of one file. Stops many small things from filling the memory.
const NODES: usize = 100_000;

/// Where something is written: line and column, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl From<serde_saphyr::Location> for At {
    fn from(location: serde_saphyr::Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

/// A value.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Truth(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A member of a map.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) node: Node,
}

/// Why a text is not read.
#[derive(Debug)]
pub(super) struct Unread {
    pub(super) at: Option<At>,
    pub(super) reason: String,
}

/// Reads every document of a text that holds something. Aliases, merge keys and application tags are
/// refused: they are not needed for policies, and readers differ about them.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, Unread> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_depth: DEPTH,
            max_documents: DOCUMENTS,
            max_events: 4 * NODES,
            max_inclusion_depth: 0,
            max_nodes: NODES,
        },
        emit_comments: false,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
    };
    let read: Result<Vec<Node>, _> = serde_saphyr::from_multiple_with_options(text, options);
    let documents = read.map_err(|error| {
        let at = error.location().filter(|at| at.line() > 0).map(At::from);
        let reason = error.without_snippet().to_string();
        let reason = reason.lines().next().unwrap_or_default();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        Unread {
            at,
            reason: reason.chars().take(300).collect(),
        }
    })?;
    let held = documents.into_iter();
    Ok(held
        .filter(|node| !matches!(node.value, Value::Null))
        .collect())
}

impl Node {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Truth(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The members, if it is a map.
    pub(super) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The text of a member, if it is a map with such.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let member = self.members().iter().find(|member| member.name == name)?;
        match &member.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned: Spanned<Value> = Spanned::deserialize(deserializer)?;
        Ok(Self {
            at: At::from(spanned.referenced),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what JSON can say")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Truth(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element()? {
            elements.push(element);
        }
        Ok(Value::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members: Vec<Member> = Vec::new();
        let mut names = std::collections::BTreeSet::new();
        while let Some(name) = access.next_key::<String>()? {
            if !names.insert(name.clone()) {
                let shown: String = name.chars().take(40).collect();
                return Err(A::Error::custom(format_args!(
                    "the member `{}` occurs twice",
                    shown.escape_debug()
                )));
            }
            let node = access.next_value()?;
            members.push(Member { name, node });
        }
        Ok(Value::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_place() {
        let read =
            documents("---\n# a comment\na:\n  - b: 1\n    c: [x]\n---\n---\nd: true\n").unwrap();
        assert_eq!(read.len(), 2);
        let list = &read[0].members()[0].node;
        let Value::List(elements) = &list.value else {
            panic!("{list:?}");
        };
        let c = &elements[0].members()[1].node;
        assert_eq!((c.at.line, c.at.column), (5, 8));
        let d = &read[1].members()[0].node;
        assert_eq!((d.at.line, d.at.column), (8, 4));
    }

    #[test]
    fn what_readers_differ_about_or_never_ends_is_refused() {
        let deep = "[".repeat(DEPTH + 2);
        let wide = "- 1\n".repeat(NODES + 2);
        let many = "--- 1\n".repeat(DOCUMENTS + 2);
        for text in [
            "a: &k 1\nb: *k\n",
            "a: {<<: {b: 1}}\n",
            "a: 1\na: 2\n",
            "a: !foo b\n",
            "a: [",
            &deep,
            &wide,
            &many,
        ] {
            let shown: String = text.chars().take(20).collect();
            assert!(documents(text).is_err(), "{shown}");
        }
    }
}
