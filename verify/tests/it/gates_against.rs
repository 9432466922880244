//! What somebody who is named says against the image counts, whatever is wrong with its time; what a
//! stranger attaches changes nothing.

use serde_json::{Value, json};

use bulla_model::Digest;
use bulla_model::predicate::{CYCLONEDX, reference, test_result};
use bulla_verify::{Cause, Code, Outcome, Verdict};

use crate::gates::{asking, outcome};
use crate::gates_conditions::{LOOKED, condition};
use crate::kit::{World, assert_found, hour, show};

const DENIED: Outcome = Outcome::Failed(Cause::Denied);
const UNKNOWN: Outcome = Outcome::Failed(Cause::Undetermined);

/// A requirement, its check, the type it is about, and a yes and a no.
struct Case {
    rule: String,
    check: &'static str,
    kind: &'static str,
    yes: Value,
    no: Value,
}

/// Everything that counts the newest or all of what is said, each with this age.
fn cases(age: &str) -> Vec<Case> {
    let conditions = ["all", "newest"].map(|matching| Case {
        rule: condition(&format!("match: {matching}, {age}"), "predicate.ok"),
        check: "conditions",
        kind: LOOKED,
        yes: json!({"ok": true}),
        no: json!({"ok": false}),
    });
    let configuration = json!([{"name": "e2e", "uri": "x:y"}]);
    let tests = ["", "names: [e2e],"].map(|names| Case {
        rule: format!("tests: {{{age} {names} by: [tester]}}"),
        check: "tests",
        kind: test_result::TYPE,
        yes: json!({"result": "PASSED", "configuration": configuration}),
        no: json!({"result": "FAILED", "configuration": configuration}),
    });
    let bills = Case {
        rule: format!("sbom: {{{age} by: [tester], deny: {{packages: ['pkg:npm/evil']}}}}"),
        check: "sbom",
        kind: CYCLONEDX,
        yes: bill("good"),
        no: bill("evil"),
    };
    conditions.into_iter().chain(tests).chain([bills]).collect()
}

fn bill(name: &str) -> Value {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components":
        [{"type": "library", "name": name, "purl": format!("pkg:npm/{name}@1")}]})
}

impl Case {
    /// The step into dev at hour 10, of a yes at hour 8 and what is done then.
    fn judged(&self, change: impl Fn(&mut World, &Self)) -> Verdict {
        self.world(change).judge("dev", None).0
    }

    fn world(&self, change: impl Fn(&mut World, &Self)) -> World {
        let mut world = asking(&self.rule);
        world.take("tester tests");
        world.attest_at("tester", self.kind, &self.yes, Some(hour(8)));
        world.now = hour(10);
        change(&mut world, self);
        world
    }

    fn no(&self, world: &mut World, who: &str, at: Option<i64>) {
        world.attest_at(who, self.kind, &self.no, at.map(hour));
    }

    #[track_caller]
    fn assert(&self, verdict: &Verdict, expected: Outcome) {
        let found = outcome(verdict, self.check);
        assert_eq!(found, expected, "{}: {}", self.rule, show(verdict));
    }
}

/// The last statement, seen by the log at this hour, in place of the copy that is there, or beside it.
fn recorded(world: &mut World, at: i64, is_alone: bool) {
    let now = world.now;
    world.now = hour(at);
    if is_alone {
        world.record_only("tester");
    } else {
        world.record_again("tester");
    }
    world.now = now;
}

#[test]
fn a_no_counts_whatever_is_wrong_with_its_time() {
    for age in ["", "maxAge: 5h,"] {
        for case in cases(age) {
            case.assert(&case.judged(|_, _| {}), Outcome::Ok);
            // Without a time, of the future, and later than its own proof.
            let untimed = case.judged(|world, case| case.no(world, "tester", None));
            let ahead = case.judged(|world, case| case.no(world, "tester", Some(11)));
            let contradicted = case.judged(|world, case| {
                case.no(world, "tester", Some(11));
                recorded(world, 9, true);
            });
            for verdict in [untimed, ahead, contradicted] {
                case.assert(&verdict, DENIED);
            }
        }
    }
}

#[test]
fn where_proof_is_demanded_a_no_needs_none() {
    for case in cases("maxAge: 5h,") {
        let verdict = |no: bool| {
            case.judged(|world, case| {
                world.edit(
                    "release.yaml",
                    "high: {claimedTime: allow}",
                    "high: {claimedTime: deny}",
                );
                recorded(world, 8, true);
                if no {
                    case.no(world, "tester", Some(9));
                }
            })
        };
        case.assert(&verdict(false), Outcome::Ok);
        case.assert(&verdict(true), DENIED);
    }
}

#[test]
fn a_key_whose_time_is_over_says_no_and_no_yes() {
    for case in cases("maxAge: 5h,") {
        let ended = |world: &mut World, case: &Case| {
            // Another key says yes as well.
            let more = "  tester:\n    - notAfter: 2026-03-02T18:30:00Z\n      key: ";
            world.edit("release.yaml", "  tester:\n    - key: ", more);
            let by = case.rule.replace("[tester]", "[tester, builder]");
            world.edit("release.yaml", &case.rule, &by);
            world.attest_at("builder", case.kind, &case.yes, Some(hour(8)));
        };
        case.assert(&case.judged(ended), Outcome::Ok);
        let verdict = case.judged(|world, case| {
            ended(world, case);
            case.no(world, "tester", Some(9));
        });
        case.assert(&verdict, DENIED);
    }
}

#[test]
fn a_no_of_before_the_step_counts_however_late_it_is_recorded() {
    for case in cases("maxAge: 5h,") {
        let verdict = |said: i64| {
            let mut world = case.world(|world, _| {
                world.promote("dev");
            });
            world.now = hour(12);
            case.no(&mut world, "tester", Some(said));
            recorded(&mut world, 12, true);
            world.verify("dev")
        };
        case.assert(&verdict(9), DENIED);
        // What was said after it was taken evicts nothing.
        case.assert(&verdict(11), Outcome::Ok);
    }
}

#[test]
fn a_no_that_is_surely_too_old_is_over_and_nobody_makes_it_young() {
    for case in cases("maxAge: 5h,") {
        let old = |world: &mut World, case: &Case| case.no(world, "tester", Some(2));
        case.assert(&case.judged(old), Outcome::Ok);
        for is_alone in [false, true] {
            let verdict = case.judged(|world, case| {
                old(world, case);
                recorded(world, 10, is_alone);
            });
            case.assert(&verdict, Outcome::Ok);
        }
        // That a log saw it long ago is as good as a word, also where a copy lost its entry.
        let verdict = case.judged(|world, case| {
            case.no(world, "tester", None);
            recorded(world, 2, false);
        });
        case.assert(&verdict, Outcome::Ok);
        // One that says yes is no yes for that.
        let mut world = asking(&case.rule);
        world.take("tester tests");
        world.attest_at("tester", case.kind, &case.yes, Some(hour(2)));
        world.now = hour(10);
        case.assert(&world.judge("dev", None).0, Outcome::Failed(Cause::Expired));
    }
}

#[test]
fn no_copy_of_a_no_moves_it() {
    // A no, then a yes; nobody hides or revives the former with copies of it.
    for case in cases("")
        .into_iter()
        .filter(|case| !case.rule.contains("all"))
    {
        if case.check == "sbom" {
            continue;
        }
        for (said, expected) in [(7, Outcome::Ok), (9, DENIED)] {
            for records in [&[][..], &[said], &[10], &[said, 10], &[10, said]] {
                let verdict = case.judged(|world, case| {
                    case.no(world, "tester", Some(said));
                    for at in records {
                        recorded(world, *at, false);
                    }
                });
                case.assert(&verdict, expected);
            }
        }
    }
}

#[test]
fn strangers_and_other_images_say_no_in_vain() {
    for case in cases("maxAge: 5h,") {
        let verdict = case.judged(|world, case| {
            for who in ["mallory", "builder"] {
                case.no(world, who, None);
                case.no(world, who, Some(9));
                case.no(world, who, Some(11));
            }
            let other = bulla_model::ResourceDescriptor::of(Digest::sha256(b"another image"));
            world.attest_about("tester", case.kind, &case.no, &[other]);
        });
        case.assert(&verdict, Outcome::Ok);
    }
}

#[test]
fn no_age_bounds_what_may_be_missing() {
    for age in ["", "maxAge: 5h,"] {
        for case in cases(age) {
            case.assert(&case.judged(|world, _| world.truncated = true), UNKNOWN);
            let verdict = case.judged(|world, case| {
                case.no(world, "tester", None);
                world.truncated = true;
            });
            case.assert(&verdict, DENIED);
        }
    }
}

#[test]
fn a_document_that_is_gone_may_say_no_whatever_its_time() {
    let digest = Digest::sha256(b"gone");
    let named =
        json!({"mediaType": "application/vnd.cyclonedx+json", "digest": {"sha256": digest.hex()}});
    let predicate = json!({"attester": {"id": "x:y"}, "references": [named]});
    let condition = |matching: &str| {
        format!(
            "conditions: [{{name: bill, type: cyclonedx, by: [builder], match: {matching}, maxAge: 20h, cel: 'size(predicate.components) > 0'}}]"
        )
    };
    let rules = [
        ("conditions", condition("all")),
        ("conditions", condition("newest")),
        (
            "sbom",
            "sbom: {by: [builder], maxAge: 20h, deny: {packages: ['pkg:npm/evil']}}".to_owned(),
        ),
    ];
    for (check, rule) in rules {
        for (who, at, expected) in [
            ("builder", Some(9), UNKNOWN),
            ("builder", None, UNKNOWN),
            ("builder", Some(11), UNKNOWN),
            ("builder", Some(-11), Outcome::Ok),
            ("mallory", None, Outcome::Ok),
        ] {
            let mut world = asking(&rule);
            world.take("builder sbom");
            world.attest_at("builder", CYCLONEDX, &bill("good"), Some(hour(1)));
            world.attest_at(who, reference::TYPE, &predicate, at.map(hour));
            world.now = hour(10);
            let verdict = world.judge("dev", None).0;
            let found = outcome(&verdict, check);
            assert_eq!(found, expected, "{rule} {at:?}: {}", show(&verdict));
        }
    }
}

#[test]
fn what_speaks_against_is_told() {
    for (case, code) in cases("maxAge: 5h,").iter().zip([
        Code::ConditionFailed,
        Code::ConditionFailed,
        Code::TestsFailed,
        Code::TestsFailed,
        Code::PackageDenied,
    ]) {
        let verdict = case.judged(|world, case| case.no(world, "tester", None));
        assert_found(&verdict, code);
    }
}
