use super::*;
use crate::cel::{Schema, Shape};

const SCHEMA: Schema = &[
    ("predicate", Shape::Any),
    ("step", Shape::Object(&[("to", Shape::Text)])),
];

fn read(rules: &str) -> Result<Module, String> {
    Module::read(&format!("package p\nimport rego.v1\n{rules}\n"), SCHEMA)
}

fn says(rules: &str, input: &str) -> Result<bool, EvaluationError> {
    read(rules).unwrap().evaluate(input.to_owned(), &|| false)
}

fn refused(rules: &str) -> String {
    read(rules).unwrap_err()
}

#[test]
fn only_true_is_a_yes() {
    let input = |score: &str| format!(r#"{{"predicate": {{"score": {score}}}}}"#);
    let rule = "allow if input.predicate.score >= 7";
    assert_eq!(says(rule, &input("8")), Ok(true));
    assert_eq!(says(rule, &input("6")), Ok(false));
    assert_eq!(says(rule, "{}"), Ok(false));
    for value in ["1", "\"true\"", "[true]", "null", "{}"] {
        let rule = format!("allow := {value}");
        assert_eq!(says(&rule, "{}"), Ok(false), "{value}");
    }
    let rule = "default allow := true\nallow := false if input.predicate.bad";
    assert_eq!(says(rule, "{}"), Ok(true));
    assert_eq!(says(rule, r#"{"predicate": {"bad": true}}"#), Ok(false));
}

#[test]
fn what_deny_finds_is_a_no_with_its_messages() {
    let rules = "allow := true\ndeny contains msg if { some one in input.predicate.found; one.severity == \"high\"; msg := sprintf(\"%s is high\", [one.id]) }";
    let found = r#"{"predicate": {"found": [{"id": "A", "severity": "high"}, {"id": "B", "severity": "low"}]}}"#;
    let denied = EvaluationError::Denied("A is high".to_owned());
    assert_eq!(says(rules, found), Err(denied));
    assert_eq!(says(rules, r#"{"predicate": {"found": []}}"#), Ok(true));
    let only = "deny contains \"no\" if input.predicate.bad";
    assert!(read(only).unwrap().only_denies());
    assert_eq!(says(only, "{}"), Ok(true));
}

#[test]
fn what_goes_wrong_is_no_yes() {
    let cannot = |rules: &str, input: &str| match says(rules, input) {
        Err(EvaluationError::Cannot(reason)) => reason,
        other => panic!("{rules}: {other:?}"),
    };
    // A rule with two values: `not` must not make a yes of it.
    let both = r#"{"predicate": {"a": true, "b": true}}"#;
    let rules = "x := 1 if input.predicate.a\nx := 2 if input.predicate.b\nallow if not x";
    assert!(cannot(rules, both).contains("conflicts"));
    let rules = "f(a) := 1 if a\nf(a) := 2 if a\nallow if not f(true)";
    assert!(cannot(rules, both).contains("multiple outputs"));
    let rules = "allow if not to_number(input.predicate.text)";
    let why = cannot(rules, r#"{"predicate": {"text": "x"}}"#);
    assert!(why.contains("could not parse"), "{why}");
    assert!(why.starts_with("3:"), "{why}");
    cannot(
        "allow if not startswith(input.predicate, \"x\")",
        r#"{"predicate": [1]}"#,
    );
    cannot("x := y\ny := x\nallow if not x", "{}");
    cannot("f(a) := r\nr := f(1)\nallow if not r", "{}");
    cannot("allow := true", r#"{"predicate": 1e999}"#);
    cannot("allow := true", "not json");
}

#[test]
fn work_is_counted_and_ends() {
    let list = (0..1000).map(|number| number.to_string());
    let input = format!(
        r#"{{"predicate": [{}]}}"#,
        list.collect::<Vec<_>>().join(",")
    );
    let rules = "allow if count([1 | some a in input.predicate; some b in input.predicate; some c in input.predicate; a + b == c]) > 0";
    for _ in 0..2 {
        let answer = says(rules, &input);
        assert_eq!(answer, Err(EvaluationError::Steps(100_000)));
    }
    let rules = "allow if count([1 | some a in input.predicate; a > 3]) > 0";
    assert_eq!(says(rules, &input), Ok(true));
}

#[test]
fn functions_end_and_make_nothing_large() {
    for (rules, reason) in [
        ("f(a) := f(a + 1)\nallow if f(1)", "calls itself"),
        (
            "f(a) := g(a)\ng(a) := data.p.f(a)\nallow if f(1)",
            "calls itself",
        ),
        (
            "allow if count(numbers.range(1, 1000000000)) > 3",
            "numbers.range",
        ),
        ("allow if sprintf(\"%1000000000d\", [1]) == \"\"", "widths"),
        (
            "allow if sprintf(input.predicate.x, [1]) == \"\"",
            "argument 1",
        ),
        (
            "allow if regex.match(input.predicate.x, \"a\")",
            "argument 1",
        ),
        (
            "allow if replace(\"a\", \"a\", input.predicate.x) == \"\"",
            "argument 3",
        ),
        (
            "allow if concat(input.predicate.x, []) == \"\"",
            "argument 1",
        ),
        ("allow if time.now_ns() > 0", "time.now_ns"),
        ("allow if http.send({\"url\": \"x\"})", "http.send"),
        ("allow if { print(\"x\"); true }", "print"),
        ("allow if walk(input)", "walk"),
        ("allow if input.predicate.x with input as {}", "`with`"),
    ] {
        let found = refused(rules);
        assert!(found.contains(reason), "{rules}: {found}");
    }
    let rules = "f(a) := g(a) + 1\ng(a) := count(a)\nallow if f([1]) == 2";
    assert_eq!(says(rules, "{}"), Ok(true));
}

#[test]
fn slips_are_told_when_a_module_is_read() {
    for (rules, reason) in [
        ("allow if not input.predikate.x", "expected predicate, step"),
        ("allow if not input.step.two", "`input.step` has no `two`"),
        ("allow if not input[\"predikate\"]", "predikate"),
        ("allow if not data.other.x", "no data but the module's own"),
        ("allow if not data[input.predicate]", "`data` alone"),
        ("allow if not nope", "nope"),
        ("allow if not nope(1)", "nope"),
        ("allowed if true", "`allowed` is used by nothing"),
        ("default allow := true", "neither"),
        ("allow(x) if x", "another kind"),
        ("deny := true", "another kind"),
        ("allow contains 1", "another kind"),
        (
            "allow := true\ndenny contains 1",
            "`denny` is used by nothing",
        ),
        (
            "allow := true\ndefault denny := 1",
            "`denny` is used by nothing",
        ),
        ("allow := true\nf(x) := x", "`f` is used by nothing"),
        ("allow := true\ndeny[m] if m := 1", "another kind"),
        ("allow := true\ndeny[\"x\"] := 1", "another kind"),
        ("allow := true\ndeny.x contains 1", "another kind"),
        ("deny contains 1\nallow.x := true", "another kind"),
        ("deny contains 1\nallow[x] if x := 1", "another kind"),
        ("allow {", "`if` keyword"),
        (
            "default allow := true\ndefault allow := false\nallow if false",
            "one too many",
        ),
        (
            "allow := true\ndefault deny := true\ndeny contains 1",
            "one too many",
        ),
        (
            "startswith(a, b) := true\nallow if startswith(1, 2)",
            "a function of Rego",
        ),
        ("import data.other\nallow if other.x", "import"),
    ] {
        let found = match read(rules) {
            Err(reason) => reason,
            // Names of variables are known to the evaluator alone.
            Ok(module) => format!(
                "{:?}",
                module.evaluate("{}".to_owned(), &|| false).unwrap_err()
            ),
        };
        assert!(found.contains(reason), "{rules}: {found}");
    }
    for package in ["p[\"a b\"]", "p[\"a-b\"].c"] {
        let module = format!("package {package}\nallow := true");
        assert!(Module::read(&module, SCHEMA).is_err(), "{package}");
    }
    assert!(Module::read("package p.q\nallow := true", SCHEMA).is_ok());
    let own = "x := 1\nallow if data.p.x == 1";
    assert_eq!(says(own, "{}"), Ok(true));
}

#[test]
fn deep_and_long_modules_are_refused_and_end_nothing() {
    let long = format!("allow := true # {}", "x".repeat(SOURCE));
    assert!(refused(&long).contains("the limit"));
    let brackets = format!("allow if {}1{} == 1", "[".repeat(13), "]".repeat(13));
    assert!(refused(&brackets).contains("brackets"));
    let deepest = format!("allow if {}1{} == 1", "[".repeat(12), "]".repeat(12));
    read(&deepest).unwrap();
    let sums = vec!["1"; 5000].join("+\n");
    let found = refused(&format!("allow if {sums} > 1"));
    assert!(found.contains("operators"), "{found}");
    let sums = vec!["1"; 100].join("+\n");
    let found = refused(&format!("allow if {sums} > 1"));
    assert!(found.contains("too many parts"), "{found}");
    let dashes = "-".repeat(500);
    let plain = format!(
        "# {dashes}\nallow if {{ input.predicate != \"\\\"{dashes}\"; x }}\nx := `{dashes}\"`"
    );
    assert_eq!(says(&plain, r#"{"predicate": 1}"#), Ok(true));
}

#[test]
fn who_asks_may_end_it() {
    let texts = (0..60_000).map(|number| format!("\"{number}\""));
    let input = format!(
        r#"{{"predicate": [{}]}}"#,
        texts.collect::<Vec<_>>().join(",")
    );
    let rules =
        "allow if count([1 | some one in input.predicate; sort(input.predicate)[0] == one]) > 0";
    let module = read(rules).unwrap();
    let asked = std::cell::Cell::new(0);
    let answer = module.evaluate(input, &|| {
        asked.set(asked.get() + 1);
        asked.get() > 3
    });
    assert_eq!(answer, Err(EvaluationError::Cut));
    assert_eq!(asked.get(), 4);
}

#[test]
fn the_larger_a_statement_is_the_less_work_is_done() {
    let list = |count: usize, of: usize| {
        let text = format!("\"{}\"", "x".repeat(of));
        format!(r#"{{"predicate": [{}]}}"#, vec![text; count].join(","))
    };
    let rules = "allow if count([1 | some one in input.predicate; upper(one) == \"X\"]) > 0";
    assert_eq!(says(rules, &list(2_000, 1)), Ok(true));
    assert_eq!(
        says(rules, &list(2_000, 400)),
        Err(EvaluationError::Steps(1_332))
    );
    let large = says(rules, &list(1, INPUT));
    assert!(
        matches!(large, Err(EvaluationError::Cannot(_))),
        "{large:?}"
    );
}

#[test]
fn what_is_denied_is_known_without_it() {
    let mixed = r#"{"predicate": {"v": [{"s": "high"}, {"s": "low"}], "r": ["main", "evil"]}}"#;
    for rules in [
        "allow if not input.predicate.v[_].s == \"high\"",
        "allow if { some i; not input.predicate.v[i].s == \"high\" }",
        "allow if not input.predicate.v[i].s == \"high\"",
        "high(one) if one.s == \"high\"\nallow if not high(input.predicate.v[_])",
        "allow if not startswith(input.predicate.r[_], \"ev\")",
        "b contains x if some x in input.predicate.r\nallow if not b[_] == \"evil\"",
        "allow if { every r in input.predicate.r { not r == input.predicate.v[i].s } }",
        "allow if count([r | r := 1; not input.predicate.r[_] == \"evil\"]) > 0",
        "b contains m if not input.predicate.v[m].s == 1\nallow if count(b) > 0",
        "allow if true else := true if not input.predicate.r[_] == \"evil\"",
    ] {
        let found = refused(rules);
        assert!(
            found.contains("`not`") || found.contains("`some x`"),
            "{rules}: {found}"
        );
    }
    for (rules, holds) in [
        ("allow if not \"evil\" in input.predicate.r", false),
        (
            "allow if every one in input.predicate.r { not one == \"worse\" }",
            true,
        ),
        (
            "allow if every k, one in input.predicate.r { not one == \"evil\"; k >= 0 }",
            false,
        ),
        (
            "allow if { some one in input.predicate.v; not one.s == \"high\" }",
            true,
        ),
        (
            "allow if count([1 | some one in input.predicate.v; not one.s == \"high\"]) == 1",
            true,
        ),
        (
            "allow if not count([1 | input.predicate.r[_] == \"evil\"]) == 0",
            true,
        ),
        (
            "bad if input.predicate.r[_] == \"evil\"\nallow if not bad",
            false,
        ),
        (
            "bad(x) if not x == 1\nallow if not bad(input.predicate.n)",
            true,
        ),
        ("allow if { x := input.predicate.r; not x == 1 }", true),
    ] {
        assert_eq!(says(rules, mixed), Ok(holds), "{rules}");
    }
}

#[test]
fn chains_of_words_are_read_soon_or_refused() {
    for (chain, times) in [
        ("1 in\n", 3000),
        ("1 ==\n", 320),
        ("1 in\n", 200),
        ("1 <\n", 250),
    ] {
        let rules = format!("allow if {}1", chain.repeat(times));
        assert!(read(&rules).is_err(), "{chain:?} {times}");
    }
}
