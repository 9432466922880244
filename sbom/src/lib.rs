//! What is inside: sources, catalogers and SBOM formats.
//!
//! Four stages, each one function away from the next:
//!
//! 1. a [`source::Source`] (a directory, or the merged layers of an image) is read once and keeps
//!    only the files some cataloger asked for;
//! 2. each [`catalog::Cataloger`] turns its files into packages and dependency edges;
//! 3. what several of them found about one package is merged into an [`Inventory`];
//! 4. `format::cyclonedx::write` turns the inventory into a document, the same bytes every time.
//!
//! ```
//! use bulla_sbom::{Options, catalog, source::Directory};
//!
//! let inventory = catalog(&Directory::new("src"), &Options::default())?;
//! assert!(inventory.packages.is_empty());
//! # Ok::<(), bulla_sbom::CatalogError>(())
//! ```
//!
//! The crate is synchronous and opens no socket: readers for remote layers are handed in.

mod address;
pub mod bill;
pub mod catalog;
mod cpe;
pub mod format;
mod inventory;
mod license;
mod operating_system;
mod options;
mod package;
mod relate;
pub mod source;

pub use catalog::{CatalogError, catalog};
pub use inventory::{Inventory, Unknown};
pub use license::License;
pub use operating_system::OperatingSystem;
pub use options::{Options, Progress};
pub use package::{Location, Package, Presence, Scope};
