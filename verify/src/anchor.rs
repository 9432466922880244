//! The anchor: what a verifier is told out of band, by a local file.

mod changes;
mod rotation;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_saphyr::Spanned;

use bulla_model::{Digest, Environment, Identity, Limits};

use crate::policy::{IdentityRule, IdentityWire, Matched, Place, PolicyError, Signers, signers};
use crate::public_key::PublicKey;
use crate::relay::{RelayRule, RelayWire};
use crate::verified::SignedTime;

pub use rotation::{
    Agreement, Instead, PAYLOAD_TYPE, Rotation, RotationError, signatures_bytes, signers_of,
};

/// The `apiVersion` of anchors.
pub const API_VERSION: &str = "bulla.dev/anchor/v0.1";

/// The name of an anchor that says none.
const UNNAMED: &str = "anchor";

fn is_name(text: &str) -> bool {
    let is_good =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_good)
}

/// Who owns policies, which environments this verifier acts for, and what it may not fall below.
/// Never taken from a registry or from the checkout under test.
#[derive(Clone, Debug)]
pub struct Anchor {
    name: String,
    version: u64,
    previous: Option<Digest>,
    digest: Digest,
    owners: Vec<PublicKey>,
    threshold: usize,
    must_sign: bool,
    environments: Vec<Environment>,
    audience: Vec<String>,
    minimum: BTreeMap<String, u64>,
    ledger: Option<LedgerRule>,
    relays: Vec<RelayRule>,
}

/// Who keeps the ledger, and where.
#[derive(Clone, Debug)]
pub struct LedgerRule {
    by: Signers,
    location: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    api_version: Spanned<String>,
    #[serde(default)]
    name: Option<Spanned<String>>,
    #[serde(default)]
    version: Option<Spanned<u64>>,
    #[serde(default)]
    previous: Option<Digest>,
    owners: Spanned<OwnersWire>,
    environments: Vec<Environment>,
    #[serde(default)]
    audience: Vec<String>,
    #[serde(default)]
    minimum: BTreeMap<String, u64>,
    #[serde(default)]
    ledger: Option<Spanned<LedgerWire>>,
    #[serde(default)]
    relays: Vec<Spanned<RelayWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LedgerWire {
    by: Vec<Spanned<IdentityWire>>,
    #[serde(default)]
    location: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OwnersWire {
    threshold: usize,
    keys: Vec<String>,
    #[serde(default)]
    must_sign: bool,
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
            crate::policy::from_yaml(text).map_err(|error| crate::policy::shape(&file, &error))?;
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
        let named = wire.name.map(|name| {
            if is_name(&name.value) {
                return Ok(name.value);
            }
            let reason =
                "expected a `name` of 1 to 64 lower-case letters, digits, `-`, `.` and `_`";
            Err(rule(name.referenced, reason.into()))
        });
        if let Some(zero) = wire.version.as_ref().filter(|version| version.value == 0) {
            let reason = "`version` is 0: the first is 1";
            return Err(rule(zero.referenced, reason.into()));
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
        if wire.owners.value.must_sign && wire.environments.is_empty() {
            let reason = "`mustSign` needs `environments`: the same owners may sign another policy";
            return Err(rule(at, reason.into()));
        }
        let ledger = wire.ledger.map(|ledger| {
            let at = ledger.referenced;
            let LedgerWire { by, location } = ledger.value;
            if by.is_empty() {
                return Err(rule(at, "`by` is empty: name the ledger's owner".into()));
            }
            let by = signers(&file, by)?;
            Ok(LedgerRule { by, location })
        });
        let relays = wire.relays.into_iter();
        let relays = relays.map(|relay| RelayRule::read(&file, relay));
        Ok(Self {
            name: named.transpose()?.unwrap_or_else(|| UNNAMED.to_owned()),
            version: wire.version.map_or(1, |version| version.value),
            previous: wire.previous,
            digest: Digest::sha256(bytes),
            owners,
            threshold,
            must_sign: wire.owners.value.must_sign,
            environments: wire.environments,
            audience: wire.audience,
            minimum: wire.minimum,
            ledger: ledger.transpose()?,
            relays: relays.collect::<Result<_, _>>()?,
        })
    }

    /// By what the state knows it; `anchor` if the file says nothing.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which version it is; 1 if the file says nothing.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The digest of the anchor that it takes the place of.
    pub fn previous(&self) -> Option<&Digest> {
        self.previous.as_ref()
    }

    /// The digest of the file.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The policy owners' keys.
    pub fn owners(&self) -> &[PublicKey] {
        &self.owners
    }

    /// How many owners must sign a policy.
    pub fn threshold(&self) -> usize {
        self.threshold
    }

    /// Whether a policy that its owners did not sign counts for nothing.
    pub fn must_sign(&self) -> bool {
        self.must_sign
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

    /// The policies of which only this version and later ones are acceptable.
    pub fn minimums(&self) -> &BTreeMap<String, u64> {
        &self.minimum
    }

    /// Who may pass on reviews from other platforms.
    pub fn relays(&self) -> &[RelayRule] {
        &self.relays
    }

    /// The keys of the ledger's owners and of relays, where they sign with keys of their own.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        let owners = self.ledger.iter().flat_map(LedgerRule::keys);
        owners.chain(self.relays.iter().flat_map(RelayRule::keys))
    }

    /// Who keeps the ledger; `None` if nobody does, so that no checkpoint counts.
    pub fn ledger(&self) -> Option<&LedgerRule> {
        self.ledger.as_ref()
    }
}

impl LedgerRule {
    /// Who may sign checkpoints: each of them alone.
    pub fn owners(&self) -> &[IdentityRule] {
        &self.by.0
    }

    /// Whether somebody who signs now is one of them.
    pub fn is_owner(&self, signer: &Identity, now: Timestamp) -> bool {
        let time = SignedTime::Claimed(now);
        let is = |rule: &IdentityRule| rule.matches(signer, time, now) == Matched::Yes;
        self.owners().iter().any(is)
    }

    /// Their keys, where they sign with keys of their own.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.owners().iter().filter_map(IdentityRule::public_key)
    }

    /// Where the ledger is: a repository, or `oci:` and a folder. `None` is the artifact's own place.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }
}
