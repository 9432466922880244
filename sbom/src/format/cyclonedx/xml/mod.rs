//! CycloneDX as XML, 1.2 to 1.7, from and to the tree of JSON.
//!
//! <https://cyclonedx.org/docs/1.7/xml/>. The two spellings of one document have one tree; `table`
//! says how they differ. Elements and attributes of other namespaces, which the XSDs allow nearly
//! everywhere, are not kept but reported: signatures (XMLDSig) are such, and would not hold for
//! anything but the bytes that were signed. The members `$schema` and `signature` are of JSON alone.

mod element;
mod read;
mod table;
mod write;

use bulla_model::Limits;

use super::loss::Losses;
use super::tree::Document;

pub use write::{Written, write};

/// Reads a document. Nesting is bounded by `Limits::json_depth`, length by
/// `Limits::catalog_file_bytes`.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Document, XmlError> {
    let limit = limits.catalog_file_bytes;
    let size = bytes.len() as u64;
    if size > limit {
        return Err(XmlError::Size { size, limit });
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(XmlError::refused("another encoding than UTF-8"));
    };
    let mut losses = Losses::default();
    let (root, namespace) = element::parse(text, limits.json_depth, &mut losses)?;
    let version = namespace.strip_prefix(NAMESPACE);
    let version = version.filter(|version| super::outline::VERSIONS.contains(version));
    let Some(version) = version.filter(|_| &*root.name == "bom") else {
        return Err(XmlError::Root {
            name: root.name.chars().take(32).collect(),
            namespace: namespace.chars().take(64).collect(),
        });
    };
    let value = read::tree(&root, version, &mut losses);
    Ok(Document::new(value, losses))
}

/// Whether a version has one object where later ones have a list, `name~` of the table.
fn one_alone(version: &str) -> bool {
    version < "1.6"
}

/// Why a text is no CycloneDX XML that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// It is longer than allowed.
    #[error("document has {size} bytes, the limit is {limit}")]
    Size {
        /// Its length.
        size: u64,
        /// `Limits::catalog_file_bytes`.
        limit: u64,
    },
    /// It is not XML.
    #[error("byte {position}: {}", reason.escape_debug())]
    Syntax {
        /// About where.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// It has what no document of CycloneDX needs, and what has been used for attacks.
    #[error("document has {what}, which is refused")]
    Refused {
        /// `a document type`.
        what: &'static str,
    },
    /// Its elements lie too deep in each other.
    #[error("elements lie more than {limit} deep in each other")]
    Depth {
        /// `Limits::json_depth`.
        limit: usize,
    },
    /// It has very many elements.
    #[error("document has very many elements")]
    Elements,
    /// Its root is not one of CycloneDX 1.2 to 1.7.
    #[error(
        "root is `{}` of the namespace `{}`, expected `bom` of CycloneDX 1.2 to 1.7",
        name.escape_debug(), namespace.escape_debug()
    )]
    Root {
        /// Its name, shortened.
        name: String,
        /// Its namespace, shortened.
        namespace: String,
    },
}

impl XmlError {
    fn refused(what: &'static str) -> Self {
        Self::Refused { what }
    }
}

/// How the namespaces of all versions begin.
const NAMESPACE: &str = "http://cyclonedx.org/schema/bom/";
