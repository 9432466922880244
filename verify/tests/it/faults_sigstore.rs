//! Faults of verifiers of certificates, logs and timestamps, by the numbers of `docs/faults.md`,
//! each put to the accepted bundles of `testdata/verify/sigstore` through Bulla's own entry point.

use jiff::Timestamp;
use serde_json::{Value, json};

use bulla_model::{Digest, Identity, Limits};
use bulla_verify::{Attestation, Cause, Evidence, Refusal, SignedTime, Trust, examine};

use crate::forms::Case as Form;
use crate::vectors::{root, text};

const LATER: &str = "2026-06-01T00:00:00Z";

/// An accepted bundle with its trusted root, both open to change.
#[derive(Clone)]
struct Case {
    name: &'static str,
    bundle: Value,
    root: Value,
}

fn read(name: &str) -> Value {
    let path = root().join("testdata/verify/sigstore").join(name);
    serde_json::from_str(&text(&path)).unwrap()
}

/// Rekor v1 with a promise and a proof.
fn rekor1() -> Case {
    Case {
        name: "rekor1",
        bundle: read("rekor1.sigstore.json"),
        root: read("public.trusted_root.json"),
    }
}

/// Rekor v2 with a proof and a timestamp.
fn rekor2() -> Case {
    Case {
        name: "rekor2",
        bundle: read("rekor2.sigstore.json"),
        root: read("rekor2.trusted_root.json"),
    }
}

/// A private instance: promise, proof and timestamp.
fn private() -> Case {
    Case {
        name: "private",
        bundle: read("private.sigstore.json"),
        root: read("private.trusted_root.json"),
    }
}

fn all() -> [Case; 3] {
    [rekor1(), rekor2(), private()]
}

impl Case {
    fn entry(&mut self) -> &mut Value {
        &mut self.bundle["verificationMaterial"]["tlogEntries"][0]
    }

    fn stamps(&mut self) -> &mut Value {
        &mut self.bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"]
    }

    /// Verified with these trusted roots.
    fn with(&self, roots: &[&Value], now: &str) -> Result<(Identity, SignedTime), Refusal> {
        let limits = Limits::default();
        let now: Timestamp = now.parse().unwrap();
        let roots: Vec<Vec<u8>> = roots.iter().map(|root| root.to_string().into()).collect();
        let trust = Trust::new([], &roots, now, &limits).unwrap();
        let evidence = Evidence {
            artifact: Some(Digest::sha256(b"any")),
            attestations: vec![Attestation::bundle(self.bundle.to_string().into(), None)],
            ..Evidence::default()
        };
        let found = examine(&evidence, &trust, now, &limits, &|| false).unwrap();
        let verified = found[0].outcome().map_err(Clone::clone)?;
        Ok((verified.signer().clone(), verified.time()))
    }

    fn outcome(&self) -> Result<(Identity, SignedTime), Refusal> {
        self.with(&[&self.root], LATER)
    }

    #[track_caller]
    fn is_accepted(&self) {
        let outcome = self.outcome();
        assert!(outcome.is_ok(), "{}: {outcome:?}", self.name);
    }

    /// Refused as wrong, whichever check it is that says so.
    #[track_caller]
    fn is_invalid(&self) {
        let outcome = self.outcome();
        let wrong = matches!(
            outcome,
            Err(Refusal::Invalid { .. } | Refusal::Malformed { .. } | Refusal::Expired { .. })
        );
        assert!(wrong, "{}: {outcome:?}", self.name);
    }

    #[track_caller]
    fn is_refused(&self) {
        let outcome = self.outcome();
        assert!(outcome.is_err(), "{}: {outcome:?}", self.name);
    }
}

/// Ends every window of a list of the trusted root at this time.
fn end(root: &mut Value, list: &str, at: &str) {
    for item in root[list].as_array_mut().unwrap() {
        let window = if item.get("publicKey").is_some() {
            &mut item["publicKey"]["validFor"]
        } else {
            &mut item["validFor"]
        };
        window["end"] = json!(at);
    }
}

#[test]
fn f17_an_entry_counts_for_the_log_that_signed_its_checkpoint_only() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let mut case = rekor2();
    case.is_accepted();
    let own = case.entry()["logId"]["keyId"].clone();
    let logs = case.root["tlogs"].as_array().unwrap();
    let ids = logs.iter().map(|log| &log["logId"]["keyId"]);
    let other = ids.into_iter().find(|id| **id != own).unwrap().clone();
    let hint = STANDARD.decode(other.as_str().unwrap()).unwrap()[..4].to_vec();
    let line = STANDARD.encode([hint, vec![7; 64]].concat());
    let checkpoint = &mut case.entry()["inclusionProof"]["checkpoint"]["envelope"];
    *checkpoint = json!(format!(
        "{}\u{2014} other {line}\n",
        checkpoint.as_str().unwrap()
    ));
    case.is_accepted();
    case.entry()["logId"]["keyId"] = other;
    case.is_refused();
}

#[test]
fn a_log_key_that_had_ended_proves_nothing_new() {
    for (mut case, before, after) in [
        (rekor1(), "2024-12-16T18:00:00Z", "2024-12-17T18:00:00Z"),
        (rekor2(), "2026-05-13T19:00:00Z", "2026-05-14T20:00:00Z"),
    ] {
        let own = case.entry()["logId"]["keyId"].clone();
        let mut ends = |at: &str| {
            let logs = case.root["tlogs"].as_array_mut().unwrap().iter_mut();
            for log in logs.filter(|log| log["logId"]["keyId"] == own) {
                log["publicKey"]["validFor"]["end"] = json!(at);
            }
            case.outcome()
        };
        ends(after).unwrap();
        ends(before).unwrap_err();
    }
}

#[test]
fn a_checkpoint_of_endless_signatures_is_not_read() {
    let mut case = rekor2();
    let checkpoint = &mut case.entry()["inclusionProof"]["checkpoint"]["envelope"];
    let text = checkpoint.as_str().unwrap().to_owned();
    let last = text.lines().last().unwrap().to_owned() + "\n";
    *checkpoint = json!(format!("{text}{}", last.repeat(500)));
    case.is_refused();
}

#[test]
fn f01_a_genuine_log_entry_of_another_signature_is_refused() {
    for case in all() {
        case.is_accepted();
        for other in all().iter().filter(|other| other.name != case.name) {
            // Both logs are trusted, so the foreign entry is as genuine as the own one.
            let roots = [&case.root, &other.root];
            case.with(&roots, LATER).unwrap();
            let mut spliced = case.clone();
            *spliced.entry() = other.clone().entry().clone();
            spliced.with(&roots, LATER).unwrap_err();
            // The body alone is caught by the proof, the proof alone by the body.
            for part in ["canonicalizedBody", "inclusionProof"] {
                let mut spliced = case.clone();
                spliced.entry()[part] = other.clone().entry()[part].clone();
                spliced.with(&roots, LATER).unwrap_err();
            }
        }
    }
}

#[test]
fn f02_a_bad_entry_is_no_success_and_every_entry_is_bound_to_the_signature() {
    for case in all() {
        for (field, value) in [
            ("canonicalizedBody", json!("e30=")),
            ("canonicalizedBody", json!("bm8ganNvbg==")),
            ("canonicalizedBody", json!("")),
            (
                "kindVersion",
                json!({"kind": "hashedrekord", "version": "9.9.9"}),
            ),
            (
                "kindVersion",
                json!({"kind": "unheard", "version": "0.0.1"}),
            ),
            ("inclusionProof", json!(null)),
            ("logId", json!({"keyId": "AAAA"})),
        ] {
            let mut changed = case.clone();
            changed.entry()[field] = value;
            changed.is_refused();
        }
        let mut changed = case.clone();
        *changed.entry() = json!({});
        changed.is_refused();
    }
}

#[test]
fn f03_a_promise_made_for_another_signature_is_refused() {
    let (mut first, mut second) = (rekor1(), private());
    let promises = [&mut first, &mut second].map(|case| case.entry()["inclusionPromise"].clone());
    for (mut case, promise) in [(rekor1(), &promises[1]), (private(), &promises[0])] {
        case.entry()["inclusionPromise"] = promise.clone();
        case.is_invalid();
    }
    // With the time it was made for, it is still for something else.
    let mut case = rekor1();
    case.entry()["inclusionPromise"] = promises[1].clone();
    case.entry()["integratedTime"] = private().entry()["integratedTime"].clone();
    case.is_invalid();
}

#[test]
fn f14_among_several_entries_every_one_must_be_of_this_signature() {
    for case in all() {
        for other in all().iter().filter(|other| other.name != case.name) {
            let foreign = other.clone().entry().clone();
            for at in [0, 1] {
                let mut more = case.clone();
                let list = &mut more.bundle["verificationMaterial"]["tlogEntries"];
                list.as_array_mut().unwrap().insert(at, foreign.clone());
                more.with(&[&case.root, &other.root], LATER).unwrap_err();
                more.is_refused();
            }
        }
    }
}

#[test]
fn f15_a_chain_must_be_trusted_at_the_time_of_signing() {
    for (mut case, before) in [
        (rekor1(), "2024-12-16T18:00:00Z"),
        (rekor2(), "2026-05-13T19:00:00Z"),
        (private(), "2023-01-31T23:00:00Z"),
    ] {
        case.is_accepted();
        end(&mut case.root, "certificateAuthorities", before);
        case.is_refused();
    }
    // What ended since then does no harm: validity is asked at the verified time.
    let mut case = rekor1();
    end(
        &mut case.root,
        "certificateAuthorities",
        "2025-01-01T00:00:00Z",
    );
    case.is_accepted();
}

#[test]
fn f19_the_certificate_that_made_a_timestamp_is_the_one_that_is_judged() {
    // Another authority's certificate in front of the chain, and in place of its first: both are
    // fit for timestamps, and neither made this one.
    let foreign = private().root["timestampAuthorities"][0]["certChain"]["certificates"].clone();
    for keep in [0, 1] {
        let mut case = rekor2();
        let chain = &mut case.root["timestampAuthorities"][0]["certChain"]["certificates"];
        let chain = chain.as_array_mut().unwrap();
        chain.splice(0..1 - keep, [foreign[0].clone()]);
        case.is_refused();
    }
    let mut case = rekor2();
    case.root["timestampAuthorities"][0]["certChain"]["certificates"] = foreign;
    case.is_refused();
}

#[test]
fn f37_a_log_time_after_now_is_refused() {
    for (case, early) in [
        (rekor1(), "2024-12-16T18:42:00Z"),
        (rekor2(), "2026-05-13T19:23:00Z"),
        (private(), "2023-01-31T23:59:00Z"),
    ] {
        let refusal = case.with(&[&case.root], early).unwrap_err();
        let later = matches!(refusal, Refusal::Later { .. });
        assert!(later, "{}: {refusal:?}", case.name);
        case.with(&[&case.root], LATER).unwrap();
    }
}

#[test]
fn what_a_log_took_in_that_began_later_is_no_forgery() {
    for case in [rekor1(), rekor2()] {
        let refusal = case
            .with(&[&case.root], "2020-01-01T00:00:00Z")
            .unwrap_err();
        let later = matches!(refusal, Refusal::Later { .. });
        assert!(later, "{}: {refusal:?}", case.name);
    }
}

#[test]
fn what_names_a_log_that_began_later_and_does_not_verify_was_not_signed_later() {
    let early = |case: &Case| {
        let outcome = case.with(&[&case.root], "2020-01-01T00:00:00Z");
        outcome.unwrap_err()
    };
    let (one, other) = (rekor1(), rekor2());
    for case in [&one, &other] {
        let mut forged = case.clone();
        let signature = &mut forged.bundle["dsseEnvelope"]["signatures"][0]["sig"];
        let text = signature.as_str().unwrap().replacen('M', "N", 1);
        *signature = json!(text);
        let refusal = early(&forged);
        assert!(
            [Cause::Invalid, Cause::Untrusted].contains(&refusal.cause()),
            "{}: {refusal:?}",
            case.name
        );
        // Another record in place of its own.
        let mut spliced = case.clone();
        spliced.entry()["canonicalizedBody"] = json!("e30=");
        let refusal = early(&spliced);
        assert_ne!(refusal.cause(), Cause::Expired, "{refusal:?}");
    }
}

#[test]
fn f40_more_entries_or_timestamps_than_anybody_needs_are_refused() {
    for case in all() {
        let mut many = case.clone();
        let entry = many.entry().clone();
        many.bundle["verificationMaterial"]["tlogEntries"] = json!(vec![entry; 2000]);
        many.is_refused();
    }
    for mut case in [rekor2(), private()] {
        let stamp = case.stamps()[0].clone();
        *case.stamps() = json!(vec![stamp; 2000]);
        case.is_refused();
    }
}

#[test]
fn f57_a_timestamp_outside_of_its_authority_s_window_is_refused() {
    let mut case = rekor2();
    end(
        &mut case.root,
        "timestampAuthorities",
        "2026-05-13T19:00:00Z",
    );
    case.is_refused();
    let mut case = rekor2();
    end(
        &mut case.root,
        "timestampAuthorities",
        "2026-05-14T00:00:00Z",
    );
    case.is_accepted();
}

#[test]
fn f58_a_log_that_the_trusted_root_does_not_name_is_a_stranger() {
    for case in all() {
        let mut without = case.clone();
        without.root["tlogs"] = json!([]);
        let refusal = without.outcome().unwrap_err();
        let stranger = matches!(refusal, Refusal::Untrusted { .. });
        assert!(stranger, "{}: {refusal:?}", case.name);
        // Nothing at all is trusted without a root, whatever the bundle brings along.
        let refusal = case.with(&[], LATER).unwrap_err();
        let stranger = matches!(refusal, Refusal::Untrusted { .. });
        assert!(stranger, "{}: {refusal:?}", case.name);
    }
}

#[test]
fn o6_intermediates_come_from_the_trusted_root_and_nowhere_else() {
    for mut case in [rekor1(), rekor2()] {
        for authority in case.root["certificateAuthorities"].as_array_mut().unwrap() {
            let chain = authority["certChain"]["certificates"]
                .as_array_mut()
                .unwrap();
            if chain.len() > 1 {
                chain.remove(0);
            }
        }
        case.is_refused();
    }
}

#[test]
fn o8_of_two_intermediates_with_one_name_the_issuer_is_found() {
    // The root has two authorities whose intermediates have the same name and other keys.
    let folder = root().join("testdata/verify/sigstore");
    let read = |name: &str| text(&folder.join(name)).into_bytes();
    let case = Form {
        bundle: read("two-intermediates.sigstore.json"),
        root: Some(read("two-intermediates.trusted_root.json")),
        digest: Some(Digest::sha256(b"")),
        content: Some(Vec::new()),
        ..Form::default()
    };
    assert_eq!(case.exit(), 0);
    // With the other one alone it is refused, whichever that is.
    let whole: Value = serde_json::from_slice(case.root.as_ref().unwrap()).unwrap();
    let authorities = whole["certificateAuthorities"].as_array().unwrap();
    assert_eq!(authorities.len(), 2);
    let alone = |authority: &Value| {
        let mut root = whole.clone();
        root["certificateAuthorities"] = json!([authority]);
        let root = Some(root.to_string().into_bytes());
        Form {
            root,
            ..case.clone()
        }
        .exit()
    };
    let accepted: Vec<bool> = authorities.iter().map(|one| alone(one) == 0).collect();
    assert_ne!(accepted[0], accepted[1]);
}

#[test]
fn tob2_without_log_entries_a_certificate_proves_nothing() {
    for case in all() {
        for empty in [json!([]), json!(null)] {
            let mut without = case.clone();
            without.bundle["verificationMaterial"]["tlogEntries"] = empty;
            without.is_refused();
        }
    }
}

#[test]
fn tob3_a_log_time_without_its_promise_is_no_time() {
    // The only time of this bundle is the promise's.
    let mut case = rekor1();
    case.entry()
        .as_object_mut()
        .unwrap()
        .remove("inclusionPromise");
    case.is_refused();
    let mut case = rekor1();
    case.entry()["integratedTime"] = json!("1734374577");
    case.is_invalid();
    // A log that signs no time is not believed one.
    let mut case = rekor2();
    let honest = case.outcome().unwrap();
    case.entry()["integratedTime"] = json!("1700000000");
    if let Ok(found) = case.outcome() {
        assert_eq!(found, honest);
    }
}

#[test]
fn tob4_every_record_is_judged_not_the_earliest_alone() {
    // Two records; when one authority was not trusted at its time, the other does not help.
    for list in ["timestampAuthorities", "tlogs"] {
        let mut case = private();
        case.is_accepted();
        end(&mut case.root, list, "2023-01-31T00:00:00Z");
        case.is_refused();
    }
}

#[test]
fn tob5_the_json_of_protocol_buffers_is_read_as_its_mapping_says() {
    // 64-bit integers are texts or numbers; unknown members are ignored; null is absence.
    let mut case = rekor1();
    let index = case.entry()["logIndex"].as_str().unwrap().parse::<u64>();
    case.entry()["logIndex"] = json!(index.unwrap());
    let number = case.outcome();
    let mut case = rekor1();
    case.entry()["logIndex"] = json!("155690850.5");
    case.is_refused();
    let mut case = rekor1();
    case.entry()["logIndex"] = json!("-1");
    case.is_refused();
    if let Ok(found) = number {
        assert_eq!(found, rekor1().outcome().unwrap());
    }
    let mut case = rekor1();
    case.bundle["verificationMaterial"]["timestampVerificationData"] = json!(null);
    case.is_accepted();
}

#[test]
fn tob11_no_authority_borrows_the_window_of_another() {
    let mut case = rekor2();
    end(
        &mut case.root,
        "timestampAuthorities",
        "2026-05-13T19:00:00Z",
    );
    // An authority that was valid at the time, but did not make the timestamp.
    let valid = private().root["timestampAuthorities"][0].clone();
    for at in [0, 1] {
        let mut more = case.clone();
        let list = more.root["timestampAuthorities"].as_array_mut().unwrap();
        list.insert(at, valid.clone());
        more.is_refused();
    }
}
