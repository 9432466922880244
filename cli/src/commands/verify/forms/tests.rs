//! What comes from outside, in documents.

use serde_json::Value;

use bulla_model::Digest;
use bulla_verify::{Cause, Check, Decision, Outcome, Verdict};

use super::super::report::{Judged, Shown, VerifyReport};
use super::address::Checkout;
use super::{Names, junit, markdown, sarif};
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::rules::Source;
use crate::join::unsigned::Unsigned;

const HOSTILE: &str = "x\n| y ``` <script>&\"]]> @team [a](https://b.example)\u{202e}\u{1b}[2J%zz";

fn report() -> VerifyReport {
    let mut judged = Judged::named(HOSTILE.to_owned());
    judged.outcome = Err(Failure::new(FailureKind::Unavailable, HOSTILE));
    of(vec![judged])
}

fn of(judged: Vec<Judged>) -> VerifyReport {
    VerifyReport::new(Shown::default(), Vec::new(), judged, false)
}

fn failed(target: &str, image: Option<&str>) -> Judged {
    let mut judged = Judged::named(target.to_owned());
    judged.image = image.map(str::to_owned);
    judged.outcome = Err(Failure::new(FailureKind::Unavailable, "no answer {0}")
        .with_detail("a detail")
        .with_hint("a hint"));
    judged
}

fn verdict(decision: Decision, checks: Vec<Check>) -> Verdict {
    Verdict {
        decision,
        cause: (decision != Decision::Allow).then_some(Cause::Denied),
        subject: Digest::sha256(b""),
        environment: None,
        service: None,
        tier: None,
        policy: None,
        now: jiff::Timestamp::UNIX_EPOCH,
        checks,
        findings: Vec::new(),
        steps: Vec::new(),
        attestations: 0,
        persons: Vec::new(),
        vulnerabilities: Vec::new(),
        checkpoint: None,
        fresh_until: None,
        signatures: Vec::new(),
    }
}

fn results(report: &VerifyReport) -> Vec<Value> {
    let document: Value = serde_json::from_str(&sarif(report)).unwrap();
    document["runs"][0]["results"].as_array().unwrap().clone()
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

#[test]
fn no_reference_has_a_scheme_or_leads_out_of_the_checkout() {
    let digest = Digest::sha256(b"");
    let pinned = |name: &str| Some(format!("{name}@{digest}"));
    for (target, image, expected) in [
        (
            "x",
            pinned("registry.example.test/pay/api"),
            "registry.example.test/pay/api",
        ),
        (
            "registry.example.test/pay/api:1.8",
            None,
            "registry.example.test/pay/api",
        ),
        ("x", pinned("localhost:1/x"), "localhost%3A1/x"),
        ("localhost:1/x:tag", None, "localhost%3A1/x"),
        ("x", pinned("oci:images/lay"), "images/lay"),
        ("oci:lay:1.8", None, "lay"),
        ("x", pinned("oci-archive:a.tar"), "a.tar"),
        ("f.txt", Some("file:f.txt".to_owned()), "f.txt"),
        (
            "/work/here/d/f.txt",
            Some("file:/work/here/d/f.txt".to_owned()),
            "d/f.txt",
        ),
        (
            "/other/f.txt",
            Some("file:/other/f.txt".to_owned()),
            "other/f.txt",
        ),
        ("../f.txt", Some("file:../f.txt".to_owned()), "work/f.txt"),
        (
            "./a/../b c.txt",
            Some("file:./a/../b c.txt".to_owned()),
            "b%20c.txt",
        ),
        ("https://b.example/x", None, "https%3A/b.example/x"),
        ("oci:.", None, "artifact"),
    ] {
        let report = of(vec![failed(target, image.as_deref())]).called_in("/work/here".as_ref());
        let result = &results(&report)[0];
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], expected, "{target}");
        assert_eq!(place["region"]["startLine"], 1);
        let logical = &result["locations"][0]["logicalLocations"][0];
        let name = image.as_deref().unwrap_or(target);
        assert_eq!(logical["fullyQualifiedName"], name);
    }
}

#[test]
fn rules_are_named_from_the_folder_that_bulla_runs_in() {
    for (policy, file, expected) in [
        (
            "policy/release.yaml",
            "release.yaml",
            Some("policy/release.yaml"),
        ),
        ("./release.yaml", "services/a.yaml", Some("services/a.yaml")),
        (
            "/work/here/p/release.yaml",
            "people.yaml",
            Some("p/people.yaml"),
        ),
        ("../p/release.yaml", "people.yaml", None),
        ("/etc/bulla/release.yaml", "people.yaml", None),
        (
            "policy/release.yaml",
            "anchors/anchor.yaml",
            Some("anchors/anchor.yaml"),
        ),
    ] {
        let source = |what, path: &str| Source {
            what,
            path: path.to_owned(),
            origin: String::new(),
            digest: Digest::sha256(b""),
        };
        let sources = vec![
            source("policy", policy),
            source("anchor", "anchors/anchor.yaml"),
        ];
        let report = VerifyReport::new(Shown::default(), sources, Vec::new(), false)
            .called_in("/work/here".as_ref());
        assert_eq!(
            Checkout::of(&report).rule(file).as_deref(),
            expected,
            "{policy}"
        );
    }
}

#[test]
fn equal_results_differ_and_another_tag_is_the_same_image() {
    let print = |judged: Vec<Judged>| -> Vec<String> {
        let told = results(&of(judged));
        let prints = told.iter().map(|one| &one["partialFingerprints"]);
        prints
            .map(|one| one["primaryLocationLineHash"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = || failed("registry.example.test/a:1", None);
    let two = print(vec![first(), first()]);
    assert_ne!(two[0], two[1]);
    let mut other = failed("registry.example.test/a:2", None);
    other.outcome = Err(Failure::new(FailureKind::Unavailable, "after 7 days"));
    assert_eq!(print(vec![other])[0], two[0]);
    assert_ne!(
        print(vec![failed("registry.example.test/b:1", None)])[0],
        two[0]
    );
}

#[test]
fn a_failure_keeps_its_details_and_hints() {
    let report = of(vec![failed("a", None)]);
    let text = results(&report)[0]["message"]["text"].clone();
    assert_eq!(text, "not known: no answer {{0}}; a detail; hint: a hint");
    let xml = junit(&report);
    assert!(xml.contains(">a detail\nhint: a hint</error>"), "{xml}");
    let page = markdown(&report);
    assert!(page.contains("| `a detail` | | | `a hint` |"), "{page}");
}

#[test]
fn a_moving_tag_and_what_nobody_signed_are_told() {
    let mut judged = failed(
        "registry.example.test/a:1",
        Some("registry.example.test/a:1"),
    );
    judged.outcome = Ok(verdict(Decision::Allow, Vec::new()));
    judged.is_tag = true;
    judged.unsigned = vec![Unsigned {
        what: "claims",
        manifest: Digest::sha256(b""),
        about: None,
    }];
    let report = of(vec![judged]);
    let told = results(&report);
    assert_eq!(told.len(), 2);
    for (result, expected) in told
        .iter()
        .zip([("moving-tag", "warning"), ("unsigned", "note")])
    {
        assert_eq!(
            (&result["ruleId"], &result["level"]),
            (&expected.0.into(), &expected.1.into())
        );
    }
    let xml = junit(&report);
    assert!(
        xml.contains("<system-out>warning: moving-tag: a tag can move"),
        "{xml}"
    );
    assert!(xml.contains("note: unsigned: claims "), "{xml}");
    assert!(
        xml.contains("tests=\"1\" failures=\"0\" errors=\"0\""),
        "{xml}"
    );
    let page = markdown(&report);
    assert!(
        page.contains("| warning | `registry.example.test/a:1` | moving-tag |"),
        "{page}"
    );
    assert!(page.starts_with("### bulla verify: allowed\n"), "{page}");
}

#[test]
fn cases_and_suites_have_names_of_their_own() {
    let mut names = Names::default();
    let given = ["a", "a (2)", "a", "a", "a (2)"].map(|name| names.distinct(name));
    assert_eq!(given, ["a", "a (2)", "a (3)", "a (4)", "a (2) (2)"]);
    let check = || Check {
        name: "approvals",
        step: Some("prod".to_owned()),
        outcome: Outcome::Failed(Cause::Denied),
        summary: String::new(),
        place: None,
    };
    let judged = || {
        let mut judged = Judged::named("a".to_owned());
        judged.outcome = Ok(verdict(Decision::Deny, vec![check(), check()]));
        judged
    };
    let xml = junit(&of(vec![judged(), judged()]));
    for name in ["<testsuite name=\"a\" ", "<testsuite name=\"a (2)\" "] {
        assert_eq!(xml.matches(name).count(), 1, "{xml}");
    }
    assert_eq!(
        xml.matches("name=\"prod: approvals (2)\"").count(),
        2,
        "{xml}"
    );
}

#[test]
fn a_page_has_an_end_and_begins_with_what_is_not_allowed() {
    let mut all: Vec<_> = (0..2_000)
        .map(|at| {
            let mut judged = Judged::named(format!("good{at}"));
            judged.outcome = Ok(verdict(Decision::Allow, Vec::new()));
            judged
        })
        .collect();
    all.push(failed(&"bad".repeat(9_000), None));
    let page = markdown(&of(all));
    assert!(page.chars().count() <= 60_000, "{}", page.chars().count());
    let lines: Vec<_> = page.lines().collect();
    assert!(
        lines[4].starts_with("| not known | `badbad"),
        "{}",
        lines[4]
    );
    assert!(
        lines.contains(&"1751 more answers have no room here."),
        "{page}"
    );
    assert!(page.contains("| `a detail` |"), "{page}");
    let many = (0..2_000).map(|at| failed(&format!("bad{at}"), None));
    let page = markdown(&of(many.collect()));
    assert!(page.chars().count() <= 60_000 && page.contains("more findings have no room here."));
}
