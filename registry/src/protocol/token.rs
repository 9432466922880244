//! Tokens: asking for one, and reading it.
//!
//! Implements the distribution project's token authentication,
//! <https://distribution.github.io/distribution/spec/auth/token/>, and its OAuth 2 form for
//! identity tokens, <https://distribution.github.io/distribution/spec/auth/oauth/>.

use std::fmt;
use std::time::Duration;

use bulla_model::json;
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::{Reply, Request};
use crate::remote::Credential;
use crate::{Excerpt, StoreError};

/// A bearer token and how long it lasts.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    pub(crate) lifetime: Duration,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// Checks where a registry sends its clients for tokens, before any credential goes there.
///
/// F53 (CVE-2026-33540): https, or plain http on this machine for a registry on this machine.
pub(crate) fn realm(text: &str, host: &str, registry_is_local: bool) -> Result<Url, StoreError> {
    let refused = || StoreError::UnsafeRealm {
        host: host.to_owned(),
        realm: Excerpt::of(text),
    };
    let url: Url = text.parse().map_err(|_| refused())?;
    let local = url.host_str().is_some_and(is_loopback);
    let safe = match url.scheme() {
        "https" => true,
        "http" => local && registry_is_local,
        _ => false,
    };
    if safe && url.username().is_empty() && url.password().is_none() && url.has_host() {
        Ok(url)
    } else {
        Err(refused())
    }
}

/// Whether a host, with or without a port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    // Names below `localhost` are asked of a name server, which may answer anything.
    name == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Asks `realm` for a token for these scopes.
pub(crate) fn request(
    realm: &Url,
    service: Option<&str>,
    scopes: &[String],
    credential: &Credential,
) -> Request {
    let mut query = Serializer::new(String::new());
    if let Some(service) = service {
        query.append_pair("service", service);
    }
    if let Credential::IdentityToken(token) = credential {
        query
            .append_pair("scope", &scopes.join(" "))
            .append_pair("client_id", "bulla")
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", token.expose());
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        return Request::new(Method::POST, realm.clone())
            .with_content(form, Bytes::from(query.finish()));
    }
    for scope in scopes {
        query.append_pair("scope", scope);
    }
    let mut url = realm.clone();
    let asked = query.finish();
    let whole = match realm.query() {
        Some(own) if !own.is_empty() => format!("{own}&{asked}"),
        _ => asked,
    };
    url.set_query(Some(&whole));
    let mut request = Request::new(Method::GET, url);
    if let Some(basic) = credential.basic() {
        request.headers.insert(header::AUTHORIZATION, basic);
    }
    request
}

/// Reads the answer.
pub(crate) fn parse(reply: Reply) -> Result<Token, StoreError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        token: Option<String>,
        #[serde(default)]
        access_token: Option<String>,
        #[serde(default)]
        expires_in: Option<u64>,
    }
    let reply = reply.success()?;
    // What was read is never quoted: it may be the token.
    let wrong =
        |reason: &str| StoreError::malformed(format!("the token of {}", reply.request), reason);
    let answer: Answer = json::read(&reply.body, TOKEN_BYTES, 16)
        .map_err(|_| wrong("no JSON object with a token"))?;
    let token = answer
        .token
        .filter(|token| !token.is_empty())
        .or(answer.access_token)
        .ok_or_else(|| wrong("neither `token` nor `access_token` is there"))?;
    let header = bearer(&token).ok_or_else(|| wrong("it has characters no token has"))?;
    let seconds = answer.expires_in.unwrap_or(DEFAULT_SECONDS);
    Ok(Token {
        header,
        lifetime: Duration::from_secs(seconds.min(MAX_SECONDS)),
    })
}

/// The header that shows a token.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// An answer with a token is at most this long.
pub(crate) const TOKEN_BYTES: u64 = 1 << 20;
/// How long a token lasts if the answer does not say, by the specification.
const DEFAULT_SECONDS: u64 = 60;
const MAX_SECONDS: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    #[test]
    fn credentials_go_only_to_safe_realms() {
        let host = "r.example.test";
        for safe in [
            "https://auth.example.test/token?x=1",
            "https://r.example.test/t",
        ] {
            assert!(realm(safe, host, false).is_ok(), "{safe}");
        }
        for unsafe_realm in [
            "http://auth.example.test/token",
            "http://127.0.0.1/token",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            "https://user:pass@auth.example.test/",
            "//auth.example.test/",
            "token",
            "",
        ] {
            let refused = realm(unsafe_realm, host, false).unwrap_err();
            assert!(matches!(refused, StoreError::UnsafeRealm { .. }));
        }
        assert!(realm("http://127.0.0.1:5001/token", "127.0.0.1:5000", true).is_ok());
        assert!(realm("http://auth.example.test/", "127.0.0.1:5000", true).is_err());
    }

    #[test]
    fn this_machine_is_recognised() {
        for local in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:1",
            "127.8.9.1",
            "[::1]:5000",
            "[::1]",
        ] {
            assert!(is_loopback(local), "{local}");
        }
        for other in [
            "a.localhost",
            "a.localhost:5000",
            "localhost.example.test",
            "127.0.0.1.example.test",
            "[::2]:5000",
            "10.0.0.1",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn a_bad_answer_is_not_quoted() {
        for body in [
            r#"{"token":"s3cr\net"}"#,
            r#"{"secret":"s3cret"}"#,
            "s3cret",
        ] {
            let reply = Reply {
                request: "GET auth.example.test/token".to_owned(),
                tries: 1,
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body: Bytes::copy_from_slice(body.as_bytes()),
            };
            let error = parse(reply).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cr"), "{error:?}");
        }
    }

    #[test]
    fn identity_tokens_are_exchanged_in_the_body() {
        let credential = Credential::IdentityToken("i d".to_owned().into());
        let url: Url = "https://auth.example.test/token".parse().unwrap();
        let request = request(
            &url,
            Some("r"),
            &["repository:a:pull".to_owned()],
            &credential,
        );
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.url.query(), None);
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        assert!(body.contains("refresh_token=i+d"), "{body}");
    }
}
