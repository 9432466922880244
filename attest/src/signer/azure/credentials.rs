//! Where Azure's own libraries find credentials: a client's secret, a federated token, the
//! platform's identity.
//! <https://learn.microsoft.com/en-us/dotnet/azure/sdk/authentication/credential-chains>

use reqwest::Method;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::SERVICE;
use crate::service::{
    Endpoint, KeyServiceError, SecretText, Surroundings, TlsMaterial, first, read, secret_file,
    shown,
};

const LOGIN: &str = "https://login.microsoftonline.com";
const MACHINE: &str = "http://169.254.169.254";

/// An access token for an audience.
pub(super) async fn token(
    surroundings: &dyn Surroundings,
    audience: &str,
) -> Result<Zeroizing<String>, KeyServiceError> {
    let client = first(surroundings, &["AZURE_CLIENT_ID"]);
    let tenant = first(surroundings, &["AZURE_TENANT_ID"]);
    let secret = first(surroundings, &["AZURE_CLIENT_SECRET"]).map(Zeroizing::new);
    let federated = match first(surroundings, &["AZURE_FEDERATED_TOKEN_FILE"]) {
        Some(path) => Some(
            secret_file(surroundings, SERVICE, path.as_ref())?
                .ok_or_else(|| wrong("the file AZURE_FEDERATED_TOKEN_FILE names is not there"))?,
        ),
        None => None,
    };
    let proof = match (&secret, &federated) {
        (Some(secret), _) => vec![("client_secret", secret.as_str())],
        (None, Some(token)) => vec![
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", token.as_str()),
        ],
        (None, None) => return platform(surroundings, audience, client.as_deref()).await,
    };
    let (Some(client), Some(tenant)) = (client, tenant) else {
        return Err(wrong("AZURE_CLIENT_ID and AZURE_TENANT_ID must be set too"));
    };
    let address = first(surroundings, &["AZURE_AUTHORITY_HOST"]);
    let address = address.as_deref().unwrap_or(LOGIN);
    let endpoint = Endpoint::new(SERVICE, address, surroundings, &TlsMaterial::default())?;
    let scope = format!("{audience}/.default");
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client.as_str()),
        ("scope", &scope),
    ];
    fields.extend(&proof);
    let hidden = proof.last().map_or("", |(_, text)| *text);
    let ask = endpoint
        .ask(
            Method::POST,
            "an access token",
            [tenant.as_str(), "oauth2", "v2.0", "token"],
        )
        .form(&fields)
        .hide(hidden);
    read_token(&endpoint.send(&ask).await?.body)
}

/// The identity of the app service, else of the machine.
async fn platform(
    surroundings: &dyn Surroundings,
    audience: &str,
    client: Option<&str>,
) -> Result<Zeroizing<String>, KeyServiceError> {
    let service = first(surroundings, &["IDENTITY_ENDPOINT"]);
    let header = first(surroundings, &["IDENTITY_HEADER"]);
    let (endpoint, ask) = if let (Some(address), Some(header)) = (service, header) {
        let endpoint = Endpoint::platform(SERVICE, &address)?;
        let ask = endpoint
            .ask(Method::GET, "an access token", [])
            .query("api-version", "2019-08-01")
            .secret("x-identity-header", "", &header);
        (endpoint, ask)
    } else {
        let address = first(surroundings, &["AZURE_POD_IDENTITY_AUTHORITY_HOST"]);
        let endpoint = Endpoint::platform(SERVICE, address.as_deref().unwrap_or(MACHINE))?;
        let path = ["metadata", "identity", "oauth2", "token"];
        let ask = endpoint
            .ask(Method::GET, "an access token", path)
            .query("api-version", "2018-02-01")
            .header("metadata", "true");
        (endpoint, ask)
    };
    let mut ask = ask.query("resource", audience);
    if let Some(client) = client {
        ask = ask.query("client_id", client);
    }
    let answer = endpoint.send(&ask).await.map_err(|error| {
        let reason = shown(&error.to_string());
        wrong(format!(
            "no credentials: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or run where the platform gives an identity ({reason})"
        ))
    })?;
    read_token(&answer.body)
}

fn read_token(body: &[u8]) -> Result<Zeroizing<String>, KeyServiceError> {
    let issued: Issued = read(SERVICE, "an access token", body)?;
    Ok(issued.access_token.into_inner())
}

fn wrong(reason: impl Into<String>) -> KeyServiceError {
    KeyServiceError::Configuration {
        service: SERVICE,
        reason: reason.into(),
    }
}

#[derive(Deserialize)]
struct Issued {
    access_token: SecretText,
}
