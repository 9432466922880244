//! Forks, and how the ledger's owner decides them.

use super::*;

const SIGN: &str = "--key alice.key --state keeper.json";

/// Two releases that both follow the first one, in layouts that know nothing of each other; the side
/// `image:2.0` is recorded.
fn forked() -> Sandbox {
    let sandbox = released();
    for tag in ["2.0", "3.0"] {
        sandbox.add_release(tag);
    }
    copy(&sandbox.path("image"), &sandbox.path("twin"));
    release(&sandbox, "image:2.0");
    release(&sandbox, "twin:3.0");
    for image in ["image:2.0", "twin:3.0"] {
        assert_eq!(in_prod(&sandbox, image).0, 0);
    }
    sandbox.done(&format!("checkpoint --latest image:2.0 {SIGN}"));
    sandbox
}

/// The exit code, what was said, and the promotion.
fn in_prod(sandbox: &Sandbox, image: &str) -> (i32, String, String) {
    let answer = sandbox.run(&format!("verify --env prod {image} --output json"));
    let verdict = answer.json()["verdicts"][0]["verdict"].clone();
    let steps = verdict["steps"].as_array().unwrap();
    let promotion = steps.last().map(|step| step["promotion"].clone());
    let promotion = promotion.and_then(|one| one.as_str().map(str::to_owned));
    (
        answer.code,
        verdict.to_string(),
        promotion.unwrap_or_default(),
    )
}

#[test]
fn no_side_of_a_fork_is_recorded_unless_the_owner_decides() {
    let sandbox = forked();
    assert_eq!(in_prod(&sandbox, "image:2.0").0, 0);
    let (code, said, _) = in_prod(&sandbox, "twin:3.0");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("chain-forked") && said.contains("bulla revoke --attestation"));
    // What was there before stays.
    assert_eq!(in_prod(&sandbox, "image:1.0").0, 0);
    // A routine run does not turn it round.
    let before = newest(&sandbox.path("ledger"), &the_scope());
    let refused = sandbox.run(&format!("checkpoint --latest twin:3.0 {SIGN}"));
    assert_eq!(refused.code, 2, "{}", refused.talk);
    assert!(refused.talk.contains("--decide-forks"), "{}", refused.talk);
    assert_eq!(newest(&sandbox.path("ledger"), &the_scope()), before);
    sandbox.done(&format!(
        "checkpoint --latest twin:3.0 --decide-forks {SIGN}"
    ));
    assert_eq!(in_prod(&sandbox, "twin:3.0").0, 0);
    assert_eq!(in_prod(&sandbox, "image:2.0").0, 1);
    let alone = sandbox.run(&format!("checkpoint --decide-forks {SIGN}"));
    assert_eq!(alone.code, 2, "{}", alone.talk);
}

#[test]
fn the_side_that_lost_stays_lost_when_the_other_goes_on() {
    let sandbox = forked();
    let (_, _, lost) = in_prod(&sandbox, "twin:3.0");
    sandbox.add_release("4.0");
    release(&sandbox, "image:4.0");
    sandbox.done(&format!("checkpoint --latest image:4.0 {SIGN}"));
    assert_eq!(in_prod(&sandbox, "image:4.0").0, 0);
    assert_eq!(in_prod(&sandbox, "image:2.0").0, 0);
    let (code, said, _) = in_prod(&sandbox, "twin:3.0");
    assert_eq!(code, 1, "{said}");
    // There is no way back behind what followed.
    let late = sandbox.run(&format!(
        "checkpoint --latest twin:3.0 --decide-forks {SIGN}"
    ));
    assert!(late.talk.contains("is not recorded"), "{}", late.talk);
    assert_eq!(in_prod(&sandbox, "twin:3.0").0, 1);
    // Once the checkpoint that decided is gone, only a revocation says so.
    assert!(!lost.is_empty());
    sandbox.done(&format!(
        "revoke --attestation {lost} --reason forked --yes {SIGN}"
    ));
    sandbox.done(&format!("checkpoint --keep 0 {SIGN}"));
    assert_eq!(in_prod(&sandbox, "twin:3.0").0, 14);
    assert_eq!(in_prod(&sandbox, "image:2.0").0, 0);
}
