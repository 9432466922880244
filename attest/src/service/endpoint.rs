//! HTTP to key services: TLS, no redirects, bounded answers, bounded waiting.
//!
//! Only requests that change nothing are sent again when they fail.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Identity, Method, NoProxy, Proxy, StatusCode, Url};

use super::{KeyServiceError, Surroundings, first, shown};
use crate::http::LOOPBACK;
use crate::redaction::{self, Secrets};

/// Bytes of the largest answer that is read: against a service that never stops talking.
pub(crate) const ANSWER_BYTES: usize = 1 << 20;
/// Nesting of the JSON in an answer: against stack exhaustion.
pub(crate) const ANSWER_DEPTH: usize = 16;
/// Time for one request, answer included.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);
/// Pauses before a request that changes nothing is sent again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// A service at one address. Credentials are given with each request and go nowhere else.
#[derive(Debug)]
pub(crate) struct Endpoint {
    service: &'static str,
    base: Url,
    client: reqwest::Client,
}

/// What TLS needs besides the system's certificates.
#[derive(Default)]
pub(crate) struct TlsMaterial<'a> {
    /// Certificates of authorities, PEM.
    pub(crate) authorities: Option<&'a [u8]>,
    /// Only these authorities, not the system's.
    pub(crate) exclusive: bool,
    /// The client's own certificates and key, PEM.
    pub(crate) identity: Option<&'a [u8]>,
}

/// One request.
pub(crate) struct Ask {
    method: Method,
    what: &'static str,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
    repeatable: bool,
    secrets: Secrets,
}

/// One successful answer.
pub(crate) struct Answer {
    /// The whole body.
    pub(crate) body: zeroize::Zeroizing<Vec<u8>>,
}

impl Endpoint {
    /// An address the user or a specification gave. Plain http is for this machine, unless the
    /// user permitted the host.
    pub(crate) fn new(
        service: &'static str,
        address: &str,
        surroundings: &dyn Surroundings,
        tls: &TlsMaterial<'_>,
    ) -> Result<Self, KeyServiceError> {
        let wrong = |reason: String| KeyServiceError::Configuration { service, reason };
        let named = shown(&redaction::address(address));
        let base =
            Url::parse(address).map_err(|error| wrong(format!("no address `{named}`: {error}")))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong(format!(
                "the address of `{named}` must hold no credentials"
            )));
        }
        let host = base
            .host_str()
            .ok_or_else(|| wrong(format!("no host in `{named}`")))?;
        let plain = match base.scheme() {
            "https" => false,
            "http" if is_here(host) || surroundings.permits_plain(host) => true,
            "http" => {
                return Err(wrong(format!(
                    "`{named}` is without TLS, which only this machine and hosts named with --plain-http may be"
                )));
            }
            _ => return Err(wrong(format!("`{named}` is no https address"))),
        };
        let client = client(surroundings, tls, plain)
            .map_err(|error| wrong(format!("TLS set-up: {}", cause(&error))))?;
        Ok(Self {
            service,
            base,
            client,
        })
    }

    /// An address of the machine's own platform that only speaks plain http and only inside it.
    pub(crate) fn platform(service: &'static str, address: &str) -> Result<Self, KeyServiceError> {
        let wrong = |reason: String| KeyServiceError::Configuration { service, reason };
        let base = Url::parse(address).map_err(|error| wrong(error.to_string()))?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(5))
            .build()
            .map_err(|error| wrong(cause(&error)))?;
        Ok(Self {
            service,
            base,
            client,
        })
    }

    /// A request to a path below the address; segments are escaped.
    pub(crate) fn ask<'s>(
        &self,
        method: Method,
        what: &'static str,
        segments: impl IntoIterator<Item = &'s str>,
    ) -> Ask {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Ask {
            repeatable: method == Method::GET,
            method,
            what,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            secrets: Secrets::default(),
        }
    }

    /// Sends a request; anything but a success is an error.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Answer, KeyServiceError> {
        let mut pauses = PAUSES.iter();
        loop {
            let outcome = self.once(ask).await;
            let passing = match &outcome {
                Err(KeyServiceError::Unreachable { .. }) => true,
                Err(KeyServiceError::Refused { status, .. }) => *status == 429 || *status >= 500,
                _ => false,
            };
            match (passing && ask.repeatable, pauses.next()) {
                (true, Some(pause)) => tokio::time::sleep(*pause).await,
                _ => return outcome,
            }
        }
    }

    async fn once(&self, ask: &Ask) -> Result<Answer, KeyServiceError> {
        let unreachable = |error: reqwest::Error| KeyServiceError::Unreachable {
            service: self.service,
            host: self.base.host_str().unwrap_or_default().to_owned(),
            reason: ask.secrets.redact(&cause(&error)),
        };
        let mut request = reqwest::Request::new(ask.method.clone(), ask.url.clone());
        *request.headers_mut() = ask.headers.clone();
        *request.body_mut() = Some(ask.body.clone().into());
        let mut response = self.client.execute(request).await.map_err(unreachable)?;
        let status = response.status();
        let mut body = zeroize::Zeroizing::new(Vec::new());
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            if body.len() + part.len() > ANSWER_BYTES {
                return Err(KeyServiceError::Malformed {
                    service: self.service,
                    what: ask.what,
                    reason: format!("more than {ANSWER_BYTES} bytes"),
                });
            }
            body.extend_from_slice(&part);
        }
        if status == StatusCode::OK || status == StatusCode::CREATED {
            return Ok(Answer { body });
        }
        Err(KeyServiceError::Refused {
            service: self.service,
            what: ask.what,
            status: status.as_u16(),
            reason: shown(&ask.secrets.redact(&said(&body))),
        })
    }
}

impl Ask {
    /// Adds a header.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds a header that is a secret: it appears in no text, not even if the service repeats it.
    pub(crate) fn secret(mut self, name: &'static str, prefix: &str, secret: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(&format!("{prefix}{secret}")) {
            value.set_sensitive(true);
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self.hide(secret)
    }

    /// Keeps a secret of the body out of every text.
    pub(crate) fn hide(mut self, secret: &str) -> Self {
        self.secrets.add(secret);
        self
    }

    /// Adds a parameter to the address.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Sets a body in JSON.
    pub(crate) fn json(self, body: &serde_json::Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    /// Sets a body that is a form.
    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(fields);
        self.body(
            "application/x-www-form-urlencoded",
            text.finish().into_bytes(),
        )
    }

    /// Sets a body.
    pub(crate) fn body(self, kind: &str, body: Vec<u8>) -> Self {
        Self { body, ..self }.header("content-type", kind)
    }

    /// Says that sending it twice does no more than sending it once.
    pub(crate) fn repeatable(self) -> Self {
        Self {
            repeatable: true,
            ..self
        }
    }

    /// The parts a signature of the request covers: method, address, body.
    pub(crate) fn parts(&self) -> (&str, &str, &[u8]) {
        (self.method.as_str(), self.url.as_str(), &self.body)
    }

    /// The headers so far that are text.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// Adds a header whose name is only known now.
    pub(crate) fn any_header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(mut value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self.hide(value)
    }
}

fn client(
    surroundings: &dyn Surroundings,
    tls: &TlsMaterial<'_>,
    plain: bool,
) -> Result<reqwest::Client, reqwest::Error> {
    // As the client in `crate::http` is set up, with the key service's own certificates.
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("bulla/", env!("CARGO_PKG_VERSION")))
        // Credentials must not go where a redirect points.
        .redirect(reqwest::redirect::Policy::none())
        // Proxies are the caller's to name, not the environment's.
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(PATIENCE);
    if let Some(pem) = tls.authorities {
        let roots = Certificate::from_pem_bundle(pem)?;
        builder = if tls.exclusive {
            builder.tls_certs_only(roots)
        } else {
            builder.tls_certs_merge(roots)
        };
    }
    if let Some(pem) = tls.identity {
        builder = builder.identity(Identity::from_pem(pem)?);
    }
    if !plain && let Some(url) = first(surroundings, &["HTTPS_PROXY", "https_proxy"]) {
        let others = first(surroundings, &["NO_PROXY", "no_proxy"]).unwrap_or_default();
        let direct = NoProxy::from_string(&format!("{LOOPBACK},{others}"));
        builder = builder.proxy(Proxy::https(url)?.no_proxy(direct));
    }
    builder.build()
}

/// Whether a host is this machine.
pub(crate) fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What an error body says, wherever the service puts it.
fn said(body: &[u8]) -> String {
    const PLACES: [&str; 8] = [
        "/errors/0",
        "/error/message",
        "/error_description",
        "/message",
        "/Message",
        "/Error/Message",
        "/error",
        "/__type",
    ];
    let json: Option<serde_json::Value> =
        bulla_model::json::read(body, ANSWER_BYTES as u64, ANSWER_DEPTH).ok();
    if let Some(json) = json {
        let text = PLACES
            .iter()
            .find_map(|place| json.pointer(place).and_then(serde_json::Value::as_str));
        return text.unwrap_or("no reason given").to_owned();
    }
    let text = String::from_utf8_lossy(body);
    match text.trim() {
        "" => "no reason given".to_owned(),
        text => text.to_owned(),
    }
}

/// The innermost cause, which is the one that says something.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    shown(&inner.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_as_strict_json_only() {
        assert_eq!(said(br#"{"message":"no"}"#), "no");
        let hidden = br#"{"$serde_json::private::RawValue":"{\"message\":\"no\"}"}"#;
        assert_ne!(said(hidden), "no");
    }
}
