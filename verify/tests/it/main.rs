//! Integration tests of bulla-verify.

mod codes;
mod hostile;
mod journey;
mod kit;
mod policies;
mod signed;
