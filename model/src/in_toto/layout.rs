//! Layouts: which steps make a product, who may carry them out, and what may flow between them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ArtifactRule, MetadataError};
use crate::descriptor::or_null;

/// Elements of one list of a layout: steps, rules, keys. Stops a layout that is all cost.
pub const MAX_LAYOUT_ELEMENTS: usize = 1024;

/// A supply chain as its owner wants it (specification v1.0, section 4.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// What the owner says about it.
    pub readme: String,
    /// When it ends.
    pub expires: Timestamp,
    /// The steps, in order.
    pub steps: Vec<LayoutStep>,
    /// What whoever verifies has to run.
    pub inspections: Vec<Inspection>,
    /// The keys of those who carry out steps, by key id.
    pub keys: BTreeMap<String, FunctionaryKey>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayoutStep {
    /// Its name, unlike that of every other step and inspection.
    pub name: String,
    /// Rules over what goes in.
    pub expected_materials: Vec<ArtifactRule>,
    /// Rules over what comes out.
    pub expected_products: Vec<ArtifactRule>,
    /// Key ids of those who may carry it out.
    pub pubkeys: Vec<String>,
    /// The command, if it is said; links that name another are told, not refused.
    pub expected_command: Vec<String>,
    /// How many different keys have to agree; at least one.
    pub threshold: usize,
    /// Whether it also lets in holders of certificates (in-toto enhancement 7), which count for
    /// nothing here.
    pub certificates: bool,
}

/// A command that is run when the product is verified, and rules over the folder it runs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its name, unlike that of every other step and inspection.
    pub name: String,
    /// Rules over the folder before.
    pub expected_materials: Vec<ArtifactRule>,
    /// Rules over the folder after.
    pub expected_products: Vec<ArtifactRule>,
    /// The command.
    pub run: Vec<String>,
}

/// A public key as securesystemslib writes it; whether it is one shows when it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionaryKey {
    /// The kind: `rsa`, `ed25519`, `ecdsa`; empty for OpenPGP.
    #[serde(default)]
    pub keytype: String,
    /// How it signs: `rsassa-pss-sha256`, `ed25519`, `ecdsa-sha2-nistp256`.
    #[serde(default)]
    pub scheme: String,
    /// The key.
    pub keyval: KeyValue,
    /// The id it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyid: Option<String>,
}

/// The key itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// PEM, or the 32 bytes of an Ed25519 key in hexadecimal.
    #[serde(default)]
    pub public: PublicValue,
}

/// A public value; OpenPGP keys have several numbers instead of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PublicValue {
    /// PEM or hexadecimal.
    Text(String),
    /// The numbers of an OpenPGP key.
    Numbers(BTreeMap<String, serde_json::Value>),
}

impl Default for PublicValue {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Layout {
    /// Whether it holds no more at this time.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }
}

/// A layout's JSON.
#[derive(Deserialize)]
pub(super) struct WireLayout {
    #[serde(default)]
    readme: String,
    expires: Timestamp,
    steps: Vec<WireStep>,
    #[serde(default, deserialize_with = "or_null")]
    inspect: Vec<WireInspection>,
    #[serde(default, deserialize_with = "or_null")]
    keys: BTreeMap<String, FunctionaryKey>,
}

#[derive(Deserialize)]
struct WireStep {
    name: String,
    #[serde(default, deserialize_with = "or_null")]
    expected_materials: Vec<Vec<String>>,
    #[serde(default, deserialize_with = "or_null")]
    expected_products: Vec<Vec<String>>,
    #[serde(default, deserialize_with = "or_null")]
    pubkeys: Vec<String>,
    #[serde(default, deserialize_with = "or_null")]
    expected_command: Vec<String>,
    #[serde(default = "one")]
    threshold: usize,
    #[serde(default, deserialize_with = "or_null")]
    cert_constraints: Vec<serde::de::IgnoredAny>,
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
struct WireInspection {
    name: String,
    #[serde(default, deserialize_with = "or_null")]
    expected_materials: Vec<Vec<String>>,
    #[serde(default, deserialize_with = "or_null")]
    expected_products: Vec<Vec<String>>,
    #[serde(default, deserialize_with = "or_null")]
    run: Vec<String>,
}

impl TryFrom<WireLayout> for Layout {
    type Error = MetadataError;

    fn try_from(wire: WireLayout) -> Result<Self, MetadataError> {
        bounded("keys", wire.keys.len())?;
        bounded("steps", wire.steps.len())?;
        bounded("inspections", wire.inspect.len())?;
        for (id, key) in &wire.keys {
            if key.keyid.as_ref().is_some_and(|own| own != id) {
                let id = id.chars().take(80).collect();
                return Err(MetadataError::KeyId { id });
            }
        }
        let steps: Vec<LayoutStep> = convert(wire.steps, step)?;
        let inspections: Vec<Inspection> = convert(wire.inspect, inspection)?;
        let mut seen = BTreeSet::new();
        let steps_named = steps.iter().map(|step| &step.name);
        for name in steps_named.chain(inspections.iter().map(|one| &one.name)) {
            if name.is_empty() || !seen.insert(name) {
                let name = name.chars().take(80).collect();
                return Err(MetadataError::Name { name });
            }
        }
        Ok(Self {
            readme: wire.readme,
            expires: wire.expires,
            steps,
            inspections,
            keys: wire.keys,
        })
    }
}

fn convert<T, U>(
    list: Vec<T>,
    each: impl Fn(T) -> Result<U, MetadataError>,
) -> Result<Vec<U>, MetadataError> {
    list.into_iter().map(each).collect()
}

fn step(wire: WireStep) -> Result<LayoutStep, MetadataError> {
    bounded("keys of a step", wire.pubkeys.len())?;
    if wire.threshold == 0 {
        let step = wire.name.chars().take(80).collect();
        return Err(MetadataError::Threshold { step });
    }
    Ok(LayoutStep {
        name: wire.name,
        expected_materials: rules(&wire.expected_materials)?,
        expected_products: rules(&wire.expected_products)?,
        pubkeys: wire.pubkeys,
        expected_command: wire.expected_command,
        threshold: wire.threshold,
        certificates: !wire.cert_constraints.is_empty(),
    })
}

fn inspection(wire: WireInspection) -> Result<Inspection, MetadataError> {
    Ok(Inspection {
        name: wire.name,
        expected_materials: rules(&wire.expected_materials)?,
        expected_products: rules(&wire.expected_products)?,
        run: wire.run,
    })
}

fn rules(lists: &[Vec<String>]) -> Result<Vec<ArtifactRule>, MetadataError> {
    bounded("rules of a step", lists.len())?;
    lists
        .iter()
        .map(|words| ArtifactRule::read(words))
        .collect()
}

fn bounded(what: &'static str, found: usize) -> Result<(), MetadataError> {
    if found > MAX_LAYOUT_ELEMENTS {
        let limit = MAX_LAYOUT_ELEMENTS;
        return Err(MetadataError::TooMany { what, limit, found });
    }
    Ok(())
}
