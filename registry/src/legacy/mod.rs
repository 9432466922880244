//! What cosign kept beside an image before Sigstore bundles: tags named after its digest, and the
//! referrers that held the same layers for a while.
//!
//! Follows cosign's specifications of signatures, attestations and SBOMs,
//! <https://github.com/sigstore/cosign/blob/v3.0.4/specs/SIGNATURE_SPEC.md>,
//! <https://github.com/sigstore/cosign/blob/v3.0.4/specs/ATTESTATION_SPEC.md>,
//! <https://github.com/sigstore/cosign/blob/v3.0.4/specs/SBOM_SPEC.md>.

mod layer;
mod read;
mod tag;
mod write;

pub use layer::{LegacyLayerError, simple_signing};
pub use read::{
    LegacyLayer, LegacyLayers, LegacyList, LegacyManifest, LegacyPlace, read, referred, tagged,
};
pub use tag::{LegacyKind, TagPrefix, TagPrefixError};
pub(crate) use write::extend;
pub use write::{LegacyAdded, NewLegacyLayer, add};
