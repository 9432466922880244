//! `bulla verify` on many things at once, and on every form signatures come in.

use std::collections::BTreeMap;

use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::{Digest, media_type};
use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};

const KEY: &str = "--key ecdsa.pub2.pem --type slsaprovenance1";

/// A folder with `art.bin`, `other.bin`, an envelope about the first (`env.ecdsa.json`) and keys.
pub(crate) fn files() -> Sandbox {
    let sandbox = Sandbox::new();
    let testdata = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/verify/dsse");
    sandbox.write("art.bin", "artifact one\n");
    sandbox.write("other.bin", "artifact two\n");
    for name in [
        "env.ecdsa.json",
        "env.ed25519.json",
        "ecdsa.pub2.pem",
        "ed25519.pub2.pem",
    ] {
        std::fs::copy(format!("{testdata}/{name}"), sandbox.path(name)).unwrap();
    }
    sandbox
}

fn copy(sandbox: &Sandbox, from: &str, to: &str) {
    std::fs::create_dir_all(sandbox.path(to).parent().unwrap()).unwrap();
    std::fs::copy(sandbox.path(from), sandbox.path(to)).unwrap();
}

/// The targets with what became of each: a decision, or the exit code of a failure.
fn outcomes(answer: &Answer) -> Vec<(String, String)> {
    let report = answer.json();
    assert_eq!(report["exit"], answer.code, "{report}");
    let verdicts = report["verdicts"].as_array().unwrap();
    let outcome = |one: &Value| match &one["verdict"]["decision"] {
        Value::String(decision) => decision.clone(),
        _ => one["error"]["exit"].to_string(),
    };
    verdicts
        .iter()
        .map(|one| (one["target"].as_str().unwrap().to_owned(), outcome(one)))
        .collect()
}

#[test]
fn each_target_is_judged_alone_and_answered_in_order() {
    let sandbox = files();
    copy(&sandbox, "env.ecdsa.json", "art.bin.sigstore.json");
    copy(&sandbox, "env.ecdsa.json", "other.bin.intoto.jsonl");
    sandbox.write("bare.bin", "nobody signed this");
    let run = |targets: &str| sandbox.run(&format!("verify {KEY} --output json {targets}"));
    let answer = run("other.bin no.such.file/x art.bin bare.bin oci:nowhere");
    assert_eq!(answer.code, 2, "{}", answer.data);
    let words = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(name, outcome): &(&str, &str)| ((*name).to_owned(), (*outcome).to_owned());
        pairs.iter().map(owned).collect()
    };
    assert_eq!(
        outcomes(&answer),
        words(&[
            ("other.bin", "deny"),
            ("no.such.file/x", "2"),
            ("art.bin", "allow"),
            ("bare.bin", "deny"),
            ("oci:nowhere", "2"),
        ])
    );
    assert_eq!(
        answer.json()["verdicts"][2]["beside"],
        json!(["art.bin.sigstore.json"])
    );
    assert_eq!(run("art.bin").code, 0);
    assert_eq!(run("other.bin art.bin").code, 13, "the shared code");
    assert_eq!(run("other.bin bare.bin").code, 1, "two codes are a denial");
    assert_eq!(run("--audit other.bin bare.bin").code, 0);
    let told = sandbox.run(&format!("verify {KEY} art.bin bare.bin"));
    for text in [
        "used: art.bin.sigstore.json",
        "bare.bin.intoto.jsonl",
        "1 of 2 allowed",
    ] {
        assert!(told.data.contains(text), "{text}: {}", told.data);
    }
}

#[test]
fn patterns_and_folders_are_verified_file_by_file() {
    let sandbox = files();
    for name in ["a.bin", "b.bin", "deep/c.bin"] {
        copy(&sandbox, "art.bin", &format!("dist/{name}"));
    }
    let run = |targets: &str| {
        sandbox.run(&format!(
            "verify {KEY} --output json --bundle env.ecdsa.json {targets}"
        ))
    };
    let names = |answer: &Answer| -> Vec<String> {
        outcomes(answer).into_iter().map(|(name, _)| name).collect()
    };
    let answer = run("dist");
    assert_eq!(answer.code, 0, "{}", answer.data);
    assert_eq!(
        names(&answer),
        ["dist/a.bin", "dist/b.bin", "dist/deep/c.bin"]
    );
    assert_eq!(names(&run("dist/*.bin")), ["dist/a.bin", "dist/b.bin"]);
    copy(&sandbox, "other.bin", "dist/deep/d.bin");
    assert_eq!(run("dist/**/*.bin").code, 13);
    let answer = run("dist/*.zip");
    assert_eq!(answer.code, 2, "nothing verified is no success");
    assert!(answer.talk.contains("no file matches"), "{}", answer.talk);
}

#[test]
fn every_refusal_of_a_file_has_its_exit_code() {
    let sandbox = files();
    let mut forged: Value = serde_json::from_str(&sandbox.read("env.ecdsa.json")).unwrap();
    let signature = forged["signatures"][0]["sig"].as_str().unwrap();
    let (begin, end) = signature.split_at(signature.len() / 2);
    let other = if end.starts_with('A') { 'B' } else { 'A' };
    forged["signatures"][0]["sig"] = json!(format!("{begin}{other}{}", &end[1..]));
    // The hint names the key, so that the signature is a forged one and not somebody else's.
    let key = sandbox.done("inspect ecdsa.pub2.pem --output json").json();
    let key: Digest = key["content"]["keyId"].as_str().unwrap().parse().unwrap();
    let hint = STANDARD.encode(hex::decode(key.hex()).unwrap());
    forged["signatures"][0]["keyid"] = json!(hint);
    sandbox.write("forged.json", &forged.to_string());
    sandbox.write("cut.json", &sandbox.read("env.ecdsa.json")[..200]);
    sandbox.write("empty.intoto.jsonl", "");
    let envelope: Value = serde_json::from_str(&sandbox.read("env.ecdsa.json")).unwrap();
    let listed = json!({"attestations": [{"bundle": {"other": 1}}, {"bundle": envelope}]});
    sandbox.write("npm.json", &listed.to_string());
    let addressed = json!({"attestations": [{"bundle_url": "https://example.test/"}]});
    sandbox.write("address.json", &addressed.to_string());
    for (arguments, code, said) in [
        (
            format!("{KEY} --bundle env.ecdsa.json art.bin"),
            0,
            "allowed",
        ),
        (format!("{KEY} --bundle npm.json art.bin"), 0, "allowed"),
        (
            format!("{KEY} --bundle address.json art.bin"),
            2,
            "address.json: an attestation in the list comes without its bundle",
        ),
        (format!("{KEY} art.bin"), 10, "nothing signed"),
        (
            "--key ecdsa.pub2.pem --type cyclonedx --bundle env.ecdsa.json art.bin".to_owned(),
            10,
            "nothing signed",
        ),
        (
            "--key ed25519.pub2.pem --type slsaprovenance1 --bundle env.ecdsa.json art.bin"
                .to_owned(),
            11,
            "nobody",
        ),
        (format!("{KEY} --bundle forged.json art.bin"), 12, "invalid"),
        (
            format!("{KEY} --bundle env.ecdsa.json other.bin"),
            13,
            "another",
        ),
        (
            format!("{KEY} --bundle cut.json art.bin"),
            2,
            "cut.json: no attestation: line 1, column 200",
        ),
        (
            format!("{KEY} --bundle empty.intoto.jsonl art.bin"),
            2,
            "line 1, column 0",
        ),
        (
            format!("{KEY} --bundle absent.json art.bin"),
            2,
            "failed to read absent.json",
        ),
        (
            format!("{KEY} --bundle env.ecdsa.json absent.bin"),
            2,
            "no target",
        ),
        (
            "--key absent.pem --bundle env.ecdsa.json art.bin".to_owned(),
            2,
            "absent.pem",
        ),
        (
            "--bundle env.ecdsa.json art.bin".to_owned(),
            2,
            "say what makes an image good",
        ),
        (format!("{KEY} 127.0.0.1:1/app:1"), 3, "could not find out"),
        (
            format!("{KEY} --certificate ecdsa.pub2.pem art.bin"),
            2,
            "--signature",
        ),
    ] {
        let answer = sandbox.run(&format!("verify {arguments}"));
        assert_eq!(
            answer.code, code,
            "{arguments}\n{}{}",
            answer.data, answer.talk
        );
        let all = format!("{}{}", answer.data, answer.talk);
        assert!(all.contains(said), "{arguments}: {all}");
    }
}

/// Stores a blob in the layout `image`; its descriptor.
pub(crate) fn blob(sandbox: &Sandbox, kind: &str, bytes: &[u8]) -> Value {
    let digest = Digest::sha256(bytes);
    let path = sandbox.path("image/blobs/sha256").join(digest.hex());
    std::fs::write(path, bytes).unwrap();
    json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
}

/// Lists a manifest in the layout `image` under a tag.
pub(crate) fn tag(sandbox: &Sandbox, manifest: &Value, tag: &str) -> Value {
    let kind = manifest["mediaType"].as_str().unwrap();
    let mut entry = blob(sandbox, kind, manifest.to_string().as_bytes());
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
    let mut index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    index["manifests"]
        .as_array_mut()
        .unwrap()
        .push(entry.clone());
    sandbox.write("image/index.json", &index.to_string());
    entry
}

pub(crate) fn image_digest(sandbox: &Sandbox) -> String {
    let index: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    index["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

/// The envelope of an attestation of the image by `bulla.key`.
fn envelope(sandbox: &Sandbox) -> Value {
    sandbox.write("claim.json", "{\"by\": \"test\"}");
    sandbox.done(
        "attest --predicate claim.json --type https://example.test/claim --key bulla.key --bundle claim.bundle.json image:1.0",
    );
    let bundle: Value = serde_json::from_str(&sandbox.read("claim.bundle.json")).unwrap();
    bundle["dsseEnvelope"].clone()
}

#[test]
fn attestations_at_cosign_tags_are_found_and_verified() {
    let signer = Sandbox::new().with_image().with_key();
    let envelope = envelope(&signer);
    // The same image, without the bundle that was attached.
    let sandbox = Sandbox::new().with_image();
    copy_in(&signer, &sandbox, "bulla.pub");
    let ask = |more: &str| {
        sandbox.run(&format!(
            "verify --key bulla.pub --type https://example.test/claim image {more}"
        ))
    };
    assert_eq!(ask("").code, 10);
    let mut layer = blob(
        &sandbox,
        "application/vnd.dsse.envelope.v1+json",
        envelope.to_string().as_bytes(),
    );
    layer["annotations"] = json!({
        "dev.cosignproject.cosign/signature": "",
        "predicateType": "https://example.test/claim",
    });
    let config = blob(&sandbox, media_type::IMAGE_CONFIG, b"{}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::IMAGE_MANIFEST,
        "config": config,
        "layers": [layer],
    });
    let hex = image_digest(&sandbox).replace("sha256:", "sha256-");
    tag(&sandbox, &manifest, &format!("team-{hex}.att"));
    assert_eq!(ask("").code, 10, "another prefix is another tag");
    let answer = ask("--attachment-tag-prefix team-");
    assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
    let tree = sandbox
        .done("tree image --attachment-tag-prefix team- --output json")
        .json();
    let attached = &tree["nodes"][0]["attached"][0];
    assert_eq!(
        attached["what"],
        "https://example.test/claim (older format)"
    );
    assert_eq!(attached["tag"], format!("team-{hex}.att"));
    let decoded = sandbox
        .done("inspect image#1 --attachment-tag-prefix team- --output json")
        .json();
    assert_eq!(decoded["content"]["kind"], "cosign");
    let statement = &decoded["content"]["envelope"]["statement"];
    assert_eq!(statement["predicate"], json!({"by": "test"}));
    let other = ask("--attachment-tag-prefix a/b");
    assert_eq!(other.code, 2);
    assert!(other.talk.contains("cannot begin a tag"), "{}", other.talk);
}

pub(crate) fn copy_in(from: &Sandbox, to: &Sandbox, name: &str) {
    std::fs::copy(from.path(name), to.path(name)).unwrap();
}

#[test]
fn what_buildkit_says_is_shown_and_never_counted() {
    let sandbox = Sandbox::new().with_image().with_key();
    let image: Value = serde_json::from_str(&sandbox.read("image/index.json")).unwrap();
    let platform = &image["manifests"][0];
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [],
        "predicate": {},
    });
    let mut layer = blob(
        &sandbox,
        "application/vnd.in-toto+json",
        statement.to_string().as_bytes(),
    );
    layer["annotations"] = json!({"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"});
    let config = blob(&sandbox, media_type::IMAGE_CONFIG, b"{}");
    let claims = json!({
        "schemaVersion": 2,
        "mediaType": media_type::IMAGE_MANIFEST,
        "config": config,
        "layers": [layer],
    });
    let mut claims = blob(
        &sandbox,
        media_type::IMAGE_MANIFEST,
        claims.to_string().as_bytes(),
    );
    claims["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    claims["annotations"] = json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": platform["digest"],
    });
    let mut entry = platform.clone();
    entry.as_object_mut().unwrap().remove("annotations");
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::IMAGE_INDEX,
        "manifests": [entry, claims.clone()],
    });
    tag(&sandbox, &index, "multi");
    let ask = "verify --key bulla.pub --type slsaprovenance1 image:multi";
    let answer = sandbox.run(&format!("{ask} --output json"));
    assert_eq!(answer.code, 10, "{}", answer.data);
    let unsigned = &answer.json()["verdicts"][0]["unsigned"][0];
    assert_eq!(unsigned["manifest"], claims["digest"]);
    assert_eq!(unsigned["about"], platform["digest"]);
    let told = sandbox.run(ask).data;
    assert!(told.contains("unsigned: BuildKit attestations"), "{told}");
    let tree = sandbox.done("tree image:multi --output json").json();
    let node = &tree["nodes"][2];
    assert_eq!(node["name"], "BuildKit attestations, unsigned");
    assert_eq!(node["unsigned"], json!(["https://slsa.dev/provenance/v1"]));
}

/// A registry that serves these manifests, an empty list of referrers, and `status` for everything
/// else. Its host.
fn registry(manifests: BTreeMap<String, Vec<u8>>, status: u16) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let answer = move |uri: Uri| {
        let name = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
        let found = manifests.get(&name).cloned();
        async move {
            if uri.path() == "/v2/" {
                return StatusCode::OK.into_response();
            }
            let (kind, body) = if uri.path().contains("/referrers/") {
                let empty = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
                (media_type::IMAGE_INDEX, empty)
            } else if let Some(body) = found {
                (media_type::IMAGE_MANIFEST, body)
            } else {
                return StatusCode::from_u16(status).unwrap().into_response();
            };
            ([("content-type", kind)], body).into_response()
        }
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let router = axum::Router::new().fallback(answer);
            axum::serve(listener, router).await.unwrap();
        });
    });
    host
}

#[test]
fn signatures_that_may_not_be_read_are_not_absent() {
    let sandbox = Sandbox::new().with_image().with_key();
    let digest = image_digest(&sandbox);
    let manifest = std::fs::read(
        sandbox
            .path("image/blobs/sha256")
            .join(digest.replace("sha256:", "")),
    )
    .unwrap();
    for (status, code) in [(404, 10), (401, 3), (403, 3), (429, 3), (503, 3)] {
        let host = registry(BTreeMap::from([(digest.clone(), manifest.clone())]), status);
        let answer = sandbox.run(&format!(
            "verify --key bulla.pub {host}/app@{digest} --plain-http {host}"
        ));
        let all = format!("{}{}", answer.data, answer.talk);
        assert_eq!(answer.code, code, "{status}: {all}");
        if code == 3 {
            assert!(all.contains("could not find out"), "{status}: {all}");
        }
    }
}
