//! Whatever is done to a tree, XML says the same, or it is reported what it does not say.

use bulla_model::Limits;
use bulla_sbom::format::cyclonedx::{Document, xml};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::xml::{examples, files, read, tree};

/// What values are exchanged for.
fn others() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ a-z0-9<&\"\t\r\n\u{1}\u{fffe}]{0,8}".prop_map(Value::from),
        Just(json!("1")),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[]])),
        Just(json!(["a", { "name": "b" }, 1])),
        Just(json!({ "ref": "a", "x": 1 })),
        Just(json!({ "license": { "id": "MIT" }, "expression": "MIT" })),
    ]
}

/// Exchanges the value with a number, counted through the tree.
fn exchange(value: &mut Value, number: &mut usize, other: &Value) {
    if *number == 0 {
        *value = other.clone();
    }
    *number = number.wrapping_sub(1);
    match value {
        Value::Array(list) => list.iter_mut().for_each(|one| exchange(one, number, other)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|one| exchange(one, number, other)),
        _ => {}
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn every_tree_is_the_same_in_xml_or_reported(
        which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), other in others(),
    ) {
        let all = files(&examples(), "json");
        let mut value = Value::Object(read(&all[which.index(all.len())]).into_members());
        let mut number = place.index(count(&value));
        exchange(&mut value, &mut number, &other);
        // Its format and version may have been exchanged.
        if let Ok(document) = Document::read(value.to_string().as_bytes(), &Limits::default()) {
            let written = xml::write(&document);
            let again = xml::read(&written.bytes, &Limits::default()).unwrap();
            prop_assert_eq!(again.losses(), &[]);
            let twice = xml::write(&again);
            prop_assert_eq!(&twice.losses, &[]);
            if written.losses.is_empty() && document.losses().is_empty() {
                prop_assert_eq!(again.members(), &tree(&document));
                prop_assert_eq!(twice.bytes, written.bytes);
            }
        }
    }

    #[test]
    fn broken_xml_is_refused_or_read(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        length in 0usize..40, other in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let all = files(&examples(), "xml");
        let mut bytes = std::fs::read(&all[which.index(all.len())]).unwrap();
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, other);
        if let Ok(document) = xml::read(&bytes, &Limits::default()) {
            let written = xml::write(&document);
            let again = xml::read(&written.bytes, &Limits::default()).unwrap();
            if written.losses.is_empty() {
                prop_assert_eq!(again.members(), document.members());
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::read(&bytes, &Limits::default()).is_ok();
        let _ = xml::read(&bytes, &Limits::default()).is_ok();
    }
}
