//! Layouts as one file.

use std::io::Cursor;
use std::path::Path;

use bulla_model::{Limits, Tag, media_type};
use bulla_registry::archive::{pack, unpack};
use bulla_registry::{Layout, Store, StoreError, Target, attach, read_bundles};

use crate::sample;

async fn layout(directory: &Path) -> Layout {
    let layout = Layout::create(directory, &Limits::default()).unwrap();
    let image = sample::image(&layout, b"layer").await;
    let bytes = layout
        .manifest(&image.digest)
        .await
        .unwrap()
        .bytes()
        .to_vec();
    let tag: Tag = "v1".parse().unwrap();
    layout
        .put_manifest(&bytes, media_type::IMAGE_MANIFEST, Some(&tag))
        .await
        .unwrap();
    attach(&layout, &image, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    layout
}

fn tar_of(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // The builder refuses such names itself, so they are written past it.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        if *kind == tar::EntryType::Symlink {
            header.set_link_name("/etc").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

#[tokio::test]
async fn a_layout_survives_packing_and_is_the_same_bytes_each_time() {
    let (one, two, out) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    layout(one.path()).await;
    layout(two.path()).await;
    std::fs::write(one.path().join(".bulla-left-over"), "x").unwrap();
    let packed = pack(one.path(), Vec::new()).unwrap();
    assert!(packed == pack(two.path(), Vec::new()).unwrap());

    unpack(Cursor::new(&packed), out.path(), &Limits::default()).unwrap();
    let read = Layout::open(out.path(), &Limits::default()).unwrap();
    let target = Target::Tag("v1".parse().unwrap());
    let image = read.resolve(&target).await.unwrap();
    let set = read_bundles(&read, &image.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 1);
    let names: Vec<String> = tar::Archive::new(Cursor::new(&packed))
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(
        !names
            .iter()
            .any(|name| name.contains("lock") || name.contains(".bulla"))
    );
}

#[test]
fn hostile_archives_write_nothing_outside() {
    use tar::EntryType::{Directory, Link, Regular, Symlink};
    let parent = tempfile::tempdir().unwrap();
    let cases: [&[(&str, tar::EntryType, &[u8])]; 7] = [
        &[("../escaped", Regular, b"x")],
        &[("/tmp/bulla-escaped", Regular, b"x")],
        &[("blobs/../../escaped", Regular, b"x")],
        &[("blobs", Symlink, b""), ("blobs/passwd", Regular, b"x")],
        &[("index.json", Link, b"")],
        &[
            ("index.json", Regular, b"a"),
            ("./index.json", Regular, b"b"),
        ],
        &[("a", Directory, b""), ("fifo", tar::EntryType::Fifo, b"")],
    ];
    for (number, entries) in cases.iter().enumerate() {
        let directory = parent.path().join(number.to_string());
        std::fs::create_dir(&directory).unwrap();
        let error = unpack(Cursor::new(tar_of(entries)), &directory, &Limits::default());
        assert!(
            matches!(error, Err(StoreError::Malformed { .. })),
            "{number}: {error:?}"
        );
        assert!(!parent.path().join("escaped").exists());
    }
}

#[test]
fn archives_are_bounded() {
    let mut limits = Limits::default();
    limits.files = 2;
    limits.inflated_layer_bytes = 10;
    let regular = tar::EntryType::Regular;
    let many = tar_of(&[
        ("a", regular, b""),
        ("b", regular, b""),
        ("c", regular, b""),
    ]);
    let folder = tar::EntryType::Directory;
    let folders = tar_of(&[("a", folder, b""), ("b", folder, b""), ("c", folder, b"")]);
    let large = tar_of(&[("a", regular, b"123456"), ("b", regular, b"123456")]);
    for (bytes, expected) in [
        (many, "more than 2 entries"),
        (folders, "more than 2 entries"),
        (large, "limit of 10 bytes"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let error = unpack(Cursor::new(bytes), directory.path(), &limits).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let directory = tempfile::tempdir().unwrap();
    let torn = unpack(Cursor::new(vec![1; 700]), directory.path(), &limits);
    assert!(matches!(torn, Err(StoreError::Stream { .. })), "{torn:?}");
}
