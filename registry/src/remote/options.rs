//! What is asked of the network, as values: nothing here is read from the environment.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use bulla_model::Limits;

/// How registries are reached.
#[derive(Clone)]
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

impl fmt::Debug for RemoteOptions {
    /// Without the proxies, whose URLs can hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteOptions")
            .field("limits", &self.limits)
            .field("plain_http", &self.plain_http)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_proxies_are_not_shown() {
        let mut options = RemoteOptions::default();
        let url = "http://alice:s3cret@proxy.example.test:3128";
        options.https_proxy = Some(url.to_owned());
        options.http_proxy = Some(url.to_owned());
        let client = super::super::RemoteClient::new(options).unwrap();
        let shown = format!("{client:?} {:?}", client.options());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
