//! Hints are commands: what they name is what the policy's reader takes.

use bulla_model::EdgeKind;
use bulla_verify::{Code, StepRequest, Verdict};

use crate::kit::{World, assert_found, codes, show};

/// The hint of the finding with this code.
#[track_caller]
fn hint(verdict: &Verdict, code: Code) -> String {
    assert_found(verdict, code);
    let found = verdict.findings.iter().find(|it| it.code == code);
    let hint = found.and_then(|it| it.hint.clone());
    hint.unwrap_or_else(|| panic!("no hint: {}", show(verdict)))
}

/// What stands after a flag.
fn flag<'a>(hint: &'a str, name: &str) -> Option<&'a str> {
    let mut words = hint.split(' ');
    words.find(|word| *word == name)?;
    words.next()
}

/// Judges the step that a hint names.
#[track_caller]
fn typed(world: &World, hint: &str) -> Verdict {
    let kind = match flag(hint, "--kind") {
        None => EdgeKind::Promote,
        Some("hotfix") => EdgeKind::Hotfix,
        Some(other) => panic!("{other}"),
    };
    let request = StepRequest {
        to: flag(hint, "--to").unwrap(),
        from: flag(hint, "--from"),
        kind,
        promoter: None,
        tickets: None,
        set: None,
        names: None,
    };
    let verdict = world.judge_request(&request).0;
    assert!(!codes(&verdict).contains(&Code::EdgeUnknown), "{hint}");
    verdict
}

fn into<'a>(to: &'a str, from: Option<&'a str>) -> StepRequest<'a> {
    StepRequest {
        to,
        from,
        kind: EdgeKind::Promote,
        promoter: None,
        tickets: None,
        set: None,
        names: None,
    }
}

/// In staging; the last environment has another name, and a second one has the same last word.
fn renamed(name: &str) -> World {
    let mut world = World::staged();
    world.edit("release.yaml", "  prod: {uri", &format!("  {name}: {{uri"));
    world.edit("release.yaml", "to: prod", &format!("to: {name}"));
    let other = "tiers:\n  high:";
    let second = "  second: {uri: \"env://acme/eu/prod\", freshness: none}\ntiers:\n  high:";
    world.edit("release.yaml", other, second);
    // What was signed so far is under the version before.
    let mut anew = World::built();
    anew.files = world.files;
    anew.into_staging()
}

#[test]
fn approvals_are_asked_for_by_the_name_that_the_policy_has() {
    let world = renamed("live");
    let verdict = world.judge_request(&into("live", None)).0;
    let hint = hint(&verdict, Code::ApprovalsMissing);
    assert!(hint.ends_with(" --to live"), "{hint}");
    assert_found(&typed(&world, &hint), Code::ApprovalsMissing);
}

#[test]
fn a_name_that_a_shell_would_split_is_typed_as_its_uri() {
    let world = renamed("eu live");
    let verdict = world.judge_request(&into("eu live", None)).0;
    let hint = hint(&verdict, Code::ApprovalsMissing);
    assert!(hint.ends_with(" --to env://acme/pay/prod"), "{hint}");
    assert_found(&typed(&world, &hint), Code::ApprovalsMissing);
}

#[test]
fn a_hint_says_where_from_and_of_what_kind_where_one_step_needs_it() {
    let steps = "  - from: dev\n    to: prod\n    by: [promoter]\n    require: {approvals: {threshold: 1}}\n  \
                 - from: dev\n    to: prod\n    kind: hotfix\n    by: [promoter]\n    require: {approvals: {threshold: 1}}\nhistory: []";
    let mut world = World::built();
    world.edit("release.yaml", "history: []", steps);
    let world = world.into_staging();
    for from in ["dev", "staging"] {
        let verdict = world.judge_request(&into("prod", Some(from))).0;
        let hint = hint(&verdict, Code::ApprovalsMissing);
        assert!(
            hint.ends_with(&format!(" --to prod --from {from}")),
            "{hint}"
        );
        typed(&world, &hint);
    }
    // Of its kind it is the only one.
    let request = StepRequest {
        kind: EdgeKind::Hotfix,
        ..into("prod", None)
    };
    let hint = hint(&world.judge_request(&request).0, Code::ApprovalsMissing);
    assert!(hint.ends_with(" --to prod --kind hotfix"), "{hint}");
    typed(&world, &hint);
}

#[test]
fn what_was_not_promoted_is_promoted_by_a_step_that_there_is() {
    let world = renamed("live");
    let hinted = hint(&world.verify("live"), Code::PromotionMissing);
    assert!(hinted.starts_with("bulla promote "), "{hinted}");
    assert!(hinted.ends_with(" --to live"), "{hinted}");
    typed(&world, &hinted);

    let mut world = World::built();
    let ordinary = "  - to: dev\n    by";
    world.edit(
        "release.yaml",
        ordinary,
        "  - to: dev\n    kind: hotfix\n    by",
    );
    let hinted = hint(&world.verify("dev"), Code::PromotionMissing);
    assert!(
        hinted.ends_with(" --to dev --kind hotfix --reason TEXT"),
        "{hinted}"
    );
    typed(&world, &hinted);
}

#[test]
fn a_ticket_is_asked_for_with_the_whole_step() {
    let mut world = World::built();
    let first = "      provenance: {by: [builder]}\n  - from: dev";
    let with =
        "      provenance: {by: [builder]}\n      tickets: {patterns: ['CHG-*']}\n  - from: dev";
    world.edit("release.yaml", first, with);
    world.edit("release.yaml", "  dev: {uri", "  \"test 1\": {uri");
    world.edit("release.yaml", "to: dev", "to: test 1");
    world.edit("release.yaml", "from: dev", "from: test 1");
    let verdict = world.judge_request(&into("test 1", None)).0;
    let hint = hint(&verdict, Code::TicketMissing);
    assert!(
        hint.ends_with(" --to env://acme/pay/dev --ticket TICKET"),
        "{hint}"
    );
    typed(&world, &hint);
}
