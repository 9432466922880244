//! Levels of SLSA's build track: of builders that the policy lists, and by summaries of the artifact.

use serde_json::{Value, json};

use bulla_model::predicate::{slsa_provenance, vsa};
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::{Cause, Code, Outcome, Policy, Verdict};

use crate::gates::outcome;
use crate::kit::{World, assert_exit, assert_found, codes, hour, provenance, show};

const BUILDER: &str = "https://example.test/builder";
const SOURCE: &str = "https://github.com/acme/pay";
const VSA: &str =
    "buildVsa: {by: [tester], verifier: 'https://v.example', resources: ['oci://r/**']}";

/// Built, and the step into dev asks for a level; with these builders.
fn asking(level: &str, builders: &str) -> World {
    let mut world = World::built();
    let rule = "      provenance: {by: [builder]}\n  - from: dev";
    let with = format!("      provenance: {{by: [builder, tester], {level}}}\n  - from: dev");
    world.edit("release.yaml", rule, &with);
    let with = format!("builders: [{builders}]\nedges:\n");
    world.edit("release.yaml", "edges:\n", &with);
    world
}

fn row(id: &str, by: &str, level: u8) -> String {
    format!("{{id: '{id}', by: [{by}], level: {level}}}")
}

#[track_caller]
fn misses(verdict: &Verdict) {
    assert_exit(verdict, 1);
    assert_found(verdict, Code::ProvenanceMismatch);
}

#[test]
fn a_builder_reaches_the_level_that_it_is_trusted_up_to() {
    for (level, asked, exit) in [(3, 3, 0), (3, 2, 0), (2, 2, 0), (2, 3, 1), (1, 2, 1)] {
        let world = asking(&format!("level: {asked}"), &row(BUILDER, "builder", level));
        assert_eq!(
            world.judge("dev", None).0.exit_code(),
            exit,
            "{level} for {asked}"
        );
    }
    // Who is not listed reaches what every provenance does.
    misses(&asking("level: 2", "").judge("dev", None).0);
    assert_exit(&asking("refs: []", "").judge("dev", None).0, 0);
}

#[test]
fn a_builder_is_named_whole() {
    for (id, exit) in [
        ("https://example.test/*", 0),
        ("https://example.test/**", 0),
        ("https://example.test", 1),
        ("https://example.test/build*/x", 1),
        ("*builder", 1),
        ("https://example.test/builder2", 1),
    ] {
        let world = asking("level: 3", &row(id, "builder", 3));
        assert_eq!(world.judge("dev", None).0.exit_code(), exit, "{id}");
    }
}

#[test]
fn a_level_is_of_the_signer_and_the_builder_together() {
    // The tester may sign provenance, and says that the hardened builder built it.
    let mut world = asking("level: 3", &row(BUILDER, "builder", 3));
    let own = world.take("builder provenance");
    let said = provenance(SOURCE, &["dave@acme.example"]);
    world.attest("tester", slsa_provenance::TYPE, &said);
    misses(&world.judge("dev", None).0);
    // Who signs for it signs for no other one.
    let mut other = provenance(SOURCE, &["dave@acme.example"]);
    other["runDetails"]["builder"]["id"] = json!("https://example.test/laptop");
    world.attest("builder", slsa_provenance::TYPE, &other);
    misses(&world.judge("dev", None).0);
    world.evidence.extend(own);
    assert_exit(&world.judge("dev", None).0, 0);
}

#[test]
fn an_exception_counts_wherever_it_is_written() {
    let rows = [
        row("https://example.test/**", "builder", 3),
        row(BUILDER, "builder", 1),
    ];
    for rows in [[&rows[0], &rows[1]], [&rows[1], &rows[0]]] {
        let builders = rows.map(String::as_str).join(", ");
        misses(&asking("level: 2", &builders).judge("dev", None).0);
    }
    // Of another signer it is none.
    let other = [row(BUILDER, "builder", 3), row(BUILDER, "tester", 1)].join(", ");
    assert_exit(&asking("level: 3", &other).judge("dev", None).0, 0);
}

#[test]
fn the_version_that_is_named_says_which_level() {
    let mut world = asking("level: 3", &row(BUILDER, "builder", 3));
    world.promote("dev");
    world.next_policy();
    world.edit("release.yaml", "level: 3}]", "level: 2}]");
    world.now = hour(2);
    assert_exit(&world.verify("dev"), 0);
    misses(&world.judge("dev", None).0);
    // A rule that stands asks the current version.
    let standing = "tighten: [{to: dev, standing: true, require: {provenance: {by: [builder], level: 3}}}]\nedges:\n";
    world.edit("release.yaml", "edges:\n", standing);
    misses(&world.verify("dev"));
}

fn summary() -> Value {
    json!({
        "verifier": {"id": "https://v.example"},
        "timeVerified": hour(1).to_string(),
        "resourceUri": "oci://r/pay",
        "policy": {"uri": "https://v.example/policy"},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
    })
}

type Change<'a> = &'a dyn Fn(&mut Value);

fn summarise(world: &mut World, who: &str, change: Change<'_>) {
    let mut said = summary();
    change(&mut said);
    world.attest(who, vsa::TYPE, &said);
}

fn summed(who: &str, change: Change<'_>) -> Verdict {
    let mut world = asking(&format!("level: 3, {VSA}"), "");
    summarise(&mut world, who, change);
    world.judge("dev", None).0
}

#[test]
fn a_summary_may_vouch_where_the_rule_says_so() {
    assert_exit(&summed("tester", &|_| {}), 0);
    let higher: Change<'_> = &|said| said["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_4"]);
    assert_exit(&summed("tester", higher), 0);
    for who in ["mallory", "builder"] {
        misses(&summed(who, &|_| {}));
    }
    for (place, value) in [
        ("/verifier/id", json!("https://v.example/")),
        ("/resourceUri", json!("oci://other/pay")),
        ("/verificationResult", json!("FAILED")),
        ("/verifiedLevels", json!(["SLSA_BUILD_LEVEL_2"])),
        ("/verifiedLevels", json!(["SLSA_SOURCE_LEVEL_3"])),
        ("/verifiedLevels", json!(["SLSA_BUILD_LEVEL_3", "FAILED"])),
        ("/policy", Value::Null),
    ] {
        let change = |said: &mut Value| *said.pointer_mut(place).unwrap() = value.clone();
        misses(&summed("tester", &change));
    }
    // Nobody asked for it.
    let mut world = asking("level: 3", "");
    summarise(&mut world, "tester", &|_| {});
    misses(&world.judge("dev", None).0);
    // It is of another artifact.
    let mut world = asking(&format!("level: 3, {VSA}"), "");
    let other = ResourceDescriptor::of(Digest::sha256(b"another"));
    world.attest_about("tester", vsa::TYPE, &summary(), &[other]);
    misses(&world.judge("dev", None).0);
}

#[test]
fn no_summary_hides_one_that_says_that_the_artifact_failed() {
    let failed: Change<'_> = &|said| said["verificationResult"] = json!("FAILED");
    let mut world = asking(&format!("level: 3, {VSA}"), "");
    summarise(&mut world, "tester", &|_| {});
    summarise(&mut world, "mallory", failed);
    assert_exit(&world.judge("dev", None).0, 0);
    let mut hidden = asking(&format!("level: 3, {VSA}"), "");
    summarise(&mut hidden, "tester", &|_| {});
    hidden.truncated = true;
    let verdict = hidden.judge("dev", None).0;
    let open = Outcome::Failed(Cause::Undetermined);
    assert_eq!(outcome(&verdict, "provenance"), open, "{}", show(&verdict));
    summarise(&mut world, "tester", failed);
    misses(&world.judge("dev", None).0);
    // What the policy says of the builder needs none.
    let mut listed = asking(&format!("level: 3, {VSA}"), &row(BUILDER, "builder", 3));
    summarise(&mut listed, "tester", failed);
    listed.truncated = true;
    let verdict = listed.judge("dev", None).0;
    assert_eq!(outcome(&verdict, "provenance"), Outcome::Ok);
    assert!(!codes(&verdict).contains(&Code::ProvenanceMismatch));
}

#[test]
fn builders_that_say_nothing_are_refused() {
    for (row, reason) in [
        ("{id: x, by: [builder], level: 4}", "has 1 to 3"),
        ("{id: x, by: [builder], level: 0}", "has 1 to 3"),
        ("{id: '', by: [builder], level: 3}", "`id` is empty"),
        ("{id: x, by: [], level: 3}", "`by` is empty"),
        ("{id: x, by: [x], level: 3}", "no identity `x`"),
        ("{id: x, level: 3}", "missing field"),
        ("{id: x, by: [builder], levels: 3}", "unknown field"),
    ] {
        let world = asking("refs: []", row);
        let error = Policy::parse(&world.files, &world.limits).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

/// What the summaries of a step into dev that is allowed may claim.
#[track_caller]
fn claimed(world: &World) -> Vec<String> {
    let (verdict, draft) = world.judge("dev", None);
    assert_exit(&verdict, 0);
    draft.unwrap().levels
}

#[test]
fn a_promotion_claims_the_build_level_that_was_asked_for_and_found() {
    for (level, asked) in [(3, 3), (3, 2), (2, 2)] {
        let world = asking(&format!("level: {asked}"), &row(BUILDER, "builder", level));
        assert_eq!(claimed(&world), [format!("SLSA_BUILD_LEVEL_{asked}")]);
    }
    // A builder that is trusted up to a level of which no rule asks proves nothing.
    let nobody_asked = asking("refs: []", &row(BUILDER, "builder", 3));
    assert!(claimed(&nobody_asked).is_empty());
    // Who says more, or less, beside it changes nothing.
    let mut world = asking("level: 2", &row(BUILDER, "builder", 2));
    let said = provenance(SOURCE, &["dave@acme.example"]);
    world.attest("tester", slsa_provenance::TYPE, &said);
    summarise(&mut world, "tester", &|_| {});
    assert_eq!(claimed(&world), ["SLSA_BUILD_LEVEL_2"]);
}

#[test]
fn a_promotion_claims_no_build_level_by_the_word_of_others() {
    let mut world = asking(&format!("level: 3, {VSA}"), "");
    summarise(&mut world, "tester", &|_| {});
    assert!(claimed(&world).is_empty());
    let mut world = asking(&format!("level: 3, {VSA}"), &row(BUILDER, "builder", 3));
    summarise(&mut world, "tester", &|_| {});
    assert_eq!(claimed(&world), ["SLSA_BUILD_LEVEL_3"]);
}
