//! A key held in memory, read from a file or an environment variable.

use bulla_model::Pae;

use super::{Blob, SignError, Signer};
use crate::key::{PrivateKey, PublicKey};

/// Signs with a key in memory.
#[derive(Debug)]
pub struct MemorySigner {
    key: PrivateKey,
    public: PublicKey,
}

impl MemorySigner {
    /// Signs with this key.
    pub fn new(key: PrivateKey) -> Self {
        let public = key.public_key();
        Self { key, public }
    }
}

impl Signer for MemorySigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    async fn sign(&self, pae: &Pae) -> Result<Vec<u8>, SignError> {
        self.key.sign(pae.as_bytes()).ok_or(SignError::Key)
    }

    async fn sign_blob(&self, blob: &Blob<'_>) -> Result<Vec<u8>, SignError> {
        self.key.sign(blob.bytes()).ok_or(SignError::Key)
    }
}
