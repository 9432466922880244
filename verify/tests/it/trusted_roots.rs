//! What trusted roots say, and leave out.

use bulla_model::Identity;
use bulla_verify::{Attestation, Evidence, Trust, examine};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::forms::{Case, subject};

macro_rules! sigstore {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/verify/sigstore/", $name)).as_slice()
    };
}

fn case(bundle: &[u8], root: &[u8]) -> Case {
    Case {
        bundle: bundle.to_vec(),
        root: Some(root.to_vec()),
        digest: subject(bundle),
        ..Case::default()
    }
}

fn with_root(case: &Case, change: impl FnOnce(&mut Value)) -> Case {
    let mut root: Value = serde_json::from_slice(case.root.as_ref().unwrap()).unwrap();
    change(&mut root);
    Case {
        root: Some(root.to_string().into_bytes()),
        ..case.clone()
    }
}

#[test]
fn a_user_name_of_fulcio_s_own_kind_is_a_subject() {
    let case = case(
        sigstore!("othername.sigstore.json"),
        sigstore!("othername.trusted_root.json"),
    );
    let verdict = case.verdict();
    assert_eq!(verdict.exit_code(), 0, "{:?}", verdict.findings);
    let now: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let limits = bulla_model::Limits::default();
    let trust = Trust::new([], &[case.root.clone().unwrap()], now, &limits).unwrap();
    let evidence = Evidence {
        artifact: case.digest.clone(),
        attestations: vec![Attestation::bundle(case.bundle, None)],
        ..Evidence::default()
    };
    let found = examine(&evidence, &trust, now, &limits, &|| false).unwrap();
    let verified = found[0].signature().unwrap().unwrap();
    let Identity::Certificate(identity) = verified.signer() else {
        panic!("{:?}", verified.signer());
    };
    assert_eq!(identity.subject, "foo!oidc.local");
}

#[test]
fn a_root_with_logs_needs_a_certificate_log_for_certificates() {
    let case = case(
        sigstore!("rekor1.sigstore.json"),
        sigstore!("public.trusted_root.json"),
    );
    assert_eq!(case.exit(), 0);
    let without = with_root(&case, |root| root["ctlogs"] = json!([]));
    let verdict = without.verdict();
    assert_eq!(verdict.exit_code(), 11);
    let found = &verdict.signatures[0].checks[0].found;
    assert!(found.contains("no certificate log"), "{found}");
}

#[test]
fn the_operator_of_a_log_and_of_an_authority_is_the_root_s_word() {
    let case = case(
        sigstore!("private.sigstore.json"),
        sigstore!("private.trusted_root.json"),
    );
    let operators = |case: &Case| {
        let verdict = case.verdict();
        assert_eq!(verdict.exit_code(), 0, "{:?}", verdict.findings);
        let records = &verdict.signatures[0].records;
        (
            records.log_entries[0].operator.clone(),
            records.timestamps[0].operator.clone(),
        )
    };
    assert_eq!(operators(&case), (None, None));
    let named = with_root(&case, |root| {
        for list in ["tlogs", "timestampAuthorities"] {
            for one in root[list].as_array_mut().unwrap() {
                one["operator"] = json!(format!("{list}.example.test"));
            }
        }
    });
    let expected = ["tlogs.example.test", "timestampAuthorities.example.test"];
    let [log, authority] = expected.map(|name| Some(name.to_owned()));
    assert_eq!(operators(&named), (log, authority));
}

#[test]
fn an_intermediate_counts_under_the_root_that_issued_it_only() {
    let public = case(
        sigstore!("rekor1.sigstore.json"),
        sigstore!("public.trusted_root.json"),
    );
    assert_eq!(public.exit(), 0);
    // The first authority of the document has a root of its own.
    let other: Value = serde_json::from_slice(sigstore!("public.trusted_root.json")).unwrap();
    let other = &other["certificateAuthorities"][0]["certChain"]["certificates"][0];
    // Another root above it, and something beside it that has nothing to do with it.
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        with_root(&public, |root| {
            for ca in root["certificateAuthorities"].as_array_mut().unwrap() {
                change(ca["certChain"]["certificates"].as_array_mut().unwrap());
            }
        })
    };
    let foreign = changed(&|chain| *chain.last_mut().unwrap() = other.clone());
    let verdict = foreign.verdict();
    assert_eq!(verdict.exit_code(), 11);
    let found = &verdict.signatures[0].checks[0].found;
    assert!(found.contains("no root issued"), "{found}");
    let beside = changed(&|chain| chain.insert(0, other.clone()));
    assert_eq!(beside.exit(), 0, "what it does not need does no harm");
}
