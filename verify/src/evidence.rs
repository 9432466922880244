//! The inputs of a verdict: the artifact, and what was found beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bulla_model::{CosignLayer, Digest, Manifest, Statement, Subject};

use crate::code::Code;
use crate::document::Document;
use crate::platforms::Platforms;
use crate::reached::Reached;
use crate::verdict::{Finding, Severity};

/// How many useless things are named.
const NOTES: usize = 8;

/// Everything a verdict may look at, collected by the caller.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The artifact asked about.
    pub artifact: Option<Digest>,
    /// Other digests of the same artifact: some schemes sign SHA-384 or SHA-512.
    pub digests: Vec<Digest>,
    /// The artifact's bytes, for schemes that sign the whole of it.
    pub content: Option<Arc<[u8]>>,
    /// The files of the directory that the artifact is, by path with `/`: then only a signed list of
    /// exactly these is about it.
    pub files: Option<BTreeMap<String, Digest>>,
    /// What at the top of that directory is not among its files: only what the signed list leaves out
    /// too may be.
    pub left_out: Vec<String>,
    /// Received indexes. One that lists the artifact makes statements about the index count; one that
    /// is the artifact, or that it lists, says what revocations of platforms reach it.
    pub indexes: Vec<Manifest>,
    /// Attestations, as received.
    pub attestations: Vec<Attestation>,
    /// Documents that attestations refer to, by the digest they are named by.
    pub documents: BTreeMap<Digest, Document>,
    /// Whether referrers beyond the limit were left out: then absence proves nothing.
    pub truncated: bool,
    /// Referrers that could not be fetched, one line each.
    pub unavailable: Vec<String>,
    /// What is beside the artifact and can be no evidence, one line each. Anybody who may push can
    /// put it there, so it is noted and decides nothing.
    pub unusable: Vec<String>,
    /// What was found in the ledger.
    pub ledger: Ledger,
}

/// The statements of a ledger, collected by the caller: referrers of its scope's manifest.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Revocations, checkpoints and whatever else is there, as received.
    pub attestations: Vec<Attestation>,
    /// Whether something may be missing that a complete answer of the registry would hold, and what.
    pub unavailable: Vec<String>,
}

/// A signature or attestation as received.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attestation {
    /// Digest of the manifest it was found in: a referrer, or the target of cosign's tags.
    pub manifest: Option<Digest>,
    /// What was found there.
    pub form: AttestationForm,
}

/// The forms in which signatures travel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AttestationForm {
    /// The bytes of a Sigstore bundle or of a plain DSSE envelope.
    Bundle(Vec<u8>),
    /// A layer of cosign's `.sig` and `.att` tags.
    Cosign(CosignLayer),
}

impl Attestation {
    /// A bundle or an envelope.
    pub fn bundle(bytes: Vec<u8>, manifest: Option<Digest>) -> Self {
        Self {
            manifest,
            form: AttestationForm::Bundle(bytes),
        }
    }

    /// A layer with the annotations cosign wrote.
    pub fn cosign(layer: CosignLayer, manifest: Option<Digest>) -> Self {
        Self {
            manifest,
            form: AttestationForm::Cosign(layer),
        }
    }

    /// The bytes as received: of the bundle, or of the layer.
    pub fn bytes(&self) -> &[u8] {
        match &self.form {
            AttestationForm::Bundle(bytes) => bytes,
            AttestationForm::Cosign(layer) => layer.bytes(),
        }
    }
}

impl Evidence {
    /// The digests statements may be about: the artifact's, and those of received indexes that
    /// list it. A statement about a platform never counts for an index.
    pub fn covering(&self) -> Vec<Digest> {
        let Some(artifact) = &self.artifact else {
            return Vec::new();
        };
        let lists = |index: &&Manifest| {
            index.index().is_some_and(|list| {
                list.manifests
                    .iter()
                    .any(|entry| entry.digest == *artifact && !entry.is_buildkit_attestation())
            })
        };
        let indexes = self
            .indexes
            .iter()
            .filter(lists)
            .map(|index| index.digest().clone());
        std::iter::once(artifact.clone()).chain(indexes).collect()
    }

    /// What a revocation of the artifact may name.
    pub fn reached(&self) -> Reached {
        Reached::of(self)
    }

    /// What of the artifact can run, each a thing of its own.
    pub fn platforms(&self) -> Platforms {
        Platforms::of(self)
    }

    /// Whether a statement is about one of these digests. Each stands for a thing of its own, so
    /// each is compared alone: an index and its platform have different digests.
    pub(crate) fn is_about(statement: &Statement, covering: &[Digest]) -> bool {
        covering
            .iter()
            .any(|digest| statement.is_about(std::slice::from_ref(digest)))
    }

    /// Whether a statement is about the artifact under any of its digests: files are known by
    /// several, and some statements about them name no SHA-256. What both sides name must agree.
    pub(crate) fn is_subject_of(&self, statement: &Statement, covering: &[Digest]) -> bool {
        self.subject_of(statement, covering).is_some()
    }

    /// The subject that makes it so.
    pub(crate) fn subject_of<'s>(
        &self,
        statement: &'s Statement,
        covering: &[Digest],
    ) -> Option<&'s Subject> {
        let mut subjects = statement.subjects().iter();
        if self.digests.is_empty() {
            let names = |subject: &&Subject| {
                let mut covering = covering.iter();
                covering.any(|digest| subject.digest.names(std::slice::from_ref(digest)))
            };
            return subjects.find(names);
        }
        subjects.find(|subject| {
            let own = self.artifact.iter().chain(&self.digests);
            let mut common = own
                .filter_map(|digest| Some((digest, subject.digest.known(digest.algorithm())?)))
                .peekable();
            common.peek().is_some() && common.all(|(own, named)| *own == named)
        })
    }

    /// A note for each of the first things that can be no evidence.
    pub(crate) fn notes_of_unusable(&self, check: &'static str) -> Vec<Finding> {
        let note = |line: &String| {
            let line: String = line.chars().take(200).collect();
            let message = format!("no evidence: {}", line.escape_debug());
            Finding::new(Code::StatementUnusable, check, message).severity(Severity::Note)
        };
        self.unusable.iter().take(NOTES).map(note).collect()
    }

    /// Whether something may be missing that a complete answer of the registry would hold.
    pub fn is_incomplete(&self) -> bool {
        self.truncated || !self.unavailable.is_empty()
    }
}
