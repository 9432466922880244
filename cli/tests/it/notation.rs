//! `bulla notation verify`: the exit code of every answer, and what is read for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_model::Digest;
use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};

const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/verify/notation");
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{TESTDATA}/{name}")).unwrap()
}

/// A layout with an image and these signatures: envelopes with their media types.
struct Layout {
    sandbox: Sandbox,
    entries: Vec<Value>,
}

impl Layout {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("image/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        let (_, image) = sandbox.blob(&fixture("manifest.json"), MANIFEST);
        let mut image: Value = serde_json::from_str(&image).unwrap();
        image["annotations"] = json!({"org.opencontainers.image.ref.name": "v2"});
        let own = Self {
            sandbox,
            entries: vec![image],
        };
        own.write();
        own.policy(&json!({"level": "strict"}), "*");
        own.store("ca", "alpine", "root.der", &own_root());
        own
    }

    fn write(&self) {
        let index = json!({"schemaVersion": 2, "manifests": self.entries});
        self.sandbox.write("image/index.json", &index.to_string());
    }

    /// Attaches an envelope; `note` makes the manifest another one. The manifest's digest.
    fn sign(&mut self, envelope: &[u8], form: &str, note: &str) -> String {
        let (_, layer) = self.sandbox.blob(envelope, form);
        self.attach(&layer, note)
    }

    /// Attaches a layer as its descriptor says it is.
    fn attach(&mut self, layer: &str, note: &str) -> String {
        let (_, config) = self
            .sandbox
            .blob(b"{}", "application/vnd.oci.empty.v1+json");
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.cncf.notary.signature",
            "config": serde_json::from_str::<Value>(&config).unwrap(),
            "layers": [serde_json::from_str::<Value>(layer).unwrap()],
            "subject": {
                "mediaType": MANIFEST,
                "digest": Digest::sha256(&fixture("manifest.json")),
                "size": 481,
            },
            "annotations": {"note": note},
        });
        let (digest, entry) = self.sandbox.blob(manifest.to_string().as_bytes(), MANIFEST);
        self.entries.push(serde_json::from_str(&entry).unwrap());
        self.write();
        digest
    }

    /// Lists this as a signature where registries keep lists that pushers write.
    fn list(&mut self, digest: &Digest, kind: &str) {
        let entry =
            json!({"mediaType": MANIFEST, "digest": digest, "size": 4, "artifactType": kind});
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        });
        let kind = "application/vnd.oci.image.index.v1+json";
        let (_, index) = self.sandbox.blob(index.to_string().as_bytes(), kind);
        let mut index: Value = serde_json::from_str(&index).unwrap();
        let tag = Digest::sha256(&fixture("manifest.json")).to_string();
        let tag = tag.replace(':', "-");
        index["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        self.entries.push(index);
        self.write();
    }

    fn policy(&self, verification: &Value, scope: &str) {
        let mut statement = json!({
            "name": "alpine",
            "registryScopes": [scope],
            "signatureVerification": verification,
        });
        if verification["level"] != "skip" {
            statement["trustStores"] = json!(["ca:alpine"]);
            statement["trustedIdentities"] = json!(["x509.subject: C=US, ST=WA, O=Notary"]);
        }
        let policy = json!({"version": "1.0", "trustPolicies": [statement]});
        self.sandbox
            .write("notation/trustpolicy.json", &policy.to_string());
    }

    fn store(&self, kind: &str, name: &str, file: &str, certificate: &[u8]) {
        let path = format!("notation/truststore/x509/{kind}/{name}/{file}");
        self.sandbox.write(&path, "");
        std::fs::write(self.sandbox.path(&path), certificate).unwrap();
    }

    fn verify(&self, more: &str) -> Answer {
        self.sandbox.run(&format!(
            "notation verify --notation-config notation oci:image:v2 {more}"
        ))
    }
}

fn jws() -> Vec<u8> {
    fixture("own-root.jws.json")
}

/// The certificate of the recorded signer, which is its own root.
fn own_root() -> Vec<u8> {
    let envelope: Value = serde_json::from_slice(&jws()).unwrap();
    let text = envelope["header"]["x5c"][0].as_str().unwrap();
    STANDARD.decode(text).unwrap()
}

const JWS: &str = "application/jose+json";
const COSE: &str = "application/cose";

#[test]
fn both_forms_are_verified_and_everything_that_decided_is_named() {
    for (envelope, form) in [(jws(), JWS), (fixture("own-root.cose"), COSE)] {
        let mut layout = Layout::new();
        let manifest = layout.sign(&envelope, form, "");
        let answer = layout.verify("");
        assert_eq!(answer.code, 0, "{}{}", answer.data, answer.talk);
        assert!(answer.data.contains("VERIFIED"), "{}", answer.data);
        assert!(answer.data.contains("CN=alpine"), "{}", answer.data);
        let report = layout.verify("--output json").json();
        let verdict = &report["verdict"];
        assert_eq!(verdict["decision"], "allow");
        assert_eq!(verdict["statement"], "alpine");
        assert_eq!(verdict["signatures"][0]["manifest"], *manifest);
        assert_eq!(verdict["signatures"][0]["checks"][4]["name"], "revocation");
        let what: Vec<_> = report["sources"].as_array().unwrap().iter().collect();
        assert_eq!(what[0]["what"], "trust policy");
        assert_eq!(what[1]["what"], "trust store");
        let explained = layout.verify("--explain").data;
        assert!(
            explained.contains("expected a trusted identity"),
            "{explained}"
        );
    }
}

#[test]
fn each_refusal_has_its_exit_code() {
    let bare = Layout::new();
    assert_eq!(bare.verify("").code, 10);
    let mut layout = Layout::new();
    layout.sign(&jws(), JWS, "");
    assert_eq!(layout.verify("--at 2130-01-01T00:00:00Z").code, 14);
    assert_eq!(layout.verify("--user-metadata a=b").code, 1);
    layout.store("ca", "alpine", "root.der", &fixture("root.pem"));
    assert_eq!(layout.verify("").code, 11);
    let mut tampered: Value = serde_json::from_slice(&jws()).unwrap();
    let signature = tampered["signature"].as_str().unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    tampered["signature"] = format!("{other}{}", &signature[1..]).into();
    let mut layout = Layout::new();
    layout.sign(tampered.to_string().as_bytes(), JWS, "");
    assert_eq!(layout.verify("").code, 12);
    layout.sign(b"{}", "text/plain", "");
    let answer = layout.verify("--explain");
    assert_eq!(answer.code, 12);
    assert!(answer.data.contains("text/plain"), "{}", answer.data);
    // F09: genuine, trusted, and of something else.
    let mut layout = Layout::new();
    layout.store("ca", "alpine", "other.pem", &fixture("root.pem"));
    layout.sign(&fixture("ca-valid.jws.json"), JWS, "");
    assert_eq!(layout.verify("").code, 13);
}

/// Puts something beside the image.
type Junk = Box<dyn Fn(&mut Layout)>;

#[test]
fn f41_junk_does_not_change_why_an_image_is_refused() {
    let layer = |bytes: &[u8], size: usize| {
        let digest = Digest::sha256(bytes);
        json!({"mediaType": JWS, "digest": digest, "size": size}).to_string()
    };
    let (absent, huge) = (layer(b"nowhere", 7), layer(b"nowhere", 9 << 20));
    let held = [layer(&jws(), jws().len() - 1), layer(&jws(), 9999)];
    let malformed = Digest::sha256(b"junk");
    let gone = Digest::sha256(b"gone");
    let attach = |layer: String| -> Junk {
        Box::new(move |layout| {
            layout.sandbox.blob(&jws(), JWS);
            layout.attach(&layer, "");
        })
    };
    let list = |digest: Digest, kind: &'static str| -> Junk {
        Box::new(move |layout| {
            layout.sandbox.blob(b"junk", MANIFEST);
            layout.list(&digest, kind);
        })
    };
    let typed = "application/vnd.cncf.notary.signature";
    let [short, long] = held.map(attach);
    for (name, alone, junk) in [
        ("too long, and not even there", 12, attach(huge)),
        ("not there", 12, attach(absent)),
        ("shorter than it is", 12, short),
        ("longer than it is", 12, long),
        ("no manifest", 12, list(malformed.clone(), typed)),
        ("no manifest, of no type", 10, list(malformed, "")),
        ("a manifest that is gone", 12, list(gone.clone(), typed)),
        ("a manifest of no type that is gone", 10, list(gone, "")),
    ] {
        let mut layout = Layout::new();
        junk(&mut layout);
        let answer = layout.verify("--explain");
        assert_eq!(answer.code, alone, "{name}: {}{}", answer.data, answer.talk);
        layout.sign(&jws(), JWS, "genuine");
        assert_eq!(layout.verify("").code, 0, "{name}");
        assert_eq!(layout.verify("--user-metadata a=b").code, 1, "{name}");
        let late = layout.verify("--at 2130-01-01T00:00:00Z");
        assert_eq!(late.code, 14, "{name}");
        layout.store("ca", "alpine", "root.der", &fixture("root.pem"));
        assert_eq!(layout.verify("").code, 11, "{name}");
    }
    // What could not be asked for is another matter: it may have been the one that counts.
    let mut layout = Layout::new();
    layout.sign(&jws(), JWS, "");
    let (digest, _) = layout.sandbox.blob(b"unreadable", JWS);
    layout.attach(&layer(b"unreadable", 10), "");
    let path = layout.sandbox.path("image/blobs/sha256");
    let path = path.join(digest.strip_prefix("sha256:").unwrap());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let answer = layout.verify("--user-metadata a=b");
    assert_eq!(answer.code, 3, "{}{}", answer.data, answer.talk);
    assert!(answer.data.contains("could not be read"), "{}", answer.data);
}

#[test]
fn what_the_level_let_pass_is_not_called_verified() {
    let mut layout = Layout::new();
    layout.sign(&jws(), JWS, "");
    layout.policy(&json!({"level": "audit"}), "*");
    let verified = layout.verify("");
    assert_eq!(verified.code, 0);
    assert!(verified.data.contains("VERIFIED"), "{}", verified.data);
    layout.store("ca", "alpine", "root.der", &fixture("root.pem"));
    let allowed = layout.verify("");
    assert_eq!(allowed.code, 0);
    let said = &allowed.data;
    assert!(
        said.contains("ALLOWED") && !said.contains("VERIFIED"),
        "{said}"
    );
}

#[test]
fn the_policy_for_the_repository_decides() {
    let mut layout = Layout::new();
    layout.sign(&jws(), JWS, "");
    layout.policy(&json!({"level": "strict"}), "a.example.test/b");
    let nobody = layout.verify("");
    assert_eq!(nobody.code, 1);
    assert!(nobody.data.contains("see --scope"), "{}", nobody.data);
    let other = layout.verify("--scope a.example.test/c");
    assert_eq!(other.code, 1);
    assert!(
        other
            .data
            .contains("no statement of the policy is for a.example.test/c")
    );
    assert_eq!(layout.verify("--scope a.example.test/b").code, 0);
    let registry = layout.sandbox.run(
        "notation verify --notation-config notation --scope a.example.test/b a.example.test/c:1",
    );
    assert_eq!(registry.code, 2);
    layout.policy(&json!({"level": "skip"}), "a.example.test/b");
    let skipped = layout.verify("--scope a.example.test/b");
    assert_eq!(skipped.code, 0);
    assert!(skipped.data.contains("SKIPPED") && !skipped.data.contains("VERIFIED"));
}

#[test]
fn f41_signatures_are_looked_at_up_to_a_number() {
    let mut layout = Layout::new();
    let good = layout.sign(&jws(), JWS, "");
    // Junk that comes first: signatures are looked at in the order of their digests.
    let mut junk = 0;
    for note in 0_u32.. {
        let held = layout.entries.clone();
        if layout.sign(b"junk", JWS, &note.to_string()) < good {
            junk += 1;
        } else {
            layout.entries = held;
        }
        if junk == 3 {
            break;
        }
    }
    layout.write();
    for (most, code) in [(1, 3), (3, 3), (4, 0)] {
        let answer = layout.verify(&format!("--max-signatures {most}"));
        assert_eq!(answer.code, code, "{most}: {}", answer.data);
    }
    let answer = layout.verify("--max-signatures 3");
    assert!(
        answer.data.contains("more than 3 signatures"),
        "{}",
        answer.data
    );
    assert_eq!(layout.verify("--max-signatures 0").code, 2);
}

#[test]
fn trust_is_read_from_what_was_named_and_nowhere_else() {
    let mut layout = Layout::new();
    layout.sign(&jws(), JWS, "");
    let sandbox = &layout.sandbox;
    // notation's own folder is there, and nobody named it.
    std::fs::create_dir_all(sandbox.path(".config")).unwrap();
    std::fs::rename(sandbox.path("notation"), sandbox.path(".config/notation")).unwrap();
    let unnamed = sandbox.run("notation verify oci:image:v2");
    assert_eq!(unnamed.code, 2);
    assert!(
        unnamed.talk.contains("--notation-config"),
        "{}",
        unnamed.talk
    );
    let named = "notation verify oci:image:v2 --trust-policy .config/notation/trustpolicy.json";
    assert_eq!(sandbox.run(named).code, 2, "the stores are missing");
    let named = format!("{named} --trust-store .config/notation/truststore");
    assert_eq!(sandbox.run(&named).code, 0);
    std::fs::rename(sandbox.path(".config/notation"), sandbox.path("notation")).unwrap();
    // The newer name comes first.
    layout.sandbox.write("notation/trustpolicy.oci.json", "{}");
    let newer = layout.verify("");
    assert_eq!(newer.code, 2);
    assert!(
        newer.talk.contains("trustpolicy.oci.json"),
        "{}",
        newer.talk
    );
    std::fs::remove_file(layout.sandbox.path("notation/trustpolicy.oci.json")).unwrap();
    let list = layout.verify("--revocation-list image/index.json");
    assert_eq!(list.code, 2);
    assert!(
        list.talk.contains("no certificate revocation list"),
        "{}",
        list.talk
    );
    let store = layout.sandbox.path("notation/truststore/x509/ca/alpine");
    std::fs::create_dir(store.join("folder")).unwrap();
    assert_eq!(
        layout.verify("").code,
        0,
        "folders inside a store are nobody's"
    );
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(store.join("root.der"), store.join("link.der")).unwrap();
        let linked = layout.verify("");
        assert_eq!(linked.code, 2);
        assert!(
            linked.talk.contains("links have no place"),
            "{}",
            linked.talk
        );
        std::fs::remove_file(store.join("link.der")).unwrap();
    }
    std::fs::remove_file(store.join("root.der")).unwrap();
    let empty = layout.verify("");
    assert_eq!(empty.code, 2);
    assert!(empty.talk.contains("is empty"), "{}", empty.talk);
    std::fs::remove_dir_all(&store).unwrap();
    let missing = layout.verify("");
    assert!(
        missing.talk.contains("no trust store ca:alpine"),
        "{}",
        missing.talk
    );
}

#[test]
fn tree_names_signatures_and_inspect_shows_them() {
    let mut layout = Layout::new();
    layout.sign(&jws(), JWS, "");
    layout.sign(b"junk", COSE, "");
    let tree = layout
        .sandbox
        .done("tree oci:image:v2 --output json")
        .json();
    let attached = tree["nodes"][0]["attached"].as_array().unwrap();
    let named = attached
        .iter()
        .find(|one| one["what"] == "Notary Project signature (JWS)")
        .unwrap();
    assert!(named["signer"].as_str().unwrap().contains("CN=alpine"));
    assert!(attached.iter().any(|one| one["problem"].is_string()));
    let number = &named["number"];
    let shown = layout
        .sandbox
        .done(&format!("inspect oci:image:v2#{number} --output json"))
        .json();
    assert_eq!(shown["verified"], false);
    assert_eq!(shown["content"]["kind"], "notation");
    for (name, form) in [("own-root.cose", "COSE"), ("timestamped.jws.json", "JWS")] {
        let path = layout.sandbox.path(name);
        std::fs::write(path, fixture(name)).unwrap();
        let shown = layout
            .sandbox
            .done(&format!("inspect {name} --output json"))
            .json();
        assert_eq!(shown["content"]["form"], form);
        assert_eq!(shown["content"]["algorithm"], "PS256");
        let told = layout.sandbox.done(&format!("inspect {name}")).data;
        for text in ["unverified", "CN=alpine", "notary.x509"] {
            assert!(told.contains(text), "{text}: {told}");
        }
    }
}
