//! Indexes: whatever is revoked of what they list takes them back, and the other way round.

use bulla_model::media_type;

use super::*;

/// The image as the platform of an index within an index, `multi`, each entry with the label of an
/// image; the digests from the outside in. Both the image and the outer index are in prod.
fn nested() -> (Sandbox, [Digest; 3]) {
    let sandbox = released();
    let layout = Layout::open(&sandbox.path("image"), &Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let digests = runtime.unwrap().block_on(async {
        let images = layout.images().await.unwrap();
        let mut digests = vec![images[0].descriptor.digest.clone()];
        for tag in ["inner", "multi"] {
            let size = layout.manifest(&digests[0]).await.unwrap().bytes().len();
            let mut entry = json!({
                "mediaType": media_type::IMAGE_MANIFEST, "size": size, "digest": digests[0],
            });
            if tag == "multi" {
                let kind = json!({"vnd.docker.reference.type": "attestation-manifest"});
                entry["annotations"] = kind;
            }
            let index = json!({
                "schemaVersion": 2, "mediaType": media_type::IMAGE_INDEX, "manifests": [entry],
            });
            let (bytes, tag) = (index.to_string(), tag.parse().unwrap());
            let kind = media_type::IMAGE_INDEX;
            let stored = layout
                .put_manifest(bytes.as_bytes(), kind, Some(&tag))
                .await;
            digests.insert(0, stored.unwrap().digest);
        }
        digests
    });
    release(&sandbox, "image:multi");
    (sandbox, digests.try_into().unwrap())
}

fn ask(sandbox: &Sandbox, what: &str, code: i32) -> Value {
    let answer = sandbox.run(&format!("verify --env prod {what} --output json"));
    assert_eq!(answer.code, code, "{what}: {}{}", answer.data, answer.talk);
    answer.json()["verdicts"][0]["verdict"].clone()
}

/// Writes the bundles beside these digests into one file.
fn carry(sandbox: &Sandbox, digests: &[&Digest], file: &str) {
    let layout = Layout::open(&sandbox.path("image"), &Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let mut lines = Vec::new();
    for digest in digests {
        let set = runtime.block_on(read_bundles(&layout, digest)).unwrap();
        let bundles = set.bundles.into_iter();
        lines.extend(bundles.map(|one| String::from_utf8(one.bytes).unwrap()));
    }
    assert!(lines.len() > 3, "{}", lines.len());
    sandbox.write(file, &lines.join("\n"));
}

const REVOKE: &str = "--reason x --key alice.key --state keeper.json --yes";

#[test]
fn an_index_is_taken_back_by_the_platform_deep_within_it() {
    let (sandbox, [outer, _, _]) = nested();
    carry(&sandbox, &[&outer], "all.jsonl");
    let asked = ["image:multi", "image:multi --bundle all.jsonl"];
    for what in asked {
        ask(&sandbox, what, 0);
    }
    sandbox.done(&format!("revoke image:1.0 {REVOKE}"));
    for what in asked {
        let verdict = ask(&sandbox, what, 14);
        assert!(codes(&verdict).contains(&"revoked".to_owned()), "{what}");
    }
    assert_eq!(sandbox.run("why --env prod image:multi").code, 14);
    let promoted = sandbox.run("promote image:multi --to prod --key ci.key");
    assert_eq!(promoted.code, 14, "{}", promoted.talk);
    // A pack says the same once more.
    sandbox.done("evidence pack image:multi --env prod -o pack.tar");
    let replayed = sandbox.run("evidence verify pack.tar --output json");
    let replayed = replayed.json();
    assert_eq!(replayed["verdict"]["decision"], "deny");
    assert_eq!(replayed["differences"], json!([]), "{replayed}");
}

#[test]
fn a_revoked_index_takes_everything_within_it_back() {
    let (sandbox, [outer, inner, image]) = nested();
    let said = sandbox.run(&format!("revoke image:multi {REVOKE} --output json"));
    assert_eq!(said.code, 0, "{}", said.talk);
    assert_eq!(said.json()["targets"], 3, "{}", said.data);
    for digest in [&outer, &inner, &image] {
        assert!(said.talk.contains(digest.hex()), "{digest}: {}", said.talk);
    }
    // As a node pulls it.
    ask(&sandbox, &format!("oci:image@{image}"), 14);
}

#[test]
fn a_revoked_index_reaches_the_platform_that_is_asked_about_within_it() {
    let (sandbox, [_, inner, image]) = nested();
    // It names the index alone.
    let targets = json!([{"kind": "subject", "digest": inner}]);
    let said = json!({"scope": the_scope(), "targets": targets, "reason": "x",
        "issuedAt": "2026-01-02T03:04:05Z"});
    sandbox.write("said.json", &said.to_string());
    sandbox.done("attest image:inner --type revocation --predicate said.json --key alice.key");
    carry(&sandbox, &[&image, &inner], "all.jsonl");
    for bundle in ["", " --bundle all.jsonl"] {
        ask(&sandbox, &format!("image:1.0{bundle}"), 0);
        ask(&sandbox, &format!("image:1.0 --index {inner}{bundle}"), 14);
    }
    let strange = sandbox.run(&format!(
        "verify --env prod image:1.0 --index {image} --bundle all.jsonl"
    ));
    assert_eq!(strange.code, 0, "{}", strange.talk);
    let strange = sandbox.run(&format!(
        "verify --env prod image:multi --index {inner} --bundle all.jsonl"
    ));
    assert_eq!(strange.code, 2, "{}", strange.talk);
    assert!(strange.talk.contains("is no index that lists"));
}

#[test]
fn an_index_that_lists_too_much_is_no_answer() {
    let sandbox = released();
    let layout = Layout::open(&sandbox.path("image"), &Limits::default()).unwrap();
    let entry = |number: u32| {
        json!({"mediaType": media_type::IMAGE_MANIFEST, "size": 7,
            "digest": Digest::sha256(&number.to_be_bytes())})
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        for (tag, most) in [("most", 511), ("more", 512)] {
            let entries: Vec<_> = (0..most).map(entry).collect();
            let index = json!({"schemaVersion": 2, "mediaType": media_type::IMAGE_INDEX,
                "manifests": entries});
            let (bytes, tag) = (index.to_string(), tag.parse().unwrap());
            let kind = media_type::IMAGE_INDEX;
            layout
                .put_manifest(bytes.as_bytes(), kind, Some(&tag))
                .await
                .unwrap();
        }
    });
    let most = sandbox.run("verify --env prod image:most");
    assert!(!most.talk.contains("manifests"), "{}", most.talk);
    assert_eq!(most.code, 10, "{}{}", most.data, most.talk);
    let more = sandbox.run("verify --env prod image:more");
    assert_eq!(more.code, 3, "{}{}", more.data, more.talk);
    assert!(format!("{}{}", more.data, more.talk).contains("more than 512 manifests"));
    // It can be taken back all the same.
    let revoked = sandbox.done(&format!("revoke image:more {REVOKE} --output json"));
    assert_eq!(revoked.json()["targets"], 513);
}

#[test]
fn an_image_that_cannot_be_read_may_be_an_index() {
    let sandbox = released();
    let layout = Layout::open(&sandbox.path("image"), &Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let both = json!({"schemaVersion": 2, "manifests": [], "layers": []}).to_string();
    let both = runtime
        .block_on(layout.put_blob(both.into_bytes()))
        .unwrap();
    for (kind, code) in [(media_type::IMAGE_MANIFEST, 3), ("text/plain", 10)] {
        let entry = json!({"mediaType": kind, "size": 46, "digest": both});
        let index = json!({"schemaVersion": 2, "mediaType": media_type::IMAGE_INDEX,
            "manifests": [entry]});
        let (bytes, tag) = (index.to_string(), "odd".parse().unwrap());
        let stored = layout.put_manifest(bytes.as_bytes(), media_type::IMAGE_INDEX, Some(&tag));
        runtime.block_on(stored).unwrap();
        let answer = sandbox.run("verify --env prod image:odd");
        assert_eq!(answer.code, code, "{kind}: {}{}", answer.data, answer.talk);
    }
}

#[test]
fn a_component_of_a_platform_takes_the_index_back() {
    let (sandbox, _) = nested();
    // Only the list beside the platform has it, and a stranger's beside it says nothing.
    for (file, purl) in [
        ("bill.json", "pkg:npm/left-pad@1"),
        ("other.json", "pkg:npm/x@1"),
    ] {
        let bill = json!({"bomFormat": "CycloneDX", "specVersion": "1.6",
            "components": [{"type": "library", "name": "x", "purl": purl}]});
        sandbox.write(file, &bill.to_string());
    }
    sandbox.new_key("mallory");
    sandbox.done("attest image:1.0 --type cyclonedx --predicate bill.json --key ci.key");
    sandbox.done("attest image:1.0 --type cyclonedx --predicate other.json --key mallory.key");
    for (component, code) in [("pkg:npm/x", 0), ("pkg:npm/left-pad", 14)] {
        sandbox.done(&format!("revoke --component {component} {REVOKE}"));
        ask(&sandbox, "image:multi", code);
        assert_eq!(sandbox.run("why --env prod image:multi").code, code);
    }
    let promoted = sandbox.run("promote image:multi --to prod --key ci.key");
    assert_eq!(promoted.code, 14, "{}", promoted.talk);
    sandbox.done("evidence pack image:multi --env prod -o pack.tar");
    let replayed = sandbox.run("evidence verify pack.tar --output json").json();
    assert_eq!(replayed["differences"], json!([]), "{replayed}");
    assert_eq!(replayed["verdict"]["decision"], "deny");
}

#[test]
fn a_bill_of_a_part_is_not_overlooked_in_whatever_way_it_is_there() {
    let bill = json!({"bomFormat": "CycloneDX", "specVersion": "1.6",
        "components": [{"type": "library", "name": "x", "purl": "pkg:npm/left-pad@1"}]});
    // Beside the index within the index; and beside the platform, where only its digest is signed.
    for (part, how, code) in [
        ("image:inner", "--type cyclonedx --predicate bill.json", 14),
        (
            "image:1.0",
            "--type https://in-toto.io/attestation/reference/v0.1 --predicate named.json",
            3,
        ),
    ] {
        let (sandbox, _) = nested();
        sandbox.write("bill.json", &bill.to_string());
        let named = json!({"attester": {"id": "https://ci.example.test"}, "references": [{
            "downloadLocation": "https://example.test/bill.json",
            "digest": {"sha256": Digest::sha256(bill.to_string().as_bytes()).hex()},
            "mediaType": "application/vnd.cyclonedx+json",
        }]});
        sandbox.write("named.json", &named.to_string());
        sandbox.done(&format!("attest {part} {how} --key ci.key"));
        ask(&sandbox, "image:multi", 0);
        sandbox.done(&format!("revoke --component pkg:npm/left-pad {REVOKE}"));
        ask(&sandbox, "image:multi", code);
    }
}

#[test]
fn what_a_stranger_takes_back_has_nothing_looked_at() {
    let (sandbox, [outer, ..]) = nested();
    sandbox.new_key("mallory");
    // Beside the platform something is lost: whoever looks there cannot find out.
    let lost = "https://example.test/lost/v1";
    sandbox.write("lost.json", "{}");
    sandbox.done(&format!(
        "attest image:1.0 --type {lost} --predicate lost.json --key mallory.key"
    ));
    assert_eq!(lose_from(&sandbox, "image", lost), 1);
    let said = json!({
        "scope": "ledger://acme/pay", "issuedAt": "2026-01-01T00:00:00Z", "reason": "spite",
        "targets": [
            {"kind": "subject", "digest": outer},
            {"kind": "component", "purl": "pkg:npm/left-pad"},
        ],
    });
    sandbox.write("said.json", &said.to_string());
    sandbox.done("attest image:multi --type revocation --predicate said.json --key mallory.key");
    ask(&sandbox, "image:multi", 0);
    // By somebody who may it is another matter.
    sandbox.done(&format!("revoke --component pkg:npm/other {REVOKE}"));
    ask(&sandbox, "image:multi", 3);
}
