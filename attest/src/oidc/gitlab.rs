//! GitLab CI: the token is a variable the pipeline asks for, so that its absence is an error,
//! <https://docs.gitlab.com/ci/secrets/id_token_authentication/>.

use super::OidcError;
use super::ambient::{Surroundings, TokenSource};

pub(super) const NAME: &str = "GitLab CI";

/// Only reached where `SIGSTORE_ID_TOKEN` is not set.
pub(super) fn find(
    surroundings: &dyn Surroundings,
    _audience: &str,
) -> Result<Option<TokenSource>, OidcError> {
    if surroundings.variable("GITLAB_CI").as_deref() != Some("true") {
        return Ok(None);
    }
    Err(OidcError::Withheld {
        provider: NAME,
        what: "SIGSTORE_ID_TOKEN is not set",
        hint: "give the job `id_tokens: {SIGSTORE_ID_TOKEN: {aud: sigstore}}`",
    })
}
