//! Bills of materials as predicates: the document itself, byte for byte.
//!
//! CycloneDX, <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/cyclonedx.md>,
//! and SPDX, <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/spdx.md>.

use std::fmt;

use bulla_model::predicate::{CYCLONEDX, SPDX};
use bulla_model::{Limits, PredicateType, Subject, json};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{ClaimError, known_type, write_dated};

/// The predicate type of SPDX 3 documents, which have another shape than SPDX 2.
const SPDX_3: &str = "https://spdx.dev/Document/v3";

/// A format of SBOM documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SbomKind {
    /// CycloneDX in JSON.
    CycloneDx,
    /// SPDX 2 in JSON.
    Spdx2,
    /// SPDX 3 in JSON-LD.
    Spdx3,
}

impl SbomKind {
    /// Recognises a document by its own mark, after checking that it is strict JSON.
    pub fn detect(document: &[u8], limits: &Limits) -> Result<Self, ClaimError> {
        // A statement adds one level around the document.
        let depth = limits.json_depth.saturating_sub(1);
        json::check(document, limits.bundle_bytes, depth)?;
        let marks: Marks = serde_json::from_slice(document).map_err(|_| ClaimError::SbomFormat)?;
        match marks {
            Marks {
                bom_format: Some(format),
                ..
            } if format == "CycloneDX" => Ok(Self::CycloneDx),
            Marks {
                spdx_version: Some(version),
                ..
            } if version.starts_with("SPDX-2.") => Ok(Self::Spdx2),
            Marks {
                context: Some(context),
                graph: Some(_),
                ..
            } if context.is_spdx_3() => Ok(Self::Spdx3),
            _ => Err(ClaimError::SbomFormat),
        }
    }

    /// The predicate type documents of this format are attested under.
    pub fn predicate_type(self) -> PredicateType {
        known_type(match self {
            Self::CycloneDx => CYCLONEDX,
            Self::Spdx2 => SPDX,
            Self::Spdx3 => SPDX_3,
        })
    }
}

impl fmt::Display for SbomKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CycloneDx => "CycloneDX",
            Self::Spdx2 => "SPDX 2",
            Self::Spdx3 => "SPDX 3",
        })
    }
}

/// What the subjects contain. The document stands in the statement exactly as given, numbers and
/// escapes included.
pub fn sbom(
    subjects: &[Subject],
    issued_at: Timestamp,
    document: &[u8],
    limits: &Limits,
) -> Result<Vec<u8>, ClaimError> {
    let kind = SbomKind::detect(document, limits)?;
    write_dated(
        subjects,
        issued_at,
        &kind.predicate_type(),
        &verbatim(document)?,
    )
}

/// A JSON document as a value that is written as it is; surrounding white space is dropped.
pub(super) fn verbatim(document: &[u8]) -> Result<&RawValue, ClaimError> {
    serde_json::from_slice(document).map_err(|_| ClaimError::Text)
}

#[derive(Deserialize)]
struct Marks {
    #[serde(default, rename = "bomFormat")]
    bom_format: Option<String>,
    #[serde(default, rename = "spdxVersion")]
    spdx_version: Option<String>,
    #[serde(default, rename = "@context")]
    context: Option<Context>,
    #[serde(default, rename = "@graph")]
    graph: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Context {
    One(String),
    Several(Vec<serde_json::Value>),
    Other(IgnoredAny),
}

impl Context {
    fn is_spdx_3(&self) -> bool {
        let names = |uri: &str| uri.starts_with("https://spdx.org/rdf/3.");
        match self {
            Self::One(uri) => names(uri),
            Self::Several(all) => all.iter().filter_map(|item| item.as_str()).any(names),
            Self::Other(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_model::predicate::{is_cyclonedx, is_spdx};

    use super::*;

    #[test]
    fn every_kind_is_attested_under_a_type_readers_recognise() {
        let uri = |kind: SbomKind| kind.predicate_type().to_string();
        assert!(is_cyclonedx(&uri(SbomKind::CycloneDx)));
        assert_eq!(uri(SbomKind::Spdx2), "https://spdx.dev/Document");
        assert!(is_spdx(&uri(SbomKind::Spdx3)));
    }
}
