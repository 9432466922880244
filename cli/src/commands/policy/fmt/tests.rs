//! One layout: what it looks like, and that nothing is lost on the way.

use bulla_model::Limits;
use bulla_verify::{Policy, PolicyFile, PolicyFiles};
use proptest::prelude::*;

use super::order::{BASE, PEOPLE, SERVICE, Shape};
use super::text::{Unfit, formatted};

#[track_caller]
fn becomes(before: &str, after: &str) {
    assert_eq!(formatted(before).unwrap(), after, "of:\n{before}");
}

#[test]
fn a_base_file_gets_its_layout() {
    becomes(
        "---\n# What may enter.\nname:   'release'\napiVersion: bulla.dev/policy/v0.1 # ours\n\
         environments:\n    # first\n    dev:   { uri: \"env://a/b/dev\" , freshness: none }\n\n\n    \
         prod:\n        freshness: none\n        uri: env://a/b/prod\nversion: 3\n\
         edges:\n- to: dev\n  require: {}\n  by: [ promoter ]\n  # - old\n\n\
         # Into prod.\n- require:\n      approvals:\n        roles:\n        - lead   # one\n        threshold: 2\n  \
         to: prod\n  from: dev\n  by:\n  - promoter\n# The end.\n...\n",
        "# What may enter.\n\
         apiVersion: bulla.dev/policy/v0.1  # ours\n\
         name: \"release\"\n\
         version: 3\n\n\
         environments:\n  \
           # first\n  \
           dev: {uri: \"env://a/b/dev\", freshness: none}\n\n  \
           prod:\n    \
             uri: env://a/b/prod\n    \
             freshness: none\n\n\
         edges:\n  \
           - to: dev\n    \
             by: [promoter]\n    \
             require: {}\n    \
             # - old\n\n  \
           # Into prod.\n  \
           - from: dev\n    \
             to: prod\n    \
             by:\n      \
               - promoter\n    \
             require:\n      \
               approvals:\n        \
                 threshold: 2\n        \
                 roles:\n          \
                   - lead  # one\n\
         # The end.\n",
    );
}

#[test]
fn comments_stay_with_what_they_are_about() {
    for (before, after) in [
        // Above a member that moves, and at the end of its line.
        (
            "service: a\n\n# who owns\nowners: [b] # two\n# where from\nsources: [c]\n",
            "service: a\n# where from\nsources: [c]\n\n# who owns\nowners: [b]  # two\n",
        ),
        // Below the last of a list, and above the next.
        (
            "a:\n- b: 1\n   # of b\n  # of the list's item\n# of c\nc: 2\n",
            "a:\n  - b: 1\n    # of b\n    # of the list's item\n# of c\nc: 2\n",
        ),
        // Beside what is below.
        (
            "a: # here\n   b: # there\n     - 1\n",
            "a:  # here\n  b:  # there\n    - 1\n",
        ),
        (
            "a:\n- # first\n  b: 1\n- # second\n  2\n",
            "a:\n  # first\n  - b: 1\n  # second\n  - 2\n",
        ),
        // In brackets, which cannot stay.
        (
            "a: [ # all\n  b, # one\n  # two\n  {c: d}\n  # no more\n] # end\n",
            "a:  # end\n  - b  # one\n  # two\n  - {c: d}\n  # no more\n",
        ),
        // With texts over several lines.
        (
            "a:\n- key: |   # a key\n      one\n       two\n\n  # below\n  b: >-\n   c\n   d\n",
            "a:\n  - key: |  # a key\n      one\n       two\n\n    # below\n    b: >-\n      c\n      d\n",
        ),
    ] {
        let before = before.replace("a: [ # all", "# all\na: [");
        let after = if before.starts_with("# all") {
            format!("# all\n{after}")
        } else {
            after.to_owned()
        };
        becomes(&before, &after);
    }
}

#[test]
fn a_line_has_one_comment_at_its_end() {
    becomes("a: [ # all\n  b] # end\n", "# all\na: [b]  # end\n");
}

#[test]
fn texts_stay_what_they_are() {
    for (before, after) in [
        ("a: 'it''s'\n", "a: \"it's\"\n"),
        ("a: 'say \"x\"'\n", "a: 'say \"x\"'\n"),
        ("a: 'C:\\d'\n", "a: 'C:\\d'\n"),
        ("a: \"\\u00e4\"\n", "a: \"\\u00e4\"\n"),
        ("a: '1.0'\n", "a: \"1.0\"\n"),
        ("a: one\n  two\n", "a: one two\n"),
        ("a: one\n\n  two\n", "a: \"one\\ntwo\"\n"),
        ("a: 'one\n\n  two'\n", "a: \"one\\ntwo\"\n"),
        ("a: |2\n    one\n", "a: \"  one\\n\"\n"),
        ("a: |+\n  one\n\n", "a: \"one\\n\\n\"\n"),
        ("a: |-\n    one\n\n    two\n", "a: |-\n  one\n\n  two\n"),
        ("a:\nb: {c: , d: e}\n", "a:\nb:\n  c:\n  d: e\n"),
        (
            "a: &x {b: 1}\nc: *x\nd: !!str 1\n",
            "a: &x {b: 1}\nc: *x\nd: !!str 1\n",
        ),
        ("a:\r\n- b\r\n", "a:\n  - b\n"),
        ("? a\n: b\n", "a: b\n"),
        ("[a, b]\n", "- a\n- b\n"),
    ] {
        becomes(before, after);
    }
}

#[test]
fn what_is_too_long_for_a_line_is_written_below() {
    let words = ["abcdefgh"; 12].join(", ");
    becomes(
        &format!("a: [{words}]\n"),
        &format!("a:\n{}", "  - abcdefgh\n".repeat(12)),
    );
    becomes(
        &format!("a: {{b: [{words}], c: d}}\n"),
        &format!("a:\n  b:\n{}  c: d\n", "    - abcdefgh\n".repeat(12)),
    );
}

#[test]
fn what_refers_to_something_stays_below_it() {
    let text = "service: a\nowners: &x [b]\nsources: *x\n";
    becomes(text, text);
}

#[test]
fn one_mark_before_a_text_is_no_part_of_it() {
    becomes("\u{feff}service: a\n", "service: a\n");
    assert!(formatted("\u{feff}\u{feff}service: a\n").is_err());
}

#[test]
fn what_is_no_single_document_is_refused_with_its_place() {
    for (text, place) in [
        ("a: 1\n---\nb: 2\n", "f:2:1: a second document begins here"),
        ("a: [\n", "f:1:4: "),
        ("a: 1\n b: 2\n", "f:2:3: "),
        ("%YAML 1.2\n---\na: 1\n", "f:1:1: "),
        ("? [a]\n: 1\n", "f:1:3: a name was expected here"),
    ] {
        let told = formatted(text).unwrap_err().in_file("f");
        assert!(told.starts_with(place), "{told}");
    }
    assert_eq!(
        formatted("").unwrap_err(),
        Unfit::nowhere("nothing is in it")
    );
}

/// What a policy that knows nothing but `zz` at this place is told.
fn expected_members(file: &str, path: &[String]) -> Option<Vec<String>> {
    let mut text = String::from("zz: 1");
    for step in path.iter().rev() {
        text = match step.as_str() {
            "[]" => format!("[{{{text}}}]")
                .replace("[{{", "[{")
                .replace("}}]", "}]"),
            name => format!("{{{name}: {text}}}").replace(": zz: 1", ": {zz: 1}"),
        };
    }
    let named = |path: &str, text: &str| PolicyFile {
        path: path.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let base = named(
        "base.yaml",
        "{apiVersion: bulla.dev/policy/v0.1, name: a, version: 1, environments: {}, tiers: {}, identities: {}, edges: []}",
    );
    let own = named(file, &text);
    let files = match file {
        "base.yaml" => PolicyFiles {
            base: own,
            ..PolicyFiles::default()
        },
        "people.yaml" => PolicyFiles {
            base,
            people: Some(own),
            ..PolicyFiles::default()
        },
        _ => PolicyFiles {
            base,
            services: vec![own],
            ..PolicyFiles::default()
        },
    };
    let told = Policy::parse(&files, &Limits::default())
        .unwrap_err()
        .to_string();
    let (_, listed) = told.split_once("unknown field `zz`, expected ")?;
    let listed = listed.strip_prefix("one of ").unwrap_or(listed);
    Some(listed.split(", ").map(str::to_owned).collect())
}

fn compare(file: &str, shape: &Shape, path: &mut Vec<String>, compared: &mut usize) {
    let mut below = |step: &str, shape: &Shape| {
        path.push(step.to_owned());
        compare(file, shape, path, compared);
        path.pop();
    };
    match shape {
        Shape::Any => {}
        Shape::Named(each) => below("name", each),
        Shape::List(each) => below("[]", each),
        Shape::Members(known) => {
            for (name, shape) in *known {
                below(name, shape);
            }
            let mut told =
                expected_members(file, path).unwrap_or_else(|| panic!("{file} {path:?}"));
            let mut names: Vec<_> = known.iter().map(|(name, _)| (*name).to_owned()).collect();
            told.sort();
            names.sort();
            assert_eq!(names, told, "{file} {path:?}");
            *compared += 1;
        }
    }
}

#[test]
fn the_order_knows_every_member_that_policies_have() {
    let mut compared = 0;
    for (file, shape) in [
        ("base.yaml", &BASE),
        ("people.yaml", &PEOPLE),
        ("a.yaml", &SERVICE),
    ] {
        compare(file, shape, &mut Vec::new(), &mut compared);
    }
    assert!(compared > 50, "{compared}");
}

/// A value, written in one of the ways people write it, each line of it further in than `indent`.
fn written() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "[a-z]{1,6}",
        "'[a-z #:]{0,5}'",
        "\"[a-z ,]{0,5}\"",
        Just("[a, 'b']".to_owned()),
        Just("{x: 1, y: [ ]}".to_owned()),
        Just("[ a, # in\n        b ]".to_owned()),
        Just("|\n         text\n          more".to_owned()),
        Just("some\n         more".to_owned()),
    ];
    let end = prop_oneof![
        Just(""),
        Just("  # right"),
        Just("\n"),
        Just("\n # low"),
        Just("\n      # deep")
    ];
    let entry = ("[a-z]{3}", word, end);
    let lines = prop::collection::vec((entry, 0_usize..4, any::<bool>()), 1..12);
    lines.prop_map(|lines| {
        let mut text = String::from("# head\n");
        for (at, ((name, value, end), depth, as_list)) in lines.into_iter().enumerate() {
            let value = if value.starts_with('|') && end.contains("right") {
                "v".to_owned()
            } else {
                value
            };
            let name = format!("{name}{at}");
            let line = match (depth, as_list) {
                (0, _) => format!("{name}: {value}{end}\n"),
                (1, false) => format!("{name}:\n   in: {value}{end}\n   out: 1\n"),
                (1, true) => format!("{name}:\n- {value}{end}\n- b\n"),
                (_, false) => format!(
                    "{name}: # of it\n    in:\n     - a: {value}{end}\n       b: 2\n\n\n     - c\n"
                ),
                (_, true) => format!("{name}:\n  - - {value}{end}\n    -\n     # own\n     k: 1\n"),
            };
            text.push_str(&line);
        }
        text
    })
}

/// The comments of a text that has no `#` elsewhere but in single quotes.
fn comments(text: &str) -> Vec<String> {
    let mut found: Vec<_> = ["head", "in", "right", "low", "deep", "of it", "own"]
        .iter()
        .map(|word| format!("{word} {}", text.matches(&format!("# {word}")).count()))
        .collect();
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_layout_loses_nothing_and_is_not_laid_out_again(text in written()) {
        let before: serde_json::Value = match serde_saphyr::from_str(&text) {
            Ok(value) => value,
            Err(_) => return Err(TestCaseError::reject("not YAML")),
        };
        let out = formatted(&text).unwrap();
        let after: serde_json::Value = serde_saphyr::from_str(&out).unwrap();
        prop_assert_eq!(before, after, "{}\n{}", text, out);
        prop_assert_eq!(comments(&text), comments(&out), "{}\n{}", text, out);
        prop_assert_eq!(formatted(&out).unwrap(), out);
    }

    #[test]
    fn no_text_ends_the_program(text in "[a-c:#&*!|>'\"%@\\-\\[\\]{}, ?\n]{0,60}") {
        if let Ok(out) = formatted(&text) {
            prop_assert_eq!(formatted(&out).unwrap(), out);
        }
    }
}
