//! CycloneDX: 1.4 to 1.7 are written, 1.6 if nothing else is asked for; 1.2 to 1.7 are read.
//!
//! <https://cyclonedx.org/docs/1.6/json/> (ECMA-424, 1st edition), and the same for the others.

mod component;
mod document;
mod graph;
mod older;
mod read;
mod version;
mod write;

pub use super::about::{Lifecycle, Metadata, Subject, SubjectKind};
pub use read::{Component, Document, DocumentMetadata, Property, ReadError, read};
pub use version::Version;
pub use write::write;
