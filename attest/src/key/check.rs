//! Checking a signature with a public key, so that none is handed out that its key did not make:
//! key services and hardware answer over wires and buses, and computations fail.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ML_DSA_44, ML_DSA_65,
    ML_DSA_87, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    VerificationAlgorithm,
};
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::{Signature, VerifyingKey};

use super::{Hash, KeyAlgorithm, PublicKey, SignatureScheme};
use crate::signer::{Message, SignError};

/// How AWS-LC verifies a scheme with a kind of key; `None` for Ed25519, which is verified in its
/// strict mode by ed25519-dalek, and for schemes that do not suit the key.
pub(super) fn verifier(
    scheme: SignatureScheme,
    algorithm: KeyAlgorithm,
) -> Option<&'static dyn VerificationAlgorithm> {
    if !scheme.suits(algorithm) {
        return None;
    }
    Some(match (scheme, algorithm) {
        (SignatureScheme::EcdsaSha256, _) => &ECDSA_P256_SHA256_ASN1,
        (SignatureScheme::EcdsaSha384, _) => &ECDSA_P384_SHA384_ASN1,
        (SignatureScheme::EcdsaSha512, _) => &ECDSA_P521_SHA512_ASN1,
        (SignatureScheme::MlDsa, KeyAlgorithm::MlDsa44) => &ML_DSA_44,
        (SignatureScheme::MlDsa, KeyAlgorithm::MlDsa65) => &ML_DSA_65,
        (SignatureScheme::MlDsa, _) => &ML_DSA_87,
        (SignatureScheme::RsaPkcs1Sha256, _) => &RSA_PKCS1_2048_8192_SHA256,
        (SignatureScheme::RsaPssSha256, _) => &RSA_PSS_2048_8192_SHA256,
        (SignatureScheme::Ed25519 | SignatureScheme::Ed25519ph, _) => return None,
    })
}

impl PublicKey {
    /// Whether this signature over a message was made by this key's private half.
    pub(crate) fn made(
        &self,
        scheme: SignatureScheme,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<bool, SignError> {
        if let SignatureScheme::Ed25519 | SignatureScheme::Ed25519ph = scheme {
            return self.made_ed25519(scheme, message, signature);
        }
        let Some(key) = verifier(scheme, self.algorithm())
            .and_then(|verifier| ParsedPublicKey::new(verifier, self.spki()).ok())
        else {
            return Ok(false);
        };
        Ok(match scheme.hash() {
            Some(hash) => key
                .verify_digest_sig(&imported(hash, &message.digest(hash)?), signature)
                .is_ok(),
            None => key.verify_sig(message.bytes()?, signature).is_ok(),
        })
    }

    fn made_ed25519(
        &self,
        scheme: SignatureScheme,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Result<bool, SignError> {
        let (Ok(key), Ok(signature)) = (
            VerifyingKey::from_public_key_der(self.spki()),
            Signature::from_slice(signature),
        ) else {
            return Ok(false);
        };
        let outcome = if scheme == SignatureScheme::Ed25519ph {
            key.verify_prehashed_strict(message.sha512()?, None, &signature)
        } else {
            key.verify_strict(message.bytes()?, &signature)
        };
        Ok(outcome.is_ok())
    }
}

/// A digest as AWS-LC takes it.
pub(super) fn imported(hash: Hash, digest: &[u8]) -> Digest {
    let algorithm = match hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    Digest::import_less_safe(digest, algorithm)
        .expect("because a message's digest has its hash's length")
}
