//! What was interrupted: the same command again finishes it, and nothing else does.

use super::*;

#[test]
fn what_was_interrupted_goes_on_and_signs_nothing_twice() {
    let sandbox = line();
    let both = "image:1.0 image:1.1";
    for to in ["dev", "staging"] {
        let promote = format!("promote {both} --to {to} --key ci.key --output json");
        let report = sandbox.done(&promote).json();
        let whole = entries(&sandbox);
        // After the promotion beside the first image came that beside the second, and two summaries.
        keep_entries(&sandbox, whole - 3);
        let env = format!("verify --env {to} image");
        sandbox.done(&format!("{env}:1.0"));
        assert_eq!(
            sandbox.run(&format!("{env}:1.1")).code,
            if to == "dev" { 10 } else { 1 }
        );
        let again = sandbox.done(&promote).json();
        assert_eq!(again["already"], true);
        assert_eq!(again["promotion"], report["promotion"]);
        assert_eq!(entries(&sandbox), whole, "the first was left alone");
        sandbox.done(&format!("{env}:1.1"));
    }
}

#[test]
fn a_retirement_that_was_interrupted_reaches_the_others_when_it_is_asked_for_again() {
    let sandbox = line();
    let rules = sandbox.read("policy/release.yaml");
    let rule = "  - {to: prod, kind: retire, by: [ci], require: {}}\n";
    sandbox.write("policy/release.yaml", &format!("{rules}{rule}"));
    let both = "image:1.0 image:1.1";
    released(&sandbox, both);
    let retire = format!("promote {both} --to prod --kind retire --key ci.key");
    let taken = sandbox.done(&retire);
    // Without an owner nobody could record it.
    assert!(!taken.data.contains("bulla checkpoint"), "{}", taken.data);
    let whole = entries(&sandbox);
    keep_entries(&sandbox, whole - 1);
    let code = |tag: &str| sandbox.run(&format!("verify --env prod image:{tag}")).code;
    assert_eq!((code("1.0"), code("1.1")), (1, 0));
    shown(&sandbox.done(&retire).data, "finished");
    assert_eq!((code("1.0"), code("1.1")), (1, 1));
    assert_eq!(entries(&sandbox), whole);
    refused(&sandbox.run(&retire), 1, "promotion-retired");
}

/// Promoted into prod, but the promotion is beside the first image only; how many entries there were.
fn half_in_prod(sandbox: &Sandbox) -> usize {
    released(sandbox, "image:1.0 image:1.1");
    let whole = entries(sandbox);
    keep_entries(sandbox, whole - 3);
    whole
}

fn is_in_prod(sandbox: &Sandbox, tag: &str) -> bool {
    let answer = sandbox.run(&format!("verify --env prod image:{tag}"));
    answer.code == 0
}

#[test]
fn a_promotion_into_another_environment_takes_nothing_along() {
    let sandbox = line();
    let whole = half_in_prod(&sandbox);
    let both = "image:1.0 image:1.1";
    sandbox.done(&format!("promote {both} --to dev --key ci.key"));
    sandbox.done(&format!("promote {both} --to staging --key ci.key"));
    assert_eq!(entries(&sandbox), whole - 3);
    assert!(!is_in_prod(&sandbox, "1.1"));
    // Nor does one who may not promote, or who only tries it.
    let promote = format!("promote {both} --to prod");
    let stranger = sandbox.run(&format!("{promote} --key alice.key"));
    assert_eq!(stranger.code, 1, "{}{}", stranger.data, stranger.talk);
    sandbox.done(&format!("{promote} --key ci.key --dry-run"));
    assert_eq!(entries(&sandbox), whole - 3);
    assert!(!is_in_prod(&sandbox, "1.1"));
    sandbox.done(&format!("{promote} --key ci.key"));
    assert!(is_in_prod(&sandbox, "1.1"));
}

#[test]
fn a_rollback_that_was_interrupted_reaches_the_others_when_it_is_asked_for_again() {
    let sandbox = line();
    released(&sandbox, "image:1.0 image:1.1");
    released(&sandbox, "image:1.2 image:1.3");
    sandbox.done("approve image:1.0 image:1.1 --to prod --kind rollback --key bob.key --yes");
    let rollback = "rollback pay --env prod --key ci.key";
    sandbox.done(rollback);
    let whole = entries(&sandbox);
    keep_entries(&sandbox, whole - 3);
    let back = |tag: &str| {
        let steps = verified(&sandbox, &format!("image:{tag}"))["steps"].clone();
        steps.as_array().unwrap().last().unwrap()["kind"] == "rollback"
    };
    let both = ["1.0", "1.1"];
    assert_eq!(both.into_iter().filter(|tag| back(tag)).count(), 1);
    let again = sandbox.done(rollback);
    shown(&again.data, "finished");
    assert_eq!(entries(&sandbox), whole);
    assert_eq!(both.into_iter().filter(|tag| back(tag)).count(), 2);
    // There is nothing to finish any more, and nobody said how far to go on.
    refused(&sandbox.run(rollback), 2, "--to DIGEST");
}

#[test]
fn what_only_some_of_them_reached_is_not_there_already() {
    let sandbox = line();
    let whole = half_in_prod(&sandbox);
    let to = digest_of(&sandbox, "1.0");
    let rollback = format!("rollback image:1.0 --env prod --to {to} --key ci.key");
    let answer = sandbox.run(&rollback);
    assert_eq!(answer.code, 1, "{}{}", answer.data, answer.talk);
    assert!(!answer.data.contains("already in"), "{}", answer.data);
    shown(&answer.data, "FAIL");
    assert_eq!(
        entries(&sandbox),
        whole - 3,
        "a rollback finishes no promotion"
    );
    sandbox.done("promote image:1.0 image:1.1 --to prod --key ci.key");
    shown(&sandbox.done(&rollback).data, "already in");
}
