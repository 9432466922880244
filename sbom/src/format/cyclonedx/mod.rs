//! CycloneDX: 1.6 is written, 1.2 to 1.7 are read, both as JSON.
//!
//! <https://cyclonedx.org/docs/1.6/json/> (ECMA-424, 1st edition).

mod component;
mod document;
mod graph;
mod read;
mod write;

pub use super::about::{Lifecycle, Metadata, Subject, SubjectKind};
pub use read::{Component, Document, DocumentMetadata, Property, ReadError, read};
pub use write::write;
