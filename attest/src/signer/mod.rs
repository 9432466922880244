//! Signers: what holds a key and makes signatures with it.
//!
//! A signer is only ever given a [`Pae`] or a [`Blob`], so nobody signs bare payloads, and a blob
//! can never be mistaken for an envelope's encoding.

mod memory;

use std::future::Future;

use bulla_model::{Digest, Pae};

use crate::key::PublicKey;

pub use memory::MemorySigner;

/// Something that signs.
pub trait Signer {
    /// The public key signatures are checked with.
    fn public_key(&self) -> &PublicKey;

    /// Signs an envelope's encoding; yields the signature in the key's scheme.
    fn sign(&self, pae: &Pae) -> impl Future<Output = Result<Vec<u8>, SignError>> + Send;

    /// Signs the bytes of an artifact.
    fn sign_blob(&self, blob: &Blob<'_>)
    -> impl Future<Output = Result<Vec<u8>, SignError>> + Send;
}

/// Every signer there is, so that callers need no type parameter.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnySigner {
    /// A key in memory.
    Memory(MemorySigner),
}

impl Signer for AnySigner {
    fn public_key(&self) -> &PublicKey {
        match self {
            Self::Memory(signer) => signer.public_key(),
        }
    }

    async fn sign(&self, pae: &Pae) -> Result<Vec<u8>, SignError> {
        match self {
            Self::Memory(signer) => signer.sign(pae).await,
        }
    }

    async fn sign_blob(&self, blob: &Blob<'_>) -> Result<Vec<u8>, SignError> {
        match self {
            Self::Memory(signer) => signer.sign_blob(blob).await,
        }
    }
}

impl From<MemorySigner> for AnySigner {
    fn from(signer: MemorySigner) -> Self {
        Self::Memory(signer)
    }
}

/// Bytes of an artifact to be signed as they are: anything but an envelope's encoding.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a>(&'a [u8]);

impl<'a> Blob<'a> {
    /// Refuses bytes that begin like an envelope's encoding: a signature over them would be a
    /// signature over a statement nobody meant to sign.
    pub fn new(bytes: &'a [u8]) -> Result<Self, SignError> {
        if bytes.starts_with(b"DSSEv1 ") {
            return Err(SignError::Encoding);
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Their SHA-256 digest.
    pub fn digest(&self) -> Digest {
        Digest::sha256(self.0)
    }
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The bytes begin like an envelope's encoding.
    #[error("refused to sign bytes that begin with `DSSEv1 `: they could pass for an attestation")]
    Encoding,
    /// The payload is no statement a verifier would read.
    #[error("refused to sign the payload: {0}")]
    Statement(#[from] bulla_model::StatementError),
    /// The key made no signature.
    #[error("the key made no signature")]
    Key,
    /// The bundle would be too large for its readers.
    #[error("the signed bundle has {found} bytes, the limit is {limit}")]
    Size {
        /// The limit in bytes.
        limit: u64,
        /// The length in bytes.
        found: u64,
    },
    /// The bundle cannot be read back.
    #[error("the signed bundle cannot be read back: {0}")]
    Bundle(#[from] bulla_model::BundleError),
}
