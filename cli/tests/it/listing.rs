//! What `bulla sbom` can list: a file, an archive without its scheme, all platforms.

use serde_json::{Value, json};

use crate::edges::company;
use crate::registries::registry;
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

/// `image:1.0`, and `image:app`, which is built on it.
fn built_on_another(sandbox: &Sandbox, annotations: &Value) {
    let mut index = document(&sandbox.read("image/index.json"));
    let blob = |digest: &Value| {
        let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        document(&sandbox.read(&format!("image/blobs/sha256/{hex}")))
    };
    let mut manifest = blob(&index["manifests"][0]["digest"]);
    let mut config = blob(&manifest["config"]["digest"]);
    let (digest, layer) = sandbox.blob(&[0; 1024], "application/vnd.oci.image.layer.v1.tar");
    let layers = manifest["layers"].as_array_mut().unwrap();
    layers.push(document(&layer));
    let diff_ids = config["rootfs"]["diff_ids"].as_array_mut().unwrap();
    diff_ids.push(json!(digest));
    let kind = "application/vnd.oci.image.config.v1+json";
    let (_, descriptor) = sandbox.blob(config.to_string().as_bytes(), kind);
    manifest["config"] = document(&descriptor);
    manifest["annotations"] = annotations.clone();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let (_, descriptor) = sandbox.blob(manifest.to_string().as_bytes(), kind);
    let mut entry = document(&descriptor);
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "app"});
    index["manifests"].as_array_mut().unwrap().push(entry);
    sandbox.write("image/index.json", &index.to_string());
}

#[test]
fn the_base_that_is_named_has_to_be_below() {
    let sandbox = Sandbox::new().with_image();
    built_on_another(&sandbox, &json!({}));
    let told = sandbox.done("sbom oci:image:app --base oci:image:1.0 -o app.json");
    assert!(
        told.talk.contains("from image (layers 1 to 1)"),
        "{}",
        told.talk
    );
    let bill = document(&sandbox.read("app.json"));
    let origin = json!({"name": "bulla:origin", "value": "base"});
    let properties = bill["components"][1]["properties"].as_array().unwrap();
    assert!(properties.contains(&origin), "{properties:?}");
    let told = sandbox.run("sbom oci:image:1.0 --base oci:image:app");
    assert_ne!(told.code, 0);
    assert!(told.talk.contains("not built on"), "{}", told.talk);
    let told = sandbox.run("sbom dir:. --base oci:image:1.0");
    assert_eq!(told.code, 2);
}

#[test]
fn a_base_that_annotations_name_counts_only_if_it_is_below() {
    for (tag, counts) in [("1.0", true), ("other", false)] {
        let sandbox = Sandbox::new().with_image();
        let host = registry();
        let name = format!("{host}/base/{tag}:1");
        let base = if counts {
            "oci:image:1.0"
        } else {
            "oci:image:app"
        };
        built_on_another(&sandbox, &json!({}));
        sandbox.done(&format!("copy {base} {name}"));
        let told = sandbox.done(&format!("sbom {name} -o base.json --output json"));
        let digest = document(&told.data)["digest"].clone();
        let sandbox = Sandbox::new().with_image();
        built_on_another(
            &sandbox,
            &json!({
                "org.opencontainers.image.base.name": name,
                "org.opencontainers.image.base.digest": digest,
            }),
        );
        sandbox.done(&format!("copy oci:image:app {host}/app/{tag}:1"));
        let told = sandbox.done(&format!(
            "sbom {host}/app/{tag}:1 -o app.json --output json"
        ));
        let known = &document(&told.data)["base"]["knownBy"];
        assert_eq!(*known == json!("annotation"), counts, "{}", told.data);
    }
}

#[test]
fn older_and_newer_versions_are_written_on_request() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"pay\"\nversion = \"1.0.0\"\n",
    );
    for version in ["1.4", "1.5", "1.6", "1.7"] {
        let told = sandbox.done(&format!(
            "sbom dir:. --format cyclonedx-json@{version} -o {version}.json"
        ));
        assert!(
            told.talk.contains(&format!("CycloneDX {version}")),
            "{}",
            told.talk
        );
        let bill = document(&sandbox.read(&format!("{version}.json")));
        assert_eq!(bill["specVersion"], version);
    }
    let told = sandbox.run("sbom dir:. --format cyclonedx-json@1.3");
    assert_eq!(told.code, 2);
    assert!(told.talk.contains("cyclonedx-json@1.7"), "{}", told.talk);
}

#[test]
fn a_layer_that_is_not_what_its_digest_says_is_not_listed() {
    let sandbox = Sandbox::new().with_image();
    let index = document(&sandbox.read("image/index.json"));
    let blob = |digest: &Value| {
        let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
        format!("image/blobs/sha256/{hex}")
    };
    let manifest = document(&sandbox.read(&blob(&index["manifests"][0]["digest"])));
    let path = sandbox.path(&blob(&manifest["layers"][0]["digest"]));
    let mut bytes = std::fs::read(&path).unwrap();
    // Behind the end of the archive, where nothing of it is looked at.
    *bytes.last_mut().unwrap() = 1;
    std::fs::write(&path, bytes).unwrap();
    let told = sandbox.run("sbom oci:image:1.0 -o pay.json");
    assert_ne!(told.code, 0);
    assert!(told.talk.contains("digest"), "{}", told.talk);
    assert!(!sandbox.path("pay.json").exists());
}

#[test]
fn a_file_of_which_nothing_is_known_is_no_empty_list() {
    let sandbox = Sandbox::new();
    sandbox.write("notes.txt", "nothing\n");
    let told = sandbox.done("sbom notes.txt -o notes.json");
    assert!(told.talk.contains("nothing here knows"), "{}", told.talk);
    let bill = document(&sandbox.read("notes.json"));
    assert_eq!(bill["compositions"][0]["aggregate"], "incomplete");
    assert_eq!(sandbox.run("sbom notes.txt --strict -o notes.json").code, 1);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_listed() {
    let sandbox = Sandbox::new();
    for what in ["/dev/null", "/dev/stdin"] {
        let told = sandbox.run(&format!("sbom file:{what} -o x.json"));
        assert_ne!(told.code, 0, "{what}");
        assert!(!sandbox.path("x.json").exists(), "{what}");
    }
}
