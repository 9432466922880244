//! Keyless bundles that other Sigstore clients wrote; `testdata/interop/sigstore` says how.
//!
//! Clients that can be run here are run by `.ci/interop` instead.

use crate::sandbox::Sandbox;
use bulla_model::{Digest, Limits};
use bulla_verify::{
    Attestation, Evidence, ExpectedClaim, ExpectedSigner, Pattern, SignedQuestion, Trust, Verdict,
    verify_signed,
};
use jiff::Timestamp;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/interop/sigstore/", $name)).as_slice()
    };
}

const PYTHON: [&[u8]; 2] = [
    file!("sigstore-python.rekor1.sigstore.json"),
    file!("sigstore-python.rekor2.sigstore.json"),
];
const JAVASCRIPT: &[u8] = file!("sigstore-js.rekor1.sigstore.json");
const ROOT: &[u8] = file!("trusted_root.json");
const ARTIFACT: &str = "sha256:24e1e4fc63ffe3eff5d479dc0a335d3b1c273559e33efb88538783c9efbed408";
const SIGNER: &str = "dev@example.com";

fn ask(bundle: &[u8], artifact: &str, signer: &str) -> Verdict {
    let now: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let limits = Limits::default();
    let artifact: Digest = artifact.parse().unwrap();
    let evidence = Evidence {
        artifact: Some(artifact),
        attestations: vec![Attestation::bundle(bundle.to_vec(), None)],
        ..Evidence::default()
    };
    verify_signed(&SignedQuestion {
        name: "art.bin",
        evidence: &evidence,
        trust: &Trust::new([], &[ROOT.to_vec()], now, &limits).unwrap(),
        signer: &ExpectedSigner::Certificate {
            issuer: Pattern::Exact("http://127.0.0.1:15103".to_owned()),
            subject: Pattern::Exact(signer.to_owned()),
        },
        claim: &ExpectedClaim::Attestation("https://slsa.dev/provenance/v1".to_owned()),
        now,
        limits: &limits,
        cancelled: &|| false,
    })
}

#[test]
fn bundles_of_sigstore_python_are_accepted() {
    for bundle in PYTHON {
        let verdict = ask(bundle, ARTIFACT, SIGNER);
        assert_eq!(verdict.exit_code(), 0, "{verdict:#?}");
    }
}

#[test]
fn bundles_of_sigstore_javascript_are_accepted() {
    let verdict = ask(JAVASCRIPT, ARTIFACT, SIGNER);
    assert_eq!(verdict.exit_code(), 0, "{verdict:#?}");
}

#[test]
fn another_identity_or_artifact_is_refused() {
    let another = format!("sha256:{}", "0".repeat(64));
    for bundle in PYTHON {
        assert_eq!(ask(bundle, ARTIFACT, "eve@example.com").exit_code(), 11);
        assert_eq!(ask(bundle, &another, SIGNER).exit_code(), 13);
    }
}

#[test]
fn a_file_is_verified_by_the_envelope_or_bundle_beside_it() {
    let sandbox = Sandbox::new();
    sandbox.write("art.bin", "artifact one\n");
    sandbox.write("other.bin", "artifact two\n");
    let testdata = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata");
    for name in [
        "env.ed25519.json",
        "env.ecdsa.json",
        "ed25519.pub2.pem",
        "ecdsa.pub2.pem",
    ] {
        std::fs::copy(format!("{testdata}/verify/dsse/{name}"), sandbox.path(name)).unwrap();
    }
    for name in ["sigstore-python.rekor1.sigstore.json", "trusted_root.json"] {
        std::fs::copy(
            format!("{testdata}/interop/sigstore/{name}"),
            sandbox.path(name),
        )
        .unwrap();
    }
    let ask = |bundle: &str, key: &str, file: &str| {
        sandbox.run(&format!(
            "verify --bundle {bundle} --key {key} --type slsaprovenance1 {file}"
        ))
    };
    for kind in ["ed25519", "ecdsa"] {
        let (envelope, key) = (format!("env.{kind}.json"), format!("{kind}.pub2.pem"));
        assert_eq!(ask(&envelope, &key, "art.bin").code, 0, "{kind}");
        assert_eq!(
            ask(&envelope, &key, "other.bin").code,
            13,
            "{kind}: another file"
        );
        let forged = sandbox.read(&envelope).replacen("eyJf", "eyJF", 1);
        sandbox.write("forged.json", &forged);
        assert_ne!(
            ask("forged.json", &key, "art.bin").code,
            0,
            "{kind}: another payload"
        );
    }
    let wrong = ask("env.ecdsa.json", "ed25519.pub2.pem", "art.bin");
    assert_eq!(wrong.code, 11, "{}", wrong.data);
    // One in each line, as GitHub and slsa-github-generator write them.
    let line = |name: &str| sandbox.read(name).replace('\n', " ");
    let lines = format!(
        "{}\n\n{}\n",
        line("env.ecdsa.json"),
        line("env.ed25519.json")
    );
    sandbox.write("both.intoto.jsonl", &lines);
    assert_eq!(
        ask("both.intoto.jsonl", "ed25519.pub2.pem", "art.bin").code,
        0
    );
    let keyless = "verify --bundle sigstore-python.rekor1.sigstore.json --trusted-root trusted_root.json \
        --certificate-identity dev@example.com --certificate-oidc-issuer http://127.0.0.1:15103 \
        --type slsaprovenance1 art.bin";
    let answer = sandbox.run(keyless);
    assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
    let alone = sandbox.run("verify --key ed25519.pub2.pem art.bin");
    assert_eq!(alone.code, 10);
    assert!(alone.data.contains("--bundle FILE"), "{}", alone.data);
}
