//! Making and signing claims.
//!
//! Facts come in as values, statements go out as bytes, and a [`signer::Signer`] turns those into
//! envelopes and bundles. Nothing here reads a clock, a file, an environment variable or a socket.

pub mod bundle;
pub mod ci;
pub mod claim;
pub mod key;
pub mod signer;

pub use bundle::{sign_blob, sign_envelope, sign_statement};
pub use key::{KeyAlgorithm, KeyError, KeyLocation, PrivateKey, PublicKey};
pub use signer::{AnySigner, Blob, MemorySigner, SignError, Signer};
