//! Pages of referrers and of tags.

use bulla_model::{Descriptor, Limits, Tag, json, media_type};
use http::{HeaderName, header};
use serde::Deserialize;
use url::Url;

use super::{Reply, link};
use crate::index_document::IndexDocument;
use crate::{Excerpt, StoreError};

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<Url>,
    /// Whether the registry left entries out of its own accord, or some cannot be read.
    pub(crate) filtered: bool,
}

/// Reads a page of referrers.
pub(crate) fn referrers(
    reply: &Reply,
    page: &Url,
    limits: &Limits,
) -> Result<Page<Descriptor>, StoreError> {
    let what = format!("the answer to {}", reply.request);
    // Sites that answer every path with a page of their own also answer 200.
    let content_type = reply.header(&header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type::IMAGE_INDEX) {
        return Err(StoreError::Malformed {
            what,
            reason: Excerpt::of(&format!("it is `{essence}`, not an image index")),
        });
    }
    let (items, whole) = IndexDocument::listed(&reply.body, LIST_BYTES, &what, limits)?;
    Ok(Page {
        items,
        next: next(reply, page, &what)?,
        // Nothing was to be filtered, so a filter means that something is missing.
        filtered: !whole || reply.headers.contains_key(FILTERS),
    })
}

/// Reads a page of tags; names that are no tags are left out.
pub(crate) fn tags(reply: &Reply, page: &Url, limits: &Limits) -> Result<Page<Tag>, StoreError> {
    #[derive(Deserialize)]
    struct Tags {
        #[serde(default)]
        tags: Option<Vec<String>>,
    }
    let what = format!("the answer to {}", reply.request);
    let list: Tags = json::read(&reply.body, limits.manifest_bytes, limits.json_depth)
        .map_err(|error| StoreError::malformed(&*what, &error.to_string()))?;
    let tags = list.tags.unwrap_or_default();
    Ok(Page {
        items: tags.iter().filter_map(|tag| tag.parse().ok()).collect(),
        next: next(reply, page, &what)?,
        filtered: false,
    })
}

fn next(reply: &Reply, page: &Url, what: &str) -> Result<Option<Url>, StoreError> {
    link::next(&reply.headers, page)
        .map_err(|error| StoreError::malformed(what, &error.to_string()))
}

/// F38: an endless page. Entries repeat the annotations of their manifests, so that a page of
/// honest ones can be larger than any manifest.
pub(crate) const LIST_BYTES: u64 = 16 << 20;
const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue, StatusCode};

    fn reply(content_type: &'static str, body: &str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Reply {
            request: "GET r.example.test/v2/a/referrers/x".to_owned(),
            tries: 1,
            status: StatusCode::OK,
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn page(reply: &Reply) -> Result<Page<Descriptor>, StoreError> {
        let url = "https://r.example.test/v2/a/referrers/x".parse().unwrap();
        referrers(reply, &url, &Limits::default())
    }

    #[test]
    fn a_page_that_is_no_index_is_an_error() {
        let empty = r#"{"schemaVersion":2,"manifests":[]}"#;
        for (content_type, body) in [
            ("text/html", "<html>"),
            ("application/json", empty),
            (media_type::IMAGE_INDEX, "{}"),
            (media_type::IMAGE_INDEX, "[]"),
        ] {
            let error = page(&reply(content_type, body)).unwrap_err();
            assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
        }
        let answer = reply(
            "application/vnd.oci.image.index.v1+json; charset=utf-8",
            empty,
        );
        assert!(page(&answer).unwrap().items.is_empty());
    }

    #[test]
    fn an_unasked_filter_is_noticed() {
        let mut answer = reply(
            media_type::IMAGE_INDEX,
            r#"{"schemaVersion":2,"manifests":[]}"#,
        );
        assert!(!page(&answer).unwrap().filtered);
        let header = HeaderValue::from_static("artifactType");
        answer.headers.insert(FILTERS, header);
        assert!(page(&answer).unwrap().filtered);
    }
}
