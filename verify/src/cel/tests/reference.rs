//! Random expressions say here what they say in another implementation of the language.

use std::collections::HashMap;

use cel::{Context, Program};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::{EvaluationError, asked, document, read};

/// The document as the other one holds it, with whole numbers as they are held here.
fn held(json: &Json) -> cel::Value {
    match json {
        Json::Null => cel::Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => cel::Value::Int(int),
            (None, Some(uint)) => cel::Value::UInt(uint),
            (None, None) => cel::Value::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(list) => list.iter().map(held).collect::<Vec<_>>().into(),
        Json::Object(map) => {
            let members = map.iter().map(|(name, value)| (name.as_str(), held(value)));
            members.collect::<HashMap<_, _>>().into()
        }
    }
}

/// What the other one says: a truth, or nothing.
fn other(source: &str, predicate: &Json) -> Option<bool> {
    let program = Program::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    let mut context = Context::default();
    context.add_variable_from_value("p", held(predicate));
    match program.execute(&context) {
        Ok(cel::Value::Bool(said)) => Some(said),
        Ok(_) | Err(_) => None,
    }
}

fn numbers() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec![
        "0",
        "1",
        "-1",
        "2u",
        "3",
        "2.5",
        "9223372036854775807",
        "p.n",
        "p.half",
        "p.big",
        "p.least",
        "p.list[1]",
        "p.list[9]",
        "p.map.x",
        "p.absent",
        "size(p.ref)",
        "p.list.size()",
        "p.ref",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    leaf.prop_recursive(3, 8, 2, |inner| {
        let signs = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
        prop_oneof![
            (inner.clone(), signs, inner.clone())
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(p.yes ? {a} : {b})")),
        ]
    })
    .boxed()
}

fn truths() -> BoxedStrategy<String> {
    let signs = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let things = prop::sample::select(vec![
        "p.list",
        "p.mixed",
        "p.map",
        "p.none",
        "p.empty",
        "p.nothing",
        "null",
        "p.ref",
        "'a'",
        "[1, 2, 3]",
        "[1u, 2.0, 3]",
        "{'x': 1, 'y': 2}",
        "true",
        "1",
        "p.of[0]",
        "p.of[0].name",
        "p.list + [4]",
    ]);
    let leaf = prop_oneof![
        (numbers(), signs, numbers()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (
            things.clone(),
            prop::sample::select(vec!["==", "!=", "in"]),
            things
        )
            .prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        prop::sample::select(vec![
            "true",
            "false",
            "p.yes",
            "p.absent",
            "p.n",
            "has(p.ref)",
            "has(p.absent)",
            "has(p.n.x)",
            "p.ref.contains('heads')",
            "p.ref.startsWith('x')",
            "p.ref.endsWith('main')",
            "p.n.contains('a')",
            "p.list.all(one, one > 0)",
            "p.list.all(one, one > 1)",
            "p.mixed.all(one, one == 1)",
            "p.mixed.exists(one, one > 0)",
            "p.mixed.exists(one, one == 'a')",
            "p.of.exists(one, one.name == 'b')",
            "p.of.exists(one, one.name == 'z')",
            "p.of.all(one, one.name == 'z')",
            "p.of.all(one, one.level > 0)",
            "p.of.exists_one(one, one.level == 3)",
            "p.of.filter(one, one.level > 1).size() == 2",
            "p.of.filter(one, has(one.name)).map(one, one.name) == ['a', 'b']",
            "p.of.map(one, one.level > 1, one.level) == [3, 2]",
            "p.map.all(one, one in ['x', 'y'])",
            "p.map.exists(one, p.map[one] == 2)",
            "string(p.n) == '3'",
            "int(p.half) == 2",
            "double(p.n) == 3.0",
            "p['n'] == 3",
            "p.list[1.0] == 2",
            "p.list[1u] == 2",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
            inner.prop_map(|a| {
                let name = format!("one{}", a.len());
                format!("p.list.exists({name}, {name} > 2 && ({a}))")
            }),
        ]
    })
    .boxed()
}

/// What a statement may hold: odd numbers, empty names, and much within each other.
fn documents() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-c\u{0}\u{e9}\u{10ffff}]{0,3}".prop_map(Json::from),
    ];
    let document = leaf.prop_recursive(6, 64, 6, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from);
        let name = prop::sample::select(vec!["", "a", "n", "ref", "list", "of", "level", "name"]);
        let members = prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..6);
        let map = members.prop_map(|map| Json::Object(map.into_iter().collect()));
        prop_oneof![list, map]
    });
    document.prop_map(
        |inner| serde_json::json!({"list": inner.clone(), "of": [inner.clone()], "n": inner}),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_document_makes_an_expression_panic(source in truths(), document in documents()) {
        // Whatever comes of it, it comes again.
        if read(&source).is_ok() {
            prop_assert_eq!(asked(&source, &document), asked(&source, &document));
        }
    }

    #[test]
    fn expressions_say_the_same_elsewhere(source in truths()) {
        // What is refused here can never be an answer there.
        let Ok(_) = read(&source) else {
            prop_assert_eq!(other(&source, &document()), None, "{}", source);
            return Ok(());
        };
        let said = match asked(&source, &document()) {
            Ok(said) => Some(said),
            Err(EvaluationError::Cannot(_)) => None,
            Err(error) => panic!("{source}: {error}"),
        };
        prop_assert_eq!(said, other(&source, &document()), "{}", source);
    }

    #[test]
    fn no_text_and_no_document_makes_it_panic(
        source in "[ -~\n\u{e9}]{0,60}",
        words in prop::collection::vec(prop::sample::select(vec![
            "p", ".a", "[", "]", "(", ")", "'", "\"", "\\x", "1", "e9", "0x", "u", "&&", "||", "!", "-", "?", ":",
            "all(x,", "map(", "has(", "size(", "{", "}", ",", "in", " ", "//", "==", "timestamp(", "matches('",
        ]), 0..20),
        number in any::<f64>(),
        whole in any::<u64>(),
    ) {
        let hostile = serde_json::json!({"a": [number, whole, -1, {"a": null}], "": {}});
        for text in [source, words.concat(), format!("p.a{}", words.concat())] {
            if let Ok(expression) = read(&text) {
                let value = super::Value::of(&hostile).unwrap();
                let signer = super::Value::map([]);
                drop(expression.evaluate(&[("p", value), ("signer", signer)]));
            }
        }
    }
}
