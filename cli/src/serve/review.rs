//! AdmissionReview v1: what a Kubernetes API server asks, and the answer it understands.
//!
//! <https://github.com/kubernetes/api/blob/v0.34.1/admission/v1/types.go>

use std::collections::BTreeMap;

use bulla_model::{JsonError, Limits, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::workload::Kind;

/// The longest review that is read, in bytes. The API server stores objects of up to 1.5 MiB, and
/// an update carries two.
pub const REVIEW_BYTES: u64 = 3 << 20;

/// A question: may this object be stored?
#[derive(Clone, Debug)]
pub struct Review {
    /// Names this request; the answer repeats it.
    pub uid: String,
    /// The kind of the object.
    pub kind: Kind,
    /// The part of the resource that is written, empty for the whole.
    pub sub_resource: String,
    /// CREATE, UPDATE, DELETE or CONNECT.
    pub operation: String,
    /// The namespace, empty for none.
    pub namespace: String,
    /// The object's name, empty where the server still has to make one up.
    pub name: String,
    /// Who asks.
    pub user: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The object to be stored.
    pub object: Value,
    /// The object that is there.
    pub old_object: Value,
}

impl Review {
    /// Reads a review from the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, ReviewError> {
        let depth = Limits::default().json_depth;
        let mut document: Value = json::read(body, REVIEW_BYTES, depth)?;
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let found = (text("/apiVersion"), text("/kind"));
        if found != (Some(API_VERSION), Some(KIND)) {
            let (version, kind) = (found.0.unwrap_or_default(), found.1.unwrap_or_default());
            return Err(ReviewError::Version {
                found: format!("{version} {kind}").chars().take(100).collect(),
            });
        }
        let uid = text("/request/uid").unwrap_or_default().to_owned();
        if uid.is_empty() || uid.len() > UID_BYTES {
            return Err(ReviewError::NoUid);
        }
        let request = document
            .pointer_mut("/request")
            .map(Value::take)
            .unwrap_or_default();
        let shape = |error: serde_json::Error| ReviewError::Shape {
            uid: uid.clone(),
            reason: error.to_string().chars().take(200).collect(),
        };
        let wire: Wire = json::value(request).map_err(shape)?;
        Ok(Self {
            uid,
            kind: wire.kind,
            sub_resource: wire.sub_resource.unwrap_or_default(),
            operation: wire.operation,
            namespace: wire.namespace.unwrap_or_default(),
            name: wire.name.unwrap_or_default(),
            user: wire.user_info.username.unwrap_or_default(),
            dry_run: wire.dry_run.unwrap_or(false),
            object: wire.object,
            old_object: wire.old_object,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    kind: Kind,
    sub_resource: Option<String>,
    operation: String,
    namespace: Option<String>,
    name: Option<String>,
    #[serde(default)]
    user_info: UserWire,
    dry_run: Option<bool>,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    old_object: Value,
}

#[derive(Default, Deserialize)]
struct UserWire {
    username: Option<String>,
}

/// Why a body is no review.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// Not strict JSON, or too long.
    #[error("no AdmissionReview: {0}")]
    Json(#[from] JsonError),
    /// Nothing to answer to.
    #[error("no AdmissionReview: `request.uid` is missing or too long")]
    NoUid,
    /// A field has the wrong type.
    #[error("malformed AdmissionReview: {}", reason.escape_debug())]
    Shape {
        /// The uid to answer to.
        uid: String,
        /// What is wrong, cut short.
        reason: String,
    },
    /// Another version, or something else.
    #[error("`{}` is not supported: expected {API_VERSION} {KIND}", found.escape_debug())]
    Version {
        /// What was found, cut short.
        found: String,
    },
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The question's uid.
    pub uid: String,
    /// Whether the object may be stored.
    pub allowed: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// What goes into the cluster's audit log.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub audit_annotations: BTreeMap<String, String>,
    /// What whoever asked should know all the same, each at most 120 characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A refusal, in the terms of the API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// `Failure`.
    pub status: &'static str,
    /// What whoever asked is shown.
    pub message: String,
    /// `Forbidden`, or `ServiceUnavailable` where nothing could be found out.
    pub reason: &'static str,
    /// The HTTP status the API server passes on.
    pub code: u16,
}

impl Answer {
    /// The answer as an AdmissionReview.
    pub fn to_json(&self) -> Vec<u8> {
        let document = serde_json::json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "response": self,
        });
        serde_json::to_vec(&document).expect("because answers are plain data")
    }
}

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";
const UID_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(request: &str) -> String {
        format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{request}}}"#
        )
    }

    #[test]
    fn a_review_is_read() {
        let text = body(
            r#"{"uid":"u1","kind":{"group":"apps","version":"v1","kind":"Deployment"},"operation":"CREATE","object":{"a":1}}"#,
        );
        let review = Review::parse(text.as_bytes()).unwrap();
        assert_eq!(review.uid, "u1");
        assert_eq!(review.kind.api_version(), "apps/v1");
        assert!(!review.dry_run && review.old_object.is_null());
    }

    #[test]
    fn what_cannot_be_answered_says_why() {
        let refused = |text: &str| Review::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(refused("{"), ReviewError::Json(_)));
        assert!(matches!(refused(""), ReviewError::Json(_)));
        assert!(matches!(
            refused(&body(r#"{"uid":"a","uid":"b"}"#)),
            ReviewError::Json(_)
        ));
        assert_eq!(refused(&body("{}")), ReviewError::NoUid);
        assert_eq!(refused(&body(r#"{"uid":""}"#)), ReviewError::NoUid);
        let old = body("{}").replace("k8s.io/v1", "k8s.io/v1beta1");
        assert!(matches!(refused(&old), ReviewError::Version { .. }));
        assert!(
            matches!(refused(&body(r#"{"uid":"u","kind":7,"operation":"CREATE"}"#)), ReviewError::Shape { uid, .. } if uid == "u")
        );
    }

    #[test]
    fn the_answer_repeats_the_uid() {
        let answer = Answer {
            uid: "u1".into(),
            allowed: true,
            ..Answer::default()
        };
        assert_eq!(
            String::from_utf8(answer.to_json()).unwrap(),
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"allowed":true,"uid":"u1"}}"#
        );
    }
}
