//! Integration tests of bulla-model.

#![expect(
    clippy::unwrap_used,
    reason = "what a test prepares has to work, or the test has failed"
)]

mod chains;
mod documents;
mod files;
mod notation;
mod predicates;
mod purl;
mod random;
mod statements;
