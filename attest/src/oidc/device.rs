//! Logging in on another device, RFC 8628, with the code challenge of RFC 7636.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use super::ambient::Secret;
use super::{IdentityToken, Issuer, OidcClient, OidcError};
use crate::http::{self, Answer, Call, Http, Service};

/// Longest time a person is waited for, whatever the issuer says.
const PATIENCE: Duration = Duration::from_mins(10);

/// What the person has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    /// The address to open, as the issuer wrote it.
    pub address: String,
    /// The code to enter there.
    pub code: String,
}

/// A log-in that was begun.
pub struct DeviceLogin<'a> {
    http: &'a Http,
    issuer: &'a Issuer,
    client: &'a OidcClient,
    verifier: Zeroizing<String>,
    wire: Begun,
}

impl std::fmt::Debug for DeviceLogin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceLogin").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Begun {
    device_code: Secret,
    user_code: String,
    verification_uri: String,
    #[serde(default)]
    verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default)]
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct Granted {
    id_token: Secret,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl<'a> DeviceLogin<'a> {
    /// Begins a log-in.
    pub async fn begin(
        http: &'a Http,
        issuer: &'a Issuer,
        client: &'a OidcClient,
    ) -> Result<Self, OidcError> {
        let endpoint = issuer.device.as_ref().ok_or_else(|| OidcError::Login {
            reason: "the issuer has no log-in for other devices".to_owned(),
        })?;
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(bytes.as_mut()).map_err(|_| OidcError::Login {
            reason: "no randomness from the operating system".to_owned(),
        })?;
        let verifier = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(hash);
        let call = form(
            endpoint,
            &[
                ("client_id", &client.id),
                ("scope", "openid email"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        );
        let answer = http.send(&call).await?;
        if answer.status != 200 {
            return Err(call.refused(&answer).into());
        }
        let wire = call.json(&answer)?;
        Ok(Self {
            http,
            issuer,
            client,
            verifier,
            wire,
        })
    }

    /// What the person has to do.
    pub fn code(&self) -> DeviceCode {
        let complete = self.wire.verification_uri_complete.as_ref();
        DeviceCode {
            address: complete.unwrap_or(&self.wire.verification_uri).clone(),
            code: self.wire.user_code.clone(),
        }
    }

    /// Waits until the person has done it.
    pub async fn wait(self) -> Result<IdentityToken, OidcError> {
        let patience = Duration::from_secs(self.wire.expires_in).min(PATIENCE);
        match tokio::time::timeout(patience, self.poll()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(OidcError::Login {
                reason: "nobody answered in time".to_owned(),
            }),
        }
    }

    async fn poll(&self) -> Result<IdentityToken, OidcError> {
        let call = form(
            &self.issuer.token,
            &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", self.wire.device_code.expose()),
                ("client_id", &self.client.id),
                ("code_verifier", &self.verifier),
            ],
        )
        .hide(self.wire.device_code.expose())
        .hide(&self.verifier);
        let mut interval = self.wire.interval.unwrap_or(5).clamp(1, 60);
        loop {
            tokio::time::sleep(Duration::from_secs(interval)).await;
            let answer = self.http.send(&call).await?;
            match outcome(&call, &answer)? {
                Some(token) => return Ok(token),
                None if is_slow_down(&answer) => interval = interval.saturating_add(5),
                None => {}
            }
        }
    }
}

/// The token, or `None` while the person has not answered.
fn outcome(call: &Call, answer: &Answer) -> Result<Option<IdentityToken>, OidcError> {
    if answer.status == 200 {
        let granted: Granted = http::json(&answer.body).map_err(|_| OidcError::Malformed {
            reason: "the issuer's answer holds none",
        })?;
        return IdentityToken::parse(granted.id_token.expose()).map(Some);
    }
    match refusal(answer).as_deref() {
        Some("authorization_pending" | "slow_down") => Ok(None),
        Some("access_denied") => Err(OidcError::Login {
            reason: "it was refused".to_owned(),
        }),
        Some("expired_token") => Err(OidcError::Login {
            reason: "the code expired".to_owned(),
        }),
        _ => Err(call.refused(answer).into()),
    }
}

fn refusal(answer: &Answer) -> Option<String> {
    http::json::<Refused>(&answer.body)
        .ok()
        .map(|refused| refused.error)
}

fn is_slow_down(answer: &Answer) -> bool {
    refusal(answer).as_deref() == Some("slow_down")
}

fn form(url: &Url, fields: &[(&str, &str)]) -> Call {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    Call::post(
        Service::IdentityProvider,
        url.clone(),
        "application/x-www-form-urlencoded",
        body.into_bytes(),
    )
}
