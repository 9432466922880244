//! Envelopes and bundles.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use bulla_attest::{
    AnySigner, Blob, BlobHasher, KeyAlgorithm, KeyError, MemorySigner, PrivateKey, PublicKey,
    SignError, SignatureScheme, Signer as _, sign_blob, sign_envelope, sign_statement,
};
use bulla_model::envelope::IN_TOTO;
use bulla_model::{Bundle, BundleContent, Digest, KeyMaterial, Limits, Pae};
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use sha2::Digest as _;

use crate::{QUICK, now};

const STATEMENT: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}],"predicateType":"https://example.test/p","predicate":{}}"#;

fn signer(algorithm: KeyAlgorithm) -> AnySigner {
    MemorySigner::new(PrivateKey::generate(algorithm).unwrap()).into()
}

/// Checks a signature with AWS-LC, which did not make the Ed25519 ones.
fn verifies(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let algorithm: &'static dyn VerificationAlgorithm = match key.algorithm() {
        KeyAlgorithm::EcdsaP256 => &signature::ECDSA_P256_SHA256_ASN1,
        KeyAlgorithm::EcdsaP384 => &signature::ECDSA_P384_SHA384_ASN1,
        KeyAlgorithm::EcdsaP521 => &signature::ECDSA_P521_SHA512_ASN1,
        KeyAlgorithm::Ed25519 => &signature::ED25519,
        KeyAlgorithm::MlDsa44 => &signature::ML_DSA_44,
        KeyAlgorithm::MlDsa65 => &signature::ML_DSA_65,
        KeyAlgorithm::MlDsa87 => &signature::ML_DSA_87,
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
            &signature::RSA_PKCS1_2048_8192_SHA256
        }
    };
    let key = ParsedPublicKey::new(algorithm, key.spki()).unwrap();
    key.verify_sig(message, signature).is_ok()
}

/// Checks an Ed25519ph signature, which AWS-LC does not know.
fn verifies_prehashed(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_public_key_der(key.spki()).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(signature).unwrap();
    let hash = sha2::Sha512::new_with_prefix(message);
    key.verify_prehashed_strict(hash, None, &signature).is_ok()
}

#[test]
fn a_signed_statement_is_a_v0_3_bundle_over_the_encoding() {
    for algorithm in QUICK {
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
    for algorithm in QUICK {
        let signer = signer(algorithm);
        let blob = Blob::new(b"artifact").unwrap();
        let bundle = now(sign_blob(blob, &signer, &Limits::default())).unwrap();
        let BundleContent::Message {
            algorithm: hash,
            digest,
            signature,
        } = bundle.content()
        else {
            panic!("a message signature");
        };
        assert_eq!(hash, "SHA2_256");
        assert_eq!(hex::encode(digest), Digest::sha256(b"artifact").hex());
        let key = signer.public_key();
        if algorithm == KeyAlgorithm::Ed25519 {
            assert!(verifies_prehashed(key, b"artifact", signature));
            assert!(!verifies(key, b"artifact", signature));
        } else {
            assert!(verifies(key, b"artifact", signature), "{algorithm}");
        }
    }
}

#[test]
fn an_artifact_hashed_while_it_was_read_gets_the_same_signatures() {
    let artifact = vec![7; 100_000];
    for algorithm in QUICK {
        let signer = signer(algorithm);
        let Some(mut hasher) = BlobHasher::new(signer.schemes().blob) else {
            assert_eq!(signer.schemes().blob, SignatureScheme::MlDsa);
            continue;
        };
        for part in artifact.chunks(33_333) {
            hasher.update(part);
        }
        let blob = hasher.finish().unwrap();
        assert_eq!(blob.digest(), Digest::sha256(&artifact));
        let signature = now(signer.sign_blob(&Blob::hashed(&blob))).unwrap();
        let key = signer.public_key();
        let holds = match algorithm {
            KeyAlgorithm::Ed25519 => verifies_prehashed(key, &artifact, &signature),
            _ => verifies(key, &artifact, &signature),
        };
        assert!(holds, "{algorithm}");
    }
}

#[test]
fn a_hash_is_not_signed_where_the_bytes_are_needed() {
    let mut hasher = BlobHasher::new(SignatureScheme::EcdsaSha256).unwrap();
    hasher.update(b"artifact");
    let blob = hasher.finish().unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let pure = MemorySigner::with_scheme(key, SignatureScheme::Ed25519).unwrap();
    for signer in [pure.into(), signer(KeyAlgorithm::EcdsaP384)] {
        let outcome = now(signer.sign_blob(&Blob::hashed(&blob)));
        assert!(
            matches!(outcome, Err(SignError::BytesNeeded)),
            "{outcome:?}"
        );
    }
}

#[test]
fn an_encoding_is_noticed_however_it_is_cut() {
    let encoding = Pae::new(IN_TOTO, STATEMENT);
    for size in 1..10 {
        let mut hasher = BlobHasher::new(SignatureScheme::EcdsaSha256).unwrap();
        for part in encoding.as_bytes().chunks(size) {
            hasher.update(part);
        }
        assert!(matches!(hasher.finish(), Err(SignError::Encoding)));
    }
    let mut hasher = BlobHasher::new(SignatureScheme::EcdsaSha256).unwrap();
    hasher.update(b"DSSEv1");
    assert!(hasher.finish().is_ok());
}

#[test]
fn a_scheme_is_used_only_with_keys_it_suits() {
    for algorithm in QUICK {
        for scheme in SignatureScheme::ALL {
            let key = PrivateKey::generate(algorithm).unwrap();
            match MemorySigner::with_scheme(key, scheme) {
                Err(KeyError::Mismatch { .. }) => assert!(!scheme.suits(algorithm)),
                Err(other) => panic!("{other}"),
                Ok(signer) => {
                    assert!(scheme.suits(algorithm), "{algorithm} {scheme}");
                    let signer = AnySigner::from(signer);
                    now(signer.sign_blob(&Blob::new(b"artifact").unwrap())).unwrap();
                    now(signer.sign(&Pae::new(IN_TOTO, STATEMENT))).unwrap();
                }
            }
        }
    }
}

#[test]
fn rsa_signs_with_pss_where_asked_to() {
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let signer = MemorySigner::with_scheme(key, SignatureScheme::RsaPssSha256).unwrap();
    let signature = now(signer.sign_blob(&Blob::new(b"artifact").unwrap())).unwrap();
    let key = ParsedPublicKey::new(
        &signature::RSA_PSS_2048_8192_SHA256,
        signer.public_key().spki(),
    )
    .unwrap();
    assert!(key.verify_sig(b"artifact", &signature).is_ok());
    assert!(!verifies(signer.public_key(), b"artifact", &signature));
}

#[test]
fn o4_a_bundle_its_readers_would_refuse_is_not_made() {
    let signer = signer(KeyAlgorithm::EcdsaP256);
    let mut limits = Limits::default();
    limits.bundle_bytes = STATEMENT.len() as u64 + 10;
    let outcome = now(sign_statement(STATEMENT.to_vec(), &signer, &limits));
    assert!(
        matches!(outcome, Err(SignError::Size { .. })),
        "{outcome:?}"
    );
}
