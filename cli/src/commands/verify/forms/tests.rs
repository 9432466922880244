//! What comes from outside, in documents.

use serde_json::Value;

use super::super::report::{Judged, Shown, VerifyReport};
use super::{junit, markdown, sarif};
use crate::Failure;
use crate::failure::FailureKind;

const HOSTILE: &str = "x\n| y ``` <script>&\"]]> @team [a](https://b.example)\u{202e}\u{1b}[2J%zz";

fn report() -> VerifyReport {
    let mut judged = Judged::named(HOSTILE.to_owned());
    judged.outcome = Err(Failure::new(FailureKind::Unavailable, HOSTILE));
    VerifyReport::new(Shown::default(), Vec::new(), vec![judged], false)
}

#[test]
fn markdown_holds_it_in_code() {
    let page = markdown(&report());
    let lines: Vec<_> = page.lines().collect();
    assert_eq!(lines.len(), 5, "{page}");
    assert_eq!(lines[0], "### bulla verify: not known");
    let row = lines[4];
    assert!(
        row.starts_with("| not known | ````x\\n\\| y ``` <script>"),
        "{row}"
    );
    // Nothing but the cells' own bars is one.
    let bars = row.replace("\\|", "").matches('|').count();
    assert_eq!(bars, 4, "{row}");
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
    assert_eq!(text, sarif(&report()));
}
