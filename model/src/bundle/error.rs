//! Why bytes are no bundle.

use crate::EnvelopeError;
use crate::json::JsonError;

/// Why bytes are no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It is not JSON of the right shape.
    #[error("no Sigstore bundle: {0}")]
    Json(#[from] JsonError),
    /// The media type is none of version 0.1 to 0.3.
    #[error("no Sigstore bundle of version 0.1 to 0.3: media type `{}`", found.escape_debug())]
    MediaType {
        /// What was found, cut short.
        found: String,
    },
    /// A v0.3 bundle carries a chain.
    #[error(
        "a v0.3 bundle carries one certificate, not a chain (/verificationMaterial/x509CertificateChain)"
    )]
    Chain,
    /// A chain is too long.
    #[error("more than {limit} certificates in a chain")]
    ChainLength {
        /// The limit.
        limit: usize,
    },
    /// It does not name exactly one key.
    #[error(
        "the bundle names no key, or two: expected `publicKey` or `certificate` (/verificationMaterial)"
    )]
    Key,
    /// It does not hold exactly one of envelope and message signature.
    #[error("the bundle holds no content, or two: expected `dsseEnvelope` or `messageSignature`")]
    Content,
    /// Its envelope does not have exactly one signature.
    #[error(
        "an envelope in a bundle has exactly one signature, found {found} (/dsseEnvelope/signatures)"
    )]
    Signatures {
        /// The number found.
        found: usize,
    },
    /// A message's digest names no algorithm.
    #[error("the message digest names no algorithm (/messageSignature/messageDigest/algorithm)")]
    MessageDigest,
    /// Something is not base64.
    #[error("the bundle's {what} is not base64")]
    Base64 {
        /// Which part.
        what: &'static str,
    },
    /// The envelope is malformed.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// There are too many log entries.
    #[error("{found} transparency log entries, the limit is {limit}")]
    LogEntries {
        /// The limit.
        limit: usize,
        /// The number found.
        found: usize,
    },
    /// A number is not one, or does not fit.
    #[error("log entry {entry}: {what} is no whole number of 64 bits")]
    Number {
        /// Index of the entry, from 0.
        entry: usize,
        /// Which part.
        what: &'static str,
    },
    /// A checkpoint is too long.
    #[error("a checkpoint of {found} bytes, the limit is {limit}")]
    Checkpoint {
        /// The limit in bytes.
        limit: usize,
        /// The length in bytes.
        found: usize,
    },
    /// A certificate or timestamp is too long.
    #[error("a {what} of {found} bytes, the limit is {limit}")]
    Der {
        /// Which part.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
        /// The length in bytes.
        found: usize,
    },
    /// There are too many timestamps.
    #[error("{found} timestamps, the limit is {limit}")]
    Timestamps {
        /// The limit.
        limit: usize,
        /// The number found.
        found: usize,
    },
}
