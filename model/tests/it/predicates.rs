//! Version 0.1 of approvals and promotions: golden vectors, which have to stay readable.

use std::path::PathBuf;

use bulla_model::predicate::draft::{DraftApproval, DraftPromotion};
use bulla_model::predicate::{Approval, Predicate, Promotion, own};
use bulla_model::{Limits, PredicateType, Statement, statement};
use serde::Serialize;
use serde_json::{Value, json};

use crate::files::{bytes, entries, root, stem};

/// Why each invalid vector of approvals is refused.
const APPROVAL: &[(&str, &str)] = &[
    ("crit-unknown", "marks `quorum` as critical"),
    ("decision-unknown", "unknown variant `maybe`"),
    ("edge-kind-unknown", "unknown variant `teleport`"),
    ("edge-missing", "missing field `edge`"),
    ("environment-bare-word", "`prod` is no environment"),
    ("environment-upper-case", "is no environment"),
    ("issued-at-missing", "missing field `issuedAt`"),
    ("not-after-missing", "missing field `notAfter`"),
    ("policy-without-digest", "missing field `digest`"),
    ("predicate-missing", "has no predicate"),
    ("previous-digest-short", "64 hexadecimal digits"),
    ("service-with-space", "`pay api` is no service name"),
    ("statement-of-another-type", "`_type` is"),
    ("subject-missing", "without a subject"),
    ("subject-without-sha256", "no sha256"),
    ("type-of-another-version", "approval/v9"),
];

/// Why each invalid vector of promotions is refused.
const PROMOTION: &[(&str, &str)] = &[
    ("chain-missing", "missing field `chain`"),
    ("crit-unknown", "marks `canary` as critical"),
    ("edge-kind-unknown", "unknown variant `teleport`"),
    ("environment-two-parts", "is no environment"),
    ("first-upper-case", "hexadecimal"),
    ("gate-result-unknown", "unknown variant `WARNED`"),
    ("input-type-no-uri", "is no predicate type"),
    ("input-without-payload", "missing field `payload`"),
    ("issued-at-no-time", "as year"),
    ("sequence-fraction", "floating point `1.5`"),
    ("sequence-negative", "integer `-1`"),
    ("service-missing", "missing field `service`"),
    ("slot-missing", "missing field `slot`"),
    ("subject-digest-short", "64 hexadecimal digits"),
    ("tier-empty", "is no tier"),
];

fn folder(name: &str, kind: &str) -> PathBuf {
    root()
        .join("testdata/predicates")
        .join(name)
        .join("v0.1")
        .join(kind)
}

fn schema(name: &str) -> jsonschema::Validator {
    let path = root().join(format!("docs/predicates/{name}.v0.1.schema.json"));
    let schema: Value = serde_json::from_slice(&bytes(&path)).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Reads a statement as a verifier does and writes it again.
fn rewrite<P: Predicate + Serialize>(payload: &[u8]) -> Result<Value, String> {
    let statement =
        Statement::parse(payload, &Limits::default()).map_err(|error| error.to_string())?;
    let predicate: P = statement.predicate().map_err(|error| error.to_string())?;
    statement.subject_set().ok_or("no sha256 in a subject")?;
    let kind: PredicateType = P::TYPES[0].parse().unwrap();
    let written = statement::write(statement.subjects(), &kind, &predicate)
        .map_err(|error| error.to_string())?;
    Ok(serde_json::from_slice(&written).unwrap())
}

fn valid<P: Predicate + Serialize>(name: &str) {
    let schema = schema(name);
    let files = entries(&folder(name, "valid"));
    assert!(files.len() >= 5, "{name}: {} valid vectors", files.len());
    for path in files {
        let payload = bytes(&path);
        let value: Value = serde_json::from_slice(&payload).unwrap();
        let said: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(said.is_empty(), "{}: {said:?}", path.display());
        assert_eq!(rewrite::<P>(&payload).unwrap(), value, "{}", path.display());
    }
}

fn invalid<P: Predicate + Serialize>(name: &str, expected: &[(&str, &str)]) {
    let schema = schema(name);
    let files = entries(&folder(name, "invalid"));
    let names: Vec<&str> = files.iter().map(|path| stem(path)).collect();
    let listed: Vec<&str> = expected.iter().map(|(file, _)| *file).collect();
    assert_eq!(
        names, listed,
        "every file has its reason here, and no other"
    );
    for (path, (_, reason)) in files.iter().zip(expected) {
        let payload = bytes(path);
        let refusal = rewrite::<P>(&payload).unwrap_err();
        assert!(refusal.contains(reason), "{}: {refusal}", path.display());
        let value: Value = serde_json::from_slice(&payload).unwrap();
        assert!(
            !schema.is_valid(&value),
            "{}: by the schema",
            path.display()
        );
    }
}

/// A member nobody described is ignored, and the same member in `crit` is not.
fn later_members<P: Predicate + Serialize>(name: &str) {
    let schema = schema(name);
    let payload = bytes(&folder(name, "valid").join("step.json"));
    let known: Value = serde_json::from_slice(&payload).unwrap();
    let mut later = known.clone();
    later["predicate"]["laterMember"] = json!({"any": ["thing"]});
    let bytes = serde_json::to_vec(&later).unwrap();
    assert_eq!(rewrite::<P>(&bytes).unwrap(), known);
    assert!(schema.is_valid(&later));
    later["predicate"]["crit"] = json!(["laterMember"]);
    let bytes = serde_json::to_vec(&later).unwrap();
    let refusal = rewrite::<P>(&bytes).unwrap_err();
    assert!(refusal.contains("laterMember"), "{refusal}");
    assert!(!schema.is_valid(&later));
}

#[test]
fn approvals_are_read_and_written_the_same() {
    valid::<DraftApproval>("approval");
}

#[test]
fn promotions_are_read_and_written_the_same() {
    valid::<DraftPromotion>("promotion");
}

/// A later reader takes them for what they are, and knows that they are drafts.
#[test]
fn statements_of_version_0_1_are_read_by_the_types_of_version_1() {
    let payload = bytes(&folder("approval", "valid").join("relayed.json"));
    let statement = Statement::parse(&payload, &Limits::default()).unwrap();
    let draft: DraftApproval = statement.predicate().unwrap();
    let approval: Approval = statement.predicate().unwrap();
    assert_eq!(approval, Approval::from(draft));
    assert!(approval.nonce.is_none() && approval.on_behalf_of.is_some());
    assert!(own::is_draft(statement.predicate_type().as_str()));
    assert_eq!(own::issued_at(&statement), Some(approval.issued_at));
    // A step outside the normal gates needed no reason then.
    let payload = bytes(&folder("promotion", "valid").join("hotfix-train.json"));
    let statement = Statement::parse(&payload, &Limits::default()).unwrap();
    let draft: DraftPromotion = statement.predicate().unwrap();
    let promotion: Promotion = statement.predicate().unwrap();
    assert_eq!(promotion, Promotion::from(draft));
    assert!(promotion.reason.is_none());
    // Names that came with version 1 are not critical in version 0.1.
    for name in ["approval", "promotion"] {
        let payload = bytes(&folder(name, "valid").join("step.json"));
        let mut statement: Value = serde_json::from_slice(&payload).unwrap();
        statement["predicate"]["crit"] = json!(["nonce", "reason", "tickets"]);
        let payload = serde_json::to_vec(&statement).unwrap();
        let statement = Statement::parse(&payload, &Limits::default()).unwrap();
        let refusal = match name {
            "approval" => statement.predicate::<Approval>().map(drop),
            _ => statement.predicate::<Promotion>().map(drop),
        };
        let refusal = refusal.unwrap_err().to_string();
        assert!(refusal.contains("as critical"), "{refusal}");
    }
}

#[test]
fn malformed_approvals_are_refused_by_reader_and_schema() {
    invalid::<DraftApproval>("approval", APPROVAL);
}

#[test]
fn malformed_promotions_are_refused_by_reader_and_schema() {
    invalid::<DraftPromotion>("promotion", PROMOTION);
}

#[test]
fn later_members_are_ignored_unless_they_are_critical() {
    later_members::<DraftApproval>("approval");
    later_members::<DraftPromotion>("promotion");
}

#[test]
fn a_member_that_occurs_twice_is_refused() {
    let text = String::from_utf8(bytes(&folder("approval", "valid").join("step.json"))).unwrap();
    let twice = text.replacen(
        "\"decision\": \"approve\"",
        "\"decision\": \"reject\", \"decision\": \"approve\"",
        1,
    );
    assert_ne!(text, twice);
    let refusal = rewrite::<DraftApproval>(twice.as_bytes()).unwrap_err();
    assert!(refusal.contains("occurs twice"), "{refusal}");
}

#[test]
fn every_cut_of_a_statement_is_an_error_and_no_panic() {
    // F31: malformed payloads made verifiers panic.
    let payload = bytes(&folder("promotion", "valid").join("step.json"));
    let end = payload.iter().rposition(|byte| *byte == b'}').unwrap();
    for length in 0..=end {
        rewrite::<DraftPromotion>(&payload[..length]).unwrap_err();
    }
}

#[test]
fn a_value_of_another_kind_anywhere_is_an_error_and_no_panic() {
    // F31: a null subject or a payload that is no text made verifiers panic.
    let payload = bytes(&folder("promotion", "valid").join("step.json"));
    let whole: Value = serde_json::from_slice(&payload).unwrap();
    let mut places = Vec::new();
    pointers(&whole, String::new(), &mut places);
    assert!(places.len() > 40, "{} places", places.len());
    for place in places {
        for other in [
            json!(null),
            json!(7),
            json!("x"),
            json!([]),
            json!({}),
            json!([null]),
        ] {
            let mut changed = whole.clone();
            *changed.pointer_mut(&place).unwrap() = other;
            let bytes = serde_json::to_vec(&changed).unwrap();
            // Some changes are harmless, such as another name; none may panic, and what is still
            // read can be read again once it is written.
            if let Ok(again) = rewrite::<DraftPromotion>(&bytes) {
                let again = serde_json::to_vec(&again).unwrap();
                rewrite::<DraftPromotion>(&again).unwrap();
            }
        }
    }
}

fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(member, format!("{at}/{name}"), out);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                pointers(element, format!("{at}/{index}"), out);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    out.push(at);
}
