//! Documents: an inventory written down, and documents of others read.

mod about;
mod completeness;
pub mod cyclonedx;
pub mod schema;
pub mod spdx;
pub mod spdx3;
pub mod summary;

pub use about::{Base, BaseKnown, Lifecycle, Metadata, Subject, SubjectKind};
