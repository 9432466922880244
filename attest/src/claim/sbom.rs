//! Bills of materials as predicates: the document itself, byte for byte.
//!
//! CycloneDX, <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/cyclonedx.md>,
//! and SPDX, <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/spdx.md>.

use bulla_model::predicate::SbomKind;
use bulla_model::{Limits, Subject};
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{ClaimError, known_type, write_dated};

/// The format of a document, which a statement can hold.
pub fn detect_sbom(document: &[u8], limits: &Limits) -> Result<SbomKind, ClaimError> {
    // A statement adds one level around the document.
    let depth = limits.json_depth.saturating_sub(1);
    SbomKind::recognise(document, limits.bundle_bytes, depth)?.ok_or(ClaimError::SbomFormat)
}

/// What the subjects contain. The document stands in the statement exactly as given, numbers and
/// escapes included.
pub fn sbom(
    subjects: &[Subject],
    issued_at: Timestamp,
    document: &[u8],
    limits: &Limits,
) -> Result<Vec<u8>, ClaimError> {
    let kind = detect_sbom(document, limits)?;
    write_dated(
        subjects,
        issued_at,
        &known_type(kind.predicate_uri()),
        &verbatim(document)?,
    )
}

/// A JSON document as a value that is written as it is; surrounding white space is dropped.
pub(super) fn verbatim(document: &[u8]) -> Result<&RawValue, ClaimError> {
    serde_json::from_slice(document).map_err(|_| ClaimError::Text)
}
