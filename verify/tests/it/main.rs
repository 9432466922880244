//! Integration tests of bulla-verify.

mod attacks;
mod codes;
mod exits;
mod faults;
mod fuzz;
mod hostile;
mod journey;
mod keyless;
mod kit;
mod policies;
mod signed;
