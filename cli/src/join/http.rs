//! Plain requests to services that are no registries.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, NoProxy, Proxy};

use super::remote::{certificates, proxies};
use crate::Failure;
use crate::commands::Context;
use crate::failure::FailureKind;

/// A client with the user's proxies and certificates, bounded in time, that sends no credentials
/// and never follows a redirect from https to http. Connects nowhere.
pub fn client(context: &Context) -> Result<Client, Failure> {
    let environment = context.environment();
    let wrong = |what: &'static str| {
        move |error: reqwest::Error| {
            // Not the whole error: a proxy's URL may hold a password.
            let kind = if error.is_builder() {
                "cannot be used"
            } else {
                "failed"
            };
            Failure::new(FailureKind::Configuration, format_args!("{what} {kind}"))
        }
    };
    let deadline = context.limits.deadline;
    let mut builder = Client::builder()
        .user_agent(concat!("bulla/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::custom(|attempt| {
            let downgrade = attempt
                .previous()
                .iter()
                .any(|url| url.scheme() == "https" && attempt.url().scheme() != "https");
            if downgrade || attempt.previous().len() > MOST_REDIRECTS {
                attempt.stop()
            } else {
                attempt.follow()
            }
        }))
        // Proxies are settings of the caller, not of the environment.
        .no_proxy()
        .connect_timeout(IDLE.min(deadline))
        .read_timeout(IDLE.min(deadline))
        .timeout(deadline);
    let mut roots = Vec::new();
    for pem in certificates(environment)? {
        roots.extend(Certificate::from_pem_bundle(&pem).map_err(wrong("SSL_CERT_FILE"))?);
    }
    if !roots.is_empty() {
        builder = builder.tls_certs_merge(roots);
    }
    let proxies = proxies(environment)?;
    let direct = || NoProxy::from_string(&proxies.none);
    if let Some(url) = &proxies.https {
        let proxy = Proxy::https(url).map_err(wrong("HTTPS_PROXY"))?;
        builder = builder.proxy(proxy.no_proxy(direct()));
    }
    if let Some(url) = &proxies.http {
        let proxy = Proxy::http(url).map_err(wrong("http_proxy"))?;
        builder = builder.proxy(proxy.no_proxy(direct()));
    }
    builder.build().map_err(wrong("TLS"))
}

const MOST_REDIRECTS: usize = 3;
const IDLE: Duration = Duration::from_secs(30);
