//! Kinds of public key and what is done with them to check a bare signature.
//!
//! There is one way into a key: [`KeyKind::of_spki`] decides what it is, and every scheme names the
//! kind it needs. ECDSA, RSA and ML-DSA are verified by AWS-LC, Ed25519 by `ed25519-dalek` in its
//! strict mode. The names are those of Bulla's conformance protocol:
//! ALGORITHM-HASH, with `-p1363` where a signature is `r` and `s` in a row instead of DER.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    self as lc, ParsedPublicKey, RsaParameters, RsaPssSaltLength, VerificationAlgorithm,
};
use bulla_model::{Algorithm, Digest};
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::pkcs8::spki::SubjectPublicKeyInfoRef;
use ed25519_dalek::pkcs8::spki::der::asn1::{AnyRef, UintRef};
use ed25519_dalek::pkcs8::spki::der::{
    Decode as _, Encode as _, Error as DerError, Reader, SliceReader, Tag,
};
use serde::{Serialize, Serializer};

/// A kind of public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Ed25519,
    MlDsa44,
    MlDsa65,
    MlDsa87,
    /// With a modulus of 2048 to 4096 bits.
    Rsa,
}

impl KeyKind {
    /// What a key (SPKI DER) is; the reason if it is none that signatures can be checked with.
    pub(crate) fn of_spki(spki: &[u8]) -> Result<Self, String> {
        let key = SubjectPublicKeyInfoRef::try_from(spki)
            .map_err(|_| "not a SubjectPublicKeyInfo in DER".to_owned())?;
        let raw = key
            .subject_public_key
            .as_bytes()
            .ok_or("the key's bit string has unused bits")?;
        let oid = key.algorithm.oid.to_string();
        let parameters = key.algorithm.parameters;
        if oid == RSA {
            // RFC 3279, section 2.3.1. Without, one key would have two names, and be two owners.
            if parameters.is_none_or(|parameters| !parameters.is_null()) {
                return Err("parameters of an RSA key must be NULL".to_owned());
            }
            return match modulus_bits(raw) {
                Some(2048..=4096) => Ok(Self::Rsa),
                Some(bits) => Err(format!(
                    "an RSA modulus of {bits} bits, expected 2048 to 4096"
                )),
                None => Err("no RSA public key".to_owned()),
            };
        }
        if oid == ELLIPTIC {
            let curve = key.algorithm.parameters_oid().map(|oid| oid.to_string());
            let known = CURVES
                .iter()
                .find(|(known, _)| curve.as_deref() == Ok(*known));
            let (_, kind) = known.ok_or("a curve that is not P-256, P-384 or P-521")?;
            if raw.first() != Some(&UNCOMPRESSED) {
                return Err("the point is not uncompressed".to_owned());
            }
            return Ok(*kind);
        }
        let known = BARE.iter().find(|(known, _)| *known == oid);
        let (_, kind) =
            known.ok_or_else(|| format!("keys of algorithm {oid} are not supported"))?;
        if parameters.is_some() {
            return Err("the key's algorithm must have no parameters".to_owned());
        }
        Ok(*kind)
    }

    /// The schemes that keys of this kind are used with when nothing says otherwise, as in
    /// `PublicKeyDetails` of the Sigstore protobuf specifications v0.5.0, and those older tools
    /// used. Ed25519 has two that cannot be taken for one another: cosign signs digests, everybody
    /// else messages.
    pub(crate) fn schemes(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::EcdsaP256 => (&["ecdsa-p256-sha256"], &["ecdsa-p256-sha256-p1363"]),
            Self::EcdsaP384 => (
                &["ecdsa-p384-sha384"],
                &["ecdsa-p384-sha256", "ecdsa-p384-sha384-p1363"],
            ),
            Self::EcdsaP521 => (
                &["ecdsa-p521-sha512"],
                &["ecdsa-p521-sha256", "ecdsa-p521-sha512-p1363"],
            ),
            Self::Ed25519 => (&["ed25519", "ed25519ph"], &[]),
            Self::MlDsa44 => (&["ml-dsa-44"], &[]),
            Self::MlDsa65 => (&["ml-dsa-65"], &[]),
            Self::MlDsa87 => (&["ml-dsa-87"], &[]),
            Self::Rsa => (
                &["rsa-pkcs1-sha256"],
                &[
                    "rsa-pss-sha256-salt32",
                    "rsa-pkcs1-sha384",
                    "rsa-pkcs1-sha512",
                ],
            ),
        }
    }
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Good,
    Bad,
    /// Neither the message nor the digest that the scheme signs is at hand.
    NotAtHand,
}

/// What was signed: bytes, or digests of bytes that nobody holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) bytes: Option<&'a [u8]>,
    pub(crate) digests: &'a [Digest],
}

impl<'a> Message<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes: Some(bytes),
            digests: &[],
        }
    }

    /// Its digest, computed if need be.
    pub(crate) fn digest(&self, algorithm: Algorithm) -> Option<Digest> {
        let known = self
            .digests
            .iter()
            .find(|digest| digest.algorithm() == algorithm);
        match (known, self.bytes) {
            (Some(digest), _) => Some(digest.clone()),
            (None, Some(bytes)) => Some(Digest::of(algorithm, bytes)),
            (None, None) => None,
        }
    }
}

/// How a signature is checked: algorithm, hash and encoding.
#[derive(Clone, Copy)]
pub struct SignatureScheme(&'static Row);

impl SignatureScheme {
    /// The scheme with this name, for example `ecdsa-p384-sha384` or `rsa-pss-sha256-salt32`.
    pub fn named(name: &str) -> Option<Self> {
        SCHEMES.iter().find(|row| row.name == name).map(Self)
    }

    /// Every scheme, sorted by name.
    pub fn all() -> impl Iterator<Item = Self> {
        SCHEMES.iter().map(Self)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub(crate) fn kind(self) -> KeyKind {
        self.0.kind
    }

    /// The hash under which it signs, if a digest will do instead of the message.
    fn hash(self) -> Option<Algorithm> {
        match self.0.check {
            Check::Ed25519 => None,
            Check::Ed25519Prehashed => Some(Algorithm::Sha512),
            // The table's names are the specification: `ALGORITHM-HASH`.
            Check::Whole(_) | Check::Pair { .. } => {
                self.0.name.split('-').find_map(|part| part.parse().ok())
            }
        }
    }

    /// Whether this key (SPKI DER) made this signature over exactly this message. A key of another
    /// kind made none.
    pub(crate) fn check(self, spki: &[u8], message: Message<'_>, signature: &[u8]) -> Checked {
        if KeyKind::of_spki(spki) != Ok(self.0.kind) {
            return Checked::Bad;
        }
        let signed = match (self.hash(), message.bytes) {
            (Some(hash), _) => message.digest(hash).map(Signed::Digest),
            (None, bytes) => bytes.map(Signed::Bytes),
        };
        let Some(signed) = signed else {
            return Checked::NotAtHand;
        };
        let good = match self.0.check {
            Check::Ed25519 | Check::Ed25519Prehashed => ed25519(spki, &signed, signature),
            Check::Whole(algorithm) => aws_lc(algorithm, spki, &signed, signature),
            Check::Pair { algorithm, bytes } => der_of_pair(signature, bytes)
                .and_then(|signature| aws_lc(algorithm, spki, &signed, &signature)),
        };
        if good.is_some() {
            Checked::Good
        } else {
            Checked::Bad
        }
    }
}

/// What is signed in the end.
enum Signed<'a> {
    Bytes(&'a [u8]),
    Digest(Digest),
}

impl std::fmt::Debug for SignatureScheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

impl PartialEq for SignatureScheme {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for SignatureScheme {}

impl std::fmt::Display for SignatureScheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Serialize for SignatureScheme {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

fn aws_lc(
    algorithm: &'static dyn VerificationAlgorithm,
    spki: &[u8],
    signed: &Signed<'_>,
    signature: &[u8],
) -> Option<()> {
    let key = ParsedPublicKey::new(algorithm, spki).ok()?;
    match signed {
        Signed::Bytes(bytes) => key.verify_sig(bytes, signature).ok(),
        Signed::Digest(message) => {
            let hash = match message.algorithm() {
                Algorithm::Sha256 => &digest::SHA256,
                Algorithm::Sha384 => &digest::SHA384,
                Algorithm::Sha512 => &digest::SHA512,
            };
            let message = digest::Digest::import_less_safe(&message.to_bytes(), hash).ok()?;
            key.verify_digest_sig(&message, signature).ok()
        }
    }
}

fn ed25519(spki: &[u8], signed: &Signed<'_>, signature: &[u8]) -> Option<()> {
    let key = ed25519_dalek::VerifyingKey::from_public_key_der(spki).ok()?;
    let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
    match signed {
        Signed::Bytes(bytes) => key.verify_strict(bytes, &signature).ok(),
        Signed::Digest(message) => {
            let known = Known(message.to_bytes().try_into().ok()?);
            key.verify_prehashed_strict(known, None, &signature).ok()
        }
    }
}

/// A SHA-512 digest somebody else computed, as the hasher `ed25519-dalek` asks for.
#[derive(Clone)]
struct Known([u8; 64]);

impl Default for Known {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl sha2::digest::HashMarker for Known {}

impl sha2::digest::OutputSizeUser for Known {
    type OutputSize = sha2::digest::consts::U64;
}

impl sha2::digest::Update for Known {
    fn update(&mut self, _: &[u8]) {}
}

impl sha2::digest::FixedOutput for Known {
    fn finalize_into(self, out: &mut sha2::digest::Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}

/// `r` and `s`, each this long, as the DER that is checked.
fn der_of_pair(signature: &[u8], bytes: usize) -> Option<Vec<u8>> {
    if signature.len() != 2 * bytes {
        return None;
    }
    let (r, s) = signature.split_at(bytes);
    let mut pair = UintRef::new(r).ok()?.to_der().ok()?;
    pair.extend(UintRef::new(s).ok()?.to_der().ok()?);
    AnyRef::new(Tag::Sequence, &pair).ok()?.to_der().ok()
}

/// The bits of an RSA key's modulus (SPKI DER); `None` for every other key.
pub(crate) fn rsa_bits(spki: &[u8]) -> Option<usize> {
    let key = SubjectPublicKeyInfoRef::try_from(spki).ok()?;
    (KeyKind::of_spki(spki) == Ok(KeyKind::Rsa))
        .then(|| modulus_bits(key.subject_public_key.as_bytes()?))
        .flatten()
}

fn modulus_bits(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let modulus = reader
        .sequence(|inner| {
            let modulus = UintRef::decode(inner)?;
            UintRef::decode(inner)?;
            Ok::<_, DerError>(modulus)
        })
        .ok()?;
    reader.finish().ok()?;
    let bytes = modulus.as_bytes();
    let unused = bytes.first()?.leading_zeros();
    (bytes.len() * 8).checked_sub(usize::try_from(unused).ok()?)
}

struct Row {
    name: &'static str,
    kind: KeyKind,
    check: Check,
}

#[derive(Clone, Copy)]
enum Check {
    Ed25519,
    /// Over SHA-512 (Ed25519ph, RFC 8032 section 5.1), without a context.
    Ed25519Prehashed,
    /// The signature as it is.
    Whole(&'static dyn VerificationAlgorithm),
    /// Two numbers in a row, each this long (IEEE P1363).
    Pair {
        algorithm: &'static dyn VerificationAlgorithm,
        bytes: usize,
    },
}

const fn whole(
    name: &'static str,
    kind: KeyKind,
    algorithm: &'static dyn VerificationAlgorithm,
) -> Row {
    let check = Check::Whole(algorithm);
    Row { name, kind, check }
}

const fn pair(
    name: &'static str,
    kind: KeyKind,
    bytes: usize,
    algorithm: &'static dyn VerificationAlgorithm,
) -> Row {
    let check = Check::Pair { algorithm, bytes };
    Row { name, kind, check }
}

static PSS_SHA512_SALT32: RsaParameters =
    lc::RSA_PSS_2048_8192_SHA512.with_pss_salt_length(RsaPssSaltLength::Custom(32));

static SCHEMES: &[Row] = {
    use KeyKind::{EcdsaP256, EcdsaP384, EcdsaP521, Ed25519, MlDsa44, MlDsa65, MlDsa87, Rsa};
    &[
        whole("ecdsa-p256-sha256", EcdsaP256, &lc::ECDSA_P256_SHA256_ASN1),
        pair(
            "ecdsa-p256-sha256-p1363",
            EcdsaP256,
            32,
            &lc::ECDSA_P256_SHA256_ASN1,
        ),
        whole("ecdsa-p256-sha384", EcdsaP256, &lc::ECDSA_P256_SHA384_ASN1),
        whole("ecdsa-p256-sha512", EcdsaP256, &lc::ECDSA_P256_SHA512_ASN1),
        pair(
            "ecdsa-p256-sha512-p1363",
            EcdsaP256,
            32,
            &lc::ECDSA_P256_SHA512_ASN1,
        ),
        whole("ecdsa-p384-sha256", EcdsaP384, &lc::ECDSA_P384_SHA256_ASN1),
        whole("ecdsa-p384-sha384", EcdsaP384, &lc::ECDSA_P384_SHA384_ASN1),
        pair(
            "ecdsa-p384-sha384-p1363",
            EcdsaP384,
            48,
            &lc::ECDSA_P384_SHA384_ASN1,
        ),
        whole("ecdsa-p384-sha512", EcdsaP384, &lc::ECDSA_P384_SHA512_ASN1),
        pair(
            "ecdsa-p384-sha512-p1363",
            EcdsaP384,
            48,
            &lc::ECDSA_P384_SHA512_ASN1,
        ),
        whole("ecdsa-p521-sha256", EcdsaP521, &lc::ECDSA_P521_SHA256_ASN1),
        whole("ecdsa-p521-sha384", EcdsaP521, &lc::ECDSA_P521_SHA384_ASN1),
        whole("ecdsa-p521-sha512", EcdsaP521, &lc::ECDSA_P521_SHA512_ASN1),
        pair(
            "ecdsa-p521-sha512-p1363",
            EcdsaP521,
            66,
            &lc::ECDSA_P521_SHA512_ASN1,
        ),
        Row {
            name: "ed25519",
            kind: Ed25519,
            check: Check::Ed25519,
        },
        Row {
            name: "ed25519ph",
            kind: Ed25519,
            check: Check::Ed25519Prehashed,
        },
        whole("ml-dsa-44", MlDsa44, &lc::ML_DSA_44),
        whole("ml-dsa-65", MlDsa65, &lc::ML_DSA_65),
        whole("ml-dsa-87", MlDsa87, &lc::ML_DSA_87),
        whole("rsa-pkcs1-sha256", Rsa, &lc::RSA_PKCS1_2048_8192_SHA256),
        whole("rsa-pkcs1-sha384", Rsa, &lc::RSA_PKCS1_2048_8192_SHA384),
        whole("rsa-pkcs1-sha512", Rsa, &lc::RSA_PKCS1_2048_8192_SHA512),
        whole("rsa-pss-sha256-salt32", Rsa, &lc::RSA_PSS_2048_8192_SHA256),
        whole("rsa-pss-sha384-salt48", Rsa, &lc::RSA_PSS_2048_8192_SHA384),
        whole("rsa-pss-sha512-salt32", Rsa, &PSS_SHA512_SALT32),
        whole("rsa-pss-sha512-salt64", Rsa, &lc::RSA_PSS_2048_8192_SHA512),
    ]
};

const UNCOMPRESSED: u8 = 4;
const RSA: &str = "1.2.840.113549.1.1.1";
const ELLIPTIC: &str = "1.2.840.10045.2.1";
const CURVES: [(&str, KeyKind); 3] = [
    ("1.2.840.10045.3.1.7", KeyKind::EcdsaP256),
    ("1.3.132.0.34", KeyKind::EcdsaP384),
    ("1.3.132.0.35", KeyKind::EcdsaP521),
];
/// Algorithms without parameters (RFC 8410, FIPS 204).
const BARE: [(&str, KeyKind); 4] = [
    ("1.3.101.112", KeyKind::Ed25519),
    ("2.16.840.1.101.3.4.3.17", KeyKind::MlDsa44),
    ("2.16.840.1.101.3.4.3.18", KeyKind::MlDsa65),
    ("2.16.840.1.101.3.4.3.19", KeyKind::MlDsa87),
];
