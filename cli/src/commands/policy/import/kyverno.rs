//! Kyverno's `ClusterPolicy` and `Policy` (kyverno.io/v1): their `verifyImages`.

use super::attestors::{
    OWN_ROOTS, PLACE, Plain, ROOTS, by_reference, hash, identity, ignored_log, ignored_sct,
    left_out, url,
};
use super::claims;
use super::conditions;
use super::gaps::{Effect, Fields, Gaps, Told};
use super::node::{Node, Value};
use super::rules::{Asked, Attestor, Claim, Clause, Way, image, public_keys, slug};

const WORKLOADS: &str = "Bulla asks it of every workload, wherever it runs";
const AUDIT: &str = "failures were only reported there, and are refused here";
const RUNTIME: &str = "how the cluster runs it";
const OTHERS: &str = "rules that verify no images stay with Kyverno";

const SPEC: &[Told] = &[
    ("validationFailureActionOverrides", Effect::Stricter, AUDIT),
    ("applyRules", Effect::Stricter, "all rules are asked"),
    (
        "failurePolicy",
        Effect::Elsewhere,
        "what to do without an answer is the webhook's: docs/admission.md",
    ),
    ("webhookConfiguration", Effect::Elsewhere, RUNTIME),
    ("webhookTimeoutSeconds", Effect::Elsewhere, RUNTIME),
    ("background", Effect::Ignored, RUNTIME),
    ("admission", Effect::Ignored, RUNTIME),
    ("emitWarning", Effect::Ignored, RUNTIME),
    ("schemaValidation", Effect::Ignored, RUNTIME),
    ("generateExisting", Effect::Ignored, RUNTIME),
    ("generateExistingOnPolicyUpdate", Effect::Ignored, RUNTIME),
    ("mutateExistingOnPolicyUpdate", Effect::Ignored, RUNTIME),
    ("useServerSideApply", Effect::Ignored, RUNTIME),
];

const RULE: &[Told] = &[
    ("match", Effect::Stricter, WORKLOADS),
    ("exclude", Effect::Stricter, WORKLOADS),
    ("preconditions", Effect::Stricter, WORKLOADS),
    ("celPreconditions", Effect::Stricter, WORKLOADS),
    (
        "context",
        Effect::Ignored,
        "what uses these variables is told by itself",
    ),
    (
        "imageExtractors",
        Effect::Elsewhere,
        "which fields hold images: docs/admission.md",
    ),
    ("skipBackgroundRequests", Effect::Ignored, RUNTIME),
    ("reportProperties", Effect::Ignored, RUNTIME),
    ("validate", Effect::Elsewhere, OTHERS),
    ("mutate", Effect::Elsewhere, OTHERS),
    ("generate", Effect::Elsewhere, OTHERS),
];

const VERIFY: &[Told] = &[
    (
        "skipImageReferences",
        Effect::Stricter,
        "what was skipped there is asked here",
    ),
    ("useCache", Effect::Ignored, RUNTIME),
    (
        "cosignOCI11",
        Effect::Ignored,
        "attestations are found either way",
    ),
    (
        "imageRegistryCredentials",
        Effect::Elsewhere,
        "credentials are the registry client's",
    ),
    ("repository", Effect::Elsewhere, PLACE),
    (
        "annotations",
        Effect::Denied,
        "no requirement asks for annotations of a signature",
    ),
    (
        "additionalExtensions",
        Effect::Denied,
        "other members of a certificate cannot be asked for",
    ),
    (
        "validate",
        Effect::Denied,
        "conditions over several statements cannot be said",
    ),
];

/// What a policy asks, one for each entry of `verifyImages`.
pub(super) fn read(document: &Node, name: &str, namespaced: bool, gaps: &mut Gaps) -> Vec<Asked> {
    let begun = gaps.mark();
    if namespaced {
        let why = "the policy was for one namespace, and is asked everywhere here";
        gaps.add(document.at, "metadata.namespace", Effect::Stricter, why);
    }
    let mut top = Fields::of(document, "", gaps);
    let Some(spec) = top.take("spec") else {
        return Vec::new();
    };
    let mut spec = Fields::of(spec, "spec", gaps);
    action(&mut spec, "validationFailureAction", gaps);
    spec.tell(SPEC, gaps);
    let rules = spec.list("rules", gaps);
    spec.rest(gaps);
    let shared = gaps.denied_since(begun);
    let mut asked = Vec::new();
    for (node, path) in rules {
        let begun = gaps.mark();
        let mut rule = Fields::of(node, &path, gaps);
        let called = rule.text("name", gaps).map_or("", |(text, _)| text);
        rule.tell(RULE, gaps);
        let entries = entries(&mut rule, gaps);
        rule.rest(gaps);
        let of_rule = gaps.denied_since(begun);
        for (entry, path) in entries {
            let begun = gaps.mark();
            let mut one = verify_images(entry, &path, gaps);
            one.name = slug(&format!("{name}-{called}"));
            one.at = entry.at;
            one.places = vec![gaps.place(entry.at)];
            one.denied = shared.iter().chain(&of_rule).cloned().collect();
            one.denied.extend(gaps.denied_since(begun));
            asked.push(one);
        }
    }
    if let [only] = asked.as_mut_slice() {
        only.name = slug(name);
    }
    asked
}

/// The entries of `verifyImages`. One that is there and empty was meant to have some.
fn entries<'a>(rule: &mut Fields<'a>, gaps: &mut Gaps) -> Vec<(&'a Node, String)> {
    let begun = gaps.mark();
    let entries = rule.list("verifyImages", gaps);
    if let Some(at) = rule.place("verifyImages")
        && entries.is_empty()
        && gaps.mark() == begun
    {
        let why = "it is there, and names no images";
        gaps.add(at, &rule.path("verifyImages"), Effect::Denied, why);
    }
    entries
}

/// Tells that failures were only reported.
fn action(fields: &mut Fields<'_>, name: &str, gaps: &mut Gaps) {
    if let Some((text, at)) = fields.text(name, gaps)
        && !text.eq_ignore_ascii_case("enforce")
    {
        gaps.add(at, &fields.path(name), Effect::Stricter, AUDIT);
    }
}

fn verify_images(node: &Node, path: &str, gaps: &mut Gaps) -> Asked {
    let mut fields = Fields::of(node, path, gaps);
    let mut asked = Asked::default();
    let mut references = fields.texts("imageReferences", gaps);
    references.extend(fields.text("image", gaps));
    for (text, _) in references {
        let (listed, scope) = image(text, true);
        if !asked.images.contains(&listed) {
            asked.images.push(listed);
        }
        asked.scopes.push(scope);
    }
    action(&mut fields, "failureAction", gaps);
    if let Some((text, at)) = fields.text("type", gaps)
        && !matches!(text, "Cosign" | "SigstoreBundle")
    {
        let why = "only signatures of cosign's and Sigstore bundles count for a policy";
        gaps.add(at, &fields.path("type"), Effect::Denied, why);
    }
    for (name, why) in [
        (
            "mutateDigest",
            "the admission webhook pins every image by its digest",
        ),
        ("verifyDigest", "an image is judged by its digest"),
        ("required", "an image that nobody verified is refused"),
    ] {
        if let Some((false, at)) = fields.truth(name, gaps) {
            gaps.add(at, &fields.path(name), Effect::Stricter, why);
        }
    }
    fields.tell(VERIFY, gaps);
    asked.signed = sets(&mut fields, gaps);
    asked.signed.extend(deprecated(&mut fields, gaps));
    for (node, path) in fields.list("attestations", gaps) {
        asked.claims.extend(attestation(node, &path, gaps));
    }
    fields.rest(gaps);
    asked
}

/// `key`, or `issuer` and `subject`, beside the images: how signers were named once.
fn deprecated(fields: &mut Fields<'_>, gaps: &mut Gaps) -> Option<Clause> {
    let key = fields.text("key", gaps);
    let named = fields.take("issuer").is_some() | fields.take("subject").is_some();
    fields.tell(&[("roots", Effect::Wider, ROOTS)], gaps);
    let attestors = match key {
        Some((text, at)) => match public_keys(text) {
            Ok(keys) => keys.into_iter().map(|pem| by_key(pem, true)).collect(),
            Err(why) => {
                left_out(gaps, at, &fields.path("key"), &why);
                vec![nobody()]
            }
        },
        None if named => vec![Attestor {
            name: String::new(),
            ways: identity(fields, Plain::Wildcard, gaps),
        }],
        None => return None,
    };
    let threshold = attestors.len();
    let unsaid = gaps.unsaid(fields.at(), fields.own_path());
    Some(Clause::new(attestors, threshold, unsaid))
}

fn nobody() -> Attestor {
    Attestor {
        name: String::new(),
        ways: Vec::new(),
    }
}

fn by_key(pem: String, proven: bool) -> Attestor {
    Attestor {
        name: String::new(),
        ways: vec![Way::Key { pem, proven }],
    }
}

/// Sets of attestors, all of which have to be met.
fn sets(fields: &mut Fields<'_>, gaps: &mut Gaps) -> Vec<Clause> {
    let sets = fields.list("attestors", gaps);
    let sets = sets.into_iter().map(|(node, path)| {
        let mut set = Fields::of(node, &path, gaps);
        let count = set.take("count");
        let mut attestors = Vec::new();
        for (node, path) in set.list("entries", gaps) {
            attestors.extend(entry(node, &path, gaps));
        }
        // Without a count all of them have to, also those that nobody here can be.
        let threshold = match count.map(|node| (&node.value, node.at)) {
            None => attestors.len(),
            Some((Value::Number(number), _)) if number == "0" => attestors.len(),
            Some((Value::Number(number), at)) => number.parse().unwrap_or_else(|_| {
                gaps.add(at, &set.path("count"), Effect::Denied, "not a count");
                attestors.len()
            }),
            Some((_, at)) => {
                gaps.add(at, &set.path("count"), Effect::Denied, "not a count");
                attestors.len()
            }
        };
        let unsaid = gaps.unsaid(node.at, &path);
        set.rest(gaps);
        Clause::new(attestors, threshold, unsaid)
    });
    sets.collect()
}

const ENTRY: &[Told] = &[
    (
        "annotations",
        Effect::Denied,
        "no requirement asks for annotations of a signature",
    ),
    ("repository", Effect::Elsewhere, PLACE),
];

/// An entry of a set: several keys are several entries. What cannot be taken stays as nobody, so that
/// a count over all of them is not met by fewer.
fn entry(node: &Node, path: &str, gaps: &mut Gaps) -> Vec<Attestor> {
    let mut fields = Fields::of(node, path, gaps);
    let mut found = Vec::new();
    if let Some(keys) = fields.take("keys") {
        found.extend(keys_of(keys, &fields.path("keys"), gaps));
    }
    if let Some(keyless) = fields.take("keyless") {
        found.push(keyless_of(keyless, &fields.path("keyless"), gaps));
    }
    for (name, why) in [
        (
            "certificates",
            "a certificate without a certificate authority's log is no signer here",
        ),
        ("attestor", "sets inside sets cannot be said"),
    ] {
        if let Some(node) = fields.take(name) {
            left_out(gaps, node.at, &fields.path(name), why);
            found.push(nobody());
        }
    }
    hash(&mut fields, "signatureAlgorithm", gaps);
    fields.tell(ENTRY, gaps);
    if found.is_empty() {
        left_out(gaps, node.at, path, "an entry that names nobody");
        found.push(nobody());
    }
    fields.rest(gaps);
    found
}

fn keys_of(node: &Node, path: &str, gaps: &mut Gaps) -> Vec<Attestor> {
    let mut fields = Fields::of(node, path, gaps);
    let proven = logs(&mut fields, true, gaps);
    hash(&mut fields, "signatureAlgorithm", gaps);
    let mut found = Vec::new();
    if let Some((text, at)) = fields.text("publicKeys", gaps) {
        match public_keys(text) {
            Ok(keys) => found.extend(keys.into_iter().map(|pem| by_key(pem, proven))),
            Err(why) => {
                left_out(gaps, at, &fields.path("publicKeys"), &why);
                found.push(nobody());
            }
        }
    }
    for name in ["kms", "secret"] {
        found.extend(by_reference(&mut fields, name, gaps).then(nobody));
    }
    fields.rest(gaps);
    found
}

fn keyless_of(node: &Node, path: &str, gaps: &mut Gaps) -> Attestor {
    let mut fields = Fields::of(node, path, gaps);
    logs(&mut fields, false, gaps);
    let ways = identity(&mut fields, Plain::Wildcard, gaps);
    let told: &[Told] = &[
        ("roots", Effect::Wider, ROOTS),
        (
            "additionalExtensions",
            Effect::Denied,
            "other members of a certificate cannot be asked for",
        ),
    ];
    fields.tell(told, gaps);
    fields.rest(gaps);
    Attestor {
        name: String::new(),
        ways,
    }
}

/// `rekor` and `ctlog`. Whether the time has to be proven.
fn logs(fields: &mut Fields<'_>, key: bool, gaps: &mut Gaps) -> bool {
    let mut proven = true;
    if let Some(node) = fields.take("rekor") {
        let mut rekor = Fields::of(node, &fields.path("rekor"), gaps);
        url(&mut rekor, "url", gaps);
        proven = ignored_log(&mut rekor, "ignoreTlog", key, gaps);
        rekor.tell(OWN_ROOTS, gaps);
        rekor.rest(gaps);
    }
    if let Some(node) = fields.take("ctlog") {
        let mut ctlog = Fields::of(node, &fields.path("ctlog"), gaps);
        // A timestamp is asked for then, log or not.
        proven |= ctlog.take("tsaCertChain").is_some();
        ignored_sct(&mut ctlog, "ignoreSCT", key, gaps);
        ctlog.tell(OWN_ROOTS, gaps);
        ctlog.rest(gaps);
    }
    proven
}

fn attestation(node: &Node, path: &str, gaps: &mut Gaps) -> Option<Claim> {
    let mut fields = Fields::of(node, path, gaps);
    fields.take("name");
    let mut kind = None;
    let mut named = false;
    for name in ["type", "predicateType"] {
        if let Some((text, at)) = fields.text(name, gaps) {
            let path = fields.path(name);
            if named {
                gaps.add(at, &path, Effect::Denied, "a second type");
            } else {
                kind = claims::kind(text, at, &path, gaps);
            }
            named = true;
        }
    }
    if !named {
        gaps.add(node.at, path, Effect::Denied, "no type of statement");
    }
    let signed = sets(&mut fields, gaps);
    let conditions = fields.list("conditions", gaps);
    fields.rest(gaps);
    let mut kind = kind?;
    if signed.is_empty() {
        let why = "anybody may have made it there: say who may here";
        gaps.add(node.at, path, Effect::Denied, why);
        return None;
    }
    for (node, path) in conditions {
        conditions::read(node, &path, &mut kind, gaps);
    }
    for clause in &signed {
        clause.tell_all(node.at, path, gaps);
    }
    Some(Claim { kind, signed })
}
