//! A small TUF repository in a folder, with keys of its own and every way to break it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla_model::Digest;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};

/// What is written next; change fields, then publish.
pub(super) struct Repository {
    folder: PathBuf,
    root_keys: Vec<KeyPair>,
    online: KeyPair,
    pub(super) root_version: u64,
    pub(super) root_threshold: u64,
    pub(super) version: u64,
    pub(super) expires: String,
    pub(super) trusted_root: Vec<u8>,
}

impl Repository {
    /// Version 1, valid for long.
    pub(super) fn new(folder: &Path, trusted_root: &[u8]) -> Self {
        let repository = Self {
            folder: folder.to_owned(),
            root_keys: vec![KeyPair::generate().unwrap(), KeyPair::generate().unwrap()],
            online: KeyPair::generate().unwrap(),
            root_version: 1,
            root_threshold: 2,
            version: 1,
            expires: "2200-01-01T00:00:00Z".to_owned(),
            trusted_root: trusted_root.to_vec(),
        };
        repository.publish_root();
        repository.publish();
        repository
    }

    /// Where it is, as `bulla` is told.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// The root of a version.
    pub(super) fn root(&self, version: u64) -> PathBuf {
        self.folder.join(format!("{version}.root.json"))
    }

    pub(super) fn publish_root(&self) {
        let mut keys = serde_json::Map::new();
        let mut ids = Vec::new();
        for key in &self.root_keys {
            keys.insert(id(key), public(key));
            ids.push(Value::from(id(key)));
        }
        keys.insert(id(&self.online), public(&self.online));
        let online = json!({"keyids": [id(&self.online)], "threshold": 1});
        let signed = json!({
            "_type": "root",
            "spec_version": "1.0.31",
            "version": self.root_version,
            "expires": "2200-01-01T00:00:00Z",
            "consistent_snapshot": true,
            "keys": keys,
            "roles": {
                "root": {"keyids": ids, "threshold": self.root_threshold},
                "timestamp": online, "snapshot": online, "targets": online,
            },
        });
        let signers: Vec<&KeyPair> = self.root_keys.iter().collect();
        write(&self.root(self.root_version), &sign(&signed, &signers));
    }

    /// A new root with other root keys, signed by the old ones too.
    pub(super) fn rotate(&mut self, signed_by_the_old: bool) {
        let old = std::mem::replace(
            &mut self.root_keys,
            vec![KeyPair::generate().unwrap(), KeyPair::generate().unwrap()],
        );
        self.root_version += 1;
        self.publish_root();
        if signed_by_the_old {
            let path = self.root(self.root_version);
            let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let signers: Vec<&KeyPair> = old.iter().chain(&self.root_keys).collect();
            write(&path, &sign(&document["signed"], &signers));
        }
    }

    /// Writes targets, snapshot and timestamp of the current version.
    pub(super) fn publish(&self) {
        let digest = Digest::sha256(&self.trusted_root);
        let name = format!("{}.trusted_root.json", digest.hex());
        write(&self.folder.join("targets").join(name), &self.trusted_root);
        let targets = self.role(
            "targets",
            &json!({"targets": {"trusted_root.json": {
                "length": self.trusted_root.len(), "hashes": {"sha256": digest.hex()},
            }}}),
        );
        write(&self.versioned("targets"), &targets);
        let meta = |name: &str| json!({"meta": {name: {"version": self.version}}});
        let snapshot = self.role("snapshot", &meta("targets.json"));
        write(&self.versioned("snapshot"), &snapshot);
        let timestamp = self.role("timestamp", &meta("snapshot.json"));
        write(&self.folder.join("timestamp.json"), &timestamp);
    }

    fn versioned(&self, role: &str) -> PathBuf {
        self.folder.join(format!("{}.{role}.json", self.version))
    }

    fn role(&self, kind: &str, fields: &Value) -> Vec<u8> {
        let mut signed = json!({
            "_type": kind,
            "spec_version": "1.0.31",
            "version": self.version,
            "expires": self.expires,
        });
        for (name, value) in fields.as_object().unwrap() {
            signed[name] = value.clone();
        }
        sign(&signed, &[&self.online])
    }
}

/// The bytes of every file below a folder, by path.
pub(super) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

fn sign(signed: &Value, keys: &[&KeyPair]) -> Vec<u8> {
    let bytes = sigstore_tuf::canonical_json::to_canonical_bytes(signed).unwrap();
    let signatures: Vec<Value> = keys
        .iter()
        .map(|key| json!({"keyid": id(key), "sig": hex::encode(key.sign(&bytes).unwrap())}))
        .collect();
    serde_json::to_vec(&json!({"signed": signed, "signatures": signatures})).unwrap()
}

fn id(key: &KeyPair) -> String {
    Digest::sha256(&key.subject_public_key_info())
        .hex()
        .to_owned()
}

fn public(key: &KeyPair) -> Value {
    json!({
        "keytype": "ecdsa",
        "scheme": "ecdsa-sha2-nistp256",
        "keyval": {"public": key.public_key_pem()},
    })
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
