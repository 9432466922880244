//! Workloads: which images the objects of a cluster would run.
//!
//! | what | file |
//! |---|---|
//! | the kinds of Kubernetes itself, exactly | [`table`] |
//! | those of Kubernetes' kinds that run nothing | [`builtin`] |
//! | kinds that others define, by what their fields are called | [`custom`] |
//! | files with many objects, as Helm and Kustomize write them | [`manifests`] |
//! | YAML that everybody reads alike | [`plain`] |

mod builtin;
mod custom;
mod kind;
mod manifests;
mod plain;
mod table;

pub use kind::Kind;
pub use manifests::{Manifests, Object};
pub(crate) use table::excerpt;
pub use table::{ImageUse, Row, WorkloadError};
