//! Public keys: SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7,
//! <https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7>.

use aws_lc_rs::signature::ParsedPublicKey;
use bulla_model::KeyId;
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::spki::der::asn1::UintRef;
use ed25519_dalek::pkcs8::spki::der::{self, Decode as _, Reader as _, SliceReader};
use ed25519_dalek::pkcs8::{DecodePublicKey as _, spki::SubjectPublicKeyInfoRef};

use super::algorithm::Family;
use super::{AlgorithmOid, KEY_FILE_BYTES, KeyAlgorithm, KeyError, check};

const LABEL: &str = "PUBLIC KEY";

/// A public key of a supported kind. Its point was checked to lie on the curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
    algorithm: KeyAlgorithm,
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` PEM file.
    pub fn from_pem(bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() > KEY_FILE_BYTES {
            return Err(KeyError::Size { found: bytes.len() });
        }
        let block = pem::parse(bytes).map_err(|_| KeyError::Pem { expected: LABEL })?;
        if block.tag() != LABEL {
            return Err(KeyError::Label {
                expected: "`PUBLIC KEY`",
                found: block.tag().chars().take(64).collect(),
            });
        }
        Self::from_spki(block.into_contents())
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    pub fn from_spki(der: Vec<u8>) -> Result<Self, KeyError> {
        let malformed = || KeyError::Der {
            format: "SubjectPublicKeyInfo",
        };
        let info = SubjectPublicKeyInfoRef::try_from(der.as_slice()).map_err(|_| malformed())?;
        let family = AlgorithmOid {
            algorithm: info.algorithm.oid,
            curve: info.algorithm.parameters_oid().ok(),
        }
        .supported()?;
        let algorithm = match family {
            Family::Exactly(algorithm) => algorithm,
            Family::Rsa => {
                let bits = info
                    .subject_public_key
                    .as_bytes()
                    .and_then(|key| modulus_bits(key).ok())
                    .ok_or_else(malformed)?;
                KeyAlgorithm::of_modulus(bits)?
            }
        };
        let sound = match algorithm {
            // Anybody can sign for a point of small order.
            KeyAlgorithm::Ed25519 => {
                VerifyingKey::from_public_key_der(&der).is_ok_and(|key| !key.is_weak())
            }
            other => check::verifier(other.schemes().envelope, other)
                .is_some_and(|verifier| ParsedPublicKey::new(verifier, &der).is_ok()),
        };
        if sound {
            Ok(Self {
                spki: der,
                algorithm,
            })
        } else {
            Err(malformed())
        }
    }

    /// The kind of key.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key's identifier.
    pub fn key_id(&self) -> KeyId {
        KeyId::of_spki(&self.spki)
    }

    /// Writes a `PUBLIC KEY` PEM file, lines ended by a line feed.
    pub fn to_pem(&self) -> String {
        super::private::to_pem(LABEL, self.spki.clone()).to_string()
    }
}

/// The modulus' length in bits, of an `RSAPublicKey`, RFC 8017 appendix A.1.1.
fn modulus_bits(key: &[u8]) -> der::Result<usize> {
    let (modulus, _exponent) = SliceReader::new(key)?.sequence(|fields| {
        Ok::<_, der::Error>((UintRef::decode(fields)?, UintRef::decode(fields)?))
    })?;
    Ok(bits(modulus.as_bytes()))
}

/// The length in bits of a number without zero bytes before it.
pub(super) fn bits(number: &[u8]) -> usize {
    let unused = number
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    number.len() * 8 - unused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PrivateKey;

    #[test]
    fn public_keys_round_trip() {
        for algorithm in [
            KeyAlgorithm::EcdsaP521,
            KeyAlgorithm::Ed25519,
            KeyAlgorithm::MlDsa44,
            KeyAlgorithm::Rsa3072,
        ] {
            let key = PrivateKey::generate(algorithm).unwrap().public_key();
            assert_eq!(key.algorithm(), algorithm);
            let pem = key.to_pem();
            assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
            assert!(pem.ends_with("-----END PUBLIC KEY-----\n") && !pem.contains('\r'));
            assert_eq!(PublicKey::from_pem(pem.as_bytes()).unwrap(), key);
        }
    }

    #[test]
    fn private_keys_and_cut_files_are_no_public_keys() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let error = PublicKey::from_pem(key.to_pem().as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the PEM block is `PRIVATE KEY`, expected `PUBLIC KEY`"
        );
        let pem = key.public_key().to_pem();
        let cut = &pem.as_bytes()[..pem.len() - 30];
        assert!(matches!(
            PublicKey::from_pem(cut),
            Err(KeyError::Pem { .. })
        ));
        let long = vec![b'x'; KEY_FILE_BYTES + 1];
        assert!(matches!(
            PublicKey::from_pem(&long),
            Err(KeyError::Size { .. })
        ));
    }

    #[test]
    fn a_point_of_small_order_is_refused() {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let mut spki = key.public_key().spki().to_vec();
        let start = spki.len() - 32;
        spki[start..].fill(0);
        spki[start] = 1;
        assert!(matches!(
            PublicKey::from_spki(spki),
            Err(KeyError::Der { .. })
        ));
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let mut spki = key.public_key().spki().to_vec();
        let last = spki.len() - 1;
        spki[last] ^= 1;
        assert!(matches!(
            PublicKey::from_spki(spki),
            Err(KeyError::Der { .. })
        ));
    }
}
