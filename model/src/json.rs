//! A strict JSON reader for bytes that came from outside.
//!
//! Two readers that disagree on a document can be played against each other, so what RFC 8259
//! leaves open is refused here: duplicate member names, excess nesting, invalid UTF-8, anything
//! after the value, and documents over their limit.
//!
//! Member names that begin with `$serde_json::private::` are refused too. `serde_json` has no other
//! way of passing a raw text or a long number through serde, so an object with such a member is
//! read by it as the JSON inside the text: a second document that no check has seen, and that may
//! hold a third.
//!
//! [`read`], [`part`] and [`value`] read structs from objects alone, see `objects`.

mod objects;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Reads a value of type `T` from a whole document.
///
/// `limit` bounds the document in bytes, `depth` its nesting.
pub fn read<T: DeserializeOwned>(bytes: &[u8], limit: u64, depth: usize) -> Result<T, JsonError> {
    check(bytes, limit, depth)?;
    typed(bytes)
}

/// Reads a document as [`read`] does, but believes the last of several members of one name, as
/// `JSON.parse` does. Only for files whose own tools read them so and that prove nothing.
pub fn read_last_wins<T: DeserializeOwned>(
    bytes: &[u8],
    limit: u64,
    depth: usize,
) -> Result<T, JsonError> {
    check_with(bytes, limit, depth, Repeated::LastWins)?;
    typed(bytes)
}

fn typed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    part(bytes).map_err(|error| JsonError::of(&error, String::new()))
}

/// Reads a document that was checked, or a part of one.
pub fn part<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(objects::Objects(&mut deserializer))?;
    deserializer.end().map(|()| value)
}

/// Reads a part of a document that was checked and is at hand as a value.
pub fn value<T: DeserializeOwned>(value: Value) -> serde_json::Result<T> {
    T::deserialize(objects::Objects(value))
}

/// Checks a whole document without keeping anything of it.
pub fn check(bytes: &[u8], limit: u64, depth: usize) -> Result<(), JsonError> {
    check_with(bytes, limit, depth, Repeated::Refused)
}

fn check_with(bytes: &[u8], limit: u64, depth: usize, repeated: Repeated) -> Result<(), JsonError> {
    if bytes.len() as u64 > limit {
        return Err(JsonError::Size {
            limit,
            found: bytes.len() as u64,
        });
    }
    let path = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let strict = Strict {
        depth,
        repeated,
        path: &path,
    };
    let outcome = strict
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    outcome.map_err(|error| JsonError::of(&error, pointer(&path.borrow())))
}

/// Why a document was refused, with the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The document is longer than its limit.
    #[error("{found} bytes of JSON, the limit is {limit}")]
    Size {
        /// The limit in bytes.
        limit: u64,
        /// The length in bytes.
        found: u64,
    },
    /// The document is not JSON, not strict JSON, or not of the expected shape.
    #[error("line {line}, column {column}{}: {}", At(pointer), reason.escape_debug())]
    Content {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// JSON pointer (RFC 6901) of the enclosing value, empty for the document.
        pointer: String,
        /// What is wrong.
        reason: String,
    },
}

impl JsonError {
    fn of(error: &serde_json::Error, pointer: String) -> Self {
        let text = error.to_string();
        let reason = match text.rfind(" at line ") {
            Some(end) => text[..end].to_owned(),
            None => text,
        };
        let reason = reason.chars().take(200).collect();
        Self::Content {
            line: error.line(),
            column: error.column(),
            pointer,
            reason,
        }
    }
}

struct At<'a>(&'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", self.0.escape_debug())
        }
    }
}

/// One step of the way to the value being read.
enum Step<'de> {
    Member(Name<'de>),
    Element(usize),
}

/// The name of a member: a part of the document, unless it is written with escapes.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Names of an object so far. Few objects have more than a handful of members, and a look at each
/// is quicker there than hashing.
#[derive(Default)]
struct Seen<'de> {
    few: Vec<Name<'de>>,
    many: HashSet<Name<'de>>,
}

impl<'de> Seen<'de> {
    const FEW: usize = 12;

    /// Whether the name is new.
    fn insert(&mut self, name: Name<'de>) -> bool {
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < Self::FEW {
            self.few.push(name);
            return true;
        }
        self.many.insert(name)
    }
}

/// Writes a JSON pointer, each name cut to 64 characters.
fn pointer(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        text.push('/');
        match step {
            Step::Element(index) => text.push_str(&index.to_string()),
            Step::Member(name) => {
                let name: String = name.0.chars().take(64).collect();
                text.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
        }
    }
    text
}

/// What becomes of a member whose name was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeated {
    Refused,
    LastWins,
}

/// Reads any value, keeping only the way to it; an error leaves the way standing.
#[derive(Clone, Copy)]
struct Strict<'a, 'de> {
    depth: usize,
    repeated: Repeated,
    path: &'a RefCell<Vec<Step<'de>>>,
}

impl Strict<'_, '_> {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom("nested too deeply")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        let mut index = 0_usize;
        loop {
            self.path.borrow_mut().push(Step::Element(index));
            if elements.next_element_seed(inside)?.is_none() {
                break;
            }
            self.path.borrow_mut().pop();
            index = index.saturating_add(1);
        }
        self.path.borrow_mut().pop();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        let mut seen = Seen::default();
        while let Some(name) = members.next_key::<Name<'de>>()? {
            self.path.borrow_mut().push(Step::Member(name.clone()));
            if name.0.starts_with(RESERVED) {
                return Err(serde::de::Error::custom("member name is reserved"));
            }
            if !seen.insert(name) && self.repeated == Repeated::Refused {
                return Err(serde::de::Error::custom("member name occurs twice"));
            }
            members.next_value_seed(inside)?;
            self.path.borrow_mut().pop();
        }
        Ok(())
    }
}

/// How the names begin that `serde_json` gives a meaning to, in whatever way they are escaped.
const RESERVED: &str = "$serde_json::private::";

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        check(text.as_bytes(), 1000, 4).unwrap_err().to_string()
    }

    #[test]
    fn duplicates_are_refused_with_their_place() {
        assert_eq!(
            refused("{\"a\": [1, {\"b\": 1,\n \"b\": 2}]}"),
            "line 2, column 4 (/a/1/b): member name occurs twice"
        );
        assert!(
            refused(r#"{"a":1,"\u0061":2}"#).contains("occurs twice"),
            "escapes are the same name"
        );
    }

    #[test]
    fn duplicates_are_refused_among_many_too() {
        let member = |number: usize| format!("\"m{number}\":1");
        for twice in [0, Seen::FEW - 1, Seen::FEW, 2 * Seen::FEW] {
            let names: Vec<String> = (0..=2 * Seen::FEW).map(member).collect();
            let fine = format!("{{{}}}", names.join(","));
            assert!(check(fine.as_bytes(), 1000, 4).is_ok());
            let again = format!("{{{},{}}}", names.join(","), member(twice));
            assert!(refused(&again).contains("occurs twice"), "{again}");
            let escaped = again.replacen(&member(twice), &format!("\"\\u006d{twice}\":1"), 1);
            assert!(refused(&escaped).contains("occurs twice"), "{escaped}");
        }
    }

    #[test]
    fn depth_size_and_rest_are_bounded() {
        assert!(check(b"[[[[1]]]]", 1000, 4).is_ok());
        assert!(refused("[[[[[1]]]]]").contains("nested too deeply"));
        assert!(refused("{} {}").contains("trailing characters"));
        assert_eq!(
            check(b"[1,2]", 4, 4).unwrap_err(),
            JsonError::Size { limit: 4, found: 5 }
        );
    }

    /// What a document is read as that holds another one in a text.
    fn wrapped(inner: &str) -> String {
        let text = Value::from(inner);
        format!("{{\"$serde_json::private::RawValue\":{text}}}")
    }

    #[test]
    fn a_document_inside_a_text_is_refused_as_its_members_were_never_checked() {
        let hidden = wrapped(r#"{"id":"a","id":"b"}"#);
        let value: Value = serde_json::from_str(&hidden).unwrap();
        assert_eq!(value["id"], "b", "the reason why it is refused");
        let reason = "line 1, column 33 (/$serde_json::private::RawValue): member name is reserved";
        assert_eq!(refused(&hidden), reason);
        assert!(read::<Value>(hidden.as_bytes(), 1000, 4).is_err());
        assert!(read_last_wins::<Value>(hidden.as_bytes(), 1000, 4).is_err());
        let escaped = hidden.replace("$serde", "\\u0024s\\u0065rde");
        assert!(refused(&escaped).contains("reserved"), "{escaped}");
        let beside = r#"{"a":[{"b":1,"$serde_json::private::Number":"1"}]}"#;
        assert!(refused(beside).contains("reserved"));
        assert!(
            check(
                br#"{"$serde_json":1,"a":"$serde_json::private::"}"#,
                1000,
                4
            )
            .is_ok()
        );
    }

    #[test]
    fn documents_inside_texts_do_not_add_up_their_nesting() {
        let mut document = "1".to_owned();
        for _ in 0..12 {
            document = format!("[[[{}]]]", wrapped(&document));
        }
        let error = check(document.as_bytes(), 1 << 20, 64).unwrap_err();
        assert!(error.to_string().contains("reserved"), "{error}");
    }

    #[test]
    fn the_last_of_several_wins_only_where_it_is_asked_for() {
        let twice = br#"{"a":1,"a":2}"#;
        assert!(read::<Value>(twice, 1000, 4).is_err());
        let last: Value = read_last_wins(twice, 1000, 4).unwrap();
        assert_eq!(last["a"], 2);
        assert!(read_last_wins::<Value>(b"[[[[[1]]]]]", 1000, 4).is_err());
        assert!(read_last_wins::<Value>(twice, 4, 4).is_err());
    }

    #[test]
    fn invalid_text_is_refused() {
        assert!(check(b"\"\xff\"", 1000, 4).is_err());
        assert!(check(b"{\"a\":", 1000, 4).is_err());
        assert!(check(b"", 1000, 4).is_err());
    }

    #[test]
    fn typed_reading_says_where_the_shape_is_wrong() {
        let error = read::<Vec<u8>>(b"[1, \"x\"]", 1000, 4).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("line 1, column 7: invalid type"),
            "{error}"
        );
    }
}
