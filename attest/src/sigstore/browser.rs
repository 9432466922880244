//! Logging in with a browser on this machine: the authorization code flow with PKCE and a
//! redirect to a loopback port, RFC 8252 section 7.3.

use std::time::Duration;

use sigstore_oidc::templates::{HtmlTemplates, MinimalTemplates};
use sigstore_oidc::{AuthCallback, AuthMode, OAuthClient, OAuthConfig, SecretString};

use crate::http::Http;
use crate::oidc::{IdentityToken, Issuer, OidcClient, OidcError};

/// Longest time a person is waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is said to the person meanwhile.
pub trait BrowserLogin {
    /// The browser was sent to this address.
    fn opened(&self, address: &str);
}

struct Callback<'a, L: ?Sized>(&'a L);

impl<L: BrowserLogin + ?Sized> HtmlTemplates for Callback<'_, L> {
    fn success_html(&self) -> &str {
        MinimalTemplates.success_html()
    }

    fn error_html(&self, error: &str) -> String {
        MinimalTemplates.error_html(error)
    }
}

impl<L: BrowserLogin + ?Sized> AuthCallback for Callback<'_, L> {
    fn auth_url_ready(&self, url: &str, mode: AuthMode) {
        if mode == AuthMode::BrowserRedirect {
            self.0.opened(url);
        }
    }

    fn prompt_for_code(&self) -> std::io::Result<SecretString> {
        // Without a browser the other flow is for the caller to choose.
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// Opens the browser and waits for the person. `None` where no browser could be opened.
pub async fn browser_login(
    http: &Http,
    issuer: &Issuer,
    client: &OidcClient,
    login: &(impl BrowserLogin + Sync + ?Sized),
) -> Result<Option<IdentityToken>, OidcError> {
    let config = OAuthConfig::new(issuer.authorization.as_str(), issuer.token.as_str())
        .with_client_id(&client.id);
    let flow = OAuthClient::with_http_client(config, http.client());
    let opened = std::sync::atomic::AtomicBool::new(false);
    let watched = Watched {
        login,
        opened: &opened,
    };
    let outcome = tokio::time::timeout(PATIENCE, flow.authenticate(Callback(&watched))).await;
    let Ok(outcome) = outcome else {
        return Err(OidcError::Login {
            reason: "nobody answered in time".to_owned(),
        });
    };
    match outcome {
        Ok(token) => IdentityToken::parse(token.expose_secret()).map(Some),
        Err(_) if !opened.load(std::sync::atomic::Ordering::Relaxed) => Ok(None),
        Err(error) => Err(OidcError::Login {
            reason: error.to_string().chars().take(200).collect(),
        }),
    }
}

/// Remembers whether a browser was opened at all.
struct Watched<'a, L: ?Sized> {
    login: &'a L,
    opened: &'a std::sync::atomic::AtomicBool,
}

impl<L: BrowserLogin + ?Sized> BrowserLogin for Watched<'_, L> {
    fn opened(&self, address: &str) {
        self.opened
            .store(true, std::sync::atomic::Ordering::Relaxed);
        self.login.opened(address);
    }
}
