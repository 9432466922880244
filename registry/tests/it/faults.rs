//! Registries that fail, lie, or ask for what they must not get.

use std::time::Duration;

use axum::http::Method;
use bulla_model::{Descriptor, Digest, Limits, Tag, media_type};
use bulla_registry::{
    AnyStore, Credential, Store, StoreError, StoreErrorKind, Target, attach, read_bundle,
    read_bundles,
};

use crate::faulty::{ReferrersMode, Registry, store_at};
use crate::{sample, suite};

fn fallback_tag(digest: &Digest) -> String {
    digest.referrers_tag()
}

#[tokio::test]
async fn a_registry_without_the_api_does_what_every_store_has_to_do() {
    suite::run(&Registry::start().await.store(&Limits::default())).await;
}

#[tokio::test]
async fn o3_a_promise_to_keep_the_list_is_not_believed() {
    // O3: OCI-Subject on the push, and no referrers API.
    let registry = Registry::start().await;
    registry.content().referrers = ReferrersMode::Promised;
    suite::run(&registry.store(&Limits::default())).await;
}

#[tokio::test]
async fn a_refused_referrers_tag_is_an_error_and_not_an_empty_list() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    attach(
        &store,
        &subject,
        &sample::bundle("revocation"),
        sample::created(),
    )
    .await
    .unwrap();
    for status in [400, 401, 403, 405, 429, 500, 503] {
        for path in [fallback_tag(&subject.digest), "/referrers/".to_owned()] {
            registry.rule(Method::GET, &path, status, 3);
            let error = store.referrers(&subject.digest).await.unwrap_err();
            assert!(error.is_undetermined(), "{status} on {path}: {error}");
            let error = read_bundles(&store, &subject.digest).await;
            registry.content().rules.clear();
            drop(error);
        }
    }
    assert_eq!(
        store
            .referrers(&subject.digest)
            .await
            .unwrap()
            .referrers
            .len(),
        1
    );
}

#[tokio::test]
async fn a_refused_referrers_tag_is_never_overwritten() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    attach(
        &store,
        &subject,
        &sample::bundle("first"),
        sample::created(),
    )
    .await
    .unwrap();
    let tag = fallback_tag(&subject.digest);
    for status in [403, 429] {
        registry.rule(Method::GET, &tag, status, 100);
        let written = registry.asked(&Method::PUT, &tag);
        let refused = attach(
            &store,
            &subject,
            &sample::bundle("second"),
            sample::created(),
        )
        .await;
        assert!(refused.unwrap_err().is_undetermined());
        assert_eq!(registry.asked(&Method::PUT, &tag), written);
        registry.content().rules.clear();
    }
    assert_eq!(
        store
            .referrers(&subject.digest)
            .await
            .unwrap()
            .referrers
            .len(),
        1
    );
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let image = sample::image(&store, b"layer").await;
    for status in [429, 500, 502, 503, 504] {
        registry.rule(Method::GET, "/manifests/", status, 2);
        store.manifest(&image.digest).await.unwrap();
        registry.rule(Method::GET, "/manifests/", status, 3);
        let error = store.manifest(&image.digest).await.unwrap_err();
        assert!(error.to_string().contains("(3 tries)"), "{error}");
    }
    registry.rule(Method::GET, "/manifests/", 403, 1);
    let error = store.manifest(&image.digest).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_undetermined() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let store = store_at(&host, &Limits::default(), Credential::Anonymous);
    let digest = Digest::sha256(b"x");
    let error = store.manifest(&digest).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Unreachable { tries: 3, .. }),
        "{error}"
    );
    assert!(error.to_string().contains(&host), "{error}");
}

#[tokio::test]
async fn a_registry_that_never_answers_misses_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let mut limits = Limits::default();
    limits.deadline = Duration::from_millis(200);
    let store = store_at(&host, &limits, Credential::Anonymous);
    let error = store.referrers(&Digest::sha256(b"x")).await.unwrap_err();
    assert!(error.is_undetermined(), "{error}");
    drop(listener);
}

#[tokio::test]
async fn a_blob_that_never_ends_misses_the_deadline() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _length = socket.read(&mut request).await;
            let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\ncont";
            socket.write_all(begun).await.unwrap();
            open.push(socket);
        }
    });
    let mut limits = Limits::default();
    limits.deadline = Duration::from_millis(400);
    let store = AnyStore::Remote(store_at(&host, &limits, Credential::Anonymous));
    let blob = Descriptor::of("m", b"content");
    let read = tokio::time::timeout(Duration::from_secs(10), store.blob(&blob, 100));
    let error = read.await.expect("the deadline was missed").unwrap_err();
    assert!(matches!(error, StoreError::Deadline { .. }), "{error}");
    server.abort();
}

#[tokio::test]
async fn a_page_of_html_is_no_list() {
    let registry = Registry::start().await;
    registry.content().referrers = ReferrersMode::Html;
    let store = registry.store(&Limits::default());
    let error = store.referrers(&Digest::sha256(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Undetermined, "{error}");
}

#[tokio::test]
async fn f38_endless_pages_end_in_a_list_that_says_so() {
    // F38.
    let registry = Registry::start().await;
    registry.content().referrers = ReferrersMode::Endless;
    let mut limits = Limits::default();
    limits.referrers_per_digest = 5;
    let list = registry
        .store(&limits)
        .referrers(&Digest::sha256(b"x"))
        .await
        .unwrap();
    assert!(list.truncated);
    assert_eq!(list.referrers.len(), 5);
    let list = registry
        .store(&Limits::default())
        .referrers(&Digest::sha256(b"x"))
        .await
        .unwrap();
    assert!(list.truncated);
    assert!(registry.asked(&Method::GET, "/referrers/") < 300);
}

#[tokio::test]
async fn o2_a_registry_that_forgets_referrers_is_noticed() {
    // F32: what was attached has to be found again.
    let registry = Registry::start().await;
    registry.content().referrers = ReferrersMode::Forgetful;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let error = attach(&store, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::NotListed { .. }), "{error}");
}

#[tokio::test]
async fn f09_other_manifests_and_blobs_than_asked_for_are_refused() {
    // F09, F10, F22.
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let good = sample::image(&store, b"good").await;
    let evil = sample::image(&store, b"evil").await;
    let layer = Descriptor::of(media_type::LAYER_TAR, b"good");
    {
        let mut content = registry.content();
        let served = content.manifests[&evil.digest.to_string()].clone();
        content.manifests.insert(good.digest.to_string(), served);
        content.serve_blob = Some((b"evil".to_vec(), 4));
    }
    for target in [Target::from(good.digest.clone())] {
        let error = store.resolve(&target).await.unwrap_err();
        assert!(
            matches!(error, StoreError::DigestMismatch { .. }),
            "{error}"
        );
    }
    let error = store.blob(&layer, 100).await.unwrap_err();
    assert!(
        matches!(error, StoreError::DigestMismatch { .. }),
        "{error}"
    );
    assert_eq!(error.kind(), StoreErrorKind::Tampered);
    for (bytes, length) in [
        (b"good and more".to_vec(), 13),
        (b"goo".to_vec(), 3),
        (b"go".to_vec(), 4),
    ] {
        registry.content().serve_blob = Some((bytes, length));
        store.blob(&layer, 100).await.unwrap_err();
    }
}

#[tokio::test]
async fn f39_a_bundle_over_its_limit_is_not_fetched() {
    // F39, F49: the manifest says how long it is, before anything is read.
    let registry = Registry::start().await;
    let subject = {
        let store = registry.store(&Limits::default());
        let subject = sample::image(&store, b"layer").await;
        attach(
            &store,
            &subject,
            &sample::bundle("large"),
            sample::created(),
        )
        .await
        .unwrap();
        subject
    };
    let mut small = Limits::default();
    small.bundle_bytes = 100;
    let mut poor = Limits::default();
    poor.evidence_bytes = 100;
    let fetched = registry.asked(&Method::GET, "/blobs/");
    // Too long for anybody, or too long for what is left: the second may have been evidence.
    for (limits, unusable) in [(small, true), (poor, false)] {
        let store = registry.store(&limits);
        let set = read_bundles(&store, &subject.digest).await.unwrap();
        assert!(set.bundles.is_empty());
        let [(_, error)] = set.failed.as_slice() else {
            panic!("reported, not skipped: {set:?}");
        };
        assert!(error.to_string().contains("100 bytes"), "{error}");
        assert_eq!(error.is_unusable(), unusable, "{error}");
        assert!(error.is_undetermined());
    }
    assert_eq!(registry.asked(&Method::GET, "/blobs/"), fetched);
}

#[tokio::test]
async fn f49_a_bundle_is_never_decompressed() {
    // The bytes of `{}`, compressed with gzip, under every media type that might ask for it.
    let packed = hex::decode("1f8b08000000000002ffabae050043bfa6a302000000").unwrap();
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    for kind in [
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.dev.sigstore.bundle.v0.3+json+gzip",
    ] {
        let subject = sample::image(&store, kind.as_bytes()).await;
        store.put_blob(b"{}".to_vec()).await.unwrap();
        store.put_blob(packed.clone()).await.unwrap();
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": media_type::IMAGE_MANIFEST,
            "artifactType": kind,
            "config": Descriptor::of(media_type::EMPTY, b"{}"),
            "layers": [Descriptor::of(kind, &packed)],
            "subject": subject,
        })
        .to_string();
        let referrer = store
            .put_manifest(manifest.as_bytes(), media_type::IMAGE_MANIFEST, None)
            .await
            .unwrap();
        let list = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": media_type::IMAGE_INDEX,
            "manifests": [referrer],
        })
        .to_string();
        let tag: Tag = fallback_tag(&subject.digest).parse().unwrap();
        store
            .put_manifest(list.as_bytes(), media_type::IMAGE_INDEX, Some(&tag))
            .await
            .unwrap();
        let set = read_bundles(&store, &subject.digest).await.unwrap();
        assert_eq!(set.bundles.len(), 1, "{set:?}");
        assert_eq!(set.bundles[0].bytes, packed);
    }
}

#[tokio::test]
async fn bundles_over_their_limit_do_not_use_up_the_evidence_of_others() {
    let registry = Registry::start().await;
    let mut limits = Limits::default();
    let store = registry.store(&limits);
    let subject = sample::image(&store, b"layer").await;
    let long = "x".repeat(5000);
    for name in ["a", "b", "c", "d"].map(|name| format!("{name}{long}")) {
        let bundle = sample::bundle(&name);
        attach(&store, &subject, &bundle, sample::created())
            .await
            .unwrap();
    }
    attach(&store, &subject, &sample::bundle("e"), sample::created())
        .await
        .unwrap();
    limits.bundle_bytes = 1000;
    // Room for one of the large ones with its manifest, and then for no more.
    let large = sample::bundle(&format!("a{long}")).bytes().len() as u64;
    limits.evidence_bytes = large + 1400;
    let set = read_bundles(&registry.store(&limits), &subject.digest)
        .await
        .unwrap();
    assert_eq!((set.bundles.len(), set.failed.len()), (1, 4));
}

#[tokio::test]
async fn a_referrer_that_cannot_be_read_is_reported() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let mut attached = Vec::new();
    for name in ["readable", "unreadable"] {
        let bundle = sample::bundle(name);
        let done = attach(&store, &subject, &bundle, sample::created())
            .await
            .unwrap();
        attached.push(done.descriptor.digest);
    }
    registry.rule(
        Method::GET,
        &format!("/manifests/{}", attached[1]),
        403,
        100,
    );
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 1);
    let [(referrer, error)] = set.failed.as_slice() else {
        panic!("reported, not skipped: {set:?}");
    };
    assert_eq!(referrer.descriptor.digest, attached[1]);
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
}

#[tokio::test]
async fn a_list_that_names_a_referrer_of_something_else_is_caught() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let other = sample::image(&store, b"other").await;
    attach(&store, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    {
        let mut content = registry.content();
        let list = content.manifests[&fallback_tag(&subject.digest)].clone();
        content.manifests.insert(fallback_tag(&other.digest), list);
    }
    let list = store.referrers(&other.digest).await.unwrap();
    let error = read_bundle(&store, &other.digest, &list.referrers[0])
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::WrongSubject { .. }), "{error}");
}

#[tokio::test]
async fn an_interrupted_attachment_can_be_repeated() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let bundle = sample::bundle("a");
    let tag = fallback_tag(&subject.digest);
    for (method, path) in [
        (Method::POST, "/uploads/".to_owned()),
        (Method::PUT, "/uploads/".to_owned()),
        (Method::PUT, "/manifests/sha256:".to_owned()),
        (Method::PUT, format!("/manifests/{tag}")),
    ] {
        registry.rule(method.clone(), &path, 500, 1_000);
        let failed = attach(&store, &subject, &bundle, sample::created()).await;
        assert!(failed.is_err(), "{method} {path}");
        registry.content().rules.clear();
        assert!(
            store
                .referrers(&subject.digest)
                .await
                .unwrap()
                .referrers
                .is_empty()
        );
    }
    attach(&store, &subject, &bundle, sample::created())
        .await
        .unwrap();
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 1);
    assert_eq!(set.bundles[0].bytes, bundle.bytes());
}

#[tokio::test]
async fn lists_of_old_clients_are_completed_and_what_is_unknown_stays() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    attach(&store, &subject, &sample::bundle("old"), sample::created())
        .await
        .unwrap();
    let tag = fallback_tag(&subject.digest);
    {
        let mut content = registry.content();
        let (_, bytes) = content.manifests.get_mut(&tag).unwrap();
        let mut list: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        list["x-unknown"] = 1.into();
        let entry = list["manifests"][0].as_object_mut().unwrap();
        entry.remove("artifactType");
        entry.remove("annotations");
        entry.insert("x-entry".to_owned(), 2.into());
        *bytes = list.to_string().into_bytes();
    }
    attach(&store, &subject, &sample::bundle("new"), sample::created())
        .await
        .unwrap();
    let (_, bytes) = registry.content().manifests[&tag].clone();
    let list: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(list["x-unknown"], 1);
    assert_eq!(list["manifests"][0]["x-entry"], 2);
    assert_eq!(list["manifests"][0]["artifactType"], media_type::BUNDLE);
    assert!(list["manifests"][0]["annotations"].is_object());
    assert_eq!(list["manifests"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    // O1, against a registry that knows no preconditions.
    let registry = Registry::start().await;
    let subject = sample::image(&registry.store(&Limits::default()), b"layer").await;
    let writers: Vec<_> = (0..8)
        .map(|number| {
            // Each has a client of its own, as separate processes would.
            let store = registry.store(&Limits::default());
            let subject = subject.clone();
            tokio::spawn(async move {
                let bundle = sample::bundle(&format!("writer {number}"));
                attach(&store, &subject, &bundle, sample::created())
                    .await
                    .unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let store = registry.store(&Limits::default());
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 8);
}

#[tokio::test]
async fn f48_endless_answers_are_not_read_to_their_end() {
    let registry = Registry::start().await;
    let mut limits = Limits::default();
    limits.manifest_bytes = 1000;
    let store = registry.store(&limits);
    let long = "x".repeat(2000);
    let bytes = format!("{{\"schemaVersion\":2,\"manifests\":[],\"x\":\"{long}\"}}");
    let entry = (media_type::IMAGE_INDEX.to_owned(), bytes.into_bytes());
    registry.content().manifests.insert("v1".to_owned(), entry);
    let tag: Tag = "v1".parse().unwrap();
    let error = store.resolve(&Target::Tag(tag)).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
}
