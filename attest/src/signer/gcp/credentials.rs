//! Where Google's own tools find credentials: a token in a variable, the file of the application's
//! default credentials (service account, user, workload identity federation), the machine.
//! <https://google.aip.dev/auth/4110>

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::SERVICE;
use crate::key::{PrivateKey, SignatureScheme};
use crate::service::{
    Ask, Endpoint, KeyServiceError, SecretText, Surroundings, TlsMaterial, first, read,
    secret_file, shown,
};
use crate::signer::{Blob, Message};

const SCOPE: &str = "https://www.googleapis.com/auth/cloudkms";
const WIDE_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_ADDRESS: &str = "https://oauth2.googleapis.com/token";
const MACHINE: &str = "metadata.google.internal";

/// An access token.
pub(super) async fn token(
    surroundings: &dyn Surroundings,
) -> Result<Zeroizing<String>, KeyServiceError> {
    let given = ["GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"];
    if let Some(token) = first(surroundings, &given) {
        return Ok(Zeroizing::new(token));
    }
    match default_file(surroundings)? {
        Some(file) => file.token(surroundings).await,
        None => machine(surroundings).await,
    }
}

fn wrong(reason: impl Into<String>) -> KeyServiceError {
    KeyServiceError::Configuration {
        service: SERVICE,
        reason: reason.into(),
    }
}

fn default_file(surroundings: &dyn Surroundings) -> Result<Option<File>, KeyServiceError> {
    let named = first(surroundings, &["GOOGLE_APPLICATION_CREDENTIALS"]).map(PathBuf::from);
    let path = named.clone().or_else(|| {
        let home = PathBuf::from(first(surroundings, &["HOME"])?);
        Some(home.join(".config/gcloud/application_default_credentials.json"))
    });
    let text = match &path {
        Some(path) => secret_file(surroundings, SERVICE, path)?,
        None => None,
    };
    match text {
        Some(text) => read(SERVICE, "the credentials' file", text.as_bytes()).map(Some),
        None if named.is_some() => Err(wrong(
            "the file GOOGLE_APPLICATION_CREDENTIALS names is not there",
        )),
        None => Ok(None),
    }
}

/// A file of credentials. Its addresses must be https, so that secrets go nowhere in the clear.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    ServiceAccount(ServiceAccount),
    AuthorizedUser(AuthorizedUser),
    ExternalAccount(ExternalAccount),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: SecretText,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct AuthorizedUser {
    client_id: String,
    client_secret: SecretText,
    refresh_token: SecretText,
}

#[derive(Deserialize)]
struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: Source,
    service_account_impersonation_url: Option<String>,
}

#[derive(Deserialize)]
struct Source {
    file: Option<PathBuf>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

impl File {
    async fn token(
        &self,
        surroundings: &dyn Surroundings,
    ) -> Result<Zeroizing<String>, KeyServiceError> {
        match self {
            Self::ServiceAccount(account) => account.token(surroundings).await,
            Self::AuthorizedUser(user) => user.token(surroundings).await,
            Self::ExternalAccount(account) => account.token(surroundings).await,
            Self::Other => Err(wrong(
                "this kind of credentials is not supported: set GOOGLE_OAUTH_ACCESS_TOKEN to what `gcloud auth print-access-token` says",
            )),
        }
    }
}

impl ServiceAccount {
    /// A signed claim is exchanged for a token, RFC 7523.
    async fn token(
        &self,
        surroundings: &dyn Surroundings,
    ) -> Result<Zeroizing<String>, KeyServiceError> {
        let address = self.token_uri.as_deref().unwrap_or(TOKEN_ADDRESS);
        let key = PrivateKey::from_pem(self.private_key.as_bytes(), None)
            .map_err(|error| wrong(format!("the service account's key: {error}")))?;
        let now = surroundings.now().as_second();
        let claims = json!({
            "iss": self.client_email, "scope": SCOPE, "aud": address, "iat": now, "exp": now + 600,
        });
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let unsigned = format!(
            "{}.{}",
            part(&json!({ "alg": "RS256", "typ": "JWT" })),
            part(&claims)
        );
        let signature = Blob::new(unsigned.as_bytes())
            .and_then(|blob| key.sign(SignatureScheme::RsaPkcs1Sha256, &Message::from(&blob)))
            .map_err(|_| wrong("the service account's key is no RSA key"))?;
        let assertion = Zeroizing::new(format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature)));
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &assertion),
        ];
        exchange(surroundings, address, |ask| {
            ask.form(&fields).hide(&assertion)
        })
        .await
    }
}

impl AuthorizedUser {
    async fn token(
        &self,
        surroundings: &dyn Surroundings,
    ) -> Result<Zeroizing<String>, KeyServiceError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("refresh_token", &self.refresh_token),
        ];
        exchange(surroundings, TOKEN_ADDRESS, |ask| {
            ask.form(&fields)
                .hide(&self.refresh_token)
                .hide(&self.client_secret)
        })
        .await
    }
}

impl ExternalAccount {
    /// Another provider's token is exchanged, RFC 8693, and that for a service account's.
    async fn token(
        &self,
        surroundings: &dyn Surroundings,
    ) -> Result<Zeroizing<String>, KeyServiceError> {
        let subject = self.subject_token(surroundings)?;
        let fields = [
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("audience", &self.audience),
            ("scope", WIDE_SCOPE),
            ("subject_token_type", &self.subject_token_type),
            ("subject_token", &subject),
        ];
        let federated = exchange(surroundings, &self.token_url, |ask| {
            ask.form(&fields).hide(&subject)
        })
        .await?;
        let Some(address) = &self.service_account_impersonation_url else {
            return Ok(federated);
        };
        let body = json!({ "scope": [SCOPE] });
        exchange(surroundings, address, |ask| {
            ask.json(&body)
                .secret("authorization", "Bearer ", &federated)
        })
        .await
    }

    fn subject_token(
        &self,
        surroundings: &dyn Surroundings,
    ) -> Result<Zeroizing<String>, KeyServiceError> {
        let path = self.credential_source.file.as_deref().ok_or_else(|| {
            wrong("only a file is supported as the source of a federated identity's token")
        })?;
        let text = secret_file(surroundings, SERVICE, path)?.ok_or_else(|| {
            wrong(format!(
                "the identity's token {} is not there",
                path.display()
            ))
        })?;
        let field = match &self.credential_source.format {
            Some(format) if format.kind == "json" => format.subject_token_field_name.as_deref(),
            _ => return Ok(text),
        };
        let json: serde_json::Value = read(SERVICE, "the identity's token", text.as_bytes())?;
        json.get(field.unwrap_or_default())
            .and_then(serde_json::Value::as_str)
            .map(|token| Zeroizing::new(token.to_owned()))
            .ok_or_else(|| wrong("the identity's file holds no such field"))
    }
}

async fn exchange(
    surroundings: &dyn Surroundings,
    address: &str,
    fill: impl FnOnce(Ask) -> Ask,
) -> Result<Zeroizing<String>, KeyServiceError> {
    let endpoint = Endpoint::new(SERVICE, address, surroundings, &TlsMaterial::default())?;
    let ask = fill(endpoint.ask(Method::POST, "an access token", []));
    read_token(&endpoint.send(&ask).await?.body)
}

fn read_token(body: &[u8]) -> Result<Zeroizing<String>, KeyServiceError> {
    let issued: Issued = read(SERVICE, "an access token", body)?;
    Ok(issued.access_token.into_inner())
}

async fn machine(surroundings: &dyn Surroundings) -> Result<Zeroizing<String>, KeyServiceError> {
    let host = first(surroundings, &["GCE_METADATA_HOST"]);
    let address = format!("http://{}", host.as_deref().unwrap_or(MACHINE));
    let endpoint = Endpoint::platform(SERVICE, &address)?;
    let path = "computeMetadata/v1/instance/service-accounts/default/token";
    let ask = endpoint
        .ask(Method::GET, "an access token", path.split('/'))
        .header("metadata-flavor", "Google");
    let answer = endpoint.send(&ask).await.map_err(|error| {
        let reason = shown(&error.to_string());
        wrong(format!(
            "no credentials: run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS ({reason})"
        ))
    })?;
    read_token(&answer.body)
}

#[derive(Deserialize)]
struct Issued {
    #[serde(alias = "accessToken")]
    access_token: SecretText,
}
