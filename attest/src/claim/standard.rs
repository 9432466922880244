//! Claims with standard predicates whose facts come in as the model's types.

use std::collections::BTreeSet;

use bulla_model::Subject;
use bulla_model::predicate::cosign::{self, CosignSignature};
use bulla_model::predicate::{Provenance, TestResult, Vsa, link, slsa_provenance, vsa};
use jiff::Timestamp;

use super::{ClaimError, known_type, write_dated};

/// "These subjects are signed", nothing more: what `cosign sign` writes, with `predicate: {}`.
pub fn signature(subjects: &[Subject], issued_at: Timestamp) -> Result<Vec<u8>, ClaimError> {
    let kind = known_type(cosign::TYPE);
    write_dated(subjects, issued_at, &kind, &CosignSignature::default())
}

/// Who built the subjects from what: SLSA provenance v1.
pub fn provenance(
    subjects: &[Subject],
    issued_at: Timestamp,
    provenance: &Provenance,
) -> Result<Vec<u8>, ClaimError> {
    let kind = known_type(slsa_provenance::TYPE);
    write_dated(subjects, issued_at, &kind, provenance)
}

/// How the subjects were tested: in-toto test-result v0.1.
pub fn test_result(
    subjects: &[Subject],
    issued_at: Timestamp,
    result: &TestResult,
) -> Result<Vec<u8>, ClaimError> {
    let kind = known_type(bulla_model::predicate::test_result::TYPE);
    write_dated(subjects, issued_at, &kind, result)
}

/// Which step made the subjects: in-toto link v0.3. Subjects have unique names there.
pub fn link(
    subjects: &[Subject],
    issued_at: Timestamp,
    link: &link::Link,
) -> Result<Vec<u8>, ClaimError> {
    let mut seen = BTreeSet::new();
    for (index, subject) in subjects.iter().enumerate() {
        let unique = subject
            .name
            .as_deref()
            .is_some_and(|name| seen.insert(name));
        if !unique {
            return Err(ClaimError::SubjectName { index });
        }
    }
    write_dated(subjects, issued_at, &known_type(link::TYPE), link)
}

/// What a verification of the subjects found: SLSA VSA v1.
pub fn vsa(
    subjects: &[Subject],
    issued_at: Timestamp,
    summary: &Vsa,
) -> Result<Vec<u8>, ClaimError> {
    write_dated(subjects, issued_at, &known_type(vsa::TYPE), summary)
}
