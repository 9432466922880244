//! Whom Sigstore instances trust: trusted roots and signing configurations, as bytes.
//!
//! Nothing here decides about signatures: what comes out goes into `bulla_verify::Trust` and into
//! the signer. This is the only place in this crate where `sigstore-*` crates are used.

mod known;

pub use known::Known;
