//! Keys: ECDSA, Ed25519, RSA and ML-DSA, in the files people already have.
//!
//! | file | PEM label | specification |
//! |---|---|---|
//! | private key | `PRIVATE KEY` | PKCS#8, RFC 5958, RFC 8410, RFC 9881 |
//! | private key, ECDSA only | `EC PRIVATE KEY` | SEC 1, RFC 5915 |
//! | private key, RSA only | `RSA PRIVATE KEY` | PKCS#1, RFC 8017 appendix A.1.2 |
//! | encrypted private key | `ENCRYPTED SIGSTORE PRIVATE KEY` (written), `ENCRYPTED COSIGN PRIVATE KEY` (read) | cosign v3, [`encrypted`] |
//! | public key | `PUBLIC KEY` | SubjectPublicKeyInfo, RFC 5280 |
//!
//! Nothing here reads a file or an environment variable: callers bring the bytes.

mod algorithm;
mod check;
pub mod encrypted;
mod location;
mod private;
mod public;
mod scheme;
mod sign;

use bulla_model::JsonError;

pub use algorithm::{AlgorithmOid, KeyAlgorithm};
pub(crate) use location::is_region;
pub use location::{
    AwsKey, AzureKey, GcpKey, KeyLocation, KeyLocationError, KubernetesSecret, Pkcs11Key,
    PluginKey, SCHEMES, Scheme, VaultKey,
};
pub use private::PrivateKey;
pub use public::PublicKey;
pub use scheme::{Hash, Schemes, SignatureScheme};

/// Bytes of the largest key file that is read. A 16384-bit RSA key in PEM stays below it.
pub const KEY_FILE_BYTES: usize = 64 << 10;

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
    #[error(
        "{found} keys are not supported, expected ECDSA (P-256, P-384, P-521), Ed25519, RSA or ML-DSA"
    )]
    Algorithm {
        /// What the file says it is.
        found: AlgorithmOid,
    },
    /// An RSA key of another size than Sigstore's formats know.
    #[error("RSA keys of {found} bits are not supported, expected 2048, 3072 or 4096")]
    Modulus {
        /// Length of the modulus in bits.
        found: usize,
    },
    /// The scheme is for other keys.
    #[error("{algorithm} keys do not sign with {scheme}")]
    Mismatch {
        /// The key's kind.
        algorithm: KeyAlgorithm,
        /// The scheme asked for.
        scheme: SignatureScheme,
    },
    /// An ML-DSA key without its seed, which is what is written to files.
    #[error("the ML-DSA key file holds no seed, so the key cannot be written again")]
    NoSeed,
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
