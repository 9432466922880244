//! Envelopes as witness writes them: certificates and timestamps beside signatures, and collections.

use bulla_model::predicate::witness;
use bulla_model::{Digest, Envelope, Limits};
use bulla_verify::ExpectedClaim;
use serde_json::{Value, json};

use crate::forms::Case;
use crate::kit::{World, assert_exit};
use crate::signed::Ask;

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/verify/witness/", $name)).as_slice()
    };
}

/// A change of the envelope's signature.
type Change = fn(&mut Value);

/// A collection by the holder of a certificate, with a timestamp.
pub(crate) fn certified() -> Case {
    Case {
        bundle: recorded!("collection.json").to_vec(),
        root: Some(recorded!("trusted_root.json").to_vec()),
        digest: Some(Digest::sha256(recorded!("app"))),
        ..Case::default()
    }
}

fn changed(change: impl Fn(&mut Value)) -> Case {
    let mut envelope: Value = serde_json::from_slice(recorded!("collection.json")).unwrap();
    change(&mut envelope["signatures"][0]);
    Case {
        bundle: serde_json::to_vec(&envelope).unwrap(),
        ..certified()
    }
}

#[test]
fn certificates_beside_signatures_count_under_a_root_at_a_proven_time() {
    let verdict = certified().verdict();
    assert_exit(&verdict, 0);
    let json = serde_json::to_value(&verdict).unwrap();
    let text = json.to_string();
    assert!(text.contains("spiffe://example.test/build"), "{text}");
    assert!(text.contains("2026-03-01T12:00:00Z"), "{text}");

    // No timestamp, no time; no intermediate, no chain; another signature, no binding.
    let refused: [(Change, &str); 7] = [
        (|one| one["timestamps"] = json!([]), "timestamp"),
        (
            |one| one["timestamps"][0]["type"] = json!("other"),
            "type `tsp`",
        ),
        (
            |one| one["timestamps"][0]["data"] = json!("MAA="),
            "timestamp",
        ),
        (|one| one["intermediates"] = json!([]), "chain"),
        (|one| one["intermediates"] = Value::Null, "chain"),
        (
            |one| one["certificate"] = json!("bm9uZQ=="),
            "certificates, PEM",
        ),
        (
            |one| {
                let other = one["sig"].as_str().unwrap().replacen('E', "F", 1);
                one["sig"] = json!(other);
            },
            "invalid",
        ),
    ];
    for (change, said) in refused {
        let verdict = changed(change).verdict();
        assert!([11, 12].contains(&verdict.exit_code()), "{verdict:#?}");
        let text = serde_json::to_value(&verdict).unwrap().to_string();
        assert!(text.contains(said), "{said}: {text}");
    }
    let mut foreign = certified();
    foreign.root =
        Some(include_bytes!("../../../testdata/verify/sigstore/github.trusted_root.json").to_vec());
    assert_ne!(foreign.verdict().exit_code(), 0);
    let mut other = certified();
    other.digest = Some(Digest::sha256(b"other"));
    assert_exit(&other.verdict(), 13);
}

#[test]
fn a_key_counts_beside_a_certificate_as_without() {
    let key = String::from_utf8(recorded!("leaf.pub").to_vec()).unwrap();
    for root in [None, certified().root] {
        let case = Case {
            key: Some(key.clone()),
            root,
            ..certified()
        };
        assert_exit(&case.verdict(), 0);
    }
}

#[test]
fn more_certificates_than_any_chain_has_are_refused() {
    let many = |one: &mut Value| one["intermediates"] = json!(vec![one["certificate"].clone(); 10]);
    assert_exit(&changed(many).verdict(), 12);
}

#[test]
fn f30_a_collection_of_which_a_part_is_malformed_is_refused() {
    let envelope = Envelope::parse(recorded!("collection.json"), &Limits::default()).unwrap();
    let statement: Value = serde_json::from_slice(envelope.payload()).unwrap();
    let ask = |predicate: &Value| {
        let mut world = World::empty();
        world.attest("builder", witness::TYPE, predicate);
        let mut ask = Ask::new(world.gathered());
        ask.claim = ExpectedClaim::Attestation(witness::TYPE.to_owned());
        ask.verdict()
    };
    let mut predicate = statement["predicate"].clone();
    assert_exit(&ask(&predicate), 0);
    predicate["attestations"][3]["attestation"] = json!("passed");
    let verdict = ask(&predicate);
    assert_exit(&verdict, 10);
    predicate["attestations"] = json!([]);
    assert_exit(&ask(&predicate), 10);
}
