//! A document with all that it says.

use bulla_model::{Limits, json};
use serde_json::{Map, Value};

use super::loss::{Loss, Losses, Lost};
use super::outline::{ReadError, VERSIONS};
use super::{number, xml};

/// A document as its tree of JSON, which XML has too. Nothing that is not in [`losses`] was left
/// out, but for the order of members, comments and spaces.
///
/// [`losses`]: Document::losses
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    members: Map<String, Value>,
    version: String,
    losses: Vec<Loss>,
}

impl Document {
    /// Reads JSON or XML, whichever it is.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, ReadError> {
        let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if start.trim_ascii_start().starts_with(b"<") {
            Ok(xml::read(bytes, limits)?)
        } else {
            Self::read_json(bytes, limits)
        }
    }

    /// Reads JSON. Nesting is bounded by `Limits::json_depth`, length by
    /// `Limits::catalog_file_bytes`.
    pub fn read_json(bytes: &[u8], limits: &Limits) -> Result<Self, ReadError> {
        let limit = limits.catalog_file_bytes;
        let size = bytes.len() as u64;
        if size > limit {
            return Err(ReadError::Size { size, limit });
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let value: Map<String, Value> = json::read(bytes, limit, limits.json_depth)
            .map_err(|source| ReadError::Json { source })?;
        let text = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let (format, version) = (text("bomFormat"), text("specVersion"));
        if format != "CycloneDX" {
            let found = format.chars().take(32).collect();
            return Err(ReadError::Format { found });
        }
        if !VERSIONS.contains(&version) {
            let found = version.chars().take(32).collect();
            return Err(ReadError::Version { found });
        }
        let mut losses = Losses::default();
        for place in number::inexact(bytes) {
            losses.add(&format!("byte {place}"), Lost::Digits);
        }
        Ok(Self::new(value, losses))
    }

    /// A tree whose format and version were checked.
    pub(super) fn new(members: Map<String, Value>, losses: Losses) -> Self {
        let version = members.get("specVersion").and_then(Value::as_str);
        Self {
            version: version.unwrap_or_default().to_owned(),
            members,
            losses: losses.into_vec(),
        }
    }

    /// `1.6`.
    pub fn spec_version(&self) -> &str {
        &self.version
    }

    /// What it says.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The same as a value of JSON.
    pub fn as_value(&self) -> Value {
        Value::Object(self.members.clone())
    }

    /// What it says, to be changed.
    pub fn into_members(self) -> Map<String, Value> {
        self.members
    }

    /// What it said that the tree does not hold.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// The document as indented JSON, members by name, with a line feed at its end.
    pub fn to_json(&self) -> Vec<u8> {
        let written = serde_json::to_vec_pretty(&self.members);
        let mut bytes = written.expect("because trees of JSON are always JSON");
        bytes.push(b'\n');
        bytes
    }
}
