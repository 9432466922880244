//! Why a source could not be read.

use std::io;

use bulla_model::{Digest, JsonError};

/// Why a directory or image could not be read. A broken or hostile image is refused as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The image configuration is not JSON of the expected shape.
    #[error("image configuration is not valid: {source}")]
    Config {
        /// What the JSON reader said.
        source: JsonError,
    },
    /// The manifest and the configuration disagree.
    #[error("image has {layers} layers, its configuration names {diff_ids}")]
    LayerCount {
        /// Layers in the manifest.
        layers: usize,
        /// `rootfs.diff_ids` in the configuration.
        diff_ids: usize,
    },
    /// More layers than allowed.
    #[error("image has {found} layers, the limit is {limit}")]
    TooManyLayers {
        /// Layers in the manifest.
        found: usize,
        /// `Limits::layers`.
        limit: usize,
    },
    /// The layer is no file system archive.
    #[error("layer {layer} has the media type `{}`, which is no file system", media_type.escape_debug())]
    MediaType {
        /// The layer.
        layer: Digest,
        /// Its media type, shortened.
        media_type: String,
    },
    /// The layer could not be opened, read or inflated.
    #[error("failed to read layer {layer}: {source}")]
    Layer {
        /// The layer.
        layer: Digest,
        /// What was wrong.
        source: io::Error,
    },
    /// The blob has another length than the manifest says.
    #[error("layer {layer} is longer or shorter than its {size} bytes")]
    Size {
        /// The layer.
        layer: Digest,
        /// Length in the manifest.
        size: u64,
    },
    /// The blob has another digest than the manifest says.
    #[error("layer {layer} has the digest {found}")]
    BlobDigest {
        /// The layer.
        layer: Digest,
        /// Digest of what was read.
        found: Digest,
    },
    /// The inflated archive has another digest than the configuration says.
    #[error("layer {layer} inflates to {found}, the configuration names {expected}")]
    DiffId {
        /// The layer.
        layer: Digest,
        /// `rootfs.diff_ids` entry.
        expected: Digest,
        /// Digest of what was inflated.
        found: Digest,
    },
    /// The layer inflates to more than allowed.
    #[error("layer {layer} inflates to more than {limit} bytes")]
    InflatedBytes {
        /// The layer.
        layer: Digest,
        /// `Limits::inflated_layer_bytes`.
        limit: u64,
    },
    /// The layer inflates by more than allowed.
    #[error("layer {layer} inflates to more than {limit} times its size")]
    InflationRatio {
        /// The layer.
        layer: Digest,
        /// `Limits::inflation_ratio`.
        limit: u64,
    },
    /// The layer is no well-formed tar archive.
    #[error("layer {layer} is not a valid archive: {fault}")]
    Tar {
        /// The layer.
        layer: Digest,
        /// What is wrong.
        fault: TarFault,
    },
    /// More files than allowed.
    #[error("more than {limit} files")]
    TooManyFiles {
        /// `Limits::files`.
        limit: usize,
    },
    /// A file that had to be read whole is larger than allowed.
    #[error("`{}` has {size} bytes, the limit for a package list is {limit}", path.escape_debug())]
    FileBytes {
        /// The file.
        path: String,
        /// Its length.
        size: u64,
        /// `Limits::catalog_file_bytes`.
        limit: u64,
    },
    /// All files that had to be kept are larger than allowed.
    #[error("package lists have more than {limit} bytes together")]
    KeptBytes {
        /// `Limits::catalog_bytes`.
        limit: u64,
    },
    /// A directory could not be listed, or a file in it not be opened.
    #[error("failed to read `{}`: {source}", path.escape_debug())]
    Directory {
        /// Path below the directory; empty for itself.
        path: String,
        /// What was wrong.
        source: io::Error,
    },
    /// Another layer failed first.
    #[error("reading was stopped because another layer failed")]
    Stopped,
}

/// What is wrong with a tar archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarFault {
    /// The archive ends inside a header or a file.
    #[error("it ends early")]
    Truncated,
    /// A header's checksum or size field is wrong.
    #[error("a header is damaged")]
    Header,
    /// An extended header is longer than any path needs.
    #[error("an extended header has {size} bytes")]
    ExtendedHeader {
        /// Its length.
        size: u64,
    },
    /// A path leaves the root.
    #[error("the path `{}` leaves the root", path.escape_debug())]
    Path {
        /// The path, shortened.
        path: String,
    },
}
