//! Sealers: from what was typed to something that signs statements and can tell who it signs as.

use bulla_attest::{AnySigner, Signer as _};
use bulla_model::Identity;

use super::key;
use crate::Failure;
use crate::args::signing::SigningArguments;
use crate::commands::Context;

/// A signer with everything that belongs to its signatures.
#[derive(Debug)]
pub struct Sealer {
    signer: AnySigner,
}

impl Sealer {
    /// Opens what the arguments and settings name.
    pub async fn open(context: &Context, arguments: &SigningArguments) -> Result<Self, Failure> {
        let key = &arguments.key;
        let signer = key::signer(context, key.key.as_deref(), key.password.password_stdin).await?;
        Ok(signer.into())
    }

    /// Whom its signatures will be verified as.
    pub fn identity(&self) -> Identity {
        Identity::Key {
            key_id: self.signer.public_key().key_id(),
        }
    }

    /// What makes the signatures.
    pub fn signer(&self) -> &AnySigner {
        &self.signer
    }
}

impl From<AnySigner> for Sealer {
    fn from(signer: AnySigner) -> Self {
        Self { signer }
    }
}
