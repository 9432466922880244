//! What every company of these tests has: keys, a service with its repository, and builds of it.

use bulla_attest::{KeyAlgorithm, PrivateKey};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// The commit that is built where it does not matter which.
pub(crate) const COMMIT: &str = "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0";

impl Sandbox {
    /// A new key for each of them.
    pub(crate) fn with_keys(self, names: &[&str]) -> Self {
        for name in names {
            self.new_key(name);
        }
        self
    }

    /// A new key: `NAME.key` and `NAME.pub`.
    pub(crate) fn new_key(&self, name: &str) {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        self.write(&format!("{name}.key"), &key.to_pem());
        self.write(&format!("{name}.pub"), &key.public_key().to_pem());
    }

    /// Somebody's key as a policy names it.
    pub(crate) fn identity(&self, name: &str) -> String {
        let pem = self.read(&format!("{name}.pub"));
        format!("[{{key: \"{}\"}}]", pem.replace('\n', "\\n"))
    }

    /// A policy of one service. `{NAME}` in the rules becomes that machine's key; what a person has
    /// besides their key is given with the name.
    pub(crate) fn write_policy(&self, rules: &str, people: &[(&str, &str)], machines: &[&str]) {
        let mut rules = rules.to_owned();
        for name in machines {
            rules = rules.replace(&format!("{{{name}}}"), &self.identity(name));
        }
        self.write("policy/release.yaml", &rules);
        self.write(
            "policy/services/pay.yaml",
            "service: pay\ntier: high\nsources: [\"https://github.com/acme/pay\"]\n",
        );
        let people: Vec<_> = people
            .iter()
            .map(|(name, has)| format!("  {name}: {{{has}identities: {}}}\n", self.identity(name)))
            .collect();
        let machines: Vec<_> = machines
            .iter()
            .map(|name| format!("  {name}: {}\n", self.identity(name)))
            .collect();
        let text = format!(
            "people:\n{}machines:\n{}",
            people.concat(),
            machines.concat()
        );
        self.write("policy/people.yaml", &text);
        self.write("bulla.yaml", "policy: policy\n");
    }

    /// The files that `bulla init` writes for a company whose owner is alice.
    pub(crate) fn initialised(self) -> Self {
        self.done(
            "init --source https://github.com/acme/pay --owner-key alice.pub --ci-key ci.pub --env dev,prod --ci none",
        );
        self
    }

    /// Attests with `ci` how the image was built; `how` are more arguments.
    pub(crate) fn attest_build(&self, image: &str, provenance: &Value, how: &str) {
        self.write("provenance.json", &provenance.to_string());
        self.done(&format!(
            "attest {image} --predicate provenance.json --type slsaprovenance1 --key ci.key {how}"
        ));
    }

    /// One more image in the layout: the first one's manifest with a note.
    pub(crate) fn add_release(&self, tag: &str) {
        let mut index: Value = serde_json::from_str(&self.read("image/index.json")).unwrap();
        let first = index["manifests"][0]["digest"].as_str().unwrap();
        let blob = format!("image/blobs/{}", first.replace(':', "/"));
        let mut manifest: Value = serde_json::from_str(&self.read(&blob)).unwrap();
        manifest["annotations"] = json!({"org.opencontainers.image.version": tag});
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let (_, descriptor) = self.blob(manifest.to_string().as_bytes(), kind);
        let mut entry: Value = serde_json::from_str(&descriptor).unwrap();
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        index["manifests"].as_array_mut().unwrap().push(entry);
        self.write("image/index.json", &index.to_string());
    }
}

/// How this commit of one of the company's repositories was built.
pub(crate) fn provenance(repository: &str, commit: &str) -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://example.test/build/v1",
            "externalParameters": {},
            "resolvedDependencies": [{
                "uri": format!("git+https://github.com/acme/{repository}@refs/heads/main"),
                "digest": {"gitCommit": commit},
            }],
        },
        "runDetails": {"builder": {"id": "https://example.test/builder"}},
    })
}
