//! Verification summaries: which rules read them, and that nothing else does.

use bulla_model::predicate::vsa;
use bulla_verify::Verdict;
use serde_json::json;

use crate::kit::{World, hour};

const BUILT: &str = "provenance: {by: [builder]}";

/// Whether the policy of the tests takes summaries when its steps require this.
fn takes(require: &str) -> bool {
    let mut world = World::empty();
    world.edit("release.yaml", BUILT, require);
    world.parsed().takes_summaries()
}

#[test]
fn each_rule_that_reads_summaries_asks_for_them() {
    assert!(!takes(BUILT));
    assert!(!takes(
        "provenance: {by: [builder], refs: [refs/heads/main]}"
    ));
    let source =
        "provenance: {by: [builder], sourceVsa: {by: [tester], levels: [SLSA_SOURCE_LEVEL_3]}}";
    assert!(takes(source));
    let summed =
        "buildVsa: {by: [tester], verifier: 'https://v.example', resources: ['oci://r/**']}";
    assert!(takes(&format!(
        "provenance: {{by: [builder], level: 3, {summed}}}"
    )));
    let condition = |kind: &str| {
        takes(&format!(
            "conditions: [{{name: it, type: '{kind}', by: [tester], cel: 'true'}}]"
        ))
    };
    assert!(condition(vsa::TYPE));
    assert!(!condition("https://example.test/looked-at/v1"));
}

#[test]
fn rules_of_services_and_of_earlier_versions_ask_for_them_too() {
    let source =
        "provenance: {by: [builder], sourceVsa: {by: [tester], levels: [SLSA_SOURCE_LEVEL_3]}}";
    let mut world = World::empty();
    let tighten = format!("tier: high\ntighten:\n  - to: prod\n    require: {{{source}}}");
    world.edit("services/pay-api.yaml", "tier: high", &tighten);
    assert!(world.parsed().takes_summaries());

    let mut world = World::empty();
    world.edit("release.yaml", BUILT, source);
    world.next_policy();
    world.edit("release.yaml", source, BUILT);
    assert!(world.parsed().takes_summaries());
}

/// All that a verdict says but for the number of attestations, which counts whatever is there.
fn said(mut verdict: Verdict) -> String {
    verdict.attestations = 0;
    serde_json::to_string(&verdict).unwrap()
}

#[test]
fn without_such_a_rule_no_verdict_depends_on_a_summary() {
    for result in ["PASSED", "FAILED"] {
        for mut world in [
            World::built(),
            World::staged(),
            World::approved(),
            World::journey(),
        ] {
            let summary = json!({
                "verifier": {"id": "https://bulla.dev/verifier"},
                "timeVerified": hour(1).to_string(),
                "resourceUri": "oci://registry.example.test/pay/api",
                "policy": {"uri": "https://example.test/policy"},
                "verificationResult": result,
                "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
            });
            let answers = |world: &World| {
                let held = ["dev", "staging", "prod"].map(|name| said(world.verify(name)));
                let next = ["dev", "staging", "prod"].map(|name| said(world.judge(name, None).0));
                (held, next)
            };
            let without = answers(&world);
            for who in ["builder", "promoter", "tester", "alice", "mallory"] {
                world.attest(who, vsa::TYPE, &summary);
            }
            world.attest("promoter", vsa::TYPE, &json!({"not": "one"}));
            assert_eq!(answers(&world), without);
        }
    }
}
