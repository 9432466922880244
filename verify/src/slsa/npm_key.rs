//! Keys of npm registries, with the windows they are for.
//!
//! Two documents tell them: `keys.json` among the targets of Sigstore's TUF repository, and what
//! registries serve under `/-/npm/v1/keys`.

use base64::Engine as _;
use jiff::Timestamp;
use serde::Deserialize;

use bulla_model::{JsonError, Limits, json};

use crate::public_key::PublicKey;

/// What keys for attestations are marked with; others sign lists of packages.
const USAGE: &str = "npm:attestations";

/// A key of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryKey {
    pub(super) id: String,
    pub(super) key: PublicKey,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl RegistryKey {
    /// Reads the keys of a document that may sign attestations; at least one.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<Self>, RegistryKeyError> {
        let wire: Wire = json::read(bytes, limits.configuration_bytes, limits.json_depth)?;
        let mut keys = Vec::new();
        for key in wire.keys {
            let (key, usage) = match key {
                WireKey::Tuf(key) => (key.read()?, key.key_usage),
                WireKey::Registry(key) => (key.read()?, USAGE.to_owned()),
            };
            if usage == USAGE {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(RegistryKeyError::None);
        }
        Ok(keys)
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) fn is_valid_at(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

#[derive(Deserialize)]
struct Wire {
    keys: Vec<WireKey>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireKey {
    Tuf(TufKey),
    Registry(PlainKey),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TufKey {
    key_id: String,
    key_usage: String,
    public_key: TufPublicKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TufPublicKey {
    raw_bytes: String,
    valid_for: Window,
}

#[derive(Deserialize)]
struct Window {
    start: Timestamp,
    #[serde(default)]
    end: Option<Timestamp>,
}

#[derive(Deserialize)]
struct PlainKey {
    keyid: String,
    key: String,
    #[serde(default)]
    expires: Option<Timestamp>,
}

impl TufKey {
    fn read(&self) -> Result<RegistryKey, RegistryKeyError> {
        Ok(RegistryKey {
            key: public(&self.key_id, &self.public_key.raw_bytes)?,
            id: self.key_id.clone(),
            from: Some(self.public_key.valid_for.start),
            until: self.public_key.valid_for.end,
        })
    }
}

impl PlainKey {
    fn read(&self) -> Result<RegistryKey, RegistryKeyError> {
        Ok(RegistryKey {
            key: public(&self.keyid, &self.key)?,
            id: self.keyid.clone(),
            from: None,
            until: self.expires,
        })
    }
}

fn public(id: &str, text: &str) -> Result<PublicKey, RegistryKeyError> {
    let wrong = |reason: String| RegistryKeyError::Key {
        id: id.chars().take(100).collect(),
        reason: reason.chars().take(200).collect(),
    };
    let standard = base64::engine::general_purpose::STANDARD;
    let der = standard
        .decode(text)
        .map_err(|error| wrong(error.to_string()))?;
    let body = standard.encode(der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    PublicKey::from_pem(&pem).map_err(|error| wrong(error.to_string()))
}

/// Why a document tells no keys of a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryKeyError {
    /// It is not JSON of the right shape.
    #[error("no keys of a registry: {0}")]
    Json(#[from] JsonError),
    /// A key cannot be used.
    #[error("key `{}`: {}", id.escape_debug(), reason.escape_debug())]
    Key {
        /// The key's name.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// No key is for attestations.
    #[error("no key for `{USAGE}`")]
    None,
}
