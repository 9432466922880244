//! What other writers do to a registry while we write.

use axum::http::Method;
use bulla_model::{Descriptor, Limits, media_type};
use bulla_registry::legacy::{self, LegacyKind, TagPrefix};
use bulla_registry::{
    Credential, Memory, Remote, RemoteClient, RemoteOptions, Store as _, StoreError, Target, attach,
};
use serde_json::{Value, json};
use std::time::Duration;

use crate::faulty::{Registry, Rule};
use crate::sample;

#[tokio::test]
async fn a_digest_the_registry_disputes_for_a_moment_is_sent_again() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let bundle = sample::bundle("a");
    let attach = || attach(&store, &subject, &bundle, sample::created());
    let dispute = |times| {
        registry.content().rules.push(Rule {
            method: Method::PUT,
            path: "/manifests/sha256:".to_owned(),
            status: 400,
            body: r#"{"errors":[{"code":"DIGEST_INVALID","message":"another writer"}]}"#,
            times,
        });
    };
    dispute(100);
    assert!(attach().await.is_err());
    registry.content().rules.clear();
    dispute(2);
    attach().await.unwrap();
    let list = store.referrers(&subject.digest).await.unwrap();
    assert_eq!(list.referrers.len(), 1);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_while_others_write_it_is_asked_for_again() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let fail = |method, times| {
        registry.content().rules.push(Rule {
            method,
            path: "/manifests/sha256-".to_owned(),
            status: 500,
            body: r#"{"errors":[{"code":"UNKNOWN","message":"unknown error"}]}"#,
            times,
        });
    };
    fail(Method::GET, 1_000);
    let error = attach(&store, &subject, &sample::bundle("a"), sample::created()).await;
    assert!(
        matches!(error, Err(StoreError::Failing { .. })),
        "{error:?}"
    );
    registry.content().rules.clear();
    // More often than one request is tried.
    fail(Method::GET, 7);
    fail(Method::PUT, 5);
    attach(&store, &subject, &sample::bundle("b"), sample::created())
        .await
        .unwrap();
    let list = store.referrers(&subject.digest).await.unwrap();
    assert_eq!(list.referrers.len(), 1);
}

#[tokio::test]
async fn what_others_list_while_a_writer_waits_to_try_again_survives() {
    let registry = Registry::start().await;
    let quick = registry.store(&Limits::default());
    let subject = sample::image(&quick, b"layer").await;
    let mut options = RemoteOptions::new(Limits::default());
    options.tries = 1;
    options.backoff = Duration::from_millis(1_500);
    let client = RemoteClient::new(options).unwrap();
    let repository = format!("{}/team/app", registry.host).parse().unwrap();
    let slow = Remote::new(&client, repository, Credential::Anonymous);
    registry.content().rules.push(Rule {
        method: Method::PUT,
        path: "/manifests/sha256-".to_owned(),
        status: 500,
        body: r#"{"errors":[{"code":"UNKNOWN","message":"unknown error"}]}"#,
        times: 1,
    });
    let waiting = tokio::spawn({
        let subject = subject.clone();
        async move { attach(&slow, &subject, &sample::bundle("a"), sample::created()).await }
    });
    while registry.asked(&Method::PUT, "/manifests/sha256-") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The other one comes and goes meanwhile: nobody looks after its entry any more.
    attach(&quick, &subject, &sample::bundle("b"), sample::created())
        .await
        .unwrap();
    assert!(!waiting.is_finished());
    waiting.await.unwrap().unwrap();
    let list = quick.referrers(&subject.digest).await.unwrap();
    assert_eq!(list.referrers.len(), 2);
}

#[tokio::test]
async fn o1_legacy_signatures_of_writers_at_once_are_all_kept() {
    let registry = Registry::start().await;
    let subject = sample::image(&registry.store(&Limits::default()), b"layer").await;
    // A client each, so that nothing but the registry is between them; it ignores conditions.
    let writers = (0..6).map(|number| {
        let store = registry.store(&Limits::default());
        let subject = subject.digest.clone();
        tokio::spawn(async move {
            let layer = sample::legacy(&format!("writer {number}"));
            legacy::add(&store, &subject, &TagPrefix::default(), &layer).await
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert!(!writer.await.unwrap().unwrap().existed);
    }
    let store = registry.store(&Limits::default());
    let kinds = [LegacyKind::Signature];
    let list = legacy::tagged(&store, &subject.digest, &TagPrefix::default(), &kinds).await;
    let layers = &list.manifests[0].manifest.image().unwrap().layers;
    assert_eq!(layers.len(), 6, "{layers:?}");
}

#[tokio::test]
async fn a_legacy_tag_that_cannot_be_read_is_never_overwritten() {
    for status in [401, 403, 429, 500] {
        let registry = Registry::start().await;
        let store = registry.store(&Limits::default());
        let subject = sample::image(&store, b"layer").await;
        let prefix = TagPrefix::default();
        let tag = LegacyKind::Signature.tag(&prefix, &subject.digest).unwrap();
        registry.rule(Method::GET, &format!("/manifests/{tag}"), status, 100);
        let added = legacy::add(&store, &subject.digest, &prefix, &sample::legacy("a")).await;
        let error = added.unwrap_err();
        assert!(!error.is_not_found(), "{status}: {error}");
        assert_eq!(registry.asked(&Method::PUT, "/manifests/sha256-"), 0);
    }
}

#[tokio::test]
async fn what_others_wrote_at_a_legacy_tag_survives() {
    let store = Memory::new(Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let prefix = TagPrefix::default();
    let tag = LegacyKind::Signature.tag(&prefix, &subject.digest).unwrap();
    let other = Descriptor::of("application/vnd.example.test+json", b"other");
    let manifest = json!({
        "schemaVersion": 2,
        "config": Descriptor::of("application/vnd.docker.container.image.v1+json", b"{}"),
        "layers": [other],
        "annotations": {"kept": "yes"},
        "unknown": [1, 2],
    });
    let kind = media_type::IMAGE_MANIFEST;
    let bytes = manifest.to_string();
    store
        .put_manifest(bytes.as_bytes(), kind, Some(&tag))
        .await
        .unwrap();
    let layer = sample::legacy("ours");
    let added = legacy::add(&store, &subject.digest, &prefix, &layer)
        .await
        .unwrap();
    let written = store.manifest(&added.manifest.digest).await.unwrap();
    let written: Value = serde_json::from_slice(written.bytes()).unwrap();
    assert_eq!(written["annotations"], manifest["annotations"]);
    assert_eq!(written["unknown"], manifest["unknown"]);
    assert_eq!(
        written["config"]["mediaType"],
        manifest["config"]["mediaType"]
    );
    assert_eq!(written["layers"][0], manifest["layers"][0]);
    assert_eq!(written["layers"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_legacy_tag_on_an_index_or_full_of_layers_is_refused() {
    let mut limits = Limits::default();
    limits.referrers_per_digest = 2;
    let store = Memory::new(limits);
    let subject = sample::image(&store, b"layer").await.digest;
    let prefix = TagPrefix::default();
    for name in ["a", "b"] {
        legacy::add(&store, &subject, &prefix, &sample::legacy(name))
            .await
            .unwrap();
    }
    let full = legacy::add(&store, &subject, &prefix, &sample::legacy("c")).await;
    assert!(
        matches!(full, Err(StoreError::TooMany { limit: 2, .. })),
        "{full:?}"
    );

    let (index, _) = sample::index(&store).await;
    let bytes = store.manifest(&index.digest).await.unwrap();
    let other = sample::image(&store, b"another").await.digest;
    let tag = LegacyKind::Signature.tag(&prefix, &other).unwrap();
    store
        .put_manifest(bytes.bytes(), bytes.media_type(), Some(&tag))
        .await
        .unwrap();
    let refused = legacy::add(&store, &other, &prefix, &sample::legacy("d")).await;
    assert!(refused.unwrap_err().to_string().contains("an index"));
    assert_eq!(store.resolve(&Target::Tag(tag)).await.unwrap(), index);
}
