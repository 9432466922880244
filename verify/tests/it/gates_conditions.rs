//! Conditions: expressions that statements by somebody who is named have to fulfil.

use serde_json::{Value, json};

use bulla_model::predicate::{CYCLONEDX, reference, slsa_provenance};
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::{Cause, Code, Document, Outcome, Policy, Verdict};

use crate::gates::{asking, outcome, refused, require};
use crate::kit::{World, assert_exit, assert_found, hour, show, tampered};

/// What a tester says; of no type that Bulla knows.
pub(crate) const LOOKED: &str = "https://example.test/looked-at/v1";

/// A condition on what the tester looked at.
pub(crate) fn condition(more: &str, cel: &str) -> String {
    format!(
        "conditions: [{{name: looked at, type: '{LOOKED}', by: [tester], {more} cel: '{cel}'}}]"
    )
}

pub(crate) fn looked(world: &mut World, who: &str, predicate: &Value, at: i64) {
    world.attest_at(who, LOOKED, predicate, Some(hour(at)));
}

/// The step into dev, at hour 10.
fn judged(requirement: &str, change: impl Fn(&mut World)) -> Verdict {
    let mut world = asking(requirement);
    change(&mut world);
    world.now = hour(10);
    world.judge("dev", None).0
}

/// The step with this condition, of what the tester said at these hours.
pub(crate) fn said(more: &str, cel: &str, all: &[(Value, i64)]) -> Verdict {
    judged(&condition(more, cel), |world| {
        for (predicate, at) in all {
            looked(world, "tester", predicate, *at);
        }
    })
}

#[test]
fn what_holds_is_let_through_and_what_does_not_is_not() {
    let cel = "predicate.score >= 7 && predicate.by.all(who, who in [\"ann\", \"bo\"])";
    let good = json!({"score": 7.5, "by": ["ann"]});
    assert_exit(&said("", cel, &[(good, 1)]), 0);
    for (predicate, code) in [
        (json!({"score": 6, "by": ["ann"]}), Code::ConditionFailed),
        (json!({"score": 7, "by": ["eve"]}), Code::ConditionFailed),
        (json!({"by": ["ann"]}), Code::ConditionError),
        (json!({"score": "9", "by": ["ann"]}), Code::ConditionError),
        (json!({"score": 7, "by": 1}), Code::ConditionError),
        (json!(null), Code::ConditionError),
        (json!([7]), Code::ConditionError),
    ] {
        let verdict = said("", cel, &[(predicate, 1)]);
        assert_exit(&verdict, 1);
        assert_found(&verdict, code);
    }
    let verdict = said("", cel, &[]);
    assert_exit(&verdict, 10);
    assert_found(&verdict, Code::ConditionMissing);
    // No truth is no yes, whatever it is.
    for held in [json!("true"), json!(1), json!([true]), json!(null)] {
        let verdict = said("", "predicate.ok", &[(json!({"ok": held}), 1)]);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::ConditionError);
    }
    assert_exit(&said("", "predicate.ok", &[(json!({"ok": true}), 1)]), 0);
}

#[test]
fn every_condition_has_to_hold() {
    let both = |second: &str| {
        let first = condition("", "predicate.a == 1");
        let first = first.trim_end_matches(']');
        format!("{first}, {{name: other, type: '{LOOKED}', by: [tester], cel: '{second}'}}]")
    };
    for (second, exit) in [
        ("predicate.b == 2", 0),
        ("predicate.b == 3", 1),
        ("predicate.c", 1),
    ] {
        let verdict = judged(&both(second), |world| {
            looked(world, "tester", &json!({"a": 1, "b": 2}), 1);
        });
        assert_exit(&verdict, exit);
        let checks = verdict.checks.iter().filter(|one| one.name == "conditions");
        assert_eq!(checks.count(), 2);
    }
}

#[test]
fn one_is_enough_or_none_may_fail_or_the_newest_decides() {
    let yes = json!({"ok": true});
    let no = json!({"ok": false});
    let odd = json!({});
    for (more, all, exit) in [
        ("", vec![(no.clone(), 5), (yes.clone(), 1)], 0),
        ("match: any,", vec![(odd.clone(), 5), (yes.clone(), 1)], 0),
        ("match: any,", vec![(no.clone(), 5), (odd.clone(), 1)], 1),
        ("match: all,", vec![(yes.clone(), 5), (yes.clone(), 1)], 0),
        ("match: all,", vec![(no.clone(), 1), (yes.clone(), 5)], 1),
        ("match: all,", vec![(odd.clone(), 1), (yes.clone(), 5)], 1),
        ("match: all,", vec![], 10),
        ("match: newest,", vec![(no.clone(), 1), (yes.clone(), 5)], 0),
        (
            "match: newest,",
            vec![(odd.clone(), 1), (yes.clone(), 5)],
            0,
        ),
        // F36: what was so before hides nothing newer.
        ("match: newest,", vec![(yes.clone(), 1), (no.clone(), 5)], 1),
        (
            "match: newest,",
            vec![(yes.clone(), 1), (odd.clone(), 5)],
            1,
        ),
        ("match: newest,", vec![(yes.clone(), 5), (no.clone(), 5)], 1),
        // What is too old does not count either way.
        (
            "match: all, maxAge: 6h,",
            vec![(no.clone(), 1), (yes.clone(), 5)],
            0,
        ),
        ("match: newest, maxAge: 4h,", vec![(yes.clone(), 5)], 14),
        ("maxAge: 4h,", vec![(yes.clone(), 5)], 14),
        ("maxAge: 5h,", vec![(yes.clone(), 5)], 0),
    ] {
        let verdict = said(more, "predicate.ok", &all);
        assert_eq!(
            verdict.exit_code(),
            exit,
            "{more} {all:?}: {}",
            show(&verdict)
        );
    }
}

#[test]
fn what_says_no_time_may_be_the_newest() {
    for more in ["match: newest,", "match: newest, maxAge: 9h,"] {
        let verdict = |untimed: bool| {
            judged(&condition(more, "predicate.ok"), |world| {
                looked(world, "tester", &json!({"ok": true}), 5);
                world.attest_at("tester", LOOKED, &json!({"ok": untimed}), None);
            })
        };
        assert_exit(&verdict(false), 1);
        assert_exit(&verdict(true), 0);
    }
}

#[test]
fn strangers_and_other_images_decide_nothing() {
    let junk = |world: &mut World| {
        let no = json!({"ok": false});
        for who in ["mallory", "builder", "promoter"] {
            looked(world, who, &no, 5);
            looked(world, who, &json!({"ok": {"deep": [[[[[[]]]]]]}}), 6);
        }
        let other = ResourceDescriptor::of(Digest::sha256(b"another image"));
        world.attest_about("tester", LOOKED, &no, &[other]);
        let bundle = tampered(&world.evidence.first().unwrap().bundle, "github", "gitlab");
        world.add("tampered", bundle);
    };
    for matching in ["any", "all", "newest"] {
        let rule = condition(&format!("match: {matching},"), "predicate.ok");
        let clean = judged(&rule, |world| {
            looked(world, "tester", &json!({"ok": true}), 1);
        });
        let dirty = judged(&rule, |world| {
            looked(world, "tester", &json!({"ok": true}), 1);
            junk(world);
        });
        assert_exit(&clean, 0);
        assert_exit(&dirty, 0);
        let denied = judged(&rule, |world| {
            looked(world, "tester", &json!({"ok": false}), 1);
            junk(world);
            // Nobody who is not named says yes.
            looked(world, "mallory", &json!({"ok": true}), 7);
        });
        assert_exit(&denied, 1);
    }
    let untrusted = judged(&condition("", "predicate.ok"), |world| {
        looked(world, "builder", &json!({"ok": true}), 1);
    });
    assert_exit(&untrusted, 11);
}

#[test]
fn what_may_be_missing_is_not_known() {
    let unknown = Outcome::Failed(Cause::Undetermined);
    let denied = Outcome::Failed(Cause::Denied);
    for (more, ok, expected) in [
        ("", true, Outcome::Ok),
        ("", false, unknown),
        ("match: all,", true, unknown),
        ("match: all, maxAge: 9h,", true, unknown),
        ("match: all,", false, denied),
        ("match: newest,", true, unknown),
        ("match: newest, maxAge: 9h,", true, unknown),
        ("match: newest, maxAge: 9h,", false, denied),
        ("maxAge: 1h,", true, unknown),
    ] {
        let verdict = judged(&condition(more, "predicate.ok"), |world| {
            looked(world, "tester", &json!({"ok": ok}), 2);
            world.truncated = true;
        });
        assert_eq!(
            outcome(&verdict, "conditions"),
            expected,
            "{more} {}",
            show(&verdict)
        );
    }
}

#[test]
fn a_document_that_is_elsewhere_may_say_no() {
    let rule = |matching: &str| {
        format!(
            "conditions: [{{name: bill, type: cyclonedx, by: [builder], match: {matching}, cel: 'size(predicate.components) > 0'}}]"
        )
    };
    let document = br#"{"bomFormat":"CycloneDX","components":[]}"#;
    let refer = |world: &mut World| {
        let digest = Digest::sha256(document);
        let named = json!({"mediaType": "application/vnd.cyclonedx+json", "digest": {"sha256": digest.hex()}});
        let predicate = json!({"attester": {"id": "x:y"}, "references": [named]});
        world.attest("builder", reference::TYPE, &predicate);
    };
    // The kit's own bill lists something.
    for (matching, expected) in [
        ("any", Outcome::Ok),
        ("all", Outcome::Failed(Cause::Undetermined)),
        ("newest", Outcome::Failed(Cause::Undetermined)),
    ] {
        let verdict = judged(&rule(matching), refer);
        assert_eq!(
            outcome(&verdict, "conditions"),
            expected,
            "{matching} {}",
            show(&verdict)
        );
    }
    // Once it is there it is asked like any other, and lists nothing.
    for (matching, exit) in [("any", 0), ("all", 1), ("newest", 1)] {
        let verdict = judged(&rule(matching), |world| {
            refer(world);
            let found = Document::Bytes(document.as_slice().into());
            world.documents.insert(Digest::sha256(document), found);
        });
        assert_exit(&verdict, exit);
    }
}

#[test]
fn an_expression_sees_the_statement_its_signer_and_the_step() {
    for (cel, exit) in [
        (format!("statement.type == \"{LOOKED}\""), 0),
        (
            format!(
                "statement.subjects[0].digest.sha256 == \"{}\"",
                crate::kit::image().hex()
            ),
            0,
        ),
        (
            "statement.issued == timestamp(\"2026-03-02T14:00:00Z\")".into(),
            0,
        ),
        ("step.at - statement.issued == duration(\"5h\")".into(), 0),
        (
            "!statement.proven && signer.kind == \"key\" && signer.keyId.startsWith(\"sha256:\")"
                .into(),
            0,
        ),
        (
            "step.service == \"pay-api\" && step.tier == \"high\" && step.to == \"dev\"".into(),
            0,
        ),
        ("step.kind == \"promote\" && !has(step.from)".into(), 0),
        ("signer.issuer == \"https://i.example\"".into(), 1),
        ("step.tier == \"low\"".into(), 1),
    ] {
        let verdict = said("", &cel, &[(json!({}), 5)]);
        assert_eq!(verdict.exit_code(), exit, "{cel}: {}", show(&verdict));
    }
    // A time that nothing tells is not there.
    let verdict = judged(
        &condition("", "has(statement.issued) || statement.issued < step.at"),
        |world| {
            world.attest_at("tester", LOOKED, &json!({}), None);
        },
    );
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ConditionError);
}

#[test]
fn a_later_record_makes_nothing_younger() {
    // Somebody else has the same statement recorded anew, hours later.
    let rule = condition("", "step.at - statement.issued <= duration(\"2h\")");
    let verdict = |hours: i64, alone: bool| {
        let mut world = asking(&rule);
        looked(&mut world, "tester", &json!({}), hours);
        world.now = hour(10);
        if alone {
            world.record_only("tester");
        } else {
            world.record_again("tester");
        }
        world.judge("dev", None).0
    };
    for alone in [false, true] {
        assert_exit(&verdict(8, alone), 0);
        assert_exit(&verdict(7, alone), 1);
    }
}

#[test]
fn what_was_taken_back_counts_for_nothing() {
    for matching in ["any", "all", "newest"] {
        let rule = condition(&format!("match: {matching},"), "predicate.ok");
        let mut world = World::with_release_owner(|world| require(world, &rule));
        world.provenance();
        looked(&mut world, "tester", &json!({"ok": true}), 1);
        let bytes = crate::kit::payload(&world.evidence.last().unwrap().bundle);
        world.now = hour(10);
        assert_ne!(
            outcome(&world.judge("dev", None).0, "conditions"),
            Outcome::Failed(Cause::Expired)
        );
        let target = json!({"kind": "attestation", "payload": Digest::sha256(&bytes)});
        world.revoke("security", &[target]);
        let verdict = world.judge("dev", None).0;
        assert_eq!(
            outcome(&verdict, "conditions"),
            Outcome::Failed(Cause::Expired),
            "{}",
            show(&verdict)
        );
        assert_found(&verdict, Code::ConditionMissing);
    }
}

#[test]
fn a_step_is_judged_by_the_version_it_names() {
    let mut world = asking(&condition("", "predicate.level >= 1"));
    looked(&mut world, "tester", &json!({"level": 1}), 1);
    world.promote("dev");
    world.next_policy();
    world.edit(
        "release.yaml",
        "predicate.level >= 1",
        "predicate.level >= 2",
    );
    world.now = hour(10);
    assert_exit(&world.verify("dev"), 0);
    // A step that is not taken yet is asked by the current one.
    assert_exit(&world.judge("dev", None).0, 1);
    // What was said after the step helps it no more.
    let mut late = asking(&condition("", "predicate.level >= 1"));
    late.promote("dev");
    late.now = hour(9);
    looked(&mut late, "tester", &json!({"level": 1}), 9);
    late.now = hour(10);
    assert_ne!(late.verify("dev").exit_code(), 0);
}

#[test]
fn a_service_may_add_conditions() {
    let verdict = |level: u8| {
        let mut world = World::built();
        let rule = condition("", "predicate.level >= 2");
        let more = format!(
            "sources: [\"https://github.com/acme/pay\"]\ntighten: [{{to: dev, require: {{{rule}}}}}]"
        );
        world.edit(
            "services/pay-api.yaml",
            "sources: [\"https://github.com/acme/pay\"]",
            &more,
        );
        looked(&mut world, "tester", &json!({"level": level}), 1);
        world.now = hour(10);
        world.judge("dev", None).0
    };
    assert_exit(&verdict(2), 0);
    assert_exit(&verdict(1), 1);
}

#[test]
fn both_spellings_of_provenance_are_meant() {
    let rule = "conditions: [{name: built, type: slsaprovenance1, by: [builder], cel: 'predicate.buildDefinition.buildType.startsWith(\"https://example.test/\")'}]";
    assert_exit(&judged(rule, |_| {}), 0);
    let verdict = judged(rule, |world| {
        world.take("builder provenance");
        let predicate =
            crate::kit::provenance("https://github.com/acme/pay", &["dave@acme.example"]);
        world.attest_at(
            "builder",
            slsa_provenance::TYPE_V1_0,
            &predicate,
            Some(hour(1)),
        );
    });
    assert_exit(&verdict, 0);
    let bills = "conditions: [{name: bill, type: cyclonedx, by: [builder], cel: 'predicate.components.exists(one, one.name == \"zlib\")'}]";
    let verdict = judged(bills, |world| {
        let taken = world.take("builder sbom");
        assert_eq!(taken.len(), 1);
        let kind = format!("{CYCLONEDX}/v1.6");
        let predicate =
            json!({"bomFormat": "CycloneDX", "components": [{"type": "library", "name": "zlib"}]});
        world.attest("builder", &kind, &predicate);
    });
    assert_exit(&verdict, 0);
}

#[test]
fn too_much_work_is_no_answer() {
    let list: Vec<u32> = (0..3000).collect();
    let long = json!({"list": list, "ok": true});
    let loops = "predicate.list.all(a, predicate.list.all(b, a + b >= 0)) && predicate.ok";
    for (more, exit) in [("", 3), ("match: all,", 3), ("match: newest,", 3)] {
        let verdict = said(more, loops, &[(long.clone(), 5)]);
        assert_exit(&verdict, exit);
        assert_found(&verdict, Code::ConditionError);
    }
    // Another one may say yes all the same, and one that says no stays a no.
    let short = |ok: bool| json!({"list": [1], "ok": ok});
    assert_exit(&said("", loops, &[(long.clone(), 5), (short(true), 4)]), 0);
    assert_exit(
        &said(
            "match: all,",
            loops,
            &[(long.clone(), 5), (short(false), 4)],
        ),
        1,
    );
    assert_exit(&said("", loops, &[(long, 5), (short(false), 4)]), 3);
}

#[test]
fn slips_are_refused_with_their_place() {
    for (rule, reason) in [
        ("conditions: []", "`conditions` has none"),
        (
            "conditions: [{name: a, by: [tester], cel: 'true'}]",
            "missing field `type`",
        ),
        ("conditions: [{name: a, type: vsa, by: [tester]}]", "cel"),
        (
            "conditions: [{name: a, type: vsa, by: [tester], cel: 'true', x: 1}]",
            "unknown field `x`",
        ),
        (
            "conditions: [{name: a, type: vsa, by: [], cel: 'true'}]",
            "`by` is empty",
        ),
        (
            "conditions: [{name: a, type: vsa, by: [nobody], cel: 'true'}]",
            "no identity `nobody`",
        ),
        (
            "conditions: [{name: a, type: vsaa, by: [tester], cel: 'true'}]",
            "`vsaa` is no predicate type",
        ),
        (
            "conditions: [{name: a, type: approval, by: [tester], cel: 'true'}]",
            "`approval` binds a step",
        ),
        (
            "conditions: [{name: a, type: 'https://bulla.dev/x/v1', by: [tester], cel: 'true'}]",
            "binds a step",
        ),
        (
            "conditions: [{name: '', type: vsa, by: [tester], cel: 'true'}]",
            "`name` has 1 to 100",
        ),
        (
            "conditions: [{name: \"a\\nb\", type: vsa, by: [tester], cel: 'true'}]",
            "`name` has 1 to 100",
        ),
        (
            "conditions: [{name: a, type: vsa, by: [tester], cel: 'true', match: most}]",
            "unknown variant",
        ),
        (
            "conditions: [{name: a, type: vsa, by: [tester], cel: 'predicate.x =='}]",
            "in `cel`, line 1, column 15",
        ),
        (
            "conditions: [{name: a, type: vsa, by: [tester], cel: 'now() > step.at'}]",
            "no function `now`",
        ),
        (
            "conditions: [{name: a, type: vsa, by: [tester], cel: 'signer.email == \"\"'}]",
            "no `email` here",
        ),
        (
            "conditions: [{name: a, type: vsa, by: [tester], cel: 'statement.type'}]",
            "never true or false",
        ),
    ] {
        let error = refused(rule);
        assert!(error.contains(reason), "{rule}: {error}");
        assert!(error.starts_with("release.yaml:"), "{error}");
    }
    let twice = condition("", "true");
    let twice = twice
        .trim_end_matches(']')
        .trim_start_matches("conditions: [");
    let error = refused(&format!("conditions: [{twice}, {twice}]"));
    assert!(
        error.contains("two conditions are called `looked at`"),
        "{error}"
    );
    let many: Vec<_> = (0..65)
        .map(|n| format!("{{name: n{n}, type: vsa, by: [tester], cel: 'true'}}"))
        .collect();
    let error = refused(&format!("conditions: [{}]", many.join(", ")));
    assert!(error.contains("65 conditions, the limit is 64"), "{error}");
}

#[test]
fn patterns_are_bounded_for_the_policy_as_a_whole() {
    let conditions = |count: usize| {
        let one = |n: usize| {
            format!(
                "{{name: n{n}, type: vsa, by: [tester], cel: 'predicate.x.matches(\"^[a-z]{{4000}}N$\")'}}"
            )
        };
        let all: Vec<_> = (0..count).map(one).collect();
        format!("conditions: [{}]", all.join(", "))
    };
    asking(&conditions(16)).parsed();
    let error = refused(&conditions(64));
    assert!(error.contains("more than 16 MiB"), "{error}");
    // What a service adds, and tickets, are among them.
    let mut world = asking(&conditions(16));
    let tickets: Vec<_> = (0..32).map(|n| format!("'[a-z]{{4000}}{n}'")).collect();
    let rule = format!("tickets: {{regex: [{}]}}", tickets.join(", "));
    let source = "sources: [\"https://github.com/acme/pay\"]";
    let more = format!("{source}\ntighten: [{{to: dev, require: {{{rule}}}}}]");
    world.edit("services/pay-api.yaml", source, &more);
    let error = Policy::parse(&world.files, &world.limits).unwrap_err();
    assert!(error.to_string().contains("more than 16 MiB"), "{error}");
}

#[test]
fn findings_name_the_condition_and_the_statement() {
    let verdict = said(
        "",
        "predicate.ok",
        &[(json!({"ok": false}), 1), (json!({}), 2)],
    );
    assert_found(&verdict, Code::ConditionError);
    assert_found(&verdict, Code::ConditionFailed);
    for finding in verdict
        .findings
        .iter()
        .filter(|one| one.check == "conditions")
    {
        assert!(
            finding.message.contains("`looked at`"),
            "{}",
            finding.message
        );
        assert_eq!(finding.expected.as_deref(), Some("predicate.ok"));
        assert!(finding.manifest.is_some() && finding.place.is_some());
    }
}

#[test]
fn signers_are_seen_with_the_names_that_identities_have() {
    // A name that the schema does not have could not be asked for, and one too many says nothing.
    let certificate = bulla_model::CertificateIdentity {
        issuer: "https://i.example".into(),
        subject: "a@x.example".into(),
        ..bulla_model::CertificateIdentity::default()
    };
    let identity = bulla_model::Identity::Certificate(Box::new(certificate));
    let names = serde_json::to_value(&identity).unwrap();
    let names = names.as_object().unwrap().keys();
    for name in names.map(String::as_str).chain([
        "keyId",
        "sourceRepository",
        "sourceDigest",
        "sourceRef",
        "buildSigner",
        "runnerEnvironment",
        "deploymentEnvironment",
        "buildSignerDigest",
        "sourceRepositoryId",
        "sourceOwner",
        "sourceOwnerId",
        "buildConfig",
        "buildConfigDigest",
        "buildTrigger",
        "runInvocation",
        "sourceVisibility",
        "workflowName",
        "tokenSubject",
    ]) {
        let verdict = said(
            "",
            &format!("!has(signer.{name}) || signer.{name} != \"\""),
            &[(json!({}), 1)],
        );
        assert_exit(&verdict, 0);
    }
}
