//! Keyless bundles that other Sigstore clients wrote; `testdata/interop/sigstore` says how.
//!
//! Clients that can be run here are run by `.ci/interop` instead.

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
        attestations: vec![Attestation {
            bundle: bundle.to_vec(),
            manifest: None,
        }],
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
