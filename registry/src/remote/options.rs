//! What is asked of the network, as values: nothing here is read from the environment.

use std::collections::BTreeSet;
use std::time::Duration;

use bulla_model::Limits;

/// How registries are reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteOptions {
    /// Bounds on what is read; `Limits::deadline` bounds each request with its retries.
    pub limits: Limits,
    /// Hosts (with port) spoken to without TLS. Loopback hosts need not be listed: they are
    /// tried with TLS first.
    pub plain_http: BTreeSet<String>,
    /// Certificate authorities trusted beside the system's, PEM, any number in each.
    pub certificates: Vec<Vec<u8>>,
    /// The proxy for `https` requests, as a URL.
    pub https_proxy: Option<String>,
    /// The proxy for `http` requests, as a URL.
    pub http_proxy: Option<String>,
    /// Hosts reached without a proxy, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// How often an idempotent request is tried.
    pub tries: u32,
    /// The pause before the second try; it doubles from then on and is varied at random.
    pub backoff: Duration,
    /// How long a transfer may stand still.
    pub idle_timeout: Duration,
}

impl RemoteOptions {
    /// The defaults under these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            plain_http: BTreeSet::new(),
            certificates: Vec::new(),
            https_proxy: None,
            http_proxy: None,
            no_proxy: None,
            tries: 3,
            backoff: Duration::from_millis(300),
            idle_timeout: Duration::from_secs(30),
        }
    }
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}
