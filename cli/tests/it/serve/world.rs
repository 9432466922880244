//! A small world for the server: keys, a policy, and a layout with images.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bulla_model::Digest;
use serde_json::{Value, json};

/// A folder with everything a server decides by.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// Keys and a policy; the layout holds images that nobody has signed anything about.
    pub(crate) fn new(images: &[&str]) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["builder", "promoter", "alice", "bob"] {
            world.bulla(&["key", "generate", "--no-password", "--out", name]);
        }
        world.write_policy(1);
        world.write_layout(images);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The digest of an image of the layout.
    pub(crate) fn digest(name: &str) -> Digest {
        Digest::sha256(&manifest(name))
    }

    /// What a workload calls an image of the layout.
    pub(crate) fn reference(name: &str) -> String {
        format!(
            "registry.example.test/pay/api:{name}@{}",
            Self::digest(name)
        )
    }

    pub(crate) fn target(name: &str) -> String {
        format!("oci:layout@{}", Self::digest(name))
    }

    /// Attests where an image was built from and promotes it as far as `to`.
    pub(crate) fn promote(&self, name: &str, to: &[&str]) {
        let target = Self::target(name);
        std::fs::write(self.path("provenance.json"), provenance().to_string()).unwrap();
        self.bulla(&[
            "attest",
            "--predicate",
            "provenance.json",
            "--type",
            "https://slsa.dev/provenance/v1",
            "--key",
            "builder.key",
            &target,
        ]);
        for to in to {
            if *to == "prod" {
                let approve = ["approve", "--to", to, "--yes", "--key", "alice.key"];
                self.bulla(&[&approve[..], &["--policy", "policy", &target]].concat());
            }
            let promote = ["promote", "--to", to, "--key", "promoter.key"];
            self.bulla(&[&promote[..], &["--policy", "policy", &target]].concat());
        }
    }

    /// Runs a command that must succeed.
    pub(crate) fn bulla(&self, arguments: &[&str]) -> Output {
        let output = self.try_bulla(arguments);
        assert!(
            output.status.success(),
            "bulla {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    pub(crate) fn try_bulla(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla"));
        // Somebody's own settings must not change what it does.
        command.env_clear().current_dir(self.folder());
        command
    }

    pub(crate) fn write_policy(&self, version: u32) {
        let key = |name: &str| {
            let pem = std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
            serde_json::to_string(&pem).unwrap()
        };
        let base = format!(
            r#"apiVersion: bulla.dev/policy/v0.1
name: release
version: {version}
environments:
  dev: {{uri: "env://acme/pay/dev", freshness: none}}
  prod: {{uri: "env://acme/pay/prod", freshness: none}}
tiers:
  high: {{claimedTime: allow}}
identities:
  builder:
    - key: {builder}
  promoter:
    - key: {promoter}
edges:
  - to: dev
    by: [promoter]
    require:
      provenance: {{by: [builder]}}
  - from: dev
    to: prod
    by: [promoter]
    require:
      provenance: {{by: [builder]}}
      approvals: {{threshold: 1, roles: [release-manager], maxAge: 7d}}
history: []
"#,
            builder = key("builder"),
            promoter = key("promoter"),
        );
        let people = format!(
            r"people:
  alice:
    roles: [release-manager]
    identities: [{{key: {alice}}}]
  bob:
    emails: [bob@acme.example]
    identities: [{{key: {bob}}}]
machines:
  ci: [{{key: {builder}}}]
  gate: [{{key: {promoter}}}]
",
            alice = key("alice"),
            bob = key("bob"),
            builder = key("builder"),
            promoter = key("promoter"),
        );
        let service = "service: pay-api\ntier: high\nsources: [\"https://github.com/acme/pay\"]\n";
        std::fs::create_dir_all(self.path("policy/services")).unwrap();
        std::fs::write(self.path("policy/release.yaml"), base).unwrap();
        std::fs::write(self.path("policy/people.yaml"), people).unwrap();
        std::fs::write(self.path("policy/services/pay-api.yaml"), service).unwrap();
    }

    /// Gives images of the layout their names as tags.
    pub(crate) fn tag(&self, images: &[&str]) {
        let path = self.path("layout/index.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut index: Value = serde_json::from_str(&text).unwrap();
        for entry in index["manifests"].as_array_mut().unwrap() {
            for name in images {
                if entry["digest"] == Self::digest(name).to_string() {
                    entry["annotations"] = json!({"org.opencontainers.image.ref.name": name});
                }
            }
        }
        std::fs::write(path, index.to_string()).unwrap();
    }

    fn write_layout(&self, images: &[&str]) {
        let blobs = self.path("layout/blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let put = |bytes: &[u8]| {
            std::fs::write(blobs.join(Digest::sha256(bytes).hex()), bytes).unwrap();
        };
        put(b"{}");
        let mut entries = Vec::new();
        for name in images {
            let bytes = manifest(name);
            put(&bytes);
            entries.push(json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": Self::digest(name).to_string(), "size": bytes.len(),
            }));
        }
        let index = json!({"schemaVersion": 2, "manifests": entries});
        std::fs::write(self.path("layout/index.json"), index.to_string()).unwrap();
        let version = r#"{"imageLayoutVersion":"1.0.0"}"#;
        std::fs::write(self.path("layout/oci-layout"), version).unwrap();
    }
}

fn manifest(name: &str) -> Vec<u8> {
    let config = json!({
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": Digest::sha256(b"{}").to_string(), "size": 2,
    });
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [], "annotations": {"name": name},
    })
    .to_string()
    .into_bytes()
}

fn provenance() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://example.test/build/v1",
            "externalParameters": {},
            "resolvedDependencies": [{
                "uri": "git+https://github.com/acme/pay@refs/heads/main",
                "digest": {"gitCommit": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"},
                "annotations": {"https://bulla.dev/authors": ["bob@acme.example"]},
            }],
        },
        "runDetails": {"builder": {"id": "https://example.test/builder"}},
    })
}
