//! Keys: Ed25519 and ECDSA P-256, in the files people already have.
//!
//! | file | PEM label | specification |
//! |---|---|---|
//! | private key | `PRIVATE KEY` | PKCS#8, RFC 5958 and RFC 8410 |
//! | private key, P-256 only | `EC PRIVATE KEY` | SEC 1, RFC 5915 |
//! | encrypted private key | `ENCRYPTED SIGSTORE PRIVATE KEY` (written), `ENCRYPTED COSIGN PRIVATE KEY` (read) | cosign v3, [`encrypted`] |
//! | public key | `PUBLIC KEY` | SubjectPublicKeyInfo, RFC 5280 |
//!
//! Nothing here reads a file or an environment variable: callers bring the bytes.

pub mod encrypted;
mod location;
mod private;
mod public;

use std::fmt;

use bulla_model::JsonError;
use ed25519_dalek::pkcs8::ObjectIdentifier;

pub use location::{KeyLocation, KeyLocationError, SCHEMES, Scheme};
pub use private::PrivateKey;
pub use public::PublicKey;

/// Bytes of the largest key file that is read. A 16384-bit RSA key in PEM stays below it.
pub const KEY_FILE_BYTES: usize = 64 << 10;

/// A kind of key with the one signature scheme it is used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256; signatures are ASN.1 DER.
    EcdsaP256,
    /// Ed25519 over the message itself (not the pre-hashed variant).
    Ed25519,
}

impl KeyAlgorithm {
    /// The name on the command line and in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key's algorithm as its file names it: the algorithm and, for elliptic curves, the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgorithmOid {
    algorithm: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
}

impl AlgorithmOid {
    fn supported(self) -> Result<KeyAlgorithm, KeyError> {
        match (
            self.algorithm.to_string().as_str(),
            self.curve.map(|oid| oid.to_string()).as_deref(),
        ) {
            ("1.3.101.112", None) => Ok(KeyAlgorithm::Ed25519),
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => Ok(KeyAlgorithm::EcdsaP256),
            _ => Err(KeyError::Algorithm { found: self }),
        }
    }
}

impl fmt::Display for AlgorithmOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |oid: &ObjectIdentifier| {
            OID_NAMES
                .iter()
                .find(|(text, _)| *text == oid.to_string())
                .map(|(_, name)| *name)
        };
        let oid = self.curve.as_ref().unwrap_or(&self.algorithm);
        match name(oid) {
            Some(name) => f.write_str(name),
            None => write!(f, "object identifier {oid}"),
        }
    }
}

/// Names for the keys people are most likely to try.
const OID_NAMES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.10045.3.1.7", "ECDSA P-256"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.0.10", "ECDSA secp256k1"),
    ("1.3.132.0.34", "ECDSA P-384"),
    ("1.3.132.0.35", "ECDSA P-521"),
];

/// Why bytes are no key that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file is too large to be a key.
    #[error("{found} bytes, a key file has at most {KEY_FILE_BYTES}")]
    Size {
        /// Length of the file in bytes.
        found: usize,
    },
    /// There is no whole PEM block.
    #[error("no PEM block: expected `-----BEGIN {expected}-----` to `-----END {expected}-----`")]
    Pem {
        /// The label that was expected first.
        expected: &'static str,
    },
    /// The PEM block is something else.
    #[error("the PEM block is `{}`, expected {expected}", found.escape_debug())]
    Label {
        /// The labels that are read.
        expected: &'static str,
        /// The label found, cut short.
        found: String,
    },
    /// The DER inside is malformed.
    #[error("the key is not a well-formed {format} structure")]
    Der {
        /// The structure that was expected.
        format: &'static str,
    },
    /// The key is of a kind Bulla does not sign with.
    #[error("{found} keys are not supported, expected ECDSA P-256 or Ed25519")]
    Algorithm {
        /// What the file says it is.
        found: AlgorithmOid,
    },
    /// The file is encrypted and no password was given.
    #[error("the key is encrypted: a password is needed")]
    PasswordNeeded,
    /// The password is wrong, or the encrypted bytes were changed: the two cannot be told apart.
    #[error("wrong password, or the encrypted key was changed")]
    Password,
    /// The JSON around the encrypted key is malformed.
    #[error("malformed encrypted key: {0}")]
    Container(#[from] JsonError),
    /// A part of the encrypted key is not base64 of the right length.
    #[error("malformed encrypted key: {part} is not base64 of {expected}")]
    Part {
        /// Which part.
        part: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// Another key derivation or cipher than cosign's.
    #[error("unsupported {what} `{}`, expected `{expected}`", found.escape_debug())]
    Scheme {
        /// Which of the two.
        what: &'static str,
        /// The name that is supported.
        expected: &'static str,
        /// The name found, cut short.
        found: String,
    },
    /// The key derivation asks for other work than cosign ever wrote.
    #[error(
        "unsupported scrypt parameters N={n}, r={r}, p={p}, expected N=32768, 65536 or 131072, r=8, p=1"
    )]
    Parameters {
        /// Cost.
        n: u64,
        /// Block size.
        r: u64,
        /// Parallelism.
        p: u64,
    },
    /// The encrypted bytes are a SEC 1 key, which cosign refuses too.
    #[error("the decrypted key is SEC 1, expected PKCS#8: convert it with `openssl pkcs8 -topk8`")]
    EncryptedSec1,
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
}
