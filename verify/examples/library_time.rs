//! How long one verification takes in this library, beside `sigstore-verify` alone on the same
//! bundle: `cargo run --release -p bulla-verify --example library_time`.
//!
//! Both sides parse the bundle each time and reuse what they prepared from the trusted root. Rounds
//! of the two alternate, so that a busy moment of the machine hits both; medians are printed, as
//! one JSON line for each bundle.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "this program measures the library, and is none of it"
)]

use std::path::Path;
use std::time::Instant;

use bulla_model::{Digest, Limits};
use bulla_verify::{
    Attestation, Decision, Evidence, ExpectedClaim, ExpectedSigner, Pattern, SignedQuestion, Trust,
    verify_signed,
};
use jiff::Timestamp;
use sigstore_trust_root::TrustedRoot;
use sigstore_types::Sha256Hash;
use sigstore_verify::{VerificationPolicy, Verifier};

const ROUNDS: usize = 300;

/// Bundle, trusted root and the SHA-256 of the artifact.
const CASES: [(&str, &str, &str); 2] = [
    ("rekor1", "public", ARTIFACT),
    ("rekor2", "rekor2", ARTIFACT),
];

const ARTIFACT: &str = "a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";

fn main() {
    for case in CASES {
        println!("{}", measure(case));
    }
}

fn measure((name, root, artifact): (&str, &str, &str)) -> String {
    let read = |file: String| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/verify/sigstore");
        std::fs::read(path.join(file)).expect("because the fixture is part of the checkout")
    };
    let bundle = read(format!("{name}.sigstore.json"));
    let root = read(format!("{root}.trusted_root.json"));
    let (limits, now) = (Limits::default(), Timestamp::now());

    let trust = Trust::new([], std::slice::from_ref(&root), now, &limits)
        .expect("because the root is one that tests read");
    let any = || Pattern::regex(".*").expect("because this is a regular expression");
    let signer = ExpectedSigner::Certificate {
        issuer: any(),
        subject: any(),
    };
    let digest = format!("sha256:{artifact}");
    let digest: Digest = digest.parse().expect("because it is a digest");
    let ours = || {
        let evidence = Evidence {
            artifact: Some(digest.clone()),
            attestations: vec![Attestation::bundle(bundle.clone(), None)],
            ..Evidence::default()
        };
        let verdict = verify_signed(&SignedQuestion {
            name,
            evidence: &evidence,
            trust: &trust,
            signer: &signer,
            claim: &ExpectedClaim::Anything,
            now,
            limits: &limits,
            cancelled: &|| false,
        });
        assert_eq!(verdict.decision, Decision::Allow, "{:?}", verdict.findings);
    };

    let text = std::str::from_utf8(&root).expect("because JSON is UTF-8");
    let root = TrustedRoot::from_json(text).expect("because tests read it");
    let verifier = Verifier::new(&root).expect("because tests read it");
    let hash = Sha256Hash::from_hex(artifact).expect("because it is a digest");
    let text = std::str::from_utf8(&bundle).expect("because JSON is UTF-8");
    let theirs = || {
        let bundle = sigstore_types::Bundle::from_json(text).expect("because tests read it");
        verifier
            .verify(hash, &bundle, &VerificationPolicy::any_identity())
            .expect("because tests verify it");
    };

    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        here.push(timed(&ours));
        there.push(timed(&theirs));
    }
    let (here, there) = (median(here), median(there));
    format!(
        r#"{{"bundle": "{name}", "bulla_us": {here:.0}, "sigstore_verify_us": {there:.0}, "ratio": {:.2}}}"#,
        here / there
    )
}

/// Microseconds.
fn timed(run: &dyn Fn()) -> f64 {
    let began = Instant::now();
    run();
    began.elapsed().as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
