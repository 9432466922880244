//! Which of their policies a document is.

use std::path::Path;

use super::gaps::{Effect, Gaps};
use super::node::{At, Node, Value, documents};
use super::rules::{Asked, Attestor, Clause, Way, image, public_keys, slug};
use super::{controller, kyverno, validating};
use crate::Failure;
use crate::failure::FailureKind;

/// What one file asks: policies in YAML or JSON, or a public key.
pub(super) fn file(shown: &str, bytes: &[u8], gaps: &mut Gaps) -> Result<Vec<Asked>, Failure> {
    let refuse = |at: Option<At>, reason: &str| {
        let place = at.map_or_else(
            || shown.to_owned(),
            |at| format!("{shown}:{}:{}", at.line, at.column),
        );
        Failure::new(FailureKind::Input, format_args!("{place}: {reason}"))
    };
    let text = std::str::from_utf8(bytes).map_err(|_| refuse(None, "not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with("-----BEGIN ") {
        return key(shown, text, gaps).map_err(|reason| refuse(None, &reason));
    }
    let read = documents(text).map_err(|unread| refuse(unread.at, &unread.reason))?;
    let mut asked = Vec::new();
    for node in &read {
        for one in items(node) {
            asked.extend(document(one, gaps).map_err(|reason| refuse(Some(one.at), &reason))?);
        }
    }
    Ok(asked)
}

/// The objects of a list as `kubectl get -o yaml` writes it; anything else is one object.
fn items(node: &Node) -> Vec<&Node> {
    let is_list = node
        .text_of("kind")
        .is_some_and(|kind| kind.ends_with("List"));
    let items = node.members().iter().find(|member| member.name == "items");
    match items.map(|member| &member.node.value) {
        Some(Value::List(items)) if is_list => items.iter().collect(),
        _ => vec![node],
    }
}

fn document(node: &Node, gaps: &mut Gaps) -> Result<Vec<Asked>, String> {
    let (version, kind) = (
        node.text_of("apiVersion").unwrap_or_default(),
        node.text_of("kind").unwrap_or_default(),
    );
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let known: &[&str] = match (group, kind) {
        ("kyverno.io", "ClusterPolicy" | "Policy") => &["kyverno.io/v1"],
        ("policies.kyverno.io", "ImageValidatingPolicy" | "NamespacedImageValidatingPolicy") => &[
            "policies.kyverno.io/v1",
            "policies.kyverno.io/v1beta1",
            "policies.kyverno.io/v1alpha1",
        ],
        ("policy.sigstore.dev", "ClusterImagePolicy") => &[
            "policy.sigstore.dev/v1beta1",
            "policy.sigstore.dev/v1alpha1",
        ],
        _ => {
            let shown: String = format!("{kind} of {version}").chars().take(120).collect();
            let why = format!("`{shown}` says nothing about who signs images");
            gaps.add(node.at, "kind", Effect::Ignored, why);
            return Ok(Vec::new());
        }
    };
    if !known.contains(&version) {
        let versions = known.join(", ");
        return Err(format!("{kind} of `{version}`: expected one of {versions}"));
    }
    let has_spec = node
        .members()
        .iter()
        .any(|member| member.name == "spec" && matches!(member.node.value, Value::Map(_)));
    if !has_spec {
        return Err(format!("{kind} without a spec"));
    }
    let metadata = node.members().iter();
    let metadata = metadata
        .filter(|member| member.name == "metadata")
        .find_map(|member| member.node.text_of("name"));
    let name = metadata.unwrap_or_default();
    let mut asked = match kind {
        "ClusterImagePolicy" => controller::read(node, name, gaps),
        "ClusterPolicy" | "Policy" => kyverno::read(node, name, kind == "Policy", gaps),
        _ => validating::read(node, name, kind.starts_with("Namespaced"), gaps),
    };
    for one in &mut asked {
        if one.scopes.is_empty() {
            one.scopes.push(image("*", true).1);
        }
        let why = "names of images decide nothing: whoever signs for this service can sign an image \
                   under a name of another one's";
        one.named = vec![gaps.gap(one.at, "images", Effect::Wider, why)];
    }
    if asked.is_empty() {
        let why = "no rule of it verifies images";
        gaps.add(node.at, "spec", Effect::Elsewhere, why);
    }
    Ok(asked)
}

/// A public key in a file of its own, as `cosign verify --key` takes it.
fn key(shown: &str, text: &str, gaps: &mut Gaps) -> Result<Vec<Asked>, String> {
    let keys = public_keys(text)?;
    let at = At { line: 1, column: 1 };
    let why = "when it signed has to be proven by a log or a timestamp, as cosign asks too; \
               `claimedTime: allow` in its tier takes its word";
    gaps.add(at, "key", Effect::Elsewhere, why);
    if keys.len() > 1 {
        let why = "each of the keys in one file has to sign";
        gaps.add(at, "key", Effect::Stricter, why);
    }
    let stem = Path::new(shown).file_stem().and_then(|stem| stem.to_str());
    let attestors: Vec<_> = keys
        .into_iter()
        .map(|pem| Attestor {
            name: String::new(),
            ways: vec![Way::Key { pem, proven: true }],
        })
        .collect();
    let threshold = attestors.len();
    Ok(vec![Asked {
        name: slug(stem.unwrap_or_default()),
        at,
        places: vec![gaps.place(at)],
        signed: vec![Clause {
            attestors,
            threshold,
        }],
        ..Asked::default()
    }])
}
