//! Why bytes are no signature of the Notary Project.

use crate::JsonError;

/// Why an envelope was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotationError {
    /// It is of neither form.
    #[error("no signature envelope of media type `{}`: expected {} or {}", found.escape_debug(), super::JWS, super::COSE)]
    MediaType {
        /// The media type found, cut short.
        found: String,
    },
    /// It is too long.
    #[error("{found} bytes of signature envelope, the limit is {limit}")]
    Size {
        /// The limit in bytes.
        limit: u64,
        /// The length in bytes.
        found: u64,
    },
    /// It is not JSON of the right shape.
    #[error("no JWS envelope: {0}")]
    Json(#[from] JsonError),
    /// A member is not base64 of the alphabet its specification wants.
    #[error("`{name}` is not base64")]
    Base64 {
        /// The member.
        name: &'static str,
    },
    /// It is not `COSE_Sign1`, tagged.
    #[error("no COSE envelope: {}", reason.escape_debug())]
    Cbor {
        /// What is wrong, cut short.
        reason: String,
    },
    /// Something that must be there is not, or has another type.
    #[error("`{name}` is missing or not of its type")]
    Missing {
        /// The header or member.
        name: &'static str,
    },
    /// The chain is empty or too long.
    #[error("a {what} of {found} bytes, the limit is {limit}")]
    Der {
        /// Which part.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
        /// The length in bytes.
        found: usize,
    },
    /// There are too many certificates, or none.
    #[error("{found} certificates beside the signature, expected 1 to {limit}")]
    Chain {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The algorithm is none of the specification's six.
    #[error("signature algorithm {}: expected PS256, PS384, PS512, ES256, ES384 or ES512", found.escape_debug())]
    Algorithm {
        /// The algorithm found, cut short.
        found: String,
    },
    /// What is signed is of another type.
    #[error("signed content of type `{}`, expected {}", found.escape_debug(), super::PAYLOAD)]
    ContentType {
        /// The type found, cut short.
        found: String,
    },
    /// The signing scheme is none of the two.
    #[error("signing scheme `{}`: expected notary.x509 or notary.x509.signingAuthority", found.escape_debug())]
    Scheme {
        /// The scheme found, cut short.
        found: String,
    },
    /// A header does not go with the signing scheme.
    #[error("`{name}` has no place in a signature of scheme {scheme}")]
    Misplaced {
        /// The header.
        name: &'static str,
        /// The scheme.
        scheme: &'static str,
    },
    /// A header that verifiers must understand is not marked so.
    #[error("`{name}` is not listed in `crit`")]
    NotCritical {
        /// The header.
        name: &'static str,
    },
    /// A header is marked as one that must be understood, and is not known, or not there.
    #[error("`{}` must be understood (`crit`), and {reason}", name.escape_debug())]
    Critical {
        /// The header, cut short.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It expires before it was made.
    #[error("the signature expires no later than it was made")]
    Expiry,
    /// Its manifest is not one of a signature.
    #[error("no manifest of a Notary Project signature: {reason}")]
    Manifest {
        /// What is wrong.
        reason: &'static str,
    },
}
