//! policy-controller's `ClusterImagePolicy` (policy.sigstore.dev/v1beta1, v1alpha1).

use super::attestors::{
    OWN_ROOTS, PLACE, Plain, ROOTS, by_reference, hash, identity, ignored_sct, left_out,
    nobody_told, url,
};
use super::claims;
use super::gaps::{Effect, Fields, Gaps, Told};
use super::node::Node;
use super::rules::{Asked, Attestor, Claim, Clause, Way, image, public_keys, slug};

const SPEC: &[Told] = &[
    (
        "match",
        Effect::Stricter,
        "Bulla asks it of every workload, wherever it runs",
    ),
    (
        "policy",
        Effect::Denied,
        "CUE and Rego over what was verified cannot be said",
    ),
];

/// What a policy asks.
pub(super) fn read(document: &Node, name: &str, gaps: &mut Gaps) -> Vec<Asked> {
    let begun = gaps.mark();
    let mut top = Fields::of(document, "", gaps);
    let Some(node) = top.take("spec") else {
        return Vec::new();
    };
    let mut spec = Fields::of(node, "spec", gaps);
    let mut asked = Asked {
        name: slug(name),
        at: document.at,
        places: vec![gaps.place(document.at)],
        ..Asked::default()
    };
    for (node, path) in spec.list("images", gaps) {
        let mut fields = Fields::of(node, &path, gaps);
        if let Some((text, _)) = fields.text("glob", gaps) {
            let (listed, scope) = image(text, false);
            asked.images.push(listed);
            asked.scopes.push(scope);
        }
        fields.rest(gaps);
    }
    if let Some((text, at)) = spec.text("mode", gaps)
        && text != "enforce"
    {
        let why = "failures were only reported there, and are refused here";
        gaps.add(at, &spec.path("mode"), Effect::Stricter, why);
    }
    spec.tell(SPEC, gaps);
    let mut any = Vec::new();
    let authorities = spec.list("authorities", gaps);
    let several = authorities.len() > 1;
    for (number, (node, path)) in authorities.into_iter().enumerate() {
        let (attestor, claims) = authority(node, &path, number, gaps);
        if several && !claims.is_empty() {
            let why = "one authority was enough there, and the statements of all are asked here";
            gaps.add(
                node.at,
                &format!("{path}.attestations"),
                Effect::Stricter,
                why,
            );
        }
        asked.claims.extend(claims);
        any.push(attestor);
    }
    spec.rest(gaps);
    if any.is_empty() {
        gaps.add(
            node.at,
            "spec.authorities",
            Effect::Denied,
            "nobody is named who has to sign",
        );
    } else {
        let unsaid = gaps.unsaid(node.at, "spec.authorities");
        asked.signed.push(Clause::new(any, 1, unsaid));
    }
    asked.denied = gaps.denied_since(begun);
    vec![asked]
}

const AUTHORITY: &[Told] = &[
    ("source", Effect::Elsewhere, PLACE),
    (
        "signatureFormat",
        Effect::Ignored,
        "signatures are found in either form",
    ),
];

fn authority(node: &Node, path: &str, number: usize, gaps: &mut Gaps) -> (Attestor, Vec<Claim>) {
    let begun = gaps.mark();
    let mut fields = Fields::of(node, path, gaps);
    let name = fields.text("name", gaps).map(|(text, _)| slug(text));
    let mut proven = false;
    for name in ["ctlog", "rfc3161timestamp"] {
        if let Some(node) = fields.take(name) {
            let mut log = Fields::of(node, &fields.path(name), gaps);
            url(&mut log, "url", gaps);
            log.tell(OWN_ROOTS, gaps);
            log.rest(gaps);
            proven = true;
        }
    }
    let mut ways = Vec::new();
    if let Some(node) = fields.take("key") {
        ways.extend(key(node, &fields.path("key"), proven, gaps));
    }
    if let Some(node) = fields.take("keyless") {
        ways.extend(keyless(node, &fields.path("keyless"), gaps));
    }
    if let Some(node) = fields.take("static") {
        let why = "nothing is let in without somebody who signs";
        left_out(gaps, node.at, &fields.path("static"), why);
    }
    nobody_told(&ways, node.at, path, begun, gaps);
    fields.tell(AUTHORITY, gaps);
    let attestor = Attestor {
        name: name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| format!("authority-{number}")),
        ways,
    };
    let mut claims = Vec::new();
    for (node, path) in fields.list("attestations", gaps) {
        if let Some(kind) = attestation(node, &path, gaps) {
            let unsaid = gaps.unsaid(node.at, &path);
            claims.push(Claim {
                kind,
                signed: vec![Clause::new(vec![attestor.clone()], 1, unsaid)],
            });
        }
    }
    fields.rest(gaps);
    (attestor, claims)
}

fn key(node: &Node, path: &str, proven: bool, gaps: &mut Gaps) -> Vec<Way> {
    let mut fields = Fields::of(node, path, gaps);
    let mut ways = Vec::new();
    if let Some((text, at)) = fields.text("data", gaps) {
        match public_keys(text) {
            // Any of several keys will do there.
            Ok(keys) => ways.extend(keys.into_iter().map(|pem| Way::Key { pem, proven })),
            Err(why) => left_out(gaps, at, &fields.path("data"), &why),
        }
    }
    for name in ["kms", "secretRef"] {
        by_reference(&mut fields, name, gaps);
    }
    hash(&mut fields, "hashAlgorithm", gaps);
    fields.rest(gaps);
    ways
}

fn keyless(node: &Node, path: &str, gaps: &mut Gaps) -> Vec<Way> {
    let mut fields = Fields::of(node, path, gaps);
    url(&mut fields, "url", gaps);
    ignored_sct(&mut fields, "insecureIgnoreSCT", false, gaps);
    fields.tell(&[("ca-cert", Effect::Wider, ROOTS)], gaps);
    fields.tell(OWN_ROOTS, gaps);
    let mut ways = Vec::new();
    for (node, path) in fields.list("identities", gaps) {
        let mut one = Fields::of(node, &path, gaps);
        ways.extend(identity(&mut one, Plain::Exact, gaps));
        one.rest(gaps);
    }
    fields.rest(gaps);
    ways
}

fn attestation(node: &Node, path: &str, gaps: &mut Gaps) -> Option<super::rules::ClaimKind> {
    let mut fields = Fields::of(node, path, gaps);
    fields.take("name");
    let found = fields.text("predicateType", gaps);
    let kind = if let Some((text, at)) = found {
        claims::kind(text, at, &fields.path("predicateType"), gaps)
    } else {
        gaps.add(node.at, path, Effect::Denied, "no type of statement");
        None
    };
    if let Some(node) = fields.take("policy") {
        let path = fields.path("policy");
        if !only_the_type(node, found.map_or("", |(text, _)| text)) {
            let why = "CUE and Rego over a statement cannot be said";
            gaps.add(node.at, &path, Effect::Denied, why);
        }
    }
    fields.rest(gaps);
    kind
}

/// CUE that says again what type it is.
fn only_the_type(policy: &Node, kind: &str) -> bool {
    let full = match kind {
        "spdx" | "spdxjson" => "https://spdx.dev/Document",
        "cyclonedx" => "https://cyclonedx.org/bom",
        other => other,
    };
    let said = policy.text_of("data").map(str::trim);
    policy.text_of("type") == Some("cue")
        && policy.members().len() == 2
        && said == Some(&format!("predicateType: \"{full}\""))
}
