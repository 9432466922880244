use serde_json::{Value as Json, json};

use super::*;

const SIGNER: Schema = &[("kind", Shape::Text), ("at", Shape::Timestamp)];
const SCHEMA: Schema = &[("p", Shape::Any), ("signer", Shape::Object(SIGNER))];

fn read(source: &str) -> Result<Expression, ExpressionError> {
    Expression::read(source, SCHEMA, &Patterns::new())
}

fn asked(source: &str, predicate: &Json) -> Result<bool, EvaluationError> {
    let expression = read(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    let at = "2026-03-02T09:00:00Z".parse().unwrap();
    let signer = [("kind", Value::owned("key")), ("at", Value::Timestamp(at))];
    let predicate = Value::of(predicate).unwrap();
    expression.evaluate(&[("p", predicate), ("signer", Value::map(signer))])
}

fn document() -> Json {
    json!({
        "ref": "refs/heads/main",
        "n": 3, "big": 18_446_744_073_709_551_615_u64, "half": 2.5, "least": i64::MIN,
        "yes": true, "nothing": null, "empty": {}, "none": [],
        "list": [1, 2, 3], "mixed": [1, "a", null, true, 1.0],
        "of": [{"name": "a", "level": 3}, {"name": "b", "level": 1}, {"level": 2}],
        "map": {"x": 1, "y": 2},
        "at": "2026-03-01T09:00:00Z",
        "package": "kept word",
    })
}

const ANSWERS: &[(&str, bool)] = &[
    ("p.ref == 'refs/heads/main'", true),
    ("p.ref == \"refs/heads/dev\"", false),
    ("p['ref'] == r'refs/heads/main' // as built", true),
    (
        "p.ref.startsWith('refs/') && p.ref.endsWith('main') && p.ref.contains('heads')",
        true,
    ),
    ("p.ref.matches('^refs/heads/(main|rel-[0-9]+)$')", true),
    ("matches(p.ref, 'dev')", false),
    (
        "size(p.ref) == 15 && p.list.size() == 3 && size(p.map) == 2 && 'é'.size() == 1",
        true,
    ),
    ("has(p.ref) && !has(p.branch)", true),
    ("has(p.nothing) && p.nothing == null && p.n != null", true),
    (
        "p.n == 3 && p.n == 3.0 && p.n == 3u && p.n < p.half + 1.0",
        true,
    ),
    (
        "p.big == 18446744073709551615u && p.big > p.n && p.least == -9223372036854775808",
        true,
    ),
    (
        "0x10 == 16 && 0xffu == 255u && 1e3 == 1000 && .5 == 0.5",
        true,
    ),
    (
        "7 / 2 == 3 && -7 / 2 == -3 && -7 % 2 == -1 && 7u % 4u == 3u && 2 * 3 - 4 == 2",
        true,
    ),
    (
        "1 + 2 * 3 == 7 && (1 + 2) * 3 == 9 && 10 - 3 - 2 == 5",
        true,
    ),
    ("true || false && false", true),
    ("!p.yes || !!p.yes", true),
    ("p.yes ? p.n > 2 : p.n < 2", true),
    ("false ? true : false ? true : false", false),
    (
        "2 in p.list && !(4 in p.list) && 'x' in p.map && !('z' in p.map) && 'a' in p.mixed",
        true,
    ),
    (
        "p.list == [1, 2, 3] && p.list != [1, 2] && p.map == {'y': 2, 'x': 1} && [] == p.none",
        true,
    ),
    (
        "p.list + [4] == [1, 2, 3, 4] && p.ref + '!' == 'refs/heads/main!'",
        true,
    ),
    ("1 == '1' || null == false || [1] == {}", false),
    (
        "p.of.all(one, one.level > 0) && p.of.exists(one, one.level == 3)",
        true,
    ),
    ("p.of.all(one, one.level > 1)", false),
    (
        "p.of.exists_one(one, one.level == 3) && !p.of.exists_one(one, one.level > 1)",
        true,
    ),
    (
        "p.of.filter(one, has(one.name)).map(one, one.name) == ['a', 'b']",
        true,
    ),
    ("p.of.map(one, one.level > 1, one.level) == [3, 2]", true),
    (
        "p.map.all(name, name in ['x', 'y']) && p.map.exists(name, p.map[name] == 2)",
        true,
    ),
    ("p.none.all(one, false) && !p.none.exists(one, true)", true),
    ("p.of.all(one, p.list.exists(two, two == one.level))", true),
    ("p.package == 'kept word'", true),
    (
        "timestamp(p.at) < signer.at && signer.at - timestamp(p.at) == duration('24h')",
        true,
    ),
    (
        "timestamp(p.at) + duration('1h30m') > timestamp('2026-03-01T10:29:59Z')",
        true,
    ),
    (
        "timestamp(0) == timestamp('1970-01-01T00:00:00Z') && int(timestamp(60)) == 60",
        true,
    ),
    (
        "duration('-1.5s') < duration('0') && string(duration('90m')) == '5400s'",
        true,
    ),
    (
        "int('12') + int(1.9) + int(2u) == 15 && uint(3) == 3u && double(1) == 1.0",
        true,
    ),
    (
        "string(1) + string(true) + string(1u) + string(2.5) == '1true12.5'",
        true,
    ),
    ("bool('true') && bool(true)", true),
    (
        "'\\U0001F600' == '\u{1F600}' && \"\"\"a\n\"b\" c\"\"\" == 'a\\n\"b\" c'",
        true,
    ),
    ("'\\x41\\u00e9\\101\\t' == 'AéA\t'", true),
    (
        "'a' < 'b' && false < true && duration('1s') < duration('1m')",
        true,
    ),
    // What decides, decides, wherever it stands.
    ("p.absent || true", true),
    ("true || p.absent", true),
    ("p.absent && false", false),
    ("p.of.exists(one, one.name == 'b')", true),
    ("p.of.all(one, one.name == 'z')", false),
];

#[test]
fn what_holds_and_what_does_not() {
    for (source, expected) in ANSWERS {
        assert_eq!(asked(source, &document()), Ok(*expected), "{source}");
    }
}

#[test]
fn what_cannot_be_told_is_no_answer() {
    for source in [
        "p.absent",
        "p.ref.deeper == 1",
        "p.nothing.deeper == 1",
        "p.n",
        "p.list[3] == 1",
        "p.list[-1] == 1",
        "p.list['a'] == 1",
        "p.list[0.5] == 1",
        "p['absent'] == 1",
        "p.absent || false",
        "p.absent && true",
        "p.of.all(one, one.name != 'z')",
        "p.of.exists(one, one.name == 'z')",
        "p.of.exists_one(one, one.name == 'a')",
        "p.of.map(one, one.name) == []",
        "p.n.all(one, true)",
        "p.n < 'a'",
        "p.nothing < 1",
        "p.n + 1.0 == 4.0",
        "p.n + 'a' == ''",
        "p.n / 0 == 1",
        "p.n % 0 == 1",
        "p.least / -1 == 0",
        "p.least % -1 == 0",
        "-p.least == 0",
        "p.least - 1 == 0",
        "9223372036854775807 + p.n == 0",
        "p.big + 1u == 0u",
        "p.big * 2u == 0u",
        "0u - 1u == 0u",
        "int(p.big) == 0",
        "uint(p.least) == 0u",
        "int(1e300) == 0",
        "int(double('NaN')) == 0",
        "int('x') == 0",
        "timestamp(p.ref) == signer.at",
        "timestamp(p.least) == signer.at",
        "signer.at + (signer.at - timestamp('0001-01-01T00:00:00Z')) * 2 == signer.at",
        "size(p.n) == 1",
        "p.n.contains('a')",
        "p.n.matches('a')",
        "p.n in p.ref",
        "!p.n",
        "p.n ? true : false",
        "{'a': 1, 'a' + '': 2} == {}",
        "has(p.n.deeper)",
    ] {
        let said = asked(source, &document());
        assert!(
            matches!(said, Err(EvaluationError::Cannot(_))),
            "{source}: {said:?}"
        );
    }
}

/// The text, the place of the slip, and what is said of it.
const SLIPS: &[(&str, &str, &str)] = &[
    ("", "line 1, column 1", "expected a value, found the end"),
    (
        "p.ref ==",
        "line 1, column 9",
        "expected a value, found the end",
    ),
    ("p.ref = 'a'", "line 1, column 7", "`=` means nothing here"),
    (
        "predicate.ref == ''",
        "line 1, column 1",
        "no `predicate`: expected one of `p`, `signer`",
    ),
    ("true &&\n  q.x", "line 2, column 3", "no `q`"),
    (
        "signer.knd == 'key'",
        "line 1, column 8",
        "no `knd` here: expected one of `kind`, `at`",
    ),
    ("has(signer.knd)", "line 1, column 12", "no `knd` here"),
    ("p.ref", "", ""),
    ("signer.kind", "line 1, column 8", "never true or false"),
    ("1 + 1", "line 1, column 3", "never true or false"),
    ("'a'", "line 1, column 1", "never true or false"),
    (
        "p.list.map(one, one)",
        "line 1, column 8",
        "never true or false",
    ),
    (
        "p.x && 'main'",
        "line 1, column 8",
        "a side of `&&` is never true or false",
    ),
    (
        "p.list.all(one, one + 1)",
        "line 1, column 21",
        "never true or false",
    ),
    (
        "p.list.all(p, true)",
        "line 1, column 12",
        "`p` is already a name",
    ),
    (
        "p.list.all(a, a.b.all(a, true))",
        "line 1, column 23",
        "`a` is already a name",
    ),
    (
        "p.list.all(one.x, true)",
        "line 1, column 15",
        "expected `,`",
    ),
    (
        "one && p.list.all(one, true)",
        "line 1, column 1",
        "no `one`",
    ),
    (
        "p.ref.matches('(')",
        "line 1, column 15",
        "no regular expression",
    ),
    (
        "p.ref.matches(p.x)",
        "line 1, column 17",
        "a pattern has to stand in the expression",
    ),
    ("now() > signer.at", "line 1, column 1", "no function `now`"),
    (
        "p.ref.upper() == ''",
        "line 1, column 7",
        "no function `upper`",
    ),
    ("size() == 1", "line 1, column 1", "no function `size`"),
    ("p.x.int() == 1", "line 1, column 5", "no function `int`"),
    (
        "timestamp('yesterday') < signer.at",
        "line 1, column 1",
        "`timestamp` of this string",
    ),
    (
        "duration('1d') > duration('1h')",
        "line 1, column 1",
        "`duration` of this string",
    ),
    ("has(p)", "line 1, column 1", "`has` asks for a member"),
    (
        "b'x' == b'x'",
        "line 1, column 1",
        "bytes are not supported",
    ),
    ("'a", "line 1, column 1", "this text does not end"),
    (
        "'a\n' == ''",
        "line 1, column 1",
        "this text does not end on its line",
    ),
    (
        "'\\q' == ''",
        "line 1, column 2",
        "no escape of CEL begins here",
    ),
    (
        "'\\ud800' == ''",
        "line 1, column 2",
        "no escape of CEL begins here",
    ),
    (
        "9223372036854775808 == 1",
        "line 1, column 1",
        "no number of 64 bits",
    ),
    ("1e999 == 1.0", "line 1, column 1", "is no number"),
    (
        "p.x == [1, 2",
        "line 1, column 13",
        "expected `]`, found the end",
    ),
    (
        "p.x == {1: 2}",
        "line 1, column 9",
        "only texts name members here",
    ),
    (
        "p.?x == 1",
        "line 1, column 3",
        "expected a name, found `?`",
    ),
    (
        "p.in == 1",
        "line 1, column 3",
        "expected a name, found `in`",
    ),
    (
        "while == 1",
        "line 1, column 1",
        "expected a value, found `while`",
    ),
    (
        "p.x == 1 p.y",
        "line 1, column 10",
        "expected an operator or the end, found `p`",
    ),
    ("p.x == Foo{a: 1}", "line 1, column 8", "no `Foo`"),
];

#[test]
fn slips_are_found_when_it_is_read() {
    for (source, place, reason) in SLIPS {
        if reason.is_empty() {
            assert!(read(source).is_ok(), "{source}");
            continue;
        }
        let error = read(source).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{place}: ")),
            "{source}: {error}"
        );
        assert!(error.contains(reason), "{source}: {error}");
    }
}

#[test]
fn nothing_is_too_long_or_too_deep() {
    // On the small stack of a thread, too.
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("!(", ")"),
        ("-(", ")"),
        ("size(", ")"),
        ("{'a':", "}"),
        ("p.all(a,", ")"),
        ("p[", "]"),
        ("p ? p : ", ""),
        ("", "[0]"),
        ("", ".a"),
        ("", "+1"),
        ("", "==1"),
    ] {
        for count in [DEPTH + 1, 400] {
            let source = format!("{}p{} == p", open.repeat(count), close.repeat(count));
            let error = read(&source).unwrap_err().to_string();
            assert!(
                error.contains("within each other") || error.contains("already a name"),
                "{error}"
            );
        }
    }
    let long = |count: usize| format!("p.x{}", " || p.x".repeat(count));
    assert!(read(&long(500)).is_ok(), "not deep");
    let error = read(&long(600)).unwrap_err().to_string();
    assert!(error.contains("the limit is 4096"), "{error}");
    assert!(read(&format!("{}p.x", "!".repeat(4000))).is_ok());
}

#[test]
fn work_is_bounded_whatever_a_statement_lists() {
    let list: Vec<u32> = (0..20_000).collect();
    let text = "x".repeat(1 << 20);
    let hostile = json!({"list": list, "text": text, "texts": vec![text.as_str(); 12]});
    for source in [
        "p.list.all(a, p.list.all(b, a + b >= 0))",
        "p.list.exists(a, p.list.exists(b, p.list.exists(c, false)))",
        // An error in a loop does not end it, too many steps do.
        "p.list.all(a, p.list.all(b, p.absent)) || true",
        "p.list.exists(a, -1 in p.list)",
        "p.list.all(a, p.list == p.list)",
        "p.list.map(a, p.list).map(b, b + b).size() == 1",
        "p.list.map(a, p.text + p.text).size() == 1",
        "p.list.exists(a, p.text.contains('xxy'))",
        "p.list.exists(a, p.text.matches('^(x+x+)+y$'))",
        "p.text.matches('x[xy]{3000}z')",
        "p.list.map(a, {p.text: a}).size() == 0",
        "p.list.all(a, p.text == p.text)",
        "p.list.all(a, size(p.text) > 0)",
    ] {
        let said = asked(source, &hostile);
        assert_eq!(said, Err(EvaluationError::Steps(STEPS)), "{source}");
    }
    assert_eq!(
        asked(
            "p.texts.all(one, one.matches('^x+$'))",
            &json!({"texts": ["x"]})
        ),
        Ok(true)
    );
    assert_eq!(
        asked("p.list.all(a, a >= 0 && a < 20000)", &hostile),
        Ok(true)
    );
}

#[test]
fn names_of_made_maps_are_not_copied() {
    let list: Vec<u32> = (0..20_000).collect();
    let hostile = json!({"list": list, "big": "x".repeat(1 << 20)});
    // Copied for each of the list, the name would take 20 GiB.
    let source = "[{p.big: 1}].exists(m, size(p.list.map(a, m.map(k, k))) == 20000)";
    assert_eq!(asked(source, &hostile), Ok(true));
}

#[test]
fn conversions_take_one_form() {
    for source in [
        "uint(-0.5) == 0u",
        "uint(-1.0) == 0u",
        "timestamp(p.at) == timestamp(p.at)",
    ] {
        for at in [
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00Z[UTC]",
            "2026-01-01t00:00:00z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+24:00",
            "2026-02-30T00:00:00Z",
        ] {
            let said = asked(source, &json!({"at": at}));
            assert!(
                matches!(said, Err(EvaluationError::Cannot(_))),
                "{source} {at}: {said:?}"
            );
        }
    }
    for at in ["2026-01-01T01:30:00.5+01:30", "2026-01-01T00:00:00.500Z"] {
        let source = "timestamp(p.at) == timestamp('2026-01-01T00:00:00Z') + duration('0.5s')";
        assert_eq!(asked(source, &json!({"at": at})), Ok(true), "{at}");
    }
}

mod reference;
