//! Tokens a workload is given by where it runs.

use base64::Engine as _;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use super::{OidcError, buildkite, circleci, filesystem, github, gitlab, google, spiffe, variable};
use crate::http::{self, Call, Http, Service};

/// What a provider may look at. The caller decides what is really there.
pub trait Surroundings {
    /// An environment variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<String>;
    /// A small file at a fixed place, where it can be read.
    fn file(&self, path: &str) -> Option<Vec<u8>>;
}

/// A place tokens come from.
#[derive(Clone, Copy, Debug)]
pub struct AmbientProvider {
    /// Its name, for people.
    pub name: &'static str,
    find: fn(&dyn Surroundings, &str) -> Result<Option<TokenSource>, OidcError>,
}

/// Every provider, one row each, asked in this order. What was set for the job stands before what
/// the machine offers to everybody on it.
pub const AMBIENT_PROVIDERS: &[AmbientProvider] = &[
    AmbientProvider {
        name: "SIGSTORE_ID_TOKEN",
        find: variable::find,
    },
    AmbientProvider {
        name: github::NAME,
        find: github::find,
    },
    AmbientProvider {
        name: gitlab::NAME,
        find: gitlab::find,
    },
    AmbientProvider {
        name: "Buildkite",
        find: buildkite::find,
    },
    AmbientProvider {
        name: "CircleCI",
        find: circleci::find,
    },
    AmbientProvider {
        name: "Kubernetes",
        find: filesystem::find,
    },
    AmbientProvider {
        name: "SPIFFE",
        find: spiffe::find,
    },
    AmbientProvider {
        name: "Google Cloud",
        find: google::find,
    },
];

/// How a token is obtained.
#[derive(Debug)]
pub enum TokenSource {
    /// It is at hand.
    Token(Secret),
    /// A request to the service that hands it out.
    Request(TokenRequest),
    /// A program of the platform writes it to standard output.
    Command {
        /// The program, found through the search path.
        program: &'static str,
        /// Its arguments.
        arguments: Vec<String>,
        /// How it writes the token.
        form: TokenForm,
    },
}

/// A secret text.
#[derive(serde::Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// How a token is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// The text itself.
    Text,
    /// JSON with one field of this name somewhere.
    Field(&'static str),
}

impl TokenForm {
    /// Takes the token out of what was written.
    pub fn read(self, bytes: &[u8]) -> Result<Secret, OidcError> {
        let malformed = |reason| OidcError::Malformed { reason };
        match self {
            Self::Text => {
                let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
                Ok(Secret::new(text.trim()))
            }
            Self::Field(name) => {
                let value: serde_json::Value =
                    http::json(bytes).map_err(|_| malformed("the answer is not JSON"))?;
                let found = find_text(&value, name)
                    .ok_or_else(|| malformed("the answer holds no token"))?;
                Ok(Secret::new(found))
            }
        }
    }
}

fn find_text<'a>(value: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    use serde_json::Value;
    match value {
        Value::Object(fields) => fields
            .get(name)
            .and_then(Value::as_str)
            .or_else(|| fields.values().find_map(|field| find_text(field, name))),
        Value::Array(items) => items.iter().find_map(|item| find_text(item, name)),
        _ => None,
    }
}

/// A request that is answered with a token.
pub struct TokenRequest {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) form: TokenForm,
}

impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl TokenRequest {
    /// Asks for it. The request's credential goes to the host in its URL and nowhere else.
    pub async fn send(&self, http: &Http) -> Result<Secret, OidcError> {
        let call = Call::get(Service::IdentityProvider, self.url.clone());
        let call = call.with_headers(&self.headers);
        let answer = http.send(&call).await?;
        if answer.status != 200 {
            return Err(call.refused(&answer).into());
        }
        self.form.read(&answer.body)
    }
}

/// A header with a bearer token, never shown.
pub(super) fn bearer(token: &str) -> Option<HeaderMap> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some([(AUTHORIZATION, value)].into_iter().collect())
}

/// Whether this looks like a token at all; files and variables also hold other things.
pub(super) fn is_token(text: &str) -> bool {
    let payload = text.trim().split('.').nth(1);
    payload.is_some_and(|payload| {
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .is_ok()
    })
}

/// The first provider that is there, and how its token is obtained. A provider that is there and
/// withholds the token ends the search: another identity is not what was meant.
pub fn ambient(
    surroundings: &dyn Surroundings,
    audience: &str,
) -> Result<Option<(&'static AmbientProvider, TokenSource)>, OidcError> {
    for provider in AMBIENT_PROVIDERS {
        if let Some(source) = (provider.find)(surroundings, audience)? {
            return Ok(Some((provider, source)));
        }
    }
    Ok(None)
}
