//! Answers, and what a refusal means.
//!
//! "Error Codes" of the OCI distribution specification v1.1.1,
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes>.

use bulla_model::json;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;

use crate::{Detail, Excerpt, StoreError};

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// What was asked, for messages.
    pub(crate) request: String,
    /// How often it was asked.
    pub(crate) tries: u32,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// Passes on success; 404 is "`what` is not in `store`", anything else an error of its own.
    pub(crate) fn found(self, what: &str, store: &str) -> Result<Self, StoreError> {
        if self.status == StatusCode::NOT_FOUND {
            return Err(StoreError::NotFound {
                what: what.to_owned(),
                store: store.to_owned(),
            });
        }
        self.success()
    }

    /// Passes on success only.
    pub(crate) fn success(self) -> Result<Self, StoreError> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(self.refusal())
        }
    }

    /// What a status other than success means. A redirect that was not followed is a refusal.
    pub(crate) fn refusal(self) -> StoreError {
        let detail = detail(&self.body);
        let Self { request, tries, .. } = self;
        match self.status {
            StatusCode::UNAUTHORIZED => StoreError::Unauthorized { request, detail },
            StatusCode::FORBIDDEN => StoreError::Denied { request, detail },
            StatusCode::TOO_MANY_REQUESTS => StoreError::RateLimited {
                request,
                tries,
                detail,
            },
            status if status.is_server_error() => StoreError::Failing {
                request,
                status: status.as_u16(),
                tries,
                detail,
            },
            status => StoreError::Rejected {
                request,
                status: status.as_u16(),
                detail,
            },
        }
    }

    /// A header's text, if it is there and text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Reads the first error of an error body; anything else says nothing.
fn detail(body: &[u8]) -> Detail {
    #[derive(Deserialize)]
    struct Envelope {
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        code: Option<serde_json::Value>,
        message: Option<serde_json::Value>,
    }
    let text = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) if !text.is_empty() => Some(Excerpt::of(&text)),
        _ => None,
    };
    let Ok(envelope) = json::read::<Envelope>(body, ERROR_BYTES, 16) else {
        return Detail::default();
    };
    envelope
        .errors
        .into_iter()
        .next()
        .map_or_else(Detail::default, |entry| Detail {
            code: text(entry.code),
            message: text(entry.message),
        })
}

/// Error bodies longer than this are not looked at.
pub(crate) const ERROR_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(status: u16, body: &str) -> StoreError {
        Reply {
            request: "GET r.example.test/v2/a/manifests/1".to_owned(),
            tries: 1,
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
        .found("manifest 1", "r.example.test/a")
        .unwrap_err()
    }

    #[test]
    fn only_404_is_absence() {
        assert!(refusal(404, "404 page not found").is_not_found());
        let lying = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"none"}]}"#;
        for status in [301, 400, 401, 403, 405, 410, 429, 500, 503] {
            let error = refusal(status, lying);
            assert!(error.is_undetermined(), "{status}: {error}");
        }
        assert_eq!(
            refusal(403, lying).to_string(),
            "access denied: GET r.example.test/v2/a/manifests/1 answered 403: MANIFEST_UNKNOWN: none"
        );
    }

    #[test]
    fn odd_error_bodies_say_nothing() {
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"errors":[]}"#,
            r#"{"errors":[{"code":7,"message":[]}]}"#,
            r#"{"errors":"no"}"#,
        ] {
            assert_eq!(detail(body.as_bytes()), Detail::default(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_body_gives_a_short_printable_text(body in any::<Vec<u8>>(), message in ".*") {
            drop(detail(&body));
            let envelope = serde_json::json!({"errors": [{"code": message, "message": message}]});
            let text = detail(envelope.to_string().as_bytes()).to_string();
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
}
