//! CycloneDX: 1.4 to 1.7 are written, 1.6 if nothing else is asked for; 1.2 to 1.7 are
//! read, as JSON and [`xml`]. A [`Document`] has all that one says, an [`Outline`] what a summary needs.
//!
//! <https://cyclonedx.org/docs/1.6/json/> (ECMA-424, 1st edition), and the same for the others.

mod component;
pub mod convert;
mod document;
mod graph;
mod loss;
mod number;
mod older;
mod outline;
mod tree;
mod version;
mod write;
pub mod xml;

pub use super::about::{Lifecycle, Metadata, Subject, SubjectKind};
pub use loss::{Loss, Lost};
pub use outline::{Component, DocumentMetadata, Outline, Property, ReadError, read};
pub use tree::Document;
pub use version::Version;
pub use write::write;
