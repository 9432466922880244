//! Private keys: PKCS#8, RFC 5958 and RFC 8410, <https://www.rfc-editor.org/rfc/rfc5958>, and
//! SEC 1 as in RFC 5915.
//!
//! Ed25519 secrets are wiped by ed25519-dalek, P-256 secrets by AWS-LC when they are freed, and
//! every serialised secret made here lives in [`Zeroizing`]. Not wiped are the working copies of the
//! PEM reader and the file's bytes, which are the caller's.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use ed25519_dalek::ed25519::pkcs8::KeypairBytes;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, EncodePrivateKey as _, PrivateKeyInfoRef, spki::EncodePublicKey as _,
};
use ed25519_dalek::{Signer as _, SigningKey};
use pem::{EncodeConfig, LineEnding, Pem};
use zeroize::Zeroizing;

use super::{AlgorithmOid, KEY_FILE_BYTES, KeyAlgorithm, KeyError, PublicKey, encrypted};

const PKCS8: &str = "PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";

/// A private key in memory. It prints as its algorithm and key id only.
pub struct PrivateKey {
    secret: Secret,
    public: PublicKey,
}

enum Secret {
    EcdsaP256(EcdsaKeyPair),
    Ed25519(SigningKey),
}

impl PrivateKey {
    /// Makes a new key from the operating system's randomness.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let secret = match algorithm {
            KeyAlgorithm::EcdsaP256 => Secret::EcdsaP256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
                    .map_err(|_| KeyError::Random)?,
            ),
            KeyAlgorithm::Ed25519 => {
                let mut seed = Zeroizing::new([0_u8; 32]);
                getrandom::fill(seed.as_mut_slice()).map_err(|_| KeyError::Random)?;
                Secret::Ed25519(SigningKey::from_bytes(&seed))
            }
        };
        Self::of(secret)
    }

    /// Reads a PEM file with a plain or encrypted private key; the first such block counts.
    ///
    /// The password is only used for an encrypted key. Deriving its key takes up to a second of
    /// computing, so asynchronous callers do this on a blocking thread.
    pub fn from_pem(bytes: &[u8], password: Option<&[u8]>) -> Result<Self, KeyError> {
        let block = private_block(bytes)?;
        let label = block.tag().to_owned();
        let contents = Zeroizing::new(block.into_contents());
        match label.as_str() {
            PKCS8 => Self::from_pkcs8(&contents),
            SEC1 => Self::from_sec1(&contents),
            _ => {
                let password = password.ok_or(KeyError::PasswordNeeded)?;
                let der = encrypted::decrypt(&contents, password)?;
                match Self::from_pkcs8(&der) {
                    // cosign refuses these as well, so a key that works here works there.
                    Err(KeyError::Der { .. }) if Self::from_sec1(&der).is_ok() => {
                        Err(KeyError::EncryptedSec1)
                    }
                    outcome => outcome,
                }
            }
        }
    }

    /// Reads a PKCS#8 structure in DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let malformed = |_| KeyError::Der { format: "PKCS#8" };
        let info =
            PrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::Der { format: "PKCS#8" })?;
        let algorithm = AlgorithmOid {
            algorithm: info.algorithm.oid,
            curve: info.algorithm.parameters_oid().ok(),
        };
        let secret = match algorithm.supported()? {
            KeyAlgorithm::EcdsaP256 => Secret::EcdsaP256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
                    .map_err(|_| KeyError::Der { format: "PKCS#8" })?,
            ),
            KeyAlgorithm::Ed25519 => {
                Secret::Ed25519(SigningKey::from_pkcs8_der(der).map_err(malformed)?)
            }
        };
        Self::of(secret)
    }

    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map_err(|_| KeyError::Der {
                format: "SEC 1 P-256",
            })?;
        Self::of(Secret::EcdsaP256(pair))
    }

    fn of(secret: Secret) -> Result<Self, KeyError> {
        let spki = match &secret {
            Secret::EcdsaP256(pair) => pair
                .public_key()
                .as_der()
                .ok()
                .map(|der| der.as_ref().to_vec()),
            Secret::Ed25519(key) => key
                .verifying_key()
                .to_public_key_der()
                .ok()
                .map(|der| der.as_bytes().to_vec()),
        };
        let spki = spki.ok_or(KeyError::Der {
            format: "public key",
        })?;
        Ok(Self {
            secret,
            public: PublicKey::from_spki(spki)?,
        })
    }

    /// The kind of key.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.public.algorithm()
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    /// The PKCS#8 structure in DER, version 1, which every OpenSSL reads.
    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        match &self.secret {
            Secret::EcdsaP256(pair) => Zeroizing::new(
                pair.to_pkcs8v1()
                    .expect("because the pair was made or read whole")
                    .as_ref()
                    .to_vec(),
            ),
            Secret::Ed25519(key) => {
                let bytes = KeypairBytes {
                    secret_key: key.to_bytes(),
                    public_key: None,
                };
                let document = bytes
                    .to_pkcs8_der()
                    .expect("because 32 bytes always serialise");
                Zeroizing::new(document.as_bytes().to_vec())
            }
        }
    }

    /// Writes an unencrypted `PRIVATE KEY` PEM file.
    pub fn to_pem(&self) -> Zeroizing<String> {
        to_pem(PKCS8, std::mem::take(&mut *self.to_pkcs8()))
    }

    /// Writes an `ENCRYPTED SIGSTORE PRIVATE KEY` PEM file, as cosign does. An empty password is
    /// allowed, as it is there. Takes about half a second of computing.
    pub fn to_encrypted_pem(&self, password: &[u8]) -> Result<String, KeyError> {
        let container = encrypted::encrypt(&self.to_pkcs8(), password)?;
        Ok(to_pem(encrypted::LABEL, container).to_string())
    }

    /// Signs a message by the key's scheme. Only [`crate::signer`] may decide what is a message.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.secret {
            Secret::EcdsaP256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .ok()
                .map(|signature| signature.as_ref().to_vec()),
            Secret::Ed25519(key) => Some(key.sign(message).to_vec()),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PrivateKey({}, {})",
            self.algorithm(),
            self.public.key_id()
        )
    }
}

/// The first private key in a PEM file. Other blocks, such as the `EC PARAMETERS` that
/// `openssl ecparam` writes before a key, are skipped.
fn private_block(bytes: &[u8]) -> Result<Pem, KeyError> {
    if bytes.len() > KEY_FILE_BYTES {
        return Err(KeyError::Size { found: bytes.len() });
    }
    let blocks = pem::parse_many(bytes).map_err(|_| KeyError::Pem { expected: PKCS8 })?;
    let other = blocks.first().map(|block| block.tag().to_owned());
    let known =
        |block: &Pem| [PKCS8, SEC1, encrypted::LABEL, encrypted::OLD_LABEL].contains(&block.tag());
    match (blocks.into_iter().find(known), other) {
        (Some(block), _) => Ok(block),
        (None, Some(found)) => Err(KeyError::Label {
            expected: "`PRIVATE KEY`, `EC PRIVATE KEY` or `ENCRYPTED SIGSTORE PRIVATE KEY`",
            found: found.chars().take(64).collect(),
        }),
        (None, None) => Err(KeyError::Pem { expected: PKCS8 }),
    }
}

/// Writes one PEM block; its contents are wiped afterwards.
pub(super) fn to_pem(label: &str, contents: Vec<u8>) -> Zeroizing<String> {
    let block = Pem::new(label, contents);
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    let text = Zeroizing::new(pem::encode_config(&block, config));
    drop(Zeroizing::new(block.into_contents()));
    text
}
