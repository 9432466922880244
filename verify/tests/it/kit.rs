//! A small world to attack: a policy, signers, and the honest journey of one image from its build
//! into prod. A test changes one thing and looks at the verdict.

use std::cell::Cell;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use bulla_model::predicate::promotion::Slot;
use bulla_model::predicate::{
    Approval, CYCLONEDX, Promotion, approval, promotion, slsa_provenance, test_result,
};
use bulla_model::{
    Digest, EdgeKind, Identity, Limits, Manifest, ResourceDescriptor, Statement, SubjectSet,
    statement,
};
use bulla_verify::{
    Anchor, Attestation, Candidate, Code, Document, Evidence, Ledger, Policy, PolicyFiles,
    PublicKey, Question, QuestionError, Retirement, ReviewDraft, ReviewRequest, State, StepDraft,
    StepRequest, Trust, Verdict, examine, judge_review, judge_step, retirements,
    verify_environment,
};

pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod policy;
pub(crate) mod signer;

pub(crate) use signer::{Signer, wrap};

/// Everything a verdict depends on, open to change.
pub(crate) struct World {
    pub(crate) files: PolicyFiles,
    pub(crate) evidence: Vec<Entry>,
    pub(crate) ledger: Vec<Entry>,
    /// What of the ledger could not be had.
    pub(crate) ledger_without: Vec<String>,
    pub(crate) artifact: Digest,
    /// What takes each step together, if that is more than the artifact.
    pub(crate) set: Vec<Digest>,
    pub(crate) indexes: Vec<Manifest>,
    pub(crate) documents: BTreeMap<Digest, Document>,
    pub(crate) truncated: bool,
    pub(crate) unavailable: Vec<String>,
    pub(crate) unusable: Vec<String>,
    pub(crate) anchor: Option<String>,
    pub(crate) state: Option<State>,
    pub(crate) more_keys: Vec<PublicKey>,
    /// Sigstore trusted roots.
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) now: Timestamp,
    pub(crate) limits: Limits,
    /// After how many questions the callback ends the work, and how many there were.
    pub(crate) deadline: usize,
    pub(crate) asked: Cell<usize>,
}

/// An attestation, with a name for the test.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) bundle: Vec<u8>,
}

/// The image of all tests.
pub(crate) fn image() -> Digest {
    Digest::sha256(b"the image")
}

/// Hours after the start of the story, 2026-03-02T09:00:00Z.
pub(crate) fn hour(hours: i64) -> Timestamp {
    let start: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(hours)
}

impl World {
    /// A policy and an image, nothing attested.
    pub(crate) fn empty() -> Self {
        Self {
            files: policy::files(),
            evidence: Vec::new(),
            ledger: Vec::new(),
            ledger_without: Vec::new(),
            artifact: image(),
            set: Vec::new(),
            indexes: Vec::new(),
            documents: BTreeMap::new(),
            truncated: false,
            unavailable: Vec::new(),
            unusable: Vec::new(),
            anchor: None,
            state: None,
            more_keys: Vec::new(),
            roots: Vec::new(),
            now: hour(0),
            limits: Limits::default(),
            deadline: usize::MAX,
            asked: Cell::new(0),
        }
    }

    /// Built, described, tested; it is now hour 1.
    pub(crate) fn built() -> Self {
        let mut world = Self::empty();
        world.provenance();
        world.sbom();
        world.tests();
        world.now = hour(1);
        world
    }

    /// In dev since hour 1, in staging since hour 2; it is now hour 3.
    pub(crate) fn staged() -> Self {
        Self::built().into_staging()
    }

    pub(crate) fn into_staging(mut self) -> Self {
        self.now = hour(1);
        self.promote("dev");
        self.now = hour(2);
        self.promote("staging");
        self.now = hour(3);
        self
    }

    /// Approved for prod by alice and carol at hour 3; it is now hour 4.
    pub(crate) fn approved() -> Self {
        let mut world = Self::staged();
        world.approve("alice", "prod");
        world.approve("carol", "prod");
        world.now = hour(4);
        world
    }

    /// The whole honest journey; it is now hour 24.
    pub(crate) fn journey() -> Self {
        let mut world = Self::approved();
        world.promote("prod");
        world.now = hour(24);
        world
    }

    pub(crate) fn provenance(&mut self) {
        let when = self.now;
        let predicate = provenance("https://github.com/acme/pay", &["dave@acme.example"]);
        self.attest_at("builder", slsa_provenance::TYPE, &predicate, Some(when));
    }

    pub(crate) fn sbom(&mut self) {
        let predicate = json!({
            "bomFormat": "CycloneDX", "specVersion": "1.6",
            "components": [{"type": "library", "name": "zlib"}],
        });
        self.attest("builder", CYCLONEDX, &predicate);
    }

    pub(crate) fn tests(&mut self) {
        let predicate = json!({"result": "PASSED", "configuration": [], "passedTests": ["a", "b"]});
        self.attest("tester", test_result::TYPE, &predicate);
    }

    /// Adds a standard statement about the image, issued now.
    pub(crate) fn attest(&mut self, who: &str, kind: &str, predicate: &Value) {
        self.attest_at(who, kind, predicate, Some(self.now));
    }

    pub(crate) fn attest_at(
        &mut self,
        who: &str,
        kind: &str,
        predicate: &Value,
        when: Option<Timestamp>,
    ) {
        let mut subject = ResourceDescriptor::of(self.artifact.clone());
        if let Some(when) = when {
            let annotation = (statement::ISSUED_AT.to_owned(), json!(when.to_string()));
            subject.annotations.extend([annotation]);
        }
        self.attest_about(who, kind, predicate, &[subject]);
    }

    pub(crate) fn attest_about(
        &mut self,
        who: &str,
        kind: &str,
        predicate: &Value,
        subjects: &[ResourceDescriptor],
    ) {
        let bytes = statement::write(subjects, &kind.parse().unwrap(), predicate).unwrap();
        let bundle = Signer::named(who).seal(&bytes);
        let name = format!("{who} {}", short_name(kind));
        self.add(&name, bundle);
    }

    pub(crate) fn add(&mut self, name: &str, bundle: Vec<u8>) {
        self.evidence.push(Entry {
            name: name.to_owned(),
            bundle,
        });
    }

    /// Takes the entries away whose name begins like this; there must be some.
    pub(crate) fn take(&mut self, name: &str) -> Vec<Entry> {
        let (taken, kept) = std::mem::take(&mut self.evidence)
            .into_iter()
            .partition::<Vec<_>, _>(|entry| entry.name.starts_with(name));
        self.evidence = kept;
        assert!(!taken.is_empty(), "no entry `{name}`");
        taken
    }

    pub(crate) fn approve(&mut self, who: &str, to: &str) {
        self.approve_with(who, to, |_| {});
    }

    /// Approves what `judge_step` drafts, after a change.
    pub(crate) fn approve_with(&mut self, who: &str, to: &str, change: impl Fn(&mut Approval)) {
        let (_, draft) = self.judge(to, None);
        let draft = draft.expect("a step that can be named");
        let mut approval = Approval {
            decision: approval::ApprovalDecision::Approve,
            service: draft.service,
            edge: draft.edge,
            policy: draft.policy,
            previous: draft.chain.previous,
            issued_at: self.now,
            not_after: self.now + SignedDuration::from_hours(24),
            nonce: Some(nonce(who)),
            reason: None,
            on_behalf_of: None,
            crit: Vec::new(),
        };
        change(&mut approval);
        let subjects: Vec<_> = self
            .subjects()
            .into_iter()
            .map(ResourceDescriptor::of)
            .collect();
        let predicate = serde_json::to_value(&approval).unwrap();
        self.attest_about(who, approval::TYPE, &predicate, &subjects);
    }

    /// All that takes a step.
    pub(crate) fn subjects(&self) -> Vec<Digest> {
        if self.set.is_empty() {
            vec![self.artifact.clone()]
        } else {
            self.set.clone()
        }
    }

    /// Says the last approval or promotion again as a statement of version 0.1, in its place.
    pub(crate) fn redraft(&mut self, who: &str) {
        let said = self.evidence.pop().expect("a statement");
        let said = Statement::parse(&payload(&said.bundle), &self.limits).unwrap();
        let kind = said.predicate_type().as_str().replace("/v1", "/v0.1");
        let mut predicate: Value = serde_json::from_str(said.predicate_json().unwrap()).unwrap();
        predicate.as_object_mut().unwrap().remove("nonce");
        let subjects = said.subjects().to_vec();
        self.attest_about(who, &kind, &predicate, &subjects);
    }

    pub(crate) fn promote(&mut self, to: &str) -> Digest {
        self.promote_with(to, |_| {})
    }

    /// Promotes what `judge_step` drafts, allowed or not, after a change.
    pub(crate) fn promote_with(&mut self, to: &str, change: impl Fn(&mut Promotion)) -> Digest {
        let promoter = Signer::named("promoter");
        let (_, draft) = self.judge(to, Some(&promoter.identity()));
        let mut said = self.promotion(draft.expect("a step that can be named"));
        change(&mut said);
        self.seal_promotion("promoter", to, &said, &self.subjects())
    }

    pub(crate) fn promotion(&self, draft: StepDraft) -> Promotion {
        Promotion {
            service: draft.service,
            tier: draft.tier,
            version: None,
            edge: draft.edge,
            chain: draft.chain,
            slot: Slot {
                sequence: 1,
                previous: None,
            },
            policy: draft.policy,
            reason: None,
            tickets: Vec::new(),
            inputs: draft.inputs,
            gates: draft.gates,
            issued_at: self.now,
            not_after: None,
            crit: Vec::new(),
        }
    }

    pub(crate) fn seal_promotion(
        &mut self,
        who: &str,
        to: &str,
        said: &Promotion,
        subjects: &[Digest],
    ) -> Digest {
        let subjects: Vec<_> = subjects
            .iter()
            .cloned()
            .map(ResourceDescriptor::of)
            .collect();
        let kind = promotion::TYPE.parse().unwrap();
        let bytes = statement::write(&subjects, &kind, said).unwrap();
        self.add(
            &format!("{who} promotion {to}"),
            Signer::named(who).seal(&bytes),
        );
        Digest::sha256(&bytes)
    }

    /// Changes a line of a policy file; the text must be there.
    pub(crate) fn edit(&mut self, path: &str, from: &str, to: &str) {
        let services = self.files.services.iter_mut();
        let file = services
            .chain([&mut self.files.base])
            .chain(self.files.people.as_mut())
            .find(|file| file.path == path)
            .expect("a file of the policy");
        let text = String::from_utf8(file.bytes.clone()).unwrap();
        assert!(text.contains(from), "`{from}` is not in {path}");
        file.bytes = text.replace(from, to).into_bytes();
    }

    /// Publishes the policy anew as version 4, with version 3 in its history.
    pub(crate) fn next_policy(&mut self) {
        let old = self.files.clone();
        let digest = Policy::parse(&old, &self.limits).unwrap().digest();
        self.edit("release.yaml", "version: 3", "version: 4");
        let history = format!("history: [{{version: 3, digest: \"{digest}\"}}]");
        self.edit("release.yaml", "history: []", &history);
        self.files.predecessors.push(old);
    }

    pub(crate) fn parsed(&self) -> Policy {
        Policy::parse(&self.files, &self.limits).unwrap()
    }

    pub(crate) fn gathered(&self) -> Evidence {
        let received = |entry: &Entry| {
            let manifest = Digest::sha256(&entry.bundle);
            Attestation::bundle(entry.bundle.clone(), Some(manifest))
        };
        let attestations = self.evidence.iter().map(received);
        let ledger = Ledger {
            attestations: self.ledger.iter().map(received).collect(),
            unavailable: self.ledger_without.clone(),
        };
        Evidence {
            artifact: Some(self.artifact.clone()),
            indexes: self.indexes.clone(),
            attestations: attestations.collect(),
            ledger,
            documents: self.documents.clone(),
            truncated: self.truncated,
            unavailable: self.unavailable.clone(),
            unusable: self.unusable.clone(),
            ..Evidence::default()
        }
    }

    pub(crate) fn trust(&self, policy: &Policy) -> Trust {
        let anchor = self.read_anchor();
        let named = anchor.iter().flat_map(Anchor::keys).cloned();
        let keys = policy.keys().into_iter().chain(self.more_keys.clone());
        let keys = keys.chain(named);
        Trust::new(keys, &self.roots, self.now, &self.limits).unwrap()
    }

    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let trust = self.trust(&self.parsed());
        examine(&self.gathered(), &trust, self.now, &self.limits, &|| false).unwrap()
    }

    pub(crate) fn read_anchor(&self) -> Option<Anchor> {
        let text = self.anchor.as_ref()?;
        Some(Anchor::parse("anchor.yaml", text.as_bytes(), &self.limits).unwrap())
    }

    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&Question<'_>) -> T) -> T {
        self.asked.set(0);
        let policy = self.parsed();
        let trust = self.trust(&policy);
        let evidence = self.gathered();
        let anchor = self.read_anchor();
        ask(&Question {
            name: "registry.example.test/pay/api",
            evidence: &evidence,
            policy: &policy,
            trust: &trust,
            anchor: anchor.as_ref(),
            state: self.state.as_ref(),
            now: self.now,
            limits: &self.limits,
            cancelled: &|| self.asked.replace(self.asked.get() + 1) >= self.deadline,
        })
    }

    pub(crate) fn verify(&self, environment: &str) -> Verdict {
        self.try_verify(environment).unwrap()
    }

    pub(crate) fn try_verify(&self, environment: &str) -> Result<Verdict, QuestionError> {
        self.ask(|question| verify_environment(question, environment))
    }

    pub(crate) fn judge(
        &self,
        to: &str,
        promoter: Option<&Identity>,
    ) -> (Verdict, Option<StepDraft>) {
        let set: SubjectSet = self.subjects().into_iter().collect();
        let request = StepRequest {
            to,
            from: None,
            kind: EdgeKind::Promote,
            promoter,
            tickets: None,
            set: Some(&set),
            names: None,
        };
        self.judge_request(&request)
    }

    pub(crate) fn judge_review(
        &self,
        request: &ReviewRequest<'_>,
    ) -> (Verdict, Option<ReviewDraft>) {
        self.ask(|question| judge_review(question, request))
            .unwrap()
    }

    pub(crate) fn retirements(&self, environment: &str) -> Vec<Retirement> {
        self.ask(|question| retirements(question, environment))
            .unwrap()
    }

    pub(crate) fn judge_request(&self, request: &StepRequest<'_>) -> (Verdict, Option<StepDraft>) {
        self.ask(|question| judge_step(question, request)).unwrap()
    }
}

/// A person's nonce, the same in every run.
pub(crate) fn nonce(who: &str) -> bulla_model::Nonce {
    let digest = Digest::sha256(who.as_bytes()).to_bytes();
    bulla_model::Nonce::of(std::array::from_fn(|index| digest[index]))
}

/// Provenance of a build from this repository.
pub(crate) fn provenance(source: &str, authors: &[&str]) -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://example.test/build/v1",
            "externalParameters": {},
            "resolvedDependencies": [{
                "uri": format!("git+{source}@refs/heads/main"),
                "digest": {"gitCommit": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"},
                "annotations": {slsa_provenance::AUTHORS: authors},
            }],
        },
        "runDetails": {"builder": {"id": "https://example.test/builder"}},
    })
}

/// An index that lists these manifests.
pub(crate) fn index(entries: &[Value]) -> Manifest {
    let text = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": entries,
    });
    Manifest::parse(text.to_string().into_bytes(), &Limits::default()).unwrap()
}

pub(crate) fn index_entry(digest: &Digest) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest.to_string(), "size": 7,
    })
}

/// The payload of a bundle, changed, under the old signature.
pub(crate) fn tampered(bundle: &[u8], from: &str, to: &str) -> Vec<u8> {
    let bundle = bulla_model::Bundle::parse(bundle.to_vec(), &Limits::default()).unwrap();
    let envelope = bundle.envelope().unwrap();
    let payload = String::from_utf8(envelope.payload().to_vec()).unwrap();
    assert!(payload.contains(from), "`{from}` is not in {payload}");
    let bulla_model::KeyMaterial::PublicKey { hint } = bundle.key() else {
        panic!("a bundle with a key");
    };
    wrap(
        payload.replace(from, to).as_bytes(),
        envelope.payload_type(),
        envelope.signatures()[0].signature.clone(),
        hint,
    )
}

/// The statement's bytes in a bundle.
pub(crate) fn payload(bundle: &[u8]) -> Vec<u8> {
    let bundle = bulla_model::Bundle::parse(bundle.to_vec(), &Limits::default()).unwrap();
    bundle.envelope().unwrap().payload().to_vec()
}

pub(crate) fn promotion_in(bundle: &[u8]) -> Promotion {
    Statement::parse(&payload(bundle), &Limits::default())
        .unwrap()
        .predicate()
        .unwrap()
}

pub(crate) fn codes(verdict: &Verdict) -> Vec<Code> {
    let mut codes: Vec<_> = verdict.findings.iter().map(|f| f.code).collect();
    codes.sort();
    codes.dedup();
    codes
}

/// The exit code, with all that explains it if it is another.
#[track_caller]
pub(crate) fn assert_exit(verdict: &Verdict, exit: u8) {
    assert_eq!(verdict.exit_code(), exit, "{}", show(verdict));
}

#[track_caller]
pub(crate) fn assert_found(verdict: &Verdict, code: Code) {
    assert!(
        codes(verdict).contains(&code),
        "no {code}: {}",
        show(verdict)
    );
}

pub(crate) fn show(verdict: &Verdict) -> String {
    serde_json::to_string_pretty(verdict).unwrap()
}

fn short_name(kind: &str) -> &str {
    match kind {
        slsa_provenance::TYPE => "provenance",
        CYCLONEDX => "sbom",
        test_result::TYPE => "tests",
        approval::TYPE => "approval",
        other => other,
    }
}
