//! Evidence: what is beside an image, collected for a verdict.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use bulla_model::{CosignLayer, Digest, Manifest, media_type};
use bulla_registry::legacy::{self, LegacyKind, LegacyLayers, LegacyList, TagPrefix};
use bulla_registry::{AnyStore, Store as _, StoreError, read_bundles};
use bulla_verify::{Attestation, Evidence};
use jiff::Timestamp;

use super::follow::{self, Followed};
use super::image::OpenImage;
use super::rules::Rules;
use crate::Failure;
use crate::failure::FailureKind;

/// Collects the attestations of an image and of the given index that lists it, and the documents
/// that they refer to, as far as these rules ask for some.
pub async fn collect(
    image: &OpenImage,
    index: Option<&Digest>,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<Evidence, Failure> {
    let evidence = attestations(image, index).await?;
    let followed = Followed::Rules(Arc::clone(rules));
    follow::add(&image.evidence, evidence, followed, now).await
}

/// Collects the attestations alone: bundles among the referrers, and what cosign kept at tags and in
/// referrers before.
///
/// A list that cannot be had is a failure; a single attestation that cannot be had is noted in the
/// evidence, so that the verdict can say "could not find out". What can be no evidence is noted too,
/// and changes nothing.
pub async fn attestations(image: &OpenImage, index: Option<&Digest>) -> Result<Evidence, Failure> {
    let artifact = image.descriptor.digest.clone();
    let mut evidence = Evidence {
        artifact: Some(artifact.clone()),
        ..Evidence::default()
    };
    let (store, prefix) = (&image.evidence, &image.tag_prefix);
    add(store, &artifact, prefix, &mut evidence).await?;
    if let Some(index) = index.filter(|index| **index != artifact) {
        let manifest = image.store.manifest(index).await?;
        evidence.indexes.push(manifest);
        if evidence.covering().len() < 2 {
            return Err(Failure::usage(format_args!(
                "{index} is no index that lists {artifact}"
            )));
        }
        add(store, index, prefix, &mut evidence).await?;
    }
    let lists = listing(image).await?;
    evidence.indexes.extend(lists);
    Ok(evidence)
}

/// The image's own index and those within it: a platform that was revoked takes them back, too.
async fn listing(image: &OpenImage) -> Result<Vec<Manifest>, Failure> {
    let is_index = |kind: &str| kind == media_type::IMAGE_INDEX || kind == media_type::DOCKER_LIST;
    let mut seen = BTreeSet::new();
    let mut open = vec![image.descriptor.clone()];
    let mut lists = Vec::new();
    while let Some(descriptor) = open.pop() {
        if !is_index(&descriptor.media_type) || !seen.insert(descriptor.digest.clone()) {
            continue;
        }
        if lists.len() >= INDEXES {
            return Err(Failure::new(
                FailureKind::Unavailable,
                format_args!("{} lists more than {INDEXES} indexes", image.pinned),
            ));
        }
        let manifest = image.store.manifest(&descriptor.digest).await?;
        let entries = manifest.index().map_or(&[][..], |index| &index.manifests);
        open.extend(entries.iter().cloned());
        lists.push(manifest);
    }
    Ok(lists)
}

/// Indexes within one. Stops an index that lists endlessly.
const INDEXES: usize = 64;

async fn add(
    store: &AnyStore,
    digest: &Digest,
    prefix: &TagPrefix,
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    // Both at once: what is slow about a registry is the way to it.
    let (set, tagged) = tokio::join!(
        read_bundles(store, digest),
        legacy::tagged(store, digest, prefix, SIGNED)
    );
    let set = set?;
    let referred = legacy::referred(store, digest, &set.others, SIGNED).await;
    evidence.truncated |= set.truncated;
    for (referrer, error) in &set.failed {
        missed(evidence, &referrer.descriptor.digest, error);
    }
    for bundle in set.bundles {
        let manifest = Some(bundle.manifest.digest().clone());
        evidence
            .attestations
            .push(Attestation::bundle(bundle.bytes, manifest));
    }
    for list in [tagged, referred] {
        add_layers(store, list, evidence).await;
    }
    Ok(())
}

async fn add_layers(store: &AnyStore, list: LegacyList, evidence: &mut Evidence) {
    let limits = store.limits();
    let held = evidence.attestations.iter();
    let held: u64 = held
        .map(|attestation| attestation.bytes().len() as u64)
        .sum();
    let held = held.saturating_add(list.bytes());
    let budget = limits.evidence_bytes.saturating_sub(held);
    let LegacyLayers { layers, failed } = legacy::read(store, &list.manifests, budget).await;
    for (place, error) in list.failed.iter().chain(&failed) {
        missed(evidence, place, error);
    }
    for layer in layers {
        let (kind, annotations) = (layer.descriptor.media_type, layer.descriptor.annotations);
        match CosignLayer::new(&kind, layer.bytes, annotations, limits) {
            Ok(layer_read) => evidence
                .attestations
                .push(Attestation::cosign(layer_read, Some(layer.manifest))),
            // Beside signatures, a layer of another kind is none.
            Err(error) => tracing::debug!(manifest = %layer.manifest, %error, "layer left out"),
        }
    }
}

/// Notes what is not among the attestations: what could not be had casts doubt, what can be no
/// evidence does not.
fn missed(evidence: &mut Evidence, place: &dyn Display, error: &StoreError) {
    let lines = if error.is_unusable() {
        &mut evidence.unusable
    } else {
        &mut evidence.unavailable
    };
    // One manifest can name very many useless layers, and the first of them tell enough.
    if !error.is_unusable() || lines.len() < USELESS {
        lines.push(format!("{place}: {error}"));
    }
}

/// How many things that can be no evidence are named.
const USELESS: usize = 32;
/// The older kinds that can be signed.
const SIGNED: &[LegacyKind] = &[LegacyKind::Signature, LegacyKind::Attestation];
