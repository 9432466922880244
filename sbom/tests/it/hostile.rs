//! Images that were made to do harm are refused, each for its own reason.

use bulla_model::{Digest, Limits};
use bulla_sbom::source::{Image, LayerInput, SourceError, TarFault};
use bulla_sbom::{CatalogError, Options, catalog};
use tar::EntryType;

use crate::archive::{Compression, Layer, compress, image, image_of, input, layer_input};

fn limited(change: impl FnOnce(&mut Limits)) -> Options<'static> {
    let mut options = Options::default();
    change(&mut options.limits);
    options
}

fn refusal(image: &Image, options: &Options<'_>) -> SourceError {
    match catalog(image, options) {
        Err(CatalogError::Source(error)) => error,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// The image of one layer whose blob, size or diff_id may be wrong.
fn forged(tar: &[u8], change: impl FnOnce(&mut LayerInput)) -> Image {
    let mut layer = layer_input(compress(tar, Compression::Gzip));
    change(&mut layer);
    Image::new(input(vec![layer], &[Digest::sha256(tar)])).unwrap()
}

fn tar_fault(layer: Layer) -> TarFault {
    match refusal(&image(vec![layer]), &Options::default()) {
        SourceError::Tar { fault, .. } => fault,
        other => panic!("expected a tar fault, found {other:?}"),
    }
}

#[test]
fn paths_and_hard_links_that_leave_the_root() {
    let regular = Layer::new().entry("../etc/passwd", EntryType::Regular, "", b"x", 0o644);
    assert_eq!(
        tar_fault(regular),
        TarFault::Path {
            path: "../etc/passwd".into()
        }
    );
    let link = Layer::new().hard_link("a", "b/../../c");
    assert_eq!(
        tar_fault(link),
        TarFault::Path {
            path: "b/../../c".into()
        }
    );
}

#[test]
fn a_long_name_without_end() {
    let mut tar = Layer::new().tar();
    tar.clear();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    tar.extend_from_slice(header.as_bytes());
    let error = refusal(&image_of(&[tar], Compression::Gzip), &Options::default());
    assert!(
        matches!(error, SourceError::Tar { fault: TarFault::ExtendedHeader { size }, .. } if size == 1 << 40)
    );
}

#[test]
fn paths_longer_than_any_system_has_and_too_many_of_them() {
    let long = format!("{}/x", "d/".repeat(3000));
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    archive.append_data(&mut header, &long, &b""[..]).unwrap();
    let tar = archive.into_inner().unwrap();
    let error = refusal(&image_of(&[tar], Compression::Gzip), &Options::default());
    assert!(
        matches!(
            error,
            SourceError::Tar {
                fault: TarFault::ExtendedHeader { size: 6002 },
                ..
            }
        ),
        "{error:?}"
    );
    let many = (0..40).fold(Layer::new(), |layer, at| {
        layer.file(&format!("{at:0>90}"), b"")
    });
    let mut options = Options::default();
    options.limits.catalog_bytes = 2000;
    let error = refusal(&image_of(&[many.tar()], Compression::Gzip), &options);
    assert!(
        matches!(error, SourceError::KeptBytes { limit: 2000 }),
        "{error:?}"
    );
}

#[test]
fn a_size_that_the_archive_does_not_have() {
    let mut header = tar::Header::new_gnu();
    header.set_path("var/lib/dpkg/status").unwrap();
    header.set_size(1 << 20);
    header.set_cksum();
    let tar = header.as_bytes().to_vec();
    let error = refusal(&image_of(&[tar], Compression::None), &Options::default());
    assert!(
        matches!(
            error,
            SourceError::Tar {
                fault: TarFault::Truncated,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_damaged_header() {
    let mut tar = Layer::new().file("a", b"x").tar();
    tar[0] = b'b';
    let error = refusal(&image_of(&[tar], Compression::Gzip), &Options::default());
    assert!(matches!(
        error,
        SourceError::Tar {
            fault: TarFault::Header,
            ..
        }
    ));
}

#[test]
fn a_file_larger_than_any_package_list() {
    let layer = Layer::new().file("var/lib/dpkg/status", &[b'x'; 1000]);
    let error = refusal(
        &image(vec![layer]),
        &limited(|limits| limits.catalog_file_bytes = 999),
    );
    assert!(matches!(
        error,
        SourceError::FileBytes {
            size: 1000,
            limit: 999,
            ..
        }
    ));
}

#[test]
fn many_package_lists_adding_up() {
    let layer = Layer::new()
        .file("a/node_modules/x/package.json", &[b'x'; 600])
        .file("b/node_modules/x/package.json", &[b'x'; 600]);
    let error = refusal(
        &image(vec![layer]),
        &limited(|limits| limits.catalog_bytes = 1000),
    );
    assert!(matches!(error, SourceError::KeptBytes { limit: 1000 }));
}

#[test]
fn f44_a_bomb_by_ratio_and_by_size() {
    let tar = Layer::new().file("zeros", &vec![0; 4 << 20]).tar();
    let image = image_of(&[tar], Compression::Zstandard);
    let error = refusal(&image, &limited(|limits| limits.inflation_ratio = 10));
    assert!(matches!(
        error,
        SourceError::InflationRatio { limit: 10, .. }
    ));
    let error = refusal(
        &image,
        &limited(|limits| limits.inflated_layer_bytes = 1 << 20),
    );
    assert!(matches!(
        error,
        SourceError::InflatedBytes {
            limit: 1_048_576,
            ..
        }
    ));
}

#[test]
fn too_many_files_and_layers() {
    let layer = || Layer::new().file("a", b"").file("b", b"");
    let image = image(vec![layer(), layer()]);
    let error = refusal(&image, &limited(|limits| limits.files = 3));
    assert!(matches!(error, SourceError::TooManyFiles { limit: 3 }));
    let error = refusal(&image, &limited(|limits| limits.layers = 1));
    assert!(matches!(
        error,
        SourceError::TooManyLayers { found: 2, limit: 1 }
    ));
}

#[test]
fn a_truncated_blob() {
    let tar = Layer::new().file("a", &[7; 5000]).tar();
    let mut blob = compress(&tar, Compression::Gzip);
    blob.truncate(blob.len() / 2);
    let image = Image::new(input(vec![layer_input(blob)], &[Digest::sha256(&tar)])).unwrap();
    let error = refusal(&image, &Options::default());
    assert!(matches!(error, SourceError::Layer { .. }), "{error:?}");
}

#[test]
fn a_blob_that_is_not_the_one_named() {
    let tar = Layer::new().file("a", b"x").tar();
    let other = Digest::sha256(b"other");
    let error = refusal(
        &forged(&tar, |layer| layer.digest = other),
        &Options::default(),
    );
    assert!(matches!(error, SourceError::BlobDigest { .. }));
    let error = refusal(&forged(&tar, |layer| layer.size -= 1), &Options::default());
    assert!(matches!(error, SourceError::Size { .. }));
    let error = refusal(&forged(&tar, |layer| layer.size += 1), &Options::default());
    assert!(matches!(error, SourceError::Size { .. }));
}

#[test]
fn contents_that_are_not_the_ones_named() {
    let tar = Layer::new().file("a", b"x").tar();
    let layer = layer_input(compress(&tar, Compression::Gzip));
    let image = Image::new(input(vec![layer], &[Digest::sha256(b"other")])).unwrap();
    let error = refusal(&image, &Options::default());
    assert!(matches!(error, SourceError::DiffId { .. }));
}

#[test]
fn bytes_after_the_end_of_the_archive_count_for_its_digest() {
    let mut tar = Layer::new().file("a", b"x").tar();
    tar.extend_from_slice(&vec![9; 700_000]);
    assert!(catalog(&image_of(&[tar], Compression::Gzip), &Options::default()).is_ok());
}

#[test]
fn layers_that_are_no_file_system() {
    let tar = Layer::new().tar();
    for media_type in [
        "application/vnd.in-toto+json",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
    ] {
        let image = forged(&tar, |layer| media_type.clone_into(&mut layer.media_type));
        let error = refusal(&image, &Options::default());
        assert!(
            matches!(error, SourceError::MediaType { .. }),
            "{media_type}"
        );
    }
}

#[test]
fn a_layer_that_cannot_be_opened() {
    let tar = Layer::new().tar();
    let image = forged(&tar, |layer| {
        layer.open = Box::new(|| Err(std::io::Error::other("gone")));
    });
    let error = refusal(&image, &Options::default());
    assert!(matches!(error, SourceError::Layer { .. }));
}

#[test]
fn a_configuration_for_other_layers() {
    let error = Image::new(input(Vec::new(), &[Digest::sha256(b"x")])).unwrap_err();
    assert!(matches!(
        error,
        SourceError::LayerCount {
            layers: 0,
            diff_ids: 1
        }
    ));
}

#[test]
fn a_package_hidden_in_a_text_is_not_believed() {
    let hidden = br#"{"$serde_json::private::RawValue":"{\"name\":\"x\",\"version\":\"1.0.0\"}"}"#;
    let lock = br#"{"lockfileVersion":3,"packages":{"node_modules/y":{"version":"1.0.0",
        "license":{"$serde_json::private::RawValue":"\"MIT\""}}}}"#;
    let twice = br#"{"name":"z","version":"1.0.0","version":"2.0.0"}"#;
    let layer = Layer::new()
        .file("node_modules/x/package.json", hidden)
        .file("node_modules/z/package.json", twice)
        .file("package-lock.json", lock);
    let inventory = catalog(&image(vec![layer]), &Options::default()).unwrap();
    let unknown: Vec<_> = inventory.unknowns.iter().map(|one| &*one.path).collect();
    assert_eq!(
        unknown,
        ["node_modules/x/package.json", "package-lock.json"]
    );
    let found: Vec<_> = inventory.packages.iter().collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].version, "2.0.0", "as node reads it");
}
