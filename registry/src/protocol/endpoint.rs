//! Requests to one repository.

use bulla_model::{Digest, Repository, media_type};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use url::Url;

use super::Request;
use crate::{StoreError, Target};

/// How a registry is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A repository of a registry that is reached in a known way.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    base: Url,
}

/// When a manifest may be replaced; registries that know no preconditions ignore it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Always.
    None,
    /// Only if there is nothing yet.
    Absent,
    /// Only if it is still what was read.
    Unchanged(HeaderValue),
}

impl Endpoint {
    pub(crate) fn new(scheme: Scheme, repository: &Repository) -> Result<Self, StoreError> {
        let text = format!("{}://{}/", scheme.name(), repository.host());
        let mut base: Url = text.parse().map_err(|error: url::ParseError| {
            // A name like 1.2.3.4.5 is a host's by its characters, but no URL's.
            StoreError::malformed(format!("host {}", repository.host()), &error.to_string())
        })?;
        base.set_path(&format!("/v2/{}/", repository.path()));
        Ok(Self { base })
    }

    /// The registry's own address.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    pub(crate) fn manifest_get(&self, target: &Target) -> Request {
        self.request(Method::GET, &format!("manifests/{target}"))
            .accepting(MANIFESTS)
    }

    pub(crate) fn manifest_put(
        &self,
        target: &Target,
        media_type: HeaderValue,
        bytes: Bytes,
        precondition: &Precondition,
    ) -> Request {
        let mut request = self
            .request(Method::PUT, &format!("manifests/{target}"))
            .with_content(media_type, bytes);
        let headers = &mut request.headers;
        match precondition {
            Precondition::None => None,
            Precondition::Absent => {
                headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"))
            }
            Precondition::Unchanged(tag) => headers.insert(header::IF_MATCH, tag.clone()),
        };
        request
    }

    pub(crate) fn manifest_delete(&self, digest: &Digest) -> Request {
        self.request(Method::DELETE, &format!("manifests/{digest}"))
    }

    pub(crate) fn blob_get(&self, digest: &Digest) -> Request {
        self.request(Method::GET, &format!("blobs/{digest}"))
    }

    pub(crate) fn blob_head(&self, digest: &Digest) -> Request {
        self.request(Method::HEAD, &format!("blobs/{digest}"))
    }

    pub(crate) fn upload_start(&self) -> Request {
        self.post_uploads()
    }

    pub(crate) fn upload_mount(&self, digest: &Digest, source: &Repository) -> Request {
        let mut request = self.post_uploads();
        let query = format!("mount={digest}&from={}", source.path());
        request.url.set_query(Some(&query));
        request
    }

    pub(crate) fn referrers(&self, digest: &Digest) -> Request {
        self.request(Method::GET, &format!("referrers/{digest}"))
            .accepting(media_type::IMAGE_INDEX)
    }

    pub(crate) fn tags(&self) -> Request {
        self.request(Method::GET, "tags/list")
    }

    /// Asks for another page of a list; `url` has been checked by [`super::link::next`].
    pub(crate) fn page(url: Url) -> Request {
        Request::new(Method::GET, url).accepting(media_type::IMAGE_INDEX)
    }

    fn post_uploads(&self) -> Request {
        let mut request = self.request(Method::POST, "blobs/uploads/");
        // Some registries demand a length of every request that could have content.
        request
            .headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        request
    }

    fn request(&self, method: Method, rest: &str) -> Request {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{rest}", self.base.path()));
        Request::new(method, url)
    }
}

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_repository_and_digest() {
        let repository = "[::1]:5000/pay/api".parse().unwrap();
        let endpoint = Endpoint::new(Scheme::Https, &repository).unwrap();
        let digest = Digest::sha256(b"x");
        let request = endpoint.upload_mount(&digest, &"[::1]:5000/base".parse().unwrap());
        assert_eq!(
            request.url.as_str(),
            format!("https://[::1]:5000/v2/pay/api/blobs/uploads/?mount={digest}&from=base")
        );
        assert_eq!(
            request.name(),
            "POST [::1]:5000/v2/pay/api/blobs/uploads/",
            "no query in messages"
        );
    }

    #[test]
    fn hosts_that_are_no_addresses_are_an_error() {
        for host in ["1.2.3.4.5", "999.999.999.999"] {
            let repository = format!("{host}/a").parse().unwrap();
            assert!(Endpoint::new(Scheme::Https, &repository).is_err(), "{host}");
        }
    }
}
