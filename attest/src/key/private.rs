//! Private keys: PKCS#8, RFC 5958 and RFC 8410, <https://www.rfc-editor.org/rfc/rfc5958>, and
//! SEC 1 as in RFC 5915, and PKCS#1 as in RFC 8017.
//!
//! Ed25519 secrets are wiped by ed25519-dalek, all others by AWS-LC when they are freed, and
//! every serialised secret made here lives in [`Zeroizing`]. Not wiped are the working copies of the
//! PEM reader and the file's bytes, which are the caller's.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING,
    ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
};
use ed25519_dalek::SigningKey;
use ed25519_dalek::ed25519::pkcs8::KeypairBytes;
use ed25519_dalek::pkcs8::spki::der::asn1::UintRef;
use ed25519_dalek::pkcs8::spki::der::{self, Decode as _, Reader as _, SliceReader};
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, EncodePrivateKey as _, PrivateKeyInfoRef, spki::EncodePublicKey as _,
};
use pem::{EncodeConfig, LineEnding, Pem};
use zeroize::Zeroizing;

use super::algorithm::Family;
use super::public;
use super::{AlgorithmOid, KEY_FILE_BYTES, KeyAlgorithm, KeyError, PublicKey, encrypted};

const PKCS8: &str = "PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";

/// A private key in memory. It prints as its algorithm and key id only.
pub struct PrivateKey {
    secret: Secret,
    public: PublicKey,
}

pub(super) enum Secret {
    Ecdsa(EcdsaKeyPair),
    Ed25519(SigningKey),
    MlDsa(Box<PqdsaKeyPair>),
    Rsa(rsa::KeyPair),
}

/// What making and reading a kind of key takes.
enum Maker {
    Ecdsa(&'static EcdsaSigningAlgorithm),
    Ed25519,
    MlDsa(&'static PqdsaSigningAlgorithm),
    Rsa(KeySize),
}

impl Maker {
    fn of(algorithm: KeyAlgorithm) -> Self {
        match algorithm {
            KeyAlgorithm::EcdsaP256 => Self::Ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyAlgorithm::EcdsaP384 => Self::Ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyAlgorithm::EcdsaP521 => Self::Ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyAlgorithm::Ed25519 => Self::Ed25519,
            KeyAlgorithm::MlDsa44 => Self::MlDsa(&ML_DSA_44_SIGNING),
            KeyAlgorithm::MlDsa65 => Self::MlDsa(&ML_DSA_65_SIGNING),
            KeyAlgorithm::MlDsa87 => Self::MlDsa(&ML_DSA_87_SIGNING),
            KeyAlgorithm::Rsa2048 => Self::Rsa(KeySize::Rsa2048),
            KeyAlgorithm::Rsa3072 => Self::Rsa(KeySize::Rsa3072),
            KeyAlgorithm::Rsa4096 => Self::Rsa(KeySize::Rsa4096),
        }
    }
}

impl PrivateKey {
    /// Makes a new key from the operating system's randomness. RSA keys take up to some seconds of
    /// computing, so asynchronous callers do this on a blocking thread.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Random;
        let secret = match Maker::of(algorithm) {
            Maker::Ecdsa(curve) => Secret::Ecdsa(EcdsaKeyPair::generate(curve).map_err(failed)?),
            Maker::Ed25519 => {
                let mut seed = Zeroizing::new([0_u8; 32]);
                getrandom::fill(seed.as_mut_slice()).map_err(|_| KeyError::Random)?;
                Secret::Ed25519(SigningKey::from_bytes(&seed))
            }
            Maker::MlDsa(parameters) => Secret::MlDsa(Box::new(
                PqdsaKeyPair::generate(parameters).map_err(failed)?,
            )),
            Maker::Rsa(size) => Secret::Rsa(rsa::KeyPair::generate(size).map_err(failed)?),
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
            PKCS1 => Self::from_pkcs1(&contents),
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
        let malformed = || KeyError::Der { format: "PKCS#8" };
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| malformed())?;
        let family = AlgorithmOid {
            algorithm: info.algorithm.oid,
            curve: info.algorithm.parameters_oid().ok(),
        }
        .supported()?;
        let maker = match family {
            Family::Rsa => {
                // AWS-LC refuses short keys too, but does not say why.
                modulus_of(info.private_key.as_bytes())
                    .map_or(Ok(()), |bits| KeyAlgorithm::of_modulus(bits).map(|_| ()))?;
                let pair = rsa::KeyPair::from_pkcs8(der).map_err(|_| malformed())?;
                return Self::of(Secret::Rsa(pair));
            }
            Family::Exactly(algorithm) => Maker::of(algorithm),
        };
        let secret = match maker {
            Maker::Ecdsa(curve) => {
                EcdsaKeyPair::from_pkcs8(curve, der).map_or(None, |pair| Some(Secret::Ecdsa(pair)))
            }
            Maker::Ed25519 => {
                SigningKey::from_pkcs8_der(der).map_or(None, |key| Some(Secret::Ed25519(key)))
            }
            Maker::MlDsa(parameters) => {
                let pair = PqdsaKeyPair::from_pkcs8(parameters, der).map_err(|_| malformed())?;
                // AWS-LC writes seeds only.
                pair.to_pkcs8v1().map_err(|_| KeyError::NoSeed)?;
                Some(Secret::MlDsa(Box::new(pair)))
            }
            Maker::Rsa(_) => None,
        };
        Self::of(secret.ok_or_else(malformed)?)
    }

    /// The curve stands in the structure, but only some writers put it there; the key's length
    /// tells it as well.
    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let pair = [
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &ECDSA_P384_SHA384_ASN1_SIGNING,
            &ECDSA_P521_SHA512_ASN1_SIGNING,
        ]
        .into_iter()
        .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())
        .ok_or(KeyError::Der {
            format: "SEC 1 P-256, P-384 or P-521",
        })?;
        Self::of(Secret::Ecdsa(pair))
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let malformed = || KeyError::Der { format: "PKCS#1" };
        KeyAlgorithm::of_modulus(modulus_of(der).ok_or_else(malformed)?)?;
        let pair = rsa::KeyPair::from_der(der).map_err(|_| malformed())?;
        Self::of(Secret::Rsa(pair))
    }

    fn of(secret: Secret) -> Result<Self, KeyError> {
        let unreadable = |_| KeyError::Der {
            format: "SubjectPublicKeyInfo",
        };
        let spki = match &secret {
            Secret::Ecdsa(pair) => pair
                .public_key()
                .as_der()
                .map_err(unreadable)?
                .as_ref()
                .to_vec(),
            Secret::Ed25519(key) => key
                .verifying_key()
                .to_public_key_der()
                .expect("because 32 bytes always serialise")
                .into_vec(),
            Secret::MlDsa(pair) => pair
                .public_key()
                .as_der()
                .map_err(unreadable)?
                .as_ref()
                .to_vec(),
            Secret::Rsa(pair) => pair
                .public_key()
                .as_der()
                .map_err(unreadable)?
                .as_ref()
                .to_vec(),
        };
        let public = PublicKey::from_spki(spki)?;
        Ok(Self { secret, public })
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
        let whole = "because the pair was made or read whole";
        let bytes = match &self.secret {
            Secret::Ecdsa(pair) => pair.to_pkcs8v1().expect(whole).as_ref().to_vec(),
            Secret::Ed25519(key) => {
                let bytes = KeypairBytes {
                    secret_key: key.to_bytes(),
                    public_key: None,
                };
                let document = bytes
                    .to_pkcs8_der()
                    .expect("because 32 bytes always serialise");
                document.as_bytes().to_vec()
            }
            Secret::MlDsa(pair) => pair
                .to_pkcs8v1()
                .expect("because keys without a seed are not read")
                .as_ref()
                .to_vec(),
            Secret::Rsa(pair) => {
                let der: Pkcs8V1Der<'static> = pair.as_der().expect(whole);
                der.as_ref().to_vec()
            }
        };
        Zeroizing::new(bytes)
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

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
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

/// The modulus' length in bits, of an `RSAPrivateKey`, RFC 8017 appendix A.1.2.
fn modulus_of(der: &[u8]) -> Option<usize> {
    let mut modulus = None;
    SliceReader::new(der)
        .ok()?
        .sequence(|fields| {
            UintRef::decode(fields)?;
            modulus = Some(UintRef::decode(fields)?);
            while !fields.is_finished() {
                UintRef::decode(fields)?;
            }
            Ok::<_, der::Error>(())
        })
        .ok()?;
    Some(public::bits(modulus?.as_bytes()))
}

/// The first private key in a PEM file. Other blocks, such as the `EC PARAMETERS` that
/// `openssl ecparam` writes before a key, are skipped.
fn private_block(bytes: &[u8]) -> Result<Pem, KeyError> {
    if bytes.len() > KEY_FILE_BYTES {
        return Err(KeyError::Size { found: bytes.len() });
    }
    let blocks = pem::parse_many(bytes).map_err(|_| KeyError::Pem { expected: PKCS8 })?;
    let other = blocks.first().map(|block| block.tag().to_owned());
    let known = |block: &Pem| {
        [PKCS8, SEC1, PKCS1, encrypted::LABEL, encrypted::OLD_LABEL].contains(&block.tag())
    };
    match (blocks.into_iter().find(known), other) {
        (Some(block), _) => Ok(block),
        (None, Some(found)) => Err(KeyError::Label {
            expected: "`PRIVATE KEY`, `EC PRIVATE KEY`, `RSA PRIVATE KEY` or `ENCRYPTED SIGSTORE PRIVATE KEY`",
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
