//! Attacks on the chain: whoever can push to the registry, holds one key, or runs an old policy.

use serde_json::json;

use bulla_model::predicate::{CYCLONEDX, promotion, slsa_provenance, test_result};
use bulla_model::{Digest, Envelope, EnvelopeSignature, ResourceDescriptor, envelope};
use bulla_verify::{Code, SignedTime, State, policy::Actor};

use crate::kit::{
    self, Signer, World, assert_exit, assert_found, codes, hour, payload, tampered, wrap,
};

/// Prod when carol's approval says something else than it should.
fn approved_otherwise(
    change: impl Fn(&mut bulla_model::predicate::Approval),
) -> bulla_verify::Verdict {
    let mut world = World::staged();
    world.approve("alice", "prod");
    world.approve_with("carol", "prod", change);
    world.now = hour(4);
    world.promote("prod");
    world.verify("prod")
}

#[test]
fn an_approval_counts_for_nothing_but_what_it_binds() {
    assert_exit(&approved_otherwise(|_| {}), 0);
    let other = Digest::sha256(b"another");
    let changes: [&dyn Fn(&mut bulla_model::predicate::Approval); 9] = [
        &|said| said.edge.from = Some("env://acme/pay/dev".parse().unwrap()),
        &|said| said.edge.to.uri = "env://acme/pay/prod-us".parse().unwrap(),
        &|said| said.edge.to.audience = vec!["prod-us-1".into()],
        &|said| said.edge.kind = bulla_model::EdgeKind::Hotfix,
        &|said| said.policy.digest = other.clone(),
        &|said| said.policy.version = 2,
        &|said| said.previous = vec![other.clone()],
        &|said| said.previous.clear(),
        &|said| said.service = "wiki".parse().unwrap(),
    ];
    for (number, change) in changes.iter().enumerate() {
        let verdict = approved_otherwise(change);
        assert_ne!(verdict.exit_code(), 0, "change {number}");
        assert_found(&verdict, Code::ApprovalMismatch);
    }
    assert_exit(&approved_otherwise(|said| said.not_after = hour(4)), 14);
    assert_exit(&approved_otherwise(|said| said.issued_at = hour(5)), 1);
}

#[test]
fn an_approval_of_another_image_is_not_carried_over() {
    let mut other = World::staged();
    other.approve("carol", "prod");
    let carol = other.take("carol").remove(0);
    let mut world = World::staged();
    world.approve("alice", "prod");
    let statement = String::from_utf8(payload(&carol.bundle)).unwrap();
    let moved = statement.replace(kit::image().hex(), Digest::sha256(b"other").hex());
    world.add("carol", Signer::named("carol").seal(moved.as_bytes()));
    world.now = hour(4);
    world.promote("prod");
    assert_exit(&world.verify("prod"), 4);
    assert_found(&world.verify("prod"), Code::SubjectMismatch);
}

#[test]
fn two_accounts_of_one_person_count_once() {
    let mut world = World::staged();
    world.approve("alice", "prod");
    world.approve("alice-laptop", "prod");
    world.now = hour(4);
    world.promote("prod");
    assert_exit(&world.verify("prod"), 4);
}

#[test]
fn a_builder_nobody_knows_leaves_separation_unknown() {
    let mut world = World::empty();
    world.edit(
        "people.yaml",
        &kit::policy::key("builder"),
        &kit::policy::key("other-ci"),
    );
    world.provenance();
    world.sbom();
    world.tests();
    let mut world = world.into_staging();
    world.approve("alice", "prod");
    world.approve("carol", "prod");
    world.now = hour(4);
    world.promote("prod");
    let verdict = world.verify("prod");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::SeparationUnknown);
}

#[test]
fn no_environment_is_skipped() {
    let mut world = World::approved();
    world.promote("prod");
    world.take("promoter promotion staging");
    assert_exit(&world.verify("prod"), 1);
    assert_found(&world.verify("prod"), Code::ChainBroken);

    // It follows dev and says so, or says it comes from staging.
    let mut world = World::approved();
    let dev = kit::promotion_in(&world.evidence[3].bundle);
    assert_eq!(dev.edge.to.uri.name(), "dev");
    let first = Digest::sha256(&payload(&world.evidence[3].bundle));
    world.promote_with("prod", |said| {
        said.chain.previous = vec![first.clone()];
        said.chain.sequence = 2;
    });
    assert_exit(&world.verify("prod"), 1);
    assert_found(&world.verify("prod"), Code::ChainBroken);
    let mut world = World::approved();
    world.promote_with("prod", |said| {
        said.edge.from = Some(dev.edge.to.uri.clone());
    });
    assert_exit(&world.verify("prod"), 1);
    assert_found(&world.verify("prod"), Code::EdgeUnknown);
    let mut world = World::approved();
    world.promote_with("prod", |said| said.edge.from = None);
    assert_exit(&world.verify("prod"), 1);
}

#[test]
fn links_that_do_not_hold_break_the_chain() {
    let changes: [&dyn Fn(&mut promotion::Chain); 6] = [
        &|chain| chain.first = Some(Digest::sha256(b"another")),
        &|chain| chain.first = None,
        &|chain| chain.previous.clear(),
        &|chain| {
            chain.previous.push(Digest::sha256(b"missing"));
            chain.previous.sort();
        },
        &|chain| chain.sequence = 1,
        &|chain| chain.sequence = (1 << 53) - 1,
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut world = World::approved();
        world.promote_with("prod", |said| change(&mut said.chain));
        let verdict = world.verify("prod");
        assert_exit(&verdict, 1);
        assert!(
            codes(&verdict).contains(&Code::ChainBroken),
            "change {number}"
        );
    }
    // Another subject beside the image, from there on or up to there.
    let both = [kit::image(), Digest::sha256(b"another image")];
    for (dev, staging, exit) in [(1, 1, 0), (2, 2, 0), (1, 2, 1), (2, 1, 1)] {
        let mut world = World::staged();
        let mut steps = world.take("promoter promotion").into_iter();
        let mut said = || kit::promotion_in(&steps.next().unwrap().bundle);
        let (first, mut next) = (said(), said());
        let first = world.seal_promotion("promoter", "dev", &first, &both[..dev]);
        next.chain.first = Some(first.clone());
        next.chain.previous = vec![first];
        world.seal_promotion("promoter", "staging", &next, &both[..staging]);
        let verdict = world.verify("staging");
        assert_exit(&verdict, exit);
        assert_eq!(codes(&verdict).contains(&Code::ChainBroken), exit == 1);
    }
    // No sequence at all.
    for sequence in [0, u64::MAX] {
        let mut world = World::approved();
        world.promote_with("prod", |said| said.chain.sequence = sequence);
        let verdict = world.verify("prod");
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::StatementUnusable);
    }
}

/// What was approved before the predicates were frozen still counts, where the tier wants that.
#[test]
fn approvals_of_version_0_1_count_unless_the_tier_refuses_drafts() {
    for (drafts, exit) in [("allow", 0), ("deny", 1)] {
        let mut world = World::empty();
        let tier = format!("high: {{claimedTime: allow, draftPredicates: {drafts}}}");
        world.edit("release.yaml", "high: {claimedTime: allow}", &tier);
        world.provenance();
        world.sbom();
        world.tests();
        let mut world = world.into_staging();
        world.approve("alice", "prod");
        world.redraft("alice");
        world.approve("carol", "prod");
        world.now = hour(4);
        world.promote("prod");
        let verdict = world.verify("prod");
        assert_exit(&verdict, exit);
        let found = codes(&verdict).contains(&Code::DraftPredicate);
        assert_eq!(found, drafts == "deny");
    }
}

/// Version 0.1 all the way, as evidence of before: it still holds.
#[test]
fn a_chain_may_begin_in_version_0_1_and_go_on_in_version_1() {
    let mut world = World::empty();
    world.provenance();
    world.sbom();
    world.tests();
    world.now = hour(1);
    world.promote("dev");
    world.redraft("promoter");
    world.now = hour(2);
    world.promote("staging");
    assert_exit(&world.verify("staging"), 0);
    let kinds: Vec<String> = world
        .evidence
        .iter()
        .rev()
        .take(2)
        .map(|entry| String::from_utf8(payload(&entry.bundle)).unwrap())
        .collect();
    assert!(kinds[0].contains("promotion/v1") && kinds[1].contains("promotion/v0.1"));
}

#[test]
fn a_chain_longer_than_the_limit_is_refused() {
    let mut world = World::journey();
    world.limits.chain_length = 3;
    assert_exit(&world.verify("prod"), 0);
    world.limits.chain_length = 2;
    assert_exit(&world.verify("prod"), 1);
    assert_found(&world.verify("prod"), Code::ChainBroken);
}

#[test]
fn a_promotion_older_than_the_one_before_is_refused() {
    let mut world = World::built();
    world.promote("dev");
    world.promote_with("staging", |said| said.issued_at = hour(0));
    world.now = hour(3);
    assert_exit(&world.verify("staging"), 1);
    assert_found(&world.verify("staging"), Code::ChainBroken);
}

#[test]
fn forks_about_different_artifacts_are_refused() {
    let mut world = World::built();
    let slot = Some(Digest::sha256(b"before"));
    world.promote_with("dev", |said| said.slot.previous.clone_from(&slot));
    let mut twin = kit::promotion_in(&world.evidence.last().unwrap().bundle);
    twin.slot.sequence = 2;
    let both = [kit::image(), Digest::sha256(b"another")];
    world.seal_promotion("promoter", "dev", &twin, &both);
    let verdict = world.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ChainForked);
}

#[test]
fn the_service_is_what_the_source_proves_whatever_the_promotion_says() {
    let rename = |service: &str, tier: &str| {
        let mut world = World::staged();
        let (_, draft) = world.judge("prod", None);
        let mut said = world.promotion(draft.unwrap());
        said.service = service.parse().unwrap();
        said.tier = tier.parse().unwrap();
        let binding = world.parsed().binding(&said.service);
        said.policy = binding.unwrap();
        world.seal_promotion("promoter", "prod", &said, &[kit::image()]);
        world.verify("prod")
    };
    for (service, tier) in [("wiki", "low"), ("pay-api", "low")] {
        let verdict = rename(service, tier);
        assert_ne!(verdict.exit_code(), 0);
        assert_eq!(verdict.service.unwrap().as_str(), "pay-api");
    }
    // Two sources of two services are no service at all.
    let mut world = World::journey();
    let wiki = kit::provenance("https://github.com/acme/wiki", &["dave@acme.example"]);
    world.attest("builder", slsa_provenance::TYPE, &wiki);
    assert_exit(&world.verify("prod"), 1);
    assert_found(&world.verify("prod"), Code::ServiceMismatch);
}

#[test]
fn one_signature_is_one_signature() {
    let mut world = World::built();
    let taken = world.take("builder provenance").remove(0);
    let bytes = payload(&taken.bundle);
    let signature = |name: &str| EnvelopeSignature {
        key_id: None,
        signature: Signer::named(name).signature(envelope::IN_TOTO, &bytes),
    };
    let both = vec![signature("mallory"), signature("builder")];
    let twice = Envelope::new(bytes.clone(), envelope::IN_TOTO, both);
    let json: serde_json::Value = serde_json::from_slice(&twice.to_json()).unwrap();
    let mut bundle: serde_json::Value = serde_json::from_slice(&taken.bundle).unwrap();
    bundle["dsseEnvelope"] = json;
    world.add("builder provenance", bundle.to_string().into_bytes());
    assert_exit(&world.verify("dev"), 10);
}

#[test]
fn a_hint_is_never_believed() {
    let mut world = World::built();
    let bytes = payload(&world.take("builder provenance").remove(0).bundle);
    let builder = Signer::named("builder");
    let alice = Signer::named("alice").key_id().hint();
    // Mallory's signature under the builder's name, and the builder's under alice's.
    let forged =
        Signer::named("mallory").seal_as(&bytes, envelope::IN_TOTO, &builder.key_id().hint());
    world.add("forged", forged);
    assert_exit(&world.verify("dev"), 12);
    world.take("forged");
    world.add(
        "misnamed",
        builder.seal_as(&bytes, envelope::IN_TOTO, &alice),
    );
    assert_exit(&world.verify("dev"), 12);
    world.take("misnamed");
    // Without a usable hint every key is tried, and the right one is the signer.
    world.add("unnamed", builder.seal_as(&bytes, envelope::IN_TOTO, ""));
    let mut verified = world.candidates().into_iter();
    assert!(verified.any(|one| {
        one.outcome()
            .is_ok_and(|s| *s.signer() == builder.identity())
    }));
}

#[test]
fn what_is_no_statement_is_no_evidence() {
    let builder = Signer::named("builder");
    let honest = World::built().take("builder provenance").remove(0).bundle;
    let text = String::from_utf8(payload(&honest)).unwrap();
    let about = format!(
        "\"subject\":[{{\"digest\":{{\"sha256\":\"{}\"}}",
        kit::image().hex()
    );
    assert!(text.contains(&about), "{text}");
    let hint = builder.key_id().hint();
    let payloads = [
        (
            "duplicate names",
            text.replacen('{', "{\"predicateType\":\"https://x.example.test\",", 1),
            envelope::IN_TOTO,
        ),
        ("another payload type", text.clone(), "application/json"),
        (
            "another _type",
            text.replace("in-toto.io/Statement/v1", "in-toto.io/Statement/v9"),
            envelope::IN_TOTO,
        ),
        (
            "null subject",
            text.replace(&about, "\"subject\":[null,{\"digest\":{\"sha256\":\"00\"}"),
            envelope::IN_TOTO,
        ),
        (
            "weak digest",
            text.replace("\"sha256\":\"", "\"sha1\":\""),
            envelope::IN_TOTO,
        ),
        (
            "malformed digest",
            text.replace(kit::image().hex(), "00"),
            envelope::IN_TOTO,
        ),
        ("no JSON", "not json".to_owned(), envelope::IN_TOTO),
        (
            "deep",
            format!("{}{}", "[".repeat(1000), "]".repeat(1000)),
            envelope::IN_TOTO,
        ),
    ];
    for (what, bytes, kind) in payloads {
        let mut world = World::built();
        world.take("builder provenance");
        world.add(what, builder.seal_as(bytes.as_bytes(), kind, &hint));
        let verdict = world.verify("dev");
        assert!(
            [10, 13].contains(&verdict.exit_code()),
            "{what}: {}",
            verdict.exit_code()
        );
    }
}

#[test]
fn signatures_over_other_bytes_are_invalid() {
    let mut world = World::built();
    let bundle = world.take("builder provenance").remove(0).bundle;
    world.add(
        "builder provenance",
        tampered(&bundle, "acme/pay", "acme/wiki"),
    );
    assert_exit(&world.verify("dev"), 12);
    world.take("builder provenance");
    let hint = Signer::named("builder").key_id().hint();
    for signature in [vec![0; 64], Vec::new(), vec![1; 63], vec![0xff; 64]] {
        world.add(
            "junk",
            wrap(&payload(&bundle), envelope::IN_TOTO, signature, &hint),
        );
        assert_exit(&world.verify("dev"), 12);
        world.take("junk");
    }
}

/// An environment, a world, and the exit code of its verdict.
type Case = (&'static str, fn() -> World, u8);

#[test]
fn junk_does_not_change_the_answer() {
    let flood = |world: &mut World| {
        let mallory = Signer::named("mallory");
        let builder = Signer::named("builder").key_id().hint();
        for entry in world.evidence.clone() {
            let bytes = payload(&entry.bundle);
            world.add("junk foreign", mallory.seal(&bytes));
            world.add(
                "junk forged",
                mallory.seal_as(&bytes, envelope::IN_TOTO, &builder),
            );
            world.add(
                "junk truncated",
                entry.bundle[..entry.bundle.len() / 2].to_vec(),
            );
        }
        for number in 0..20_u8 {
            world.add("junk bytes", vec![number; 100]);
        }
    };
    let worlds: [Case; 6] = [
        ("prod", World::journey, 0),
        ("prod", World::approved, 1),
        ("dev", World::built, 10),
        (
            "prod",
            || {
                let mut world = World::staged();
                world.promote("prod");
                world
            },
            4,
        ),
        (
            "prod",
            || {
                let mut world = World::approved();
                world.promote_with("prod", |said| said.not_after = Some(hour(5)));
                world.now = hour(5);
                world
            },
            14,
        ),
        (
            "dev",
            || {
                let mut world = World::built();
                world.artifact = Digest::sha256(b"another");
                world
            },
            13,
        ),
    ];
    for (environment, world, exit) in worlds {
        let mut world = world();
        assert_exit(&world.verify(environment), exit);
        flood(&mut world);
        assert_exit(&world.verify(environment), exit);
    }
}

#[test]
fn the_order_of_the_registry_s_list_does_not_matter() {
    let mut world = World::journey();
    world.approve("dave", "prod");
    world.add("junk", b"junk".to_vec());
    let expected = kit::show(&world.verify("prod"));
    // Every rotation, forwards and backwards.
    for _ in 0..world.evidence.len() {
        world.evidence.rotate_left(1);
        assert_eq!(kit::show(&world.verify("prod")), expected);
        world.evidence.reverse();
        assert_eq!(kit::show(&world.verify("prod")), expected);
        world.evidence.reverse();
    }
}

#[test]
fn what_may_be_missing_is_not_absent() {
    let mut world = World::journey();
    world.take("builder sbom");
    assert_exit(&world.verify("prod"), 10);
    world.truncated = true;
    assert_exit(&world.verify("prod"), 3);
    world.truncated = false;
    world
        .unavailable
        .push("sha256:0c4e: answered 500".to_owned());
    assert_exit(&world.verify("prod"), 3);
    // What was seen to fail stays a failure.
    world.attest_at(
        "tester",
        test_result::TYPE,
        &json!({"result": "FAILED", "configuration": []}),
        Some(hour(1)),
    );
    assert_exit(&world.verify("prod"), 1);
}

#[test]
fn the_newest_test_run_cannot_be_known_from_a_part() {
    let mut world = World::empty();
    world.edit(
        "release.yaml",
        "tests: {by: [tester], maxAge: 72h}",
        "tests: {by: [tester]}",
    );
    world.provenance();
    world.sbom();
    world.tests();
    let mut world = world.into_staging();
    assert_exit(&world.verify("staging"), 0);
    world.truncated = true;
    assert_exit(&world.verify("staging"), 3);
    // However young it has to be: a newer one may be what is missing.
    let mut world = World::staged();
    world.truncated = true;
    assert_exit(&world.verify("staging"), 3);
}

#[test]
fn f34_a_policy_is_not_rolled_back_nor_swapped() {
    let mut world = World::built();
    world.promote("dev");
    let mut state = State::default();
    state.remember(&world.parsed());
    world.state = Some(state.clone());
    assert_exit(&world.verify("dev"), 0);
    // An older version, and the same version with other content.
    let mut older = World::empty();
    older.edit("release.yaml", "version: 3", "version: 2");
    older.provenance();
    older.promote("dev");
    assert_exit(&older.verify("dev"), 0);
    older.state = Some(state.clone());
    assert_exit(&older.verify("dev"), 14);
    // Who saw none is told by the anchor.
    older.state = None;
    for (minimum, exit) in [(2, 0), (3, 14)] {
        let owner = kit::policy::key("owner");
        older.anchor = Some(format!(
            "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{owner}]}}\n\
             environments: []\nminimum: {{release: {minimum}}}\n"
        ));
        assert_exit(&older.verify("dev"), exit);
    }
    let mut other = World::empty();
    other.edit("release.yaml", "threshold: 2", "threshold: 1");
    other.provenance();
    other.promote("dev");
    assert_exit(&other.verify("dev"), 0);
    other.state = Some(state);
    assert_exit(&other.verify("dev"), 1);
    assert_found(&other.verify("dev"), Code::PolicyEquivocation);
}

#[test]
fn a_successor_keeps_what_its_predecessor_promoted() {
    let mut world = World::journey();
    world.next_policy();
    world.edit("release.yaml", "threshold: 2", "threshold: 3");
    assert_exit(&world.verify("prod"), 0);
    world.files.predecessors.clear();
    assert_exit(&world.verify("prod"), 3);
    world.edit("release.yaml", "history: [", "history: []\n# ");
    assert_exit(&world.verify("prod"), 1);
    assert_found(&world.verify("prod"), Code::PolicyUnknown);
}

#[test]
fn keys_count_at_a_proven_time_or_at_a_claimed_time_and_now() {
    let mut world = World::empty();
    let windows = format!(
        "      - notAfter: 2026-03-02T12:00:00Z\n        key: {old}\n      - notBefore: 2026-03-02T12:00:00Z\n        key: {new}\n",
        old = kit::policy::key("bob"),
        new = kit::policy::key("bob-2"),
    );
    let bob = format!("      - key: {}\n", kit::policy::key("bob"));
    world.edit("people.yaml", &bob, &windows);
    let policy = world.parsed();
    let who = |name: &str, time| {
        policy
            .people()
            .actor(&Signer::named(name).identity(), time, hour(10))
    };
    let person = Actor::Person("bob".parse().unwrap());
    assert_eq!(who("bob", SignedTime::Proven(hour(2), None)), person);
    assert_eq!(
        who("bob", SignedTime::Proven(hour(3), None)),
        Actor::OutOfTime,
        "the end is not included"
    );
    assert_eq!(
        who("bob", SignedTime::Claimed(hour(2))),
        Actor::OutOfTime,
        "not valid now"
    );
    assert_eq!(who("bob", SignedTime::Unknown), Actor::OutOfTime);
    assert_eq!(who("bob-2", SignedTime::Claimed(hour(3))), person);
    assert_eq!(
        who("bob-2", SignedTime::Claimed(hour(2))),
        Actor::OutOfTime,
        "backdated"
    );
    assert_eq!(
        who("bob-2", SignedTime::Proven(hour(2), Some(hour(3)))),
        Actor::OutOfTime
    );
    assert_eq!(who("bob-2", SignedTime::Unknown), person);
}

#[test]
fn only_the_promoter_promotes() {
    for who in ["mallory", "builder", "tester", "alice"] {
        let mut world = World::approved();
        let said = world.promotion(world.judge("prod", None).1.unwrap());
        world.seal_promotion(who, "prod", &said, &[kit::image()]);
        assert_ne!(world.verify("prod").exit_code(), 0, "{who}");
    }
}

#[test]
fn a_promoter_cannot_make_up_what_others_say() {
    let mut world = World::staged();
    for who in ["promoter", "mallory"] {
        world.approve(who, "prod");
    }
    world.promote_with("prod", |said| {
        for gate in &mut said.gates {
            gate.result = promotion::GateResult::Passed;
        }
    });
    assert_exit(&world.verify("prod"), 4);
    assert_found(&world.verify("prod"), Code::ApproverUnknown);
}

#[test]
fn a_fork_within_a_release_hides_none_between_releases() {
    let mut world = World::built();
    let slot = Some(Digest::sha256(&[1]));
    let mut other = world.promotion(world.judge("dev", None).1.unwrap());
    other.slot.previous.clone_from(&slot);
    let both = [kit::image(), Digest::sha256(b"another image")];
    world.seal_promotion("promoter", "dev", &other, &both);
    for now in [2, 3] {
        world.now = hour(now);
        world.promote_with("dev", |said| said.slot.previous.clone_from(&slot));
    }
    let verdict = world.verify("dev");
    assert_exit(&verdict, 1);
    assert_found(&verdict, Code::ChainForked);
}

#[test]
fn an_audience_is_that_of_the_environment_asked_about_alone() {
    let mut world = World::empty();
    world.edit(
        "release.yaml",
        "\"env://acme/pay/staging\",",
        "\"env://acme/pay/staging\", audience: [staging-eu-1],",
    );
    world.provenance();
    world.sbom();
    world.tests();
    let mut world = world.into_staging();
    world.approve("alice", "prod");
    world.approve("carol", "prod");
    world.now = hour(4);
    world.promote("prod");
    world.now = hour(24);
    let owner = kit::policy::key("owner");
    for (audience, environment, exit) in [
        ("prod-eu-1", "prod", 0),
        ("staging-eu-1", "staging", 0),
        ("staging-eu-1", "prod", 1),
        ("prod-eu-1", "staging", 1),
    ] {
        world.anchor = Some(format!(
            "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{owner}]}}\nenvironments: []\naudience: [{audience}]\n"
        ));
        let verdict = world.verify(environment);
        assert_exit(&verdict, exit);
        if exit == 1 {
            assert_found(&verdict, Code::AudienceMismatch);
        }
        // The step into prod comes from another cluster.
        let step = world.judge("prod", None).1;
        assert!(step.is_some(), "{audience}");
    }
}

#[test]
fn an_environment_this_verifier_does_not_act_for_is_no_question() {
    let mut world = World::journey();
    assert!(world.try_verify("qa").is_err());
    let owner = kit::policy::key("owner");
    world.anchor = Some(format!(
        "apiVersion: bulla.dev/anchor/v0.1\nowners: {{threshold: 1, keys: [{owner}]}}\nenvironments: [\"env://acme/pay/dev\"]\n"
    ));
    assert_exit(&world.verify("dev"), 0);
    let error = world.try_verify("prod").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the anchor does not name env://acme/pay/prod: this verifier acts for env://acme/pay/dev"
    );
}

#[test]
fn statements_without_any_time_prove_no_age() {
    let mut world = World::empty();
    world.provenance();
    world.tests();
    let document = json!({"bomFormat": "CycloneDX", "components": [{"name": "zlib"}]});
    world.attest_at("builder", CYCLONEDX, &document, None);
    let mut world = world.into_staging();
    assert_exit(&world.verify("staging"), 14);
    assert_found(&world.verify("staging"), Code::StatementStale);
    // Two subjects that disagree on the time say nothing either.
    world.take("builder sbom");
    let dated = |name: &str, hours| {
        let mut subject = ResourceDescriptor::named(name, kit::image());
        let when = json!(hour(hours).to_string());
        subject
            .annotations
            .extend([("https://bulla.dev/issuedAt".to_owned(), when)]);
        subject
    };
    world.attest_about(
        "builder",
        CYCLONEDX,
        &document,
        &[dated("a", 0), dated("b", 1)],
    );
    assert_exit(&world.verify("staging"), 14);
}

#[test]
fn the_same_statement_twice_counts_once() {
    let mut world = World::staged();
    world.approve("alice", "prod");
    world.evidence.extend_from_within(..);
    world.now = hour(4);
    world.promote("prod");
    assert_exit(&world.verify("prod"), 4);
}
