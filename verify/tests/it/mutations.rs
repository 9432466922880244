//! Changed copies of accepted bundles: none may be accepted unless it says the same.
//!
//! A mutant may be accepted in two cases, and has to be refused in every other:
//!
//! 1. It is the same message: read as protocol buffers' JSON mapping says ([`meaning`]), nothing
//!    differs. Spelling of numbers and base64, defaults that are written out or left out, and
//!    members nobody knows are no difference.
//! 2. It differs only where nothing is signed and nothing is proven, listed with its reason in
//!    [`TOLERATED`].
//!
//! And in both it proves what its original proves, or less: the same payload, the same signer, a
//! time that is not earlier.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_model::Digest;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::vectors::say;

mod fixtures;
mod mutate;
mod relatives;
mod splice;
mod token;
mod tolerated;

use fixtures::Fixture;
use mutate::{Mutant, Sequence, mutants};
use tolerated::is_tolerated;

const NOW: &str = "2026-12-01T00:00:00Z";

/// What an accepted bundle proves.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    signed: Digest,
    signer: String,
    proven: Option<Timestamp>,
}

/// Counts of a run, and the accepted mutants that nothing tolerates.
#[derive(Default)]
struct Outcome {
    run: usize,
    accepted: usize,
    wrong: BTreeMap<String, usize>,
}

/// Every `step`th mutant of these fixtures, on as many threads as there are processors.
fn run(fixtures: &[Fixture], step: usize) -> Outcome {
    let documents: Vec<Value> = fixtures
        .iter()
        .map(|fixture| serde_json::from_slice(&fixture.document).unwrap())
        .collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcome = Outcome::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= fixtures.len() {
                return outcome;
            }
            one(fixtures, &documents, at, step, &mut outcome);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Outcome::default();
        for outcome in running.into_iter().map(|thread| thread.join().unwrap()) {
            all.run += outcome.run;
            all.accepted += outcome.accepted;
            for (line, count) in outcome.wrong {
                *all.wrong.entry(line).or_default() += count;
            }
        }
        all
    })
}

fn one(fixtures: &[Fixture], documents: &[Value], at: usize, step: usize, outcome: &mut Outcome) {
    let fixture = &fixtures[at];
    let name = &fixture.name;
    let original = fixture.facts(&fixture.document);
    let original = original.unwrap_or_else(|| panic!("{name} is accepted"));
    let others = documents
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != at);
    let others: Vec<&Value> = others.map(|(_, document)| document).collect();
    // The seed is the name's, so that a fixture more changes no other's mutants.
    let mut sequence = Sequence::of(name);
    let mutants = mutants(&documents[at], &others, &mut sequence, step);
    for mutant in &mutants {
        outcome.run += 1;
        let Some(found) = fixture.facts(&mutant.bytes) else {
            continue;
        };
        outcome.accepted += 1;
        if let Some(wrong) = judge(name, &original, &found, &documents[at], mutant) {
            let line = format!("{name}: {} at {}: {wrong}", mutant.change, mutant.place);
            *outcome.wrong.entry(line).or_default() += 1;
        }
    }
}

/// Why this mutant may not be accepted with these facts, if so.
fn judge(
    fixture: &str,
    original: &Facts,
    found: &Facts,
    document: &Value,
    mutant: &Mutant,
) -> Option<&'static str> {
    if found.signed != original.signed {
        return Some("another payload");
    }
    if found.signer != original.signer {
        return Some("another signer");
    }
    if found.proven.is_some() && found.proven < original.proven {
        return Some("an earlier time");
    }
    let same = || {
        let mutant: Value = serde_json::from_slice(&mutant.bytes).ok()?;
        Some(meaning(&mutant) == meaning(document))
    };
    let same = mutant.change != "member twice" && same() == Some(true);
    (!same && !is_tolerated(fixture, mutant, document))
        .then_some("nothing says that this is not signed")
}

/// A document as its protocol buffer would be: known members, defaults left out, numbers and bytes
/// in one spelling.
fn meaning(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| MEMBERS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), meaning(value)))
            .filter(|(_, value)| !is_default(value))
            .collect(),
        Value::Array(elements) => elements.iter().map(meaning).collect(),
        Value::String(text) => match (text.parse::<i64>(), mutate::any_base64(text)) {
            (Ok(number), _) => json!(number),
            (_, Some(bytes)) => json!(hex::encode(bytes)),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        // An empty message is there, but nothing in a bundle depends on that.
        Value::Object(members) => members.is_empty(),
    }
}

/// Members of a bundle, Sigstore protobuf specifications v0.5.0, and of what is told in other ways.
const MEMBERS: &[&str] = &[
    "SignedRFC3161Timestamp",
    "algorithm",
    "canonicalizedBody",
    "certificate",
    "certificates",
    "checkpoint",
    "cose",
    "data",
    "digest",
    "dsseEnvelope",
    "envelope",
    "hashes",
    "header",
    "hint",
    "inclusionPromise",
    "inclusionProof",
    "integratedTime",
    "intermediates",
    "io.cncf.notary.signingAgent",
    "io.cncf.notary.timestampSignature",
    "keyId",
    "keyid",
    "kind",
    "kindVersion",
    "logId",
    "logIndex",
    "mediaType",
    "messageDigest",
    "messageSignature",
    "payload",
    "payloadType",
    "protected",
    "publicKey",
    "rawBytes",
    "rfc3161Timestamps",
    "rootHash",
    "sig",
    "signature",
    "signatures",
    "signed",
    "signedEntryTimestamp",
    "signedTimestamp",
    "timestamp",
    "timestampVerificationData",
    "timestamps",
    "tlogEntries",
    "treeSize",
    "type",
    "verificationMaterial",
    "version",
    "x509CertificateChain",
    "x5c",
];

#[test]
fn no_mutant_of_what_is_accepted_is_accepted_unless_it_says_the_same() {
    // Every eighth mutant; the next test makes all of them.
    let outcome = run(&fixtures::own(), 8);
    say(&format!(
        "{} mutants, {} accepted",
        outcome.run, outcome.accepted
    ));
    assert!(outcome.run > 1000 && outcome.accepted > 10);
    assert!(outcome.wrong.is_empty(), "{:#?}", outcome.wrong);
}

#[test]
#[ignore = "minutes: .ci/mutants"]
fn every_mutant_of_everything_accepted() {
    let fixtures = fixtures::all();
    let outcome = run(&fixtures, 1);
    say(&format!(
        "{} documents, {} mutants, {} accepted",
        fixtures.len(),
        outcome.run,
        outcome.accepted
    ));
    assert!(outcome.wrong.is_empty(), "{:#?}", outcome.wrong);
}
