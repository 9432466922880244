//! Integration tests of bulla-verify.

mod hostile;
mod journey;
mod kit;
mod signed;
