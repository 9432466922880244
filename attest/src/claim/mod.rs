//! Claims: facts in, statement bytes out.
//!
//! One file for each kind of claim; all write in-toto Statement v1,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md>. Statements with a
//! standard predicate carry the time they were issued as the annotation
//! `https://bulla.dev/issuedAt` of every subject; Bulla's own predicates have a field for it.

mod custom;
mod decision;
mod directory;
mod junit;
mod reference;
mod sbom;
mod standard;
mod test_report;
mod vulnerabilities;

use bulla_model::predicate::SbomKind;
use bulla_model::statement::{self, ISSUED_AT};
use bulla_model::{JsonError, PredicateError, PredicateType, StatementError, Subject};
use jiff::Timestamp;
use serde::Serialize;

pub use custom::{custom, predicate_type};
pub use decision::{approval, nonce, own, promotion};
pub use directory::{IGNORED, MODEL_SIGNING, directory};
pub use reference::reference;
pub use sbom::{detect_sbom, sbom};
pub use standard::{link, provenance, signature, test_result, vsa};
pub use test_report::{JunitError, JunitLimits, TestReport, Tests};
pub use vulnerabilities::{ScanFormat, ScanReport, openvex, scan_report, vulnerabilities};

/// Writes a statement whose subjects all say when it was issued.
fn write_dated<P: Serialize>(
    subjects: &[Subject],
    issued_at: Timestamp,
    predicate_type: &PredicateType,
    predicate: &P,
) -> Result<Vec<u8>, ClaimError> {
    let mut subjects = subjects.to_vec();
    for subject in &mut subjects {
        subject
            .annotations
            .insert(ISSUED_AT.to_owned(), issued_at.to_string().into());
    }
    Ok(statement::write(&subjects, predicate_type, predicate)?)
}

/// The type with this URI, which is a constant of this workspace.
fn known_type(uri: &str) -> PredicateType {
    uri.parse()
        .expect("because the constants are tested to be URIs")
}

/// Why no statement was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The statement cannot be written.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A predicate or SBOM file is not strict JSON.
    #[error("no JSON document: {0}")]
    Json(#[from] JsonError),
    /// A predicate file is JSON but no object.
    #[error("a predicate is a JSON object, found {found}")]
    Object {
        /// What kind of value was found.
        found: &'static str,
    },
    /// A predicate file does not fit its type.
    #[error(transparent)]
    Predicate(#[from] PredicateError),
    /// A predicate file is not text.
    #[error("the predicate file is not UTF-8 text")]
    Text,
    /// A name of a predicate type is neither an alias nor a URI.
    #[error("unknown predicate type `{}`, expected a URI or one of: {known}", found.escape_debug())]
    Alias {
        /// The name found, cut short.
        found: String,
        /// The aliases, separated by commas.
        known: String,
    },
    /// A document is no SBOM in a known format.
    #[error(
        "neither CycloneDX nor SPDX: expected JSON with `bomFormat`, `spdxVersion` or an SPDX 3 `@context`"
    )]
    SbomFormat,
    /// A document is an SBOM of another format than the type asked for.
    #[error("the document is {found}, the predicate type is {expected}")]
    SbomType {
        /// The type asked for.
        expected: PredicateType,
        /// The format found.
        found: SbomKind,
    },
    /// A document is the report of no scanner that is known.
    #[error("the report of no known scanner: expected JSON of Trivy, Grype or OSV-Scanner")]
    ScanFormat,
    /// A report does not say when the scan was made.
    #[error("the report does not say when the scan was made")]
    ScanTime,
    /// A report is about other things than vulnerabilities.
    #[error("nothing in the report says that vulnerabilities were looked for")]
    ScanNothing,
    /// A report has too many findings.
    #[error("{found} findings, the limit is {limit}")]
    ScanResults {
        /// The number found.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A directory has no files to sign.
    #[error("no file to sign in the directory")]
    NoFiles,
    /// A file's digest is of another kind than directories are signed with.
    #[error("the digest of `{}` is not SHA-256", name.escape_debug())]
    FileDigest {
        /// The file, cut short.
        name: String,
    },
    /// A reference says too little to be followed.
    #[error("reference {index} needs a digest, a media type and a download location")]
    Reference {
        /// Index of the reference, from 0.
        index: usize,
    },
    /// Two subjects of a link have the same name, or one has none.
    #[error("subjects of a link have unique names: subject {index} has none of its own")]
    SubjectName {
        /// Index of the subject, from 0.
        index: usize,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// An approval or promotion ends before it begins.
    #[error("not valid after {not_after}, which is not later than it is issued, {issued_at}")]
    Window {
        /// When it is issued.
        issued_at: Timestamp,
        /// Until when it would hold.
        not_after: Timestamp,
    },
}
