//! The anchor: what a verifier is told out of band, by a local file.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_saphyr::Spanned;

use bulla_model::{Environment, Limits};

use crate::policy::{Place, PolicyError};
use crate::public_key::PublicKey;

/// The `apiVersion` of anchors.
pub const API_VERSION: &str = "bulla.dev/anchor/v0.1";

/// Who owns policies, which environments this verifier acts for, and what it may not fall below.
/// Never taken from a registry or from the checkout under test.
#[derive(Clone, Debug)]
pub struct Anchor {
    owners: Vec<PublicKey>,
    threshold: usize,
    environments: Vec<Environment>,
    audience: Vec<String>,
    minimum: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    api_version: Spanned<String>,
    owners: Spanned<OwnersWire>,
    environments: Vec<Environment>,
    #[serde(default)]
    audience: Vec<String>,
    #[serde(default)]
    minimum: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OwnersWire {
    threshold: usize,
    keys: Vec<String>,
}

impl Anchor {
    /// Reads an anchor; `path` is for messages.
    pub fn parse(path: &str, bytes: &[u8], limits: &Limits) -> Result<Self, PolicyError> {
        let file: Arc<str> = Arc::from(path);
        let found = bytes.len() as u64;
        if found > limits.configuration_bytes {
            return Err(PolicyError::Size {
                file: path.to_owned(),
                limit: limits.configuration_bytes,
                found,
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| PolicyError::Encoding {
            file: path.to_owned(),
        })?;
        let wire: Wire =
            serde_saphyr::from_str(text).map_err(|error| crate::policy::shape(&file, &error))?;
        let rule = |location, reason: String| PolicyError::Rule {
            place: Place::new(&file, location),
            reason,
        };
        if wire.api_version.value != API_VERSION {
            return Err(rule(
                wire.api_version.referenced,
                format!("expected `apiVersion: {API_VERSION}`"),
            ));
        }
        let at = wire.owners.referenced;
        let mut owners: Vec<PublicKey> = Vec::new();
        for pem in &wire.owners.value.keys {
            let key = PublicKey::from_pem(pem).map_err(|error| rule(at, error.to_string()))?;
            if owners.contains(&key) {
                return Err(rule(
                    at,
                    format!("key {} is listed twice", key.id().short()),
                ));
            }
            owners.push(key);
        }
        let threshold = wire.owners.value.threshold;
        if threshold == 0 || threshold > owners.len() {
            return Err(rule(
                at,
                format!("`threshold` is {threshold} with {} keys", owners.len()),
            ));
        }
        Ok(Self {
            owners,
            threshold,
            environments: wire.environments,
            audience: wire.audience,
            minimum: wire.minimum,
        })
    }

    /// The policy owners' keys.
    pub fn owners(&self) -> &[PublicKey] {
        &self.owners
    }

    /// How many owners must sign a policy.
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// The environments this verifier acts for.
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// The cluster ids this verifier answers to.
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// The lowest version of this policy that is acceptable.
    pub fn minimum(&self, policy: &str) -> u64 {
        self.minimum.get(policy).copied().unwrap_or(0)
    }
}
