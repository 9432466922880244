//! `bulla-conformance jsonl`: vectors of specifications, asked of the program itself.

use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};

use crate::layering::root;

#[test]
fn every_vector_is_answered_as_expected() {
    let folder = root().join("testdata");
    let mut requests: Vec<Value> = Vec::new();
    for name in ["dsse", "jcs", "merkle"] {
        requests.extend(lines(&folder.join(format!("conformance/{name}.jsonl"))));
    }
    requests.extend(lines(&folder.join("verify/wycheproof/signatures.jsonl")));
    assert!(requests.len() > 350, "{}", requests.len());
    let answers = ask(&requests);
    for (request, answer) in requests.iter().zip(&answers) {
        let expected = match &request["expect"] {
            Value::Bool(ok) => json!({"ok": ok}),
            other => other.clone(),
        };
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&answer[name], value, "{name} of {}", request["id"]);
        }
        assert_eq!(answer["id"], request["id"]);
    }
}

#[test]
fn package_urls_are_taken_apart_and_put_together() {
    let parts = json!({
        "type": "npm", "namespace": "@babel", "name": "core", "version": null,
        "qualifiers": {"k": "a/b"}, "subpath": "lib",
    });
    let text = "pkg:npm/%40babel/core?k=a%2Fb#lib";
    let requests = [
        json!({"id": 1, "op": "purl-parse", "input": "pkg:NPM/@babel/core?K=a/b#/lib/"}),
        json!({"id": 2, "op": "purl-build", "input": parts}),
        json!({"id": 3, "op": "purl-roundtrip", "input": "pkg://npm/@babel/core?k=a/b#lib"}),
        json!({"id": 4, "op": "purl-build", "input": {"type": "npm", "name": 1}}),
        json!({"id": 5, "op": "purl-parse", "input": "npm/core"}),
        json!({"id": 6, "op": "purl-build", "input": "pkg:npm/core"}),
    ];
    let expected = [
        json!({"id": 1, "ok": true, "output": parts}),
        json!({"id": 2, "ok": true, "output": text}),
        json!({"id": 3, "ok": true, "output": text}),
        json!({"id": 4, "ok": false}),
        json!({"id": 5, "ok": false}),
        json!({"id": 6, "ok": false}),
    ];
    assert_eq!(ask(&requests), expected);
}

#[test]
fn what_is_not_known_is_skipped_and_never_answered() {
    let requests = [
        json!({"id": 1, "op": "sig-verify", "alg": "ed448", "spki_der_hex": "", "sig_hex": ""}),
        json!({"id": 2, "op": "vers-parse", "input": "vers:npm/1"}),
        json!({"id": 3, "op": "sig-verify", "alg": "ed25519", "spki_der_hex": "zz"}),
    ];
    let expected = [
        json!({"id": 1, "skip": true}),
        json!({"id": 2, "skip": true}),
        json!({"id": 3, "ok": false}),
    ];
    assert_eq!(ask(&requests), expected);
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let value = |line: &str| serde_json::from_str(line).unwrap();
    text.lines().map(value).collect()
}

fn ask(requests: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = requests.iter().map(Value::to_string).collect();
    let input = lines.join("\n");
    let program = env!("CARGO_BIN_EXE_bulla-conformance");
    let output = Command::new(program)
        .arg("jsonl")
        .write_stdin(input)
        .output()
        .unwrap();
    let failure = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{failure}");
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), requests.len());
    answers
}
