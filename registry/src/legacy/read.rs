//! Reads legacy signatures, attestations and SBOMs of a digest.
//!
//! A tag is absent only where the store says so: whatever else goes wrong is reported, because what
//! could not be read may have been a signature. Nothing here is verified. A tag proves nothing
//! about the image it is named after, so every layer has to name its subject itself.

use bulla_model::{Descriptor, Digest, Manifest, Referrer, Tag};
use futures_util::{StreamExt as _, stream};

use super::{LegacyKind, TagPrefix};
use crate::bundles::explained;
use crate::{Store, StoreError, Target};

/// The legacy manifests of a digest, and everything that kept the list from being whole.
#[derive(Debug, Default)]
pub struct LegacyList {
    /// The manifests, in the order asked for.
    pub manifests: Vec<LegacyManifest>,
    /// What could not be read, by the name of the tag or the digest of the referrer.
    pub failed: Vec<(String, StoreError)>,
}

/// A manifest whose layers are legacy signatures, attestations or SBOMs.
#[derive(Clone, Debug, PartialEq)]
pub struct LegacyManifest {
    /// What its layers are.
    pub kind: LegacyKind,
    /// Where it was found.
    pub place: LegacyPlace,
    /// The manifest.
    pub manifest: Manifest,
}

/// Where a legacy manifest was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegacyPlace {
    /// At a tag derived from the digest.
    Tag(Tag),
    /// In the list of referrers.
    Referrer(Digest),
}

impl std::fmt::Display for LegacyPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Referrer(digest) => digest.fmt(f),
        }
    }
}

/// A layer as received: one signature, attestation or SBOM.
#[derive(Clone, Debug, PartialEq)]
pub struct LegacyLayer {
    /// What it should be by the place it was found in.
    pub kind: LegacyKind,
    /// Digest of the manifest that lists it.
    pub manifest: Digest,
    /// Its media type and the annotations that hold signature, certificate and proofs.
    pub descriptor: Descriptor,
    /// The payload or envelope.
    pub bytes: Vec<u8>,
}

/// Layers, and those that could not be read.
#[derive(Debug, Default)]
pub struct LegacyLayers {
    /// The layers, in the order of their manifests.
    pub layers: Vec<LegacyLayer>,
    /// What could not be read, by digest.
    pub failed: Vec<(String, StoreError)>,
}

/// Finds the manifests at the tags of `subject` of these kinds.
pub async fn tagged<S: Store>(
    store: &S,
    subject: &Digest,
    prefix: &TagPrefix,
    kinds: &[LegacyKind],
) -> LegacyList {
    let places = kinds
        .iter()
        .filter_map(|kind| Some((*kind, LegacyPlace::Tag(kind.tag(prefix, subject)?))));
    read_manifests(store, subject, places.collect()).await
}

/// Reads those of these referrers of `subject` whose artifact type is one of the older kinds.
pub async fn referred<S: Store>(
    store: &S,
    subject: &Digest,
    referrers: &[Referrer],
    kinds: &[LegacyKind],
) -> LegacyList {
    let places = referrers.iter().filter_map(|referrer| {
        let kind = LegacyKind::of_artifact_type(referrer.descriptor.artifact_type.as_deref()?)?;
        let place = LegacyPlace::Referrer(referrer.descriptor.digest.clone());
        kinds.contains(&kind).then_some((kind, place))
    });
    read_manifests(store, subject, places.collect()).await
}

async fn read_manifests<S: Store>(
    store: &S,
    subject: &Digest,
    places: Vec<(LegacyKind, LegacyPlace)>,
) -> LegacyList {
    let mut found = stream::iter(places)
        .map(|(kind, place)| async move {
            let manifest = at(store, subject, &place).await;
            (kind, place, manifest)
        })
        .buffered(CONCURRENCY);
    let mut list = LegacyList::default();
    // F38: hundreds of referrers whose manifests are as large as manifests can be.
    let mut budget = store.limits().evidence_bytes;
    while let Some((kind, place, manifest)) = found.next().await {
        match manifest {
            Ok(None) => {}
            Ok(Some(manifest)) if manifest.bytes().len() as u64 > budget => {
                list.failed
                    .push((place.to_string(), StoreError::over_evidence(store.limits())));
            }
            Ok(Some(manifest)) => {
                budget = budget.saturating_sub(manifest.bytes().len() as u64);
                list.manifests.push(LegacyManifest {
                    kind,
                    place,
                    manifest,
                });
            }
            Err(error) => list.failed.push((place.to_string(), error)),
        }
    }
    list
}

impl LegacyList {
    /// Bytes of the manifests, which are held as long as the list is.
    pub fn bytes(&self) -> u64 {
        let manifests = self.manifests.iter();
        manifests
            .map(|held| held.manifest.bytes().len() as u64)
            .fold(0, u64::saturating_add)
    }
}

/// Reads the layers of these manifests: `Limits::referrers_per_digest` of them, each of
/// `Limits::bundle_bytes`, all of at most `budget` bytes. What exceeds a bound is reported.
///
/// The smallest come first, so that nobody crowds out a signature with larger layers; a layer that
/// is too large by itself takes nothing from the others.
pub async fn read<S: Store>(store: &S, manifests: &[LegacyManifest], budget: u64) -> LegacyLayers {
    let limits = store.limits();
    let mut read = LegacyLayers::default();
    let mut fitting = Vec::new();
    for LegacyManifest { kind, manifest, .. } in manifests {
        let layers = manifest.image().map_or(&[][..], |image| &image.layers);
        for layer in layers {
            if layer.size > limits.bundle_bytes {
                let error = StoreError::TooLarge {
                    what: format!("layer {}", layer.digest),
                    limit: limits.bundle_bytes,
                };
                read.failed.push((layer.digest.to_string(), error));
            } else {
                fitting.push((layer.size, fitting.len(), *kind, manifest.digest(), layer));
            }
        }
    }
    fitting.sort_by_key(|(size, number, ..)| (*size, *number));
    let mut rest = budget;
    let mut wanted = Vec::new();
    for (size, number, kind, manifest, layer) in fitting {
        if wanted.len() >= limits.referrers_per_digest {
            let error = StoreError::TooMany {
                what: "layers of signatures and attestations",
                limit: limits.referrers_per_digest,
            };
            // One line for all of them: there may be very many.
            read.failed.push((manifest.to_string(), error));
            break;
        }
        if let Some(left) = rest.checked_sub(size) {
            rest = left;
            wanted.push((number, kind, manifest.clone(), layer.clone()));
        } else {
            read.failed.push((
                layer.digest.to_string(),
                StoreError::over_evidence(store.limits()),
            ));
        }
    }
    wanted.sort_by_key(|(number, ..)| *number);
    let wanted = wanted
        .into_iter()
        .map(|(_, kind, manifest, layer)| (kind, manifest, layer));
    let mut blobs = stream::iter(wanted)
        .map(|(kind, manifest, descriptor)| async move {
            let bytes = store.blob(&descriptor, limits.bundle_bytes).await;
            (kind, manifest, descriptor, bytes)
        })
        .buffered(CONCURRENCY);
    while let Some((kind, manifest, descriptor, bytes)) = blobs.next().await {
        let bytes = match bytes {
            Err(error) => Err(Box::pin(explained(store, &descriptor, error, &mut rest)).await),
            bytes => bytes,
        };
        match bytes {
            Ok(bytes) => read.layers.push(LegacyLayer {
                kind,
                manifest,
                descriptor,
                bytes,
            }),
            Err(error) => read.failed.push((descriptor.digest.to_string(), error)),
        }
    }
    read
}

/// The manifest at a place; `None` only if the store says that the tag is not there.
async fn at<S: Store>(
    store: &S,
    subject: &Digest,
    place: &LegacyPlace,
) -> Result<Option<Manifest>, StoreError> {
    let manifest = match place {
        LegacyPlace::Tag(tag) => {
            let descriptor = match store.resolve(&Target::Tag(tag.clone())).await {
                Err(error) if error.is_not_found() => return Ok(None),
                resolved => resolved?,
            };
            store.manifest(&descriptor.digest).await?
        }
        LegacyPlace::Referrer(digest) => {
            let manifest = store.manifest(digest).await?;
            let found = manifest.subject().map(|subject| &subject.digest);
            if found != Some(subject) {
                return Err(StoreError::WrongSubject {
                    referrer: digest.clone(),
                    expected: subject.clone(),
                    found: found.cloned(),
                });
            }
            manifest
        }
    };
    if manifest.image().is_none() {
        let what = format!("the manifest at {place}");
        return Err(StoreError::Unsuited { what });
    }
    Ok(Some(manifest))
}

/// Requests sent at once.
const CONCURRENCY: usize = 8;
