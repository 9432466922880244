//! Package URLs, with the field names of their specification's tests.

use bulla_model::{Purl, PurlParts};
use serde_json::{Value, json};

use super::{Answer, Request};

/// `purl-parse`: the components of a package URL.
pub(super) fn parse(request: &Request<'_>) -> Answer {
    match read(request) {
        Some(purl) => Answer::output(components(&purl.parts())),
        None => Answer::No,
    }
}

/// `purl-roundtrip`: the canonical text.
pub(super) fn roundtrip(request: &Request<'_>) -> Answer {
    match read(request) {
        Some(purl) => Answer::output(purl.as_str()),
        None => Answer::No,
    }
}

/// `purl-build`: the canonical text of components.
pub(super) fn build(request: &Request<'_>) -> Answer {
    let input = request.0.get("input").and_then(parts);
    match input.and_then(|parts| parts.build().ok()) {
        Some(purl) => Answer::output(purl.as_str()),
        None => Answer::No,
    }
}

fn read(request: &Request<'_>) -> Option<Purl> {
    request.text("input")?.parse().ok()
}

fn parts(input: &Value) -> Option<PurlParts> {
    // A component of another type than text is no component; absent and null are the same.
    let field = |name: &str| match input.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    };
    let mut parts = PurlParts {
        kind: field("type")?.unwrap_or_default(),
        namespace: field("namespace")?,
        name: field("name")?.unwrap_or_default(),
        version: field("version")?,
        subpath: field("subpath")?,
        ..PurlParts::default()
    };
    if let Some(Value::Object(qualifiers)) = input.get("qualifiers") {
        for (key, value) in qualifiers {
            parts
                .qualifiers
                .insert(key.clone(), value.as_str()?.to_owned());
        }
    }
    input.is_object().then_some(parts)
}

fn components(parts: &PurlParts) -> Value {
    let qualifiers = Some(&parts.qualifiers).filter(|qualifiers| !qualifiers.is_empty());
    json!({
        "type": parts.kind,
        "namespace": parts.namespace,
        "name": parts.name,
        "version": parts.version,
        "qualifiers": qualifiers,
        "subpath": parts.subpath,
    })
}
