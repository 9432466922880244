//! `bulla verify` by one signer: keys, thresholds, and signatures over bytes.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_attest::{Blob, MemorySigner, PrivateKey, Signer as _};
use bulla_model::media_type;
use serde_json::{Value, json};

use crate::sandbox::{Answer, PASSWORD, Sandbox};
use crate::verifying::{blob, copy_in, files, image_digest, tag};

/// The signature of `bulla.key` over these bytes.
pub(crate) fn signature(sandbox: &Sandbox, bytes: &[u8]) -> Vec<u8> {
    let pem = sandbox.read("bulla.key");
    let key = PrivateKey::from_pem(pem.as_bytes(), Some(PASSWORD.as_bytes())).unwrap();
    let signer = MemorySigner::new(key);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime
        .block_on(signer.sign_blob(&Blob::new(bytes).unwrap()))
        .unwrap()
}

fn code(answer: &Answer, expected: i32, what: &str) {
    assert_eq!(
        answer.code, expected,
        "{what}\n{}{}",
        answer.data, answer.talk
    );
}

#[test]
fn signatures_over_a_file_come_detached_or_as_cosign_wrote_them() {
    let sandbox = Sandbox::new().with_key();
    sandbox.done("key generate --out second");
    sandbox.write("art.bin", "artifact one\n");
    sandbox.write("other.bin", "artifact two\n");
    let signed = STANDARD.encode(signature(&sandbox, b"artifact one\n"));
    sandbox.write("art.sig", &format!("{signed}\n"));
    std::fs::write(sandbox.path("art.raw"), STANDARD.decode(&signed).unwrap()).unwrap();
    let document = json!({
        "base64Signature": signed,
        "cert": STANDARD.encode(sandbox.read("bulla.pub")),
        "rekorBundle": null,
    });
    sandbox.write("art.bin.bundle", &document.to_string());
    for how in [
        "",
        "--bundle art.bin.bundle",
        "--signature art.sig",
        "--signature art.raw",
    ] {
        let run = |key: &str, file: &str| sandbox.run(&format!("verify --key {key} {how} {file}"));
        code(&run("bulla.pub", "art.bin"), 0, how);
        // It names no key: whether another one made it or the file was changed, nobody can tell.
        code(&run("second.pub", "art.bin"), 12, how);
        assert_ne!(run("bulla.pub", "other.bin").code, 0, "{how}");
    }
    let both = sandbox.run("verify --key bulla.pub --signature art.sig art.bin other.bin");
    code(&both, 2, "one signature, two files");
    sandbox.write("empty.sig", "");
    code(
        &sandbox.run("verify --key bulla.pub --signature empty.sig art.bin"),
        2,
        "no signature",
    );
}

#[test]
fn signatures_at_cosign_tags_name_their_image() {
    let sandbox = Sandbox::new().with_image().with_key();
    let digest = image_digest(&sandbox);
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "registry.example.test/app"},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string();
    let signed = STANDARD.encode(signature(&sandbox, payload.as_bytes()));
    let push = |sandbox: &Sandbox, at: &str| {
        let mut layer = blob(
            sandbox,
            "application/vnd.dev.cosign.simplesigning.v1+json",
            payload.as_bytes(),
        );
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signed});
        let config = blob(sandbox, media_type::IMAGE_CONFIG, b"{}");
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::IMAGE_MANIFEST,
            "config": config,
            "layers": [layer],
        });
        tag(sandbox, &manifest, &format!("{}.sig", at.replace(':', "-")));
    };
    push(&sandbox, &digest);
    let run = |sandbox: &Sandbox, more: &str| {
        sandbox.run(&format!("verify --key bulla.pub {more} --output json"))
    };
    let answer = run(&sandbox, "image:1.0");
    code(&answer, 0, "signed");
    let verdict = &answer.json()["verdicts"][0]["verdict"];
    let report = &verdict["signatures"][0];
    assert_eq!(report["counts"], true);
    assert_eq!(report["dockerReference"], "registry.example.test/app");
    let named = "--signed-as registry.example.test/app image:1.0";
    code(&run(&sandbox, named), 0, named);
    let misnamed = "--signed-as registry.example.test/other image:1.0";
    code(&run(&sandbox, misnamed), 13, misnamed);
    // The same signature at the tag of another image.
    let other = Sandbox::new().with_image();
    copy_in(&sandbox, &other, "bulla.pub");
    let index: Value = serde_json::from_str(&other.read("image/index.json")).unwrap();
    let mut second = index["manifests"][0].clone();
    let bytes = std::fs::read(
        other
            .path("image/blobs/sha256")
            .join(digest.replace("sha256:", "")),
    )
    .unwrap();
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    manifest["annotations"] = json!({"another": "image"});
    second["annotations"] = json!({});
    let moved = tag(&other, &manifest, "2.0");
    push(&other, moved["digest"].as_str().unwrap());
    code(&run(&other, "image:2.0"), 13, "moved");
    code(&run(&other, "image:1.0"), 10, "not signed here");
}

#[test]
fn f28_thresholds_count_different_keys() {
    let sandbox = files();
    let run = |arguments: &str| {
        sandbox.run(&format!(
            "verify --type slsaprovenance1 {arguments} art.bin"
        ))
    };
    let both = "--key ecdsa.pub2.pem --key ed25519.pub2.pem";
    let one = "--bundle env.ecdsa.json";
    let two = "--bundle env.ecdsa.json --bundle env.ed25519.json";
    code(&run(&format!("{both} {one}")), 0, "any of them");
    code(&run(&format!("{both} --threshold 2 {two}")), 0, "both");
    code(
        &run(&format!("{both} --threshold 2 {one}")),
        11,
        "one of two",
    );
    let twice = "--bundle env.ecdsa.json --bundle env.ecdsa.json";
    code(
        &run(&format!("{both} --threshold 2 {twice}")),
        11,
        "one twice",
    );
    let same = "--key ecdsa.pub2.pem --key ecdsa.pub2.pem --threshold 2";
    let answer = run(&format!("{same} {two}"));
    code(&answer, 2, "one key named twice");
    assert!(answer.talk.contains("can never be met"), "{}", answer.talk);
    let logs = format!("--key ecdsa.pub2.pem --log-threshold 1 {one}");
    assert_ne!(run(&logs).code, 0, "nothing is logged");
}

#[test]
fn claims_of_a_certificate_are_compared_and_every_check_is_explained() {
    let sandbox = Sandbox::new();
    sandbox.write("art.bin", "artifact one\n");
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/interop/sigstore");
    for name in ["sigstore-python.rekor2.sigstore.json", "trusted_root.json"] {
        std::fs::copy(testdata.join(name), sandbox.path(name)).unwrap();
    }
    let run = |more: &str| {
        sandbox.run(&format!(
            "verify --bundle sigstore-python.rekor2.sigstore.json --trusted-root trusted_root.json \
             --certificate-identity dev@example.com --certificate-oidc-issuer http://127.0.0.1:15103 \
             --type slsaprovenance1 {more} art.bin"
        ))
    };
    let explained = run("--explain");
    code(&explained, 0, "keyless");
    for text in [
        "#1",
        "counts",
        "certificate",
        "transparency-log",
        "timestamp",
        "expected",
        "found",
    ] {
        assert!(explained.data.contains(text), "{text}: {}", explained.data);
    }
    let report = run("--output json").json();
    let signature = &report["verdicts"][0]["verdict"]["signatures"][0];
    assert!(
        signature["logEntries"][0]["logIndex"].is_number(),
        "{signature}"
    );
    assert!(
        signature["timestamps"][0]["time"].is_string(),
        "{signature}"
    );
    for claim in [
        "--certificate-github-workflow-repository owner/repo",
        "--certificate-github-workflow-ref refs/heads/main",
        "--certificate-github-workflow-sha 0123",
        "--certificate-github-workflow-trigger push",
        "--certificate-github-workflow-name build",
    ] {
        code(&run(claim), 11, claim);
    }
    let other = run("--certificate-github-workflow-ref refs/heads/main");
    for text in [
        "claims something else",
        "sourceRef refs/heads/main",
        "no sourceRef",
    ] {
        assert!(other.data.contains(text), "{text}: {}", other.data);
    }
    let early = run("--at 2020-01-01T00:00:00Z");
    code(&early, 14, "judged before it was signed");
    assert!(early.data.contains("not valid yet"), "{}", early.data);
    code(
        &run("--timestamp-threshold 1 --log-threshold 1"),
        0,
        "one of each",
    );
    assert_ne!(run("--timestamp-threshold 2").code, 0);
    let refused =
        sandbox.run("verify --key absent.pub --certificate-github-workflow-ref r art.bin");
    code(&refused, 2, "claims are of certificates");
}

#[test]
fn a_private_authority_may_be_given_as_plain_files() {
    let sandbox = Sandbox::new();
    sandbox.write("art.bin", "artifact one\n");
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/interop/sigstore");
    for name in ["sigstore-python.rekor1.sigstore.json", "trusted_root.json"] {
        std::fs::copy(testdata.join(name), sandbox.path(name)).unwrap();
    }
    let root: Value = serde_json::from_str(&sandbox.read("trusted_root.json")).unwrap();
    let pem = |label: &str, base64: &Value| {
        let base64 = base64.as_str().unwrap();
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    };
    let chain = root["certificateAuthorities"][0]["certChain"]["certificates"]
        .as_array()
        .unwrap();
    let (last, between) = chain.split_last().unwrap();
    sandbox.write("ca.pem", &pem("CERTIFICATE", &last["rawBytes"]));
    let mut flags = "--ca-roots ca.pem".to_owned();
    if !between.is_empty() {
        let between: String = between
            .iter()
            .map(|one| pem("CERTIFICATE", &one["rawBytes"]))
            .collect();
        sandbox.write("between.pem", &between);
        flags.push_str(" --ca-intermediates between.pem");
    }
    for (list, flag) in [("tlogs", "--log-key"), ("ctlogs", "--certificate-log-key")] {
        for (number, log) in root[list].as_array().into_iter().flatten().enumerate() {
            let name = format!("{list}{number}.pem");
            sandbox.write(&name, &pem("PUBLIC KEY", &log["publicKey"]["rawBytes"]));
            flags = format!("{flags} {flag} {name}");
        }
    }
    let run = |trust: &str| {
        sandbox.run(&format!(
            "verify --bundle sigstore-python.rekor1.sigstore.json {trust} --type slsaprovenance1 \
             --certificate-identity dev@example.com --certificate-oidc-issuer http://127.0.0.1:15103 art.bin"
        ))
    };
    code(&run(&flags), 0, &flags);
    assert_ne!(run("--ca-roots ca.pem").code, 0, "nothing proves the time");
    let both = run(&format!("{flags} --trusted-root trusted_root.json"));
    code(&both, 2, "one or the other");
    code(&run("--ca-roots tlogs0.pem"), 2, "a key is no certificate");
    // An authority that issued nothing here.
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(Vec::new())
        .unwrap()
        .self_signed(&key)
        .unwrap();
    sandbox.write("other.pem", &other.pem());
    let flags = flags.replace("ca.pem", "other.pem");
    assert_ne!(run(&flags).code, 0, "another authority");
}

/// What says who must have signed, with the restrictions that do not go with it. Whoever types one
/// believes that it is enforced.
#[test]
fn f21_a_restriction_that_would_not_be_enforced_is_refused() {
    const RULES: [&str; 3] = ["--policy x.cue", "--anchor a.yaml", "--state s.json"];
    const ISSUER: [&str; 2] = [
        "--certificate-oidc-issuer https://issuer.example.test",
        "--certificate-oidc-issuer-regexp .*",
    ];
    const IDENTITY: [&str; 2] = [
        "--certificate-identity a@example.test",
        "--certificate-identity-regexp .*",
    ];
    const WORKFLOW: [&str; 5] = [
        "--certificate-github-workflow-trigger push",
        "--certificate-github-workflow-sha 00ff",
        "--certificate-github-workflow-name release",
        "--certificate-github-workflow-repository a/b",
        "--certificate-github-workflow-ref refs/heads/main",
    ];
    const KEY: [&str; 1] = ["--key bulla.pub"];
    let sandbox = Sandbox::new().with_key();
    sandbox.write("art.bin", "artifact one\n");
    sandbox.done("sign --key bulla.key art.bin");
    code(
        &sandbox.run("verify --key bulla.pub art.bin"),
        0,
        "without any",
    );
    let of_env = ["--type vuln", "--log-threshold 1", "--signed-as a.test/b"];
    let table: [(&str, &[&[&str]]); 4] = [
        (KEY[0], &[&RULES, &ISSUER, &IDENTITY, &WORKFLOW]),
        (IDENTITY[0], &[&RULES, &KEY]),
        (IDENTITY[1], &[&RULES, &KEY]),
        (
            "--env prod",
            &[&KEY, &ISSUER, &IDENTITY, &WORKFLOW, &of_env],
        ),
    ];
    for (who, restrictions) in table {
        for restriction in restrictions.iter().copied().flatten() {
            let answer = sandbox.run(&format!("verify {who} {restriction} art.bin"));
            let (one, other) = (flag(who), flag(restriction));
            code(&answer, 2, &format!("{who} {restriction}"));
            for part in [one, other, "cannot be used with"] {
                assert!(answer.talk.contains(part), "{part}: {}", answer.talk);
            }
        }
    }
    // What is set once for every command is for those that it is about.
    let answer = sandbox
        .command("verify --key bulla.pub art.bin")
        .env("BULLA_POLICY", "absent")
        .env("BULLA_ANCHOR", "absent")
        .output()
        .unwrap();
    code(&Answer::of(&answer), 0, "variables");
}

fn flag(text: &str) -> &str {
    text.split(' ').next().unwrap()
}
