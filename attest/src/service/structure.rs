//! DER around the bare numbers that services and hardware speak: SubjectPublicKeyInfo, RFC 5280,
//! and ECDSA signatures, RFC 3279 section 2.2.3.

use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::ObjectIdentifier;
use ed25519_dalek::pkcs8::spki::der::asn1::{AnyRef, BitStringRef, UintRef};
use ed25519_dalek::pkcs8::spki::der::{self, Encode as _, Tag};
use ed25519_dalek::pkcs8::spki::{
    AlgorithmIdentifierRef, EncodePublicKey as _, SubjectPublicKeyInfo,
};

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The public key with this modulus and exponent, big-endian.
pub(crate) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    let key = two(modulus, exponent).ok()?;
    spki(RSA_ENCRYPTION, Some(AnyRef::NULL), &key).ok()
}

/// The public key that is this uncompressed point on this curve.
pub(crate) fn ecdsa_spki(curve: ObjectIdentifier, point: &[u8]) -> Option<Vec<u8>> {
    spki(EC_PUBLIC_KEY, Some(AnyRef::from(&curve)), point).ok()
}

/// The Ed25519 public key with these 32 bytes.
pub(crate) fn ed25519_spki(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes: &[u8; 32] = bytes.try_into().ok()?;
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    Some(key.to_public_key_der().ok()?.into_vec())
}

/// An ECDSA signature as ASN.1, from r and s one after the other (IEEE P1363).
pub(crate) fn ecdsa_der(fixed: &[u8]) -> Option<Vec<u8>> {
    if fixed.is_empty() || !fixed.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = fixed.split_at(fixed.len() / 2);
    two(r, s).ok()
}

fn two(first: &[u8], second: &[u8]) -> der::Result<Vec<u8>> {
    let mut numbers = UintRef::new(first)?.to_der()?;
    numbers.extend(UintRef::new(second)?.to_der()?);
    AnyRef::new(Tag::Sequence, &numbers)?.to_der()
}

fn spki(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> der::Result<Vec<u8>> {
    SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifierRef { oid, parameters },
        subject_public_key: BitStringRef::from_bytes(key)?,
    }
    .to_der()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyAlgorithm, PrivateKey, PublicKey};

    #[test]
    fn a_point_becomes_the_key_it_came_from() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP384).unwrap();
        let spki = key.public_key().spki().to_vec();
        let point = &spki[spki.len() - 97..];
        let curve = ObjectIdentifier::new_unwrap("1.3.132.0.34");
        assert_eq!(ecdsa_spki(curve, point).unwrap(), spki);
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let spki = key.public_key().spki().to_vec();
        assert_eq!(ed25519_spki(&spki[spki.len() - 32..]).unwrap(), spki);
    }

    #[test]
    fn a_modulus_becomes_a_key_also_with_a_zero_before_it() {
        let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let spki = key.public_key().spki().to_vec();
        // SEQUENCE, INTEGER of 257 bytes with a leading zero, INTEGER 65537.
        let modulus = &spki[spki.len() - 5 - 257..spki.len() - 5];
        for modulus in [modulus, &modulus[1..]] {
            let again = rsa_spki(modulus, &[1, 0, 1]).unwrap();
            assert_eq!(PublicKey::from_spki(again).unwrap(), key.public_key());
        }
    }

    #[test]
    fn raw_signatures_of_odd_length_are_none() {
        assert!(ecdsa_der(&[]).is_none());
        assert!(ecdsa_der(&[1; 63]).is_none());
        assert_eq!(
            ecdsa_der(&[0, 1, 0, 0x80]).unwrap(),
            [0x30, 7, 2, 1, 1, 2, 2, 0, 0x80]
        );
    }
}
