//! Integration tests of bulla-verify.

mod journey;
mod kit;
mod signed;
