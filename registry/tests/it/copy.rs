//! Copies between stores.

use axum::http::Method;
use bulla_model::{Descriptor, Limits, Tag, media_type};
use bulla_registry::{
    AnyStore, CopyOptions, Credential, Layout, Memory, Store, StoreError, Target, attach, copy,
    read_bundles,
};

use crate::faulty::{Registry, store_at};
use crate::{ferro, sample};

/// An index with a bundle on it, on one part, and on the first bundle's manifest.
async fn attested<S: Store>(store: &S) -> (Descriptor, Vec<Descriptor>, Descriptor) {
    let (index, parts) = sample::index(store).await;
    let on = async |subject: &Descriptor, name: &str| {
        attach(store, subject, &sample::bundle(name), sample::created())
            .await
            .unwrap()
            .descriptor
    };
    let first = on(&index, "index").await;
    on(&parts[0], "part").await;
    on(&first, "nested").await;
    let legacy = store.manifest(&parts[1].digest).await.unwrap();
    let tag: Tag = format!("{}.sig", index.digest.referrers_tag())
        .parse()
        .unwrap();
    store
        .put_manifest(legacy.bytes(), legacy.media_type(), Some(&tag))
        .await
        .unwrap();
    (index, parts, first)
}

fn tagged(tag: &str) -> CopyOptions {
    let mut options = CopyOptions::default();
    options.tag = Some(tag.parse().unwrap());
    options
}

async fn assert_whole<S: Store>(
    store: &S,
    index: &Descriptor,
    parts: &[Descriptor],
    first: &Descriptor,
) {
    let tag = Target::Tag("v1".parse().unwrap());
    assert_eq!(store.resolve(&tag).await.unwrap(), *index);
    for subject in [index, &parts[0], first] {
        let set = read_bundles(store, &subject.digest).await.unwrap();
        assert_eq!(set.bundles.len(), 1, "{}", store.name());
        assert!(set.failed.is_empty(), "{set:?}");
    }
    for part in parts {
        let manifest = store.manifest(&part.digest).await.unwrap();
        let layer = &manifest.image().unwrap().layers[0];
        store.blob(layer, 100).await.unwrap();
    }
}

#[tokio::test]
async fn everything_travels_between_all_kinds_of_store() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let registry = Registry::start().await;
    let memory = Memory::new(limits.clone());
    let (index, parts, first) = attested(&memory).await;
    let stores = [
        AnyStore::Memory(memory),
        AnyStore::Layout(Layout::create(&directory.path().join("a"), &limits).unwrap()),
        AnyStore::Remote(registry.store(&limits)),
        AnyStore::Remote(store_at(
            &ferro::start().await,
            &limits,
            Credential::Anonymous,
        )),
        AnyStore::Layout(Layout::create(&directory.path().join("b"), &limits).unwrap()),
    ];
    for pair in stores.windows(2) {
        let (from, to, digest) = (pair[0].clone(), pair[1].clone(), index.digest.clone());
        let options = tagged("v1");
        // A copy can run on a task of its own.
        let report = tokio::spawn(async move { copy(&from, &to, &digest, &options).await })
            .await
            .unwrap()
            .unwrap();
        assert_eq!(report.referrers, 3, "{report:?}");
        // Some registries always have the empty configuration.
        assert!(
            report.skipped.iter().all(|blob| blob.size == 2),
            "{report:?}"
        );
        assert_whole(&pair[1], &index, &parts, &first).await;

        let again = copy(&pair[0], &pair[1], &index.digest, &tagged("v1"))
            .await
            .unwrap();
        assert!(again.copied.is_empty(), "{again:?}");
        assert_eq!(
            again.skipped.len(),
            report.copied.len() + report.skipped.len()
        );
    }
}

#[tokio::test]
async fn an_interrupted_copy_moves_no_tag_and_can_be_run_again() {
    let registry = Registry::start().await;
    let limits = Limits::default();
    let (memory, to) = (Memory::new(limits.clone()), registry.store(&limits));
    let (index, parts, first) = attested(&memory).await;
    let tag = Target::Tag("v1".parse().unwrap());
    for (method, path) in [
        (Method::POST, "/uploads/".to_owned()),
        (Method::PUT, "/uploads/".to_owned()),
        (Method::PUT, format!("/manifests/{}", parts[0].digest)),
        (Method::PUT, format!("/manifests/{}", index.digest)),
        (Method::PUT, format!("/manifests/{}", first.digest)),
        (
            Method::PUT,
            format!("/manifests/{}", first.digest.referrers_tag()),
        ),
    ] {
        registry.rule(method, &path, 503, 100);
        let failed = copy(&memory, &to, &index.digest, &tagged("v1")).await;
        assert!(failed.unwrap_err().is_undetermined(), "{path}");
        assert!(to.resolve(&tag).await.unwrap_err().is_not_found(), "{path}");
        registry.content().rules.clear();
    }
    copy(&memory, &to, &index.digest, &tagged("v1"))
        .await
        .unwrap();
    assert_whole(&to, &index, &parts, &first).await;
}

#[tokio::test]
async fn a_copy_that_would_lose_referrers_fails() {
    let (memory, to) = (
        Memory::new(Limits::default()),
        Memory::new(Limits::default()),
    );
    let subject = sample::image(&memory, b"layer").await;
    for name in ["a", "b"] {
        attach(&memory, &subject, &sample::bundle(name), sample::created())
            .await
            .unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path(), &Limits::default()).unwrap();
    copy(&memory, &layout, &subject.digest, &CopyOptions::default())
        .await
        .unwrap();
    let mut limits = Limits::default();
    limits.referrers_per_digest = 1;
    let narrow = Layout::open(directory.path(), &limits).unwrap();
    let error = copy(&narrow, &to, &subject.digest, &tagged("v1"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::TooMany { .. }), "{error}");
    assert!(to.tags().await.unwrap().is_empty());
}

#[tokio::test]
async fn content_that_was_changed_is_not_copied() {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path(), &Limits::default()).unwrap();
    let image = sample::image(&layout, b"layer").await;
    let layer = Descriptor::of(media_type::LAYER_TAR, b"layer");
    let path = directory
        .path()
        .join("blobs/sha256")
        .join(layer.digest.hex());
    std::fs::write(path, b"lAyer").unwrap();
    let registry = Registry::start().await;
    let to = registry.store(&Limits::default());
    let error = copy(&layout, &to, &image.digest, &tagged("v1"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::DigestMismatch { .. }),
        "{error}"
    );
    assert!(!to.has_blob(&layer.digest).await.unwrap());
    assert_eq!(registry.asked(&Method::PUT, "/manifests/"), 0);
}
