//! Bulla's own claims: `docs/predicates/approval.md` and `docs/predicates/promotion.md`.
//!
//! Their `issuedAt` is a field of the predicate, so the subjects carry no annotation.

use bulla_model::predicate::{Approval, Promotion, approval, promotion};
use bulla_model::{Subject, statement};
use jiff::Timestamp;

use super::{ClaimError, known_type};

/// One identity says yes or no to one step of the subjects.
pub fn approval(subjects: &[Subject], approval: &Approval) -> Result<Vec<u8>, ClaimError> {
    check_window(approval.issued_at, Some(approval.not_after))?;
    let kind = known_type(approval::TYPE);
    Ok(statement::write(subjects, &kind, approval)?)
}

/// The gate decided that the subjects may enter an environment.
pub fn promotion(subjects: &[Subject], promotion: &Promotion) -> Result<Vec<u8>, ClaimError> {
    check_window(promotion.issued_at, promotion.not_after)?;
    let kind = known_type(promotion::TYPE);
    Ok(statement::write(subjects, &kind, promotion)?)
}

fn check_window(issued_at: Timestamp, not_after: Option<Timestamp>) -> Result<(), ClaimError> {
    match not_after {
        Some(not_after) if not_after <= issued_at => Err(ClaimError::Window {
            issued_at,
            not_after,
        }),
        _ => Ok(()),
    }
}
