//! Cross-checks with the `openssl` command, where there is one.

use std::process::Command;

use bulla_attest::{
    Blob, KeyAlgorithm, MemorySigner, PrivateKey, PublicKey, Signer as _, sign_blob,
};
use bulla_model::{BundleContent, Limits};

use crate::now;

fn openssl(arguments: &[&str]) -> Option<std::process::Output> {
    let found = Command::new("openssl").args(arguments).output().ok();
    if found.is_none() {
        println!("SKIPPED: no `openssl` command on this machine");
    }
    found
}

#[test]
fn openssl_reads_our_keys_and_verifies_our_signatures() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
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
        let bundle = now(sign_blob(
            Blob::new(b"artifact").unwrap(),
            &signer,
            &Limits::default(),
        ))
        .unwrap();
        let BundleContent::Message { signature, .. } = bundle.content() else {
            panic!("a message signature");
        };
        std::fs::write(path("sig"), signature).unwrap();
        std::fs::write(path("blob"), "artifact").unwrap();
        std::fs::write(path("pub"), signer.public_key().to_pem()).unwrap();
        let verdict = || verify(algorithm, &path("pub"), &path("sig"), &path("blob"));
        let whole = verdict().unwrap();
        assert!(whole.status.success(), "{algorithm}: {whole:?}");
        std::fs::write(path("blob"), "another").unwrap();
        assert!(!verdict().unwrap().status.success(), "{algorithm}");
    }
}

fn verify(
    algorithm: KeyAlgorithm,
    public: &str,
    signature: &str,
    blob: &str,
) -> Option<std::process::Output> {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => openssl(&[
            "dgst",
            "-sha256",
            "-verify",
            public,
            "-signature",
            signature,
            blob,
        ]),
        KeyAlgorithm::Ed25519 => openssl(&[
            "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-sigfile", signature,
            "-in", blob,
        ]),
    }
}
