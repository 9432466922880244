//! SLSA: provenance judged against a table of builders, and verification summaries.
//!
//! Implements "verifying artifacts" of SLSA v1.1,
//! <https://slsa.dev/spec/v1.1/verifying-artifacts>, for the provenance of build platforms that sign
//! it, and "how to verify" of verification summaries,
//! <https://slsa.dev/spec/v1.1/verification_summary#how-to-verify>.
//!
//! Who may sign for which builder, and where its provenance keeps what is asked about, is data:
//! `builders.yaml` and files of the same shape.

mod artifact;
mod builder_id;
mod builders;
mod check;
mod claim;
mod cloud_build;
mod git;
mod judge;
mod npm;
mod npm_key;
mod signer;
mod verdict;
mod view;
mod vsa;
mod wire;

pub use artifact::SlsaArtifact;
pub use builders::{API_VERSION, Builders};
pub use check::SlsaCheck;
pub use npm::NpmExpectation;
pub use npm_key::{RegistryKey, RegistryKeyError};
pub use verdict::{Expected, Provenance, ProvenanceQuestion, SlsaVerdict, verify_provenance};
pub use vsa::{VsaKey, VsaKeyError, VsaQuestion, verify_vsa};
pub(crate) use vsa::{has_levels, is_level};
