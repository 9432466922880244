//! Bundles of others in every version and kind, accepted, and each refused once something of it is
//! missing or exchanged. The larger part is read from the shared corpora where they are present.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use bulla_model::{Algorithm, Bundle, Digest, Limits, Statement, Validity};
use bulla_verify::{
    Attestation, Evidence, ExpectedClaim, ExpectedSigner, Pattern, PublicKey, SignedQuestion,
    Thresholds, Trust, Verdict, verify_signed,
};
use serde_json::Value;

use crate::vectors::{say, text};

/// A bundle with everything needed to answer for it.
#[derive(Clone, Default)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bundle: Vec<u8>,
    pub(crate) root: Option<Vec<u8>>,
    pub(crate) key: Option<String>,
    pub(crate) content: Option<Vec<u8>>,
    pub(crate) digest: Option<Digest>,
    pub(crate) thresholds: Thresholds,
    pub(crate) validity: Validity,
}

impl Case {
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict_about(vec![Attestation::bundle(self.bundle.clone(), None)])
    }

    /// The answer about other attestations than the bundle.
    pub(crate) fn verdict_about(&self, attestations: Vec<Attestation>) -> Verdict {
        let limits = Limits::default();
        let now: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let keys = self.key.iter().map(|pem| {
            let key = PublicKey::from_pem(pem).unwrap();
            key.with_validity(self.validity)
        });
        let roots: Vec<Vec<u8>> = self.root.iter().cloned().collect();
        let trust = Trust::new(keys, &roots, now, &limits)
            .unwrap()
            .with_thresholds(self.thresholds);
        let anybody = || Pattern::regex("(?s).*").unwrap();
        let signer = match &self.key {
            Some(pem) => ExpectedSigner::Key(PublicKey::from_pem(pem).unwrap().id().clone()),
            None => ExpectedSigner::Certificate {
                issuer: anybody(),
                subject: anybody(),
            },
        };
        let digests = self.content.iter().flat_map(|bytes| {
            [Algorithm::Sha384, Algorithm::Sha512].map(|algorithm| Digest::of(algorithm, bytes))
        });
        let evidence = Evidence {
            artifact: self.digest.clone(),
            digests: digests.chain(self.digest.clone()).collect(),
            content: self.content.clone().map(Arc::from),
            attestations,
            ..Evidence::default()
        };
        verify_signed(&SignedQuestion {
            name: &self.name,
            evidence: &evidence,
            trust: &trust,
            signer: &signer,
            claim: &ExpectedClaim::Anything,
            now,
            limits: &limits,
            cancelled: &|| false,
        })
    }

    pub(crate) fn exit(&self) -> u8 {
        self.verdict().exit_code()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bundle).unwrap()
    }

    pub(crate) fn with(&self, json: &Value) -> Self {
        Self {
            bundle: json.to_string().into_bytes(),
            ..self.clone()
        }
    }
}

pub(crate) fn corpora() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    if folder.is_dir() {
        return Some(folder);
    }
    say(&format!("SKIPPED {} is not there", folder.display()));
    None
}

fn optional(path: &Path) -> Option<Vec<u8>> {
    path.is_file().then(|| text(path).into_bytes())
}

/// The first subject's digest, of whatever algorithm a digest is asked for.
pub(crate) fn subject(bundle: &[u8]) -> Option<Digest> {
    let limits = Limits::default();
    let bundle = Bundle::parse(bundle.to_vec(), &limits).ok()?;
    if let Some(digest) = bundle.named_digest() {
        return Some(digest);
    }
    let statement = Statement::parse(bundle.envelope()?.payload(), &limits).ok()?;
    let all = statement.subjects();
    [Algorithm::Sha256, Algorithm::Sha512]
        .into_iter()
        .find_map(|algorithm| all.iter().find_map(|one| one.digest.known(algorithm)))
}

pub(crate) fn conformance(corpora: &Path) -> Vec<Case> {
    let folder = corpora.join("sigstore-conformance/bundle-verify");
    let shared = text(&folder.join("a.txt"));
    let public = text(&corpora.join("sigstore-root/prod/targets/trusted_root.json"));
    let mut cases = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let Some(bundle) = optional(&path.join("bundle.sigstore.json")) else {
            continue;
        };
        let content = optional(&path.join("artifact"));
        let content = content.unwrap_or_else(|| shared.clone().into_bytes());
        let root = optional(&path.join("trusted_root.json"));
        cases.push(Case {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            bundle,
            root: Some(root.unwrap_or_else(|| public.clone().into_bytes())),
            key: optional(&path.join("key.pub")).map(|pem| String::from_utf8(pem).unwrap()),
            digest: Some(Digest::sha256(&content)),
            content: Some(content),
            ..Case::default()
        });
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

#[test]
fn the_bundles_of_the_conformance_suite_are_accepted() {
    let Some(corpora) = corpora() else { return };
    let cases = conformance(&corpora);
    assert!(cases.len() >= 20, "{}", cases.len());
    for case in cases {
        let verdict = case.verdict();
        assert_eq!(
            verdict.exit_code(),
            0,
            "{}: {:?}",
            case.name,
            verdict.findings
        );
        let digest_alone = Case {
            content: None,
            ..case.clone()
        };
        assert_eq!(digest_alone.exit(), 0, "{} by digest", case.name);
        let signature = &verdict.signatures[0];
        assert!(signature.counts && signature.checks.iter().all(|check| check.ok));
        assert!(!signature.records.log_entries.is_empty(), "{}", case.name);
        let another = Case {
            digest: Some(Digest::sha256(b"another")),
            content: Some(b"another".to_vec()),
            ..case.clone()
        };
        assert_ne!(another.exit(), 0, "{} of another file", case.name);
        stripped_or_spliced(&case);
    }
}

/// Whatever is recorded counts, and nothing that was recorded of something else.
fn stripped_or_spliced(case: &Case) {
    let json = case.json();
    let mut bare = json.clone();
    bare["verificationMaterial"]["tlogEntries"] = serde_json::json!([]);
    let keyed = case.key.is_some();
    assert_eq!(case.with(&bare).exit() == 0, keyed, "{}", case.name);
    let thresholds = Thresholds {
        logs: 1,
        timestamps: 0,
    };
    let wanting = Case {
        thresholds,
        ..case.with(&bare)
    };
    assert_ne!(wanting.exit(), 0, "{} without a log", case.name);
    for place in [
        "/verificationMaterial/tlogEntries/0/logIndex",
        "/verificationMaterial/tlogEntries/0/logId/keyId",
        "/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope",
        "/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp",
        "/verificationMaterial/tlogEntries/0/canonicalizedBody",
        "/verificationMaterial/tlogEntries/0/kindVersion/kind",
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
    ] {
        let mut changed = json.clone();
        let Some(value) = changed.pointer_mut(place) else {
            continue;
        };
        let old = value.as_str().unwrap().to_owned();
        *value = match place.rsplit('/').next().unwrap() {
            "logIndex" => "1".into(),
            "kind" if old == "dsse" => "hashedrekord".into(),
            "kind" => "dsse".into(),
            _ => {
                // Checkpoints carry signatures that nobody here asks for, so their text is changed.
                let third = old.len() / 3;
                // So do timestamps with certificates; their signature comes last.
                let nth = match place {
                    envelope if envelope.ends_with("envelope") => 3,
                    token if token.ends_with("signedTimestamp") => old.len() - 12,
                    _ => third,
                };
                let (at, _) = old.char_indices().nth(nth).unwrap();
                let put = if old[at..].starts_with('A') { 'B' } else { 'A' };
                format!("{}{put}{}", &old[..at], &old[at + 1..]).into()
            }
        };
        let exit = case.with(&changed).exit();
        // Only a promise or a v2 checkpoint binds the index in the whole log; a v1 proof does not.
        let unbound = place.ends_with("logIndex") && exit == 0;
        assert!(exit != 0 || unbound, "{}: {place}", case.name);
    }
}

/// Bundles of other projects' tests: file, trusted root, key, and the expected exit code.
const OTHERS: &[(&str, &str, &str, u8)] = &[
    ("sigstore-python/bundle.txt.sigstore", "staging", "", 0),
    ("sigstore-python/bundle_v3.txt.sigstore", "staging", "", 0),
    (
        "sigstore-python/bundle_v3_alt.txt.sigstore",
        "staging",
        "",
        0,
    ),
    (
        "sigstore-python/staging-rekor-v2.txt.sigstore.json",
        "staging",
        "",
        0,
    ),
    (
        "sigstore-python/a.dsse.staging-rekor-v2.txt.sigstore.json",
        "staging",
        "",
        0,
    ),
    (
        "sigstore-python/bundle_v3_github.whl.sigstore",
        "public",
        "",
        0,
    ),
    // v0.1 whose proof lacks its checkpoint: the promise counts.
    (
        "sigstore-python/integration/Python-3.12.5.tgz.sigstore",
        "public",
        "",
        0,
    ),
    (
        "sigstore-python/bundle_cve_2022_36056.txt.sigstore",
        "staging",
        "",
        12,
    ),
    (
        "sigstore-python/bundle_no_checkpoint.txt.sigstore",
        "staging",
        "",
        12,
    ),
    (
        "sigstore-python/bundle_no_log_entry.txt.sigstore",
        "staging",
        "",
        12,
    ),
    (
        "sigstore-python/bundle_no_cert_v1.txt.sigstore",
        "staging",
        "",
        12,
    ),
    (
        "sigstore-python/bundle_invalid_version.txt.sigstore",
        "staging",
        "",
        12,
    ),
    (
        "sigstore-python/bundle_v3_no_signed_time.txt.sigstore.json",
        "public",
        "",
        12,
    ),
    (
        "sigstore-python/tsa/bundle.duplicate.sigstore",
        "staging",
        "",
        12,
    ),
    (
        "sigstore-python/tsa/bundle.txt.late_timestamp.sigstore",
        "staging",
        "",
        14,
    ),
    (
        "sigstore-rust/sigstore-verify/test_data/bundles/conda-attestation.sigstore.json",
        "public",
        "",
        0,
    ),
    (
        "sigstore-rust/sigstore-verify/test_data/bundles/conda-attestation-rekor2.sigstore.json",
        "staging",
        "",
        0,
    ),
    (
        "sigstore-rust/sigstore-verify/test_data/bundles/cosign-v3-blob.sigstore.json",
        "public",
        "",
        0,
    ),
    (
        "sigstore-rust/sigstore-verify/test_data/sct-multi-intermediate/staging_bundle.sigstore.json",
        "sigstore-rust/sigstore-verify/test_data/sct-multi-intermediate/staging_trusted_root.json",
        "",
        0,
    ),
    (
        "sigstore-rust/sigstore-verify/test_data/invalid-ct-key_fail/bundle.sigstore.json",
        "sigstore-rust/sigstore-verify/test_data/invalid-ct-key_fail/trusted_root.json",
        "",
        12,
    ),
    (
        "sigstore-rust/sigstore-verify/test_data/managed-key/bundle.sigstore.json",
        "public",
        "sigstore-rust/sigstore-verify/test_data/managed-key/key.pub",
        0,
    ),
    // GitHub's instance for private repositories: timestamps alone, and only under its own root.
    (
        "sigstore-rust/sigstore-verify/test_data/timestamps/github_sha384_bundle.json",
        "github",
        "",
        0,
    ),
    (
        "sigstore-rust/sigstore-verify/test_data/bundles/github-private-attestation.sigstore.json",
        "github",
        "",
        0,
    ),
    (
        "sigstore-rust/sigstore-verify/test_data/timestamps/github_sha384_bundle.json",
        "public",
        "",
        12,
    ),
    // Entries of kind intoto 0.0.2, subjects named by SHA-512.
    (
        "sigstore-go/pkg/testing/data/bundles/sigstore.js@2.0.0-provenance.sigstore.json",
        "public",
        "",
        0,
    ),
    (
        "sigstore-go/examples/bundle-provenance.json",
        "public",
        "",
        0,
    ),
    // A subject of kind otherName, which Fulcio writes for user names.
    (
        "sigstore-go/pkg/testing/data/bundles/othername.sigstore.json",
        "sigstore-go/pkg/testing/data/trusted-roots/scaffolding.json",
        "",
        0,
    ),
    (
        "sigstore-go/pkg/testing/data/bundles/dsse-2sigs.sigstore.json",
        "public",
        "",
        12,
    ),
];

/// Those of them that are accepted.
pub(crate) fn others(corpora: &Path) -> Vec<Case> {
    let accepted = OTHERS.iter().filter(|(.., expected)| *expected == 0);
    accepted.map(|row| other(corpora, row)).collect()
}

fn other(corpora: &Path, (name, root, key, _): &(&str, &str, &str, u8)) -> Case {
    let base = corpora.join("sigstore-bundles");
    let root = match *root {
        "public" => corpora.join("sigstore-root/prod/targets/trusted_root.json"),
        "github" => PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../testdata/verify/sigstore/github.trusted_root.json"),
        "staging" => corpora.join("sigstore-root/staging/targets/trusted_root.json"),
        other => base.join(other),
    };
    let bundle = text(&base.join(name)).into_bytes();
    let known = subject(&bundle).unwrap_or_else(|| Digest::sha256(b""));
    Case {
        name: (*name).to_owned(),
        root: Some(text(&root).into_bytes()),
        key: (!key.is_empty()).then(|| text(&base.join(key))),
        digest: Some(known),
        bundle,
        ..Case::default()
    }
}

#[test]
fn bundles_of_other_projects_are_answered_as_theirs_do() {
    let Some(corpora) = corpora() else { return };
    let mut wrong = Vec::new();
    for row in OTHERS {
        let (name, .., expected) = row;
        let verdict = other(&corpora, row).verdict();
        if verdict.exit_code() != *expected {
            let found = verdict.signatures.first().and_then(|one| one.checks.last());
            wrong.push(format!("{name}: {}, {found:?}", verdict.exit_code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
