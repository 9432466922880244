//! SBOMs by reference: written, found again where the image is, carried along, and never fetched
//! from where a statement says.

use std::net::TcpListener;
use std::time::Duration;

use bulla_model::Digest;
use serde_json::{Value, json};

use crate::registries::{observed_registry, registry};
use crate::sandbox::Sandbox;

const VERIFY: &str = "--type cyclonedx --key bulla.pub";

fn document() -> String {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "zlib"}]})
        .to_string()
}

/// Signs a reference to a document at `location`, beside the image in the layout.
fn refer(sandbox: &Sandbox, key: &str, document: &str, location: &str) {
    let predicate = json!({
        "attester": {"id": "https://example.test/attester"},
        "references": [{
            "mediaType": "application/vnd.cyclonedx+json",
            "downloadLocation": location,
            "digest": {"sha256": Digest::sha256(document.as_bytes()).hex()},
        }],
    });
    sandbox.write("reference.json", &predicate.to_string());
    sandbox.done(&format!(
        "attest image:1.0 --type reference --predicate reference.json --key {key}"
    ));
}

/// An image in a layout with a reference to a document that is there, too.
fn referred() -> Sandbox {
    let sandbox = Sandbox::new().with_image().with_key();
    refer(
        &sandbox,
        "bulla.key",
        &document(),
        "https://example.test/sbom.json",
    );
    sandbox.blob(document().as_bytes(), "application/vnd.cyclonedx+json");
    sandbox
}

fn blob(document: &str) -> String {
    let digest = Digest::sha256(document.as_bytes());
    format!("image/blobs/sha256/{}", digest.hex())
}

fn verified(sandbox: &Sandbox, target: &str) -> Value {
    let answer = sandbox.done(&format!("verify {target} {VERIFY} --output json"));
    answer.json()["verdicts"][0]["verdict"]["signatures"][0].clone()
}

#[test]
fn a_large_sbom_is_followed_in_a_registry_and_goes_along_with_the_image() {
    let sandbox = Sandbox::new().with_image().with_key();
    let host = registry();
    let there = format!("{host}/pay/api:1.0");
    sandbox.done(&format!("copy image:1.0 {there}"));
    sandbox.done(&format!("sbom {there} -o sbom.json"));
    sandbox.done(&format!(
        "attest --sbom sbom.json --by-reference --key bulla.key {there}"
    ));
    let digest = Digest::sha256(sandbox.read("sbom.json").as_bytes());
    let elsewhere = format!("{}/other/name:1.0", registry());
    sandbox.done(&format!("copy {there} oci:back:1.0"));
    sandbox.done(&format!("copy back:1.0 {elsewhere}"));
    for place in [there.as_str(), "back:1.0", &elsewhere] {
        let signature = verified(&sandbox, place);
        assert_eq!(signature["document"], digest.to_string(), "{place}");
        assert_eq!(signature["predicateType"], "https://cyclonedx.org/bom");
        let tree = sandbox.done(&format!("tree {place} --output json")).json();
        let attached = tree["nodes"][0]["attached"].as_array().unwrap();
        let referring = attached.iter().find(|one| one["documents"].is_array());
        let shown = &referring.unwrap()["documents"][0];
        assert_eq!(shown["digest"], digest.to_string());
        assert_eq!(shown["size"], sandbox.read("sbom.json").len());
        let people = sandbox.done(&format!("tree {place}")).data;
        assert!(people.contains("refers to"), "{people}");
        // It is no SBOM of the other format, and no signature of the image.
        let spdx = sandbox.run(&format!("verify {place} --type spdx --key bulla.pub"));
        assert_eq!(spdx.code, 10, "{}{}", spdx.data, spdx.talk);
        let signed = sandbox.run(&format!("verify {place} --key bulla.pub"));
        assert_eq!(signed.code, 10);
    }
}

#[test]
fn a_document_that_is_gone_is_doubt_until_somebody_has_it() {
    let sandbox = referred();
    verified(&sandbox, "image:1.0");
    std::fs::remove_file(sandbox.path(&blob(&document()))).unwrap();
    let gone = sandbox.run(&format!("verify image:1.0 {VERIFY}"));
    assert_eq!(gone.code, 3, "{}", gone.data);
    assert!(gone.data.contains("--document FILE"), "{}", gone.data);
    let tree = sandbox.done("tree image:1.0 --output json").json();
    let shown = &tree["nodes"][0]["attached"][0]["documents"][0];
    assert!(shown["problem"].as_str().unwrap().contains("not in"));
    sandbox.write("mine.json", &document());
    verified(&sandbox, "image:1.0 --document mine.json");
    sandbox.write("other.json", "{}");
    let other = sandbox.run(&format!("verify image:1.0 {VERIFY} --document other.json"));
    assert_eq!(other.code, 3, "{}", other.data);
}

#[test]
fn a_document_that_was_swapped_is_tampering() {
    let sandbox = referred();
    sandbox.write(&blob(&document()), &document().replace("zlib", "evil"));
    let swapped = sandbox.run(&format!("verify image:1.0 {VERIFY}"));
    assert_eq!(swapped.code, 12, "{}", swapped.data);
    assert!(
        swapped.data.contains("document-mismatch"),
        "{}",
        swapped.data
    );
}

#[test]
fn a_stranger_who_refers_to_the_document_is_not_believed() {
    let sandbox = Sandbox::new().with_image().with_key();
    sandbox.new_key("stranger");
    refer(
        &sandbox,
        "stranger.key",
        &document(),
        "https://example.test/",
    );
    sandbox.blob(document().as_bytes(), "application/vnd.cyclonedx+json");
    let refused = sandbox.run(&format!("verify image:1.0 {VERIFY}"));
    assert_eq!(refused.code, 11, "{}", refused.data);
}

#[test]
fn f41_what_strangers_refer_to_is_not_even_asked_for() {
    let sandbox = Sandbox::new().with_image().with_key();
    sandbox.new_key("stranger");
    let junk: Vec<String> = (0..4).map(|n| format!("{{\"junk\": {n}}}")).collect();
    for document in &junk {
        refer(&sandbox, "stranger.key", document, "https://example.test/");
    }
    let (host, seen) = observed_registry();
    let there = format!("{host}/pay/api:1.0");
    sandbox.done(&format!("copy image:1.0 {there}"));
    sandbox.write("sbom.json", &document());
    sandbox.done(&format!(
        "attest --sbom sbom.json --by-reference --key bulla.key {there}"
    ));
    let asked = |document: &str| {
        let path = format!("/blobs/{}", Digest::sha256(document.as_bytes()));
        let seen = seen.lock().unwrap();
        seen.iter().filter(|line| line.ends_with(&path)).count()
    };
    let before = asked(&document());
    let signature = verified(&sandbox, &there);
    let own = Digest::sha256(document().as_bytes()).to_string();
    assert_eq!(signature["document"], own);
    assert!(asked(&document()) > before);
    assert!(junk.iter().all(|document| asked(document) == 0));
    // Where nobody asks for a bill of materials, nobody's documents are.
    let before = asked(&document());
    let signed = sandbox.run(&format!("verify {there} --key bulla.pub"));
    assert_eq!(signed.code, 10);
    assert_eq!(asked(&document()), before);
}

#[test]
fn where_a_statement_says_a_document_is_nobody_looks() {
    let sandbox = Sandbox::new().with_image().with_key();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    let location = format!("http://{host}/sbom.json");
    refer(&sandbox, "bulla.key", &document(), &location);
    let refused = sandbox.run(&format!("verify image:1.0 {VERIFY}"));
    assert_eq!(refused.code, 3, "{}", refused.data);
    std::thread::sleep(Duration::from_millis(50));
    listener.set_nonblocking(true).unwrap();
    let nobody = listener.accept().map(|_| "somebody").unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn f38_a_document_larger_than_any_is_not_read() {
    let sandbox = Sandbox::new().with_image().with_key();
    refer(&sandbox, "bulla.key", &document(), "https://example.test/");
    let file = std::fs::File::create(sandbox.path(&blob(&document()))).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let refused = sandbox.run(&format!("verify image:1.0 {VERIFY}"));
    assert_eq!(refused.code, 3, "{}", refused.data);
    assert!(refused.data.contains("67108865 bytes"), "{}", refused.data);
    // What nobody would read is not written either.
    let host = registry();
    sandbox.done(&format!("copy image:1.0 {host}/a/b:1.0"));
    let file = std::fs::File::create(sandbox.path("large.json")).unwrap();
    file.set_len((64 << 20) + 1).unwrap();
    let refused = sandbox.run(&format!(
        "attest {host}/a/b:1.0 --sbom large.json --by-reference --key bulla.key"
    ));
    assert_ne!(refused.code, 0);
    assert!(refused.talk.contains("large.json"), "{}", refused.talk);
}

#[test]
fn a_file_has_its_sbom_by_reference_too() {
    let sandbox = Sandbox::new().with_key();
    sandbox.write("app.bin", "bytes");
    sandbox.write("sbom.json", &document());
    let predicate = json!({
        "attester": {"id": "https://example.test/attester"},
        "references": [{
            "mediaType": "application/vnd.cyclonedx+json; version=1.6",
            "downloadLocation": "https://example.test/sbom.json",
            "digest": {"sha256": Digest::sha256(document().as_bytes()).hex()},
        }],
    });
    sandbox.write("reference.json", &predicate.to_string());
    sandbox.done("attest app.bin --type reference --predicate reference.json --key bulla.key");
    let without = sandbox.run(&format!("verify app.bin {VERIFY}"));
    assert_eq!(without.code, 3, "{}", without.data);
    verified(&sandbox, "app.bin --document sbom.json");
}
