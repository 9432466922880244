//! What somebody who can push, or who runs the network between, must not be able to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::Method;
use bulla_model::{Descriptor, Digest, Limits, Repository, media_type};
use bulla_registry::legacy::{self, LegacyKind, TagPrefix};
use bulla_registry::{
    CopyOptions, Credential, Memory, Remote, RemoteClient, RemoteOptions, Store, StoreError,
    Target, attach, copy, read_bundles,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::faulty::{ReferrersMode, Registry};
use crate::legacy::push;
use crate::sample;

#[tokio::test]
async fn f38_larger_bundles_do_not_crowd_out_a_smaller_one() {
    let mut limits = Limits::default();
    let store = Memory::new(limits.clone());
    let subject = sample::image(&store, b"layer").await;
    let small = sample::bundle("small");
    let attached = attach(&store, &subject, &small, sample::created())
        .await
        .unwrap();
    // Whoever pushes chooses digests: all of these come first in the list.
    let mut bytes = 0;
    let mut before = 0;
    for number in 0..1000 {
        if before == 3 {
            break;
        }
        let large = sample::bundle(&format!("{number}{}", "x".repeat(3000)));
        let other = attach(&store, &subject, &large, sample::created())
            .await
            .unwrap();
        if other.descriptor.digest < attached.descriptor.digest {
            bytes += other.descriptor.size + large.bytes().len() as u64;
            before += 1;
        }
    }
    assert_eq!(before, 3);
    limits.evidence_bytes = bytes;
    let copied = Memory::new(limits);
    let options = CopyOptions::default();
    copy(&store, &copied, &subject.digest, &options)
        .await
        .unwrap();
    let set = read_bundles(&copied, &subject.digest).await.unwrap();
    assert!(
        set.bundles.iter().any(|read| read.bytes == small.bytes()),
        "{:?}",
        set.failed
    );
    assert!(!set.failed.is_empty());
}

#[tokio::test]
async fn f38_layers_that_are_too_large_take_nothing_from_the_others() {
    let mut limits = Limits::default();
    limits.bundle_bytes = 12;
    let store = Memory::new(limits);
    let image = sample::image(&store, b"layer").await;
    let none = TagPrefix::default();
    let tag = LegacyKind::Signature.tag(&none, &image.digest).unwrap();
    let payloads: [&[u8]; 3] = [b"larger than a bundle", b"twelve bytes", b"one"];
    push(&store, &payloads, None, None, Some(&tag)).await;
    let kinds = [LegacyKind::Signature];
    let list = legacy::tagged(&store, &image.digest, &none, &kinds).await;
    // The first would use up all, and the second all but one byte of what the third needs.
    let read = legacy::read(&store, &list.manifests, 14).await;
    let bytes: Vec<&[u8]> = read.layers.iter().map(|layer| &*layer.bytes).collect();
    assert_eq!(bytes, [b"one"]);
    let read = legacy::read(&store, &list.manifests, 15).await;
    assert_eq!(read.layers.len(), 2, "{:?}", read.failed);
}

#[tokio::test]
async fn f38_the_manifests_of_older_referrers_have_a_bound_together() {
    let mut limits = Limits::default();
    limits.evidence_bytes = 2000;
    let store = Memory::new(limits);
    let image = sample::image(&store, b"layer").await;
    let kind = "application/vnd.dev.cosign.artifact.sig.v1+json";
    for number in 0..5_u8 {
        let payload: &[u8] = &[number];
        push(&store, &[payload], Some(&image), Some(kind), None).await;
    }
    let listed = store.referrers(&image.digest).await.unwrap().referrers;
    assert_eq!(listed.len(), 5);
    let kinds = [LegacyKind::Signature];
    let list = legacy::referred(&store, &image.digest, &listed, &kinds).await;
    assert!(list.bytes() <= 2000 && !list.manifests.is_empty());
    assert_eq!(list.manifests.len() + list.failed.len(), 5);
    assert!(
        list.failed
            .iter()
            .all(|(_, error)| matches!(error, StoreError::TooMany { limit: 2000, .. }))
    );
    assert!(!list.failed.is_empty());
}

#[tokio::test]
async fn a_copy_keeps_the_signatures_of_its_destination() {
    let (from, to) = (
        Memory::new(Limits::default()),
        Memory::new(Limits::default()),
    );
    let image = sample::image(&from, b"layer").await;
    let options = CopyOptions::default();
    copy(&from, &to, &image.digest, &options).await.unwrap();
    let tag = LegacyKind::Signature
        .tag(&TagPrefix::default(), &image.digest)
        .unwrap();
    push(&from, &[b"developer"], None, None, Some(&tag)).await;
    push(&to, &[b"release"], None, None, Some(&tag)).await;
    let kinds = [LegacyKind::Signature];
    let held = async || {
        let list = legacy::tagged(&to, &image.digest, &TagPrefix::default(), &kinds).await;
        let read = legacy::read(&to, &list.manifests, 1000).await;
        let bytes = read.layers.into_iter().map(|layer| layer.bytes);
        bytes.collect::<Vec<_>>()
    };
    copy(&from, &to, &image.digest, &options).await.unwrap();
    assert_eq!(held().await, [b"release".to_vec(), b"developer".to_vec()]);
    // Once more changes nothing.
    let report = copy(&from, &to, &image.digest, &options).await.unwrap();
    assert_eq!(report.copied, []);
    assert_eq!(held().await.len(), 2);
    // What is no list of layers is neither overwritten nor added to.
    let index = json!({"schemaVersion": 2, "mediaType": media_type::IMAGE_INDEX, "manifests": []});
    let index = to
        .put_manifest(
            index.to_string().as_bytes(),
            media_type::IMAGE_INDEX,
            Some(&tag),
        )
        .await
        .unwrap();
    copy(&from, &to, &image.digest, &options).await.unwrap_err();
    let there = to.resolve(&Target::Tag(tag)).await.unwrap();
    assert_eq!(there.digest, index.digest);
}

#[tokio::test]
async fn junk_in_a_list_neither_hides_the_rest_nor_passes_for_the_users_mistake() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    attach(&store, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    let tag = subject.digest.referrers_tag();
    let (kind, bytes) = registry.content().manifests[&tag].clone();
    let mut index: Value = serde_json::from_slice(&bytes).unwrap();
    let foreign = json!({"mediaType": "x", "digest": "md5:00", "size": 1});
    index["manifests"].as_array_mut().unwrap().push(foreign);
    let clean = index["manifests"].as_array().unwrap().clone();
    for junk in [json!(7), json!({"digest": "sha256:00"}), json!("x")] {
        index["manifests"].as_array_mut().unwrap().push(junk);
    }
    let put = |kind: &str, bytes: Vec<u8>| {
        let entry = (kind.to_owned(), bytes);
        registry.content().manifests.insert(tag.clone(), entry);
    };
    put(&kind, index.to_string().into_bytes());
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 1);
    assert!(set.truncated, "what was not understood may have been more");
    // A writer neither drops what others may understand nor is kept away by it; what nobody can read
    // goes.
    let second = attach(&store, &subject, &sample::bundle("b"), sample::created())
        .await
        .unwrap();
    let written =
        || -> Value { serde_json::from_slice(&registry.content().manifests[&tag].1).unwrap() };
    let entries = written()["manifests"].as_array().unwrap().clone();
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[..2], clean);
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 2);
    store
        .delete_manifest(&second.descriptor.digest)
        .await
        .unwrap();
    assert_eq!(*written()["manifests"].as_array().unwrap(), clean);
    // An image where the list should be.
    let image = store.manifest(&subject.digest).await.unwrap();
    put(image.media_type(), image.bytes().to_vec());
    let error = store.referrers(&subject.digest).await.unwrap_err();
    assert!(error.is_undetermined(), "{error}");
}

#[tokio::test]
async fn a_manifest_that_lies_about_a_size_casts_no_doubt_and_a_cut_bundle_does() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let attached = attach(&store, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    let manifest = store.manifest(&attached.descriptor.digest).await.unwrap();
    let mut lie: Value = serde_json::from_slice(manifest.bytes()).unwrap();
    let size = lie["layers"][0]["size"].as_u64().unwrap();
    for other in [1, size - 1, size + 1, 10 * size] {
        lie["layers"][0]["size"] = json!(other);
        let bytes = lie.to_string();
        let kind = media_type::IMAGE_MANIFEST;
        store
            .put_manifest(bytes.as_bytes(), kind, None)
            .await
            .unwrap();
    }
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!((set.bundles.len(), set.failed.len()), (1, 4), "{set:?}");
    for (_, error) in &set.failed {
        assert!(error.is_unusable(), "{error}");
        assert!(error.to_string().contains("its manifest says"), "{error}");
    }
    // What is cut, or gone, may have been evidence.
    let blob = lie["layers"][0]["digest"].as_str().unwrap().to_owned();
    for cut in [true, false] {
        let held = registry.content().blobs.remove(&blob).unwrap();
        if cut {
            let half = held[..held.len() / 2].to_vec();
            registry.content().blobs.insert(blob.clone(), half);
        }
        let set = read_bundles(&store, &subject.digest).await.unwrap();
        assert_eq!((set.bundles.len(), set.failed.len()), (0, 5), "{set:?}");
        let doubtful = set.failed.iter().filter(|(_, error)| !error.is_unusable());
        assert_eq!(doubtful.count(), 5, "{set:?}");
    }
}

#[tokio::test]
async fn a_referrer_that_others_can_read_and_nobody_here_casts_no_doubt() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let attached = attach(&store, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    let manifest = store.manifest(&attached.descriptor.digest).await.unwrap();
    // A member twice is no JSON here, and to most registries it is.
    let text = String::from_utf8(manifest.bytes().to_vec()).unwrap();
    let twice = text.replacen('{', "{\"schemaVersion\":2,", 1);
    let digest = Digest::sha256(twice.as_bytes());
    let tag = subject.digest.referrers_tag();
    {
        let mut content = registry.content();
        let (kind, bytes) = content.manifests[&tag].clone();
        let mut index: Value = serde_json::from_slice(&bytes).unwrap();
        let mut entry = index["manifests"][0].clone();
        entry["digest"] = json!(digest);
        entry["size"] = json!(twice.len());
        index["manifests"].as_array_mut().unwrap().push(entry);
        let list = (kind, index.to_string().into_bytes());
        content.manifests.insert(tag, list);
        let broken = (media_type::IMAGE_MANIFEST.to_owned(), twice.into_bytes());
        for name in [digest.to_string(), "broken".to_owned()] {
            content.manifests.insert(name, broken.clone());
        }
    }
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!((set.bundles.len(), set.failed.len()), (1, 1), "{set:?}");
    let (_, error) = &set.failed[0];
    assert!(error.is_unusable(), "{error}");
    // What a tag is said to name is another matter: that could be a proxy's word for it.
    let tag = Target::Tag("broken".parse().unwrap());
    let error = store.resolve(&tag).await.unwrap_err();
    assert!(!error.is_unusable() && error.is_undetermined(), "{error}");
}

#[tokio::test]
async fn a_list_is_never_written_larger_than_it_is_read() {
    let registry = Registry::start().await;
    let store = registry.store(&Limits::default());
    let subject = sample::image(&store, b"layer").await;
    let tag = subject.digest.referrers_tag();
    let limit = usize::try_from(Limits::default().manifest_bytes).unwrap();
    let foreign = json!({"mediaType": "junk", "digest": "md5:00", "size": 1});
    let index = json!({"schemaVersion": 2, "manifests": [foreign]}).to_string();
    let filled = index.replace("junk", &"j".repeat(limit - index.len()));
    let kind = media_type::IMAGE_INDEX.to_owned();
    let full = (kind, filled.into_bytes());
    registry
        .content()
        .manifests
        .insert(tag.clone(), full.clone());
    let error = attach(&store, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    assert_eq!(registry.content().manifests[&tag], full);
    // What nobody can read does not fill it.
    let (kind, bytes) = full;
    let text = String::from_utf8(bytes).unwrap();
    let junk = text.replace("\"size\":1", "\"size\":-1").into_bytes();
    registry.content().manifests.insert(tag, (kind, junk));
    attach(&store, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert!(set.bundles.len() == 1 && !set.truncated);
}

#[tokio::test]
async fn a_page_of_referrers_may_be_larger_than_a_manifest() {
    let registry = Registry::start().await;
    registry.content().referrers = ReferrersMode::Endless;
    let mut limits = Limits::default();
    limits.manifest_bytes = 50;
    let store = registry.store(&limits);
    let list = store.referrers(&Digest::sha256(b"x")).await.unwrap();
    assert!(list.truncated && !list.referrers.is_empty());
}

#[tokio::test]
async fn what_is_said_to_this_machine_never_goes_through_a_proxy() {
    let (registry, proxy) = (Registry::start().await, Registry::start().await);
    let (_, port) = registry.host.rsplit_once(':').unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let mut options = RemoteOptions::new(Limits::default());
        options.tries = 1;
        options.http_proxy = Some(format!("http://{}", proxy.host));
        options.https_proxy.clone_from(&options.http_proxy);
        options.no_proxy = Some("other.example.test".to_owned());
        let repository: Repository = format!("{host}:{port}/team/app").parse().unwrap();
        let client = RemoteClient::new(options).unwrap();
        let store = Remote::new(&client, repository, Credential::Anonymous);
        let absent = Target::Digest(Digest::sha256(b"x"));
        let error = store.resolve(&absent).await.unwrap_err();
        assert!(error.is_not_found(), "{host}: {error}");
    }
    let log = &proxy.content().log;
    assert!(log.is_empty(), "{log:?}");
    assert!(registry.asked(&Method::GET, "/manifests/") > 0);
}

/// A server on this machine that answers a TLS greeting with these bytes, or with silence, and
/// counts the connections that did not begin with such a greeting.
async fn answering(bytes: Option<&'static [u8]>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let plain = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&plain);
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut greeting = [0; 4096];
            let read = stream.read(&mut greeting).await;
            if matches!(read, Ok(1..)) && greeting[0] != 22 {
                count.fetch_add(1, Ordering::SeqCst);
            }
            match bytes {
                Some(bytes) => drop(stream.write_all(bytes).await),
                None => silent.push(stream),
            }
        }
    });
    (host, plain)
}

#[tokio::test]
async fn credentials_are_sent_in_the_clear_only_to_what_speaks_no_tls() {
    // A fatal alert: it speaks TLS, and not with us.
    let alert: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    let plain: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    for (answer, falls_back) in [(Some(alert), false), (None, false), (Some(plain), true)] {
        let (host, asked) = answering(answer).await;
        let mut options = RemoteOptions::new(Limits::default());
        options.tries = 1;
        options.idle_timeout = Duration::from_millis(300);
        let client = RemoteClient::new(options).unwrap();
        let repository: Repository = format!("{host}/team/app").parse().unwrap();
        let store = Remote::new(&client, repository, Credential::Anonymous);
        let wanted: Descriptor = Descriptor::of("m", b"x");
        let error = store.manifest(&wanted.digest).await.unwrap_err();
        assert!(!error.is_not_found(), "{error}");
        assert_eq!(
            asked.load(Ordering::SeqCst) > 0,
            falls_back,
            "{answer:?}: {error}"
        );
    }
}
