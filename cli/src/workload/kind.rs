//! Kinds of objects.

use serde::Deserialize;
use serde_json::Value;

/// A group, version and kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Kind {
    /// The group, empty for the core.
    #[serde(default)]
    pub group: String,
    /// The version, for example `v1`.
    #[serde(default)]
    pub version: String,
    /// The kind, for example `Pod`.
    #[serde(default)]
    pub kind: String,
}

impl Kind {
    /// What an object says it is; `None` if it does not say.
    pub fn of(object: &Value) -> Option<Self> {
        let text = |field| object.get(field).and_then(Value::as_str);
        let (api_version, kind) = (text("apiVersion")?, text("kind")?);
        // Whoever reads a list fills in what is empty.
        if api_version.is_empty() || kind.is_empty() {
            return None;
        }
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Some(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        })
    }

    /// The `apiVersion` objects of this kind carry: `apps/v1`, `v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}
