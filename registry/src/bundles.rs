//! Reads the Sigstore bundles that refer to a digest.
//!
//! Reader rules of cosign's bundle specification,
//! <https://github.com/sigstore/cosign/blob/v3.0.4/specs/BUNDLE_SPEC.md>, and one of our own: the
//! manifest itself has to name the digest as its subject. Sizes are checked against the manifest
//! before anything is fetched, and a bundle is never decompressed.

use std::collections::BTreeMap;

use bulla_model::{Descriptor, Digest, Manifest, Referrer, ReferrerList, media_type};
use futures_util::{StreamExt as _, stream};

use crate::attach::PREDICATE_TYPE;
use crate::{Store, StoreError};

/// A bundle and the manifest it came with. Nothing in it is verified.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleReferrer {
    /// What the list says about it.
    pub referrer: Referrer,
    /// The artifact manifest, whose subject is the digest asked about.
    pub manifest: Manifest,
    /// The bundle as received.
    pub bytes: Vec<u8>,
}

/// All bundles of a digest, and everything that kept the set from being whole.
#[derive(Debug, Default)]
pub struct BundleSet {
    /// The bundles, in the order of the list.
    pub bundles: Vec<BundleReferrer>,
    /// Referrers that could not be read, with the reason: they may have been bundles.
    pub failed: Vec<(Referrer, StoreError)>,
    /// Referrers that are no bundles.
    pub others: Vec<Referrer>,
    /// Whether the list was cut where something may be evidence: then absence proves nothing.
    pub truncated: bool,
    /// Whether it was cut where nothing is.
    pub others_truncated: bool,
}

/// Reads one referrer of `subject`; `None` if it is no bundle.
pub async fn read_bundle<S: Store>(
    store: &S,
    subject: &Digest,
    referrer: &Referrer,
) -> Result<Option<BundleReferrer>, StoreError> {
    let Some((manifest, layer)) = read_manifest(store, subject, referrer).await? else {
        return Ok(None);
    };
    let bytes = store.blob(&layer, store.limits().bundle_bytes).await?;
    Ok(Some(BundleReferrer {
        referrer: referrer.clone(),
        manifest,
        bytes,
    }))
}

/// Reads all bundles that refer to `subject`, a few at a time, `Limits::evidence_bytes` in all.
///
/// The list itself failing is an error; a single referrer failing is reported in the set.
pub async fn read_bundles<S: Store>(store: &S, subject: &Digest) -> Result<BundleSet, StoreError> {
    read_bundles_except(store, subject, &[]).await
}

/// The same without the bundles that the list says hold a statement of one of these predicate types,
/// for a caller to whom no such statement can say anything: each bundle left out is two requests less.
///
/// The list is not verified, and whoever writes it can give a statement of another type this label.
/// That hides it as leaving it off the list would, which the same writer can do: a caller who copes
/// with the one copes with the other. Where the registry makes the list, the label is the manifest's
/// own, which nobody changes without changing its digest.
pub async fn read_bundles_except<S: Store>(
    store: &S,
    subject: &Digest,
    predicate_types: &[&str],
) -> Result<BundleSet, StoreError> {
    let ReferrerList {
        mut referrers,
        truncated,
        others_truncated,
    } = store.referrers(subject).await?;
    referrers.retain(|referrer| !says_it_is(&referrer.descriptor, predicate_types));
    let mut set = BundleSet {
        truncated,
        others_truncated,
        ..BundleSet::default()
    };
    let mut manifests = stream::iter(referrers)
        .map(|referrer| async {
            let read = read_manifest(store, subject, &referrer).await;
            (referrer, read)
        })
        .buffered(CONCURRENCY);
    let mut wanted = Wanted::default();
    let mut number = 0_usize;
    while let Some((referrer, read)) = manifests.next().await {
        number = number.saturating_add(1);
        match read {
            Err(error) => set.failed.push((referrer, error)),
            Ok(None) => set.others.push(referrer),
            Ok(Some((manifest, layer))) => {
                wanted.add(number, (referrer, manifest, layer));
                while let Some(dropped) = wanted.beyond(store.limits().evidence_bytes) {
                    set.failed
                        .push((dropped, StoreError::over_evidence(store.limits())));
                }
            }
        }
    }
    drop(manifests);
    let mut rest = store.limits().evidence_bytes.saturating_sub(wanted.bytes);
    let mut blobs = stream::iter(wanted.in_order())
        .map(|(referrer, manifest, layer)| async move {
            let read = store.blob(&layer, store.limits().bundle_bytes).await;
            (referrer, manifest, layer, read)
        })
        .buffered(CONCURRENCY);
    while let Some((referrer, manifest, layer, read)) = blobs.next().await {
        let read = match read {
            // On the heap: it is rare, and would make every caller's future larger.
            Err(error) => Err(Box::pin(explained(store, &layer, error, &mut rest)).await),
            read => read,
        };
        match read {
            Ok(bytes) => set.bundles.push(BundleReferrer {
                referrer,
                manifest,
                bytes,
            }),
            Err(error) => set.failed.push((referrer, error)),
        }
    }
    Ok(set)
}

/// What it means that a blob has another size than its manifest says: the manifest lies if the blob,
/// read once more with the size the store gives, has its digest. Then nobody will ever read it as it
/// is named. Otherwise the transfer may have been cut.
pub(crate) async fn explained<S: Store>(
    store: &S,
    layer: &Descriptor,
    error: StoreError,
    budget: &mut u64,
) -> StoreError {
    if !matches!(error, StoreError::SizeMismatch { .. }) {
        return error;
    }
    let Ok(Some(size)) = store.blob_size(&layer.digest).await else {
        return error;
    };
    let limit = store.limits().bundle_bytes;
    if size > limit {
        let what = format!("blob {}", layer.digest);
        return StoreError::TooLarge { what, limit };
    }
    let Some(rest) = budget.checked_sub(size).filter(|_| size != layer.size) else {
        return error;
    };
    *budget = rest;
    let whole = Descriptor::new(&layer.media_type, layer.digest.clone(), size);
    match store.blob(&whole, limit).await {
        Ok(_) => StoreError::Misdescribed {
            what: format!("blob {}", layer.digest),
            expected: layer.size,
            found: size,
        },
        Err(_) => error,
    }
}

/// The bundles that fit into the budget together, the smallest first.
///
/// What does not fit depends on sizes alone: whoever can push cannot crowd out a bundle with
/// larger ones, whatever digests they choose and whatever sizes they declare.
#[derive(Default)]
struct Wanted {
    /// By size, then by place in the list.
    kept: BTreeMap<(u64, usize), (Referrer, Manifest, Descriptor)>,
    bytes: u64,
}

impl Wanted {
    fn add(&mut self, number: usize, bundle: (Referrer, Manifest, Descriptor)) {
        let size = (bundle.1.bytes().len() as u64).saturating_add(bundle.2.size);
        self.bytes = self.bytes.saturating_add(size);
        self.kept.insert((size, number), bundle);
    }

    /// Drops the largest if all are more than `budget`.
    fn beyond(&mut self, budget: u64) -> Option<Referrer> {
        if self.bytes <= budget {
            return None;
        }
        let ((size, _), (referrer, _, _)) = self.kept.pop_last()?;
        self.bytes = self.bytes.saturating_sub(size);
        Some(referrer)
    }

    /// In the order of the list.
    fn in_order(self) -> Vec<(Referrer, Manifest, Descriptor)> {
        let mut kept: Vec<_> = self.kept.into_iter().collect();
        kept.sort_by_key(|((_, number), _)| *number);
        kept.into_iter().map(|(_, bundle)| bundle).collect()
    }
}

/// Whether a list's entry can be a bundle. The artifact type is a hint, and leaving an entry out
/// by it gives whoever wrote the list no power that leaving it out entirely would not.
pub(crate) fn may_be_bundle(entry: &Descriptor) -> bool {
    match entry.artifact_type.as_deref() {
        None | Some("" | media_type::EMPTY | media_type::IMAGE_CONFIG) => true,
        Some(artifact_type) => artifact_type.starts_with(BUNDLE_PREFIX),
    }
}

/// Whether a list's entry says that it is a bundle with a statement of one of these types.
fn says_it_is(entry: &Descriptor, predicate_types: &[&str]) -> bool {
    let is_bundle = entry.artifact_type.as_deref();
    let is_bundle = is_bundle.is_some_and(|kind| kind.starts_with(BUNDLE_PREFIX));
    let labelled = entry.annotations.get(PREDICATE_TYPE);
    is_bundle && labelled.is_some_and(|label| predicate_types.contains(&label.as_str()))
}

/// The layer of a manifest that is a bundle: exactly one, of a bundle's media type.
pub(crate) fn bundle_layer(manifest: &Manifest) -> Option<&Descriptor> {
    match manifest.image()?.layers.as_slice() {
        [layer] if layer.media_type.starts_with(BUNDLE_PREFIX) => Some(layer),
        _ => None,
    }
}

async fn read_manifest<S: Store>(
    store: &S,
    subject: &Digest,
    referrer: &Referrer,
) -> Result<Option<(Manifest, Descriptor)>, StoreError> {
    if !may_be_bundle(&referrer.descriptor) {
        return Ok(None);
    }
    let manifest = store.manifest(&referrer.descriptor.digest).await?;
    let found = manifest.subject().map(|subject| &subject.digest);
    if found != Some(subject) {
        return Err(StoreError::WrongSubject {
            referrer: referrer.descriptor.digest.clone(),
            expected: subject.clone(),
            found: found.cloned(),
        });
    }
    let Some(layer) = bundle_layer(&manifest).cloned() else {
        return Ok(None);
    };
    let limit = store.limits().bundle_bytes;
    if layer.size > limit {
        return Err(StoreError::TooLarge {
            what: format!("bundle {}", layer.digest),
            limit,
        });
    }
    Ok(Some((manifest, layer)))
}

/// What every version of the bundle's media type begins with.
const BUNDLE_PREFIX: &str = "application/vnd.dev.sigstore.bundle";
/// Referrers read at once.
const CONCURRENCY: usize = 8;
