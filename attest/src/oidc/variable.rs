//! `SIGSTORE_ID_TOKEN`: set by GitLab's `id_tokens`, and by anybody who wants to.

use super::OidcError;
use super::ambient::{Secret, Surroundings, TokenSource};

pub(super) fn find(
    surroundings: &dyn Surroundings,
    _audience: &str,
) -> Result<Option<TokenSource>, OidcError> {
    let token = surroundings.variable("SIGSTORE_ID_TOKEN");
    Ok(token.map(|token| TokenSource::Token(Secret::new(token))))
}
