//! Cross-checks with the `openssl` command, where there is one.

use std::process::Command;

use bulla_attest::{
    Blob, KeyAlgorithm, MemorySigner, PrivateKey, PublicKey, SignatureScheme, Signer as _,
};
use bulla_model::Pae;

use crate::now;

fn openssl(arguments: &[&str]) -> Option<std::process::Output> {
    let found = Command::new("openssl").args(arguments).output().ok();
    if found.is_none() {
        println!("SKIPPED: no `openssl` command on this machine");
    }
    found
}

/// Kinds every OpenSSL 3 knows; ML-DSA came with 3.5.
const KNOWN: [KeyAlgorithm; 7] = [
    KeyAlgorithm::EcdsaP256,
    KeyAlgorithm::EcdsaP384,
    KeyAlgorithm::EcdsaP521,
    KeyAlgorithm::Ed25519,
    KeyAlgorithm::Rsa2048,
    KeyAlgorithm::Rsa3072,
    KeyAlgorithm::Rsa4096,
];

#[test]
fn openssl_reads_our_keys_and_verifies_our_signatures() {
    for algorithm in KNOWN {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let key = PrivateKey::generate(algorithm).unwrap();
        std::fs::write(path("key"), key.to_pem().as_bytes()).unwrap();
        let Some(public) = openssl(&["pkey", "-in", &path("key"), "-pubout"]) else {
            return;
        };
        assert_eq!(
            PublicKey::from_pem(&public.stdout).unwrap(),
            key.public_key(),
            "{public:?}"
        );

        let signer = MemorySigner::new(key);
        let pae = Pae::new("text/plain", b"artifact");
        let signature = now(signer.sign(&pae)).unwrap();
        std::fs::write(path("sig"), signature).unwrap();
        std::fs::write(path("message"), pae.as_bytes()).unwrap();
        std::fs::write(path("pub"), signer.public_key().to_pem()).unwrap();
        let verdict = || {
            let scheme = signer.schemes().envelope;
            verify(scheme, &path("pub"), &path("sig"), &path("message")).unwrap()
        };
        let whole = verdict();
        assert!(whole.status.success(), "{algorithm}: {whole:?}");
        std::fs::write(path("message"), "another").unwrap();
        assert!(!verdict().status.success(), "{algorithm}");
    }
}

#[test]
fn openssl_verifies_pss() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let key = PrivateKey::generate(KeyAlgorithm::Rsa3072).unwrap();
    let signer = MemorySigner::with_scheme(key, SignatureScheme::RsaPssSha256).unwrap();
    let signature = now(signer.sign_blob(&Blob::new(b"artifact").unwrap())).unwrap();
    std::fs::write(path("sig"), signature).unwrap();
    std::fs::write(path("blob"), "artifact").unwrap();
    std::fs::write(path("pub"), signer.public_key().to_pem()).unwrap();
    let (public, signature, blob) = (path("pub"), path("sig"), path("blob"));
    if let Some(output) = verify(SignatureScheme::RsaPssSha256, &public, &signature, &blob) {
        assert!(output.status.success(), "{output:?}");
        let output = verify(SignatureScheme::RsaPkcs1Sha256, &public, &signature, &blob).unwrap();
        assert!(!output.status.success());
    }
}

fn verify(
    scheme: SignatureScheme,
    public: &str,
    signature: &str,
    blob: &str,
) -> Option<std::process::Output> {
    let hash = match scheme {
        SignatureScheme::EcdsaSha384 => "-sha384",
        SignatureScheme::EcdsaSha512 => "-sha512",
        _ => "-sha256",
    };
    let mut arguments = match scheme {
        SignatureScheme::Ed25519 => {
            return openssl(&[
                "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-sigfile", signature,
                "-in", blob,
            ]);
        }
        SignatureScheme::RsaPssSha256 => {
            vec!["dgst", hash, "-sigopt", "rsa_padding_mode:pss"]
        }
        _ => vec!["dgst", hash],
    };
    arguments.extend(["-verify", public, "-signature", signature, blob]);
    openssl(&arguments)
}
