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
use std::sync::Arc;

use bulla_model::{Digest, Limits};
use bulla_verify::{Attestation, Evidence, PublicKey, Trust, Verified, examine};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::forms::{Case, conformance, corpora, subject};
use crate::kit::Signer;
use crate::vectors::{root, say, text};

mod mutate;

use mutate::{Mutant, Sequence, mutants};

const NOW: &str = "2026-10-01T00:00:00Z";

const STAMPS: &str = "verificationMaterial.timestampVerificationData";

/// Where a mutant may differ and still be accepted: the place, the changes (none listed means
/// all), and why. Places that begin with `0.1:` are of that version of the bundle alone.
const TOLERATED: &[(&str, &[&str], &str)] = &[
    (
        "verificationMaterial.publicKey.hint",
        &[],
        "a hint which key to try; the key is the verifier's own",
    ),
    (
        "verificationMaterial.publicKey",
        &["no elements", "no members"],
        "the hint is gone",
    ),
    (
        "dsseEnvelope.signatures.*.keyid",
        &[],
        "a hint which key to try",
    ),
    (
        "verificationMaterial.tlogEntries",
        &["element twice"],
        "the same record is one record",
    ),
    (
        "verificationMaterial.tlogEntries",
        &["delete", "null", "no elements"],
        "a key needs no record unless records are asked for; a certificate does",
    ),
    (
        "verificationMaterial.tlogEntries.*",
        &["delete"],
        "a key needs no record unless records are asked for; a certificate does",
    ),
    (
        "messageSignature.messageDigest",
        &[
            "delete",
            "null",
            "no elements",
            "no members",
            "algorithm and digest swapped",
        ],
        "a hint; one that can be read has to fit",
    ),
    (
        "messageSignature.messageDigest.algorithm",
        &[],
        "a hint; one that can be read has to fit",
    ),
    (
        "messageSignature.messageDigest.digest",
        &["cut", "longer", "delete", "null", "no text"],
        "a hint; one that can be read has to fit",
    ),
    (
        "0.1:verificationMaterial.tlogEntries.*.inclusionProof",
        &["delete", "null", "no elements", "no members"],
        "the promise counts in the oldest version",
    ),
    (
        "0.1:verificationMaterial.tlogEntries.*.inclusionProof.checkpoint",
        &["delete", "null", "no elements", "no members"],
        "the promise counts in the oldest version",
    ),
    (
        "0.1:verificationMaterial.tlogEntries.*.inclusionProof.checkpoint.envelope",
        &["delete", "null", "no text"],
        "the promise counts in the oldest version",
    ),
    (
        "verificationMaterial.timestampVerificationData.rfc3161Timestamps",
        &["element twice"],
        "the same record is one record",
    ),
    (
        "verificationMaterial.timestampVerificationData.rfc3161Timestamps",
        &["delete", "no elements"],
        "one record less where the other suffices",
    ),
    (
        "verificationMaterial.timestampVerificationData.rfc3161Timestamps.*",
        &["delete"],
        "one record less where the other suffices",
    ),
    (
        STAMPS,
        &["delete", "no elements", "no members", "null"],
        "one record less where the other suffices",
    ),
    (
        "verificationMaterial.tlogEntries.*.inclusionPromise",
        &["delete", "null", "no elements", "no members"],
        "one record less where the other suffices",
    ),
    (
        "verificationMaterial.x509CertificateChain.certificates",
        &["element twice", "200 elements"],
        "certificates above the first are the trusted root's, the bundle's are not looked at",
    ),
    (
        "verificationMaterial.tlogEntries.*.inclusionProof.checkpoint.envelope",
        &[
            "blank line twice",
            "final newline deleted",
            "first signature twice",
            "later signature changed",
            "later signature deleted",
            "later signature twice",
            "name of a signature changed",
            "signatures swapped",
        ],
        "signatures of others than the log, and names: the log's key and its signature decide",
    ),
    (
        "verificationMaterial.tlogEntries.*.inclusionProof.logIndex",
        &["delete"],
        "writers leave it out where the entry's own index is the same",
    ),
    (
        "verificationMaterial.tlogEntries.*.integratedTime",
        &["splice"],
        "without a promise it is no time",
    ),
];

/// What an accepted bundle proves.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    signed: Digest,
    signer: String,
    proven: Option<Timestamp>,
}

impl Facts {
    fn of<T>(verified: &Verified<T>, signed: Digest) -> Self {
        let time = verified.time();
        Self {
            signed,
            signer: format!("{:?}", verified.signer()),
            proven: time.existed_by().filter(|_| time.is_proven()),
        }
    }
}

/// An accepted bundle, and the trust it is accepted by.
struct Fixture {
    case: Case,
    trust: Trust,
}

impl From<Case> for Fixture {
    fn from(case: Case) -> Self {
        let keys = case.key.iter().map(|pem| PublicKey::from_pem(pem).unwrap());
        let roots: Vec<Vec<u8>> = case.root.iter().cloned().collect();
        let now = NOW.parse().unwrap();
        let trust = Trust::new(keys, &roots, now, &Limits::default()).unwrap();
        Self { case, trust }
    }
}

impl Fixture {
    /// What is proven by these bytes about the fixture's artifact.
    fn facts(&self, bundle: &[u8]) -> Option<Facts> {
        let limits = Limits::default();
        let evidence = Evidence {
            artifact: self.case.digest.clone(),
            digests: self.case.digest.iter().cloned().collect(),
            content: self.case.content.clone().map(Arc::from),
            attestations: vec![Attestation::bundle(bundle.to_vec(), None)],
            ..Evidence::default()
        };
        let now = NOW.parse().unwrap();
        let found = examine(&evidence, &self.trust, now, &limits, &|| false).unwrap();
        if let Some(signature) = found[0].signature() {
            let verified = signature.ok()?;
            return Some(Facts::of(verified, verified.value().subject.clone()));
        }
        let verified = found[0].outcome().ok()?;
        Some(Facts::of(verified, verified.payload().clone()))
    }
}

/// The accepted bundles that are copied here: with certificates and keys, of files and statements,
/// in every version, with promises, proofs and timestamps, and one signed with a key alone.
fn copied() -> Vec<Fixture> {
    let folder = root().join("testdata/verify/sigstore");
    let bytes = |name: &str| text(&folder.join(name)).into_bytes();
    let file = bytes("a.txt");
    let mut cases: Vec<Case> = [
        ("rekor1", "public"),
        ("rekor2", "rekor2"),
        ("private", "private"),
        ("github", "github"),
        ("v01", "public"),
        ("keyed", "keyed"),
    ]
    .into_iter()
    .map(|(name, root)| {
        let of_file = ["v01", "keyed"].contains(&name);
        let bundle = bytes(&format!("{name}.sigstore.json"));
        Case {
            name: name.to_owned(),
            root: Some(bytes(&format!("{root}.trusted_root.json"))),
            key: (name == "keyed").then(|| text(&folder.join("keyed.pub"))),
            digest: if of_file {
                Some(Digest::sha256(&file))
            } else {
                subject(&bundle)
            },
            content: of_file.then(|| file.clone()),
            bundle,
            ..Case::default()
        }
    })
    .collect();
    let signer = Signer::named("builder");
    let statement = br#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}"#;
    let bundle = signer.seal(statement);
    cases.push(Case {
        name: "key".to_owned(),
        digest: subject(&bundle),
        bundle,
        // So that records spliced in are looked at.
        root: Some(bytes("public.trusted_root.json")),
        key: Some(signer.pem()),
        ..Case::default()
    });
    cases.into_iter().map(Fixture::from).collect()
}

/// Counts of a run, and the accepted mutants that nothing tolerates.
#[derive(Default)]
struct Outcome {
    run: usize,
    accepted: usize,
    wrong: BTreeMap<String, usize>,
}

/// Every `step`th mutant of these fixtures.
fn run(fixtures: &[Fixture], step: usize) -> Outcome {
    let documents: Vec<Value> = fixtures
        .iter()
        .map(|fixture| serde_json::from_slice(&fixture.case.bundle).unwrap())
        .collect();
    let mut outcome = Outcome::default();
    for (at, fixture) in fixtures.iter().enumerate() {
        let name = &fixture.case.name;
        let original = fixture.facts(&fixture.case.bundle);
        let original = original.unwrap_or_else(|| panic!("{name} is accepted"));
        let others: Vec<&Value> = documents
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .map(|(_, document)| document)
            .collect();
        let mut sequence = Sequence(0x6275_6c6c_6100_0001 + at as u64);
        let all = mutants(&documents[at], &others, &mut sequence);
        for mutant in all.iter().skip(at % step).step_by(step) {
            outcome.run += 1;
            let Some(found) = fixture.facts(&mutant.bytes) else {
                continue;
            };
            outcome.accepted += 1;
            if let Some(wrong) = judge(&original, &found, &documents[at], mutant) {
                let line = format!("{name}: {} at {}: {wrong}", mutant.change, mutant.place);
                *outcome.wrong.entry(line).or_default() += 1;
            }
        }
    }
    outcome
}

/// Why this mutant may not be accepted with these facts, if so.
fn judge(
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
    let oldest = document["mediaType"].as_str();
    let oldest = oldest.is_some_and(|kind| kind.ends_with("version=0.1"));
    let tolerated = TOLERATED.iter().any(|(place, changes, _)| {
        let place = match place.strip_prefix("0.1:") {
            Some(place) if oldest => place,
            _ => place,
        };
        mutant.place == place && (changes.is_empty() || changes.contains(&mutant.change.as_str()))
    });
    let same = mutant.change != "member twice" && same() == Some(true);
    (!tolerated && !same).then_some("nothing says that this is not signed")
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

/// Members of a bundle, Sigstore protobuf specifications v0.5.0.
const MEMBERS: &[&str] = &[
    "algorithm",
    "canonicalizedBody",
    "certificate",
    "certificates",
    "checkpoint",
    "digest",
    "dsseEnvelope",
    "envelope",
    "hashes",
    "hint",
    "inclusionPromise",
    "inclusionProof",
    "integratedTime",
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
    "publicKey",
    "rawBytes",
    "rfc3161Timestamps",
    "rootHash",
    "sig",
    "signature",
    "signatures",
    "signedEntryTimestamp",
    "signedTimestamp",
    "timestampVerificationData",
    "tlogEntries",
    "treeSize",
    "verificationMaterial",
    "version",
    "x509CertificateChain",
];

#[test]
fn no_mutant_of_an_accepted_bundle_is_accepted_unless_it_says_the_same() {
    // Every second mutant; the next test makes all of them.
    let outcome = run(&copied(), 2);
    say(&format!(
        "{} mutants, {} accepted",
        outcome.run, outcome.accepted
    ));
    assert!(outcome.run > 1000 && outcome.accepted > 10);
    assert!(outcome.wrong.is_empty(), "{:#?}", outcome.wrong);
}

#[test]
#[ignore = "minutes: cargo test -p bulla-verify -- --ignored --nocapture every_mutant"]
fn every_mutant_of_every_accepted_bundle() {
    let mut fixtures = copied();
    if let Some(corpora) = corpora() {
        fixtures.extend(conformance(&corpora).into_iter().map(Fixture::from));
    }
    let outcome = run(&fixtures, 1);
    say(&format!(
        "{} bundles, {} mutants, {} accepted",
        fixtures.len(),
        outcome.run,
        outcome.accepted
    ));
    assert!(outcome.wrong.is_empty(), "{:#?}", outcome.wrong);
}
