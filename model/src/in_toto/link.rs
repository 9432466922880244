//! Links: the record of one step that was carried out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::MetadataError;
use super::path::artifact_path;
use crate::descriptor::or_null;
use crate::{Algorithm, DigestSet};

/// The record of a step (specification v1.0, section 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepLink {
    /// The step.
    pub name: String,
    /// The command and its arguments, as whoever recorded it says.
    pub command: Vec<String>,
    /// What went in.
    pub materials: Artifacts,
    /// What came out.
    pub products: Artifacts,
    /// Exit code and streams; nothing rests on them.
    pub byproducts: Value,
    /// Where it ran; nothing rests on it.
    pub environment: Value,
}

/// Artifacts by their paths, each in its one spelling, each with a digest that can be relied on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Artifacts(BTreeMap<String, DigestSet>);

impl Artifacts {
    /// The digests of the artifact at a path.
    pub fn at(&self, path: &str) -> Option<&DigestSet> {
        self.0.get(path)
    }

    /// Paths and digests, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &DigestSet)> {
        self.0.iter().map(|(path, set)| (path.as_str(), set))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<String, DigestSet>> for Artifacts {
    type Error = MetadataError;

    fn try_from(map: BTreeMap<String, DigestSet>) -> Result<Self, MetadataError> {
        let mut artifacts = BTreeMap::new();
        for (path, digests) in map {
            let cut = || path.chars().take(120).collect::<String>();
            let strong = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
            if !strong.iter().any(|one| digests.known(*one).is_some()) {
                return Err(MetadataError::WeakDigest { path: cut() });
            }
            if path.len() > MAX_PATH {
                return Err(MetadataError::Path { path: cut() });
            }
            let one = artifact_path(&path).ok_or_else(|| MetadataError::Path { path: cut() })?;
            if artifacts.insert(one, digests).is_some() {
                return Err(MetadataError::Path { path: cut() });
            }
        }
        Ok(Self(artifacts))
    }
}

/// A link's JSON.
#[derive(Deserialize)]
pub(super) struct WireLink {
    name: String,
    #[serde(default, deserialize_with = "or_null")]
    command: Vec<String>,
    #[serde(default, deserialize_with = "or_null")]
    materials: BTreeMap<String, DigestSet>,
    #[serde(default, deserialize_with = "or_null")]
    products: BTreeMap<String, DigestSet>,
    #[serde(default)]
    byproducts: Value,
    #[serde(default)]
    environment: Value,
}

impl TryFrom<WireLink> for StepLink {
    type Error = MetadataError;

    fn try_from(wire: WireLink) -> Result<Self, MetadataError> {
        Ok(Self {
            name: wire.name,
            command: wire.command,
            materials: wire.materials.try_into()?,
            products: wire.products.try_into()?,
            byproducts: wire.byproducts,
            environment: wire.environment,
        })
    }
}

/// Bytes of one path. Stops patterns from being matched against texts without an end.
const MAX_PATH: usize = 4096;
