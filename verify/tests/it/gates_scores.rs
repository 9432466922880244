//! The score a bill of materials has to reach.

use serde_json::{Value, json};

use bulla_model::predicate::{CYCLONEDX, SPDX};
use bulla_verify::{Cause, Code, Finding, Outcome, Verdict};

use crate::gates::{asking, outcome, refused};
use crate::gates_bills::{component, cyclonedx};
use crate::kit::{World, assert_exit, codes, hour};
use crate::score::{CYCLONEDX as FULL, with};

/// The step into dev, at hour 10, for which a bill of materials has to reach this score.
fn judged(least: &str, change: impl Fn(&mut World)) -> Verdict {
    let mut world = asking(&format!("sbom: {{by: [builder], score: {least}}}"));
    world.take("builder sbom");
    change(&mut world);
    world.now = hour(10);
    world.judge("dev", None).0
}

/// As `judged`, with one bill by the builder, of 6.0.
pub(crate) fn scored(least: &str) -> Verdict {
    judged(least, |world| {
        world.attest("builder", CYCLONEDX, &middling());
    })
}

fn full() -> Value {
    serde_json::from_str(FULL).unwrap()
}

/// Names, versions, kinds and package URLs, who made it when, and no more.
pub(crate) fn middling() -> Value {
    let mut bill = full();
    for pointer in ["/components/0", "/metadata/component"] {
        let of = bill.pointer_mut(pointer).unwrap();
        for name in ["hashes", "externalReferences", "supplier", "licenses"] {
            of[name] = json!(null);
        }
    }
    bill["signature"] = json!(null);
    bill
}

fn poor() -> Value {
    cyclonedx(&[component("pkg:npm/left-pad@1.3.0", "MIT")])
}

fn low(verdict: &Verdict) -> &Finding {
    let mut all = verdict.findings.iter();
    all.find(|it| it.code == Code::SbomScoreLow).unwrap()
}

#[test]
fn a_bill_has_to_reach_it_and_says_what_would_raise_it() {
    assert_exit(&scored("6"), 0);
    let verdict = scored("6.1");
    assert_exit(&verdict, 1);
    let finding = low(&verdict);
    assert_eq!(finding.expected.as_deref(), Some("6.1 at least"));
    assert_eq!(finding.found.as_deref(), Some("6.0"));
    let hint = finding.hint.as_deref().unwrap_or_default();
    assert!(
        hint.starts_with(
            "first tell a digest of every component, SHA-256 or better (2 components: pkg:oci/api@"
        ),
        "{hint}"
    );
    let good = judged("10", |world| world.attest("builder", CYCLONEDX, &full()));
    assert_exit(&good, 0);
    let check = good.checks.iter().find(|check| check.name == "sbom");
    let summary = check.map(|check| check.summary.as_str());
    assert_eq!(summary, Some("1 package, score 10.0"));
}

#[test]
fn spdx_is_scored_too() {
    let bill = |package: Value| json!({"spdxVersion": "SPDX-2.3", "packages": [package], "creationInfo": {"creators": []}});
    let named = bill(json!({"SPDXID": "SPDXRef-x", "name": "x", "versionInfo": "1"}));
    for (least, exit) in [("2", 0), ("2.1", 1)] {
        let verdict = judged(least, |world| world.attest("builder", SPDX, &named));
        assert_exit(&verdict, exit);
    }
    // What cannot be read has no score, whatever else is in it.
    let odd = bill(json!({"name": ["x"]}));
    let verdict = judged("0.1", |world| world.attest("builder", SPDX, &odd));
    assert_exit(&verdict, 1);
    assert!(
        low(&verdict).message.contains("has no score"),
        "{}",
        low(&verdict).message
    );
}

#[test]
fn one_that_reaches_it_will_do_and_nobody_else_can_help_or_harm() {
    let both = judged("9", |world| {
        world.attest("builder", CYCLONEDX, &poor());
        world.attest("builder", CYCLONEDX, &full());
    });
    assert_exit(&both, 0);
    let harmed = judged("9", |world| {
        world.attest("builder", CYCLONEDX, &full());
        world.attest("mallory", CYCLONEDX, &poor());
    });
    assert_exit(&harmed, 0);
    let helped = judged("9", |world| {
        world.attest("builder", CYCLONEDX, &poor());
        world.attest("mallory", CYCLONEDX, &full());
    });
    assert_exit(&helped, 1);
}

#[test]
fn a_score_that_somebody_states_counts_for_nothing() {
    let mut bill = poor();
    bill["score"] = json!(10);
    bill["properties"] = json!([{"name": "sbomqs:score", "value": "10.0"}]);
    let verdict = judged("9", |world| world.attest("builder", CYCLONEDX, &bill));
    assert_exit(&verdict, 1);
}

#[test]
fn a_better_one_may_be_missing() {
    let verdict = judged("9", |world| {
        world.attest("builder", CYCLONEDX, &poor());
        world.truncated = true;
    });
    let undetermined = Outcome::Failed(Cause::Undetermined);
    assert_eq!(outcome(&verdict, "sbom"), undetermined);
    assert_exit(&verdict, 3);
    let enough = judged("9", |world| {
        world.attest("builder", CYCLONEDX, &full());
        world.truncated = true;
    });
    assert_eq!(outcome(&enough, "sbom"), Outcome::Ok);
}

#[test]
fn what_a_bill_lists_is_judged_whatever_its_score() {
    let verdict = judged("9, deny: {packages: ['pkg:npm/left-pad']}", |world| {
        world.attest("builder", CYCLONEDX, &full());
        world.attest("builder", CYCLONEDX, &poor());
    });
    assert_exit(&verdict, 1);
    assert!(codes(&verdict).contains(&Code::PackageDenied));
}

#[test]
fn a_service_may_ask_for_more_and_never_for_less() {
    for (base, service, exit) in [("9", "1", 1), ("1", "9", 1), ("1", "6.0", 0)] {
        let verdict = judged(base, |world| {
            let rule = format!(
                "tier: high\ntighten: [{{to: dev, require: {{sbom: {{by: [builder], score: {service}}}}}}}]\n"
            );
            world.edit("services/pay-api.yaml", "tier: high\n", &rule);
            world.attest("builder", CYCLONEDX, &middling());
        });
        assert_exit(&verdict, exit);
    }
}

#[test]
fn only_scores_are_scores() {
    for text in ["10.1", "-1", "7.55", "high", "[7]", ".inf", "''"] {
        let error = refused(&format!("sbom: {{by: [builder], score: {text}}}"));
        let says = ["score", "number", "float"];
        assert!(
            says.iter().any(|word| error.contains(word)),
            "{text}: {error}"
        );
    }
    let error = refused("sbom: {by: [builder], score: 0}");
    assert!(error.contains("every score is at least 0"), "{error}");
    for text in ["7", "7.5", "7.50", "'7.5'", "10", "10.0", "0.1"] {
        let verdict = judged(text, |world| world.attest("builder", CYCLONEDX, &full()));
        assert_exit(&verdict, 0);
    }
    let mutated = with(FULL, "/components/0/hashes", json!([]));
    let verdict = judged("9.5", |world| world.attest("builder", CYCLONEDX, &mutated));
    assert_exit(&verdict, 0);
}
