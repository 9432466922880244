//! The empty claim of `cosign sign`: "this image is signed", nothing more.
//!
//! Written by cosign v3 into bundles; see `pkg/cosign/attestation` of cosign v3.1.3.

use serde::{Deserialize, Serialize};

use super::Predicate;

/// The type's URI. Only this type counts as a signature; other attestations are not signatures.
pub const TYPE: &str = "https://sigstore.dev/cosign/sign/v1";

/// A signature without a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CosignSignature {}

impl Predicate for CosignSignature {
    const TYPES: &'static [&'static str] = &[TYPE];
}
