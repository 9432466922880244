//! CircleCI: its agent writes a token,
//! <https://circleci.com/docs/openid-connect-tokens/#custom-claims>.

use super::OidcError;
use super::ambient::{Surroundings, TokenForm, TokenSource};

pub(super) fn find(
    surroundings: &dyn Surroundings,
    audience: &str,
) -> Result<Option<TokenSource>, OidcError> {
    if surroundings.variable("CIRCLECI").as_deref() != Some("true") {
        return Ok(None);
    }
    let claims = serde_json::json!({ "aud": audience }).to_string();
    let arguments = ["run", "oidc", "get", "--root-issuer", "--claims"];
    Ok(Some(TokenSource::Command {
        program: "circleci",
        arguments: arguments
            .map(str::to_owned)
            .into_iter()
            .chain([claims])
            .collect(),
        form: TokenForm::Text,
    }))
}
