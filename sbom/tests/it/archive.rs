//! Builds small images in memory.

use std::io::{self, Write};
use std::sync::Arc;

use bulla_model::Digest;
use bulla_sbom::source::{Image, ImageInput, LayerInput};
use tar::{Builder, EntryType, Header};

/// A layer's archive under construction.
pub(crate) struct Layer(Builder<Vec<u8>>);

impl Layer {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn file(self, path: &str, content: &[u8]) -> Self {
        self.entry(path, EntryType::Regular, "", content, 0o644)
    }

    pub(crate) fn program(self, path: &str, content: &[u8]) -> Self {
        self.entry(path, EntryType::Regular, "", content, 0o755)
    }

    pub(crate) fn directory(self, path: &str) -> Self {
        self.entry(path, EntryType::Directory, "", b"", 0o755)
    }

    pub(crate) fn symbolic_link(self, path: &str, target: &str) -> Self {
        self.entry(path, EntryType::Symlink, target, b"", 0o777)
    }

    pub(crate) fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(path, EntryType::Link, target, b"", 0o644)
    }

    /// Writes the path as it is, as a hostile archive would.
    pub(crate) fn entry(
        mut self,
        path: &str,
        kind: EntryType,
        target: &str,
        content: &[u8],
        mode: u32,
    ) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_mtime(0);
        let name = &mut header.as_old_mut().name;
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_link_name_literal(target).unwrap();
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    pub(crate) fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// How a layer is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Compression {
    Gzip,
    None,
    Zstandard,
}

pub(crate) fn compress(tar: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(tar).unwrap();
            encoder.finish().unwrap()
        }
        Compression::None => tar.to_vec(),
        Compression::Zstandard => zstd::stream::encode_all(tar, 3).unwrap(),
    }
}

/// A layer whose manifest entry fits its bytes.
pub(crate) fn layer_input(blob: Vec<u8>) -> LayerInput {
    let digest = Digest::sha256(&blob);
    let size = blob.len() as u64;
    let blob: Arc<[u8]> = blob.into();
    LayerInput {
        digest,
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        size,
        is_checked: false,
        open: Box::new(move || Ok(Box::new(io::Cursor::new(Arc::clone(&blob))))),
    }
}

/// An image of these archives, stored with gzip.
pub(crate) fn image(layers: Vec<Layer>) -> Image {
    let tars: Vec<Vec<u8>> = layers.into_iter().map(Layer::tar).collect();
    image_of(&tars, Compression::Gzip)
}

pub(crate) fn image_of(tars: &[Vec<u8>], compression: Compression) -> Image {
    let layers = tars
        .iter()
        .map(|tar| layer_input(compress(tar, compression)))
        .collect();
    let diff_ids: Vec<_> = tars.iter().map(|tar| Digest::sha256(tar)).collect();
    Image::new(input(layers, &diff_ids)).unwrap()
}

pub(crate) fn input(layers: Vec<LayerInput>, diff_ids: &[Digest]) -> ImageInput {
    let config = serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-02T03:04:05Z",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    ImageInput {
        manifest_digest: Digest::sha256(b"manifest"),
        config: config.to_string().into_bytes(),
        layers,
    }
}
