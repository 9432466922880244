//! Whom Sigstore instances trust: trusted roots and signing configurations, as bytes.
//!
//! Three places, in this order: files the user names, and then nothing is ever fetched; the copy of
//! an instance's TUF repository, verified again from the first root on every use; what is embedded
//! in the program. A TUF repository is asked over the network only by `bulla trust` and by commands
//! that sign with an instance's services. The trust root never comes from a service it vouches for.
//!
//! Nothing here decides about signatures: what comes out goes into `bulla_verify::Trust` and into
//! the signer. This is the only place in this crate where `sigstore-*` crates are used.

mod cache;
pub(crate) mod create;
pub(crate) mod describe;
pub(crate) mod document;
mod instance;
mod known;
mod mirror;
mod place;
pub(crate) mod plain;
pub(crate) mod spec;
mod store;
mod strict;
pub(crate) mod tuf;

pub use instance::{
    Chosen, Freshness, Instance, Wanted, choose, instance, is_named_by_variable, services,
};
pub use known::Known;
pub use mirror::Mirror;
pub use place::Place;
