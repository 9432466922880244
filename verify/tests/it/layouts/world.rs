//! A supply chain made by the test: one writes, two build, and the owner says so.

use std::collections::BTreeMap;

use bulla_model::in_toto::{Artifacts, canonical_json};
use bulla_model::{Digest, DigestSet, Envelope, EnvelopeSignature, Limits, envelope};
use bulla_verify::in_toto::{Inspected, LayoutKey, LayoutQuestion, LayoutVerdict, verify_layout};
use bulla_verify::{Outcome, PublicKey};
use serde_json::{Value, json};

use crate::kit::Signer;

/// Everything a verification rests on, to be broken in one place.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) layout: Value,
    pub(crate) owners: Vec<&'static str>,
    pub(crate) keys: Vec<PublicKey>,
    /// Links with their signers, by file name.
    pub(crate) links: BTreeMap<String, (Value, &'static str)>,
    /// Files that are there as they are, instead.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) products: Vec<(String, Vec<Digest>)>,
    pub(crate) inspected: BTreeMap<String, Inspected>,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) in_envelope: bool,
    pub(crate) now: &'static str,
}

pub(crate) const NOW: &str = "2026-03-01T12:00:00Z";

impl Chain {
    /// Followed by everybody.
    pub(crate) fn followed() -> Self {
        let layout = json!({
            "_type": "layout",
            "readme": "",
            "expires": "2027-01-01T00:00:00Z",
            "keys": keys(&["alice", "bob", "carol"]),
            "steps": [
                step("write", &["alice"], 1, &json!([]), &json!([["CREATE", "src/*"], ["DISALLOW", "*"]])),
                step("build", &["bob", "carol"], 2,
                    &json!([["MATCH", "*", "WITH", "PRODUCTS", "FROM", "write"], ["DISALLOW", "*"]]),
                    &json!([["CREATE", "dist/app.tar"], ["ALLOW", "src/*"], ["DISALLOW", "*"]])),
            ],
            "inspect": [],
        });
        let mut chain = Self {
            layout,
            owners: vec!["olivia"],
            keys: vec![Signer::named("olivia").public()],
            links: BTreeMap::new(),
            files: BTreeMap::new(),
            products: Vec::new(),
            inspected: BTreeMap::new(),
            parameters: BTreeMap::new(),
            in_envelope: false,
            now: NOW,
        };
        chain.put("alice", link("write", &[], &[("src/app.py", "v1")]));
        for builder in ["bob", "carol"] {
            let products = [("src/app.py", "v1"), ("dist/app.tar", "tar")];
            chain.put(builder, link("build", &[("src/app.py", "v1")], &products));
        }
        chain
    }

    /// Adds a link under the name that tools give it.
    pub(crate) fn put(&mut self, signer: &'static str, link: Value) {
        let name = file(link["name"].as_str().unwrap(), signer);
        self.links.insert(name, (link, signer));
    }

    /// The link of a step by somebody, to be changed before it is signed.
    pub(crate) fn link(&mut self, step: &str, signer: &str) -> &mut Value {
        &mut self.links.get_mut(&file(step, signer)).unwrap().0
    }

    pub(crate) fn judged(&self) -> LayoutVerdict {
        let layout = signed(&self.layout, &self.owners, self.in_envelope);
        self.judged_as(&layout)
    }

    /// The same with the layout's bytes as they are.
    pub(crate) fn judged_as(&self, layout: &[u8]) -> LayoutVerdict {
        let mut links: BTreeMap<String, Vec<u8>> = self
            .links
            .iter()
            .map(|(name, (link, signer))| {
                (name.clone(), signed(link, &[*signer], self.in_envelope))
            })
            .collect();
        links.extend(self.files.clone());
        let keys: Vec<LayoutKey> = self
            .keys
            .iter()
            .map(|key| LayoutKey::new(key.clone()).unwrap())
            .collect();
        verify_layout(&LayoutQuestion {
            layout,
            keys: &keys,
            links: &links,
            products: &self.products,
            inspected: &self.inspected,
            parameters: &self.parameters,
            now: self.now.parse().unwrap(),
            limits: &Limits::default(),
            cancelled: &|| false,
        })
    }

    /// Both wrappings give this answer: the exit code, and where it is not 0 the first check that
    /// failed and what it found.
    pub(crate) fn ends(&self, exit: u8, check: &str, found: &str) {
        for in_envelope in [false, true] {
            let chain = Self {
                in_envelope,
                ..self.clone()
            };
            assert_ends(&chain.judged(), exit, check, found);
        }
    }
}

pub(crate) fn assert_ends(verdict: &LayoutVerdict, exit: u8, check: &str, found: &str) {
    let failed = verdict
        .checks
        .iter()
        .find(|check| check.outcome != Outcome::Ok);
    let said = failed.map_or((String::new(), ""), |one| (one.found.clone(), one.name));
    assert_eq!(verdict.exit_code(), exit, "{verdict:#?}");
    assert_eq!(said.1, check, "{verdict:#?}");
    assert!(said.0.contains(found), "{verdict:#?}");
}

/// Signs in one of the wrappings.
pub(crate) fn signed(value: &Value, signers: &[&str], in_envelope: bool) -> Vec<u8> {
    if in_envelope {
        let payload = serde_json::to_vec(value).unwrap();
        let signatures = signers
            .iter()
            .map(|name| EnvelopeSignature {
                key_id: Some(key_id(name)),
                signature: Signer::named(name).signature(envelope::IN_TOTO, &payload),
            })
            .collect();
        return Envelope::new(payload, envelope::IN_TOTO, signatures).to_json();
    }
    let bytes = canonical_json(value).unwrap();
    let signatures: Vec<Value> = signers
        .iter()
        .map(|name| {
            let signature = Signer::named(name).blob(&bytes, false);
            json!({"keyid": key_id(name), "sig": hex::encode(signature)})
        })
        .collect();
    serde_json::to_vec(&json!({"signed": value, "signatures": signatures})).unwrap()
}

/// A key's id as securesystemslib 1.6.0 computes it.
pub(crate) fn key_id(name: &str) -> String {
    let key = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw(name)}});
    Digest::sha256(&canonical_json(&key).unwrap())
        .hex()
        .to_owned()
}

fn raw(name: &str) -> String {
    hex::encode(&Signer::named(name).public().spki()[12..])
}

pub(crate) fn keys(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| {
            let id = key_id(name);
            let key = json!({
                "keyid": id, "keytype": "ed25519", "scheme": "ed25519",
                "keyval": {"public": raw(name), "private": ""},
            });
            (id, key)
        })
        .collect()
}

pub(crate) fn step(
    name: &str,
    signers: &[&str],
    threshold: u32,
    materials: &Value,
    products: &Value,
) -> Value {
    let pubkeys: Vec<String> = signers.iter().map(|name| key_id(name)).collect();
    json!({
        "_type": "step", "name": name, "pubkeys": pubkeys, "threshold": threshold,
        "expected_command": [], "expected_materials": materials, "expected_products": products,
    })
}

pub(crate) fn link(name: &str, materials: &[(&str, &str)], products: &[(&str, &str)]) -> Value {
    json!({
        "_type": "link", "name": name, "command": ["make"], "byproducts": {}, "environment": {},
        "materials": digests(materials), "products": digests(products),
    })
}

fn digests(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(path, content)| {
            let digest = Digest::sha256(content.as_bytes());
            ((*path).to_owned(), json!({"sha256": digest.hex()}))
        })
        .collect()
}

pub(crate) fn artifacts(pairs: &[(&str, &str)]) -> Artifacts {
    let map: BTreeMap<String, DigestSet> = pairs
        .iter()
        .map(|(path, content)| {
            let digest = Digest::sha256(content.as_bytes());
            ((*path).to_owned(), DigestSet::from(digest))
        })
        .collect();
    map.try_into().unwrap()
}

pub(crate) fn file(step: &str, signer: &str) -> String {
    format!("{step}.{}.link", &key_id(signer)[..8])
}
