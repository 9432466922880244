//! Signing with a key in memory.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use ed25519_dalek::Signer as _;

use super::check::imported;
use super::private::Secret;
use super::{Hash, PrivateKey, SignatureScheme};
use crate::signer::{Message, SignError};

impl PrivateKey {
    /// Signs a message. Only [`crate::signer`] may decide what is a message.
    pub(crate) fn sign(
        &self,
        scheme: SignatureScheme,
        message: &Message<'_>,
    ) -> Result<Vec<u8>, SignError> {
        if !scheme.suits(self.algorithm()) {
            return Err(SignError::Key);
        }
        let made = match (self.secret(), scheme.hash()) {
            (Secret::Ecdsa(pair), Some(hash)) => pair
                .sign_digest(&imported(hash, &message.digest(hash)?))
                .ok()
                .map(|signature| signature.as_ref().to_vec()),
            (Secret::Rsa(pair), Some(hash)) => rsa_signature(pair, scheme, hash, message)?,
            (Secret::Ed25519(key), Some(_)) => key
                .sign_prehashed(message.sha512()?, None)
                .ok()
                .map(|signature| signature.to_vec()),
            (Secret::Ed25519(key), None) => Some(key.sign(message.bytes()?).to_vec()),
            (Secret::MlDsa(pair), None) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let made = pair.sign(message.bytes()?, &mut signature);
                made.is_ok().then_some(signature)
            }
            _ => None,
        };
        made.ok_or(SignError::Key)
    }
}

fn rsa_signature(
    pair: &rsa::KeyPair,
    scheme: SignatureScheme,
    hash: Hash,
    message: &Message<'_>,
) -> Result<Option<Vec<u8>>, SignError> {
    let encoding = match scheme {
        SignatureScheme::RsaPssSha256 => &RSA_PSS_SHA256,
        _ => &RSA_PKCS1_SHA256,
    };
    let digest = imported(hash, &message.digest(hash)?);
    let mut signature = vec![0; pair.public_modulus_len()];
    let made = pair.sign_digest(encoding, &digest, &mut signature);
    Ok(made.is_ok().then_some(signature))
}
