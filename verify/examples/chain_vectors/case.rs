//! Vectors of `testdata/chains`: the format of a case, and the question it asks.

use std::path::Path;
use std::sync::Arc;

use bulla_model::{Digest, EdgeKind, Identity, KeyId, Limits, Manifest, Person};
use bulla_verify::{
    Anchor, Attestation, Cause, Decision, Document, Evidence, Ledger, Policy, PolicyFile,
    PolicyFiles, Question, QuestionError, Severity, State, StepRequest, StepReview, Trust, Verdict,
    judge_step, verify_environment,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A question with everything its answer depends on, and the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// A heading of `docs/spec/promotion-chain.md`.
    pub(crate) section: String,
    /// The rule of that section which decides, in one sentence.
    pub(crate) about: String,
    pub(crate) question: Asked,
    pub(crate) now: Timestamp,
    pub(crate) artifact: Digest,
    pub(crate) attestations: Vec<Received>,
    pub(crate) ledger: LedgerInput,
    pub(crate) indexes: Vec<Blob>,
    pub(crate) documents: Vec<DocumentInput>,
    pub(crate) truncated: bool,
    pub(crate) unavailable: Vec<String>,
    pub(crate) unusable: Vec<String>,
    pub(crate) policy: PolicyInput,
    pub(crate) anchor: Option<Blob>,
    pub(crate) state: Option<Blob>,
    pub(crate) trusted_roots: Vec<Blob>,
    pub(crate) expected: Expected,
}

/// A file of `files/`, by the SHA-256 digest of its bytes.
pub(crate) type Blob = Digest;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub(crate) enum Asked {
    /// May it be in this environment?
    Verify { environment: String },
    /// May it take this step, signed with this key? Without one nobody is asked about.
    Step {
        to: String,
        from: Option<String>,
        step: EdgeKind,
        promoter: Option<KeyId>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Received {
    /// Who signed what, for people; no input.
    pub(crate) what: String,
    pub(crate) file: Blob,
    /// Digest of the manifest it was found in.
    pub(crate) manifest: Option<Digest>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerInput {
    pub(crate) attestations: Vec<Received>,
    pub(crate) unavailable: Vec<String>,
}

/// A document by the digest it is named by: one of the three members says what was found there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentInput {
    pub(crate) digest: Digest,
    pub(crate) file: Option<Blob>,
    pub(crate) unavailable: Option<String>,
    pub(crate) altered: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyInput {
    pub(crate) base: PolicyFileInput,
    pub(crate) services: Vec<PolicyFileInput>,
    pub(crate) people: Option<PolicyFileInput>,
    /// Earlier versions, which have none themselves.
    pub(crate) predecessors: Vec<PolicyInput>,
    /// In which owners sign versions of it.
    pub(crate) signatures: Vec<PolicyFileInput>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyFileInput {
    pub(crate) path: String,
    pub(crate) file: Blob,
}

/// What is compared: exit code, decision and cause, findings as a set, and of what is allowed the
/// steps in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) exit: u8,
    /// None where the question cannot be asked, exit 2.
    pub(crate) decision: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) findings: Vec<Found>,
    pub(crate) steps: Vec<Walked>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    pub(crate) code: String,
    pub(crate) severity: String,
    pub(crate) check: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Walked {
    /// As the policy names it.
    pub(crate) environment: String,
    pub(crate) kind: EdgeKind,
    /// Payload digest of the promotion.
    pub(crate) promotion: Digest,
    pub(crate) approved_by: Vec<Person>,
    /// How its review stands, where the policy asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) review: Option<StepReview>,
}

/// How the bytes of a file are had.
pub(crate) type Files<'a> = &'a dyn Fn(&Blob) -> Vec<u8>;

impl Case {
    /// What Bulla answers, from the files alone.
    pub(crate) fn answer(&self, files: Files<'_>) -> Expected {
        let unasked = || Expected {
            exit: 2,
            ..Expected::default()
        };
        self.ask(files).unwrap_or_else(unasked)
    }

    /// Nothing if the question cannot be asked.
    fn ask(&self, files: Files<'_>) -> Option<Expected> {
        let limits = Limits::default();
        let policy = Policy::parse(&self.policy.read(files), &limits).ok()?;
        let anchor = self.anchor.as_ref().map(files);
        let anchor = anchor.map(|bytes| Anchor::parse("anchor.yaml", &bytes, &limits));
        let anchor = anchor.transpose().ok()?;
        let state = self.state.as_ref().map(files);
        let state = state.map(|bytes| State::parse(&bytes, &limits));
        let state = state.transpose().ok()?;
        let keys = anchor.iter().flat_map(Anchor::keys).cloned();
        let keys = policy.keys().into_iter().chain(keys);
        let roots: Vec<_> = self.trusted_roots.iter().map(files).collect();
        let trust = Trust::new(keys, &roots, self.now, &limits).ok()?;
        let question = Question {
            name: "registry.example.test/pay/api",
            evidence: &self.evidence(files, &limits),
            policy: &policy,
            trust: &trust,
            anchor: anchor.as_ref(),
            state: state.as_ref(),
            now: self.now,
            limits: &limits,
            cancelled: &|| false,
        };
        let verdict = self.question.put(&question).ok()?;
        Some(Expected::of(&verdict))
    }

    fn evidence(&self, files: Files<'_>, limits: &Limits) -> Evidence {
        let received = |all: &[Received]| all.iter().map(|one| one.read(files)).collect();
        let index = |blob: &Blob| Manifest::parse(files(blob), limits).expect("an index");
        let document = |input: &DocumentInput| (input.digest.clone(), input.read(files));
        Evidence {
            artifact: Some(self.artifact.clone()),
            indexes: self.indexes.iter().map(index).collect(),
            attestations: received(&self.attestations),
            documents: self.documents.iter().map(document).collect(),
            truncated: self.truncated,
            unavailable: self.unavailable.clone(),
            unusable: self.unusable.clone(),
            ledger: Ledger {
                attestations: received(&self.ledger.attestations),
                unavailable: self.ledger.unavailable.clone(),
            },
            ..Evidence::default()
        }
    }
}

impl Asked {
    fn put(&self, question: &Question<'_>) -> Result<Verdict, QuestionError> {
        match self {
            Self::Verify { environment } => verify_environment(question, environment),
            Self::Step {
                to,
                from,
                step,
                promoter,
            } => {
                let promoter = promoter.clone().map(|key_id| Identity::Key { key_id });
                let request = StepRequest {
                    to,
                    from: from.as_deref(),
                    kind: *step,
                    promoter: promoter.as_ref(),
                    tickets: None,
                    set: None,
                    names: None,
                };
                judge_step(question, &request).map(|(verdict, _)| verdict)
            }
        }
    }
}

impl Received {
    fn read(&self, files: Files<'_>) -> Attestation {
        Attestation::bundle(files(&self.file), self.manifest.clone())
    }
}

impl DocumentInput {
    fn read(&self, files: Files<'_>) -> Document {
        match (&self.file, &self.unavailable, &self.altered) {
            (Some(blob), None, None) => Document::Bytes(Arc::from(files(blob))),
            (None, Some(reason), None) => Document::Unavailable(reason.clone()),
            (None, None, Some(found)) => Document::Altered(found.clone()),
            _ => panic!("{}: one of the three", self.digest),
        }
    }
}

impl PolicyInput {
    fn read(&self, files: Files<'_>) -> PolicyFiles {
        let read = |all: &[PolicyFileInput]| all.iter().map(|file| file.read(files)).collect();
        let predecessors = self.predecessors.iter();
        PolicyFiles {
            base: self.base.read(files),
            services: read(&self.services),
            people: self.people.as_ref().map(|file| file.read(files)),
            predecessors: predecessors.map(|one| one.read(files)).collect(),
            signatures: read(&self.signatures),
        }
    }
}

impl PolicyFileInput {
    fn read(&self, files: Files<'_>) -> PolicyFile {
        PolicyFile {
            path: self.path.clone(),
            bytes: files(&self.file),
        }
    }
}

impl Expected {
    fn of(verdict: &Verdict) -> Self {
        let findings = verdict.findings.iter().map(|finding| Found {
            code: finding.code.as_str().to_owned(),
            severity: word::<Severity>(&finding.severity),
            check: finding.check.to_owned(),
        });
        let mut findings: Vec<_> = findings.collect();
        findings.sort();
        findings.dedup();
        let allowed = verdict.decision == Decision::Allow;
        let steps = verdict.steps.iter().filter(|_| allowed).map(|step| Walked {
            environment: step.environment.clone(),
            kind: step.kind,
            promotion: step.promotion.clone(),
            approved_by: step.approved_by.clone(),
            review: step.review,
        });
        Self {
            exit: verdict.exit_code(),
            decision: Some(word::<Decision>(&verdict.decision)),
            cause: verdict.cause.as_ref().map(word::<Cause>),
            findings,
            steps: steps.collect(),
        }
    }
}

/// A value as JSON writes it.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        other => panic!("{other:?} is no word"),
    }
}

/// A file of the folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the crate reads no files; whoever runs its vectors does"
)]
pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cases of a folder, sorted by name.
pub(crate) fn cases(folder: &Path) -> Vec<Case> {
    let listed = folder.join("cases").read_dir();
    let listed = listed.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = listed
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let case = |path: &std::path::PathBuf| {
        let parsed = serde_json::from_slice(&read(path));
        parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(case).collect()
}

/// A file of `files/`, which has to be what its name says.
pub(crate) fn blob(folder: &Path, digest: &Blob) -> Vec<u8> {
    let bytes = read(&folder.join("files").join(digest.hex()));
    assert_eq!(Digest::sha256(&bytes), *digest, "a file was changed");
    bytes
}
