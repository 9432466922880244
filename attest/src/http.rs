//! Requests to services: bounded, without redirects, in the clear only on this machine.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Method, NoProxy, Proxy};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use bulla_model::JsonError;

use crate::redaction::{self, Secrets};

/// Hosts that are this machine. A proxy would read tokens that are sent there in the clear.
pub(crate) const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";
/// Bytes of the largest answer that is read. Stops an endless one; a log entry with its proof, a
/// certificate chain and a timestamp stay far below it.
const ANSWER_BYTES: usize = 4 << 20;
/// Nesting of the JSON in an answer. Stops stack exhaustion.
const ANSWER_DEPTH: usize = 32;
/// Times a request that may be repeated is sent.
const TRIES: u32 = 3;
/// Longest time a service may ask us to wait before the next try.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Connections to services. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    timeout: Duration,
}

/// How services are reached.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Certificates of further authorities, PEM, beside those of the platform.
    pub certificates: Vec<Vec<u8>>,
    /// Proxy for https, a URL. There is none for http: in the clear only this machine and its
    /// platform are spoken to, with tokens that a proxy could read.
    pub https_proxy: Option<String>,
    /// Hosts reached without a proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// Time for one request with its answer.
    pub timeout: Duration,
}

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Fulcio.
    CertificateAuthority,
    /// Rekor.
    TransparencyLog,
    /// An RFC 3161 authority.
    TimestampAuthority,
    /// An OpenID Connect issuer, or what hands out a workload's tokens.
    IdentityProvider,
    /// GitHub, GitLab and the like.
    CodePlatform,
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CertificateAuthority => "certificate authority",
            Self::TransparencyLog => "transparency log",
            Self::TimestampAuthority => "timestamp authority",
            Self::IdentityProvider => "identity provider",
            Self::CodePlatform => "code platform",
        })
    }
}

/// One request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether sending it twice does the same as sending it once.
    pub(crate) repeatable: bool,
    secrets: Secrets,
}

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
    wait: Option<Duration>,
}

impl Call {
    pub(crate) fn get(service: Service, url: Url) -> Self {
        Self {
            service,
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            repeatable: true,
            secrets: Secrets::default(),
        }
    }

    pub(crate) fn post(
        service: Service,
        url: Url,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(
            "content-type",
            content_type.parse().expect("because it is ASCII"),
        );
        Self {
            service,
            method: Method::POST,
            url,
            headers,
            body,
            repeatable: false,
            secrets: Secrets::default(),
        }
    }

    pub(crate) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Keeps a secret of the body out of every error, also if the service repeats it.
    pub(crate) fn hide(mut self, secret: &str) -> Self {
        self.secrets.add(secret);
        self
    }

    /// Adds headers; those marked as sensitive appear in no error either.
    pub(crate) fn with_headers(mut self, headers: &HeaderMap) -> Self {
        for value in headers.values().filter(|value| value.is_sensitive()) {
            let text = value.to_str().unwrap_or_default();
            self.secrets.add(text.rsplit(' ').next().unwrap_or(text));
        }
        self.headers.extend(headers.clone());
        self
    }

    /// What the service said instead of what was asked for.
    pub(crate) fn refused(&self, answer: &Answer) -> ServiceError {
        ServiceError::Status {
            service: self.service,
            host: host(&self.url),
            status: answer.status,
            message: cut(&self.secrets.redact(&message(&answer.body))),
        }
    }

    /// Reads an answer as strict JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ServiceError> {
        json(&answer.body).map_err(|error| self.malformed(error))
    }

    pub(crate) fn malformed(&self, reason: impl std::fmt::Display) -> ServiceError {
        ServiceError::Malformed {
            service: self.service,
            host: host(&self.url),
            reason: cut(&self.secrets.redact(&reason.to_string())),
        }
    }
}

impl Http {
    /// Sets up TLS and proxies. Connects nowhere.
    pub fn new(options: &HttpOptions) -> Result<Self, ServiceError> {
        let wrong = |what: &'static str| {
            move |error: reqwest::Error| ServiceError::Configuration {
                what,
                reason: reason(&error),
            }
        };
        // As the client for registries is set up, which siblings cannot share.
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bulla/", env!("CARGO_PKG_VERSION")))
            // A token goes to the host it was asked for, and to no other.
            .redirect(reqwest::redirect::Policy::none())
            // Proxies are settings of the caller, not of the environment.
            .no_proxy()
            .connect_timeout(options.timeout)
            .timeout(options.timeout);
        let mut roots = Vec::new();
        for pem in &options.certificates {
            roots.extend(Certificate::from_pem_bundle(pem).map_err(wrong("certificate"))?);
        }
        if !roots.is_empty() {
            builder = builder.tls_certs_merge(roots);
        }
        let others = options.no_proxy.as_deref().unwrap_or_default();
        let direct = NoProxy::from_string(&format!("{LOOPBACK},{others}"));
        if let Some(url) = &options.https_proxy {
            let proxy = Proxy::https(url).map_err(wrong("https proxy"))?;
            builder = builder.proxy(proxy.no_proxy(direct));
        }
        Ok(Self {
            client: builder.build().map_err(wrong("TLS set-up"))?,
            timeout: options.timeout,
        })
    }

    /// The client underneath, for flows that others implement.
    pub(crate) fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// Sends a request; one that may be repeated is, when the service is away or overloaded.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, ServiceError> {
        let tries = if call.repeatable { TRIES } else { 1 };
        let mut pause = Duration::from_millis(250);
        for left in (0..tries).rev() {
            let outcome = self.once(call).await;
            let wait = match &outcome {
                Ok(answer) if matches!(answer.status, 429 | 502 | 503 | 504) => answer.wait,
                Err(ServiceError::Unreachable { .. }) => None,
                _ => return outcome,
            };
            if left == 0 {
                return outcome;
            }
            tokio::time::sleep(wait.unwrap_or(pause).min(LONGEST_WAIT)).await;
            pause *= 4;
        }
        unreachable!("because the last try returns")
    }

    async fn once(&self, call: &Call) -> Result<Answer, ServiceError> {
        tracing::debug!(service = %call.service, method = %call.method, host = host(&call.url), path = call.url.path(), "request");
        tokio::time::timeout(self.timeout, self.exchange(call))
            .await
            .unwrap_or_else(|_| Err(unreachable_because(call, "timed out")))
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, ServiceError> {
        let away = |error: &reqwest::Error| unreachable_because(call, &reason(error));
        let mut request = reqwest::Request::new(call.method.clone(), call.url.clone());
        *request.headers_mut() = call.headers.clone();
        *request.body_mut() = Some(call.body.clone().into());
        let mut response = self
            .client
            .execute(request)
            .await
            .map_err(|error| away(&error))?;
        let text = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let wait = text(RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
        let mut answer = Answer {
            status: response.status().as_u16(),
            location: text(LOCATION),
            body: Vec::new(),
            wait: wait.map(Duration::from_secs),
        };
        while let Some(chunk) = response.chunk().await.map_err(|error| away(&error))? {
            if answer.body.len().saturating_add(chunk.len()) > ANSWER_BYTES {
                return Err(ServiceError::Size {
                    service: call.service,
                    host: host(&call.url),
                });
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

fn unreachable_because(call: &Call, reason: &str) -> ServiceError {
    ServiceError::Unreachable {
        service: call.service,
        host: host(&call.url),
        reason: call.secrets.redact(reason),
    }
}

/// Reads a service's URL: https, or http on this machine, without credentials.
pub fn service_url(service: Service, text: &str) -> Result<Url, ServiceError> {
    let wrong = |reason: String| ServiceError::Url {
        service,
        found: redaction::address(text),
        reason,
    };
    let url = Url::parse(text).map_err(|error| wrong(error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("credentials do not belong into a URL".to_owned()));
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(&host) => Ok(url),
        _ => Err(wrong("expected https, or http on this machine".to_owned())),
    }
}

/// The URL below a service's own.
pub(crate) fn below(url: &Url, path: &str) -> Url {
    let mut joined = url.clone();
    joined.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
    joined
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

pub(crate) fn host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    }
}

/// Reads what a service said as strict JSON.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonError> {
    bulla_model::json::read(body, ANSWER_BYTES as u64, ANSWER_DEPTH)
}

/// The text of an error answer: the field services put it in, or all of it.
fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Wire {
        #[serde(alias = "error_description", alias = "error")]
        message: String,
    }
    match json::<Wire>(body) {
        Ok(wire) => wire.message,
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    }
}

/// The innermost cause says most, and none of them shows the URL with its query.
fn reason(error: &reqwest::Error) -> String {
    let mut causes =
        std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut last = causes.next();
    for cause in causes {
        last = Some(cause);
    }
    last.map_or_else(
        || "the request could not be made".to_owned(),
        |cause| cut(&cause.to_string()),
    )
}

fn cut(text: &str) -> String {
    text.chars().take(400).collect()
}

/// Why a service did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// TLS or a proxy cannot be set up.
    #[error("unusable {what}: {}", reason.escape_debug())]
    Configuration {
        /// What is wrong.
        what: &'static str,
        /// How.
        reason: String,
    },
    /// The URL cannot be used.
    #[error("unusable URL of the {service}, `{}`: {reason}", found.escape_debug())]
    Url {
        /// Whose URL.
        service: Service,
        /// Its scheme and host, or what stands there instead.
        found: String,
        /// What is wrong.
        reason: String,
    },
    /// There was no answer.
    #[error("no answer from the {service} at {host}: {}", reason.escape_debug())]
    Unreachable {
        /// Who was asked.
        service: Service,
        /// Where.
        host: String,
        /// The cause.
        reason: String,
    },
    /// The answer does not end.
    #[error("the answer of the {service} at {host} has more than {ANSWER_BYTES} bytes")]
    Size {
        /// Who was asked.
        service: Service,
        /// Where.
        host: String,
    },
    /// The service refused.
    #[error("the {service} at {host} answered {status}: {}", message.escape_debug())]
    Status {
        /// Who was asked.
        service: Service,
        /// Where.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said, cut short.
        message: String,
    },
    /// The answer is not what the protocol says.
    #[error("malformed answer of the {service} at {host}: {}", reason.escape_debug())]
    Malformed {
        /// Who was asked.
        service: Service,
        /// Where.
        host: String,
        /// What is wrong, cut short.
        reason: String,
    },
    /// The service cannot be asked this.
    #[error("{what}")]
    Unsupported {
        /// What, and why.
        what: String,
    },
}

#[cfg(test)]
impl Answer {
    pub(crate) fn for_tests(status: u16, location: Option<&str>, body: &str) -> Self {
        Self {
            status,
            location: location.map(str::to_owned),
            body: body.as_bytes().to_vec(),
            wait: None,
        }
    }
}
