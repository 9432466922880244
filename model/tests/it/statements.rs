//! Version 1 of the predicates defined here: golden vectors, read and written by the types and by
//! the schemas.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bulla_model::predicate::revocation::Reach;
use bulla_model::predicate::{
    Approval, Checkpoint, Deployment, Freeze, Incident, Predicate, Promotion, Review, Revocation,
    SignedPolicy, Waiver, approval, checkpoint, deployment, freeze, incident, own, policy,
    promotion, review, revocation, waiver,
};
use bulla_model::{Digest, Limits, PredicateType, Statement, statement};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::files::{bytes, entries, root, stem, text};

mod changed;

/// A predicate of ours as a reader.
struct Own {
    name: &'static str,
    uri: &'static str,
    members: &'static [&'static str],
    /// Reads a payload as a verifier does and writes it again.
    rewrite: fn(&[u8]) -> Result<Vec<u8>, String>,
}

macro_rules! own {
    ($($module:ident $type:ident),* $(,)?) => {
        &[$(Own {
            name: stringify!($module),
            uri: $module::TYPE,
            members: $module::MEMBERS,
            rewrite: rewrite::<$type>,
        }),*]
    };
}

const OWN: &[Own] = own![
    approval Approval,
    checkpoint Checkpoint,
    deployment Deployment,
    freeze Freeze,
    incident Incident,
    policy SignedPolicy,
    promotion Promotion,
    review Review,
    revocation Revocation,
    waiver Waiver,
];

/// Reads what it wrote once more: it must be what was read before.
fn rewrite<P: Predicate + Serialize + PartialEq + std::fmt::Debug>(
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    let limits = Limits::default();
    let read = |payload: &[u8]| -> Result<(Statement, P), String> {
        let statement = Statement::parse(payload, &limits).map_err(|error| error.to_string())?;
        let predicate = statement.predicate().map_err(|error| error.to_string())?;
        Ok((statement, predicate))
    };
    let (statement, predicate) = read(payload)?;
    let kind: PredicateType = P::TYPES[0].parse().unwrap();
    let written = statement::write(statement.subjects(), &kind, &predicate).unwrap();
    assert_eq!(read(&written).map(|(_, again)| again), Ok(predicate));
    Ok(written)
}

fn folder(own: &Own) -> PathBuf {
    root().join("testdata/predicates").join(own.name).join("v1")
}

fn valid(own: &Own) -> Vec<PathBuf> {
    entries(&folder(own).join("valid"))
}

fn value(path: &std::path::Path) -> Value {
    serde_json::from_slice(&bytes(path)).unwrap()
}

fn schema_of(own: &Own) -> Value {
    let path = format!("docs/predicates/{}.v1.schema.json", own.name);
    let schema = value(&root().join(path));
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    schema
}

fn validator(own: &Own) -> jsonschema::Validator {
    jsonschema::draft202012::new(&schema_of(own)).unwrap()
}

/// A change to `valid/step.json`, and why the result is refused.
#[derive(Deserialize)]
struct Refused {
    name: String,
    patch: Vec<Operation>,
    error: String,
    /// Whether the schema can say so too.
    schema: bool,
}

/// An operation of RFC 6902.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", tag = "op")]
enum Operation {
    Add { path: String, value: Value },
    Remove { path: String },
    Replace { path: String, value: Value },
}

fn apply(document: &mut Value, operation: &Operation) {
    let (Operation::Add { path, .. }
    | Operation::Remove { path }
    | Operation::Replace { path, .. }) = operation;
    let (parent, name) = path.rsplit_once('/').unwrap();
    match (document.pointer_mut(parent).unwrap(), operation) {
        (Value::Object(members), Operation::Remove { .. }) => {
            members.remove(name).unwrap();
        }
        (Value::Object(members), Operation::Add { value, .. }) => {
            assert_eq!(members.insert(name.to_owned(), value.clone()), None);
        }
        (Value::Object(members), Operation::Replace { value, .. }) => {
            members.insert(name.to_owned(), value.clone()).unwrap();
        }
        (Value::Array(elements), Operation::Replace { value, .. }) => {
            elements[name.parse::<usize>().unwrap()] = value.clone();
        }
        _ => panic!("{path}: not needed so far"),
    }
}

#[test]
fn statements_are_read_and_written_the_same() {
    let sums = |file: &str| -> BTreeMap<String, String> {
        let path = root().join("testdata/predicates").join(file);
        let lines = text(&path);
        let pairs = lines.lines().map(|line| line.split_once("  ").unwrap());
        pairs
            .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
            .collect()
    };
    let (files, written) = (sums("SHA256SUMS"), sums("WRITTEN"));
    let mut count = 0;
    for own in OWN {
        let schema = validator(own);
        for path in valid(own) {
            count += 1;
            let name = format!("{}/v1/valid/{}.json", own.name, stem(&path));
            let payload = bytes(&path);
            let said: Vec<String> = schema
                .iter_errors(&value(&path))
                .map(|error| error.to_string())
                .collect();
            assert!(said.is_empty(), "{name}: {said:?}");
            let again = (own.rewrite)(&payload).unwrap_or_else(|error| panic!("{name}: {error}"));
            let again_value: Value = serde_json::from_slice(&again).unwrap();
            assert_eq!(again_value, value(&path), "{name}");
            assert_eq!(Digest::sha256(&payload).hex(), files[&name], "{name}");
            assert_eq!(Digest::sha256(&again).hex(), written[&name], "{name}");
        }
    }
    assert_eq!((files.len(), written.len()), (count, count));
}

#[test]
fn malformed_statements_are_refused_by_reader_and_schema() {
    for own in OWN {
        let schema = validator(own);
        let refused: Vec<Refused> =
            serde_json::from_slice(&bytes(&folder(own).join("invalid.json"))).unwrap();
        assert!(refused.len() >= 12, "{}: {}", own.name, refused.len());
        for refused in refused {
            let mut document = value(&folder(own).join("valid/step.json"));
            for operation in &refused.patch {
                apply(&mut document, operation);
            }
            let name = format!("{} {}", own.name, refused.name);
            let payload = serde_json::to_vec(&document).unwrap();
            let error = (own.rewrite)(&payload).expect_err(&name);
            assert!(error.contains(&refused.error), "{name}: {error}");
            assert!(!refused.error.is_empty(), "{name}: {error}");
            let said: Vec<String> = schema
                .iter_errors(&document)
                .map(|error| error.to_string())
                .collect();
            assert_eq!(!said.is_empty(), refused.schema, "{name}: {said:?}");
        }
    }
}

#[test]
fn the_example_of_each_page_is_a_vector() {
    for own in OWN {
        let page = text(&root().join(format!("docs/predicates/{}.md", own.name)));
        let (_, rest) = page.split_once("```json\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let vector = text(&folder(own).join("valid/step.json"));
        assert_eq!(example, vector, "{}.md", own.name);
        for member in own.members {
            assert!(page.contains(&format!("| `{member}` |")), "{member}");
        }
    }
    let page = text(&root().join("docs/predicates/scope.md"));
    let scope: bulla_model::Scope = "ledger://acme/pay".parse().unwrap();
    let manifest = String::from_utf8(scope.manifest()).unwrap();
    for said in [
        scope.digest().hex(),
        scope.descriptor().digest.hex(),
        manifest.as_str(),
    ] {
        assert!(page.contains(said), "{said}");
    }
}

/// Whoever reads only the schema knows the members that may be critical, and no other.
#[test]
fn schema_and_reader_know_the_same_members() {
    for own in OWN {
        let schema = schema_of(own);
        assert_eq!(schema["properties"]["predicateType"]["const"], own.uri);
        let predicate = &schema["$defs"]["predicate"];
        let described = predicate["properties"].as_object().unwrap();
        let described: Vec<&str> = described.keys().map(String::as_str).collect();
        let mut members: Vec<&str> = own.members.to_vec();
        members.push("crit");
        members.sort_unstable();
        assert_eq!(described, members, "{}", own.name);
        let crit = &predicate["properties"]["crit"]["items"];
        if own.uri == revocation::TYPE {
            assert_eq!(*crit, json!({"type": "string"}));
            continue;
        }
        let mut critical: Vec<&str> = crit["enum"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        critical.push("crit");
        critical.sort_unstable();
        assert_eq!(critical, members, "{}", own.name);
    }
}

/// An old reader with new data: what it does not know it ignores, unless that is critical.
#[test]
fn later_members_are_ignored_unless_they_are_critical() {
    for own in OWN {
        let schema = validator(own);
        let known = value(&folder(own).join("valid/step.json"));
        let mut later = known.clone();
        later["predicate"]["laterMember"] = json!({"any": ["thing", null]});
        let written = (own.rewrite)(&serde_json::to_vec(&later).unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), known);
        assert!(schema.is_valid(&later));
        later["predicate"]["crit"] = json!(["laterMember"]);
        let payload = serde_json::to_vec(&later).unwrap();
        if own.uri == revocation::TYPE {
            assert_eq!(reach(&payload), Some("laterMember".to_owned()));
            assert!(schema.is_valid(&later));
            continue;
        }
        let refusal = (own.rewrite)(&payload).unwrap_err();
        assert!(refusal.contains("marks `laterMember`"), "{refusal}");
        assert!(!schema.is_valid(&later));
        // Every member it knows and that is there may be critical; one that is not is misspelt.
        let (there, absent): (Vec<&str>, Vec<&str>) = own
            .members
            .iter()
            .partition(|name| later["predicate"].get(**name).is_some());
        later["predicate"]["crit"] = json!(there);
        (own.rewrite)(&serde_json::to_vec(&later).unwrap()).unwrap();
        for name in absent.into_iter().filter(|name| *name != "crit") {
            later["predicate"]["crit"] = json!([name]);
            let refusal = (own.rewrite)(&serde_json::to_vec(&later).unwrap()).unwrap_err();
            assert!(refusal.contains("that are there"), "{refusal}");
        }
    }
}

/// What leaves the reach of a revocation open; `None` if it is known.
fn reach(payload: &[u8]) -> Option<String> {
    let statement = Statement::parse(payload, &Limits::default()).unwrap();
    let revocation: Revocation = statement.predicate().unwrap();
    match revocation.reach() {
        Reach::Targets(targets) => {
            assert_eq!(targets, revocation.targets);
            None
        }
        Reach::Undetermined { because } => Some(because),
    }
}

#[test]
fn a_revocation_that_is_not_understood_is_never_passed_over() {
    let folder = folder(OWN.iter().find(|own| own.uri == revocation::TYPE).unwrap());
    for (name, because) in [
        ("step", None),
        ("lift", None),
        ("undetermined-target", Some("region")),
        ("undetermined-edge-kind", Some("edge")),
        ("undetermined-signer-kind", Some("signer")),
        ("undetermined-crit", Some("quorum")),
    ] {
        let payload = bytes(&folder.join(format!("valid/{name}.json")));
        assert_eq!(reach(&payload).as_deref(), because, "{name}");
        let statement = Statement::parse(&payload, &Limits::default()).unwrap();
        let revocation: Revocation = statement.predicate().unwrap();
        assert_eq!(revocation.is_lift(), name == "lift");
    }
}

/// Two persons who approve the same step in the same second sign two statements.
#[test]
fn a_nonce_sets_statements_of_two_persons_apart() {
    for own in OWN.iter().filter(|own| own.members.contains(&"nonce")) {
        let mut document = value(&folder(own).join("valid/step.json"));
        let first = (own.rewrite)(&serde_json::to_vec(&document).unwrap()).unwrap();
        document["predicate"]["nonce"] = json!("00".repeat(16));
        let second = (own.rewrite)(&serde_json::to_vec(&document).unwrap()).unwrap();
        assert_ne!(Digest::sha256(&first), Digest::sha256(&second));
    }
}

#[test]
fn every_statement_of_ours_says_when_it_was_issued() {
    for own in OWN {
        assert!(own::is_own(own.uri) && !own::is_draft(own.uri));
        let payload = bytes(&folder(own).join("valid/step.json"));
        let statement = Statement::parse(&payload, &Limits::default()).unwrap();
        let said = value(&folder(own).join("valid/step.json"));
        let said = said["predicate"]["issuedAt"].as_str().unwrap();
        assert_eq!(own::issued_at(&statement), Some(said.parse().unwrap()));
    }
    assert!(!own::is_own("https://bulla.dev.example/approval/v1"));
    assert!(!own::is_draft("https://cyclonedx.org/bom/v0.1"));
}

#[test]
fn f31_every_cut_of_a_statement_is_an_error_and_no_panic() {
    for own in OWN {
        let payload = bytes(&folder(own).join("valid/step.json"));
        let end = payload.iter().rposition(|byte| *byte == b'}').unwrap();
        for length in 0..=end {
            (own.rewrite)(&payload[..length]).unwrap_err();
        }
    }
}
