//! What is recorded: a signature, what it is over, and what it is verified with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Digest, Envelope};

use super::CertificateChain;
use crate::http::ServiceError;
use crate::key::{Hash, KeyAlgorithm, PublicKey};

/// What a signature is over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignedContent<'a> {
    /// An envelope with one signature.
    Envelope(&'a Envelope),
    /// An artifact with this SHA-256 digest.
    Blob(&'a Digest),
}

/// A signature to be recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recordable<'a> {
    pub(crate) content: SignedContent<'a>,
    pub(crate) signature: &'a [u8],
    pub(crate) key: &'a PublicKey,
    pub(crate) certificate: Option<&'a CertificateChain>,
}

impl Recordable<'_> {
    /// The certificate or key a log checks the signature with, PEM.
    pub(crate) fn verifier_pem(&self) -> String {
        match self.certificate {
            Some(chain) => chain.leaf_pem(),
            None => self.key.to_pem(),
        }
    }

    /// The SHA-256 digest that was signed, where the key's scheme signs that: of the artifact or
    /// of the envelope's encoding.
    pub(crate) fn signed_digest(&self) -> Result<Digest, ServiceError> {
        if self.key.algorithm().schemes().envelope.hash() != Some(Hash::Sha256) {
            return Err(ServiceError::Unsupported {
                what: format!(
                    "a log of digests cannot record a signature by an {} key, which signs no SHA-256 digest",
                    self.key.algorithm()
                ),
            });
        }
        Ok(match self.content {
            SignedContent::Envelope(envelope) => Digest::sha256(envelope.pae().as_bytes()),
            SignedContent::Blob(digest) => digest.clone(),
        })
    }

    /// The key's details as Rekor v2 names them, `PublicKeyDetails` of the protobuf
    /// specifications v0.5.0.
    pub(crate) fn key_details(&self) -> &'static str {
        match self.key.algorithm() {
            KeyAlgorithm::EcdsaP256 => "PKIX_ECDSA_P256_SHA_256",
            KeyAlgorithm::EcdsaP384 => "PKIX_ECDSA_P384_SHA_384",
            KeyAlgorithm::EcdsaP521 => "PKIX_ECDSA_P521_SHA_512",
            KeyAlgorithm::Ed25519 => "PKIX_ED25519",
            KeyAlgorithm::MlDsa44 => "ML_DSA_44",
            KeyAlgorithm::MlDsa65 => "ML_DSA_65",
            KeyAlgorithm::MlDsa87 => "ML_DSA_87",
            KeyAlgorithm::Rsa2048 => "PKIX_RSA_PKCS1V15_2048_SHA256",
            KeyAlgorithm::Rsa3072 => "PKIX_RSA_PKCS1V15_3072_SHA256",
            KeyAlgorithm::Rsa4096 => "PKIX_RSA_PKCS1V15_4096_SHA256",
        }
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A digest's bytes.
pub(crate) fn raw(digest: &Digest) -> Vec<u8> {
    hex_bytes(digest.hex()).expect("because a digest is hexadecimal")
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}
