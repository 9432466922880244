//! A key held in memory, read from a file or an environment variable.

use super::{Message, SignError, Signer};
use crate::key::{KeyError, PrivateKey, PublicKey, Schemes, SignatureScheme};

/// Signs with a key in memory.
#[derive(Debug)]
pub struct MemorySigner {
    key: PrivateKey,
    public: PublicKey,
    schemes: Schemes,
}

impl MemorySigner {
    /// Signs with this key in its usual schemes.
    pub fn new(key: PrivateKey) -> Self {
        let public = key.public_key();
        let schemes = key.algorithm().schemes();
        Self {
            key,
            public,
            schemes,
        }
    }

    /// Signs with this key in this scheme, which must suit it.
    pub fn with_scheme(key: PrivateKey, scheme: SignatureScheme) -> Result<Self, KeyError> {
        let algorithm = key.algorithm();
        let schemes =
            Schemes::only(scheme, algorithm).ok_or(KeyError::Mismatch { algorithm, scheme })?;
        Ok(Self {
            schemes,
            ..Self::new(key)
        })
    }
}

impl Signer for MemorySigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Schemes {
        self.schemes
    }

    async fn sign_message(&self, message: Message<'_>) -> Result<Vec<u8>, SignError> {
        self.key.sign(message.scheme(self.schemes), &message)
    }
}
