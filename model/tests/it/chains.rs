//! The vectors of promotion chains are what their schema says.

use serde_json::{Value, json};

use crate::files::{bytes, entries, root, stem};

fn schema() -> jsonschema::Validator {
    let path = root().join("testdata/chains/case.schema.json");
    let schema: Value = serde_json::from_slice(&bytes(&path)).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

#[test]
fn every_case_is_one_and_named_as_its_file() {
    let schema = schema();
    let paths = entries(&root().join("testdata/chains/cases"));
    assert!(!paths.is_empty());
    for path in paths {
        let case: Value = serde_json::from_slice(&bytes(&path)).unwrap();
        let said: Vec<String> = schema.iter_errors(&case).map(|e| e.to_string()).collect();
        assert!(said.is_empty(), "{}: {said:?}", path.display());
        assert_eq!(case["name"], stem(&path));
    }
}

#[test]
fn what_is_no_case_is_refused() {
    let schema = schema();
    let path = root().join("testdata/chains/cases/journey.json");
    let case: Value = serde_json::from_slice(&bytes(&path)).unwrap();
    assert!(schema.is_valid(&case));
    for (place, value) in [
        ("/question/kind", json!("review")),
        ("/now", json!("yesterday")),
        ("/artifact", json!("sha1:00")),
        ("/attestations/0/file", json!("../secret")),
        ("/expected/exit", json!(70)),
        ("/expected/decision", json!("maybe")),
        ("/expected/findings/0/severity", json!("fatal")),
        ("/policy/base", Value::Null),
        ("/policy/signatures", Value::Null),
    ] {
        let mut changed = case.clone();
        *changed.pointer_mut(place).unwrap() = value;
        assert!(!schema.is_valid(&changed), "{place}");
    }
    for (member, value) in [("state", "late"), ("due", "soon")] {
        let mut changed = case.clone();
        let mut review = json!({"due": "2026-03-04T11:00:00Z", "state": "open"});
        changed["expected"]["steps"][0]["review"] = review.clone();
        assert!(schema.is_valid(&changed));
        review[member] = json!(value);
        changed["expected"]["steps"][0]["review"] = review;
        assert!(!schema.is_valid(&changed), "{member}");
    }
}
