//! Documents that stand elsewhere: in-toto reference v0.1,
//! <https://github.com/in-toto/attestation/blob/v1.1.0/spec/predicates/reference.md>.

use bulla_model::predicate::reference::{self, Attester, Reference};
use bulla_model::{ResourceDescriptor, Subject};
use jiff::Timestamp;

use super::{ClaimError, known_type, write_dated};

/// "These documents are about the subjects": each with its digest, its media type and where it can
/// be fetched. `attester` is a URI that names who says so.
pub fn reference(
    subjects: &[Subject],
    issued_at: Timestamp,
    attester: &str,
    references: &[ResourceDescriptor],
) -> Result<Vec<u8>, ClaimError> {
    let whole = |reference: &ResourceDescriptor| {
        !reference.digest.is_empty()
            && reference.download_location.is_some()
            && reference.media_type.is_some()
    };
    if let Some(index) = references.iter().position(|reference| !whole(reference)) {
        return Err(ClaimError::Reference { index });
    }
    let predicate = Reference {
        attester: Attester {
            id: attester.to_owned(),
        },
        references: references.to_vec(),
    };
    write_dated(
        subjects,
        issued_at,
        &known_type(reference::TYPE),
        &predicate,
    )
}
