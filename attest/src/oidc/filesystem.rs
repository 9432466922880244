//! A projected token at a fixed place, as Kubernetes service accounts have it. The path is
//! cosign's, so that manifests written for it work.

use super::OidcError;
use super::ambient::{Secret, Surroundings, TokenSource, is_token};

const PATH: &str = "/var/run/sigstore/cosign/oidc-token";

pub(super) fn find(
    surroundings: &dyn Surroundings,
    _audience: &str,
) -> Result<Option<TokenSource>, OidcError> {
    let Some(bytes) = surroundings.file(PATH) else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).ok().filter(|text| is_token(text));
    let text = text.ok_or(OidcError::Malformed {
        reason: "/var/run/sigstore/cosign/oidc-token holds none",
    })?;
    Ok(Some(TokenSource::Token(Secret::new(text))))
}
