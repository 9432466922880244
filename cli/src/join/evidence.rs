//! Evidence: what is beside an image, collected for a verdict.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bulla_model::{Algorithm, Digest, Hasher, Limits, json};
use bulla_registry::{AnyStore, Store as _, read_bundles};
use bulla_verify::{Attestation, Evidence};

use super::file;
use super::image::OpenImage;
use crate::Failure;
use crate::failure::FailureKind;

/// Collects the attestations of an image and of the given index that lists it.
///
/// A list that cannot be had is a failure; a single attestation that cannot be had is noted in the
/// evidence, so that the verdict can say "could not find out".
pub async fn collect(image: &OpenImage, index: Option<&Digest>) -> Result<Evidence, Failure> {
    let artifact = image.descriptor.digest.clone();
    let mut evidence = Evidence {
        artifact: Some(artifact.clone()),
        ..Evidence::default()
    };
    add(&image.evidence, &artifact, &mut evidence).await?;
    if let Some(index) = index.filter(|index| **index != artifact) {
        let manifest = image.store.manifest(index).await?;
        evidence.indexes.push(manifest);
        if evidence.covering().len() < 2 {
            return Err(Failure::usage(format_args!(
                "{index} is no index that lists {artifact}"
            )));
        }
        add(&image.evidence, index, &mut evidence).await?;
    }
    Ok(evidence)
}

/// Reads attestations from files: one document, or one in each line (`*.intoto.jsonl`).
pub fn from_files(files: &[PathBuf], limits: &Limits) -> Result<Vec<Attestation>, Failure> {
    let mut attestations = Vec::new();
    let mut budget = limits.evidence_bytes;
    for path in files {
        let bytes = file::read(path, limits.bundle_bytes.min(budget))?;
        budget = budget.saturating_sub(bytes.len() as u64);
        let whole = json::check(&bytes, limits.bundle_bytes, limits.json_depth).is_ok();
        let documents: Vec<&[u8]> = if whole {
            vec![&bytes]
        } else {
            bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.trim_ascii().is_empty())
                .collect()
        };
        attestations.extend(
            documents
                .into_iter()
                .map(|document| Attestation::bundle(document.to_vec(), None)),
        );
        if attestations.len() > limits.referrers_per_digest {
            return Err(Failure::new(
                FailureKind::Unavailable,
                format_args!(
                    "more than {} attestations in files",
                    limits.referrers_per_digest
                ),
            ));
        }
    }
    Ok(attestations)
}

/// The digest of a file, read piece by piece.
pub fn digest_of_file(path: &Path) -> Result<Digest, Failure> {
    let mut reader =
        std::fs::File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = reader
            .read(&mut piece)
            .map_err(|error| Failure::file("read", path, &error))?;
        match piece.get(..length) {
            Some(bytes) if !bytes.is_empty() => hasher.update(bytes),
            _ => return Ok(hasher.finish()),
        }
    }
}

async fn add(store: &AnyStore, digest: &Digest, evidence: &mut Evidence) -> Result<(), Failure> {
    let set = read_bundles(store, digest).await?;
    evidence.truncated |= set.truncated;
    let failed = set.failed.iter();
    evidence
        .unavailable
        .extend(failed.map(|(referrer, error)| format!("{}: {error}", referrer.descriptor.digest)));
    evidence
        .attestations
        .extend(set.bundles.into_iter().map(|bundle| {
            let manifest = bundle.manifest.digest().clone();
            Attestation::bundle(bundle.bytes, Some(manifest))
        }));
    Ok(())
}
