//! What `docker save` writes, read as a layout.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use bulla_model::{Digest, ImageManifest, Limits, media_type};
use bulla_registry::archive::docker::convert;
use bulla_registry::{Layout, Store, StoreError};
use serde_json::json;
use tar::EntryType::{self, Fifo, Link, Regular, Symlink};

use crate::{peers, sample};

type Change = fn(&mut Limits);

const CONFIG: &[u8] = br#"{"architecture":"amd64","os":"linux"}"#;

/// A tar of these; the bytes of a link are what it points to.
fn tar_of(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        // The builder refuses names that lead out itself, so they are written past it.
        let raw = header.as_mut_bytes();
        raw[..name.len()].copy_from_slice(name.as_bytes());
        let content = if matches!(kind, Symlink | Link) {
            raw[157..157 + bytes.len()].copy_from_slice(bytes);
            &[]
        } else {
            *bytes
        };
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn manifest(layers: &[&str]) -> Vec<u8> {
    json!([{"Config": "c.json", "RepoTags": ["app:1"], "Layers": layers}])
        .to_string()
        .into_bytes()
}

/// The only image; `layers` are read through the layout, which checks their digests.
async fn image_of(layout: &Layout) -> (ImageManifest, Vec<Vec<u8>>) {
    let images = layout.images().await.unwrap();
    assert_eq!(images.len(), 1);
    let manifest = layout.manifest(&images[0].descriptor.digest).await.unwrap();
    let image = manifest.image().unwrap().clone();
    let mut layers = Vec::new();
    for layer in &image.layers {
        layers.push(layout.blob(layer, 1 << 20).await.unwrap());
    }
    (image, layers)
}

fn refusal(bytes: Vec<u8>, limits: &Limits) -> StoreError {
    let parent = tempfile::tempdir().unwrap();
    std::fs::write(parent.path().join("secret"), "secret").unwrap();
    let directory = parent.path().join("in");
    std::fs::create_dir(&directory).unwrap();
    let error = convert(Cursor::new(bytes), &directory, limits).unwrap_err();
    let mut names: Vec<_> = std::fs::read_dir(parent.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["in", "secret"]);
    error
}

#[tokio::test]
async fn layers_keep_their_order_and_bytes_and_say_how_they_are_packed() {
    let bytes = tar_of(&[
        ("c.json", Regular, CONFIG),
        ("b.tar", Regular, b"plain"),
        ("a.tar", Regular, b"\x1f\x8bpacked"),
        ("empty.tar", Regular, b""),
        (
            "manifest.json",
            Regular,
            &manifest(&["b.tar", "a.tar", "empty.tar"]),
        ),
    ]);
    let mut digests = Vec::new();
    for _ in 0..2 {
        let directory = tempfile::tempdir().unwrap();
        let layout = convert(Cursor::new(&bytes), directory.path(), &Limits::default()).unwrap();
        let (image, layers) = image_of(&layout).await;
        assert_eq!(layers, [&b"plain"[..], b"\x1f\x8bpacked", b""]);
        let types: Vec<&str> = image.layers.iter().map(|l| &*l.media_type).collect();
        assert_eq!(
            types,
            [
                media_type::LAYER_TAR,
                media_type::LAYER_GZIP,
                media_type::LAYER_TAR
            ]
        );
        assert_eq!(image.config.digest, Digest::sha256(CONFIG));
        assert_eq!(layout.blob(&image.config, 100).await.unwrap(), CONFIG);
        digests.push(layout.images().await.unwrap()[0].descriptor.digest.clone());
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn links_of_repeated_layers_are_followed_inside_the_archive() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = tar_of(&[
        ("two/layer.tar", Symlink, b"../one/layer.tar"),
        ("one/layer.tar", Regular, b"first"),
        ("three/layer.tar", Link, b"one/layer.tar"),
        ("four/layer.tar", Symlink, b"../two/layer.tar"),
        ("c.json", Regular, CONFIG),
        (
            "manifest.json",
            Regular,
            &manifest(&[
                "one/layer.tar",
                "two/layer.tar",
                "three/layer.tar",
                "four/layer.tar",
                "./one/layer.tar",
            ]),
        ),
    ]);
    let layout = convert(Cursor::new(bytes), directory.path(), &Limits::default()).unwrap();
    assert_eq!(image_of(&layout).await.1, vec![b"first".to_vec(); 5]);
}

#[tokio::test]
async fn an_archive_that_is_a_layout_is_taken_as_one() {
    let (source, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::create(source.path(), &Limits::default()).unwrap();
    let image = sample::image(&layout, b"layer").await;
    std::fs::write(source.path().join("manifest.json"), "[]").unwrap();
    let bytes = bulla_registry::archive::pack(source.path(), Vec::new()).unwrap();
    let read = convert(Cursor::new(bytes), out.path(), &Limits::default()).unwrap();
    assert_eq!(
        read.images().await.unwrap()[0].descriptor.digest,
        image.digest
    );
}

#[test]
fn several_images_are_named_and_none_is_chosen() {
    let two = json!([
        {"Config": "c.json", "RepoTags": ["app:1", "app:\u{1b}[31m"], "Layers": []},
        {"Config": "d.json", "RepoTags": null, "Layers": []},
    ]);
    let bytes = tar_of(&[("manifest.json", Regular, two.to_string().as_bytes())]);
    let error = refusal(bytes, &Limits::default());
    assert!(
        matches!(error, StoreError::Several { found: 2, .. }),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "the Docker archive holds 2 images: app:1, app:\\u{1b}[31m, d.json"
    );
    let none = tar_of(&[("manifest.json", Regular, b"[]")]);
    assert!(refusal(none, &Limits::default()).is_not_found());
}

#[test]
fn hostile_archives_are_refused_and_nothing_outside_is_read_or_written() {
    let cases: [(&str, EntryType, &[u8], &str); 13] = [
        ("../escaped", Regular, b"x", "leads out"),
        ("/escaped", Regular, b"x", "leads out"),
        ("l.tar", Symlink, b"../secret", "leads out"),
        ("l.tar", Symlink, b"a/../../../secret", "leads out"),
        ("l.tar", Symlink, b"/etc/passwd", "leads out"),
        ("l.tar", Link, b"../../secret", "leads out"),
        ("l.tar", Symlink, b"l.tar", "too many links"),
        ("l.tar", Symlink, b"gone.tar", "no file `l.tar`"),
        ("l.tar", EntryType::Directory, b"", "no file `l.tar`"),
        ("l.tar", Fifo, b"", "neither a file nor a directory"),
        ("l.tar", Symlink, b"", "neither a file nor a directory"),
        ("c.json", Symlink, b"l.tar", "occurs twice"),
        ("other.tar", Regular, b"x", "no file `l.tar`"),
    ];
    for (name, kind, bytes, expected) in cases {
        let archive = tar_of(&[
            ("c.json", Regular, CONFIG),
            (name, kind, bytes),
            ("manifest.json", Regular, &manifest(&["l.tar"])),
        ]);
        let error = refusal(archive, &Limits::default());
        assert!(matches!(error, StoreError::Malformed { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
    for layer in ["../../secret", "/etc/passwd", "a/../../../secret", ""] {
        let archive = tar_of(&[
            ("c.json", Regular, CONFIG),
            ("manifest.json", Regular, &manifest(&[layer])),
        ]);
        let error = refusal(archive, &Limits::default());
        assert!(matches!(error, StoreError::Malformed { .. }), "{error:?}");
    }
}

#[test]
fn bad_manifests_are_refused() {
    for text in [
        "",
        "{}",
        "[1]",
        "[{}]",
        r#"[{"Config":"c.json","Config":"d.json"}]"#,
        r#"[{"Config":"c.json"}] x"#,
        r#"[{"Config":"c.json","Layers":[3]}]"#,
        r#"[{"Config":"gone.json"}]"#,
    ] {
        let bytes = tar_of(&[
            ("c.json", Regular, CONFIG),
            ("manifest.json", Regular, text.as_bytes()),
        ]);
        let error = refusal(bytes, &Limits::default());
        assert!(
            matches!(error, StoreError::Malformed { .. }),
            "{text}: {error:?}"
        );
    }
    let without = refusal(tar_of(&[("a", Regular, b"")]), &Limits::default());
    assert!(
        without.to_string().contains("no file `manifest.json`"),
        "{without}"
    );
}

#[test]
fn docker_archives_are_bounded() {
    let bytes = tar_of(&[
        ("c.json", Regular, CONFIG),
        ("l.tar", Regular, b"x"),
        ("m.tar", Symlink, b"l.tar"),
        ("manifest.json", Regular, &manifest(&["l.tar", "m.tar"])),
    ]);
    let set: [(Change, &str); 4] = [
        (|limits| limits.files = 3, "more than 3 entries"),
        (|limits| limits.layers = 1, "more than 1 layers"),
        (
            |limits| limits.manifest_bytes = 20,
            "larger than the limit of 20",
        ),
        (
            |limits| limits.inflated_layer_bytes = 40,
            "larger than the limit of 40",
        ),
    ];
    for (change, expected) in set {
        let mut limits = Limits::default();
        change(&mut limits);
        let error = refusal(bytes.clone(), &limits);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn what_skopeo_writes_is_read() {
    let Some(skopeo) = peers::peer("skopeo") else {
        return;
    };
    let (source, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let layout = Layout::create(&source.path().join("oci"), &Limits::default()).unwrap();
    let layer = tar_of(&[("etc/name", Regular, b"value")]);
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [Digest::sha256(&layer)]},
    });
    let stored = stored(&layout, &layer, config.to_string().as_bytes()).await;
    run(&skopeo, source.path());
    let file = std::fs::File::open(source.path().join("saved.tar")).unwrap();
    let read = convert(file, out.path(), &Limits::default()).unwrap();
    let (image, layers) = image_of(&read).await;
    assert_eq!(layers, [layer]);
    assert_eq!(image.config.digest, stored);
}

/// Stores an image tagged `1`; the digest of its configuration.
async fn stored(layout: &Layout, layer: &[u8], config: &[u8]) -> Digest {
    let config_digest = layout.put_blob(config.to_vec()).await.unwrap();
    layout.put_blob(layer.to_vec()).await.unwrap();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::IMAGE_MANIFEST,
        "config": bulla_model::Descriptor::of(media_type::IMAGE_CONFIG, config),
        "layers": [bulla_model::Descriptor::of(media_type::LAYER_TAR, layer)],
    });
    let tag = "1".parse().unwrap();
    layout
        .put_manifest(
            manifest.to_string().as_bytes(),
            media_type::IMAGE_MANIFEST,
            Some(&tag),
        )
        .await
        .unwrap();
    config_digest
}

fn run(skopeo: &Path, directory: &Path) {
    let output = Command::new(skopeo)
        .args(["--insecure-policy", "copy", "oci:oci:1"])
        .arg("docker-archive:saved.tar:app.example.test/app:1")
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
