//! What is attached to an image, of every generation, decoded and not verified.

use bulla_model::{CosignLayer, Descriptor, Digest, Manifest, ReferrerList};
use bulla_registry::legacy::{self, LegacyKind, LegacyManifest, LegacyPlace, TagPrefix};
use bulla_registry::{AnyStore, Store as _, StoreError, read_bundle};

use crate::Failure;

/// What is attached to a digest, numbered from 1: referrers in the order of their digests, then the
/// layers of cosign's older tags.
#[derive(Debug, Default)]
pub struct AttachedList {
    /// What is attached.
    pub entries: Vec<AttachedEntry>,
    /// Whether entries beyond the limit were left out.
    pub truncated: bool,
    /// Places that could not be read, one line each.
    pub unavailable: Vec<String>,
}

/// One thing that is attached.
#[derive(Debug)]
pub struct AttachedEntry {
    /// Its number, from 1.
    pub number: usize,
    /// The manifest it is in.
    pub manifest: Digest,
    /// The tag it was found at, if it is no referrer.
    pub tag: Option<String>,
    /// What the list of referrers, or the manifest, says about it.
    pub descriptor: Descriptor,
    /// What it holds.
    pub content: AttachedContent,
}

/// What is attached.
#[derive(Debug)]
pub enum AttachedContent {
    /// A Sigstore bundle, as received.
    Bundle {
        /// The artifact manifest.
        manifest: Manifest,
        /// The bundle's bytes.
        bytes: Vec<u8>,
    },
    /// A signature or attestation as cosign kept it before bundles.
    Cosign(CosignLayer),
    /// An SBOM that nobody signed.
    Sbom,
    /// Something else.
    Other,
    /// It could not be read.
    Unreadable(StoreError),
}

/// Lists what is attached to a digest and reads what is signed among it.
pub async fn list(
    store: &AnyStore,
    digest: &Digest,
    prefix: &TagPrefix,
) -> Result<AttachedList, Failure> {
    let (listed, mut found) = tokio::join!(
        store.referrers(digest),
        legacy::tagged(store, digest, prefix, ALL)
    );
    let ReferrerList {
        mut referrers,
        truncated,
    } = listed?;
    referrers.sort_by(|a, b| a.descriptor.digest.cmp(&b.descriptor.digest));
    let mut list = AttachedList {
        truncated,
        ..AttachedList::default()
    };
    let mut referred = legacy::referred(store, digest, &referrers, ALL).await;
    let in_layers = |digest: &Digest, held: &[LegacyManifest]| {
        held.iter().any(|held| held.manifest.digest() == digest)
    };
    for referrer in referrers {
        let descriptor = referrer.descriptor.clone();
        if in_layers(&descriptor.digest, &referred.manifests) {
            continue;
        }
        let content = match read_bundle(store, digest, &referrer).await {
            Ok(Some(bundle)) => AttachedContent::Bundle {
                manifest: bundle.manifest,
                bytes: bundle.bytes,
            },
            Ok(None) => AttachedContent::Other,
            Err(error) => AttachedContent::Unreadable(error),
        };
        list.push(descriptor.digest.clone(), None, descriptor, content);
    }
    referred.manifests.append(&mut found.manifests);
    let failed = referred.failed.into_iter().chain(found.failed);
    list.unavailable
        .extend(failed.map(|(place, error)| format!("{place}: {error}")));
    for held in &referred.manifests {
        add_layers(store, held, &mut list).await;
    }
    Ok(list)
}

async fn add_layers(store: &AnyStore, held: &LegacyManifest, list: &mut AttachedList) {
    let tag = match &held.place {
        LegacyPlace::Tag(tag) => Some(tag.to_string()),
        LegacyPlace::Referrer(_) => None,
    };
    let manifest = held.manifest.digest();
    if held.kind == LegacyKind::Sbom {
        let layers = held.manifest.image().map_or(&[][..], |image| &image.layers);
        for layer in layers.iter().take(store.limits().referrers_per_digest) {
            let content = AttachedContent::Sbom;
            list.push(manifest.clone(), tag.clone(), layer.clone(), content);
        }
        return;
    }
    let limits = store.limits();
    let read = legacy::read(store, std::slice::from_ref(held), limits.evidence_bytes).await;
    for layer in read.layers {
        let descriptor = layer.descriptor;
        let annotations = descriptor.annotations.clone();
        let content = CosignLayer::new(&descriptor.media_type, layer.bytes, annotations, limits)
            .map_or(AttachedContent::Other, AttachedContent::Cosign);
        list.push(layer.manifest, tag.clone(), descriptor, content);
    }
    let failed = read.failed.into_iter();
    list.unavailable
        .extend(failed.map(|(place, error)| format!("{place}: {error}")));
}

impl AttachedList {
    fn push(
        &mut self,
        manifest: Digest,
        tag: Option<String>,
        descriptor: Descriptor,
        content: AttachedContent,
    ) {
        self.entries.push(AttachedEntry {
            number: self.entries.len().saturating_add(1),
            manifest,
            tag,
            descriptor,
            content,
        });
    }
}

const ALL: &[LegacyKind] = &[
    LegacyKind::Signature,
    LegacyKind::Attestation,
    LegacyKind::Sbom,
];
