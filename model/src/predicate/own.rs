//! What can be said of every predicate of ours, whatever its type and version.

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Statement, json};

/// The namespace of the predicates defined here.
pub const NAMESPACE: &str = crate::ours!("");

/// Whether this predicate type is of our namespace.
pub fn is_own(uri: &str) -> bool {
    uri.starts_with(NAMESPACE)
}

/// Whether it is of a version 0.x, which may still change: `https://bulla.dev/approval/v0.1`.
pub fn is_draft(uri: &str) -> bool {
    is_own(uri)
        && uri
            .rsplit_once('/')
            .is_some_and(|(_, version)| version.starts_with("v0."))
}

/// When a statement of ours says it was issued. `None` if it is not ours or does not say.
pub fn issued_at(statement: &Statement) -> Option<Timestamp> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Issued {
        issued_at: Timestamp,
    }
    if !is_own(statement.predicate_type().as_str()) {
        return None;
    }
    let issued: Issued = json::part(statement.predicate_json()?.as_bytes()).ok()?;
    Some(issued.issued_at)
}

/// Reads a predicate of ours, of which there is one way of writing: serde also takes
/// `{"approve": null}` for the word `"approve"`, and in enums an array for an object.
pub(super) fn read<P: DeserializeOwned + Serialize>(text: &str) -> serde_json::Result<P> {
    let predicate: P = json::part(text.as_bytes())?;
    if is_alike(
        &serde_json::from_str(text)?,
        &serde_json::to_value(&predicate)?,
    ) {
        Ok(predicate)
    } else {
        Err(serde_json::Error::custom(
            "an object is an object, and a word is a string",
        ))
    }
}

/// Whether what was read is of the kinds that are written, member by member; further members may be
/// there.
fn is_alike(said: &Value, written: &Value) -> bool {
    match (said, written) {
        (Value::Object(said), Value::Object(written)) => written
            .iter()
            .all(|(name, value)| said.get(name).is_none_or(|said| is_alike(said, value))),
        (Value::Array(said), Value::Array(written)) => {
            said.len() == written.len()
                && said
                    .iter()
                    .zip(written)
                    .all(|(said, one)| is_alike(said, one))
        }
        (Value::Null, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        Approve,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Inner {
        word: Word,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Outer {
        inner: Vec<Inner>,
        #[serde(default)]
        number: u32,
    }

    #[test]
    fn there_is_one_way_of_writing() {
        for good in [
            r#"{"inner":[{"word":"approve"}],"number":1}"#,
            r#"{"inner":[{"word":"approve","more":1}],"more":[]}"#,
            r#"{"inner":[]}"#,
        ] {
            assert!(read::<Outer>(good).is_ok(), "{good}");
        }
        for bad in [
            r#"[[{"word":"approve"}],1]"#,
            r#"{"inner":[["approve"]]}"#,
            r#"{"inner":[{"word":{"approve":null}}]}"#,
        ] {
            assert!(serde_json::from_str::<Outer>(bad).is_ok(), "{bad}");
            assert!(read::<Outer>(bad).is_err(), "{bad}");
        }
    }
}
