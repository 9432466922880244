//! Integration tests of bulla-attest.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and says which check was skipped"
)]

mod ci;
mod claims;
mod encrypted_keys;
mod fake;
mod junit;
mod key_service;
mod key_services;
mod keys;
mod oidc;
mod openssl;
mod services;
mod sign;
mod signing_config;
mod vulnerabilities;

use std::future::Future;
use std::path::PathBuf;
use std::task::{Context, Poll, Waker};

use bulla_attest::KeyAlgorithm;

/// Every kind of key whose making takes no time worth speaking of.
const QUICK: [KeyAlgorithm; 8] = [
    KeyAlgorithm::EcdsaP256,
    KeyAlgorithm::EcdsaP384,
    KeyAlgorithm::EcdsaP521,
    KeyAlgorithm::Ed25519,
    KeyAlgorithm::MlDsa44,
    KeyAlgorithm::MlDsa65,
    KeyAlgorithm::MlDsa87,
    KeyAlgorithm::Rsa2048,
];

/// The bytes of a file under `testdata/attest`.
fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/attest")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a future that never waits.
fn now<T>(future: impl Future<Output = T> + Send) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a key in memory never waits"),
    }
}
