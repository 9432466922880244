//! The registry protocol without a network: requests are built, answers are read.
//!
//! Implements the OCI distribution specification v1.1.1,
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>, and the token
//! authentication of the distribution project,
//! <https://distribution.github.io/distribution/spec/auth/token/>.

pub(crate) mod challenge;
pub(crate) mod endpoint;
pub(crate) mod link;
pub(crate) mod listing;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod token;
pub(crate) mod upload;

pub(crate) use endpoint::{Endpoint, Precondition, Scheme};
pub(crate) use reply::Reply;
pub(crate) use request::Request;
