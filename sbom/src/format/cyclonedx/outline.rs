//! Reads what anybody's CycloneDX JSON says about components, versions 1.2 to 1.7.
//! [`Document`](super::Document) has all of it.

use bulla_model::{JsonError, Limits, json};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::xml::XmlError;

/// What was read of a document. Fields that are not here were ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Outline {
    bom_format: String,
    /// `1.6`.
    pub spec_version: String,
    /// `urn:uuid:...`.
    pub serial_number: Option<String>,
    /// When it was made, as written.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: DocumentMetadata,
    /// Components; some hold others.
    #[serde(default, deserialize_with = "or_default")]
    pub components: Vec<Component>,
    /// Completeness as claimed: `complete`, `incomplete`, one for each composition.
    #[serde(default, rename = "compositions", deserialize_with = "aggregates")]
    pub aggregates: Vec<String>,
}

impl Outline {
    /// All components, those inside others too.
    pub fn all_components(&self) -> impl Iterator<Item = &Component> {
        let mut pending: Vec<&Component> = self.components.iter().rev().collect();
        std::iter::from_fn(move || {
            let component = pending.pop()?;
            pending.extend(component.components.iter().rev());
            Some(component)
        })
    }
}

/// What a document says about itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct DocumentMetadata {
    /// When it was made, as written.
    pub timestamp: Option<String>,
    /// What it is about.
    pub component: Option<Component>,
    /// Names and values that tools added.
    #[serde(default, deserialize_with = "or_default")]
    pub properties: Vec<Property>,
}

/// A component of anybody's document.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Component {
    /// `library`, `container`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Its group, the scope of npm.
    pub group: Option<String>,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL, unchecked.
    pub purl: Option<String>,
    /// One line about it.
    pub description: Option<String>,
    /// Components inside it.
    #[serde(default, deserialize_with = "or_default")]
    pub components: Vec<Component>,
}

impl Component {
    /// The type of its package URL: `deb`.
    pub fn purl_kind(&self) -> Option<&str> {
        self.purl
            .as_deref()?
            .strip_prefix("pkg:")?
            .trim_start_matches('/')
            .split('/')
            .next()
    }
}

/// A name and a value.
#[derive(Clone, Debug, Deserialize)]
pub struct Property {
    /// The name, with a prefix for the tool.
    pub name: String,
    /// The value.
    pub value: Option<String>,
}

/// Reads a document. Nesting is bounded by `Limits::json_depth`, length by
/// `Limits::catalog_file_bytes`.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Outline, ReadError> {
    let limit = limits.catalog_file_bytes;
    if bytes.len() as u64 > limit {
        return Err(ReadError::Size {
            size: bytes.len() as u64,
            limit,
        });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii_start().starts_with(b"<") {
        return Err(ReadError::Xml);
    }
    let document: Outline =
        json::read(bytes, limit, limits.json_depth).map_err(|source| ReadError::Json { source })?;
    if document.bom_format != "CycloneDX" {
        let found = document.bom_format.chars().take(32).collect();
        return Err(ReadError::Format { found });
    }
    if !VERSIONS.contains(&document.spec_version.as_str()) {
        let found = document.spec_version.chars().take(32).collect();
        return Err(ReadError::Version { found });
    }
    Ok(document)
}

/// Why a text is no CycloneDX document that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is longer than allowed.
    #[error("document has {size} bytes, the limit is {limit}")]
    Size {
        /// Its length.
        size: u64,
        /// `Limits::catalog_file_bytes`.
        limit: u64,
    },
    /// It is XML.
    #[error("document is XML, expected JSON")]
    Xml,
    /// It is XML that cannot be read.
    #[error("document is not CycloneDX XML: {source}")]
    Markup {
        /// What the XML reader said.
        #[from]
        source: XmlError,
    },
    /// It is not JSON of the expected shape.
    #[error("document is not CycloneDX JSON: {source}")]
    Json {
        /// What the JSON reader said.
        source: JsonError,
    },
    /// It is another format.
    #[error("document has the format `{}`, expected CycloneDX", found.escape_debug())]
    Format {
        /// `bomFormat`, shortened.
        found: String,
    },
    /// It has a version that is not known.
    #[error("CycloneDX `{}` is not known, expected 1.2 to 1.7", found.escape_debug())]
    Version {
        /// `specVersion`, shortened.
        found: String,
    },
}

/// Takes `null` for absent, as some tools write it.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn aggregates<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let compositions = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
    // What is only about dependencies does not say whether the list is whole.
    let names = |composition: &Value, key: &str| {
        let list = composition.get(key).and_then(Value::as_array);
        list.is_some_and(|list| !list.is_empty())
    };
    let aggregate = |composition: &Value| {
        let of_edges = names(composition, "dependencies") && !names(composition, "assemblies");
        let aggregate = composition.get("aggregate")?.as_str()?;
        (!of_edges).then(|| aggregate.to_owned())
    };
    Ok(compositions.iter().filter_map(aggregate).collect())
}

pub(super) const VERSIONS: [&str; 6] = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];
