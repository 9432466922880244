//! Sigstore services: certificates for identities, log entries and timestamps for signatures.
//!
//! The requests are made by our own bounded [`Http`](crate::http::Http), because the clients of
//! the `sigstore-*` crates read answers without a limit, prove possession only of P-256 keys, log
//! only certificates, and take one log and one timestamp authority; entries and their bodies are
//! read with those crates' types. Nothing that comes back is believed: the caller verifies the
//! finished bundle before anybody sees it.

mod assemble;
mod browser;
mod content;
mod fulcio;
mod recorder;
mod rekor_v1;
mod rekor_v2;
mod signing_config;
mod timestamp;

pub(crate) use assemble::assemble;
pub use browser::{BrowserLogin, browser_login};
pub(crate) use content::{Recordable, SignedContent};
pub use fulcio::{CertificateChain, CertificateError, request_certificate};
pub(crate) use recorder::Records;
pub use recorder::{LogService, LogVersion, Recorder, Services};
pub use signing_config::{
    ClientTrustConfig, Selector, ServiceRow, SigningConfig, SigningConfigError,
};
