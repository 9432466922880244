//! Issuers: where their endpoints are, OpenID Connect Discovery 1.0 section 4.

use serde::Deserialize;
use url::Url;

use super::OidcError;
use crate::http::{Call, Http, Service, below, host, service_url};

/// An issuer's endpoints.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Where a browser goes.
    pub authorization: Url,
    /// Where codes become tokens.
    pub token: Url,
    /// Where a log-in on another device begins, if the issuer has that.
    pub device: Option<Url>,
}

/// Who asks for tokens.
#[derive(Clone, Debug)]
pub struct OidcClient {
    /// The client's id, which becomes the tokens' audience.
    pub id: String,
}

#[derive(Deserialize)]
struct Wire {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    #[serde(default)]
    device_authorization_endpoint: Option<String>,
}

/// Issuers whose endpoints are on another host of their own, with that host.
const ELSEWHERE: [(&str, &str); 1] = [("accounts.google.com", "oauth2.googleapis.com")];

/// Whether an endpoint is on the issuer's own host. An issuer that sends people to log in with
/// somebody else, and has their codes brought to itself, would sign as them: the mix-up attack,
/// RFC 9700 section 4.4.
fn belongs(issuer: &Url, endpoint: &Url) -> bool {
    let place = |url: &Url| {
        (
            url.host_str().map(str::to_owned),
            url.port_or_known_default(),
        )
    };
    let named = |pair: &(&str, &str)| {
        issuer.host_str() == Some(pair.0) && endpoint.host_str() == Some(pair.1)
    };
    place(issuer) == place(endpoint) || ELSEWHERE.iter().any(named)
}

impl Issuer {
    /// Asks the issuer for its endpoints, which must be on its own host.
    pub async fn discover(http: &Http, issuer: &str) -> Result<Self, OidcError> {
        let url = service_url(Service::IdentityProvider, issuer)?;
        let call = Call::get(
            Service::IdentityProvider,
            below(&url, "/.well-known/openid-configuration"),
        );
        let answer = http.send(&call).await?;
        if answer.status != 200 {
            return Err(call.refused(&answer).into());
        }
        let wire: Wire = call.json(&answer)?;
        if wire.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err(call.malformed("it speaks for another issuer").into());
        }
        let endpoint = |text: &str| {
            let endpoint = service_url(Service::IdentityProvider, text)?;
            if belongs(&url, &endpoint) {
                return Ok(endpoint);
            }
            let host = host(&endpoint);
            Err(call.malformed(format_args!("it names an endpoint elsewhere, at {host}")))
        };
        Ok(Self {
            authorization: endpoint(&wire.authorization_endpoint)?,
            token: endpoint(&wire.token_endpoint)?,
            device: wire
                .device_authorization_endpoint
                .as_deref()
                .map(endpoint)
                .transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_on_the_issuers_host() {
        for (issuer, endpoint, expected) in [
            ("https://a.test/auth", "https://a.test/auth/token", true),
            ("https://a.test", "https://a.test:443/token", true),
            ("https://a.test", "https://a.test:8443/token", false),
            ("https://a.test", "https://b.test/token", false),
            ("https://a.test", "https://login.a.test/token", false),
            (
                "https://accounts.google.com",
                "https://oauth2.googleapis.com/token",
                true,
            ),
            (
                "https://a.test",
                "https://oauth2.googleapis.com/token",
                false,
            ),
        ] {
            let (issuer, endpoint) = (issuer.parse().unwrap(), endpoint.parse().unwrap());
            assert_eq!(belongs(&issuer, &endpoint), expected, "{endpoint}");
        }
    }
}
