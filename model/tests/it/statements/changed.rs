//! The golden vectors, changed in every place and at random: what is still read is written and read
//! the same, and reader and schema agree.

use std::path::PathBuf;

use bulla_model::{Digest, statement};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{OWN, Own, folder, valid, validator, value};

/// Every place in a document.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(member, &format!("{at}/{name}"), out);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                places(element, &format!("{at}/{index}"), out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    out.push(at.to_owned());
}

/// What the reader takes, the schema takes; and what it wrote, it reads.
fn agree(own: &Own, schema: &jsonschema::Validator, document: &Value) {
    let payload = serde_json::to_vec(document).unwrap();
    if (own.rewrite)(&payload).is_ok() && document["_type"] == statement::STATEMENT_V1 {
        let said: Vec<String> = schema
            .iter_errors(document)
            .map(|error| error.to_string())
            .collect();
        // Other members of in-toto's subjects are not described.
        assert!(said.is_empty(), "{}: {said:?}: {document}", own.name);
    }
}

/// Values that are often nearly right.
fn others() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(17),
        json!(9_007_199_254_740_991_u64),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("x".repeat(257)),
        json!("é\u{202e}\n"),
        json!([]),
        json!({}),
        json!([null]),
        json!({"kind": "later"}),
        json!({"kind": "lift", "payload": format!("sha256:{}", "ab".repeat(32))}),
        json!(format!("sha256:{}", "ab".repeat(32))),
        json!(format!("sha512:{}", "ab".repeat(64))),
        json!("2026-11-21T22:31:07+01:00"),
        json!("2026-11-21T22:31:60Z"),
        json!("env://acme/pay/prod"),
        json!("ledger://acme/pay"),
    ];
    let words = [
        "promote",
        "hotfix",
        "later",
        "base",
        "people",
        "closed",
        "pkg:npm/a@1?b=c",
    ];
    values.extend(words.map(|word| json!(word)));
    values
}

#[test]
fn f31_a_value_of_another_kind_anywhere_is_no_panic_and_schema_and_reader_agree() {
    let others = others();
    for own in OWN {
        let schema = validator(own);
        for name in [
            "step",
            "first",
            "undetermined-edge-kind",
            "undetermined-signer-kind",
        ] {
            let path = folder(own).join(format!("valid/{name}.json"));
            if !path.exists() {
                continue;
            }
            let whole = value(&path);
            let mut all = Vec::new();
            places(&whole, "", &mut all);
            for place in all.iter().filter(|place| place.starts_with("/predicate/")) {
                for other in &others {
                    let mut changed = whole.clone();
                    *changed.pointer_mut(place).unwrap() = other.clone();
                    agree(own, &schema, &changed);
                }
                let (parent, name) = place.rsplit_once('/').unwrap();
                let mut changed = whole.clone();
                if let Some(Value::Object(members)) = changed.pointer_mut(parent) {
                    members.remove(name);
                }
                agree(own, &schema, &changed);
            }
        }
    }
}

/// Another value of the same kind: a digest for a digest, an instant for an instant.
fn alike(value: &Value, round: u8) -> Option<Value> {
    let digest = Digest::sha256(&[round]);
    let text = match value {
        Value::Number(_) => return Some(json!(u64::from(round) * 3_000_000_000_000 + 2)),
        Value::String(text) => text,
        _ => return None,
    };
    let times = [
        "1970-01-01T00:00:00.5Z",
        "2026-11-21T22:31:08+01:00",
        "9999-12-01T00:00:00Z",
    ];
    let texts = ["é\u{202e}\n", "\"\\\u{7f}", "\u{1d11e}", "sha256:ab"];
    let of = |list: &[&str]| json!(list[usize::from(round) % list.len()]);
    Some(match text.as_str() {
        _ if text.starts_with("sha256:") => json!(digest.to_string()),
        _ if text.starts_with("env://") => json!(format!("env://a.b/c_{round}/9-")),
        _ if text.starts_with("20") && text.ends_with('Z') => of(&times),
        _ if text.contains(' ') => of(&texts),
        _ if text.len() == 32 => json!(&digest.hex()[..32]),
        _ => json!(format!("a{round}")),
    })
}

/// What the reader takes and the writer writes is read as the same, schema included.
#[test]
fn other_values_of_the_same_kind_are_written_and_read_the_same() {
    let (mut tried, mut taken) = (0, 0);
    for own in OWN {
        let schema = validator(own);
        for path in valid(own) {
            let whole = value(&path);
            let mut all = Vec::new();
            places(&whole, "", &mut all);
            for place in all.iter().filter(|place| place.starts_with("/predicate/")) {
                for round in 0..4 {
                    let Some(other) = alike(whole.pointer(place).unwrap(), round) else {
                        continue;
                    };
                    let mut changed = whole.clone();
                    *changed.pointer_mut(place).unwrap() = other;
                    tried += 1;
                    if (own.rewrite)(&serde_json::to_vec(&changed).unwrap()).is_ok() {
                        taken += 1;
                        assert!(schema.is_valid(&changed), "{}: {changed}", own.name);
                    }
                }
            }
        }
    }
    assert!(tried > 2000 && taken * 2 > tried, "{taken} of {tried}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_are_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..400)) {
        for own in OWN {
            drop((own.rewrite)(&payload));
        }
    }

    /// Several changes at once; what is still read is written and read the same.
    #[test]
    fn what_is_read_is_written_and_read_the_same(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
            1..4,
        ),
    ) {
        let all: Vec<(&Own, PathBuf)> = OWN
            .iter()
            .flat_map(|own| valid(own).into_iter().map(move |path| (own, path)))
            .collect();
        let (own, path) = which.get(&all);
        let whole = value(path);
        let mut changed = whole.clone();
        for (to, from) in changes {
            // Parts of the statement itself, where they do not belong: some of them fit.
            let (mut places_to, mut places_from) = (Vec::new(), Vec::new());
            places(&changed, "", &mut places_to);
            places(&whole, "", &mut places_from);
            let (from, to): (&String, &String) = (from.get(&places_from), to.get(&places_to));
            let part = whole.pointer(from).unwrap().clone();
            *changed.pointer_mut(to).unwrap() = part;
        }
        drop((own.rewrite)(&serde_json::to_vec(&changed).unwrap()));
    }
}
