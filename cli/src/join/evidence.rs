//! Evidence: what is beside an image, collected for a verdict.

use std::fmt::Display;
use std::sync::Arc;

use bulla_model::predicate::vsa;
use bulla_model::{CosignLayer, Digest};
use bulla_registry::legacy::{self, LegacyKind, LegacyLayers, LegacyList};
use bulla_registry::{AnyStore, Store as _, StoreError, read_bundles_except};
use bulla_verify::{Attestation, Evidence};
use jiff::Timestamp;

use super::follow::{self, Followed};
use super::image::OpenImage;
use super::lists;
use super::platforms;
use super::rules::Rules;
use crate::Failure;

/// Collects the attestations of an image and of the given index that lists it, and the documents
/// that they refer to, as far as these rules ask for some.
pub async fn collect(
    image: &OpenImage,
    index: Option<&Digest>,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<Evidence, Failure> {
    let mut evidence = attestations(image, index).await?;
    lists::add(image, rules, &mut evidence).await?;
    platforms::add(image, rules, &mut evidence).await?;
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
    let mut evidence = Evidence {
        artifact: Some(image.descriptor.digest.clone()),
        ..Evidence::default()
    };
    add(image, &image.descriptor.digest, &[], &mut evidence).await?;
    if let Some(index) = listed_by(image, index, &mut evidence).await? {
        add(image, index, &[], &mut evidence).await?;
    }
    Ok(evidence)
}

/// The same of the image alone, without the verification summaries that `promote` writes beside each
/// promotion where these rules ask for none: of a release that walked far, they are the larger part.
///
/// No rule means that no verdict reads one, so nothing that is left out can be missed by a "yes" or a
/// "no". Only the list's word is taken for what is a summary; what [`read_bundles_except`] says of that
/// holds: whoever writes the list could as well leave an entry out.
pub async fn that_count(image: &OpenImage, rules: &Rules) -> Result<Evidence, Failure> {
    let unread: &[&str] = if rules.policy.takes_summaries() {
        &[]
    } else {
        &[vsa::TYPE]
    };
    let mut evidence = Evidence {
        artifact: Some(image.descriptor.digest.clone()),
        ..Evidence::default()
    };
    add(image, &image.descriptor.digest, unread, &mut evidence).await?;
    Ok(evidence)
}

/// Collects what is beside one of the digests that an image lists, as [`attestations`] does.
pub async fn beside(image: &OpenImage, digest: &Digest) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    add(image, digest, &[], &mut evidence).await?;
    Ok(evidence)
}

/// Adds the bytes of the index that was named, which has to list the image; answers it if it is
/// another one than the image.
pub async fn listed_by<'a>(
    image: &OpenImage,
    index: Option<&'a Digest>,
    evidence: &mut Evidence,
) -> Result<Option<&'a Digest>, Failure> {
    let artifact = &image.descriptor.digest;
    let Some(index) = index.filter(|index| *index != artifact) else {
        return Ok(None);
    };
    evidence.indexes.push(image.store.manifest(index).await?);
    if evidence.covering().len() < 2 {
        return Err(Failure::usage(format_args!(
            "{index} is no index that lists {artifact}"
        )));
    }
    Ok(Some(index))
}

async fn add(
    image: &OpenImage,
    digest: &Digest,
    unread: &[&str],
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    let (store, prefix) = (&image.evidence, &image.tag_prefix);
    // Both at once: what is slow about a registry is the way to it.
    let (set, tagged) = tokio::join!(
        read_bundles_except(store, digest, unread),
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
