//! `bulla inspect` and `bulla tree`: everything is shown, nothing is believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata");

fn keyless() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in [
        "sigstore-python.rekor1.sigstore.json",
        "sigstore-python.rekor2.sigstore.json",
        "trusted_root.json",
    ] {
        std::fs::copy(
            format!("{TESTDATA}/interop/sigstore/{name}"),
            sandbox.path(name),
        )
        .unwrap();
    }
    sandbox
}

fn shown(sandbox: &Sandbox, arguments: &str) -> Value {
    let report = sandbox
        .done(&format!("inspect {arguments} --output json"))
        .json();
    assert_eq!(report["verified"], false);
    report["content"].clone()
}

#[test]
fn a_keyless_bundle_shows_certificate_log_entries_and_timestamps() {
    let sandbox = keyless();
    let first = shown(&sandbox, "sigstore-python.rekor1.sigstore.json");
    assert_eq!(first["kind"], "bundle");
    let certificate = &first["certificates"][0];
    assert_eq!(certificate["identity"]["subject"], "dev@example.com");
    assert_eq!(certificate["alternativeNames"], json!(["dev@example.com"]));
    assert_eq!(certificate["authority"], false);
    assert!(certificate["notAfter"].as_str() > certificate["notBefore"].as_str());
    let entry = &first["logEntries"][0];
    assert_eq!(entry["kind"], "dsse 0.0.1");
    assert_eq!(entry["inclusionProof"], true);
    assert!(entry["integratedTime"].is_string(), "{entry}");
    let second = shown(&sandbox, "sigstore-python.rekor2.sigstore.json");
    let stamp = &second["timestamps"][0];
    assert!(stamp["time"].is_string(), "{second}");
    assert_eq!(stamp["digest"].as_str().unwrap().len(), 64);
    let told = sandbox
        .done("inspect sigstore-python.rekor2.sigstore.json")
        .data;
    for text in ["unverified", "dev@example.com", "timestamp", "log entry"] {
        assert!(told.contains(text), "{text}: {told}");
    }
}

#[test]
fn certificates_timestamps_and_trust_are_shown_in_every_encoding() {
    let sandbox = keyless();
    let read = |name: &str| -> Value { serde_json::from_str(&sandbox.read(name)).unwrap() };
    let material = &read("sigstore-python.rekor2.sigstore.json")["verificationMaterial"];
    let certificate = material["certificate"]["rawBytes"].as_str().unwrap();
    let der = STANDARD.decode(certificate).unwrap();
    std::fs::write(sandbox.path("leaf.der"), &der).unwrap();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
    sandbox.write("leaf.pem", &format!("{pem}{pem}"));
    let one = shown(&sandbox, "leaf.der");
    assert_eq!(one["kind"], "certificates");
    assert_eq!(
        one["certificates"][0]["identity"]["subject"],
        "dev@example.com"
    );
    let two = shown(&sandbox, "leaf.pem");
    assert_eq!(two["certificates"][1], one["certificates"][0]);
    let stamp = &material["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"];
    let token = STANDARD.decode(stamp.as_str().unwrap()).unwrap();
    std::fs::write(sandbox.path("stamp.tsr"), token).unwrap();
    assert_eq!(shown(&sandbox, "stamp.tsr")["kind"], "timestamp");
    let root = shown(&sandbox, "trusted_root.json");
    assert_eq!(root["what"], "trusted root");
    std::fs::write(sandbox.path("cut.der"), &der[..der.len() / 2]).unwrap();
    let cut = sandbox.run("inspect cut.der");
    assert_eq!(cut.code, 2);
    assert!(
        cut.talk.contains("neither JSON nor PEM nor DER nor COSE"),
        "{}",
        cut.talk
    );
}

#[test]
fn lines_are_shown_one_by_one() {
    let sandbox = keyless();
    let line = |name: &str| sandbox.read(name).replace('\n', " ");
    let lines = format!(
        "{}\n\n{}\n",
        line("sigstore-python.rekor1.sigstore.json"),
        line("sigstore-python.rekor2.sigstore.json")
    );
    sandbox.write("both.jsonl", &lines);
    let all = shown(&sandbox, "both.jsonl");
    assert_eq!(all["kind"], "documents");
    let kinds: Vec<_> = all["documents"].as_array().unwrap().iter().collect();
    assert_eq!(kinds.len(), 2);
    assert_eq!(*kinds[1], shown(&sandbox, "both.jsonl#2"));
    sandbox.write("broken.jsonl", &format!("{lines}{{\"a\":"));
    assert_eq!(sandbox.run("inspect broken.jsonl").code, 2);
}

#[test]
fn simple_signing_payloads_and_cosign_files_are_shown() {
    let sandbox = keyless();
    let digest = format!("sha256:{}", "ab".repeat(32));
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": "registry.example.test/\u{1b}[31mapp"},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        },
        "optional": {"by": "me"},
    });
    sandbox.write("payload.json", &payload.to_string());
    let signed = shown(&sandbox, "payload.json");
    assert_eq!(signed["kind"], "simple-signing");
    assert_eq!(signed["digest"], digest);
    let told = sandbox.done("inspect payload.json").data;
    assert!(!told.contains('\u{1b}'), "{told:?}");
    let bundle: Value =
        serde_json::from_str(&sandbox.read("sigstore-python.rekor1.sigstore.json")).unwrap();
    let material = &bundle["verificationMaterial"];
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        material["certificate"]["rawBytes"].as_str().unwrap()
    );
    let file =
        json!({"base64Signature": "AAAA", "cert": STANDARD.encode(pem), "rekorBundle": null});
    sandbox.write("art.bin.bundle", &file.to_string());
    let file = shown(&sandbox, "art.bin.bundle");
    assert_eq!(file["kind"], "cosign");
    assert!(
        file["signer"]
            .as_str()
            .unwrap()
            .starts_with("dev@example.com"),
        "{file}"
    );
}
