//! OCI layout directories.

use std::fs;
use std::path::Path;

use bulla_model::{Descriptor, Digest, Limits, Tag, media_type};
use bulla_registry::legacy::LegacyKind;
use bulla_registry::{
    AnyStore, Layout, Store, StoreError, StoreErrorKind, Target, attach, read_bundles,
};
use serde_json::{Value, json};

use crate::{sample, suite};

fn new(directory: &Path) -> Layout {
    Layout::create(directory, &Limits::default()).unwrap()
}

fn blob_path(directory: &Path, digest: &Digest) -> std::path::PathBuf {
    directory.join("blobs/sha256").join(digest.hex())
}

fn index(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("index.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn a_layout_does_what_every_store_has_to_do() {
    let directory = tempfile::tempdir().unwrap();
    suite::run(&AnyStore::Layout(new(directory.path()))).await;
    let left: Vec<String> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".bulla-"))
        .collect();
    assert!(left.is_empty(), "temporary files stay: {left:?}");
}

#[tokio::test]
async fn a_directory_of_something_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let opened = Layout::open(directory.path(), &Limits::default());
    assert!(opened.unwrap_err().is_not_found());
    fs::write(directory.path().join("notes.txt"), "mine").unwrap();
    let refused = Layout::create(directory.path(), &Limits::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Malformed { .. }), "{refused}");
    assert!(!directory.path().join("index.json").exists());
}

#[tokio::test]
async fn what_cosign_saved_is_found_under_the_tags_it_came_from() {
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let image = sample::image(&layout, b"layer").await;
    let signed = sample::image(&layout, b"attestation").await;
    let tag = LegacyKind::Attestation
        .tag(&"".parse().unwrap(), &image.digest)
        .unwrap();
    let mark = |kind_of_image: &str| {
        let mut document = index(directory.path());
        for entry in document["manifests"].as_array_mut().unwrap() {
            let is_image = entry["digest"] == image.digest.to_string();
            let kind = if is_image { kind_of_image } else { "atts" };
            let kind = format!("dev.cosignproject.cosign/{kind}");
            entry["annotations"] = json!({"kind": kind});
        }
        fs::write(directory.path().join("index.json"), document.to_string()).unwrap();
    };
    let target = Target::Tag(tag);
    let tagged = || layout.resolve(&target);
    assert!(tagged().await.unwrap_err().is_not_found());
    for kind in ["image", "imageIndex"] {
        mark(kind);
        assert_eq!(tagged().await.unwrap().digest, signed.digest);
        assert_eq!(layout.images().await.unwrap().len(), 1);
    }
    // Without an image that cosign saved, nothing says what it is about.
    mark("other");
    assert!(tagged().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn signatures_at_tags_are_no_images() {
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let image = sample::image(&layout, b"layer").await;
    let other = sample::image(&layout, b"signature").await;
    let manifest = layout.manifest(&other.digest).await.unwrap();
    assert_eq!(layout.images().await.unwrap().len(), 2);
    let tag = LegacyKind::Signature
        .tag(&"team-".parse().unwrap(), &image.digest)
        .unwrap();
    layout.delete_manifest(&other.digest).await.unwrap();
    layout
        .put_manifest(manifest.bytes(), manifest.media_type(), Some(&tag))
        .await
        .unwrap();
    let images = layout.images().await.unwrap();
    assert_eq!(images.len(), 1, "{images:?}");
    assert_eq!(images[0].descriptor.digest, image.digest);
}

#[tokio::test]
async fn f10_changed_bytes_are_noticed() {
    // F09, F10: what is served is hashed, whatever it is called.
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let image = sample::image(&layout, b"layer").await;
    let manifest = layout.manifest(&image.digest).await.unwrap();
    let layer = manifest.image().unwrap().layers[0].clone();

    fs::write(blob_path(directory.path(), &layer.digest), b"lAyer").unwrap();
    let error = layout.blob(&layer, 100).await.unwrap_err();
    assert!(
        matches!(error, StoreError::DigestMismatch { .. }),
        "{error}"
    );
    assert_eq!(error.kind(), StoreErrorKind::Tampered);
    fs::write(blob_path(directory.path(), &layer.digest), b"lay").unwrap();
    let error = layout.blob(&layer, 100).await.unwrap_err();
    assert!(matches!(error, StoreError::SizeMismatch { .. }), "{error}");

    let mut bytes = manifest.bytes().to_vec();
    bytes.push(b'\n');
    fs::write(blob_path(directory.path(), &image.digest), bytes).unwrap();
    let error = layout.manifest(&image.digest).await.unwrap_err();
    assert!(
        matches!(error, StoreError::DigestMismatch { .. }),
        "{error}"
    );
    let error = layout.referrers(&image.digest).await.unwrap_err();
    assert!(
        matches!(error, StoreError::DigestMismatch { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_listed_manifest_that_is_missing_hides_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let subject = sample::image(&layout, b"layer").await;
    let attached = attach(&layout, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    fs::remove_file(blob_path(directory.path(), &attached.descriptor.digest)).unwrap();
    let error = layout.referrers(&subject.digest).await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_layout_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let blob = Descriptor::of("m", b"secret");
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    layout.put_blob(b"other".to_vec()).await.unwrap();
    std::os::unix::fs::symlink(&secret, blob_path(directory.path(), &blob.digest)).unwrap();
    let error = layout.blob(&blob, 100).await.unwrap_err();
    assert!(matches!(error, StoreError::Escape { .. }), "{error}");

    fs::rename(
        directory.path().join("blobs/sha256"),
        outside.path().join("sha256"),
    )
    .unwrap();
    std::os::unix::fs::symlink(
        outside.path().join("sha256"),
        directory.path().join("blobs/sha256"),
    )
    .unwrap();
    let error = layout.put_blob(b"new".to_vec()).await.unwrap_err();
    assert!(matches!(error, StoreError::Escape { .. }), "{error}");
    assert!(!blob_path(directory.path(), &Digest::sha256(b"new")).exists());
}

#[tokio::test]
async fn writers_on_several_threads_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let subject = sample::image(&new(directory.path()), b"layer").await;
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let (path, subject) = (directory.path().to_owned(), subject.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                let bundle = sample::bundle(&format!("writer {number}"));
                runtime
                    .block_on(attach(&new(&path), &subject, &bundle, sample::created()))
                    .unwrap()
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let set = read_bundles(&new(directory.path()), &subject.digest)
        .await
        .unwrap();
    assert_eq!(set.bundles.len(), 8);
}

#[tokio::test]
async fn indexes_under_a_referrers_tag_are_read() {
    // Copies made by clients of registries without the referrers API look like this.
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let subject = sample::image(&layout, b"layer").await;
    let attached = attach(&layout, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    let referrer = layout.manifest(&attached.descriptor.digest).await.unwrap();
    let list = json!({
        "schemaVersion": 2,
        "mediaType": media_type::IMAGE_INDEX,
        "manifests": [referrer.descriptor()],
    })
    .to_string();
    let tag: Tag = subject.digest.referrers_tag().parse().unwrap();
    layout
        .put_manifest(list.as_bytes(), media_type::IMAGE_INDEX, Some(&tag))
        .await
        .unwrap();
    let mut document = index(directory.path());
    let entries = document["manifests"].as_array_mut().unwrap();
    entries.retain(|entry| entry["digest"] != attached.descriptor.digest.to_string());
    fs::write(directory.path().join("index.json"), document.to_string()).unwrap();

    let set = read_bundles(&layout, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 1);
    let images = layout.images().await.unwrap();
    assert_eq!(
        images.len(),
        1,
        "neither list nor referrer is an image: {images:?}"
    );
}

#[tokio::test]
async fn only_images_are_offered_where_no_tag_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let (list, _) = sample::index(&layout).await;
    attach(&layout, &list, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    let bytes = layout
        .manifest(&list.digest)
        .await
        .unwrap()
        .bytes()
        .to_vec();
    for tag in ["v2", "v1"] {
        let tag: Tag = tag.parse().unwrap();
        layout
            .put_manifest(&bytes, media_type::IMAGE_INDEX, Some(&tag))
            .await
            .unwrap();
    }
    let images = layout.images().await.unwrap();
    assert_eq!(images.len(), 1, "{images:?}");
    assert_eq!(images[0].descriptor, list);
    let tags: Vec<&str> = images[0].tags.iter().map(Tag::as_str).collect();
    assert_eq!(tags, ["v1", "v2"]);
    let entries = index(directory.path())["manifests"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(entries, 3, "two tags and the referrer, no parts");
}

#[tokio::test]
async fn a_tag_that_names_two_manifests_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let first = sample::image(&layout, b"one").await;
    let second = sample::image(&layout, b"two").await;
    let entry = |image: &Descriptor| {
        json!({"mediaType": image.media_type, "digest": image.digest, "size": image.size,
               "annotations": {"org.opencontainers.image.ref.name": "v1"}})
    };
    let document = json!({"schemaVersion": 2, "manifests": [entry(&first), entry(&second)]});
    fs::write(directory.path().join("index.json"), document.to_string()).unwrap();
    let target = Target::Tag("v1".parse().unwrap());
    let error = layout.resolve(&target).await.unwrap_err();
    assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
}

#[test]
fn a_layout_made_by_another_process_meanwhile_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let lock = fs::File::create(path.join("index.json.lock")).unwrap();
    lock.lock().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| Layout::create(path, &Limits::default()));
        std::thread::sleep(std::time::Duration::from_millis(200));
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        fs::write(path.join("index.json"), index).unwrap();
        fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        lock.unlock().unwrap();
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_marker_that_is_no_strict_json_marks_no_layout() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    Layout::create(path, &Limits::default()).unwrap();
    let hidden = r#"{"$serde_json::private::RawValue":"{\"imageLayoutVersion\":\"1.0.0\"}"}"#;
    for marker in [
        hidden,
        r#"{"imageLayoutVersion":"2","imageLayoutVersion":"1.0.0"}"#,
    ] {
        fs::write(path.join("oci-layout"), marker).unwrap();
        Layout::open(path, &Limits::default()).unwrap_err();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_a_layout_is_refused_and_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let layout = new(directory.path());
    let index = directory.path().join("index.json");
    fs::remove_file(&index).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&index).status();
    assert!(made.unwrap().success());
    let tag = Target::Tag("latest".parse().unwrap());
    let answer = tokio::time::timeout(std::time::Duration::from_secs(20), layout.resolve(&tag));
    let error = answer.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}
