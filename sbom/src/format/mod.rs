//! Documents: an inventory written down, and documents of others read.

pub mod cyclonedx;
pub mod summary;
