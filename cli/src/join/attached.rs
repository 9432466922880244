//! What is attached to an image, of every generation, decoded and not verified.

use bulla_model::notation::{
    ENVELOPE_BYTES, NotationEnvelope, NotationError, is_signature, signature_layer,
};
use bulla_model::{CosignLayer, Descriptor, Digest, Manifest};
use bulla_registry::legacy::{self, LegacyKind, LegacyManifest, LegacyPlace, TagPrefix};
use bulla_registry::{AnyStore, Store as _, StoreError, read_bundles};

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
    /// A signature of the Notary Project, or why its envelope cannot be read.
    Notation(Result<NotationEnvelope, NotationError>),
    /// An SBOM that nobody signed.
    Sbom,
    /// Something else.
    Other,
    /// It could not be read.
    Unreadable(StoreError),
}

/// Lists what is attached to a digest and reads what is signed among it, `Limits::evidence_bytes` in
/// all: what does not fit is listed as unreadable.
pub async fn list(
    store: &AnyStore,
    digest: &Digest,
    prefix: &TagPrefix,
) -> Result<AttachedList, Failure> {
    let (set, mut found) = tokio::join!(
        read_bundles(store, digest),
        legacy::tagged(store, digest, prefix, ALL)
    );
    let set = set?;
    let mut list = AttachedList {
        truncated: set.truncated || set.others_truncated,
        ..AttachedList::default()
    };
    let mut referred = legacy::referred(store, digest, &set.others, ALL).await;
    let mut budget = store.limits().evidence_bytes;
    let mut others = Vec::new();
    for bundle in set.bundles {
        let bytes = bundle
            .bytes
            .len()
            .saturating_add(bundle.manifest.bytes().len());
        budget = budget.saturating_sub(bytes as u64);
        let content = AttachedContent::Bundle {
            manifest: bundle.manifest,
            bytes: bundle.bytes,
        };
        others.push((bundle.referrer.descriptor, content));
    }
    let in_layers = |digest: &Digest, held: &[LegacyManifest]| {
        held.iter().any(|held| held.manifest.digest() == digest)
    };
    for referrer in set.others {
        let descriptor = referrer.descriptor;
        if !in_layers(&descriptor.digest, &referred.manifests) {
            let content = if is_signature(descriptor.artifact_type.as_deref()) {
                notation(store, digest, &descriptor.digest, &mut budget).await
            } else {
                AttachedContent::Other
            };
            others.push((descriptor, content));
        }
    }
    let failed = set.failed.into_iter();
    others.extend(failed.map(|(referrer, error)| {
        let content = AttachedContent::Unreadable(error);
        (referrer.descriptor, content)
    }));
    others.sort_by(|(a, _), (b, _)| a.digest.cmp(&b.digest));
    for (descriptor, content) in others {
        list.push(descriptor.digest.clone(), None, descriptor, content);
    }
    referred.manifests.append(&mut found.manifests);
    let failed = referred.failed.drain(..).chain(found.failed);
    list.unavailable
        .extend(failed.map(|(place, error)| format!("{place}: {error}")));
    budget = budget.saturating_sub(referred.bytes());
    for held in &referred.manifests {
        add_layers(store, held, &mut budget, &mut list).await;
    }
    Ok(list)
}

/// Reads a signature of the Notary Project.
async fn notation(
    store: &AnyStore,
    subject: &Digest,
    digest: &Digest,
    budget: &mut u64,
) -> AttachedContent {
    let manifest = match store.manifest(digest).await {
        Ok(manifest) => manifest,
        Err(error) => return AttachedContent::Unreadable(error),
    };
    let (layer, form) = match signature_layer(&manifest, subject) {
        Ok(found) => found,
        Err(error) => return AttachedContent::Notation(Err(error)),
    };
    // What all evidence together may take up is spent here too.
    match store.blob(layer, ENVELOPE_BYTES.min(*budget)).await {
        Ok(bytes) => {
            *budget = budget.saturating_sub(bytes.len() as u64);
            let envelope = NotationEnvelope::parse(form, &bytes, store.limits());
            AttachedContent::Notation(envelope)
        }
        Err(error) => AttachedContent::Unreadable(error),
    }
}

async fn add_layers(
    store: &AnyStore,
    held: &LegacyManifest,
    budget: &mut u64,
    list: &mut AttachedList,
) {
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
    let read = legacy::read(store, std::slice::from_ref(held), *budget).await;
    for layer in read.layers {
        *budget = budget.saturating_sub(layer.bytes.len() as u64);
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

#[cfg(test)]
mod tests {
    use bulla_model::{Limits, media_type};
    use bulla_registry::Memory;
    use bulla_registry::legacy::NewLegacyLayer;
    use serde_json::{Value, json};

    use super::*;

    async fn put(store: &AnyStore, manifest: Value) -> Descriptor {
        let bytes = manifest.to_string().into_bytes();
        let kind = media_type::IMAGE_MANIFEST;
        store.put_manifest(&bytes, kind, None).await.unwrap()
    }

    async fn image(limits: Limits) -> (AnyStore, Descriptor) {
        let store = AnyStore::Memory(Memory::new(limits));
        let config = Descriptor::of(media_type::IMAGE_CONFIG, b"{}");
        store.put_blob(b"{}".to_vec()).await.unwrap();
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type::IMAGE_MANIFEST,
            "config": config, "layers": []});
        let image = put(&store, manifest).await;
        (store, image)
    }

    #[tokio::test]
    async fn f38_bundles_have_one_bound_together() {
        let mut limits = Limits::default();
        limits.evidence_bytes = 4000;
        let (store, image) = image(limits).await;
        for number in 0..4 {
            let bundle = format!("{number}{}", "x".repeat(700)).into_bytes();
            let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
            let layer = Descriptor::of(kind, &bundle);
            store.put_blob(bundle).await.unwrap();
            let manifest = json!({"schemaVersion": 2, "mediaType": media_type::IMAGE_MANIFEST,
                "artifactType": kind, "subject": image, "layers": [layer],
                "config": Descriptor::of(media_type::EMPTY, b"{}")});
            put(&store, manifest).await;
        }
        let list = list(&store, &image.digest, &TagPrefix::default())
            .await
            .unwrap();
        let read = |entry: &&AttachedEntry| matches!(entry.content, AttachedContent::Bundle { .. });
        let read = list.entries.iter().filter(read).count();
        assert_eq!(list.entries.len(), 4);
        assert!((1..4).contains(&read), "{read}");
    }

    #[tokio::test]
    async fn f38_layers_of_several_tags_have_one_bound_together() {
        let mut limits = Limits::default();
        limits.evidence_bytes = 3000;
        let (store, image) = image(limits).await;
        let none = TagPrefix::default();
        for kind in [LegacyKind::Signature, LegacyKind::Attestation] {
            let layer = NewLegacyLayer {
                kind,
                media_type: "application/vnd.dsse.envelope.v1+json",
                bytes: kind.suffix().repeat(500).into_bytes(),
                annotations: [("a".to_owned(), "b".to_owned())].into(),
            };
            legacy::add(&store, &image.digest, &none, &layer)
                .await
                .unwrap();
        }
        let list = list(&store, &image.digest, &none).await.unwrap();
        assert_eq!(list.entries.len(), 1);
        assert_eq!(list.unavailable.len(), 1, "{:?}", list.unavailable);
        assert!(list.unavailable[0].contains("bytes of evidence"));
    }
}
