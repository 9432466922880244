//! What every store has to do, run against each of them.

use std::io::Read;

use bulla_model::{Descriptor, Digest, Tag, media_type};
use bulla_registry::legacy::{self, LegacyKind, TagPrefix};
use bulla_registry::{
    BlobReader, Store, StoreError, Target, attach, read_bundle, read_bundles, read_bundles_except,
};
use tokio::io::AsyncReadExt;

use crate::sample;

/// Runs everything against an empty repository.
pub(crate) async fn run<S: Store>(store: &S) {
    what_is_not_there_is_absent(store).await;
    content_comes_back_by_digest_and_by_tag(store).await;
    streams_are_stored_and_read(store).await;
    wrong_content_is_never_stored(store).await;
    bundles_are_attached_once_and_read_back(store).await;
    referrers_of_referrers_are_separate(store).await;
    a_deleted_referrer_is_listed_no_more(store).await;
    legacy_layers_add_up(store).await;
}

async fn what_is_not_there_is_absent<S: Store>(store: &S) {
    let digest = Digest::sha256(b"absent");
    let tag: Tag = "absent".parse().unwrap();
    for target in [Target::from(digest.clone()), Target::from(tag)] {
        assert!(store.resolve(&target).await.unwrap_err().is_not_found());
    }
    assert!(store.manifest(&digest).await.unwrap_err().is_not_found());
    assert!(!store.has_blob(&digest).await.unwrap());
    assert_eq!(store.blob_size(&digest).await.unwrap(), None);
    let blob = Descriptor::of("m", b"absent");
    assert!(store.open_blob(&blob).await.unwrap_err().is_not_found());
    let none = store.referrers(&digest).await.unwrap();
    assert!(none.referrers.is_empty() && !none.truncated);
}

async fn content_comes_back_by_digest_and_by_tag<S: Store>(store: &S) {
    let first = sample::image(store, b"first layer").await;
    let second = sample::image(store, b"second layer").await;
    let tag: Tag = "v1".parse().unwrap();
    let target = Target::from(tag.clone());
    for image in [&first, &second, &second, &first] {
        let manifest = store.manifest(&image.digest).await.unwrap();
        assert_eq!(*manifest.digest(), image.digest);
        let put = store
            .put_manifest(manifest.bytes(), manifest.media_type(), Some(&tag))
            .await
            .unwrap();
        assert_eq!(put, *image);
        assert_eq!(store.resolve(&target).await.unwrap(), *image, "a tag moves");
    }
    assert!(store.tags().await.unwrap().contains(&tag));
    let by_digest = Target::from(second.digest.clone());
    assert_eq!(store.resolve(&by_digest).await.unwrap(), second);
}

async fn streams_are_stored_and_read<S: Store>(store: &S) {
    // More than one upload chunk, and not a multiple of one.
    let bytes: Vec<u8> = (0..9_000_001_u32)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect();
    for bytes in [bytes, Vec::new(), b"x".to_vec()] {
        let descriptor = Descriptor::of("m", &bytes);
        let reader = BlobReader::new(&descriptor, "test", std::io::Cursor::new(bytes.clone()));
        store.put_blob_stream(&descriptor, reader).await.unwrap();
        assert!(store.has_blob(&descriptor.digest).await.unwrap());
        let size = store.blob_size(&descriptor.digest).await.unwrap();
        assert_eq!(size, Some(descriptor.size));

        let mut read = Vec::new();
        let mut reader = store.open_blob(&descriptor).await.unwrap();
        reader.read_to_end(&mut read).await.unwrap();
        assert!(read == bytes, "asynchronous");

        let mut blocking = store.open_blob_blocking(&descriptor).await.unwrap();
        let read = tokio::task::spawn_blocking(move || {
            let mut read = Vec::new();
            blocking.read_to_end(&mut read).map(|_| read)
        });
        assert!(read.await.unwrap().unwrap() == bytes, "blocking");
        if !bytes.is_empty() {
            let limit = descriptor.size - 1;
            let refused = store.blob(&descriptor, limit).await.unwrap_err();
            assert!(matches!(refused, StoreError::TooLarge { .. }), "{refused}");
        }
    }
}

async fn wrong_content_is_never_stored<S: Store>(store: &S) {
    let descriptor = Descriptor::of("m", b"expected");
    for wrong in [&b"different"[..], b"diff", b"unexpect"] {
        let reader = BlobReader::new(&descriptor, "test", wrong);
        let refused = store.put_blob_stream(&descriptor, reader).await;
        assert!(refused.is_err());
        assert!(!store.has_blob(&descriptor.digest).await.unwrap());
    }
    let refused = store
        .put_manifest(b"{}", media_type::IMAGE_MANIFEST, None)
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Manifest { .. }), "{refused}");
}

async fn bundles_are_attached_once_and_read_back<S: Store>(store: &S) {
    let subject = sample::image(store, b"attested").await;
    let bundle = sample::bundle("first");
    let first = attach(store, &subject, &bundle, sample::created())
        .await
        .unwrap();
    let later = sample::created() + jiff::SignedDuration::from_hours(1);
    let again = attach(store, &subject, &bundle, later).await.unwrap();
    assert!(!first.existed && again.existed);
    assert_eq!(first.descriptor.digest, again.descriptor.digest);
    let other = sample::bundle("other");
    attach(store, &subject, &other, later).await.unwrap();

    let list = store.referrers(&subject.digest).await.unwrap();
    assert_eq!(list.referrers.len(), 2);
    let entry = &list
        .referrers
        .iter()
        .find(|entry| entry.descriptor.digest == first.descriptor.digest)
        .unwrap();
    assert_eq!(
        entry.descriptor.artifact_type.as_deref(),
        Some(media_type::BUNDLE)
    );
    let read = read_bundle(store, &subject.digest, entry)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.bytes, bundle.bytes());
    let annotations = read.manifest.annotations();
    assert_eq!(
        annotations["dev.sigstore.bundle.predicateType"],
        "https://example.test/predicate/v1"
    );
    assert_eq!(
        annotations["org.opencontainers.image.created"],
        "2026-08-01T10:00:00Z"
    );
    let set = read_bundles(store, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 2);
    assert!(set.failed.is_empty() && set.others.is_empty() && !set.truncated);
    for (unread, left) in [
        ("https://example.test/predicate/v1", 0),
        ("https://example.test/predicate", 2),
    ] {
        let set = read_bundles_except(store, &subject.digest, &[unread])
            .await
            .unwrap();
        assert_eq!(set.bundles.len(), left, "{unread}");
        assert!(set.failed.is_empty() && set.others.is_empty() && !set.truncated);
    }
}

async fn referrers_of_referrers_are_separate<S: Store>(store: &S) {
    let (index, children) = sample::index(store).await;
    let on_index = attach(store, &index, &sample::bundle("index"), sample::created())
        .await
        .unwrap()
        .descriptor;
    let on_child = attach(
        store,
        &children[0],
        &sample::bundle("index"),
        sample::created(),
    )
    .await
    .unwrap()
    .descriptor;
    attach(
        store,
        &on_index,
        &sample::bundle("nested"),
        sample::created(),
    )
    .await
    .unwrap();
    for (subject, expected) in [
        (&index, Some(on_index)),
        (&children[0], Some(on_child)),
        (&children[1], None),
    ] {
        let found: Vec<Digest> = store
            .referrers(&subject.digest)
            .await
            .unwrap()
            .referrers
            .into_iter()
            .map(|entry| entry.descriptor.digest)
            .collect();
        assert_eq!(
            found,
            expected.map(|d| d.digest).into_iter().collect::<Vec<_>>()
        );
    }
}

async fn a_deleted_referrer_is_listed_no_more<S: Store>(store: &S) {
    let subject = sample::image(store, b"to be cleaned").await;
    let mut attached = Vec::new();
    for name in ["kept", "deleted"] {
        let bundle = sample::bundle(name);
        attached.push(
            attach(store, &subject, &bundle, sample::created())
                .await
                .unwrap(),
        );
    }
    store
        .delete_manifest(&attached[1].descriptor.digest)
        .await
        .unwrap();
    let list = store.referrers(&subject.digest).await.unwrap();
    let left: Vec<&Digest> = list
        .referrers
        .iter()
        .map(|r| &r.descriptor.digest)
        .collect();
    assert_eq!(left, [&attached[0].descriptor.digest]);
    let gone = store
        .manifest(&attached[1].descriptor.digest)
        .await
        .unwrap_err();
    assert!(gone.is_not_found(), "{gone}");
}

async fn legacy_layers_add_up<S: Store>(store: &S) {
    let image = sample::image(store, b"signed the old way").await;
    let prefix = TagPrefix::default();
    let mut expected = Vec::new();
    for name in ["a", "b", "c"] {
        let layer = sample::legacy(name);
        let added = legacy::add(store, &image.digest, &prefix, &layer).await;
        assert!(!added.unwrap().existed, "{name}");
        expected.push(layer.bytes.clone());
        let again = legacy::add(store, &image.digest, &prefix, &layer).await;
        assert!(again.unwrap().existed, "adding twice is one layer");
    }
    let kinds = [LegacyKind::Signature];
    let list = legacy::tagged(store, &image.digest, &prefix, &kinds).await;
    let layers = legacy::read(store, &list.manifests, 1 << 20).await.layers;
    let found: Vec<_> = layers.iter().map(|layer| layer.bytes.clone()).collect();
    assert_eq!(found, expected);
    // Readers of images insist on a configuration that names every layer.
    let manifest = &list.manifests[0].manifest;
    let config = &manifest.image().unwrap().config;
    let config = store.blob(config, 1 << 20).await.unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    let digests: Vec<_> = layers
        .iter()
        .map(|layer| layer.descriptor.digest.to_string())
        .collect();
    assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!(digests));
    assert_eq!(config["history"].as_array().map(Vec::len), Some(3));
}
