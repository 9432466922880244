//! From a story to its files.

use std::collections::BTreeMap;

use bulla_model::Digest;
use bulla_verify::{Document, PolicyFile, PolicyFiles};

use super::case::{
    self, Blob, Case, DocumentInput, Expected, LedgerInput, PolicyFileInput, PolicyInput, Received,
};
use super::story::{Asked, Story};
use crate::kit::{Entry, Signer};

/// Files of the folder, by their path in it.
#[derive(Default)]
pub(super) struct Folder(pub(super) BTreeMap<String, Vec<u8>>);

impl Folder {
    /// Adds a story's case and all files it names.
    pub(super) fn add(&mut self, story: &Story) -> Case {
        let told = (story.tell)();
        let world = &told.world;
        let mut case = Case {
            name: story.name.to_owned(),
            section: story.section.to_owned(),
            about: story.about.to_owned(),
            question: question(told.asked),
            now: world.now,
            artifact: world.artifact.clone(),
            attestations: self.received(&world.evidence),
            ledger: LedgerInput {
                attestations: self.received(&world.ledger),
                unavailable: world.ledger_without.clone(),
            },
            indexes: world
                .indexes
                .iter()
                .map(|index| self.blob(index.bytes()))
                .collect(),
            documents: world
                .documents
                .iter()
                .map(|one| self.document(one))
                .collect(),
            truncated: world.truncated,
            unavailable: world.unavailable.clone(),
            unusable: world.unusable.clone(),
            policy: self.policy(&world.files),
            anchor: world.anchor.as_ref().map(|text| self.blob(text.as_bytes())),
            state: world
                .state
                .as_ref()
                .map(|state| self.blob(&state.to_json())),
            trusted_roots: world.roots.iter().map(|root| self.blob(root)).collect(),
            expected: Expected::default(),
        };
        case.expected = case.answer(&|digest| self.0[&path(digest)].clone());
        let mut text = serde_json::to_string_pretty(&case).unwrap();
        text.push('\n');
        let name = format!("cases/{}.json", case.name);
        assert!(
            self.0.insert(name, text.into_bytes()).is_none(),
            "{} twice",
            case.name
        );
        case
    }

    fn blob(&mut self, bytes: &[u8]) -> Blob {
        let digest = Digest::sha256(bytes);
        self.0.insert(path(&digest), bytes.to_vec());
        digest
    }

    fn received(&mut self, entries: &[Entry]) -> Vec<Received> {
        let received = |entry: &Entry| {
            let file = self.blob(&entry.bundle);
            Received {
                what: entry.name.clone(),
                manifest: Some(file.clone()),
                file,
            }
        };
        entries.iter().map(received).collect()
    }

    fn document(&mut self, (digest, found): (&Digest, &Document)) -> DocumentInput {
        let mut input = DocumentInput {
            digest: digest.clone(),
            file: None,
            unavailable: None,
            altered: None,
        };
        match found {
            Document::Bytes(bytes) => input.file = Some(self.blob(bytes)),
            Document::Unavailable(reason) => input.unavailable = Some(reason.clone()),
            Document::Altered(other) => input.altered = Some(other.clone()),
        }
        input
    }

    fn policy(&mut self, files: &PolicyFiles) -> PolicyInput {
        let predecessors = files.predecessors.iter();
        PolicyInput {
            base: self.policy_file(&files.base),
            services: self.policy_files(&files.services),
            people: files.people.as_ref().map(|file| self.policy_file(file)),
            predecessors: predecessors.map(|one| self.policy(one)).collect(),
            signatures: self.policy_files(&files.signatures),
        }
    }

    fn policy_files(&mut self, files: &[PolicyFile]) -> Vec<PolicyFileInput> {
        files.iter().map(|file| self.policy_file(file)).collect()
    }

    fn policy_file(&mut self, file: &PolicyFile) -> PolicyFileInput {
        PolicyFileInput {
            path: file.path.clone(),
            file: self.blob(&file.bytes),
        }
    }
}

fn path(digest: &Digest) -> String {
    format!("files/{}", digest.hex())
}

fn question(asked: Asked) -> case::Asked {
    match asked {
        Asked::Verify(environment) => case::Asked::Verify {
            environment: environment.to_owned(),
        },
        Asked::Step {
            to,
            from,
            kind,
            promoter,
        } => case::Asked::Step {
            to: to.to_owned(),
            from: from.map(ToOwned::to_owned),
            step: kind,
            promoter: promoter.map(|name| Signer::named(name).key_id()),
        },
    }
}
