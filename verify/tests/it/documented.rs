//! Policies, services, people and anchors in the documents, whole or in part: all of them load.

use std::collections::BTreeSet;

use bulla_model::Limits;
use bulla_verify::{Anchor, Policy, PolicyFile, PolicyFiles};
use serde_json::{Map, Value, json};

use crate::vectors::root;

/// Keys for the places where a document has three dots; nobody kept the other halves.
const KEYS: [&str; 4] = [
    "MCowBQYDK2VwAyEAO6ST4drDH0W1XMyTFJoM8YwIG//ZfZalm8SKE1BQKAg=",
    "MCowBQYDK2VwAyEAyIewPV89yIZXv2I6EUn08Zu39df1wLlUDm6DY6ocP8Q=",
    "MCowBQYDK2VwAyEAj/ReL2yf1Fv8B+jX8C3wH7ZnVJVcvaQ9sY5HpVEPLV8=",
    "MCowBQYDK2VwAyEAHWaK36+SRhmvZF5nh4WxD+D/l365OMEnPHUohhiOpaM=",
];

const POLICY: [&str; 10] = [
    "environments",
    "tiers",
    "identities",
    "edges",
    "tighten",
    "builders",
    "revocations",
    "freezes",
    "history",
    "version",
];

/// A block of a document, with where it is.
struct Block {
    place: String,
    said: Map<String, Value>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the documents are files of the repository"
)]
fn blocks() -> Vec<Block> {
    let mut found = Vec::new();
    for name in [
        "docs/guide.md",
        "docs/conditions.md",
        "docs/tutorial.md",
        "docs/admission.md",
        "README.md",
    ] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if line != "```yaml" {
                continue;
            }
            let inside = lines.by_ref().map(|(_, line)| line);
            let block: Vec<_> = inside.take_while(|line| *line != "```").collect();
            let place = format!("{name}:{}", number + 1);
            let said: Value = serde_saphyr::from_str(&with_keys(&block))
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            let said = said.as_object().unwrap().clone();
            found.push(Block { place, said });
        }
    }
    found
}

/// The lines with a key wherever three dots stand for one, each another.
fn with_keys(lines: &[&str]) -> String {
    let mut keys = KEYS.iter();
    let mut out = String::new();
    let mut in_key = false;
    for line in lines {
        if line.trim() == "…" {
            let columns = line.len() - line.trim_start().len();
            let key = keys.next().unwrap();
            let whole = [
                "-----BEGIN PUBLIC KEY-----",
                key,
                "-----END PUBLIC KEY-----",
            ];
            let shown = if in_key { &whole[1..2] } else { &whole };
            for line in shown {
                out.extend([&" ".repeat(columns), *line, "\n"]);
            }
        } else {
            out.extend([*line, "\n"]);
        }
        in_key = line.contains("-----BEGIN ");
    }
    out
}

/// Everything that stands under this name, at any depth.
fn under(value: &Value, name: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (own, member) in members {
                if own == name {
                    let texts = member
                        .as_array()
                        .map_or(std::slice::from_ref(member), Vec::as_slice);
                    found.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                under(member, name, found);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|one| under(one, name, found)),
        _ => {}
    }
}

/// The whole policy of the guide with this part in place of its own, and whatever the part names.
fn completed(whole: &Map<String, Value>, part: &Map<String, Value>) -> Value {
    let mut policy = Value::from(whole.clone());
    for (name, value) in part {
        policy[name] = value.clone();
    }
    let named = |name: &str| {
        let mut found = BTreeSet::new();
        under(&policy, name, &mut found);
        found
    };
    let (by, tiers) = (named("by"), named("tiers"));
    let environments: BTreeSet<_> = named("to").into_iter().chain(named("from")).collect();
    let missing = |kind: &str, name: &String| policy[kind].get(name).is_none();
    let identity = json!([{"issuer": "https://accounts.example.com", "subject": "a"}]);
    let mut added = Vec::new();
    for (kind, names) in [
        ("identities", by),
        ("tiers", tiers),
        ("environments", environments),
    ] {
        for name in names.into_iter().filter(|name| missing(kind, name)) {
            let value = match kind {
                "identities" => identity.clone(),
                "tiers" => json!({}),
                _ => json!({"uri": format!("env://acme/pay/{name}"), "freshness": "none"}),
            };
            added.push((kind, name, value));
        }
    }
    for (kind, name, value) in added {
        policy[kind][name] = value;
    }
    policy
}

fn file(path: &str, value: &Value) -> PolicyFile {
    PolicyFile {
        path: path.to_owned(),
        bytes: value.to_string().into_bytes(),
    }
}

#[test]
fn every_file_in_the_documents_loads() {
    let blocks = blocks();
    let of = |version: &str| {
        let mut found = blocks
            .iter()
            .filter(move |block| block.said.get("apiVersion") == Some(&json!(version)));
        found.next().unwrap()
    };
    let (policy, anchor) = (of("bulla.dev/policy/v0.1"), of("bulla.dev/anchor/v0.1"));
    let base = file("release.yaml", &completed(&policy.said, &Map::new()));
    let limits = Limits::default();
    let mut loaded = 0;
    for Block { place, said } in &blocks {
        let has = |name: &str| said.contains_key(name);
        let whole = Value::from(said.clone());
        let mut files = PolicyFiles {
            base: base.clone(),
            ..PolicyFiles::default()
        };
        let read = if has("kind") || has("cases") || has("on") {
            continue;
        } else if has("relays") || has("owners") {
            let mut all = anchor.said.clone();
            all.extend(said.clone());
            let bytes = Value::from(all).to_string();
            Anchor::parse("anchor.yaml", bytes.as_bytes(), &limits).map(drop)
        } else if has("service") {
            files.services = vec![file("services/pay-api.yaml", &whole)];
            Policy::parse(&files, &limits).map(drop)
        } else if has("people") || has("machines") {
            files.people = Some(file("people.yaml", &whole));
            Policy::parse(&files, &limits).map(drop)
        } else if POLICY.iter().any(|name| has(name)) {
            files.base = file("release.yaml", &completed(&policy.said, said));
            Policy::parse(&files, &limits).map(drop)
        } else {
            continue;
        };
        read.unwrap_or_else(|error| panic!("{place}: {error}"));
        loaded += 1;
    }
    assert!(loaded >= 8, "{loaded}");
}
