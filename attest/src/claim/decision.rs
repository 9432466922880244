//! Bulla's own claims, one page each in `docs/predicates`.
//!
//! Their `issuedAt` is a field of the predicate, so the subjects carry no annotation.

use bulla_model::predicate::{Approval, Predicate, Promotion};
use bulla_model::{Limits, Nonce, Statement, Subject, statement};
use jiff::Timestamp;
use serde::Serialize;

use super::{ClaimError, known_type};

/// A claim of one of our own predicates. It is read once more before anybody signs it: what no
/// reader would take is not made.
pub fn own<P: Predicate + Serialize>(
    subjects: &[Subject],
    predicate: &P,
) -> Result<Vec<u8>, ClaimError> {
    let payload = statement::write(subjects, &known_type(P::TYPES[0]), predicate)?;
    Statement::parse(&payload, &Limits::default())?.predicate::<P>()?;
    Ok(payload)
}

/// One identity says yes or no to one step of the subjects.
pub fn approval(subjects: &[Subject], approval: &Approval) -> Result<Vec<u8>, ClaimError> {
    check_window(approval.issued_at, Some(approval.not_after))?;
    own(subjects, approval)
}

/// The gate decided that the subjects may enter an environment.
pub fn promotion(subjects: &[Subject], promotion: &Promotion) -> Result<Vec<u8>, ClaimError> {
    check_window(promotion.issued_at, promotion.not_after)?;
    own(subjects, promotion)
}

/// A new nonce, from the operating system's randomness.
pub fn nonce() -> Result<Nonce, ClaimError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| ClaimError::Random)?;
    Ok(Nonce::of(bytes))
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
