//! Buildkite: its agent writes a token, <https://buildkite.com/docs/agent/v3/cli-oidc>.

use super::OidcError;
use super::ambient::{Surroundings, TokenForm, TokenSource};

pub(super) fn find(
    surroundings: &dyn Surroundings,
    audience: &str,
) -> Result<Option<TokenSource>, OidcError> {
    if surroundings.variable("BUILDKITE").as_deref() != Some("true") {
        return Ok(None);
    }
    let arguments = ["oidc", "request-token", "--audience", audience];
    Ok(Some(TokenSource::Command {
        program: "buildkite-agent",
        arguments: arguments.map(str::to_owned).to_vec(),
        form: TokenForm::Text,
    }))
}
