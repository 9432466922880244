//! The policy of the tests, as text, so that a test changes a line of it like an owner would.

use bulla_verify::{PolicyFile, PolicyFiles};

use super::signer::Signer;

/// dev, staging and prod for `pay-api` (tier high) and `wiki` (tier low).
pub(crate) fn files() -> PolicyFiles {
    PolicyFiles {
        base: file("release.yaml", base()),
        services: vec![
            file(
                "services/pay-api.yaml",
                "service: pay-api\ntier: high\nsources: [\"https://github.com/acme/pay\"]\n"
                    .to_owned(),
            ),
            file(
                "services/wiki.yaml",
                "service: wiki\ntier: low\nsources: [\"https://github.com/acme/wiki\"]\n"
                    .to_owned(),
            ),
        ],
        people: Some(file("people.yaml", people())),
        ..PolicyFiles::default()
    }
}

pub(crate) fn file(path: &str, text: String) -> PolicyFile {
    PolicyFile {
        path: path.to_owned(),
        bytes: text.into_bytes(),
    }
}

/// A key as a YAML scalar.
pub(crate) fn key(name: &str) -> String {
    format!("\"{}\"", Signer::named(name).pem().replace('\n', "\\n"))
}

fn base() -> String {
    format!(
        r#"apiVersion: bulla.dev/policy/v0.1
name: release
version: 3
environments:
  dev: {{uri: "env://acme/pay/dev", freshness: none}}
  staging: {{uri: "env://acme/pay/staging", freshness: none}}
  prod: {{uri: "env://acme/pay/prod", audience: [prod-eu-1], freshness: none}}
tiers:
  high: {{claimedTime: allow}}
  low: {{claimedTime: allow}}
identities:
  builder:
    - key: {builder}
  tester:
    - key: {tester}
  promoter:
    - key: {promoter}
edges:
  - to: dev
    by: [promoter]
    require:
      provenance: {{by: [builder]}}
  - from: dev
    to: staging
    by: [promoter]
    require:
      provenance: {{by: [builder]}}
      sbom: {{by: [builder], maxAge: 30d}}
      tests: {{by: [tester], maxAge: 72h}}
  - from: staging
    to: prod
    tiers: [high]
    by: [promoter]
    require:
      provenance: {{by: [builder], buildTypes: ["https://example.test/build/**"], builders: ["https://example.test/builder"]}}
      approvals: {{threshold: 2, roles: [release-manager], maxAge: 7d}}
  - from: staging
    to: prod
    tiers: [low]
    by: [promoter]
    require: {{}}
history: []
"#,
        builder = key("builder"),
        tester = key("tester"),
        promoter = key("promoter"),
    )
}

fn people() -> String {
    format!(
        r"people:
  alice:
    roles: [release-manager]
    emails: [alice@acme.example]
    identities:
      - key: {alice}
      - key: {laptop}
  bob:
    roles: [release-manager]
    emails: [bob@acme.example]
    identities:
      - key: {bob}
  carol:
    roles: [release-manager]
    emails: [carol@acme.example]
    identities:
      - key: {carol}
  dave:
    emails: [dave@acme.example]
    identities:
      - key: {dave}
machines:
  ci:
    - key: {builder}
  gate:
    - key: {promoter}
",
        alice = key("alice"),
        laptop = key("alice-laptop"),
        bob = key("bob"),
        carol = key("carol"),
        dave = key("dave"),
        builder = key("builder"),
        promoter = key("promoter"),
    )
}
