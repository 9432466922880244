//! Nothing is passed over in silence, and whatever is read becomes a policy that holds.

use bulla_model::Limits;
use serde_json::{Value, json};

use super::gaps::{Effect, Gap, Gaps};
use super::plan::Plan;
use super::rules::together;
use super::yaml::{self, Chosen};
use super::{check, documents};

const FIELDS: [&str; 3] = [
    include_str!("../../../../../testdata/import/kyverno-fields.yaml"),
    include_str!("../../../../../testdata/import/validating-fields.yaml"),
    include_str!("../../../../../testdata/import/controller-fields.yaml"),
];

const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8nXRh950IZbRj8Ra/N9sbqOPZrfM
5/KAQN0/KjHcorm/J5yctVd7iEcnessRQjU917hmKO6JWVGHpDguIyakZA==
-----END PUBLIC KEY-----
";

/// What is told of a document, after its translation was read as a policy. Whatever is denied stands in
/// it, beside a key that has nothing to do with it too.
fn told(document: &Value) -> Option<Vec<Gap>> {
    let text = serde_json::to_string(document).unwrap();
    let mut gaps = Gaps::of("a");
    let asked = documents::file("a", text.as_bytes(), &mut gaps).ok()?;
    let mut gaps = gaps.into_found();
    let mut other = Gaps::of("k");
    let mut all = documents::file("k", KEY.as_bytes(), &mut other).unwrap();
    all.extend(asked);
    let plan = Plan::of(together(all));
    gaps.extend(plan.gaps.iter().cloned());
    for gap in gaps.iter().filter(|gap| gap.effect == Effect::Denied) {
        let mut services = plan.services.iter();
        assert!(services.any(|one| one.denied.contains(gap)), "{gap:?}");
    }
    let chosen = Chosen {
        name: "release",
        environments: &[("prod".to_owned(), "env://acme/apps/prod".to_owned())],
        sources: &|_| Vec::new(),
    };
    if !plan.services.is_empty() {
        let files = yaml::files(&plan, &chosen);
        check(&files, &Limits::default()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }
    Some(gaps)
}

/// Every place below `spec`, as a pointer.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointers(member, &format!("{at}/{}", name.replace('/', "~1")), found);
            }
        }
        Value::Array(elements) => {
            for (number, element) in elements.iter().enumerate() {
                pointers(element, &format!("{at}/{number}"), found);
            }
        }
        _ => {}
    }
}

fn read(text: &str) -> (Value, Vec<String>) {
    let document: Value = serde_saphyr::from_str(text).unwrap();
    let mut found = Vec::new();
    pointers(&document["spec"], "/spec", &mut found);
    (document, found)
}

/// A pointer as fields are called: `spec.rules[0].name`.
fn called(pointer: &str) -> String {
    let mut out = String::new();
    for part in pointer.split('/').skip(1) {
        if part.parse::<usize>().is_ok() {
            out.extend(["[", part, "]"]);
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(part);
        }
    }
    out
}

#[test]
fn a_field_that_is_not_known_is_denied_wherever_it_stands() {
    for text in FIELDS {
        let (document, pointers) = read(text);
        let before: Vec<_> = told(&document).unwrap();
        for pointer in pointers {
            let mut changed = document.clone();
            let Some(Value::Object(members)) = changed.pointer_mut(&pointer) else {
                continue;
            };
            members.insert("misspelt".to_owned(), json!("x"));
            let gaps = told(&changed).unwrap();
            let field = format!("{}.misspelt", called(&pointer));
            let is_told = gaps
                .iter()
                .any(|gap| gap.field == field && gap.effect == Effect::Denied);
            // Or what it is in was told as a whole.
            let is_whole = before.iter().any(|gap| {
                field.starts_with(&format!("{}.", gap.field))
                    || field.starts_with(&format!("{}[", gap.field))
            });
            assert!(is_told || is_whole, "{field}");
        }
    }
}

#[test]
fn whatever_stands_anywhere_the_result_is_a_policy() {
    let others = [
        json!(null),
        json!(7),
        json!("x\n- \"y\": #\u{1b}[2J"),
        json!([]),
        json!({}),
    ];
    for text in FIELDS {
        let (document, pointers) = read(text);
        // One after the other: all of them everywhere would take minutes.
        for (pointer, other) in pointers.iter().skip(1).zip(others.iter().cycle()) {
            let mut changed = document.clone();
            if let Some(value) = changed.pointer_mut(pointer) {
                *value = other.clone();
            }
            assert!(told(&changed).is_some(), "{pointer} is {other}");
        }
    }
}

#[test]
fn names_that_yaml_takes_for_something_else_are_names() {
    let (document, _) = read(FIELDS[2]);
    for name in [
        "true",
        "null",
        "1e3",
        "0x1F",
        "007",
        "y",
        "~",
        "a: b",
        "",
        "-",
        "é\u{2028}",
        "not-translated",
    ] {
        let mut changed = document.clone();
        changed["metadata"]["name"] = json!(name);
        changed["spec"]["authorities"][0]["name"] = json!(name);
        changed["spec"][name] = json!(name);
        assert!(told(&changed).is_some(), "{name}");
    }
}
