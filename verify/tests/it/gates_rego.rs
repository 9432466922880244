//! Conditions in Rego.

use serde_json::{Value, json};

use bulla_verify::{Code, Policy, Verdict};

use crate::gates::asking;
use crate::gates_conditions::{LOOKED, looked};
use crate::kit::{World, assert_exit, assert_found, hour, show};

/// A condition with this module.
fn condition(more: &str, rules: &str) -> String {
    let module = format!("package acme\nimport rego.v1\n{rules}");
    let module = serde_json::to_string(&module).unwrap();
    format!(
        "conditions: [{{name: looked at, type: '{LOOKED}', by: [tester], {more} rego: {module}}}]"
    )
}

fn world(more: &str, rules: &str, all: &[(Value, i64)]) -> World {
    let mut world = asking(&condition(more, rules));
    for (predicate, at) in all {
        looked(&mut world, "tester", predicate, *at);
    }
    world.now = hour(10);
    world
}

fn said(more: &str, rules: &str, all: &[(Value, i64)]) -> Verdict {
    world(more, rules, all).judge("dev", None).0
}

#[test]
fn what_a_module_allows_is_let_through() {
    let rules = "default allow := false\nallow if { input.predicate.score >= 7; every who in input.predicate.by { who in {\"ann\", \"bo\"} } }";
    let good = json!({"score": 8, "by": ["ann"]});
    assert_exit(&said("", rules, &[(good, 1)]), 0);
    for (predicate, code) in [
        (json!({"score": 6, "by": ["ann"]}), Code::ConditionFailed),
        (json!({"score": 8, "by": ["eve"]}), Code::ConditionFailed),
        (json!({"by": ["ann"]}), Code::ConditionFailed),
        (json!(null), Code::ConditionFailed),
    ] {
        let verdict = said("", rules, &[(predicate, 1)]);
        assert_exit(&verdict, 1);
        assert_found(&verdict, code);
    }
    let verdict = said(
        "",
        "allow if startswith(input.predicate.x, \"a\")",
        &[(json!({"x": 1}), 1)],
    );
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ConditionError);
    assert_exit(&said("", rules, &[]), 10);
}

#[test]
fn what_a_module_denies_is_told_and_shows_nothing_odd() {
    let rules = "deny contains msg if { input.predicate.bad; msg := sprintf(\"bad: %s\", [input.predicate.why]) }";
    let verdict = said(
        "",
        rules,
        &[(json!({"bad": true, "why": "\u{1b}[2J\nx"}), 1)],
    );
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ConditionFailed);
    let found = verdict
        .findings
        .iter()
        .find(|it| it.code == Code::ConditionFailed);
    let message = &found.unwrap().message;
    assert_eq!(message, "`looked at` does not hold: bad: \\u{1b}[2J\\nx");
    let expected = found.unwrap().expected.as_deref();
    assert_eq!(expected, Some("`deny` is empty in package acme"));
    assert_exit(&said("", rules, &[(json!({"bad": false}), 1)]), 0);
}

#[test]
fn which_statements_are_asked_is_as_for_expressions() {
    let rules = "allow if input.predicate.ok";
    let (yes, no) = (json!({"ok": true}), json!({"ok": false}));
    for (more, all, exit) in [
        ("", [(&no, 2), (&yes, 1)], 0),
        ("match: newest,", [(&no, 2), (&yes, 1)], 1),
        ("match: newest,", [(&no, 1), (&yes, 2)], 0),
        ("match: all,", [(&no, 1), (&yes, 2)], 1),
    ] {
        let all = all.map(|(predicate, at)| (predicate.clone(), at));
        assert_exit(&said(more, rules, &all), exit);
    }
    let mut strange = world("", rules, &[]);
    looked(&mut strange, "builder", &yes, 1);
    assert_exit(&strange.judge("dev", None).0, 11);
}

#[test]
fn a_module_sees_what_expressions_see() {
    for rule in [
        "input.step.to == \"dev\"",
        "input.step.kind == \"promote\"",
        "not input.step.from",
        "input.step.service == \"pay-api\"",
        "input.step.tier == \"high\"",
        "startswith(input.step.at, \"2026-03-02T\")",
        "input.signer.kind == \"key\"",
        "count(input.signer.keyId) == 71",
        "input.statement.proven == false",
        "input.statement.issued == \"2026-03-02T10:00:00Z\"",
        "count(input.statement.subjects) == 1",
        "input.statement.type == \"https://example.test/looked-at/v1\"",
        "input.predicate == {\"a\": [1, null]}",
    ] {
        let rules = format!("allow if {rule}");
        let verdict = said("", &rules, &[(json!({"a": [1, null]}), 1)]);
        assert!(verdict.exit_code() == 0, "{rule}: {}", show(&verdict));
    }
}

#[test]
fn what_takes_too_long_leaves_the_answer_open() {
    let list: Vec<u32> = (0..1000).collect();
    let rules = "allow if count([1 | some a in input.predicate.l; some b in input.predicate.l; some c in input.predicate.l; a + b == c]) > 0";
    let verdict = said("", rules, &[(json!({"l": list}), 1)]);
    assert_exit(&verdict, 3);
    assert_found(&verdict, Code::ConditionError);
}

#[test]
fn modules_are_checked_when_the_policy_is_read() {
    let read = |condition: &str| {
        let world = World::empty();
        let mut files = world.files.clone();
        let base = String::from_utf8(files.base.bytes.clone()).unwrap();
        let rule = format!("require:\n      {condition}\n      provenance: {{by: [builder]}}");
        let base = base.replacen("require:\n      provenance: {by: [builder]}", &rule, 1);
        assert!(base.contains("conditions"));
        files.base.bytes = base.into_bytes();
        Policy::parse(&files, &world.limits)
    };
    let with = |words: &str| {
        let text = format!("conditions: [{{name: x, type: '{LOOKED}', by: [tester]{words}}}]");
        read(&text).unwrap_err().to_string()
    };
    assert!(with("").contains("`cel` or `rego`"), "{}", with(""));
    let both = with(", cel: 'true', rego: \"package p\\nallow := true\"");
    assert!(both.contains("one of them"), "{both}");
    let wrong = with(", rego: \"package p\\nallow if input.predikate\"");
    assert!(
        wrong.contains("in `rego`") && wrong.contains("release.yaml:"),
        "{wrong}"
    );
    let policy = read(&condition("", "deny contains 1 if input.predicate.x")).unwrap();
    let doubts = policy.doubts(hour(0));
    assert!(
        doubts
            .iter()
            .any(|it| it.text.contains("`deny` does not find"))
    );
}
