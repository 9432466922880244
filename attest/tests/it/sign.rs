//! Envelopes and bundles.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey};
use bulla_attest::{
    AnySigner, Blob, KeyAlgorithm, MemorySigner, PrivateKey, PublicKey, SignError, Signer as _,
    sign_blob, sign_envelope, sign_statement,
};
use bulla_model::envelope::IN_TOTO;
use bulla_model::{Bundle, BundleContent, Digest, KeyMaterial, Limits, Pae};

use crate::now;

const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}],"predicateType":"https://example.test/p","predicate":{}}"#;

fn signer(algorithm: KeyAlgorithm) -> AnySigner {
    MemorySigner::new(PrivateKey::generate(algorithm).unwrap()).into()
}

/// Checks a signature with AWS-LC, which did not make the Ed25519 ones.
fn verifies(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    match key.algorithm() {
        KeyAlgorithm::EcdsaP256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.spki()),
        KeyAlgorithm::Ed25519 => ParsedPublicKey::new(&ED25519, key.spki()),
    }
    .unwrap()
    .verify_sig(message, signature)
    .is_ok()
}

#[test]
fn a_signed_statement_is_a_v0_3_bundle_over_the_encoding() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
        let signer = signer(algorithm);
        let limits = Limits::default();
        let bundle = now(sign_statement(STATEMENT.to_vec(), &signer, &limits)).unwrap();
        let again = Bundle::parse(bundle.bytes().to_vec(), &limits).unwrap();
        assert_eq!(
            *again.key(),
            KeyMaterial::PublicKey {
                hint: signer.public_key().key_id().hint()
            }
        );
        let envelope = again.envelope().unwrap();
        assert_eq!(
            envelope.payload(),
            STATEMENT,
            "the payload is signed as it is"
        );
        assert_eq!(envelope.payload_type(), IN_TOTO);
        let [signature] = envelope.signatures() else {
            panic!("exactly one signature");
        };
        assert_eq!(signature.key_id, None);
        let pae = envelope.pae();
        assert!(verifies(
            signer.public_key(),
            pae.as_bytes(),
            &signature.signature
        ));
        assert!(!verifies(
            signer.public_key(),
            STATEMENT,
            &signature.signature
        ));
        let text = String::from_utf8(bundle.bytes().to_vec()).unwrap();
        assert!(text.contains("\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\""));
        assert!(!text.contains("keyid"));
    }
}

#[test]
fn the_encoding_of_the_specification_is_what_is_signed() {
    let signer = signer(KeyAlgorithm::Ed25519);
    let pae = Pae::new("http://example.com/HelloWorld", b"hello world");
    let signature = now(signer.sign(&pae)).unwrap();
    let message = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world";
    assert!(verifies(signer.public_key(), message, &signature));
}

#[test]
fn only_statements_are_signed_as_statements() {
    let signer = signer(KeyAlgorithm::EcdsaP256);
    for payload in [
        b"DSSEv1 4 type 2 {}".as_slice(),
        b"{}",
        b"",
        br#"{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"a:b"}"#,
    ] {
        let outcome = now(sign_envelope(payload.to_vec(), &signer, &Limits::default()));
        assert!(
            matches!(outcome, Err(SignError::Statement(_))),
            "{payload:?}"
        );
    }
}

#[test]
fn bytes_that_look_like_an_encoding_are_never_signed_as_a_blob() {
    let encoding = Pae::new(IN_TOTO, STATEMENT);
    assert!(matches!(
        Blob::new(encoding.as_bytes()),
        Err(SignError::Encoding)
    ));
    assert!(Blob::new(b"DSSEv1").is_ok());
}

#[test]
fn a_signed_blob_is_a_bundle_over_its_bytes() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
        let signer = signer(algorithm);
        let blob = Blob::new(b"artifact").unwrap();
        let bundle = now(sign_blob(blob, &signer, &Limits::default())).unwrap();
        let BundleContent::Message {
            algorithm,
            digest,
            signature,
        } = bundle.content()
        else {
            panic!("a message signature");
        };
        assert_eq!(algorithm, "SHA2_256");
        assert_eq!(hex::encode(digest), Digest::sha256(b"artifact").hex());
        assert!(verifies(signer.public_key(), b"artifact", signature));
    }
}

#[test]
fn a_bundle_its_readers_would_refuse_is_not_made() {
    let signer = signer(KeyAlgorithm::EcdsaP256);
    let mut limits = Limits::default();
    limits.bundle_bytes = STATEMENT.len() as u64 + 10;
    let outcome = now(sign_statement(STATEMENT.to_vec(), &signer, &limits));
    assert!(
        matches!(outcome, Err(SignError::Size { .. })),
        "{outcome:?}"
    );
}
