//! Images that strangers attach very much to.

use serde_json::{Value, json};

use crate::edges::released;
use crate::sandbox::Sandbox;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Attaches this many manifests of a kind to the image, each with a layer of that kind.
fn flood(sandbox: &Sandbox, image: &Value, kind: &str, count: usize) {
    let (_, config) = sandbox.blob(b"{}", "application/vnd.oci.empty.v1+json");
    let (_, layer) = sandbox.blob(b"junk", kind);
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    for number in 0..count {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
            "config": parsed(&config), "layers": [parsed(&layer)],
            "subject": {"mediaType": MANIFEST, "digest": image["digest"], "size": image["size"]},
            "annotations": {"number": number.to_string()},
        });
        let (_, entry) = sandbox.blob(manifest.to_string().as_bytes(), MANIFEST);
        entries.push(parsed(&entry));
    }
    sandbox.write("image/index.json", &index.to_string());
}

fn descriptor(sandbox: &Sandbox, tag: &str) -> Value {
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let mut entries = index["manifests"].as_array().unwrap().iter();
    let name = "org.opencontainers.image.ref.name";
    let found = entries.find(|entry| entry["annotations"][name] == tag);
    found.unwrap().clone()
}

fn verdict(sandbox: &Sandbox, exit: i32) -> Value {
    let answer = sandbox.run("verify image:1.0 --env prod --output json");
    assert_eq!(answer.code, exit, "{}{}", answer.data, answer.talk);
    answer.json()["verdicts"][0]["verdict"].clone()
}

/// The step into prod rests on what did not happen: no failure in staging.
#[test]
fn ten_thousand_referrers_of_other_kinds_change_nothing() {
    let sandbox = crate::edges::company();
    released(&sandbox, "image:1.0");
    let before = verdict(&sandbox, 0);
    let image = descriptor(&sandbox, "1.0");
    flood(&sandbox, &image, "application/vnd.example.junk", 10_000);
    let mut after = verdict(&sandbox, 0);
    // All but the time of the question.
    after["now"] = before["now"].clone();
    assert_eq!(after, before);
}

#[test]
fn more_that_may_be_evidence_than_is_looked_at_is_told() {
    let sandbox = crate::edges::company();
    released(&sandbox, "image:1.0");
    let image = descriptor(&sandbox, "1.0");
    flood(&sandbox, &image, BUNDLE, 10_000);
    let verdict = verdict(&sandbox, 3);
    let findings = verdict["findings"].as_array().unwrap();
    let told = findings
        .iter()
        .find(|one| one["code"] == "evidence-incomplete");
    let message = told.unwrap()["message"].as_str().unwrap();
    assert!(message.contains("more than 512"), "{message}");
}
