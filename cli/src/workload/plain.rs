//! YAML that everybody reads alike.
//!
//! What is judged here is read by somebody else when it runs: kubectl and the controllers read YAML 1.1
//! with a library of their own. Where two readers of YAML may differ, one of them can be shown another
//! image than the other. So only what leaves no room for that is read: no anchors and aliases, no merge
//! keys, no tags of applications, no member twice, none that looks like a sign of the syntax, and no
//! character that only one of them takes for the end of a line. What tools render has none of these.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text is not read.
#[derive(Debug)]
pub(super) struct NotPlain {
    /// Line and column, where known.
    pub(super) at: Option<(u64, u64)>,
    /// What is wrong.
    pub(super) reason: String,
}

/// Reads every document of a text. Documents of nothing are left out.
pub(super) fn documents(bytes: &[u8]) -> Result<Vec<Value>, NotPlain> {
    let unread = |reason: &str| NotPlain {
        at: None,
        reason: reason.to_owned(),
    };
    let text = std::str::from_utf8(bytes).map_err(|_| unread("not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = text.find(BREAKS) {
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        return Err(NotPlain {
            at: Some((line as u64 + 1, 1)),
            reason: "a character that some take for the end of a line".to_owned(),
        });
    }
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
    let read: Result<Vec<Plain>, _> = serde_saphyr::from_multiple_with_options(text, options);
    let documents = read.map_err(|error| {
        let at = error.location();
        let reason = error.without_snippet().to_string();
        NotPlain {
            at: at.map(|at| (at.line(), at.column())),
            reason: reason.lines().next().unwrap_or_default().to_owned(),
        }
    })?;
    Ok(documents.into_iter().map(|Plain(value)| value).collect())
}

/// Next line, line separator, paragraph separator: ends of lines in YAML 1.1, and in 1.2 not. And what
/// belongs into no text.
const BREAKS: [char; 5] = ['\u{85}', '\u{2028}', '\u{2029}', '\0', '\u{feff}'];
/// Levels. Stops documents that exhaust the stack.
const DEPTH: usize = 64;
/// Documents of one text. Stops a storm of separators.
const DOCUMENTS: usize = 100_000;
/// Maps, lists and scalars of one text. Stops many small things from filling the memory.
const NODES: usize = 4_000_000;

/// A value in which no member occurs twice.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Plain)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what JSON can say")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // What is no number in JSON is nothing that an object of a cluster could hold.
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
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
        while let Some(Plain(element)) = access.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if name.starts_with(SIGNS) || name == "<<" {
                let shown: String = name.chars().take(40).collect();
                return Err(A::Error::custom(format_args!(
                    "the member `{}` looks like a sign of YAML's",
                    shown.escape_debug()
                )));
            }
            let Plain(value) = access.next_value()?;
            if members.contains_key(&name) {
                let shown: String = name.chars().take(40).collect();
                return Err(A::Error::custom(format_args!(
                    "the member `{}` occurs twice",
                    shown.escape_debug()
                )));
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// What a member's name may not begin with: some readers take it for the sign of a key, an anchor, an
/// alias or a tag.
const SIGNS: [char; 4] = ['?', '&', '*', '!'];

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let read = documents(text.as_bytes());
        read.map_or_else(
            |error| error.reason,
            |read| panic!("{text:?} is read: {read:?}"),
        )
    }

    #[test]
    fn what_is_rendered_is_read() {
        let text = "\u{feff}# a comment\r\n---\r\na: [1, -2, 1.5, true, null, ~, 'x', \"y\\n\", !!str 7]\r\n\
                    b:\n  c: |\n    text\n";
        let read = documents(text.as_bytes()).unwrap();
        let expected = serde_json::json!({
            "a": [1, -2, 1.5, true, null, null, "x", "y\n", "7"],
            "b": {"c": "text\n"},
        });
        assert_eq!(read, [expected]);
        assert_eq!(documents(b"---\n---\n~\n").unwrap(), Vec::<Value>::new());
        let two = documents(b"{\"a\": 1}\n---\na: 2\n...\n---\na: 3\n").unwrap();
        assert_eq!(two.len(), 3);
    }

    #[test]
    fn comments_may_be_long() {
        let comment = "  # Why, at length.\n".repeat(300);
        let text = format!("{comment}---\nspec:\n{comment}  replicas: 1\n");
        let read = documents(text.as_bytes()).unwrap();
        assert_eq!(read, [serde_json::json!({"spec": {"replicas": 1}})]);
    }

    #[test]
    fn what_two_readers_may_take_for_different_things_is_refused() {
        for (text, expected) in [
            ("a: 1\na: 2\n", "a"),
            ("a: 1\n\"a\": 2\n", "a"),
            ("a: 1\n\"\\u0061\": 2\n", "a"),
            ("!x a: 1\na: 2\n", "tag"),
            ("!!binary YQ==: 1\na: 2\n", ""),
            ("a: &k 1\n", "anchor"),
            ("a: &k 1\nb: *k\n", ""),
            ("a: {b: 1, <<: {b: 2}}\n", "merge"),
            ("a: {b: 1, ! <<: {b: 2}}\n", ""),
            ("a: {b: 1, \"<<\": {b: 2}}\n", "looks like a sign"),
            ("a: {b: 1, ?b: 2}\n", "looks like a sign"),
            ("a: !foo b\n", "tag"),
            ("a: [1, #\u{2028}  2]\n", "end of a line"),
            ("a: b #\u{85}c: d\n", "end of a line"),
            ("a: \u{feff}b\n", "end of a line"),
            ("a: [", ""),
        ] {
            let reason = refused(text);
            assert!(reason.contains(expected), "{text:?}: {reason}");
        }
        assert_eq!(documents(b"\xff").unwrap_err().reason, "not UTF-8");
        let deep = "[".repeat(DEPTH + 1);
        assert!(!refused(&deep).is_empty());
        // A member that stands for raw JSON inside serde_json is one like any other here.
        let read = documents(b"{\"$serde_json::private::RawValue\": \"[1]\"}").unwrap();
        assert!(read[0].is_object(), "{read:?}");
    }
}
