//! Uploading a blob in chunks.
//!
//! "Pushing a blob in chunks" and "POST then PUT" of the OCI distribution specification v1.1.1,
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs>.

use bulla_model::Digest;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use url::Url;

use super::{Reply, Request};
use crate::{Excerpt, StoreError};

/// An upload under way.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    location: Url,
    offset: u64,
    /// Bytes of each chunk but the last.
    pub(crate) chunk: usize,
}

impl Session {
    /// Reads the answer to the request that starts an upload; `base` is that request's URL.
    pub(crate) fn start(reply: Reply, base: &Url) -> Result<Self, StoreError> {
        let reply = expect(reply, StatusCode::ACCEPTED)?;
        let minimum = reply
            .header(&CHUNK_MINIMUM)
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or(0);
        Ok(Self {
            location: location(&reply, base)?,
            offset: 0,
            chunk: minimum.clamp(CHUNK, CHUNK_MAXIMUM),
        })
    }

    /// Where the next part goes; it may be another host, which must not see credentials.
    pub(crate) fn location(&self) -> &Url {
        &self.location
    }

    /// Sends a chunk.
    pub(crate) fn chunk(&self, bytes: Bytes) -> Request {
        let last = self
            .offset
            .saturating_add((bytes.len() as u64).saturating_sub(1));
        let range = format!("{}-{last}", self.offset);
        let mut request = content(Method::PATCH, self.location.clone(), bytes);
        request.headers.insert(
            header::CONTENT_RANGE,
            HeaderValue::from_str(&range).expect("because digits are a header value"),
        );
        request
    }

    /// Reads the answer to a chunk of this length.
    pub(crate) fn chunk_sent(self, length: usize, reply: Reply) -> Result<Self, StoreError> {
        let reply = expect(reply, StatusCode::ACCEPTED)?;
        Ok(Self {
            location: location(&reply, &self.location)?,
            offset: self.offset.saturating_add(length as u64),
            chunk: self.chunk,
        })
    }

    /// Ends the upload with its last bytes, or none.
    pub(crate) fn finish(&self, digest: &Digest, bytes: Bytes) -> Request {
        let mut url = self.location.clone();
        url.query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        content(Method::PUT, url, bytes)
    }

    /// Reads the answer to the end.
    pub(crate) fn finished(reply: Reply) -> Result<(), StoreError> {
        expect(reply, StatusCode::CREATED).map(|_| ())
    }
}

/// Reads the answer to a mount: whether the blob is there now.
pub(crate) fn mounted(reply: Reply) -> Result<bool, StoreError> {
    match reply.status {
        StatusCode::CREATED => Ok(true),
        // 202 starts an ordinary upload instead; registries drop the unused session. Sources that
        // may not be read, or mounts that are not supported, are no failure of the copy either.
        StatusCode::ACCEPTED
        | StatusCode::BAD_REQUEST
        | StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::METHOD_NOT_ALLOWED => Ok(false),
        _ => Err(reply.refusal()),
    }
}

fn expect(reply: Reply, status: StatusCode) -> Result<Reply, StoreError> {
    let reply = reply.success()?;
    if reply.status == status {
        return Ok(reply);
    }
    Err(StoreError::malformed(
        format!("the answer to {}", reply.request),
        &format!(
            "expected {}, it is {}",
            status.as_u16(),
            reply.status.as_u16()
        ),
    ))
}

fn location(reply: &Reply, base: &Url) -> Result<Url, StoreError> {
    reply
        .header(&header::LOCATION)
        .and_then(|text| base.join(text).ok())
        .ok_or_else(|| StoreError::Malformed {
            what: format!("the answer to {}", reply.request),
            reason: Excerpt::of("it has no usable Location header"),
        })
}

fn content(method: Method, url: Url, bytes: Bytes) -> Request {
    let media_type = HeaderValue::from_static("application/octet-stream");
    Request::new(method, url).with_content(media_type, bytes)
}

/// Bytes of a chunk. Each costs a round trip; all of one is in memory.
pub(crate) const CHUNK: usize = 4 << 20;
/// More is not held in memory, whatever a registry asks for.
const CHUNK_MAXIMUM: usize = 32 << 20;
const CHUNK_MINIMUM: HeaderName = HeaderName::from_static("oci-chunk-min-length");
