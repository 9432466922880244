//! Signing what is not one image: files, directories, indexes, what a build pushed.

use base64::Engine as _;
use bulla_model::{Digest, ImageIndex, Limits, media_type};
use bulla_registry::{Layout, Store as _, Target};
use serde_json::Value;

use crate::registries::registry;
use crate::sandbox::Sandbox;

fn statement(bundle: &str) -> Value {
    let bundle: Value = serde_json::from_str(bundle).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let standard = base64::engine::general_purpose::STANDARD;
    serde_json::from_slice(&standard.decode(payload).unwrap()).unwrap()
}

#[test]
fn files_are_signed_beside_themselves() {
    let sandbox = Sandbox::new().with_key();
    for name in ["a", "b"] {
        sandbox.write(&format!("dist/{name}.txt"), name);
    }
    sandbox.write("dist/other.md", "not signed");
    let signed = sandbox
        .done("sign --key bulla.key dist/*.txt --output json")
        .json();
    assert_eq!(signed["signed"].as_array().unwrap().len(), 2);
    assert_eq!(signed["written"][1]["file"], "dist/b.txt.sigstore.json");
    assert!(!sandbox.path("dist/other.md.sigstore.json").exists());
    let verify = |bundle: &str, file: &str| {
        let arguments = format!("verify --key bulla.pub --bundle dist/{bundle} dist/{file}");
        sandbox.run(&arguments).code
    };
    assert_eq!(verify("a.txt.sigstore.json", "a.txt"), 0);
    assert_eq!(verify("a.txt.sigstore.json", "b.txt"), 13);
    // A file of one's own for the bundle.
    sandbox.done("sign --key bulla.key --bundle one.json dist/a.txt");
    assert_eq!(
        statement(&sandbox.read("one.json"))["subject"][0]["name"],
        "a.txt"
    );
}

#[test]
fn claims_about_files_are_written_beside_them() {
    let sandbox = Sandbox::new().with_key();
    sandbox.write("dist/a.txt", "a");
    sandbox.write("junit.xml", "<testsuite><testcase name=\"a\"/></testsuite>");
    sandbox.write("predicate.json", "{}");
    sandbox.done(
        "attest --key bulla.key --test-results junit.xml --type https://example.test/x/v1 \
         --predicate predicate.json dist/a.txt",
    );
    let lines = sandbox.read("dist/a.txt.intoto.jsonl");
    assert_eq!(lines.lines().count(), 2);
    sandbox.done(
        "verify --key bulla.pub --type https://example.test/x/v1 \
         --bundle dist/a.txt.intoto.jsonl dist/a.txt",
    );
}

#[test]
fn a_signed_directory_has_exactly_the_files_that_were_signed() {
    let sandbox = Sandbox::new().with_key();
    let files = [("a.bin", "one"), ("b/c.bin", "two")];
    for (name, text) in files {
        sandbox.write(&format!("model/{name}"), text);
    }
    sandbox.done("sign --key bulla.key model");
    let verify = |how: &str| sandbox.run(&format!("verify --key bulla.pub {how}"));
    for how in [
        "model",
        "model/",
        "--type model-signing model",
        "--bundle model.sigstore.json model",
    ] {
        assert_eq!(verify(how).code, 0, "{how}");
    }
    let refused = |what: &str| {
        let answer = verify("--explain model");
        assert_eq!(answer.code, 13, "{what}: {}", answer.talk);
        let said = format!("{}{}", answer.data, answer.talk);
        assert!(said.contains(what), "{what}: {said}");
    };
    sandbox.write("model/a.bin", "changed");
    refused("changed: a.bin");
    sandbox.write("model/a.bin", "one");
    sandbox.write("model/d.bin", "more");
    refused("added: d.bin");
    std::fs::remove_file(sandbox.path("model/d.bin")).unwrap();
    // The digest of the directory stays the same: it does not hold the names.
    std::fs::rename(sandbox.path("model/a.bin"), sandbox.path("model/a2.bin")).unwrap();
    refused("missing: a.bin; added: a2.bin");
    std::fs::rename(sandbox.path("model/a2.bin"), sandbox.path("model/a.bin")).unwrap();
    assert_eq!(verify("model").code, 0);
    // A signature over the directory's digest alone says nothing about its files.
    sandbox.write("other/a.bin", "one");
    assert_eq!(verify("--bundle model.sigstore.json other").code, 13);
    // A signature that lies in the folder is none of its files.
    std::fs::rename(
        sandbox.path("model.sigstore.json"),
        sandbox.path("model/model.sig"),
    )
    .unwrap();
    assert_eq!(verify("--bundle model/model.sig model").code, 0);
}

#[test]
fn a_directory_is_signed_as_a_list_of_its_files() {
    let sandbox = Sandbox::new().with_key();
    sandbox.write("model/weights/1.bin", "weights");
    sandbox.write("model/config.json", "{}");
    sandbox.write("model/.git/config", "left out");
    sandbox.done("sign --key bulla.key model/");
    let bundle: Value = serde_json::from_str(&sandbox.read("model.sigstore.json")).unwrap();
    // model-signing knows keys by the hash of their PEM text.
    let key = Digest::sha256(sandbox.read("bulla.pub").as_bytes());
    assert_eq!(
        bundle["verificationMaterial"]["publicKey"]["hint"],
        key.hex()
    );
    let statement = statement(&sandbox.read("model.sigstore.json"));
    let resources = statement["predicate"]["resources"].as_array().unwrap();
    let names: Vec<_> = resources
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["config.json", "weights/1.bin"]);
    assert_eq!(resources[0]["digest"], Digest::sha256(b"{}").hex());
    assert_eq!(statement["subject"][0]["name"], "model");
    let refused = sandbox.run("attest --key bulla.key --provenance model");
    assert_eq!(refused.code, 2);
    assert!(refused.talk.contains("is a folder"), "{}", refused.talk);
}

/// Makes an index of two platforms at the tag `multi`; the digests of the index and of both.
fn with_index(sandbox: &Sandbox) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let layout = Layout::open(&sandbox.path("image"), &Limits::default()).unwrap();
        let tag = Target::Tag("1.0".parse().unwrap());
        let first = layout.resolve(&tag).await.unwrap();
        let manifest = layout.manifest(&first.digest).await.unwrap();
        let mut other: Value = serde_json::from_slice(manifest.bytes()).unwrap();
        other["annotations"] = serde_json::json!({"platform": "another"});
        let kind = media_type::IMAGE_MANIFEST;
        let second = other.to_string();
        let second = layout
            .put_manifest(second.as_bytes(), kind, None)
            .await
            .unwrap();
        let index = ImageIndex::new(vec![first.clone(), second.clone()]);
        let bytes = serde_json::to_vec(&index).unwrap();
        let tag = "multi".parse().unwrap();
        let kind = media_type::IMAGE_INDEX;
        let index = layout.put_manifest(&bytes, kind, Some(&tag)).await.unwrap();
        [index, first, second]
            .map(|one| one.digest.to_string())
            .to_vec()
    })
}

#[test]
fn an_index_is_signed_with_each_platform() {
    let sandbox = Sandbox::new().with_image().with_key();
    let mut expected = with_index(&sandbox);
    sandbox.done("sign --key bulla.key oci:image:multi");
    let only = sandbox.done("sign --recursive --key bulla.key oci:image:multi --output json");
    let attached = only.json()["attached"].as_array().unwrap().clone();
    let mut found: Vec<_> = attached
        .iter()
        .map(|one| {
            one["target"]
                .as_str()
                .unwrap()
                .rsplit_once('@')
                .unwrap()
                .1
                .to_owned()
        })
        .collect();
    assert_eq!(found[0], expected[0], "the index comes first");
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    for digest in expected {
        sandbox.done(&format!("verify --key bulla.pub oci:image@{digest}"));
    }
}

#[test]
fn what_a_build_pushed_is_signed_and_handed_on() {
    let sandbox = Sandbox::new().with_image().with_key();
    let host = registry();
    sandbox.done(&format!("copy image:1.0 {host}/pay/api:1.0"));
    let digest = sandbox
        .done(&format!("tree {host}/pay/api:1.0 --output json"))
        .json();
    let digest = digest["nodes"][0]["digest"].as_str().unwrap().to_owned();
    sandbox.write(
        "metadata.json",
        &format!(
            r#"{{"containerimage.digest": "{digest}", "image.name": "{host}/pay/api:1.0,{host}/pay/api:latest"}}"#
        ),
    );
    let answer = crate::sandbox::Answer::of(
        &sandbox
            .command("sign --key bulla.key --from-buildx metadata.json --output github")
            .env("BULLA_PASSWORD", crate::sandbox::PASSWORD)
            .env("GITHUB_OUTPUT", sandbox.path("output"))
            .env("GITHUB_STEP_SUMMARY", sandbox.path("summary"))
            .output()
            .unwrap(),
    );
    assert_eq!(answer.code, 0, "{}", answer.talk);
    let image = format!("{host}/pay/api@{digest}");
    let output = sandbox.read("output");
    assert!(output.contains(&format!("image={image}\n")), "{output}");
    assert!(output.contains(&format!("digest={digest}\n")), "{output}");
    assert!(
        output.contains(&format!("images=[\"{image}\"]\n")),
        "{output}"
    );
    assert!(sandbox.read("summary").contains("attached 1 attestation"));
    let outside = sandbox.run(&format!("sign --key bulla.key {image} --output github"));
    assert_ne!(outside.code, 0);
    sandbox.write("p.json", "{}");
    let dotenv = sandbox.done(&format!(
        "attest --key bulla.key --type custom --predicate p.json {image} --output gitlab"
    ));
    assert!(
        dotenv.data.contains(&format!("BULLA_IMAGE={image}\n")),
        "{}",
        dotenv.data
    );
    assert!(dotenv.data.lines().all(|line| line.starts_with("BULLA_")));
}

#[test]
fn a_large_sbom_is_stored_and_signed_by_its_digest() {
    let sandbox = Sandbox::new().with_image().with_key();
    let host = registry();
    let there = format!("{host}/pay/api:1.0");
    sandbox.done(&format!("copy image:1.0 {there}"));
    sandbox.done(&format!("sbom {there} -o sbom.json"));
    let document = sandbox.read("sbom.json");
    let digest = Digest::sha256(document.as_bytes());
    sandbox.done(&format!(
        "attest --sbom sbom.json --by-reference --bundle bundle.json --key bulla.key {there}"
    ));
    let statement = statement(sandbox.read("bundle.json").trim());
    assert_eq!(
        statement["predicateType"],
        "https://in-toto.io/attestation/reference/v0.1"
    );
    let reference = &statement["predicate"]["references"][0];
    assert_eq!(reference["digest"]["sha256"], digest.hex());
    assert_eq!(reference["mediaType"], "application/vnd.cyclonedx+json");
    assert_eq!(
        reference["downloadLocation"],
        format!("https://{host}/v2/pay/api/blobs/{digest}")
    );
    let attester = statement["predicate"]["attester"]["id"].as_str().unwrap();
    assert!(attester.starts_with("ni:///sha-256;"), "{attester}");
    // The document is in the registry, and a copy of the image takes it along.
    sandbox.done(&format!("copy {there} oci:back:1.0"));
    let blob = sandbox.path("back/blobs/sha256").join(digest.hex());
    assert_eq!(std::fs::read_to_string(blob).unwrap(), document);
    let refused = sandbox.run("attest --sbom sbom.json --by-reference --key bulla.key image:1.0");
    assert_eq!(refused.code, 2);
}

#[test]
fn an_attestation_is_added_to_the_older_tag_too() {
    let sandbox = Sandbox::new().with_image().with_key();
    sandbox.write("p.json", "{}");
    let attest = |kind: &str| {
        let arguments = format!(
            "attest --legacy --key bulla.key --type https://example.test/{kind} --predicate p.json \
             image:1.0 --output json"
        );
        sandbox.done(&arguments).json()["legacy"][0].clone()
    };
    let first = attest("a");
    let second = attest("b");
    assert_eq!(first["tag"], second["tag"]);
    assert!(first["tag"].as_str().unwrap().contains(".att"));
    let digest = second["manifest"].as_str().unwrap().replace("sha256:", "");
    let manifest = sandbox.read(&format!("image/blobs/sha256/{digest}"));
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let types: Vec<_> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["annotations"]["predicateType"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["https://example.test/a", "https://example.test/b"]);
    // The layout still has one image.
    sandbox.done("verify --key bulla.pub --type https://example.test/b image");
}

#[test]
fn a_signature_is_added_to_the_older_tag_too() {
    let sandbox = Sandbox::new().with_image().with_key();
    let host = registry();
    let there = format!("{host}/pay/api:1.0");
    sandbox.done(&format!("copy image:1.0 {there}"));
    let signed = sandbox
        .done(&format!(
            "sign --legacy --key bulla.key {there} --output json"
        ))
        .json();
    let image = signed["legacy"][0]["target"].as_str().unwrap().to_owned();
    let tag = signed["legacy"][0]["tag"].as_str().unwrap().to_owned();
    let digest = image.rsplit_once('@').unwrap().1;
    assert_eq!(tag, format!("{}.sig", digest.replace(':', "-")));
    sandbox.done(&format!("copy {host}/pay/api:{tag} oci:tag:1"));
    let index: Value = serde_json::from_str(&sandbox.read("tag/index.json")).unwrap();
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"]
            .as_str()
            .unwrap()
            .replace("sha256:", "");
        sandbox.read(&format!("tag/blobs/sha256/{digest}"))
    };
    let manifest: Value = serde_json::from_str(&blob(&index["manifests"][0])).unwrap();
    let layer = &manifest["layers"][0];
    assert_eq!(
        blob(layer),
        format!(
            concat!(
                r#"{{"critical":{{"identity":{{"docker-reference":"{}"}},"#,
                r#""image":{{"docker-manifest-digest":"{}"}},"#,
                r#""type":"cosign container image signature"}},"optional":null}}"#
            ),
            format!("{host}/pay/api"),
            digest
        )
    );
    let names: Vec<_> = layer["annotations"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["dev.cosignproject.cosign/signature"]);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_signed() {
    let sandbox = Sandbox::new().with_image().with_key();
    sandbox.write("a.txt", "a");
    sandbox.write("metadata.json", "{}");
    for (arguments, expected) in [
        ("sign --key bulla.key", "required"),
        (
            "sign --key bulla.key --bundle x.json a.txt image:1.0",
            "one artifact",
        ),
        ("sign --key bulla.key --legacy a.txt", "tags of images"),
        ("sign --key bulla.key missing-*.txt", "no file matches"),
        (
            "sign --key bulla.key --from-buildx metadata.json",
            "no image in the metadata file",
        ),
        (
            "attest --key bulla.key --legacy --provenance a.txt",
            "tags of images",
        ),
    ] {
        let answer = sandbox.run(arguments);
        assert_eq!(answer.code, 2, "{arguments}: {}", answer.talk);
        assert!(
            answer.talk.contains(expected),
            "{arguments}: {}",
            answer.talk
        );
    }
    assert!(!sandbox.path("a.txt.sigstore.json").exists());
}
