//! Encrypted private keys as cosign v3 writes them.
//!
//! The PEM block holds JSON: scrypt turns the password into a key, NaCl secretbox (XSalsa20 and
//! Poly1305) encrypts the PKCS#8 structure. See `pkg/cosign/keys.go` and `pkg/encrypted` of
//! <https://github.com/sigstore/cosign/tree/v3.0.2>.
//!
//! The file chooses how much work the derivation is, so anything but the three costs cosign ever
//! wrote is refused before any work is done.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::json;
use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{Key, KeyInit as _, Nonce, XSalsa20Poly1305};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KEY_FILE_BYTES, KeyError};

/// The PEM label that is written.
pub const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// The PEM label of older cosign versions, which is read as well.
pub const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";

const KDF: &str = "scrypt";
const CIPHER: &str = "nacl/secretbox";
/// Costs cosign wrote: its first default, its present one, and the one OWASP recommends.
const COSTS: &[(u64, u8)] = &[(32_768, 15), (65_536, 16), (131_072, 17)];
const COST: (u64, u8) = (65_536, 16);

/// Whether a PEM file holds an encrypted private key, so that a password has to be asked for.
pub fn is_encrypted(pem: &[u8]) -> bool {
    pem.len() <= KEY_FILE_BYTES
        && pem::parse_many(pem)
            .is_ok_and(|blocks| blocks.iter().any(|b| [LABEL, OLD_LABEL].contains(&b.tag())))
}

/// Opens the contents of the PEM block; yields what was encrypted, a PKCS#8 structure.
pub(super) fn decrypt(container: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let wire: Container = json::read(container, KEY_FILE_BYTES as u64, 4)?;
    expect_name("key derivation", KDF, &wire.kdf.name)?;
    expect_name("cipher", CIPHER, &wire.cipher.name)?;
    let Parameters { n, r, p } = wire.kdf.params;
    let log_n = COSTS
        .iter()
        .find(|(cost, _)| *cost == n && r == 8 && p == 1)
        .map(|(_, log)| *log)
        .ok_or(KeyError::Parameters { n, r, p })?;
    let salt: [u8; 32] = part("salt", "32 bytes", &wire.kdf.salt)?;
    let nonce: [u8; 24] = part("nonce", "24 bytes", &wire.cipher.nonce)?;
    let ciphertext = STANDARD
        .decode(&wire.ciphertext)
        .map_err(|_| KeyError::Part {
            part: "ciphertext",
            expected: "the encrypted key",
        })?;
    secretbox(password, &salt, log_n)
        .decrypt(Nonce::from_slice(&nonce), ciphertext.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Password)
}

/// Encrypts a PKCS#8 structure; yields the contents of the PEM block.
pub(super) fn encrypt(pkcs8: &[u8], password: &[u8]) -> Result<Vec<u8>, KeyError> {
    let (mut salt, mut nonce) = ([0_u8; 32], [0_u8; 24]);
    getrandom::fill(&mut salt).map_err(|_| KeyError::Random)?;
    getrandom::fill(&mut nonce).map_err(|_| KeyError::Random)?;
    let (n, log_n) = COST;
    let ciphertext = secretbox(password, &salt, log_n)
        .encrypt(Nonce::from_slice(&nonce), pkcs8)
        .expect("because a key is far shorter than the cipher's limit");
    let wire = Container {
        kdf: Kdf {
            name: KDF.to_owned(),
            params: Parameters { n, r: 8, p: 1 },
            salt: STANDARD.encode(salt),
        },
        cipher: Cipher {
            name: CIPHER.to_owned(),
            nonce: STANDARD.encode(nonce),
        },
        ciphertext: STANDARD.encode(ciphertext),
    };
    Ok(serde_json::to_vec(&wire).expect("because strings and numbers always serialise"))
}

fn secretbox(password: &[u8], salt: &[u8; 32], log_n: u8) -> XSalsa20Poly1305 {
    let parameters =
        scrypt::Params::new(log_n, 8, 1).expect("because the costs in the table are valid");
    let mut key = Zeroizing::new([0_u8; 32]);
    scrypt::scrypt(password, salt, &parameters, key.as_mut_slice())
        .expect("because 32 bytes is a valid output length");
    XSalsa20Poly1305::new(Key::from_slice(key.as_slice()))
}

fn expect_name(what: &'static str, expected: &'static str, found: &str) -> Result<(), KeyError> {
    if found == expected {
        return Ok(());
    }
    Err(KeyError::Scheme {
        what,
        expected,
        found: found.chars().take(64).collect(),
    })
}

fn part<const N: usize>(
    part: &'static str,
    expected: &'static str,
    text: &str,
) -> Result<[u8; N], KeyError> {
    STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(KeyError::Part { part, expected })
}

#[derive(Serialize, Deserialize)]
struct Container {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Parameters,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}
