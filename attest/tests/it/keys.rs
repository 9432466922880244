//! Plain key files.

use bulla_attest::{KeyAlgorithm, KeyError, PrivateKey, PublicKey};
use proptest::prelude::*;

use crate::{QUICK, fixture};

fn load(name: &str) -> Result<PrivateKey, KeyError> {
    PrivateKey::from_pem(&fixture(&format!("keys/{name}.key")), None)
}

#[test]
fn keys_of_openssl_load_with_the_public_key_openssl_derived() {
    for (name, algorithm) in [
        ("ed25519", KeyAlgorithm::Ed25519),
        ("p256", KeyAlgorithm::EcdsaP256),
        ("p256-sec1", KeyAlgorithm::EcdsaP256),
        ("p384", KeyAlgorithm::EcdsaP384),
        ("p521", KeyAlgorithm::EcdsaP521),
        ("rsa", KeyAlgorithm::Rsa2048),
    ] {
        let key = load(name).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let public = PublicKey::from_pem(&fixture(&format!("keys/{name}.pub"))).unwrap();
        assert_eq!(key.public_key(), public, "{name}");
    }
}

#[test]
fn one_key_in_two_formats_is_one_key() {
    for (one, other) in [("p384", "p384-sec1"), ("rsa", "rsa-pkcs1")] {
        let key = load(one).unwrap().public_key();
        assert_eq!(load(other).unwrap().public_key(), key, "{other}");
    }
}

#[test]
fn generated_keys_round_trip_and_differ() {
    for algorithm in QUICK {
        let key = PrivateKey::generate(algorithm).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let again = PrivateKey::from_pem(key.to_pem().as_bytes(), None).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        let other = PrivateKey::generate(algorithm).unwrap();
        assert_ne!(other.public_key(), key.public_key());
    }
}

#[test]
fn other_kinds_of_key_are_named_in_the_refusal() {
    let refused = |name: &str| load(name).unwrap_err().to_string();
    assert_eq!(
        refused("secp256k1"),
        "ECDSA secp256k1 keys are not supported, expected ECDSA (P-256, P-384, P-521), Ed25519, RSA or ML-DSA"
    );
    assert_eq!(
        refused("rsa-1024"),
        "RSA keys of 1024 bits are not supported, expected 2048, 3072 or 4096"
    );
    let public = PrivateKey::from_pem(&fixture("keys/p256.pub"), None).unwrap_err();
    assert!(
        public
            .to_string()
            .starts_with("the PEM block is `PUBLIC KEY`"),
        "{public}"
    );
}

#[test]
fn truncated_and_damaged_files_are_refused() {
    let pem = fixture("keys/p256.key");
    for length in 0..pem.len() - 1 {
        let cut = PrivateKey::from_pem(&pem[..length], None);
        assert!(cut.is_err(), "cut to {length} bytes");
    }
    let empty = b"-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n";
    assert!(matches!(
        PrivateKey::from_pem(empty, None),
        Err(KeyError::Der { format: "PKCS#8" })
    ));
    assert!(matches!(
        PrivateKey::from_pem(&vec![b'-'; 70_000], None),
        Err(KeyError::Size { found: 70_000 })
    ));
}

#[test]
fn neither_debug_nor_errors_show_the_secret() {
    let pem = String::from_utf8(fixture("keys/ed25519.key")).unwrap();
    let body = pem.lines().nth(1).unwrap();
    let key = load("ed25519").unwrap();
    let shown = format!("{key:?}") + &format!("{:?}", bulla_attest::MemorySigner::new(key));
    assert!(shown.starts_with("PrivateKey(ed25519, sha256:"), "{shown}");
    assert!(!shown.contains(body));

    // The secret itself, in the shapes `Debug` would give it.
    let secret = &base64_decode(body)[16..];
    assert!(!shown.contains(&format!("{:?}", &secret[..4]).replace(['[', ']'], "")));
    assert!(!shown.contains(&hex::encode(&secret[..4])));

    let damaged = pem.replacen(body, &format!("!{}", &body[1..]), 1);
    let error = PrivateKey::from_pem(damaged.as_bytes(), None).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(&body[8..]));
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        label in "(PRIVATE KEY|EC PRIVATE KEY|PUBLIC KEY|ENCRYPTED SIGSTORE PRIVATE KEY)",
    ) {
        let _ = PrivateKey::from_pem(&bytes, None).is_ok();
        let _ = PrivateKey::from_pkcs8(&bytes).is_ok();
        let _ = PublicKey::from_spki(bytes.clone()).is_ok();
        let block = pem::encode(&pem::Pem::new(label, bytes));
        let _ = PrivateKey::from_pem(block.as_bytes(), Some(b"x")).is_ok();
        let _ = PublicKey::from_pem(block.as_bytes()).is_ok();
    }

    #[test]
    fn changed_private_keys_never_panic(at in 0_usize..138, to in any::<u8>()) {
        let block = pem::parse(fixture("keys/p256.key")).unwrap();
        let mut der = block.into_contents();
        let at = at % der.len();
        der[at] = to;
        if let Ok(key) = PrivateKey::from_pkcs8(&der) {
            prop_assert_eq!(key.algorithm(), KeyAlgorithm::EcdsaP256);
        }
    }
}
