//! The connection pool shared by all repositories, and how each host is spoken to.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bulla_model::{Digest, Repository};
use http::Method;
use reqwest::{Certificate, NoProxy, Proxy, Response};
use tokio::sync::OwnedMutexGuard;

use super::RemoteOptions;
use crate::protocol::token::is_loopback;
use crate::protocol::{Endpoint, Request, Scheme};
use crate::{Excerpt, StoreError};

/// Connections to registries. Cheap to clone; one for a whole process is enough.
#[derive(Clone, Debug)]
pub struct RemoteClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    http: reqwest::Client,
    options: RemoteOptions,
    /// Whether a loopback host speaks TLS, once known.
    schemes: Mutex<BTreeMap<String, Scheme>>,
    writers: Mutex<BTreeMap<ListKey, Arc<tokio::sync::Mutex<()>>>>,
}

/// A list of referrers: its repository and the digest it is about.
type ListKey = (Repository, Digest);

impl RemoteClient {
    /// Sets up TLS and proxies. Connects nowhere.
    pub fn new(options: RemoteOptions) -> Result<Self, StoreError> {
        let wrong = |what: &'static str| {
            move |error: reqwest::Error| StoreError::Configuration {
                what,
                reason: reason(&error),
            }
        };
        // As the client for signing services in `attest` is set up, which siblings cannot share;
        // only that a blob may take longer than an answer.
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bulla/", env!("CARGO_PKG_VERSION")))
            // Redirects are followed by hand, because credentials must not go along.
            .redirect(reqwest::redirect::Policy::none())
            // Proxies are settings of the caller, not of the environment.
            .no_proxy()
            .connect_timeout(options.idle_timeout.min(options.limits.deadline))
            .read_timeout(options.idle_timeout);
        let mut roots = Vec::new();
        for pem in &options.certificates {
            roots.extend(Certificate::from_pem_bundle(pem).map_err(wrong("certificate"))?);
        }
        if !roots.is_empty() {
            builder = builder.tls_certs_merge(roots);
        }
        // A registry on this machine may speak plain http, and a proxy would read what it is sent.
        let direct = || {
            let others = options.no_proxy.as_deref().unwrap_or_default();
            NoProxy::from_string(&format!("{LOOPBACK},{others}"))
        };
        if let Some(url) = &options.https_proxy {
            let proxy = Proxy::https(url).map_err(wrong("https proxy"))?;
            builder = builder.proxy(proxy.no_proxy(direct()));
        }
        if let Some(url) = &options.http_proxy {
            let proxy = Proxy::http(url).map_err(wrong("http proxy"))?;
            builder = builder.proxy(proxy.no_proxy(direct()));
        }
        Ok(Self {
            shared: Arc::new(Shared {
                http: builder.build().map_err(wrong("TLS set-up"))?,
                options,
                schemes: Mutex::default(),
                writers: Mutex::default(),
            }),
        })
    }

    /// The options it was made with.
    pub fn options(&self) -> &RemoteOptions {
        &self.shared.options
    }

    /// Sends one request once.
    pub(super) async fn once(&self, request: Request) -> Result<Response, TransportError> {
        let mut sent = reqwest::Request::new(request.method, request.url);
        *sent.headers_mut() = request.headers;
        *sent.body_mut() = Some(request.body.into());
        Ok(self.shared.http.execute(sent).await?)
    }

    /// Whether plain http to this host is permitted.
    pub(super) fn permits_plain(&self, host: &str) -> bool {
        is_loopback(host) || self.shared.options.plain_http.contains(host)
    }

    /// How a registry is spoken to: TLS, unless the host is listed, or is on this machine and
    /// speaks no TLS.
    pub(super) async fn endpoint(&self, repository: &Repository) -> Result<Endpoint, StoreError> {
        let scheme = self.scheme(repository).await?;
        Endpoint::new(scheme, repository)
    }

    async fn scheme(&self, repository: &Repository) -> Result<Scheme, StoreError> {
        let host = repository.host();
        if self.shared.options.plain_http.contains(host) {
            return Ok(Scheme::Http);
        }
        if !is_loopback(host) {
            return Ok(Scheme::Https);
        }
        let known = || {
            self.shared
                .schemes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(scheme) = known().get(host) {
            return Ok(*scheme);
        }
        let mut url = Endpoint::new(Scheme::Https, repository)?.base().clone();
        url.set_path("/v2/");
        let probe = Request::new(Method::GET, url);
        let asked = probe.name();
        let scheme = match self.once(probe).await {
            Ok(_) => Scheme::Https,
            Err(error) if error.is_refused() => return Ok(Scheme::Http),
            Err(error) if error.is_no_tls() => Scheme::Http,
            // It may speak TLS, but not as somebody we trust, or not now: plain http is no way
            // round that.
            Err(error) => return Err(error.unreachable(asked, 1)),
        };
        known().insert(host.to_owned(), scheme);
        Ok(scheme)
    }

    /// Lets the writers of this process to one referrers tag wait for each other.
    pub(super) async fn writer(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> OwnedMutexGuard<()> {
        let lock = {
            let mut writers = self
                .shared
                .writers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // Whoever else holds one keeps it alive; the rest would only pile up.
            writers.retain(|_, lock| Arc::strong_count(lock) > 1);
            let key = (repository.clone(), subject.clone());
            Arc::clone(writers.entry(key).or_default())
        };
        lock.lock_owned().await
    }
}

/// Hosts that are this machine, as in `NO_PROXY`.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";
/// What rustls says of bytes that are no TLS record; reqwest hides its type.
const NO_TLS: &str = "received corrupt message";

/// A request that got no answer.
#[derive(Debug)]
pub(super) struct TransportError(reqwest::Error);

impl From<reqwest::Error> for TransportError {
    fn from(error: reqwest::Error) -> Self {
        Self(error)
    }
}

impl TransportError {
    pub(super) fn unreachable(&self, request: String, tries: u32) -> StoreError {
        StoreError::Unreachable {
            request,
            tries,
            reason: reason(&self.0),
        }
    }

    /// Whether what came back to a TLS greeting is no TLS, or nothing: the connection was closed.
    fn is_no_tls(&self) -> bool {
        let closed = causes(&self.0)
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .any(|error| {
                matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                )
            });
        closed || causes(&self.0).any(|cause| cause.to_string().contains(NO_TLS))
    }

    fn is_refused(&self) -> bool {
        causes(&self.0)
            .filter_map(|cause| cause.downcast_ref::<io::Error>())
            .any(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// The innermost cause says most, and none of them shows the URL with its query.
fn reason(error: &reqwest::Error) -> Excerpt {
    if error.is_timeout() {
        return Excerpt::of("timed out");
    }
    match causes(error).last() {
        Some(cause) => Excerpt::of(&cause.to_string()),
        None => Excerpt::of("the request could not be made"),
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
}
