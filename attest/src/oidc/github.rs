//! GitHub Actions: a request with the job's own credential,
//! <https://docs.github.com/en/actions/reference/security/oidc>.

use super::OidcError;
use super::ambient::{Surroundings, TokenForm, TokenRequest, TokenSource, bearer};
use crate::http::{Service, service_url};

pub(super) const NAME: &str = "GitHub Actions";

pub(super) fn find(
    surroundings: &dyn Surroundings,
    audience: &str,
) -> Result<Option<TokenSource>, OidcError> {
    if surroundings.variable("GITHUB_ACTIONS").as_deref() != Some("true") {
        return Ok(None);
    }
    let withheld = OidcError::Withheld {
        provider: NAME,
        what: "ACTIONS_ID_TOKEN_REQUEST_URL or _TOKEN is not set",
        hint: "give the job `permissions: id-token: write`",
    };
    let (Some(url), Some(token)) = (
        surroundings.variable("ACTIONS_ID_TOKEN_REQUEST_URL"),
        surroundings.variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    ) else {
        return Err(withheld);
    };
    let mut url = service_url(Service::IdentityProvider, &url)?;
    url.query_pairs_mut().append_pair("audience", audience);
    Ok(Some(TokenSource::Request(TokenRequest {
        url,
        headers: bearer(&token).ok_or(withheld)?,
        form: TokenForm::Field("value"),
    })))
}
