//! Test runs by name: of each name the newest counts.

use serde_json::{Value, json};

use bulla_model::predicate::test_result;
use bulla_verify::{Cause, Code, Outcome, Verdict};

use crate::gates::{asking, outcome, refused};
use crate::kit::{World, assert_exit, assert_found, hour, show, tampered};

const NAMES: &str = "tests: {by: [tester], names: [unit, 'e2e*']}";

/// A run of these configurations at this hour.
fn run(world: &mut World, result: &str, names: &[&str], at: i64) {
    let of = |name: &&str| json!({"name": name, "uri": format!("https://ci.example.test/{name}")});
    let configuration: Vec<Value> = names.iter().map(of).collect();
    said(
        world,
        &json!({"result": result, "configuration": configuration}),
        at,
    );
}

fn said(world: &mut World, predicate: &Value, at: i64) {
    world.attest_at("tester", test_result::TYPE, predicate, Some(hour(at)));
}

/// The step into dev, at hour 10, without the kit's own test run.
fn judged(rule: &str, change: impl Fn(&mut World)) -> Verdict {
    let mut world = asking(rule);
    world.take("tester tests");
    change(&mut world);
    world.now = hour(10);
    world.judge("dev", None).0
}

#[test]
fn every_name_is_run() {
    for names in [
        &[&["unit", "e2e"][..]][..],
        &[&["unit"], &["e2e-web", "lint"]],
    ] {
        let verdict = judged(NAMES, |world| {
            for names in names {
                run(world, "PASSED", names, 1);
            }
        });
        assert_exit(&verdict, 0);
    }
    for (names, exit) in [
        (&["unit"][..], 10),
        (&["e2e"], 10),
        (&["Unit", "e2e"], 10),
        (&["xunit", "e2e"], 10),
    ] {
        let verdict = judged(NAMES, |world| run(world, "PASSED", names, 1));
        assert_exit(&verdict, exit);
        assert_found(&verdict, Code::TestsMissing);
    }
}

#[test]
fn tests_of_a_report_are_names_too() {
    let predicate = |kind: &str, result: &str| {
        let mut said = json!({"result": result, "configuration": [], "passedTests": ["unit"]});
        said[kind] = json!(["unit", "e2e.pay.refund"][1..]);
        if kind == "passedTests" {
            said[kind] = json!(["unit", "e2e.pay.refund"]);
        }
        said
    };
    for (kind, result, exit) in [
        ("passedTests", "PASSED", 0),
        ("warnedTests", "WARNED", 0),
        ("failedTests", "FAILED", 1),
        // Whatever it says of the whole.
        ("failedTests", "PASSED", 1),
        ("passedTests", "FAILED", 1),
    ] {
        let verdict = judged(NAMES, |world| said(world, &predicate(kind, result), 1));
        assert_exit(&verdict, exit);
    }
}

#[test]
fn f36_an_old_run_of_a_name_does_not_hide_a_newer_one_of_it() {
    let story = |runs: &[(&str, &str, i64)]| {
        judged(NAMES, |world| {
            for (name, result, at) in runs {
                run(world, result, &[name], *at);
            }
        })
    };
    // A newer run of another name hides nothing.
    let fine = story(&[("e2e", "PASSED", 1), ("unit", "PASSED", 5)]);
    assert_exit(&fine, 0);
    let verdict = story(&[
        ("e2e", "PASSED", 1),
        ("e2e", "FAILED", 2),
        ("unit", "PASSED", 5),
    ]);
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TestsFailed);
    // Of names that one pattern means, each counts by itself.
    let verdict = story(&[
        ("e2e-a", "FAILED", 2),
        ("e2e-b", "PASSED", 5),
        ("unit", "PASSED", 5),
    ]);
    assert_exit(&verdict, 1);
    assert_exit(
        &story(&[
            ("e2e", "FAILED", 2),
            ("e2e", "PASSED", 3),
            ("unit", "PASSED", 1),
        ]),
        0,
    );
    // What nobody asks for may fail.
    assert_exit(
        &story(&[
            ("e2e", "PASSED", 1),
            ("unit", "PASSED", 1),
            ("lint", "WARNED", 3),
        ]),
        0,
    );
}

#[test]
fn a_run_that_failed_without_saying_what_may_have_been_any() {
    let silent = json!({"result": "FAILED", "configuration": []});
    // What in-toto asks every run for says which file it was, not which of its jobs.
    let of_file =
        json!({"result": "FAILED", "configuration": [{"uri": "https://ci.example.test/ci.yml"}]});
    let left_out = json!({"result": "FAILED", "configuration": [{"name": "lint", "uri": "x:y"}],
        "failedTests": ["lint.a"], "https://bulla.dev/tests": {"namesOmitted": 3, "hiddenFailures": false}});
    let broken = json!({"result": "MAYBE"});
    let told = json!({"result": "FAILED", "configuration": [], "failedTests": ["lint.a"],
        "https://bulla.dev/tests": {"namesOmitted": 0, "hiddenFailures": false}});
    let with = |predicate: &Value, at: i64| {
        judged(NAMES, |world| {
            run(world, "PASSED", &["unit", "e2e"], 4);
            said(world, predicate, at);
        })
    };
    for predicate in [&silent, &of_file, &left_out, &broken] {
        assert_exit(&with(predicate, 5), 1);
        // It is over once all of them passed.
        assert_exit(&with(predicate, 3), 0);
    }
    assert_exit(&with(&told, 5), 0);
    // What it lists as passed does not tell what failed.
    let lists = json!({"result": "FAILED", "passedTests": ["unit"],
        "configuration": [{"uri": "https://ci.example.test/ci.yml"}]});
    let verdict = judged(NAMES, |world| {
        run(world, "PASSED", &["unit", "e2e"], 4);
        said(world, &lists, 5);
        run(world, "PASSED", &["unit"], 6);
    });
    assert_exit(&verdict, 1);
    // One that says which it was is of no other.
    let unit = json!({"result": "FAILED", "configuration": [{"name": "unit", "uri": "x:y"}]});
    let passed = json!({"result": "PASSED", "configuration": [{"name": "unit", "uri": "x:y"}]});
    let verdict = judged(NAMES, |world| {
        run(world, "PASSED", &["unit", "e2e"], 4);
        said(world, &unit, 5);
        said(world, &passed, 6);
    });
    assert_exit(&verdict, 0);
    // Without a time it may be the newest.
    let mut world = asking(NAMES);
    world.take("tester tests");
    run(&mut world, "PASSED", &["unit", "e2e"], 4);
    world.attest_at("tester", test_result::TYPE, &silent, None);
    world.now = hour(10);
    assert_exit(&world.judge("dev", None).0, 1);
}

#[test]
fn what_cannot_be_read_hides_no_failure_of_another_name() {
    let verdict = judged(NAMES, |world| {
        run(world, "PASSED", &["e2e"], 1);
        run(world, "FAILED", &["unit"], 7);
        said(world, &json!({"result": "MAYBE"}), 5);
        world.truncated = true;
    });
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TestsFailed);
}

#[test]
fn a_test_is_no_run_of_its_name() {
    let unit = json!({"result": "PASSED", "configuration": [{"name": "unit", "uri": "x:y"}],
        "passedTests": ["e2e"]});
    let verdict = judged(NAMES, |world| {
        run(world, "FAILED", &["e2e"], 1);
        said(world, &unit, 5);
    });
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::TestsFailed);
    // Where no run is called so, tests are.
    assert_exit(&judged(NAMES, |world| said(world, &unit, 5)), 0);
}

#[test]
fn only_named_signers_and_this_image_count() {
    let passed = json!({"result": "PASSED", "configuration": [{"name": "unit", "uri": "x:y"}, {"name": "e2e", "uri": "x:z"}]});
    let failed = json!({"result": "FAILED", "configuration": [{"name": "unit", "uri": "x:y"}]});
    let verdict = judged(NAMES, |world| {
        world.attest_at("builder", test_result::TYPE, &passed, Some(hour(1)));
    });
    assert_exit(&verdict, 11);
    let verdict = judged(NAMES, |world| {
        let other = bulla_model::Digest::sha256(b"another image");
        let subject = bulla_model::ResourceDescriptor::of(other);
        world.attest_about("tester", test_result::TYPE, &passed, &[subject]);
    });
    assert_exit(&verdict, 13);
    let verdict = judged(NAMES, |world| {
        said(world, &passed, 1);
        let bundle = tampered(&world.evidence.last().unwrap().bundle, "PASSED", "WARNED");
        world.add("tampered", bundle);
        world.attest_at("builder", test_result::TYPE, &failed, Some(hour(3)));
        world.attest_at("mallory", test_result::TYPE, &failed, Some(hour(3)));
    });
    assert_exit(&verdict, 0);
}

#[test]
fn that_a_run_is_the_newest_is_not_known_while_something_may_be_missing() {
    for rule in [
        NAMES,
        "tests: {by: [tester], maxAge: 9h, names: [unit, 'e2e*']}",
    ] {
        let verdict = judged(rule, |world| {
            run(world, "PASSED", &["unit", "e2e"], 2);
            world.truncated = true;
        });
        let unknown = Outcome::Failed(Cause::Undetermined);
        assert_eq!(outcome(&verdict, "tests"), unknown, "{}", show(&verdict));
    }
    let old = judged(
        "tests: {by: [tester], maxAge: 7h, names: [unit, 'e2e*']}",
        |world| {
            run(world, "PASSED", &["unit", "e2e"], 2);
        },
    );
    assert_exit(&old, 14);
}

#[test]
fn names_that_name_nothing_are_refused() {
    for rule in [
        "tests: {by: [tester], names: []}",
        "tests: {by: [tester], names: ['']}",
    ] {
        let error = refused(rule);
        assert!(error.contains("`names` names nothing"), "{error}");
    }
}
