//! What others put at cosign's older tags, and what is signed for readers of them.

use bulla_model::{Descriptor, Digest, ImageIndex, ImageManifest, Limits, Tag, media_type};
use bulla_registry::legacy::{LegacyKind, TagPrefix};
use bulla_registry::{Layout, Store as _};

use crate::sandbox::Sandbox;

/// Puts a manifest at the `.sig` tag of the sandbox's image, whatever was there.
fn at_signature_tag(sandbox: &Sandbox, manifest: &[u8], kind: &str) {
    let layout = Layout::open(&sandbox.path("image"), &Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tag = LegacyKind::Signature.tag(&TagPrefix::default(), &image(sandbox));
        let tag: Tag = tag.unwrap();
        let config = layout.put_blob(b"{}".to_vec()).await;
        config.unwrap();
        layout
            .put_manifest(manifest, kind, Some(&tag))
            .await
            .unwrap();
    });
}

/// The digest of the sandbox's image.
fn image(sandbox: &Sandbox) -> Digest {
    let tree = sandbox.done("tree image:1.0 --output json").json();
    tree["nodes"][0]["digest"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// An index, and a manifest with a layer longer than any signature.
fn junk() -> [(Vec<u8>, &'static str); 2] {
    let index = ImageIndex::new(Vec::new());
    let mut layer = Descriptor::of(
        "application/vnd.dev.cosign.simplesigning.v1+json",
        b"no such layer",
    );
    layer.size = 1 << 40;
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::of(media_type::IMAGE_CONFIG, b"{}"),
        layers: vec![layer],
        subject: None,
        annotations: bulla_model::Annotations::new(),
    };
    [
        (serde_json::to_vec(&index).unwrap(), media_type::IMAGE_INDEX),
        (
            serde_json::to_vec(&manifest).unwrap(),
            media_type::IMAGE_MANIFEST,
        ),
    ]
}

#[test]
fn junk_at_an_older_tag_changes_neither_the_answer_nor_its_reason() {
    for (manifest, kind) in junk() {
        let sandbox = Sandbox::new().with_image().with_key();
        sandbox.done("key generate --out other");
        let verify =
            |key: &str| sandbox.run(&format!("verify --key {key} image:1.0 --output json"));
        at_signature_tag(&sandbox, &manifest, kind);
        let answer = verify("bulla.pub");
        assert_eq!(answer.code, 10, "{kind}: {}", answer.data);
        assert!(answer.data.contains("no evidence: "), "{}", answer.data);
        sandbox.done("sign --key other.key image:1.0");
        assert_eq!(verify("bulla.pub").code, 11, "{kind}");
        assert_eq!(verify("other.pub").code, 0, "{kind}");
    }
}

#[test]
fn the_bytes_of_files_are_signed_as_cosign_does() {
    let sandbox = Sandbox::new();
    for algorithm in ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048"] {
        sandbox.done(&format!(
            "key generate --type {algorithm} --out {algorithm}"
        ));
        let file = format!("{algorithm}.txt");
        sandbox.write(&file, "a file");
        let signed = sandbox.done(&format!(
            "sign --message --key {algorithm}.key --output-signature a.sig {file} --output json"
        ));
        let files = &signed.json()["signed"][0]["files"];
        assert_eq!(
            *files,
            serde_json::json!([format!("{file}.sigstore.json"), "a.sig"])
        );
        let bundle: serde_json::Value =
            serde_json::from_str(&sandbox.read(&format!("{file}.sigstore.json"))).unwrap();
        let message = &bundle["messageSignature"];
        assert_eq!(message["signature"], sandbox.read("a.sig"), "{algorithm}");
        let verify = |how: &str| sandbox.run(&format!("verify --key {algorithm}.pub {how} {file}"));
        assert_eq!(verify("").code, 0, "{algorithm}");
        assert_eq!(verify("--signature a.sig").code, 0, "{algorithm}");
        sandbox.write(&file, "another file");
        assert_ne!(verify("").code, 0, "{algorithm}");
        assert_ne!(verify("--signature a.sig").code, 0, "{algorithm}");
    }
}

#[test]
fn messages_are_files_and_keys_have_no_certificate() {
    let sandbox = Sandbox::new().with_image();
    sandbox.done("key generate --no-password");
    sandbox.write("a.txt", "a");
    sandbox.write("b.txt", "b");
    sandbox.write("encoding", "DSSEv1 1 a 1 b");
    for (arguments, expected) in [
        ("image:1.0", "is none"),
        ("--output-signature x.sig a.txt b.txt", "one file"),
        ("--output-certificate x.pem a.txt", "without a certificate"),
        ("encoding", "refused to sign bytes"),
    ] {
        let answer = sandbox.run(&format!("sign --message --key bulla.key {arguments}"));
        assert_ne!(answer.code, 0, "{arguments}");
        assert!(
            answer.talk.contains(expected),
            "{arguments}: {}",
            answer.talk
        );
    }
    let answer = sandbox.run("sign --key bulla.key --output-signature x.sig a.txt");
    assert_eq!(answer.code, 2, "{}", answer.talk);
    let left = [
        "a.txt.sigstore.json",
        "encoding.sigstore.json",
        "x.sig",
        "x.pem",
    ];
    assert!(!left.iter().any(|name| sandbox.path(name).exists()));
}
