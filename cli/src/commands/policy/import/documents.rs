//! Which of their policies a document is.

use std::collections::BTreeSet;
use std::path::Path;

use super::attestors::ROOTS;
use super::gaps::{Effect, Fields, Gaps};
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
    let read = documents(text);
    let is_map = |node: &Node| matches!(node.value, Value::Map(_));
    // A key may come with text around it, which is often YAML of some kind.
    let has_key = text.contains("-----BEGIN ");
    if has_key && !read.as_ref().is_ok_and(|read| read.iter().any(is_map)) {
        return key(shown, text, gaps).map_err(|reason| refuse(None, &reason));
    }
    let read = read.map_err(|unread| refuse(unread.at, &unread.reason))?;
    if read.is_empty() {
        return Err(refuse(None, NEITHER));
    }
    let mut asked = Vec::new();
    for node in &read {
        for one in items(node) {
            asked.extend(document(one, gaps).map_err(|reason| refuse(Some(one.at), &reason))?);
        }
    }
    Ok(asked)
}

const NEITHER: &str = "neither an object of Kubernetes nor a public key";

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
    let (Some(version), Some(kind)) = (node.text_of("apiVersion"), node.text_of("kind")) else {
        return Err(format!("{NEITHER}: it has no `apiVersion` and `kind`"));
    };
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let shown: String = format!("{kind} of {version}").chars().take(120).collect();
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
            let (effect, why) = other(group, kind).ok_or_else(|| {
                format!("`{shown}` is no kind that is known here: it could say who signs images")
            })?;
            gaps.add(node.at, "kind", effect, format!("`{shown}` {why}"));
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
    Ok(policy(node, kind, metadata.unwrap_or_default(), gaps))
}

/// What becomes of the other kinds. None for those of these groups that nobody here knows.
fn other(group: &str, kind: &str) -> Option<(Effect, &'static str)> {
    let ours = ["kyverno.io", "policies.kyverno.io", "policy.sigstore.dev"];
    let told = match kind {
        "PolicyException" => (
            Effect::Stricter,
            "lets in what a policy refuses: exceptions are waivers and break-glass steps here",
        ),
        "TrustRoot" => (Effect::Wider, ROOTS),
        "CleanupPolicy"
        | "ClusterCleanupPolicy"
        | "GlobalContextEntry"
        | "UpdateRequest"
        | "ValidatingPolicy"
        | "NamespacedValidatingPolicy"
        | "MutatingPolicy"
        | "NamespacedMutatingPolicy"
        | "GeneratingPolicy"
        | "NamespacedGeneratingPolicy"
        | "DeletingPolicy"
        | "NamespacedDeletingPolicy" => (Effect::Ignored, SAYS_NOTHING),
        _ if ours.iter().any(|own| own.eq_ignore_ascii_case(group)) => return None,
        _ if kind.ends_with("List") => return None,
        _ => (Effect::Ignored, SAYS_NOTHING),
    };
    Some(told)
}

const SAYS_NOTHING: &str = "says nothing about who signs images";

/// What a policy asks, and everything of it that was denied.
fn policy(node: &Node, kind: &str, name: &str, gaps: &mut Gaps) -> Vec<Asked> {
    let begun = gaps.mark();
    let mut top = Fields::of(node, "", gaps);
    for name in ["apiVersion", "kind", "metadata", "spec", "status"] {
        top.take(name);
    }
    top.rest(gaps);
    let mut asked = match kind {
        "ClusterImagePolicy" => controller::read(node, name, gaps),
        "ClusterPolicy" | "Policy" => kyverno::read(node, name, kind == "Policy", gaps),
        _ => validating::read(node, name, kind.starts_with("Namespaced"), gaps),
    };
    // What belongs to none of these may have been about any image.
    let mut denied = gaps.denied_since(begun);
    let held: BTreeSet<_> = asked.iter().flat_map(|one| &one.denied).collect();
    denied.retain(|gap| !held.contains(gap));
    if !denied.is_empty() {
        asked.push(Asked {
            name: slug(name),
            at: node.at,
            places: vec![gaps.place(node.at)],
            denied,
            anywhere: true,
            ..Asked::default()
        });
    }
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
    asked
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
        signed: vec![Clause::new(attestors, threshold, gaps.unsaid(at, "key"))],
        ..Asked::default()
    }])
}
