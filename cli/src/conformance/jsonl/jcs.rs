//! JSON canonicalization, RFC 8785.

use bulla_model::{Limits, json};
use serde_json::Value;

use super::{Answer, Request};

/// `jcs`: the canonical text of `input`. A member that occurs twice has no canonical form (section
/// 3.1 asks for I-JSON), so it is refused.
pub(super) fn canonical(request: &Request<'_>) -> Answer {
    let limits = Limits::default();
    let Some(input) = request.text("input") else {
        return Answer::No;
    };
    let document = json::read::<Value>(input.as_bytes(), limits.bundle_bytes, limits.json_depth);
    let text = document
        .ok()
        .and_then(|document| serde_json_canonicalizer::to_string(&document).ok());
    text.map_or(Answer::No, Answer::output)
}
