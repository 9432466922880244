//! Integration tests of bulla-verify.

mod attacks;
mod codes;
mod exits;
mod faults;
mod hostile;
mod journey;
mod kit;
mod policies;
mod signed;
