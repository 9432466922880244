//! OCI layouts as one file, as skopeo's `oci-archive:` and evidence packs have them.
//!
//! A tar of the layout directory, <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.
//! Written deterministically: the same layout is the same bytes.

mod pack;
mod unpack;

pub use pack::pack;
pub use unpack::unpack;
