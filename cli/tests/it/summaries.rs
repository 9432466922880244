//! The summaries of promotions, which are all that generic verifiers read.

use serde_json::{Value, json};

use crate::edges::{company, digest_of, proven, refused};
use crate::registries::{refusing_registry, registry};
use crate::sandbox::Sandbox;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const TYPE: &str = "https://slsa.dev/verification_summary/v1";
const BUILDER: &str = "https://example.test/builder";

/// The company, whose step into dev asks for a builder of the third level, and an index of two
/// platforms, `both`, beside its images.
fn levelled() -> Sandbox {
    let sandbox = company();
    let rules = sandbox
        .read("policy/release.yaml")
        .replace("provenance: {by: [ci]}", "provenance: {by: [ci], level: 3}")
        .replace(
            "edges:\n",
            &format!("builders: [{{id: '{BUILDER}', by: [ci], level: 3}}]\nedges:\n"),
        );
    sandbox.write("policy/release.yaml", &rules);
    with_both(&sandbox);
    proven(&sandbox, "image:both", "pay");
    sandbox
}

/// Makes an index of two platforms, `both`, of the first two images.
pub(crate) fn with_both(sandbox: &Sandbox) {
    let mut layout: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let entries = layout["manifests"].as_array_mut().unwrap();
    let platforms: Vec<Value> = ["amd64", "arm64"]
        .iter()
        .zip(entries.iter())
        .map(|(architecture, entry)| {
            json!({
                "mediaType": entry["mediaType"], "digest": entry["digest"], "size": entry["size"],
                "platform": {"os": "linux", "architecture": architecture},
            })
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": platforms});
    let (_, descriptor) = sandbox.blob(index.to_string().as_bytes(), INDEX);
    let mut entry: Value = serde_json::from_str(&descriptor).unwrap();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "both"});
    entries.push(entry);
    sandbox.write("image/index.json", &layout.to_string());
}

/// The image and its platforms, and the types of what is attached to each, sorted.
fn attached(sandbox: &Sandbox, image: &str) -> Vec<(String, Vec<String>)> {
    let tree = sandbox.done(&format!("tree {image} --output json")).json();
    let nodes = tree["nodes"].as_array().unwrap().iter();
    nodes
        .map(|node| {
            let held = node["attached"].as_array().unwrap().iter();
            let mut types: Vec<String> = held
                .map(|one| one["what"].as_str().unwrap().to_owned())
                .collect();
            types.sort();
            (node["digest"].as_str().unwrap().to_owned(), types)
        })
        .collect()
}

/// How many summaries are attached to the image and to each platform.
fn summaries(sandbox: &Sandbox, image: &str) -> Vec<usize> {
    let nodes = attached(sandbox, image).into_iter();
    nodes
        .map(|(_, types)| types.iter().filter(|one| *one == TYPE).count())
        .collect()
}

/// The only summary that is attached to an image, as other programs get it.
fn envelope(sandbox: &Sandbox, image: &str) -> (String, Value) {
    let tree = sandbox.done(&format!("tree {image} --output json")).json();
    let held = tree["nodes"][0]["attached"].as_array().unwrap();
    let mut numbers = held.iter().filter(|one| one["what"] == TYPE);
    let number = numbers.next().unwrap()["number"].clone();
    assert!(numbers.next().is_none());
    let written = sandbox.done(&format!("inspect {image}#{number} --envelope"));
    let text = written.data.clone();
    let payload = written.json()["payload"].as_str().unwrap().to_owned();
    let payload = bulla_model::envelope::decode_base64(&payload).unwrap();
    (text, serde_json::from_slice(&payload).unwrap())
}

#[test]
fn an_index_and_each_of_its_platforms_has_a_summary_of_its_own_beside_it() {
    let sandbox = levelled();
    let report = sandbox
        .done("promote image:both --to dev --key ci.key --output json")
        .json();
    assert_eq!(summaries(&sandbox, "image:both"), [1, 1, 1]);
    let (index, parts) = (digest_of(&sandbox, "both"), ["1.0", "1.1"]);
    let parts = parts.map(|tag| digest_of(&sandbox, tag));
    for digest in [&index, &parts[0], &parts[1]] {
        let image = format!("oci:image@{digest}");
        sandbox.done(&format!("verify --type vsa --key ci.pub {image}"));
        let (text, said) = envelope(&sandbox, &image);
        assert_eq!(
            format!(
                "sha256:{}",
                said["subject"][0]["digest"]["sha256"].as_str().unwrap()
            ),
            *digest
        );
        let levels = json!(["BULLA_PROMOTED_TO_DEV", "SLSA_BUILD_LEVEL_3"]);
        assert_eq!(said["predicate"]["verifiedLevels"], levels);
        let inputs = said["predicate"]["inputAttestations"].to_string();
        let promotion = report["promotion"].as_str().unwrap();
        assert!(
            inputs.contains(promotion.trim_start_matches("sha256:")),
            "{inputs}"
        );
        sandbox.write("vsa.json", &text);
        let ask = |level: &str| {
            sandbox.run(&format!(
                "slsa verify-vsa --attestation vsa.json --key ci.pub --subject-digest {digest} \
                 --verifier-id https://bulla.dev/promoter/acme/pay/dev \
                 --resource-uri env://acme/pay/dev#pay --verified-level {level}"
            ))
        };
        assert_eq!(
            ask("SLSA_BUILD_LEVEL_3").code,
            0,
            "{}",
            ask("SLSA_BUILD_LEVEL_3").data
        );
        assert_eq!(ask("SLSA_BUILD_LEVEL_4").code, 1);
    }
    let none = sandbox.run("inspect image:both --envelope");
    refused(&none, 2, "is no envelope");
}

#[test]
fn the_same_promotion_again_adds_what_is_missing_and_nothing_else() {
    let sandbox = levelled();
    let promote = "promote image:both --to dev --key ci.key";
    sandbox.done(promote);
    let whole: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let count = whole["manifests"].as_array().unwrap().len();
    for missing in 0..=3 {
        let mut less = whole.clone();
        less["manifests"]
            .as_array_mut()
            .unwrap()
            .truncate(count - missing);
        sandbox.write("image/index.json", &less.to_string());
        // Who only asks adds nothing.
        sandbox.done(&format!("{promote} --dry-run"));
        let before: usize = summaries(&sandbox, "image:both").iter().sum();
        assert_eq!(before, 3 - missing);
        let again = sandbox.done(promote);
        assert_eq!(
            again.talk.contains("attached now"),
            missing > 0,
            "{}",
            again.talk
        );
        assert_eq!(summaries(&sandbox, "image:both"), [1, 1, 1]);
        let image = format!("oci:image@{}", digest_of(&sandbox, "1.1"));
        let levels = envelope(&sandbox, &image).1["predicate"]["verifiedLevels"].clone();
        assert_eq!(
            levels,
            json!(["BULLA_PROMOTED_TO_DEV", "SLSA_BUILD_LEVEL_3"])
        );
    }
    // A stranger's copy of one says nothing: it would keep the promoter's away.
    let mut less = whole.clone();
    less["manifests"]
        .as_array_mut()
        .unwrap()
        .truncate(count - 1);
    sandbox.write("image/index.json", &less.to_string());
    let image = format!("oci:image@{}", digest_of(&sandbox, "1.0"));
    let said = envelope(&sandbox, &image).1;
    sandbox.write("said.json", &said["predicate"].to_string());
    let platform = format!("oci:image@{}", digest_of(&sandbox, "1.1"));
    sandbox.done(&format!(
        "attest {platform} --predicate said.json --type {TYPE} --key bob.key"
    ));
    sandbox.done(promote);
    assert_eq!(summaries(&sandbox, "image:both"), [1, 1, 2]);
    sandbox.done(&format!("verify --type vsa --key ci.pub {platform}"));
}

#[test]
fn wherever_a_promotion_with_a_copy_stops_the_same_command_ends_it() {
    let sandbox = levelled();
    let (host, refusing) = refusing_registry();
    let allow = |left: Option<usize>| refusing.lock().unwrap().left = left;
    let run = |at: usize| {
        let (here, there) = (
            format!("{host}/build/{at}:1.0"),
            format!("{host}/released/{at}:1.0"),
        );
        sandbox.done(&format!("copy image:both {here}"));
        let promote = format!("promote {here} --to dev --key ci.key --copy-to {there}");
        (here, there, promote)
    };
    let (here, there, promote) = run(0);
    sandbox.done(&promote);
    let undisturbed = attached(&sandbox, &here);
    assert_eq!(undisturbed, attached(&sandbox, &there));
    assert_eq!(summaries(&sandbox, &there), [1, 1, 1]);
    let mut stops = 0;
    for writes in 0.. {
        let (here, there, promote) = run(writes + 1);
        allow(Some(writes));
        let stopped = sandbox.run(&promote);
        allow(None);
        if stopped.code == 0 {
            break;
        }
        stops += 1;
        // The tag is the last write: a copy that has it is whole.
        let tag = sandbox.run(&format!("tree {there}"));
        assert_eq!(tag.code, 2, "after {writes}: {}", tag.data);
        // Nothing says that it was promoted before it was.
        let signed = attached(&sandbox, &here);
        let has = |kind: &str| signed[0].1.iter().any(|one| one == kind);
        assert!(
            has("https://bulla.dev/promotion/v1") || !has(TYPE),
            "after {writes}"
        );
        sandbox.done(&promote);
        assert_eq!(attached(&sandbox, &here), undisturbed, "after {writes}");
        assert_eq!(attached(&sandbox, &there), undisturbed, "after {writes}");
    }
    assert!(stops > 20, "only {stops} writes");
}

#[test]
fn a_set_of_which_one_cannot_be_written_is_told_and_leaves_nothing_beside_the_others() {
    let sandbox = levelled();
    // Registries of their own: within one a blob of the first may be there for the second.
    let (other, refusing) = refusing_registry();
    let (one, two) = (
        format!("{}/one:1.0", registry()),
        format!("{other}/two:1.0"),
    );
    let both = format!("{one} {two}");
    for (image, there) in [("image:1.2", &one), ("image:1.3", &two)] {
        proven(&sandbox, image, "pay");
        sandbox.done(&format!("copy {image} {there}"));
    }
    let promote = format!("promote {both} --to dev --key ci.key");
    refusing.lock().unwrap().path = Some("/two/".to_owned());
    let before = attached(&sandbox, &one);
    let stopped = sandbox.run(&promote);
    assert_ne!(stopped.code, 0);
    assert!(
        stopped.talk.contains("attached to 0 of 2 images"),
        "{}",
        stopped.talk
    );
    assert_eq!(attached(&sandbox, &one), before);
    refusing.lock().unwrap().path = None;
    sandbox.done(&promote);
    for image in both.split(' ') {
        assert_eq!(summaries(&sandbox, image), [1]);
    }
    let again = sandbox.done(&promote);
    assert!(!again.talk.contains("attached now"), "{}", again.talk);
}
