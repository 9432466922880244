//! What `bulla sbom` can list: a file, an archive without its scheme, all platforms.

use serde_json::{Value, json};

use crate::edges::company;
use crate::sandbox::Sandbox;
use crate::summaries::with_both;

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_single_file_is_listed_without_what_lies_beside_it() {
    let sandbox = Sandbox::new();
    let lock = "version = 4\n[[package]]\nname = \"pay\"\nversion = \"1.0.0\"\n";
    sandbox.write("src/Cargo.lock", lock);
    sandbox.write("src/other/Cargo.lock", &lock.replace("pay", "tax"));
    for target in ["file:src/Cargo.lock", "src/Cargo.lock"] {
        let listed = document(&sandbox.done(&format!("sbom {target}")).data);
        let subject = &listed["metadata"]["component"];
        assert_eq!(subject["type"], "file");
        assert_eq!(subject["name"], "Cargo.lock");
        let digest = bulla_model::Digest::sha256(lock.as_bytes());
        assert_eq!(subject["hashes"][0]["content"], digest.hex());
        assert_eq!(listed["components"].as_array().unwrap().len(), 1);
        assert_eq!(listed["components"][0]["name"], "pay");
        let spdx = sandbox.done(&format!("sbom {target} --format spdx-json"));
        let spdx = document(&spdx.data);
        assert_eq!(spdx["packages"][0]["primaryPackagePurpose"], "FILE");
    }
    let missing = sandbox.run("sbom file:none.bin");
    assert_ne!(missing.code, 0);
    assert!(missing.talk.contains("none.bin"), "{}", missing.talk);
}

#[test]
fn an_archive_of_an_image_is_known_without_its_scheme() {
    let sandbox = Sandbox::new().with_image();
    sandbox.done("copy oci:image:1.0 oci-archive:pay.tar");
    let whole = document(&sandbox.done("sbom oci:image:1.0").data);
    let archived = document(&sandbox.done("sbom pay.tar").data);
    assert_eq!(archived["metadata"]["component"]["type"], "container");
    assert_eq!(archived["components"], whole["components"]);
}

#[test]
fn each_platform_has_a_document_of_its_own() {
    let sandbox = company();
    with_both(&sandbox);
    let told = sandbox.run("sbom oci:image:both --platform all");
    assert_eq!(told.code, 2);
    assert!(told.talk.contains("name a folder"), "{}", told.talk);
    let told = sandbox.done("sbom oci:image:both --platform all -o bills --output json");
    let listed = document(&told.data);
    let files: Vec<&Value> = listed["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["file"])
        .collect();
    assert_eq!(files.len(), 2);
    for file in &files {
        let bill = document(&sandbox.read(file.as_str().unwrap()));
        assert_eq!(bill["bomFormat"], json!("CycloneDX"));
    }
    assert_ne!(files[0], files[1], "one does not replace the other");
}
