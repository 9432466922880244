//! Images as one file: `oci-archive:` and evidence packs, and what `docker save` writes.
//!
//! The first are a tar of the layout directory, <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.
//! Written deterministically: the same layout is the same bytes.

pub mod docker;
mod look;
mod pack;
mod unpack;

pub use look::holds_image;
pub use pack::pack;
pub use unpack::unpack;
