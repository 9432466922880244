//! Issuers: where their endpoints are, OpenID Connect Discovery 1.0 section 4.

use serde::Deserialize;
use url::Url;

use super::OidcError;
use crate::http::{Call, Http, Service, below, service_url};

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

impl Issuer {
    /// Asks the issuer for its endpoints.
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
        let wire: Wire =
            serde_json::from_slice(&answer.body).map_err(|error| call.malformed(error))?;
        if wire.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err(call.malformed("it speaks for another issuer").into());
        }
        let endpoint = |text: &str| service_url(Service::IdentityProvider, text);
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
