//! The demo's policy: small, but every part of a real one.

use super::stage::Stage;
use crate::Failure;
use crate::join::file;

/// The demo service's source repository.
pub(super) const SOURCE: &str = "https://example.test/acme/bulla";

/// Writes policy, anchor and settings around the keys.
pub(super) fn write(stage: &Stage<'_>) -> Result<(), Failure> {
    let pem = |name: &str| -> Result<String, Failure> {
        let bytes = file::read(&stage.path(&format!("keys/{name}.pub")), 64 << 10)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    };
    let fill = |template: &str| -> Result<String, Failure> {
        let mut text = template.to_owned();
        for name in ["bob", "release-bot", "alice", "carol"] {
            text = replace_indented(&text, &format!("{{{{{name}}}}}"), &pem(name)?);
        }
        Ok(text)
    };
    stage.write("policy/release.yaml", fill(RELEASE)?.as_bytes())?;
    stage.write("policy/people.yaml", fill(PEOPLE)?.as_bytes())?;
    stage.write("policy/services/bulla.yaml", BULLA.as_bytes())?;
    stage.write("policy/services/playground.yaml", PLAYGROUND.as_bytes())?;
    stage.write("anchor.yaml", fill(ANCHOR)?.as_bytes())?;
    stage.write("bulla.yaml", b"policy: policy\nanchor: anchor.yaml\n")
}

/// Puts a text of several lines in the place of a mark, at the mark's indentation.
fn replace_indented(text: &str, mark: &str, with: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        match line.find(mark) {
            Some(at) if line[..at].trim().is_empty() => {
                for inner in with.lines() {
                    out.push_str(&line[..at]);
                    out.push_str(inner);
                    out.push('\n');
                }
            }
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

const RELEASE: &str = r"# What may enter which environment. Every rule is explained by `bulla policy explain`.
apiVersion: bulla.dev/policy/v0.1
name: release
version: 1

environments:
  dev: {uri: env://acme/demo/dev, freshness: none}
  staging: {uri: env://acme/demo/staging, freshness: none}
  prod: {uri: env://acme/demo/prod, freshness: none}

tiers:
  # Keys in files, no transparency log, no timestamps: whoever signs is believed about the time.
  # A tier that leaves this out takes nobody's word for it.
  high: {claimedTime: allow}
  low: {claimedTime: allow}

identities:
  builder:
    - key: |
        {{bob}}
  release-bot:
    - key: |
        {{release-bot}}

edges:
  - to: dev
    by: [release-bot]
    require:
      provenance: {by: [builder], builders: [https://bulla.dev/builders/local]}
      sbom: {by: [builder]}
  - from: dev
    to: staging
    by: [release-bot]
    require:
      provenance: {by: [builder]}
      tests: {by: [builder], maxAge: 7d}
  - from: staging
    to: prod
    tiers: [high]
    by: [release-bot]
    require:
      provenance: {by: [builder]}
      sbom: {by: [builder], formats: [cyclonedx], maxAge: 30d}
      tests: {by: [builder], maxAge: 7d}
      approvals: {threshold: 2, roles: [release-manager], maxAge: 72h}
  # Services that matter less go straight from dev to prod.
  - from: dev
    to: prod
    tiers: [low]
    by: [release-bot]
    require:
      provenance: {by: [builder]}
";

const PEOPLE: &str = r"# Persons, not accounts: one human with two keys still counts once.
people:
  alice:
    roles: [release-manager]
    emails: [alice@acme.example]
    identities:
      - key: |
          {{alice}}
  bob:
    roles: [release-manager, developer]
    emails: [bob@acme.example]
    identities:
      - key: |
          {{bob}}
  carol:
    roles: [release-manager]
    emails: [carol@acme.example]
    identities:
      - key: |
          {{carol}}
  dave:
    roles: [developer]
    emails: [dave@acme.example]
    identities: []
machines:
  release-bot:
    - key: |
        {{release-bot}}
";

const BULLA: &str = r"service: bulla
tier: high
sources: [https://example.test/acme/bulla]
owners: [alice]
";

const PLAYGROUND: &str = r"service: playground
tier: low
sources: [https://example.test/acme/playground]
owners: [bob]
";

const ANCHOR: &str = r"# What this verifier is told out of band. Keep it away from what is verified.
apiVersion: bulla.dev/anchor/v0.1
owners:
  threshold: 1
  keys:
    - |
      {{alice}}
environments:
  - env://acme/demo/dev
  - env://acme/demo/staging
  - env://acme/demo/prod
minimum: {release: 1}
";
