//! Kinds of key, and how key files name them.

use std::fmt;

use ed25519_dalek::pkcs8::ObjectIdentifier;

use super::{KeyError, Schemes, SignatureScheme};

/// A kind of key, with its curve, size or parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// Ed25519, RFC 8032.
    Ed25519,
    /// ML-DSA-44, FIPS 204.
    MlDsa44,
    /// ML-DSA-65, FIPS 204.
    MlDsa65,
    /// ML-DSA-87, FIPS 204.
    MlDsa87,
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
}

impl KeyAlgorithm {
    /// Every kind, sorted by name.
    pub const ALL: [Self; 10] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// The name on the command line and in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }

    /// The schemes a key of this kind signs with unless another is asked for: what cosign v3 uses.
    pub fn schemes(self) -> Schemes {
        let both = |scheme| Schemes {
            envelope: scheme,
            blob: scheme,
        };
        match self {
            Self::EcdsaP256 => both(SignatureScheme::EcdsaSha256),
            Self::EcdsaP384 => both(SignatureScheme::EcdsaSha384),
            Self::EcdsaP521 => both(SignatureScheme::EcdsaSha512),
            Self::Ed25519 => Schemes {
                envelope: SignatureScheme::Ed25519,
                blob: SignatureScheme::Ed25519ph,
            },
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => both(SignatureScheme::MlDsa),
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => both(SignatureScheme::RsaPkcs1Sha256),
        }
    }

    pub(super) fn of_modulus(bits: usize) -> Result<Self, KeyError> {
        match bits {
            2048 => Ok(Self::Rsa2048),
            3072 => Ok(Self::Rsa3072),
            4096 => Ok(Self::Rsa4096),
            found => Err(KeyError::Modulus { found }),
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A family of keys, as far as an object identifier tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// The kind is known.
    Exactly(KeyAlgorithm),
    /// RSA: the modulus tells the kind.
    Rsa,
}

/// A key's algorithm as its file names it: the algorithm and, for elliptic curves, the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgorithmOid {
    pub(super) algorithm: ObjectIdentifier,
    pub(super) curve: Option<ObjectIdentifier>,
}

impl AlgorithmOid {
    pub(super) fn supported(self) -> Result<Family, KeyError> {
        use KeyAlgorithm as Kind;
        let algorithm = self.algorithm.to_string();
        let curve = self.curve.map(|oid| oid.to_string());
        let kind = match (algorithm.as_str(), curve.as_deref()) {
            ("1.2.840.113549.1.1.1", None) => return Ok(Family::Rsa),
            ("1.3.101.112", None) => Kind::Ed25519,
            (ELLIPTIC, Some("1.2.840.10045.3.1.7")) => Kind::EcdsaP256,
            (ELLIPTIC, Some("1.3.132.0.34")) => Kind::EcdsaP384,
            (ELLIPTIC, Some("1.3.132.0.35")) => Kind::EcdsaP521,
            ("2.16.840.1.101.3.4.3.17", None) => Kind::MlDsa44,
            ("2.16.840.1.101.3.4.3.18", None) => Kind::MlDsa65,
            ("2.16.840.1.101.3.4.3.19", None) => Kind::MlDsa87,
            _ => return Err(KeyError::Algorithm { found: self }),
        };
        Ok(Family::Exactly(kind))
    }
}

const ELLIPTIC: &str = "1.2.840.10045.2.1";

impl fmt::Display for AlgorithmOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let oid = self.curve.as_ref().unwrap_or(&self.algorithm);
        let text = oid.to_string();
        match OID_NAMES.iter().find(|(known, _)| *known == text) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "object identifier {oid}"),
        }
    }
}

/// Names for the keys people are most likely to try that are not supported.
const OID_NAMES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.0.10", "ECDSA secp256k1"),
];
