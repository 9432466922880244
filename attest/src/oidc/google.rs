//! Google Cloud: the machine's metadata server,
//! <https://cloud.google.com/compute/docs/instances/verifying-instance-identity>.

use reqwest::header::{HeaderMap, HeaderValue};
use url::Url;

use super::OidcError;
use super::ambient::{Surroundings, TokenForm, TokenRequest, TokenSource};

/// Names the machine's maker on Linux.
const PRODUCT: &str = "/sys/class/dmi/id/product_name";
const IDENTITY: &str =
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity";

pub(super) fn find(
    surroundings: &dyn Surroundings,
    audience: &str,
) -> Result<Option<TokenSource>, OidcError> {
    let product = surroundings.file(PRODUCT).unwrap_or_default();
    if !String::from_utf8_lossy(&product).contains("Google") {
        return Ok(None);
    }
    // The metadata server answers in the clear, and whoever reads its answer can sign as this
    // machine. The address never leaves the machine's host, and no proxy is asked for it.
    let mut url = Url::parse(IDENTITY).expect("because it is a URL");
    url.query_pairs_mut()
        .append_pair("audience", audience)
        .append_pair("format", "full");
    let headers: HeaderMap = [(
        "metadata-flavor".parse().expect("because it is a header"),
        HeaderValue::from_static("Google"),
    )]
    .into_iter()
    .collect();
    Ok(Some(TokenSource::Request(TokenRequest {
        url,
        headers,
        form: TokenForm::Text,
    })))
}
