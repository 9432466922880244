//! Integration tests of bulla-registry.

#![expect(
    clippy::unwrap_used,
    reason = "what a test prepares has to work, or the test has failed"
)]

mod archive;
mod copy;
mod docker_archive;
mod faults;
mod faulty;
mod ferro;
mod hostile;
mod layout;
mod legacy;
mod memory;
mod peers;
mod sample;
mod secrets;
mod suite;
mod writers;
