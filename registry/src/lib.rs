//! Keep and find: registries, OCI layouts, referrers.
//!
//! | what | where | specification |
//! |---|---|---|
//! | one interface over all of them | [`Store`], [`AnyStore`] | OCI distribution-spec v1.1.1 |
//! | bundles as referrers | [`attach()`], [`read_bundles`] | cosign's bundle specification |
//! | remote registries | [`Remote`] | OCI distribution-spec v1.1.1 |
//! | images with their referrers, copied | [`copy()`] | |
//! | layout directories, as one file | [`Layout`], [`archive`] | OCI image-spec v1.1.1 |
//! | signatures of older clients | [`legacy`] | cosign's specifications |
//! | what `docker save` writes, read | [`archive::docker`] | Docker image spec v1.2 |
//!
//! Everything read is hashed here, bounded by `Limits`, and only [`StoreError::NotFound`] means
//! absent: a refusal, a rate limit or a broken answer is an error, never an empty list, because
//! what could not be listed may be a revocation.

mod any;
pub mod archive;
mod attach;
mod blob;
mod bundles;
mod copy;
mod credentials;
mod error;
mod index_document;
mod layout;
pub mod legacy;
mod memory;
mod protocol;
pub mod referrers;
mod remote;
mod store;

pub use any::AnyStore;
pub use attach::{Attached, attach};
pub use blob::BlobReader;
pub use bundles::{BundleReferrer, BundleSet, read_bundle, read_bundles, read_bundles_except};
pub use copy::{CopyOptions, CopyReport, copy};
pub use credentials::{CredentialsError, RunHelper, credential_from_file};
pub use error::{Detail, Excerpt, StoreError, StoreErrorKind};
pub use layout::{Layout, LayoutImage};
pub use memory::Memory;
pub use remote::{Credential, Remote, RemoteClient, RemoteOptions, Secret};
pub use store::{Store, Target};
