//! Evidence: what is beside an image, collected for a verdict.

use bulla_model::Digest;
use bulla_registry::{AnyStore, Store as _, read_bundles};
use bulla_verify::{Attestation, Evidence};

use super::image::OpenImage;
use crate::Failure;

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

async fn add(store: &AnyStore, digest: &Digest, evidence: &mut Evidence) -> Result<(), Failure> {
    let set = read_bundles(store, digest).await?;
    evidence.truncated |= set.truncated;
    let failed = set.failed.iter();
    evidence
        .unavailable
        .extend(failed.map(|(referrer, error)| format!("{}: {error}", referrer.descriptor.digest)));
    evidence
        .attestations
        .extend(set.bundles.into_iter().map(|bundle| Attestation {
            manifest: Some(bundle.manifest.digest().clone()),
            bundle: bundle.bytes,
        }));
    Ok(())
}
