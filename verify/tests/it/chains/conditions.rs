//! Conditions: expressions that statements fulfil, or do not.

use serde_json::{Value, json};

use super::story::{step, stories};
use crate::gates::asking;
use crate::gates_conditions::{LOOKED, condition, looked};
use crate::kit::{World, hour};

stories! {
    "condition-fulfilled", "Conditions",
        "One statement that fulfils it is enough.",
        0 => step("dev", said("", OK, &[(json!({"ok": false}), 2), (json!({"ok": true}), 1)]));
    "condition-not-fulfilled", "Conditions",
        "An expression that is false is a no.",
        1 ConditionFailed => step("dev", said("", OK, &[(json!({"ok": false}), 1)]));
    "condition-on-what-is-not-there", "Conditions",
        "An expression that ends in an error is no yes.",
        1 ConditionError => step("dev", said("", OK, &[(json!({}), 1)]));
    "condition-on-a-text", "Conditions",
        "A text is no truth.",
        1 ConditionError => step("dev", said("", OK, &[(json!({"ok": "true"}), 1)]));
    "condition-asked-of-nothing", "Conditions",
        "Somebody who is named has to have said something.",
        10 ConditionMissing => step("dev", said("", OK, &[]));
    "condition-fulfilled-by-a-stranger", "Conditions",
        "What somebody else says does not count.",
        11 ConditionMissing SignerUntrusted => step("dev", {
            let mut world = said("", OK, &[]);
            looked(&mut world, "builder", &json!({"ok": true}), 1);
            world
        });
    "condition-that-all-fulfil", "Conditions",
        "With `all` one no is too many.",
        1 ConditionFailed => step("dev", said("match: all,", OK, &[(json!({"ok": false}), 1), (json!({"ok": true}), 2)]));
    "condition-that-all-fulfil-as-far-as-is-known", "Conditions",
        "With `all` what may be missing is not absent.",
        3 => step("dev", incomplete(said("match: all, maxAge: 9h,", OK, &[(json!({"ok": true}), 1)])));
    "condition-on-the-newest", "Conditions",
        "With `newest` an older no is over.",
        0 => step("dev", said("match: newest,", OK, &[(json!({"ok": false}), 1), (json!({"ok": true}), 2)]));
    "condition-on-the-newest-that-fails", "Conditions",
        "With `newest` an older yes hides nothing.",
        1 ConditionFailed => step("dev", said("match: newest,", OK, &[(json!({"ok": true}), 1), (json!({"ok": false}), 2)]));
    "condition-on-the-newest-that-is-known", "Conditions",
        "A newer one may be missing.",
        3 => step("dev", incomplete(said("match: newest,", OK, &[(json!({"ok": true}), 1)])));
    "condition-on-the-newest-of-an-age", "Conditions",
        "No age bounds what may be missing: it may be newer.",
        3 => step("dev", incomplete(said("match: newest, maxAge: 9h,", OK, &[(json!({"ok": true}), 1)])));
    "condition-on-all-with-a-no-of-no-time", "Conditions",
        "A no whose time nothing tells is not older than `maxAge`.",
        1 ConditionFailed => step("dev", untimed(said("match: all, maxAge: 9h,", OK, &[(json!({"ok": true}), 5)])));
    "condition-on-the-newest-with-a-no-of-no-time", "Conditions",
        "A no whose time nothing tells may be the newest, and young.",
        1 ConditionFailed => step("dev", untimed(said("match: newest, maxAge: 9h,", OK, &[(json!({"ok": true}), 5)])));
    "condition-on-all-with-a-no-of-the-future", "Conditions",
        "A no that is dated ahead is a no.",
        1 ConditionFailed => step("dev", said("match: all,", OK, &[(json!({"ok": true}), 5), (json!({"ok": false}), 11)]));
    "condition-on-the-newest-with-a-no-that-is-too-old", "Conditions",
        "A no that is surely older than `maxAge` is over, whoever has it recorded now.",
        0 => step("dev", {
            let mut world = said("match: all, maxAge: 6h,", OK, &[(json!({"ok": true}), 5), (json!({"ok": false}), 1)]);
            world.record_again("tester");
            world
        });
    "condition-with-a-no-by-a-stranger", "Conditions",
        "Strangers say no in vain.",
        0 => step("dev", {
            let mut world = said("match: all, maxAge: 9h,", OK, &[(json!({"ok": true}), 5)]);
            world.attest_at("mallory", LOOKED, &json!({"ok": false}), None);
            world
        });
    "condition-on-numbers", "Conditions",
        "Numbers are compared by what they are worth.",
        0 => step("dev", said("", "predicate.n == 7 && predicate.x == 7 && predicate.big > 7.5 && predicate.half < 1",
            &[(json!({"n": 7, "x": 7.0, "big": u64::MAX, "half": 0.5}), 1)]));
    "condition-on-the-step", "Conditions",
        "An expression sees the step and the signer.",
        0 => step("dev", said("", "step.to == \"dev\" && step.tier == \"high\" && signer.kind == \"key\" && !has(step.from)",
            &[(json!({}), 1)]));
    "condition-on-an-age", "Conditions",
        "A later record makes a statement no younger.",
        1 ConditionFailed => step("dev", {
            let mut world = said("", "step.at - statement.issued <= duration(\"2h\")", &[(json!({}), 1)]);
            world.record_again("tester");
            world
        });
}

const OK: &str = "predicate.ok";

/// The step into dev at hour 10 with a condition on what the tester said at these hours.
fn said(more: &str, cel: &str, all: &[(Value, i64)]) -> World {
    let mut world = asking(&condition(more, cel));
    for (predicate, at) in all {
        looked(&mut world, "tester", predicate, *at);
    }
    world.now = hour(10);
    world
}

/// Once more, with a no that says no time.
fn untimed(mut world: World) -> World {
    world.attest_at("tester", LOOKED, &json!({"ok": false}), None);
    world
}

fn incomplete(mut world: World) -> World {
    world.truncated = true;
    world
}
