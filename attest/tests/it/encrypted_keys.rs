//! Encrypted key files, as cosign writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_attest::key::encrypted::is_encrypted;
use bulla_attest::{KeyAlgorithm, KeyError, PrivateKey, PublicKey};
use serde_json::{Value, json};

use crate::fixture;

const PASSWORD: &[u8] = b"correct horse";

fn load(name: &str, password: &[u8]) -> Result<PrivateKey, KeyError> {
    PrivateKey::from_pem(&fixture(&format!("keys/{name}.key")), Some(password))
}

/// The JSON of an encrypted key, changed, in PEM again.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let block = pem::parse(fixture("keys/cosign-n32768.key")).unwrap();
    let mut json: Value = serde_json::from_slice(block.contents()).unwrap();
    change(&mut json);
    pem::encode(&pem::Pem::new(
        block.tag(),
        serde_json::to_vec(&json).unwrap(),
    ))
    .into_bytes()
}

#[test]
fn keys_of_another_implementation_are_read() {
    let key = load("cosign-n32768", PASSWORD).unwrap();
    let public = PublicKey::from_pem(&fixture("keys/cosign-n32768.pub")).unwrap();
    assert_eq!(key.public_key(), public);

    let key = load("sigstore-n131072-ed25519", b"").unwrap();
    let public = PublicKey::from_pem(&fixture("keys/ed25519.pub")).unwrap();
    assert_eq!(key.public_key(), public);
}

#[test]
fn what_is_written_is_read_back_with_the_password_only() {
    for (algorithm, password) in [
        (KeyAlgorithm::EcdsaP256, "pässword".as_bytes()),
        (KeyAlgorithm::Ed25519, b"".as_slice()),
        (KeyAlgorithm::EcdsaP521, b"x".as_slice()),
        (KeyAlgorithm::Rsa2048, b"x".as_slice()),
        (KeyAlgorithm::MlDsa65, b"x".as_slice()),
    ] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let pem = key.to_encrypted_pem(password).unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        assert!(is_encrypted(pem.as_bytes()));
        let block = pem::parse(&pem).unwrap();
        let json: Value = serde_json::from_slice(block.contents()).unwrap();
        assert_eq!(json["kdf"]["params"], json!({"N": 65536, "r": 8, "p": 1}));

        let again = PrivateKey::from_pem(pem.as_bytes(), Some(password)).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert!(matches!(
            PrivateKey::from_pem(pem.as_bytes(), Some(b"wrong")),
            Err(KeyError::Password)
        ));
        assert!(matches!(
            PrivateKey::from_pem(pem.as_bytes(), None),
            Err(KeyError::PasswordNeeded)
        ));
    }
    assert!(!is_encrypted(&fixture("keys/p256.key")));
}

#[test]
fn every_encryption_has_its_own_salt_and_nonce() {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let parts = || {
        let pem = key.to_encrypted_pem(b"x").unwrap();
        let json: Value = serde_json::from_slice(pem::parse(pem).unwrap().contents()).unwrap();
        (json["kdf"]["salt"].clone(), json["cipher"]["nonce"].clone())
    };
    let (first, second) = (parts(), parts());
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1);
}

#[test]
fn other_costs_are_refused_before_any_work() {
    assert!(matches!(
        load("scrypt-n16384", PASSWORD),
        Err(KeyError::Parameters {
            n: 16384,
            r: 8,
            p: 1
        })
    ));
    // These would take all memory, or for ever, if they were tried.
    for params in [
        json!({"N": 1_u64 << 40, "r": 8, "p": 1}),
        json!({"N": 32768, "r": 1_000_000, "p": 1}),
        json!({"N": 65536, "r": 8, "p": 100_000}),
        json!({"N": 0, "r": 0, "p": 0}),
        json!({"N": 65537, "r": 8, "p": 1}),
    ] {
        let pem = changed(|json| json["kdf"]["params"] = params.clone());
        assert!(
            matches!(
                PrivateKey::from_pem(&pem, Some(PASSWORD)),
                Err(KeyError::Parameters { .. })
            ),
            "{params}"
        );
    }
}

#[test]
fn changed_containers_are_refused_with_their_own_error() {
    let refused = |pem: Vec<u8>| PrivateKey::from_pem(&pem, Some(PASSWORD)).unwrap_err();
    let flip = |text: &Value| {
        let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
        bytes[0] ^= 1;
        Value::from(STANDARD.encode(bytes))
    };
    let wrong: [fn(&mut Value); 3] = [
        |json| json["kdf"]["name"] = "argon2id".into(),
        |json| json["cipher"]["name"] = "none".into(),
        |json| json["cipher"]["nonce"] = "AA==".into(),
    ];
    assert_eq!(
        wrong.map(|change| refused(changed(change)).to_string()),
        [
            "unsupported key derivation `argon2id`, expected `scrypt`",
            "unsupported cipher `none`, expected `nacl/secretbox`",
            "malformed encrypted key: nonce is not base64 of 24 bytes",
        ]
    );
    assert!(matches!(
        refused(changed(
            |json| json["ciphertext"] = flip(&json["ciphertext"])
        )),
        KeyError::Password
    ));
    assert!(matches!(
        refused(changed(|json| json["ciphertext"] = "".into())),
        KeyError::Password
    ));
    assert!(matches!(
        refused(changed(|json| *json = json!([]))),
        KeyError::Container(_)
    ));
}

#[test]
fn sec1_inside_the_encryption_is_refused_as_cosign_does() {
    assert!(matches!(
        load("encrypted-sec1", PASSWORD),
        Err(KeyError::EncryptedSec1)
    ));
}
