//! Faults that happened to other tools of this kind, by the numbers of the project's list. Others
//! of the list are beside what they concern: F05, F08 and F11 in `signed`, F18 and F21 in
//! `policies`, F28 also in `attacks`.

use serde_json::json;

use bulla_model::predicate::{approval, cosign, promotion, slsa_provenance, test_result};
use bulla_model::{Digest, KeyMaterial, Limits, envelope};
use bulla_verify::{Code, ExpectedClaim, Pattern};

use crate::kit::{self, Signer, World, assert_exit, assert_found, hour, payload, wrap};
use crate::signed::Ask;

#[test]
fn f04_a_payload_that_cannot_be_read_or_is_of_another_type_is_no_attestation() {
    let builder = Signer::named("builder");
    let hint = builder.key_id().hint();
    let mut world = World::empty();
    world.add("unreadable", builder.seal(b"no statement"));
    let mut ask = Ask::new(world.gathered());
    ask.claim = ExpectedClaim::Attestation(slsa_provenance::TYPE.to_owned());
    assert_exit(&ask.verdict(), 10);

    let mut world = World::empty();
    world.provenance();
    let bytes = payload(&world.take("builder").remove(0).bundle);
    world.add("type", builder.seal_as(&bytes, "text/plain", &hint));
    ask.evidence = world.gathered();
    assert_exit(&ask.verdict(), 10);

    // A predicate that is not what its type says it is.
    for (kind, predicate) in [
        (slsa_provenance::TYPE, json!({"buildDefinition": 1})),
        (slsa_provenance::TYPE, json!(null)),
        (slsa_provenance::TYPE_V0_2, json!([])),
    ] {
        let mut world = World::empty();
        world.attest("builder", kind, &predicate);
        let verdict = world.verify("dev");
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::StatementUnusable);
    }
}

#[test]
fn f07_what_was_only_discovered_admits_nothing() {
    // Any pusher can attach the whole journey, signed by a key of their own.
    let honest = World::journey();
    let mut world = World::empty();
    world.now = honest.now;
    let mallory = Signer::named("mallory");
    for entry in &honest.evidence {
        world.add(&entry.name, mallory.seal(&payload(&entry.bundle)));
    }
    for environment in ["dev", "staging", "prod"] {
        assert_exit(&world.verify(environment), 11);
    }
    world.more_keys.push(mallory.public());
    for environment in ["dev", "staging", "prod"] {
        let verdict = world.verify(environment);
        assert_exit(&verdict, 11);
        assert_eq!(verdict.persons, []);
    }
}

#[test]
fn f13_the_received_bytes_are_verified_not_bytes_that_mean_the_same() {
    let mut world = World::built();
    let bundle = world.take("builder provenance").remove(0).bundle;
    let honest = payload(&bundle);
    let value: serde_json::Value = serde_json::from_slice(&honest).unwrap();
    let pretty = serde_json::to_vec_pretty(&value).unwrap();
    let builder = Signer::named("builder");
    let hint = builder.key_id().hint();
    let signature = builder.signature(envelope::IN_TOTO, &honest);
    world.add(
        "rewritten",
        wrap(&pretty, envelope::IN_TOTO, signature, &hint),
    );
    assert_exit(&world.verify("dev"), 12);
    // Signed as it stands, any spelling is as good.
    world.take("rewritten");
    world.add("spelt", builder.seal(&pretty));
    world.promote("dev");
    assert_exit(&world.verify("dev"), 0);
}

#[test]
fn f23_a_pattern_does_not_match_a_part() {
    let pattern = Pattern::Glob("https://github.com/acme/*".to_owned());
    assert!(pattern.matches("https://github.com/acme/ci"));
    assert!(!pattern.matches("https://evil.example.test/?https://github.com/acme/ci"));
    let mut world = World::empty();
    world.edit(
        "services/pay-api.yaml",
        "https://github.com/acme/pay",
        "https://github.com/acme/pa*",
    );
    for (source, exit) in [
        ("https://github.com/acme/pay", 0),
        ("https://github.com/acme/pay/more", 1),
        ("https://github.com/acme/spay", 1),
        ("https://evil.example.test/https://github.com/acme/pay", 1),
    ] {
        world.evidence.clear();
        let build = kit::provenance(source, &["dave@acme.example"]);
        world.attest("builder", slsa_provenance::TYPE, &build);
        if exit == 0 {
            world.promote("dev");
        }
        assert_exit(&world.verify("dev"), exit);
    }
}

#[test]
fn f24_a_regular_expression_must_match_the_whole_identity() {
    let pattern = Pattern::regex("alice@acme.example|bob@acme.example").unwrap();
    assert!(pattern.matches("alice@acme.example") && pattern.matches("bob@acme.example"));
    for evil in [
        "malice@acme.example",
        "alice@acme.example.evil.example",
        "bob@acme.example\n",
        "\nalice@acme.example",
        "x\nalice@acme.example\ny",
    ] {
        assert!(!pattern.matches(evil), "{evil:?}");
    }
    // Flags inside the pattern do not take the anchors away.
    let pattern = Pattern::regex("(?m)alice").unwrap();
    assert!(!pattern.matches("x\nalice\ny"));
    assert!(
        Pattern::regex("a)|(?:.*").is_err(),
        "a group cannot be closed early"
    );
}

#[test]
fn f28_a_bundle_holds_one_signature() {
    let mut world = World::empty();
    world.attest("builder", cosign::TYPE, &json!({}));
    let mut bundle: serde_json::Value = serde_json::from_slice(&world.evidence[0].bundle).unwrap();
    let one = bundle["dsseEnvelope"]["signatures"][0].clone();
    for signatures in [json!([]), json!([one, one])] {
        bundle["dsseEnvelope"]["signatures"] = signatures;
        world.evidence[0].bundle = bundle.to_string().into_bytes();
        assert_exit(&Ask::new(world.gathered()).verdict(), 10);
    }
}

#[test]
fn f29_a_key_id_is_a_hint() {
    let mut world = World::empty();
    world.attest("builder", cosign::TYPE, &json!({}));
    let mut bundle: serde_json::Value = serde_json::from_slice(&world.evidence[0].bundle).unwrap();
    bundle["dsseEnvelope"]["signatures"][0]["keyid"] = json!("SHA256:of-somebody-else");
    world.evidence[0].bundle = bundle.to_string().into_bytes();
    assert_exit(&Ask::new(world.gathered()).verdict(), 0);
    let candidate = world.candidates().remove(0);
    let verified = candidate.outcome().unwrap();
    assert_eq!(*verified.signer(), Signer::named("builder").identity());
    assert_eq!(
        *verified.payload(),
        Digest::sha256(&payload(&world.evidence[0].bundle))
    );
}

#[test]
fn f31_null_where_something_should_be_is_an_error_not_a_panic() {
    let builder = Signer::named("builder");
    for text in [
        r#"{"_type":"https://in-toto.io/Statement/v1","subject":null,"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}"#,
        r#"{"_type":"https://in-toto.io/Statement/v1","subject":[null],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}"#,
        r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":null}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}"#,
        r#"{"_type":null,"subject":[],"predicateType":null,"predicate":null}"#,
        "null",
        "",
    ] {
        let mut world = World::empty();
        world.add("null", builder.seal(text.as_bytes()));
        assert_exit(&world.verify("dev"), 10);
    }
    for kind in [
        approval::TYPE,
        promotion::TYPE,
        test_result::TYPE,
        slsa_provenance::TYPE,
    ] {
        let mut world = World::journey();
        world.attest("promoter", kind, &json!(null));
        world.attest(
            "builder",
            kind,
            &json!({"edge": null, "issuedAt": null, "chain": null}),
        );
        assert_exit(&world.verify("prod"), 0);
    }
    let text = br#"{"mediaType":null,"verificationMaterial":null,"dsseEnvelope":null}"#;
    assert!(bulla_model::Bundle::parse(text.to_vec(), &Limits::default()).is_err());
}

#[test]
fn f36_an_old_clean_run_does_not_hide_a_newer_failed_one() {
    let run = |result: &str| json!({"result": result, "configuration": []});
    let after = |runs: &[(&str, Option<i64>)]| {
        let mut world = World::empty();
        world.provenance();
        world.sbom();
        for (result, when) in runs {
            world.attest_at("tester", test_result::TYPE, &run(result), when.map(hour));
        }
        world.edit(
            "release.yaml",
            "tests: {by: [tester], maxAge: 72h}",
            "tests: {by: [tester]}",
        );
        world.into_staging().verify("staging").exit_code()
    };
    assert_eq!(after(&[("PASSED", Some(0)), ("FAILED", Some(1))]), 1);
    assert_eq!(after(&[("FAILED", Some(1)), ("PASSED", Some(0))]), 1);
    assert_eq!(after(&[("FAILED", Some(0)), ("PASSED", Some(1))]), 0);
    assert_eq!(
        after(&[("FAILED", Some(1)), ("PASSED", Some(1))]),
        1,
        "at once"
    );
    assert_eq!(
        after(&[("FAILED", None), ("PASSED", Some(1))]),
        1,
        "without a time"
    );
    assert_eq!(
        after(&[("FAILED", Some(1)), ("PASSED", None)]),
        1,
        "nor hides a clean one without a time a failed one"
    );
}

#[test]
fn f36_recorded_once_more_a_clean_run_is_no_newer() {
    let run = |result: &str| json!({"result": result, "configuration": []});
    // A clean run that does not say when it was, then a failed one.
    let world = |record: &[i64]| {
        let mut world = World::empty();
        world.provenance();
        world.sbom();
        world.attest_at("tester", test_result::TYPE, &run("FAILED"), Some(hour(1)));
        world.attest_at("tester", test_result::TYPE, &run("PASSED"), None);
        for (place, hours) in record.iter().enumerate() {
            world.now = hour(*hours);
            if place == 0 {
                world.record_only("tester");
            } else {
                world.record_again("tester");
            }
        }
        world.edit(
            "release.yaml",
            "tests: {by: [tester], maxAge: 72h}",
            "tests: {by: [tester]}",
        );
        world.now = hour(3);
        world.promote("dev");
        world.now = hour(4);
        world.promote("staging");
        world.verify("staging")
    };
    for record in [&[][..], &[2], &[0], &[0, 2], &[2, 0]] {
        let verdict = world(record);
        assert_exit(&verdict, 1);
        assert_found(&verdict, Code::TestsFailed);
    }
}

#[test]
fn f29_the_bundle_s_key_material_is_read_once() {
    let mut world = World::empty();
    world.attest("builder", cosign::TYPE, &json!({}));
    let parsed =
        bulla_model::Bundle::parse(world.evidence[0].bundle.clone(), &Limits::default()).unwrap();
    assert!(matches!(parsed.key(), KeyMaterial::PublicKey { .. }));
    let mut bundle: serde_json::Value = serde_json::from_slice(&world.evidence[0].bundle).unwrap();
    bundle["verificationMaterial"]["certificate"] = json!({"rawBytes": "AA=="});
    world.evidence[0].bundle = bundle.to_string().into_bytes();
    assert_exit(&Ask::new(world.gathered()).verdict(), 10);
}
