//! Collections: what witness's attestors said during one step, signed as one.
//!
//! Implements `attestation/collection.go` of go-witness at ad20e39,
//! <https://github.com/in-toto/go-witness/tree/ad20e39c46a03d414c6a17e2033f61aa4bfa050f>. A
//! collection is as good as the worst of its entries: one that is malformed makes the whole
//! unusable (F30). What an attestor says, for example the identity document of a cloud machine, is
//! its signer's word; signatures inside it are not verified here (F25).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Predicate;
use crate::descriptor::or_null;
use crate::{PredicateError, Statement};

/// The type's URI.
pub const TYPE: &str = "https://witness.testifysec.com/attestation-collection/v0.1";

/// The entries of one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// The step.
    pub name: String,
    /// What each attestor said, in order.
    pub attestations: Vec<CollectionEntry>,
}

/// What one attestor said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectionEntry {
    /// The attestor's type, for example `https://witness.dev/attestations/git/v0.1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it said: its signer's word. An attestor that found nothing writes `null`.
    #[serde(deserialize_with = "or_null")]
    pub attestation: BTreeMap<String, Value>,
    /// When it began.
    pub starttime: Timestamp,
    /// When it ended.
    pub endtime: Timestamp,
}

impl Predicate for Collection {
    const TYPES: &'static [&'static str] = &[TYPE];

    fn check(&self, _: &Statement) -> Result<(), PredicateError> {
        let wrong = |reason: &str| PredicateError::Shape {
            kind: TYPE,
            reason: reason.to_owned(),
        };
        if self.attestations.is_empty() {
            return Err(wrong("a collection of nothing"));
        }
        for (index, entry) in self.attestations.iter().enumerate() {
            if entry.kind.is_empty() {
                return Err(wrong(&format!("attestation {index} has no type")));
            }
            if entry.endtime < entry.starttime {
                return Err(wrong(&format!("attestation {index} ends before it begins")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Limits;

    fn read(change: impl Fn(&mut Value)) -> Result<Collection, PredicateError> {
        let time = "2026-03-01T12:00:00.123456789Z";
        let entry = |kind: &str, said: Value| {
            json!({
                "type": format!("https://witness.dev/attestations/{kind}/v0.1"),
                "attestation": said, "starttime": time, "endtime": time,
            })
        };
        let mut predicate = json!({
            "name": "build",
            "attestations": [
                entry("material", Value::Null),
                entry("aws", json!({"rawiid": "{}", "rawsig": "AAAA"})),
                entry("command-run", json!({"cmd": ["make"], "exitcode": 0})),
            ],
        });
        change(&mut predicate);
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "subject": [{
                "name": "https://witness.dev/attestations/product/v0.1/file:app",
                "digest": {"sha256": "00".repeat(32), "gitoid:sha1": "gitoid:blob:sha1:00"},
            }],
            "predicateType": TYPE,
            "predicate": predicate,
        });
        let bytes = serde_json::to_vec(&statement).expect("because it is JSON");
        let statement = Statement::parse(&bytes, &Limits::default()).expect("because it is one");
        statement.predicate()
    }

    #[test]
    fn f30_a_collection_is_as_good_as_its_worst_entry() {
        assert_eq!(read(|_| {}).map(|one| one.attestations.len()), Ok(3));
        let refused: [fn(&mut Value); 8] = [
            |predicate| predicate["attestations"] = json!([]),
            |predicate| predicate["attestations"] = Value::Null,
            |predicate| predicate["name"] = Value::Null,
            |predicate| predicate["attestations"][2]["type"] = json!(""),
            |predicate| predicate["attestations"][2]["attestation"] = json!("passed"),
            |predicate| predicate["attestations"][2]["starttime"] = json!("2027-01-01T00:00:00Z"),
            |predicate| predicate["attestations"][2]["endtime"] = json!("later"),
            |predicate| predicate["attestations"][2] = json!({}),
        ];
        for (index, change) in refused.into_iter().enumerate() {
            assert!(read(change).is_err(), "{index}");
        }
    }
}
