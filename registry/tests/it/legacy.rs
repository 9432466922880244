//! Signatures, attestations and SBOMs as older clients keep them.

use axum::http::Method;
use bulla_model::{Descriptor, Limits, Manifest, Tag, media_type};
use bulla_registry::legacy::{self, LegacyKind, LegacyPlace, TagPrefix};
use bulla_registry::{Memory, Store, StoreError};
use serde_json::json;

use crate::faulty::Registry;
use crate::sample;

const ALL: &[LegacyKind] = &[
    LegacyKind::Signature,
    LegacyKind::Attestation,
    LegacyKind::Sbom,
];
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// Stores a manifest with one layer for each payload; each layer is annotated with its number.
pub(crate) async fn push<S: Store>(
    store: &S,
    payloads: &[&[u8]],
    subject: Option<&Descriptor>,
    artifact_type: Option<&str>,
    tag: Option<&Tag>,
) -> Descriptor {
    let config = br#"{"architecture":"","os":""}"#.to_vec();
    let config_descriptor = Descriptor::of(media_type::IMAGE_CONFIG, &config);
    store.put_blob(config).await.unwrap();
    let mut layers = Vec::new();
    for (number, payload) in payloads.iter().enumerate() {
        store.put_blob(payload.to_vec()).await.unwrap();
        let mut layer = Descriptor::of(SIMPLE_SIGNING, payload);
        layer
            .annotations
            .insert("number".to_owned(), number.to_string());
        layers.push(layer);
    }
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::IMAGE_MANIFEST,
        "config": config_descriptor,
        "layers": layers,
    });
    if let Some(subject) = subject {
        manifest["subject"] = json!(subject);
    }
    if let Some(artifact_type) = artifact_type {
        manifest["artifactType"] = json!(artifact_type);
    }
    store
        .put_manifest(
            manifest.to_string().as_bytes(),
            media_type::IMAGE_MANIFEST,
            tag,
        )
        .await
        .unwrap()
}

#[tokio::test]
async fn layers_of_tags_come_with_their_annotations() {
    let store = Memory::new(Limits::default());
    let image = sample::image(&store, b"layer").await;
    let none = TagPrefix::default();
    let list = legacy::tagged(&store, &image.digest, &none, ALL).await;
    assert!(list.manifests.is_empty() && list.failed.is_empty());
    for (kind, payload) in [
        (LegacyKind::Signature, b"signed".as_slice()),
        (LegacyKind::Attestation, b"attested"),
        (LegacyKind::Sbom, b"listed"),
    ] {
        let tag = kind.tag(&none, &image.digest).unwrap();
        push(&store, &[payload, b"second"], None, None, Some(&tag)).await;
    }
    let list = legacy::tagged(&store, &image.digest, &none, ALL).await;
    let kinds: Vec<_> = list.manifests.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, ALL);
    let read = legacy::read(&store, &list.manifests, 1000).await;
    assert!(read.failed.is_empty(), "{:?}", read.failed);
    assert_eq!(read.layers.len(), 6);
    assert_eq!(read.layers[0].bytes, b"signed");
    assert_eq!(read.layers[1].descriptor.annotations["number"], "1");
    assert_eq!(read.layers[3].kind, LegacyKind::Attestation);
    assert_eq!(
        read.layers[2].manifest,
        *list.manifests[1].manifest.digest()
    );
    let other: TagPrefix = "other-".parse().unwrap();
    let list = legacy::tagged(&store, &image.digest, &other, ALL).await;
    assert!(list.manifests.is_empty(), "another prefix is another tag");
}

#[tokio::test]
async fn a_legacy_tag_is_absent_only_if_the_registry_says_so() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let image = sample::image(&store, b"layer").await;
    let none = TagPrefix::default();
    let tag = LegacyKind::Signature.tag(&none, &image.digest).unwrap();
    push(&store, &[b"signed"], None, None, Some(&tag)).await;
    for status in [400, 401, 403, 405, 429, 500, 503] {
        registry.rule(Method::GET, tag.as_str(), status, 3);
        let list = legacy::tagged(&store, &image.digest, &none, ALL).await;
        registry.content().rules.clear();
        assert!(list.manifests.is_empty(), "{status}");
        let [(place, error)] = list.failed.as_slice() else {
            panic!("{status}: {:?}", list.failed);
        };
        assert_eq!(place, tag.as_str());
        assert!(error.is_undetermined(), "{status}: {error}");
        assert!(!error.is_unusable(), "{status}: {error}");
    }
    registry.rule(Method::GET, tag.as_str(), 404, 1);
    let list = legacy::tagged(&store, &image.digest, &none, ALL).await;
    assert!(list.manifests.is_empty() && list.failed.is_empty());
}

#[tokio::test]
async fn a_tag_whose_manifest_is_gone_or_an_index_is_reported() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let (index, _) = sample::index(&store).await;
    let none = TagPrefix::default();
    let tag = LegacyKind::Signature.tag(&none, &index.digest).unwrap();
    let pushed = push(&store, &[b"signed"], None, None, Some(&tag)).await;
    registry.rule(Method::GET, pushed.digest.hex(), 404, 1);
    let list = legacy::tagged(&store, &index.digest, &none, ALL).await;
    assert!(
        matches!(list.failed.as_slice(), [(_, StoreError::NotFound { .. })]),
        "{list:?}"
    );
    let bytes = store.manifest(&index.digest).await.unwrap();
    store
        .put_manifest(bytes.bytes(), media_type::IMAGE_INDEX, Some(&tag))
        .await
        .unwrap();
    let list = legacy::tagged(&store, &index.digest, &none, ALL).await;
    assert!(list.manifests.is_empty());
    assert!(
        list.failed[0].1.to_string().contains("is an index"),
        "{list:?}"
    );
    // Whoever may push can put it there: it casts no doubt on the rest.
    assert!(list.failed[0].1.is_unusable(), "{list:?}");
}

#[tokio::test]
async fn referrers_of_the_older_artifact_types_hold_the_same_layers() {
    let store = Memory::new(Limits::default());
    let image = sample::image(&store, b"layer").await;
    let other = sample::image(&store, b"another").await;
    let kinds = [
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        "application/vnd.in-toto+json",
        "application/vnd.example.unrelated",
    ];
    for artifact_type in kinds {
        push(
            &store,
            &[artifact_type.as_bytes()],
            Some(&image),
            Some(artifact_type),
            None,
        )
        .await;
    }
    let mut referrers = store.referrers(&image.digest).await.unwrap().referrers;
    let list = legacy::referred(&store, &image.digest, &referrers, ALL).await;
    assert!(list.failed.is_empty(), "{:?}", list.failed);
    let mut found: Vec<_> = list.manifests.iter().map(|found| found.kind).collect();
    found.sort();
    assert_eq!(found, [LegacyKind::Signature, LegacyKind::Attestation]);
    assert!(
        list.manifests
            .iter()
            .all(|found| matches!(found.place, LegacyPlace::Referrer(_)))
    );
    // A list that names a manifest about something else is not believed.
    let stray = push(&store, &[b"stray"], Some(&other), Some(kinds[0]), None).await;
    referrers[0].descriptor.digest = stray.digest.clone();
    referrers[0].descriptor.artifact_type = Some(kinds[0].to_owned());
    let list = legacy::referred(&store, &image.digest, &referrers[..1], ALL).await;
    assert!(
        matches!(
            list.failed.as_slice(),
            [(_, StoreError::WrongSubject { .. })]
        ),
        "{list:?}"
    );
}

#[tokio::test]
async fn what_exceeds_a_bound_is_reported_and_the_rest_is_read() {
    let mut limits = Limits::default();
    limits.bundle_bytes = 12;
    limits.referrers_per_digest = 2;
    let store = Memory::new(limits.clone());
    let image = sample::image(&store, b"layer").await;
    let none = TagPrefix::default();
    let tag = LegacyKind::Signature.tag(&none, &image.digest).unwrap();
    let payloads: [&[u8]; 4] = [b"one", b"larger than a bundle", b"three", b"one too many"];
    push(&store, &payloads, None, None, Some(&tag)).await;
    let list = legacy::tagged(&store, &image.digest, &none, ALL).await;
    let read = legacy::read(&store, &list.manifests, 1000).await;
    let bytes: Vec<_> = read
        .layers
        .iter()
        .map(|layer| layer.bytes.as_slice())
        .collect();
    assert_eq!(bytes, [b"one".as_slice(), b"three"]);
    assert!(matches!(
        read.failed.as_slice(),
        [
            (_, StoreError::TooLarge { limit: 12, .. }),
            (_, StoreError::TooMany { limit: 2, .. })
        ]
    ));
    let read = legacy::read(&store, &list.manifests, 4).await;
    assert_eq!(read.layers.len(), 1);
    // One that is too long can be no signature; of those that do not fit nobody knows.
    let over =
        |error: &StoreError| !error.is_unusable() && error.to_string().contains("of evidence");
    assert!(read.failed.iter().any(|(_, error)| over(error)));
}

#[tokio::test]
async fn a_manifest_without_layers_holds_nothing() {
    let store = Memory::new(Limits::default());
    let image = sample::image(&store, b"layer").await;
    let none = TagPrefix::default();
    let tag = LegacyKind::Attestation.tag(&none, &image.digest).unwrap();
    let pushed = push(&store, &[], None, None, Some(&tag)).await;
    let list = legacy::tagged(&store, &image.digest, &none, ALL).await;
    assert_eq!(*list.manifests[0].manifest.digest(), pushed.digest);
    assert!(Manifest::image(&list.manifests[0].manifest).is_some());
    let read = legacy::read(&store, &list.manifests, 1000).await;
    assert!(read.layers.is_empty() && read.failed.is_empty());
}
