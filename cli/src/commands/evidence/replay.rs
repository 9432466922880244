//! From a pack back to what `verify` takes.

use std::collections::BTreeMap;

use bulla_model::{CosignLayer, Digest, Limits, Manifest, PackFile, PackRole, Scope};
use bulla_verify::{Attestation, Document, Evidence, PolicyFile, PolicyFiles, State};
use jiff::Timestamp;

use super::Contents;
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::rules::Rules;

/// The evidence as it was judged.
pub(super) fn evidence(contents: &Contents, limits: &Limits) -> Result<Evidence, Failure> {
    let document = &contents.document;
    let mut indexes = Vec::new();
    for file in document.current(PackRole::Index) {
        indexes.push(manifest(contents, &file.digest, limits)?);
    }
    for role in [PackRole::Subject, PackRole::Platform] {
        for file in document.current(role) {
            let found = manifest(contents, &file.digest, limits)?;
            indexes.extend(found.index().is_some().then_some(found));
        }
    }
    let mut evidence = Evidence {
        artifact: Some(document.subject.clone()),
        indexes,
        truncated: document.incomplete.truncated,
        unavailable: document.incomplete.unavailable.clone(),
        unusable: document.incomplete.unusable.clone(),
        documents: documents(contents),
        ..Evidence::default()
    };
    let ledger = &document.incomplete.ledger;
    evidence.ledger.unavailable.clone_from(ledger);
    let covering: Vec<Digest> = evidence.reached().digests().cloned().collect();
    let ledger = [Scope::ledger_of(&document.environment).descriptor().digest];
    let mut earlier: Vec<&PackFile> = Vec::new();
    for file in document.current(PackRole::Attestation) {
        let referrer = file.referrer.as_ref().ok_or_else(|| odd(file))?;
        let found = manifest(contents, referrer, limits)?;
        let same = earlier.iter().filter(|one| **one == file).count();
        let about = found.subject().map(|subject| &subject.digest);
        let of_ledger = about == ledger.first();
        let covering = if of_ledger {
            &ledger[..]
        } else {
            &covering[..]
        };
        let attestation = attestation(contents, file, &found, same, covering, limits);
        let attestation = attestation.ok_or_else(|| odd(file))?;
        if of_ledger {
            evidence.ledger.attestations.push(attestation);
        } else {
            evidence.attestations.push(attestation);
        }
        earlier.push(file);
    }
    Ok(evidence)
}

/// The documents that attestations refer to, and those that were not there.
fn documents(contents: &Contents) -> BTreeMap<Digest, Document> {
    let document = &contents.document;
    let absent = document.incomplete.documents.iter().map(|absent| {
        let reason = absent.reason.clone();
        let document = if absent.altered {
            Document::Altered(reason)
        } else {
            Document::Unavailable(reason)
        };
        (absent.digest.clone(), document)
    });
    let held = document.current(PackRole::Document).map(|file| {
        let bytes = contents.bytes(&file.digest).into();
        (file.digest.clone(), Document::Bytes(bytes))
    });
    absent.chain(held).collect()
}

/// An attestation as its manifest brought it: a bundle in a manifest of its own, which names its
/// subject, or a layer of cosign's, of which a manifest has several, at a tag that names none. The
/// same layer may be there several times, under other signatures; `same` are left out.
fn attestation(
    contents: &Contents,
    file: &PackFile,
    found: &Manifest,
    same: usize,
    covering: &[Digest],
    limits: &Limits,
) -> Option<Attestation> {
    let layers = &found.image()?.layers;
    let layer = layers
        .iter()
        .filter(|layer| layer.digest == file.digest)
        .nth(same)?;
    let about = found.subject().map(|subject| &subject.digest);
    if about.is_some_and(|about| !covering.contains(about)) {
        return None;
    }
    let bytes = contents.bytes(&file.digest).to_vec();
    let referrer = Some(found.digest().clone());
    let annotations = layer.annotations.clone();
    if let Ok(layer) = CosignLayer::new(&layer.media_type, bytes.clone(), annotations, limits) {
        return Some(Attestation::cosign(layer, referrer));
    }
    let alone = about.is_some() && layers.len() == 1;
    alone.then(|| Attestation::bundle(bytes, referrer))
}

/// The rules the pack brings along.
pub(super) fn rules(
    contents: &Contents,
    now: Timestamp,
    limits: &Limits,
) -> Result<Rules, Failure> {
    let mut rules = Rules::assemble(
        policy(contents),
        anchor(contents),
        trusted_roots(contents),
        now,
        limits,
    )?;
    if let Some(state) = contents.document.current(PackRole::State).next() {
        let bytes = contents.bytes(&state.digest);
        let state =
            State::parse(bytes, limits).map_err(|error| Failure::new(FailureKind::Input, error))?;
        rules.state = Some(state);
    }
    Ok(rules)
}

/// The policy's files, with its earlier versions.
pub(super) fn policy(contents: &Contents) -> PolicyFiles {
    let files = &contents.document.files;
    let last = files.iter().filter_map(|file| file.predecessor).max();
    // Numbers without a base file leave an empty version, which is no policy and so refused.
    let count = last
        .map_or(0, |last| last.saturating_add(1))
        .min(files.len());
    let mut policy = version(contents, None);
    policy.predecessors = (0..count)
        .map(|number| version(contents, Some(number)))
        .collect();
    policy
}

fn version(contents: &Contents, predecessor: Option<usize>) -> PolicyFiles {
    let of = |role: PackRole| {
        let files = contents.document.files.iter();
        files
            .filter(move |file| file.role == role && file.predecessor == predecessor)
            .map(|file| policy_file(contents, file))
    };
    PolicyFiles {
        base: of(PackRole::PolicyBase).next().unwrap_or_default(),
        services: of(PackRole::PolicyService).collect(),
        people: of(PackRole::PolicyPeople).next(),
        predecessors: Vec::new(),
        signatures: of(PackRole::PolicySignature).collect(),
    }
}

/// The anchor.
pub(super) fn anchor(contents: &Contents) -> Option<PolicyFile> {
    let file = contents.document.current(PackRole::Anchor).next()?;
    Some(policy_file(contents, file))
}

/// The trusted roots.
pub(super) fn trusted_roots(contents: &Contents) -> Vec<Vec<u8>> {
    contents
        .document
        .current(PackRole::TrustedRoot)
        .map(|file| contents.bytes(&file.digest).to_vec())
        .collect()
}

fn policy_file(contents: &Contents, file: &PackFile) -> PolicyFile {
    PolicyFile {
        path: file.path.clone().unwrap_or_default(),
        bytes: contents.bytes(&file.digest).to_vec(),
    }
}

fn manifest(contents: &Contents, digest: &Digest, limits: &Limits) -> Result<Manifest, Failure> {
    Manifest::parse(contents.bytes(digest).to_vec(), limits)
        .map_err(|error| Failure::new(FailureKind::Input, format_args!("{digest}: {error}")))
}

fn odd(file: &PackFile) -> Failure {
    Failure::new(
        FailureKind::Tampered,
        format_args!(
            "the attestation {} is not what its referrer brings",
            file.digest
        ),
    )
}
