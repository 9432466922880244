//! Making and signing claims.
//!
//! Facts come in as values, statements go out as bytes, and a [`signer::Signer`] turns those into
//! envelopes and bundles. Nothing here reads the time, a file or an environment variable; key
//! services are spoken to with what [`service::Surroundings`] hands in, and new keys, salts and
//! nonces take the operating system's randomness.
//!
//! ```
//! use bulla_attest::{KeyAlgorithm, MemorySigner, PrivateKey, claim, sign_statement};
//! use bulla_model::{Digest, Limits, ResourceDescriptor};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let image = ResourceDescriptor::named("registry.example.test/pay/api", Digest::sha256(b"manifest"));
//! let sbom = br#"{"bomFormat": "CycloneDX", "specVersion": "1.6"}"#;
//! let issued_at = "2026-11-21T22:31:07Z".parse()?;
//! let limits = Limits::default();
//! let statement = claim::sbom(&[image], issued_at, sbom, &limits)?;
//!
//! let signer = MemorySigner::new(PrivateKey::generate(KeyAlgorithm::EcdsaP256)?);
//! let bundle = sign_statement(statement, &signer, &limits).await?;
//! assert_eq!(bundle.envelope().map(|envelope| envelope.signatures().len()), Some(1));
//! # Ok(())
//! # }
//! ```

pub mod bundle;
pub mod ci;
pub mod claim;
pub mod http;
pub mod key;
pub mod oidc;
mod redaction;
pub mod review;
pub mod service;
pub mod signer;
pub mod sigstore;

pub use bundle::{
    BackedError, Backing, sign_blob, sign_blob_backed, sign_envelope, sign_statement,
    sign_statement_backed,
};
pub use http::{Http, HttpOptions, Service, ServiceError};
pub use key::{
    KeyAlgorithm, KeyError, KeyLocation, PrivateKey, PublicKey, Schemes, SignatureScheme,
};
pub use service::{KeyServiceError, Surroundings};
pub use signer::{
    AnySigner, Blob, BlobHasher, HashedBlob, MemorySigner, Message, SignError, Signer,
};
