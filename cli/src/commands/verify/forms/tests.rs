//! What comes from outside, in documents.

use serde_json::Value;

use super::super::report::{Judged, Shown, VerifyReport};
use super::{junit, markdown, sarif};
use crate::Failure;
use crate::failure::FailureKind;

const HOSTILE: &str = "x\n| y ``` <script>&\"]]> @team [a](https://b.example)\u{202e}\u{1b}[2J%zz";

fn report() -> VerifyReport {
    let mut judged = Judged::named(HOSTILE.to_owned());
    let failure = Failure::new(FailureKind::Unavailable, HOSTILE).with_hint("try {0} again");
    judged.outcome = Err(failure);
    VerifyReport::new(Shown::default(), Vec::new(), vec![judged], false)
}

#[test]
fn markdown_holds_it_in_code() {
    let page = markdown(&report());
    let lines: Vec<_> = page.lines().collect();
    assert_eq!(lines.len(), 9, "{page}");
    assert_eq!(lines[0], "### bulla verify: not known");
    let row = lines[4];
    assert!(
        row.starts_with("| not known | ````x\\n\\| y ``` <script>"),
        "{row}"
    );
    // Nothing but the cells' own bars is one.
    let bars = |row: &str| row.replace("\\|", "").matches('|').count();
    assert_eq!(bars(row), 4, "{row}");
    assert!(lines[8].ends_with("| `try {0} again` | | | |"), "{page}");
    assert_eq!(bars(lines[8]), 8, "{page}");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'));
}

#[test]
fn junit_holds_it_as_text() {
    let xml = junit(&report());
    assert!(
        xml.contains("tests=\"1\" failures=\"0\" errors=\"1\""),
        "{xml}"
    );
    assert!(xml.contains("&lt;script&gt;&amp;&quot;]]&gt;"), "{xml}");
    assert!(!xml.contains("<script>") && !xml.contains('\u{1b}'));
    assert!(xml.contains(">hint: try {0} again</error>"), "{xml}");
    assert_eq!(xml.lines().count(), 8, "{xml}");
}

#[test]
fn sarif_holds_it_as_text_and_what_was_not_judged_is_a_result() {
    let text = sarif(&report());
    let document: Value = serde_json::from_str(&text).unwrap();
    let run = &document["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["invocations"][0]["exitCode"], 3);
    let result = &run["results"][0];
    assert_eq!(
        (&result["ruleId"], &result["level"]),
        (&"not-allowed".into(), &"error".into())
    );
    assert_eq!(result["ruleIndex"], 0);
    let message = result["message"]["text"].as_str().unwrap();
    assert!(message.starts_with("not known: x\\\\n| y"), "{message}");
    assert!(message.contains("\\[a\\](https"), "{message}");
    let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    let uri = uri.as_str().unwrap();
    assert!(uri.starts_with("x%0A%7C%20y"), "{uri}");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'));
    assert_eq!(result["properties"]["hint"][0], "try {0} again");
    assert_eq!(text, sarif(&report()));
}

/// What code scanning is told of where it is.
fn place(target: &str) -> Value {
    let judged = Judged::named(target.to_owned());
    let report = VerifyReport::new(Shown::default(), Vec::new(), vec![judged], false);
    let document: Value = serde_json::from_str(&sarif(&report)).unwrap();
    let physical = &document["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(physical["region"]["startLine"], 1);
    physical["artifactLocation"]["uri"].clone()
}

#[test]
fn sarif_points_within_the_checkout_alone() {
    for (target, path) in [
        ("localhost:5000/acme/pay:1.0", "localhost%3A5000/acme/pay"),
        ("a.example/pay@sha256:00", "a.example/pay"),
        ("a.example/pay:1@sha256:00", "a.example/pay"),
        ("oci:images:1.0", "images"),
        ("oci:dir/images@sha256:00", "dir/images"),
        ("file:f.txt", "f.txt"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("javascript:alert(1)//x", "javascript%3Aalert%281%29/x"),
        ("..", "unnamed"),
    ] {
        assert_eq!(place(target), path, "{target}");
    }
}

#[test]
fn sarif_tells_the_same_again_by_the_same_fingerprint() {
    let prints = |targets: &[&str], reason: &str| {
        let judged = targets.iter().map(|target| {
            let mut judged = Judged::named((*target).to_owned());
            judged.outcome = Err(Failure::new(FailureKind::Unavailable, reason));
            judged.is_tag = true;
            judged
        });
        let report = VerifyReport::new(Shown::default(), Vec::new(), judged.collect(), false);
        let document: Value = serde_json::from_str(&sarif(&report)).unwrap();
        let results = document["runs"][0]["results"].as_array().unwrap().clone();
        let rules: Vec<_> = results.iter().map(|one| one["ruleId"].clone()).collect();
        assert_eq!(rules[..2], ["not-allowed", "tag-moves"]);
        let print = |one: &Value| one["partialFingerprints"]["primaryLocationLineHash"].to_string();
        results.iter().map(print).collect::<Vec<_>>()
    };
    let first = prints(&["a.example/pay:1"], "3d ago");
    assert_eq!(first, prints(&["a.example/pay:2"], "4d ago"));
    assert_ne!(first, prints(&["a.example/wiki:1"], "3d ago"));
    let twice = prints(&["a.example/pay:1", "a.example/pay:1"], "3d ago");
    assert_eq!(twice[..2], first[..]);
    assert!(!first.contains(&twice[2]), "{twice:?}");
}

#[test]
fn what_has_one_name_is_numbered_and_warnings_are_told() {
    let named = |name: &str| {
        let mut judged = Judged::named(name.to_owned());
        judged.is_tag = true;
        judged
    };
    let all = vec![named("x"), named("x"), named("y")];
    let report = VerifyReport::new(Shown::default(), Vec::new(), all, false);
    let xml = junit(&report);
    for suite in ["\"x\"", "\"x (2)\"", "\"y\""] {
        assert!(xml.contains(&format!("<testsuite name={suite} ")), "{xml}");
    }
    let told = "<system-out>A tag can move before it is pulled.</system-out>";
    assert_eq!(xml.matches(told).count(), 3, "{xml}");
    assert!(markdown(&report).contains("| warning | `x` | tag-moves |"));
}

#[test]
fn a_page_has_an_end_and_what_is_not_allowed_stands_first() {
    let all = (0..10_000).map(|number| Judged::named(format!("image-{number}")));
    let report = VerifyReport::new(Shown::default(), Vec::new(), all.collect(), false);
    let page = markdown(&report);
    assert!(page.len() < 65_536);
    assert!(page.ends_with(" more lines; the JSON has all.\n"), "{page}");
}
