//! Files and other artifacts as members: each is one through the manifest that names its digest.

use super::*;

/// An artifact of these files, as `oras push` writes one.
fn artifact(sandbox: &Sandbox, tag: &str, files: &[(&str, &str)]) {
    let config = sandbox.blob(b"{}", "application/vnd.oci.empty.v1+json").1;
    let layers: Vec<Value> = files
        .iter()
        .map(|(name, text)| {
            let layer = sandbox.blob(text.as_bytes(), "application/octet-stream").1;
            let mut layer: Value = serde_json::from_str(&layer).unwrap();
            layer["annotations"] = json!({"org.opencontainers.image.title": name});
            layer
        })
        .collect();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind,
        "artifactType": "application/vnd.example.release.v1",
        "config": serde_json::from_str::<Value>(&config).unwrap(),
        "layers": layers,
    });
    tagged(
        sandbox,
        tag,
        &sandbox.blob(manifest.to_string().as_bytes(), kind).1,
    );
}

fn tagged(sandbox: &Sandbox, tag: &str, descriptor: &str) {
    let mut entry: Value = serde_json::from_str(descriptor).unwrap();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    let mut index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    index["manifests"].as_array_mut().unwrap().push(entry);
    sandbox.write("image/index.json", &index.to_string());
}

/// Two releases of an image with two files, built.
fn with_files() -> Sandbox {
    let sandbox = line();
    for release in ["1", "2"] {
        let tag = format!("files-{release}");
        let notes = format!("notes {release}");
        artifact(
            &sandbox,
            &tag,
            &[("pay.tar", release), ("notes.md", &notes)],
        );
        proven(&sandbox, &format!("image:{tag}"), "pay");
    }
    sandbox
}

#[test]
fn an_artifact_walks_every_step_and_back() {
    let sandbox = with_files();
    released(&sandbox, "image:1.0 image:files-1");
    let chain = sandbox.done("chain image:files-1");
    shown(&chain.data, "prod, with 1 other");
    released(&sandbox, "image:1.1 image:files-2");
    shown(&sandbox.done("status pay").data, " +1");
    sandbox.done("approve image:1.0 image:files-1 --to prod --kind rollback --key bob.key --yes");
    let back = sandbox.done("rollback image:1.1 --env prod --key ci.key --output json");
    assert_eq!(back.json()["members"].as_array().unwrap().len(), 2);
    let steps = verified(&sandbox, "image:files-1")["steps"].clone();
    assert_eq!(
        steps.as_array().unwrap().last().unwrap()["kind"],
        "rollback"
    );
    sandbox.done("copy image:files-1 oci:elsewhere:files-1");
    sandbox.done("verify --env prod elsewhere:files-1");
    sandbox.done("evidence pack image:files-1 --env prod -o pack.tar");
    std::fs::remove_dir_all(sandbox.path("image")).unwrap();
    sandbox.done("evidence verify pack.tar");
}

#[test]
fn only_the_files_of_the_artifact_are_let_in_with_it() {
    let sandbox = with_files();
    sandbox.write("dist/pay.tar", "1");
    sandbox.write("dist/notes.md", "notes 1");
    sandbox.write("next/pay.tar", "2");
    let verify = |file: &str| sandbox.run(&format!("verify --env prod --in image:files-1 {file}"));
    assert_eq!(verify("dist/pay.tar").code, 10, "nobody has let it in");
    released(&sandbox, "image:1.0 image:files-1");
    let allowed = verify("dist/pay.tar");
    assert_eq!(allowed.code, 0, "{}{}", allowed.data, allowed.talk);
    let pinned = format!("oci:image@{}", digest_of(&sandbox, "files-1"));
    shown(&allowed.data, &pinned);
    assert_eq!(verify("dist").code, 0, "each of them");
    let json = verify("dist/pay.tar --output json").json();
    assert_eq!(json["verdicts"][0]["image"], pinned.as_str());
    assert_eq!(json["verdicts"][0]["holds"], true);
    // Another release's, and one that was changed.
    let other = verify("next/pay.tar");
    refused(&other, 13, "next/pay.tar is not in oci:image@");
    sandbox.write("dist/notes.md", "notes 1\n");
    assert_eq!(verify("dist").code, 13);
    // It holds for others by their own artifact alone.
    let next = sandbox.run("verify --env prod --in image:files-2 next/pay.tar");
    assert_eq!(next.code, 10);
    // The name does not count.
    sandbox.write("renamed", "1");
    assert_eq!(verify("renamed").code, 0);
    // The manifest and what is beside it are enough.
    let blob = bulla_model::Digest::sha256(b"1").hex().to_owned();
    std::fs::remove_file(sandbox.path(&format!("image/blobs/sha256/{blob}"))).unwrap();
    assert_eq!(verify("dist/pay.tar").code, 0);
    // One signer's seal of the artifact is one of its files too.
    sandbox.done("sign image:files-1 --key ci.key");
    sandbox.done("verify --key ci.pub --in image:files-1 dist/pay.tar");
    let unsigned = sandbox.run("verify --key ci.pub --in image:files-1 next/pay.tar");
    assert_eq!(unsigned.code, 13);
}

#[test]
fn what_is_no_file_of_an_artifact_is_told() {
    let sandbox = with_files();
    let verify = |what: &str| sandbox.run(&format!("verify --env prod {what}"));
    sandbox.write("a", "1");
    refused(&verify("image:1.0 --in image:files-1"), 2, "is no file");
    refused(&verify("a --in image:none"), 2, "none");
    refused(&verify("a --in ./a"), 2, "is no image");
    let kind = "application/vnd.oci.image.index.v1+json";
    let list = json!({"schemaVersion": 2, "mediaType": kind, "manifests": []});
    tagged(
        &sandbox,
        "list",
        &sandbox.blob(list.to_string().as_bytes(), kind).1,
    );
    refused(&verify("a --in image:list"), 2, "holds no file");
    // What stands where there is no file is none.
    let empty = "application/vnd.oci.empty.v1+json";
    let none = sandbox.blob(b"{}", empty).1;
    let none: Value = serde_json::from_str(&none).unwrap();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": none, "layers": [none]});
    tagged(
        &sandbox,
        "empty",
        &sandbox.blob(manifest.to_string().as_bytes(), kind).1,
    );
    sandbox.write("b", "{}");
    refused(&verify("b --in image:empty"), 13, "is not in");
}

#[test]
fn a_file_becomes_a_member_without_another_program() {
    let sandbox = line();
    sandbox.write("pay.tar", "the file");
    let copied = sandbox
        .done("copy file:pay.tar oci:image:file --output json")
        .json();
    assert_eq!(copied["digest"], digest_of(&sandbox, "file").as_str());
    let again = sandbox
        .done("copy file:pay.tar oci:other:file --output json")
        .json();
    assert_eq!(
        again["digest"], copied["digest"],
        "the same file is the same artifact"
    );
    proven(&sandbox, "image:file", "pay");
    released(&sandbox, "image:1.0 image:file");
    sandbox.done("verify --env prod pay.tar --in image:file");
    // A path alone may have been meant as an image.
    refused(
        &sandbox.run("copy pay.tar oci:image:again"),
        2,
        "is no image",
    );
    refused(&sandbox.run("copy file:none oci:image:again"), 2, "none");
    // Another name is another artifact, which nobody let in.
    sandbox.write("renamed.tar", "the file");
    let renamed = sandbox
        .done("copy file:renamed.tar oci:image:renamed --output json")
        .json();
    assert_ne!(renamed["digest"], copied["digest"]);
    assert_eq!(
        sandbox
            .run("verify --env prod pay.tar --in image:renamed")
            .code,
        10
    );
}
