//! What whoever may attach copies can do: take the record off one, or have one recorded later.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use bulla_model::{Digest, Identity, KeyId, Limits, Statement};

use super::scans::Scans;
use super::{CHECK, VulnerabilitiesRule, united};
use crate::candidate::Candidate;
use crate::evidence::Evidence;
use crate::ledger::Calendars;
use crate::platforms::Platforms;
use crate::policy::{Policy, PolicyFile, PolicyFiles, TierRule};
use crate::question::{Context, Question};
use crate::records::Records;
use crate::sigstore::Proof;
use crate::trust::Trust;
use crate::verified::{SignedTime, Verified};

const KEY: &str = include_str!("../../../../testdata/slsa/vsa.pub.pem");

fn hour(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1000 + hours)
}

fn policy() -> Policy {
    let key = KEY.replace('\n', "\\n");
    let base = format!(
        "apiVersion: bulla.dev/policy/v0.1\nname: release\nversion: 1\n\
         environments: {{dev: {{uri: 'env://a/b/dev', freshness: none}}}}\n\
         tiers: {{low: {{claimedTime: allow}}}}\nidentities: {{scanner: [{{key: \"{key}\"}}]}}\n\
         edges: [{{to: dev, by: [scanner], require: {{{CHECK}: {{by: [scanner]}}}}}}]\nhistory: []\n"
    );
    let service = "service: pay\ntier: low\nsources: ['https://x.example/pay']\n";
    let file = |path: &str, text: &str| PolicyFile {
        path: path.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let files = PolicyFiles {
        base: file("release.yaml", &base),
        services: vec![file("services/pay.yaml", service)],
        ..PolicyFiles::default()
    };
    Policy::parse(&files, &Limits::default()).unwrap()
}

/// A scan that says it was made then, with a copy for each of these times.
fn scan(made: Option<i64>, is_dirty: bool, times: &[SignedTime]) -> Vec<Candidate> {
    let results = if is_dirty {
        json!([{"id": "CVE-1"}])
    } else {
        json!([])
    };
    let mut predicate = json!({"scanner": {"uri": "x", "result": results}});
    if let Some(made) = made {
        predicate["metadata"] = json!({"scanFinishedOn": hour(made).to_string()});
    }
    let text = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {"sha256": Digest::sha256(b"x").hex()}}],
        "predicateType": "https://in-toto.io/attestation/vulns/v0.2",
        "predicate": predicate,
    });
    let text = text.to_string();
    let payload = Digest::sha256(text.as_bytes());
    let key: &KeyId = &crate::PublicKey::from_pem(KEY).unwrap().id().clone();
    let copies = times.iter().map(|time| {
        let proof = Proof {
            signer: Identity::Key {
                key_id: key.clone(),
            },
            records: Records::default(),
            scheme: None,
            certificate: None,
        };
        let statement = Statement::parse(text.as_bytes(), &Limits::default()).unwrap();
        let kind = statement.predicate_type().clone();
        Candidate {
            manifest: None,
            claimed_type: Some(kind),
            outcome: Ok(Verified::new(
                statement,
                proof,
                *time,
                payload.clone(),
                None,
            )),
            signature: None,
            referring: None,
            voided: None,
        }
    });
    copies.collect()
}

#[derive(Debug, PartialEq)]
enum Said {
    Clean,
    Dirty,
    Nothing,
}

fn said(candidates: &[Candidate], at: i64, claimed_time: bool) -> Said {
    let policy = policy();
    let rule: &VulnerabilitiesRule = policy.edges[0].require.vulnerabilities.as_ref().unwrap();
    let limits = Limits::default();
    let trust = Trust::new(policy.keys(), &[], hour(100), &limits).unwrap();
    let (covering, evidence) = ([Digest::sha256(b"x")], Evidence::default());
    let question = Question {
        name: "x",
        evidence: &evidence,
        policy: &policy,
        trust: &trust,
        anchor: None,
        state: None,
        now: hour(100),
        limits: &limits,
        cancelled: &|| false,
    };
    let (service, tier) = ("pay".parse().unwrap(), "low".parse().unwrap());
    let calendars = Calendars::default();
    let context = Context {
        question: &question,
        candidates,
        covering: &covering,
        own: &covering,
        against: &covering,
        bearing: &covering,
        platforms: &Platforms::default(),
        service: &service,
        tier: &tier,
        tier_rule: TierRule {
            claimed_time,
            relayed_approvals: false,
            draft_predicates: false,
        },
        policy: &policy,
        calendars: &calendars,
        retired: &[],
    };
    let scans = Scans::of(&context, hour(at), rule);
    match (united(&scans).is_empty(), scans.is_scanned) {
        (false, _) => Said::Dirty,
        (true, true) => Said::Clean,
        (true, false) => Said::Nothing,
    }
}

fn proven(proof: i64, word: Option<i64>) -> SignedTime {
    SignedTime::Proven(hour(proof), word.map(hour))
}

/// Two scans, of hours 1 and 2, and what is said at hours 3 and 1.5; then again with every copy
/// that a stranger could make of either.
fn assert_unmoved(claimed_time: bool, time: fn(i64) -> SignedTime) {
    for newer_is_dirty in [true, false] {
        let answers = |more: &[(i64, SignedTime)]| {
            let mut all = Vec::new();
            for made in [1, 2] {
                let copies = more.iter().filter(|(of, _)| *of == made);
                let times: Vec<_> = std::iter::once(time(made))
                    .chain(copies.map(|(_, time)| *time))
                    .collect();
                all.extend(scan(Some(made), (made == 2) == newer_is_dirty, &times));
            }
            let forth = [3, 2, 1].map(|at| said(&all, at, claimed_time));
            all.reverse();
            assert_eq!(forth, [3, 2, 1].map(|at| said(&all, at, claimed_time)));
            forth
        };
        let (newer, older) = if newer_is_dirty {
            (Said::Dirty, Said::Clean)
        } else {
            (Said::Clean, Said::Dirty)
        };
        let honest = answers(&[]);
        assert_eq!(honest[0], newer);
        assert_eq!(honest[2], older);
        for made in [1, 2] {
            let stripped = SignedTime::Claimed(hour(made));
            let copies = [
                stripped,
                proven(made + 1, Some(made)),
                proven(50, Some(made)),
            ];
            for copy in copies {
                assert_eq!(answers(&[(made, copy)]), honest, "{made} {copy:?}");
            }
            let all = copies.map(|copy| (made, copy));
            assert_eq!(answers(&all), honest, "{made}");
        }
    }
}

#[test]
fn no_copy_of_a_scan_changes_the_answer() {
    for claimed_time in [true, false] {
        assert_unmoved(claimed_time, |made| proven(made, Some(made)));
    }
    assert_unmoved(true, |made| SignedTime::Claimed(hour(made)));
}

#[test]
fn what_nobody_signed_a_time_for_speaks_against_alone() {
    for claimed_time in [true, false] {
        let unknown = [SignedTime::Unknown];
        let clean = scan(None, false, &unknown);
        assert_eq!(said(&clean, 3, claimed_time), Said::Nothing);
        let mut both = scan(Some(2), false, &[proven(2, Some(2))]);
        both.extend(scan(None, true, &unknown));
        assert_eq!(said(&both, 3, claimed_time), Said::Dirty);
        // Also where somebody has it recorded after what is judged.
        let mut both = scan(Some(2), false, &[proven(2, Some(2))]);
        both.extend(scan(None, true, &[SignedTime::Unknown, proven(50, None)]));
        assert_eq!(said(&both, 3, claimed_time), Said::Dirty);
        // A proof alone says that it was there, and makes no other scan old.
        let mut both = scan(None, false, &[proven(2, None)]);
        assert_eq!(said(&both, 3, claimed_time), Said::Clean);
        both.extend(scan(Some(1), true, &[proven(1, Some(1))]));
        assert_eq!(said(&both, 3, claimed_time), Said::Dirty);
    }
}

#[test]
fn where_proof_is_demanded_what_has_none_speaks_against_alone() {
    let claimed = |made: i64| [SignedTime::Claimed(hour(made))];
    let clean = scan(Some(1), false, &claimed(1));
    assert_eq!(said(&clean, 3, false), Said::Nothing);
    assert_eq!(said(&clean, 3, true), Said::Clean);
    let mut both = scan(Some(1), false, &[proven(1, Some(1))]);
    both.extend(scan(Some(2), true, &claimed(2)));
    assert_eq!(said(&both, 3, false), Said::Dirty);
    // It makes nothing old.
    let mut both = scan(Some(1), true, &[proven(1, Some(1))]);
    both.extend(scan(Some(2), false, &claimed(2)));
    assert_eq!(said(&both, 3, false), Said::Dirty);
}
