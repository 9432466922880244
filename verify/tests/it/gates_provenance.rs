//! Provenance in depth: source refs, parameters, and summaries of the source commit.

use serde_json::{Value, json};

use bulla_model::predicate::{slsa_provenance, vsa};
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::{Cause, Code, Outcome, Policy, Verdict};

use crate::kit::{World, assert_exit, assert_found, codes, hour, payload, provenance, show};

const COMMIT: &str = "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0";
const SOURCE: &str = "https://github.com/acme/pay";
const VSA: &str = "sourceVsa: {by: [tester], levels: [SLSA_SOURCE_LEVEL_3]}";

/// Built, and the step into dev takes this of provenance besides.
fn asking(more: &str) -> World {
    let mut world = World::built();
    require(&mut world, more);
    world
}

fn require(world: &mut World, more: &str) {
    let rule = "      provenance: {by: [builder]}\n  - from: dev";
    let with = format!("      provenance: {{by: [builder], {more}}}\n  - from: dev");
    world.edit("release.yaml", rule, &with);
}

fn built_at(uri: &str, more: &str) -> Verdict {
    built(more, |said| {
        said["buildDefinition"]["resolvedDependencies"][0]["uri"] = json!(uri);
    })
}

fn built(more: &str, change: impl Fn(&mut Value)) -> Verdict {
    let mut world = asking(more);
    world.take("builder provenance");
    let mut said = provenance(SOURCE, &["dave@acme.example"]);
    change(&mut said);
    world.attest("builder", slsa_provenance::TYPE, &said);
    world.judge("dev", None).0
}

#[test]
fn the_source_is_built_at_a_ref_that_is_allowed() {
    let refs = "refs: [refs/heads/main, 'refs/tags/v*']";
    for (end, exit) in [
        ("@refs/heads/main", 0),
        ("@refs/tags/v1.2.3", 0),
        (".git#refs/heads/main:cmd", 0),
        ("@refs/heads/main2", 1),
        ("@refs/heads/main#x", 1),
        ("@refs/heads/main@x", 1),
        ("@refs/tags/v1/x", 1),
        ("@main", 1),
        ("", 1),
    ] {
        let verdict = built_at(&format!("git+{SOURCE}{end}"), refs);
        assert_exit(&verdict, exit);
        assert_eq!(
            codes(&verdict).contains(&Code::ProvenanceMismatch),
            exit == 1,
            "{end}"
        );
    }
    // The same repository at another ref could have been the source as well.
    let twice = built(refs, |said| {
        let other = json!({"uri": format!("git+{SOURCE}@refs/heads/evil"), "digest": {"gitCommit": COMMIT}});
        said["buildDefinition"]["resolvedDependencies"]
            .as_array_mut()
            .unwrap()
            .push(other);
    });
    assert_exit(&twice, 1);
    let library = built(refs, |said| {
        let other = json!({"uri": "git+https://github.com/other/lib@refs/heads/x", "digest": {"gitCommit": COMMIT}});
        said["buildDefinition"]["resolvedDependencies"]
            .as_array_mut()
            .unwrap()
            .push(other);
    });
    assert_exit(&library, 0);
}

#[test]
fn parameters_are_what_is_asked_for() {
    let more = "parameters: {/workflow/ref: 'refs/heads/*', /debug: 'false', /n: '3'}";
    let fine = json!({"workflow": {"ref": "refs/heads/main"}, "debug": false, "n": 3});
    let with = |parameters: &Value| {
        built(more, |said| {
            said["buildDefinition"]["externalParameters"] = parameters.clone();
        })
    };
    assert_exit(&with(&fine), 0);
    for (pointer, value) in [
        ("/workflow/ref", json!("refs/tags/v1")),
        ("/workflow/ref", json!(["refs/heads/main"])),
        ("/workflow/ref", json!(null)),
        ("/debug", json!(true)),
        ("/n", json!(30)),
        ("/workflow", json!("refs/heads/main")),
    ] {
        let mut other = fine.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        let verdict = with(&other);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::ProvenanceMismatch);
    }
    assert_exit(&with(&json!(null)), 1);
    assert_exit(&with(&json!({})), 1);
}

#[test]
fn one_provenance_has_to_say_all_of_it() {
    let more = "refs: [refs/heads/main], parameters: {/debug: 'false'}";
    let mut world = asking(more);
    world.take("builder provenance");
    let mut first = provenance(SOURCE, &[]);
    first["buildDefinition"]["externalParameters"] = json!({"debug": true});
    let mut second = provenance(SOURCE, &[]);
    second["buildDefinition"]["resolvedDependencies"][0]["uri"] =
        json!(format!("git+{SOURCE}@refs/heads/x"));
    second["buildDefinition"]["externalParameters"] = json!({"debug": false});
    for said in [&first, &second] {
        world.attest("builder", slsa_provenance::TYPE, said);
    }
    let mut third = provenance(SOURCE, &[]);
    third["buildDefinition"]["externalParameters"] = json!({"debug": false});
    world.attest("mallory", slsa_provenance::TYPE, &third);
    assert_exit(&world.judge("dev", None).0, 1);
    world.attest("builder", slsa_provenance::TYPE, &third);
    assert_exit(&world.judge("dev", None).0, 0);
}

type Change<'c> = &'c dyn Fn(&mut Value);

/// A summary of the commit, after a change.
fn summarise(world: &mut World, who: &str, subject: &Value, change: impl Fn(&mut Value)) {
    let mut said = json!({
        "verifier": {"id": "https://source.example.test"}, "timeVerified": hour(0).to_string(),
        "resourceUri": format!("git+{SOURCE}"), "policy": {"uri": "https://source.example.test/policy"},
        "verificationResult": "PASSED", "verifiedLevels": ["SLSA_SOURCE_LEVEL_3"],
    });
    change(&mut said);
    let subject: ResourceDescriptor = serde_json::from_value(subject.clone()).unwrap();
    world.attest_about(who, vsa::TYPE, &said, &[subject]);
}

fn commit() -> Value {
    json!({"uri": format!("{SOURCE}/commit/{COMMIT}"), "digest": {"gitCommit": COMMIT}})
}

#[test]
fn a_summary_says_that_the_commit_reaches_the_level() {
    let with = |who: &str, subject: &Value, change: Change<'_>| {
        let mut world = asking(VSA);
        summarise(&mut world, who, subject, change);
        world.judge("dev", None).0
    };
    assert_exit(&with("tester", &commit(), &|_| {}), 0);
    assert_exit(
        &with("tester", &commit(), &|said| {
            said["verifiedLevels"] = json!(["SLSA_SOURCE_LEVEL_4"]);
        }),
        0,
    );
    let elsewhere = json!({"digest": {"gitCommit": "ab".repeat(20)}});
    let image = json!({"digest": {"sha256": crate::kit::image().hex()}});
    let changes: [(&str, &Value, Change<'_>); 9] = [
        ("builder", &commit(), &|_| {}),
        ("mallory", &commit(), &|_| {}),
        ("tester", &elsewhere, &|_| {}),
        ("tester", &image, &|_| {}),
        ("tester", &commit(), &|said| {
            said["resourceUri"] = json!("git+https://github.com/acme/wiki");
        }),
        ("tester", &commit(), &|said| {
            said["verifiedLevels"] = json!(["SLSA_SOURCE_LEVEL_2"]);
        }),
        ("tester", &commit(), &|said| {
            said["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_3"]);
        }),
        ("tester", &commit(), &|said| {
            said["verifiedLevels"] = json!(["SLSA_SOURCE_LEVEL_3", "FAILED"]);
        }),
        ("tester", &commit(), &|said| {
            said["verificationResult"] = json!("FAILED");
        }),
    ];
    for (index, (who, subject, change)) in changes.into_iter().enumerate() {
        let verdict = with(who, subject, change);
        assert_exit(&verdict, 1);
        assert!(
            codes(&verdict).contains(&Code::ProvenanceMismatch),
            "{index}: {}",
            show(&verdict)
        );
    }
    assert_exit(&asking(VSA).judge("dev", None).0, 1);
}

#[test]
fn several_commits_of_the_source_are_none() {
    let evil = "ab".repeat(20);
    for more in [VSA, "refs: [refs/heads/main]"] {
        for (uri, other, exit) in [
            (SOURCE, COMMIT, 0),
            (SOURCE, evil.as_str(), 1),
            ("ssh://git@github.com/Acme/Pay.git", &evil, 1),
            ("git@github.com:acme/pay", &evil, 1),
            ("https://github.com/acme//pay.GIT", &evil, 1),
            ("https://github.com/acme/pay-lib", &evil, 0),
        ] {
            for is_first in [true, false] {
                let mut world = asking(more);
                world.take("builder provenance");
                summarise(&mut world, "tester", &commit(), |_| {});
                let mut said = provenance(SOURCE, &["dave@acme.example"]);
                let all = said["buildDefinition"]["resolvedDependencies"]
                    .as_array_mut()
                    .unwrap();
                all[0]["uri"] = json!(format!("git+{SOURCE}@refs/heads/main"));
                let other = json!({"uri": format!("git+{uri}"), "digest": {"gitCommit": other}});
                all.insert(usize::from(!is_first), other);
                // A library that comes first is what the service is not built from.
                if is_first && uri != SOURCE {
                    continue;
                }
                // Without a ref it is no source where one is asked for.
                let exit = if is_first && more != VSA { 1 } else { exit };
                world.attest("builder", slsa_provenance::TYPE, &said);
                let verdict = world.judge("dev", None).0;
                assert_exit(&verdict, exit);
            }
        }
    }
}

#[test]
fn a_commit_that_is_only_a_sha1_is_another_one_too() {
    let (evil, place) = ("ab".repeat(20), "https://github.com/acme/pay");
    for more in [VSA, "refs: [refs/heads/main]"] {
        for (other, exit) in [
            (json!({"uri": place, "digest": {"sha1": COMMIT}}), 0),
            (json!({"uri": place, "digest": {"sha1": evil}}), 1),
            (
                json!({"uri": place, "digest": {"sha256": "ab".repeat(32)}}),
                1,
            ),
            (json!({"digest": {"sha1": evil}}), 1),
            (
                json!({"uri": "https://example.com/lib.tgz", "digest": {"sha1": evil}}),
                0,
            ),
        ] {
            let mut world = asking(more);
            world.take("builder provenance");
            summarise(&mut world, "tester", &commit(), |_| {});
            let mut said = provenance(SOURCE, &["dave@acme.example"]);
            let all = &mut said["buildDefinition"]["resolvedDependencies"];
            all[0]["uri"] = json!(format!("git+{SOURCE}@refs/heads/main"));
            all.as_array_mut().unwrap().push(other.clone());
            world.attest("builder", slsa_provenance::TYPE, &said);
            let verdict = world.judge("dev", None).0;
            assert_eq!(verdict.exit_code(), exit, "{other}");
        }
    }
}

#[test]
fn no_summary_hides_that_the_source_failed() {
    let mut world = asking(VSA);
    summarise(&mut world, "tester", &commit(), |said| {
        said["verificationResult"] = json!("FAILED");
    });
    summarise(&mut world, "tester", &commit(), |_| {});
    assert_exit(&world.judge("dev", None).0, 1);
    // However it says so, and wherever it says the repository is; or if nobody can tell.
    let changes: [Change<'_>; 4] = [
        &|said| said["verifiedLevels"] = json!(["FAILED"]),
        &|said| {
            said["verificationResult"] = json!("FAILED");
            said["resourceUri"] = json!("ssh://git@github.com/Acme/pay.git");
        },
        &|said| said["timeVerified"] = json!("yesterday"),
        &|said| drop(said.as_object_mut().unwrap().remove("policy")),
    ];
    for change in changes {
        let mut world = asking(VSA);
        summarise(&mut world, "tester", &commit(), |_| {});
        summarise(&mut world, "tester", &commit(), change);
        assert_exit(&world.judge("dev", None).0, 1);
    }
    // A stranger's word is none, also about failure, and neither is it about another commit.
    let mut world = asking(VSA);
    summarise(&mut world, "tester", &commit(), |_| {});
    summarise(&mut world, "mallory", &commit(), |said| {
        said["verificationResult"] = json!("FAILED");
    });
    let elsewhere = json!({"digest": {"gitCommit": "ab".repeat(20)}});
    summarise(&mut world, "tester", &elsewhere, |said| {
        said["verificationResult"] = json!("FAILED");
    });
    let copy = world.evidence.last().cloned().unwrap();
    world.add("copy", copy.bundle);
    assert_exit(&world.judge("dev", None).0, 0);
    // One that says so may be missing.
    world.truncated = true;
    let verdict = world.judge("dev", None).0;
    let outcome = verdict
        .checks
        .iter()
        .find(|check| check.name == "provenance")
        .unwrap()
        .outcome;
    assert_eq!(outcome, Outcome::Failed(Cause::Undetermined));
}

#[test]
fn a_summary_that_was_taken_back_says_nothing() {
    let mut world = World::guarded(1);
    require(&mut world, VSA);
    summarise(&mut world, "tester", &commit(), |_| {});
    let digest = Digest::sha256(&payload(&world.evidence.last().unwrap().bundle));
    world.now = hour(25);
    let misses =
        |world: &World| codes(&world.judge("dev", None).0).contains(&Code::ProvenanceMismatch);
    assert!(!misses(&world), "{}", show(&world.judge("dev", None).0));
    world.revoke(
        "security",
        &[json!({"kind": "attestation", "payload": digest})],
    );
    assert!(misses(&world));
}

#[test]
fn what_entered_by_an_earlier_version_stays() {
    let mut world = World::built();
    world.promote("dev");
    let old = world.files.clone();
    let digest = Policy::parse(&old, &world.limits).unwrap().digest();
    require(&mut world, VSA);
    world.edit("release.yaml", "version: 3", "version: 4");
    world.edit(
        "release.yaml",
        "history: []",
        &format!("history: [{{version: 3, digest: \"{digest}\"}}]"),
    );
    world.files.predecessors.push(old);
    world.now = hour(2);
    assert_exit(&world.verify("dev"), 0);
    assert_exit(&world.judge("dev", None).0, 1);
}

#[test]
fn rules_in_depth_that_say_nothing_are_refused() {
    for (more, reason) in [
        ("parameters: {ref: x}", "no JSON pointer"),
        ("sourceVsa: {by: [tester], levels: []}", "`levels` is empty"),
        (
            "sourceVsa: {by: [tester], levels: [FAILED]}",
            "no level that can be reached",
        ),
        (
            "sourceVsa: {by: [nobody], levels: [SLSA_SOURCE_LEVEL_3]}",
            "no identity `nobody`",
        ),
        ("level: 1", "which every provenance has"),
        ("level: 4", "has 1 to 3"),
        ("level: 0", "has 1 to 3"),
        (
            "buildVsa: {by: [tester], verifier: v, resources: ['**']}",
            "`buildVsa` needs `level`",
        ),
        (
            "level: 3, buildVsa: {by: [tester], verifier: '', resources: ['**']}",
            "`verifier` is empty",
        ),
        (
            "level: 3, buildVsa: {by: [tester], verifier: v, resources: []}",
            "`resources` is empty",
        ),
        (
            "level: 3, buildVsa: {by: [x], verifier: v, resources: ['**']}",
            "no identity `x`",
        ),
        ("levels: [3]", "unknown field"),
    ] {
        let world = asking(more);
        let error = Policy::parse(&world.files, &world.limits)
            .unwrap_err()
            .to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_promotion_claims_the_source_level_that_the_base_asks_for() {
    let claimed = |world: &World| {
        let (verdict, draft) = world.judge("dev", None);
        assert_exit(&verdict, 0);
        draft.unwrap().levels
    };
    let higher: Change<'_> = &|said| {
        said["verifiedLevels"] = json!(["SLSA_SOURCE_LEVEL_4", "ACME_REVIEWED"]);
    };
    let mut world = asking(VSA);
    summarise(&mut world, "tester", &commit(), higher);
    assert_eq!(claimed(&world), ["SLSA_SOURCE_LEVEL_3"]);
    // Levels that are of the commit only, or of another track, are not the image's.
    for level in [
        "ACME_REVIEWED",
        "SLSA_BUILD_LEVEL_3",
        "BULLA_PROMOTED_TO_PROD",
    ] {
        let rule = format!("sourceVsa: {{by: [tester], levels: [{level}]}}");
        let mut world = asking(&rule);
        let levels = json!([level]);
        summarise(&mut world, "tester", &commit(), |said| {
            said["verifiedLevels"] = levels.clone();
        });
        assert!(claimed(&world).is_empty(), "{level}");
    }
    // A service says by itself whose word it takes.
    let mut world = World::built();
    let rule =
        format!("tighten: [{{to: dev, require: {{provenance: {{by: [builder], {VSA}}}}}}}]\n");
    world.edit(
        "services/pay-api.yaml",
        "service:",
        &format!("{rule}service:"),
    );
    assert_exit(&world.judge("dev", None).0, 1);
    summarise(&mut world, "tester", &commit(), |_| {});
    assert!(claimed(&world).is_empty());
}

#[test]
fn a_stranger_changes_nothing_about_provenance_that_cannot_be_read() {
    for by in ["builder", "tester"] {
        let mut world = World::built();
        let rule = "      provenance: {by: [builder]}\n  - from: dev";
        let asks = format!("      provenance: {{by: [{by}]}}\n  - from: dev");
        world.edit("release.yaml", rule, &asks);
        if by == "builder" {
            // Then nothing says which service it is, either.
            world.take("builder provenance");
        }
        world.attest(by, slsa_provenance::TYPE, &json!({"buildDefinition": 3}));
        let before = world.judge("dev", None).0;
        assert_exit(&before, 1);
        assert_found(&before, Code::ProvenanceMissing);
        assert_found(&before, Code::StatementUnusable);
        world.attest("mallory", slsa_provenance::TYPE, &provenance(SOURCE, &[]));
        assert_exit(&world.judge("dev", None).0, 1);
        let cut = world.evidence.last().unwrap().bundle[..40].to_vec();
        world.add("cut", cut);
        assert_exit(&world.judge("dev", None).0, 1);
    }
}
