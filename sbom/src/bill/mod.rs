//! What a bill of materials of any format and from any tool lists, to be shown and compared.
//!
//! Nothing of it is believed or checked: versions, licences and package URLs are as they are written.

mod cyclonedx;
mod difference;
mod spdx;
mod spdx3;
mod tag_value;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bulla_model::{JsonError, Limits, Purl, json};
use serde_json::Value;

use crate::format::cyclonedx::{Document, ReadError};

pub use difference::{Change, Difference, Key, Side};
pub use tag_value::TagValueError;
pub(crate) use tag_value::begins as is_tag_value;

/// What a document lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bill {
    /// `CycloneDX 1.6`, `SPDX-2.3`, `SPDX-3.0.1`.
    pub format: String,
    /// What names the document: a serial number or namespace.
    pub id: Option<String>,
    /// When it was made, as written.
    pub timestamp: Option<String>,
    /// What it is about.
    pub subject: Option<Item>,
    /// What is listed, in the order of the document; what lies inside others follows them.
    pub items: Vec<Item>,
    /// Pairs of references: the first needs the second. One that is told often is kept once.
    pub needs: Vec<(Arc<str>, Arc<str>)>,
    /// Whether it claims to be complete; `None` if it says nothing.
    pub is_complete: Option<bool>,
    /// What could not be read, as Bulla writes it.
    pub unknowns: Vec<String>,
}

/// One thing that is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// What the document calls it: `bom-ref`, `SPDXID`.
    pub reference: String,
    /// What it is, in the words of CycloneDX: `library`, `operating-system`, `file`.
    pub kind: String,
    /// Its name, with the group where there is one, as its ecosystem writes both together.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// Names in the list of platforms that vulnerabilities are told by.
    pub cpes: Vec<String>,
    /// Licences, all of which apply.
    pub licenses: BTreeSet<String>,
    /// Who supplies it.
    pub supplier: Option<String>,
    /// Digests by algorithm: `SHA-256`.
    pub hashes: BTreeMap<String, String>,
    /// `required`, `optional`, `excluded`.
    pub scope: Option<String>,
    /// Where it was found.
    pub places: Vec<String>,
    /// By what it was found.
    pub found_by: Vec<String>,
    /// What Bulla says beside that: `presence`, `layer`, `origin`.
    pub notes: BTreeMap<String, String>,
}

impl Item {
    /// The type of its package URL, else what it is.
    pub fn ecosystem(&self) -> String {
        let purl = self
            .purl
            .as_deref()
            .and_then(|purl| purl.parse::<Purl>().ok());
        purl.map_or_else(|| self.kind.clone(), |purl| purl.kind().to_owned())
    }

    /// Whether it is software that somebody installs, and no file or system.
    pub fn is_package(&self) -> bool {
        self.purl.is_some() || !["file", "operating-system"].contains(&self.kind.as_str())
    }
}

/// Reads CycloneDX 1.2 to 1.7 as JSON or XML, SPDX 2.2 and 2.3 as JSON or tag-value, or SPDX 3.0 as
/// JSON-LD.
///
/// Nesting is bounded by `Limits::json_depth`, length by `Limits::catalog_file_bytes`.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Bill, BillError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii_start().starts_with(b"<") {
        let document = Document::read(bytes, limits)?;
        return Ok(cyclonedx::read(&document.as_value()));
    }
    let document: Value = if tag_value::begins(bytes) {
        tag_value::read(bytes, limits.catalog_file_bytes)?
    } else {
        json::read(bytes, limits.catalog_file_bytes, limits.json_depth)
            .map_err(|source| BillError::Json { source })?
    };
    let is = |key: &str, start: &str| {
        let text = document.get(key).and_then(Value::as_str);
        text.is_some_and(|text| text.starts_with(start))
    };
    if is("bomFormat", "CycloneDX") {
        Ok(cyclonedx::read(&document))
    } else if is("spdxVersion", "SPDX-2.") {
        Ok(spdx::read(&document))
    } else if spdx3::is(&document) {
        spdx3::read(&document, limits.catalog_file_bytes)
    } else {
        Err(BillError::Format)
    }
}

/// Why a text is no bill of materials that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BillError {
    /// It is not JSON, too long or too deep.
    #[error("it is no JSON document: {source}")]
    Json {
        /// What the JSON reader said.
        source: JsonError,
    },
    /// It is not CycloneDX in XML.
    #[error(transparent)]
    Xml(#[from] ReadError),
    /// It begins as tag-value, and goes on otherwise.
    #[error(transparent)]
    TagValue(#[from] TagValueError),
    /// What it refers to takes far more room than itself.
    #[error("what it refers to takes more than {limit} bytes")]
    References {
        /// The limit in bytes.
        limit: u64,
    },
    /// It is another kind of document.
    #[error(
        "it is neither CycloneDX nor SPDX (no `bomFormat`, no `spdxVersion`, no `@context` of SPDX 3)"
    )]
    Format,
}
