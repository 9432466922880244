//! What is written beside a file: nothing that was there is lost, and everything is found again.

use serde_json::Value;

use crate::sandbox::Sandbox;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().with_key();
    sandbox.done("key generate --out second");
    sandbox.write("art.bin", "artifact one\n");
    sandbox
}

fn verified(sandbox: &Sandbox, question: &str) {
    let answer = sandbox.run(&format!("verify {question} art.bin"));
    let told = format!("{question}: {}{}", answer.data, answer.talk);
    assert_eq!(answer.code, 0, "{told}");
}

fn lines(sandbox: &Sandbox, file: &str) -> Vec<Value> {
    let text = sandbox.read(file);
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_second_signature_joins_the_first() {
    for how in ["", "--message"] {
        let sandbox = sandbox();
        sandbox.done(&format!("sign {how} --key bulla.key art.bin"));
        let first = sandbox.read("art.bin.sigstore.json");
        let answer = sandbox.done(&format!(
            "sign {how} --key second.key --output json art.bin"
        ));
        assert!(
            answer.data.contains("art.bin.intoto.jsonl"),
            "{}",
            answer.data
        );
        assert_eq!(sandbox.read("art.bin.sigstore.json"), first, "{how}");
        verified(&sandbox, "--key bulla.pub");
        verified(&sandbox, "--key second.pub");
        verified(&sandbox, "--key bulla.pub --key second.pub --threshold 2");
        // The file was built again: what is beside it is of other bytes.
        sandbox.write("art.bin", "artifact two\n");
        sandbox.done(&format!("sign {how} --key bulla.key art.bin"));
        assert_ne!(sandbox.read("art.bin.sigstore.json"), first, "{how}");
        assert_eq!(lines(&sandbox, "art.bin.sigstore.json").len(), 1);
        verified(&sandbox, "--key bulla.pub");
        assert_ne!(sandbox.run("verify --key second.pub art.bin").code, 0);
    }
}

#[test]
fn a_second_attestation_joins_the_first() {
    let sandbox = sandbox();
    sandbox.write("p.json", r#"{"a":1}"#);
    let attest = |kind: &str| {
        sandbox.done(&format!(
            "attest --predicate p.json --type {kind} --key bulla.key art.bin"
        ));
    };
    let (one, other) = ("https://one.example.test/v1", "https://two.example.test/v1");
    attest(one);
    // Over several lines it is the same document.
    let first = &lines(&sandbox, "art.bin.intoto.jsonl")[0];
    sandbox.write("art.bin.intoto.jsonl", &format!("{first:#}\n"));
    attest(other);
    assert_eq!(lines(&sandbox, "art.bin.intoto.jsonl").len(), 2);
    verified(&sandbox, &format!("--key bulla.pub --type {one}"));
    verified(&sandbox, &format!("--key bulla.pub --type {other}"));
    sandbox.write("art.bin.intoto.jsonl", "{\"cut");
    let again = format!("attest --predicate p.json --type {one} --key bulla.key art.bin");
    let mut command = sandbox.command(&again);
    let output = command
        .env("BULLA_PASSWORD", crate::sandbox::PASSWORD)
        .output();
    assert_eq!(output.unwrap().status.code(), Some(2));
    assert_eq!(sandbox.read("art.bin.intoto.jsonl"), "{\"cut");
}

#[test]
fn a_file_that_was_named_is_written_anew_as_cosign_does() {
    let sandbox = sandbox();
    sandbox.done("sign --key bulla.key --bundle b.json art.bin");
    sandbox.done("sign --key second.key --bundle b.json art.bin");
    assert_eq!(lines(&sandbox, "b.json").len(), 1);
    verified(&sandbox, "--key second.pub --bundle b.json");
}

#[test]
fn what_only_looks_like_the_signers_own_bundle_replaces_nothing() {
    for how in ["", "--message"] {
        let sandbox = sandbox();
        sandbox.done(&format!("sign {how} --key bulla.key art.bin"));
        // The same payload and name of a key, and a signature that is none.
        let mut forged = lines(&sandbox, "art.bin.sigstore.json").remove(0);
        let place = if how.is_empty() {
            "/dsseEnvelope/signatures/0/sig"
        } else {
            "/messageSignature/signature"
        };
        *forged.pointer_mut(place).unwrap() = "AAAA".into();
        sandbox.write("art.bin.sigstore.json", &forged.to_string());
        assert_ne!(sandbox.run("verify --key bulla.pub art.bin").code, 0);
        sandbox.done(&format!("sign {how} --key bulla.key art.bin"));
        verified(&sandbox, "--key bulla.pub");
    }
}

#[test]
fn somebody_elses_bundle_of_other_bytes_stays() {
    let sandbox = sandbox();
    sandbox.done("sign --key second.key art.bin");
    let theirs = sandbox.read("art.bin.sigstore.json");
    sandbox.write("art.bin", "artifact two\n");
    sandbox.done("sign --key bulla.key art.bin");
    assert_eq!(sandbox.read("art.bin.sigstore.json"), theirs);
    verified(&sandbox, "--key bulla.pub");
}
