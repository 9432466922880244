//! A request as it will be sent.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

/// A request: everything but the connection.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether it must not be sent again.
    pub(crate) is_once: bool,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            is_once: false,
        }
    }

    /// The same, never to be sent again.
    pub(crate) fn once(self) -> Self {
        Self {
            is_once: true,
            ..self
        }
    }

    /// The part that messages show: no query, which can hold secrets.
    pub(crate) fn name(&self) -> String {
        let host = authority(&self.url);
        format!("{} {host}{}", self.method, self.url.path())
    }

    pub(super) fn accepting(mut self, media_types: &'static str) -> Self {
        let value = HeaderValue::from_static(media_types);
        self.headers.insert(header::ACCEPT, value);
        self
    }

    /// Adds content; some registries demand a length even of none.
    pub(super) fn with_content(mut self, media_type: HeaderValue, bytes: Bytes) -> Self {
        self.headers.insert(header::CONTENT_TYPE, media_type);
        self.headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        self.body = bytes;
        self
    }
}

/// A URL's host, with its port unless that is the scheme's own.
pub(crate) fn authority(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => String::new(),
    }
}
