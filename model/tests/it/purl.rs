//! Package URLs against the specification's own tests.

use std::collections::BTreeMap;
use std::path::Path;

use bulla_model::{Purl, PurlError, PurlParts};
use serde_json::{Value, json};

use crate::files::{bytes, entries, root, stem};

/// Tests that contradict others of the suite: they want qualifier keys in upper case refused, which
/// six tests want read.
const CONTRADICTED: [&str; 2] = [
    "parse pkg:gem/jruby-launcher@1.1.2?Platform=java",
    "parse pkg:Rpm/fedora/curl@7.50.3-1.fc25?Arch=i386&Distro=fedora-25",
];

#[test]
fn the_specification_s_tests_that_are_copied_here_pass() {
    let (passed, failed) = run(&root().join("testdata/model/purl"));
    assert_eq!(failed, Vec::<String>::new());
    assert!(passed > 200, "{passed} tests were run");
}

#[test]
fn all_of_the_specification_s_tests_pass_but_those_that_contradict_others() {
    let folder = root().join("../shared/corpora/purl-spec/tests");
    if !folder.is_dir() {
        say(&format!("SKIPPED {} is not there", folder.display()));
        return;
    }
    let (mut passed, mut failed) = run(&folder.join("types"));
    let (more, failures) = run(&folder.join("spec"));
    passed += more;
    failed.extend(failures);
    let all = passed + CONTRADICTED.len();
    say(&format!("purl-spec: {passed} of {all}"));
    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(passed + CONTRADICTED.len(), 586);
}

#[expect(clippy::print_stdout, reason = "scores, and what was not run")]
fn say(line: &str) {
    println!("{line}");
}

/// Runs every file of a folder: how many passed, and what failed.
fn run(folder: &Path) -> (usize, Vec<String>) {
    let mut passed = 0;
    let mut failed = Vec::new();
    for file in entries(folder) {
        if !stem(&file).ends_with("-test") {
            continue;
        }
        let document: Value = serde_json::from_slice(&bytes(&file)).unwrap();
        for test in document["tests"].as_array().unwrap() {
            let input = &test["input"];
            let answer = match test["test_type"].as_str().unwrap() {
                "parse" => text(input)
                    .parse::<Purl>()
                    .map(|purl| object(&purl.parts())),
                "build" => parts(input).build().map(|purl| json!(purl.as_str())),
                "validate" => text(input).parse::<Purl>().map(|purl| json!(purl.as_str())),
                other => panic!("{other}"),
            };
            let kind = test["test_type"].as_str().unwrap();
            if CONTRADICTED.contains(&format!("{kind} {}", text(input)).as_str()) {
                continue;
            }
            let expected = without_nulls(&test["expected_output"]);
            let fails = test["expected_failure"] == true;
            if answer.is_err() == fails && answer.iter().all(|answer| *answer == expected) {
                passed += 1;
            } else {
                failed.push(format!("{kind} {} is {answer:?}", text(input)));
            }
        }
    }
    (passed, failed)
}

fn text(input: &Value) -> String {
    input.as_str().map_or(input.to_string(), ToOwned::to_owned)
}

fn parts(input: &Value) -> PurlParts {
    let field = |name: &str| input[name].as_str().map(ToOwned::to_owned);
    let pairs = input["qualifiers"].as_object().into_iter().flatten();
    PurlParts {
        kind: field("type").unwrap_or_default(),
        namespace: field("namespace"),
        name: field("name").unwrap_or_default(),
        version: field("version"),
        qualifiers: pairs
            .map(|(key, value)| (key.clone(), text(value)))
            .collect(),
        subpath: field("subpath"),
    }
}

fn object(parts: &PurlParts) -> Value {
    let qualifiers: &BTreeMap<String, String> = &parts.qualifiers;
    without_nulls(&json!({
        "type": parts.kind,
        "namespace": parts.namespace,
        "name": parts.name,
        "version": parts.version,
        "qualifiers": (!qualifiers.is_empty()).then_some(qualifiers),
        "subpath": parts.subpath,
    }))
}

fn without_nulls(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, member| !member.is_null());
    }
    value
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for wrong in [
        "pkg:generic/a?k=1&K=2",
        "pkg:generic/a%2",
        "pkg:generic/a%zz",
        "pkg:generic/%ff",
        "pkg:generic/n%2Fs/a",
        "pkg:generic/a#b%2F..%2Fc",
        "http:generic/a",
        "pkg:generic",
    ] {
        assert!(wrong.parse::<Purl>().is_err(), "{wrong}");
    }
    let tidy: Purl = "pkg:generic/a#/b/../c/./".parse().unwrap();
    assert_eq!(tidy.as_str(), "pkg:generic/a#b/c");
}

#[test]
fn f46_a_text_without_end_is_refused_before_it_is_read() {
    let long = format!("pkg:generic/{}", "a".repeat(16 * 1024));
    let PurlError::Syntax { reason } = long.parse::<Purl>().unwrap_err() else {
        panic!("a syntax error");
    };
    assert!(reason.contains("at most 16384"), "{reason}");
    // What is short when it is typed and long once encoded is refused too.
    assert!(Purl::builder("generic", &"/".repeat(9000)).build().is_err());
}
