//! Signature schemes: what exactly a key of a kind does with a message.
//!
//! The names follow `PublicKeyDetails` of the Sigstore protobuf specifications v0.5.0,
//! <https://github.com/sigstore/protobuf-specs/blob/v0.5.0/protos/sigstore_common.proto>.

use std::fmt;

use super::KeyAlgorithm;

/// A signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureScheme {
    /// ECDSA with SHA-256; signatures are ASN.1 DER.
    EcdsaSha256,
    /// ECDSA with SHA-384; signatures are ASN.1 DER.
    EcdsaSha384,
    /// ECDSA with SHA-512; signatures are ASN.1 DER.
    EcdsaSha512,
    /// Ed25519 over the message itself.
    Ed25519,
    /// Ed25519ph, RFC 8032 section 5.1: over the message's SHA-512, with an empty context.
    Ed25519ph,
    /// ML-DSA over the message itself, with an empty context.
    MlDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
    RsaPssSha256,
}

impl SignatureScheme {
    /// Every scheme, sorted by name.
    pub const ALL: [Self; 8] = [
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Ed25519,
        Self::Ed25519ph,
        Self::MlDsa,
        Self::RsaPkcs1Sha256,
        Self::RsaPssSha256,
    ];

    /// The name on the command line and in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaSha256 => "ecdsa-sha256",
            Self::EcdsaSha384 => "ecdsa-sha384",
            Self::EcdsaSha512 => "ecdsa-sha512",
            Self::Ed25519 => "ed25519",
            Self::Ed25519ph => "ed25519ph",
            Self::MlDsa => "ml-dsa",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPssSha256 => "rsa-pss-sha256",
        }
    }

    /// The hash that is signed instead of the message; `None` where the message itself is needed.
    pub fn hash(self) -> Option<Hash> {
        match self {
            Self::EcdsaSha256 | Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => Some(Hash::Sha256),
            Self::EcdsaSha384 => Some(Hash::Sha384),
            Self::EcdsaSha512 | Self::Ed25519ph => Some(Hash::Sha512),
            Self::Ed25519 | Self::MlDsa => None,
        }
    }

    /// Whether keys of this kind sign with it.
    pub fn suits(self, algorithm: KeyAlgorithm) -> bool {
        use KeyAlgorithm as Kind;
        match self {
            Self::EcdsaSha256 => algorithm == Kind::EcdsaP256,
            Self::EcdsaSha384 => algorithm == Kind::EcdsaP384,
            Self::EcdsaSha512 => algorithm == Kind::EcdsaP521,
            Self::Ed25519 | Self::Ed25519ph => algorithm == Kind::Ed25519,
            Self::MlDsa => matches!(algorithm, Kind::MlDsa44 | Kind::MlDsa65 | Kind::MlDsa87),
            Self::RsaPkcs1Sha256 | Self::RsaPssSha256 => {
                matches!(algorithm, Kind::Rsa2048 | Kind::Rsa3072 | Kind::Rsa4096)
            }
        }
    }
}

impl fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A hash that is signed in place of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The schemes one key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schemes {
    /// Over envelopes' encodings.
    pub envelope: SignatureScheme,
    /// Over artifacts.
    pub blob: SignatureScheme,
}

impl Schemes {
    /// One scheme for both, where a key of this kind can use it so.
    ///
    /// Envelopes are never signed with Ed25519ph: their readers expect Ed25519 over the encoding.
    pub fn only(scheme: SignatureScheme, algorithm: KeyAlgorithm) -> Option<Self> {
        let envelope = match scheme {
            SignatureScheme::Ed25519ph => SignatureScheme::Ed25519,
            other => other,
        };
        scheme.suits(algorithm).then_some(Self {
            envelope,
            blob: scheme,
        })
    }
}
