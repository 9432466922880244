//! Kyverno's `ImageValidatingPolicy` (policies.kyverno.io/v1, v1beta1, v1alpha1).

use std::collections::BTreeMap;

use super::attestors::{
    OWN_ROOTS, PLACE, Plain, ROOTS, by_reference, hash, identity, ignored_log, ignored_sct,
    left_out, nobody_told, url,
};
use super::claims;
use super::expressions::{Check, check};
use super::gaps::{Effect, Fields, Gap, Gaps, Told};
use super::node::Node;
use super::rules::{Asked, Attestor, Claim, ClaimKind, Clause, Way, image, public_keys, slug};

const WORKLOADS: &str = "Bulla asks it of every workload, wherever it runs";
const RUNTIME: &str = "how the cluster runs it";

const SPEC: &[Told] = &[
    ("matchConstraints", Effect::Stricter, WORKLOADS),
    ("matchConditions", Effect::Stricter, WORKLOADS),
    (
        "exceptions",
        Effect::Stricter,
        "exceptions are waivers and break-glass steps here",
    ),
    (
        "failurePolicy",
        Effect::Elsewhere,
        "what to do without an answer is the webhook's: docs/admission.md",
    ),
    ("webhookConfiguration", Effect::Elsewhere, RUNTIME),
    ("evaluation", Effect::Elsewhere, RUNTIME),
    (
        "autogen",
        Effect::Elsewhere,
        "every kind of workload is looked at",
    ),
    (
        "images",
        Effect::Elsewhere,
        "which fields hold images: docs/admission.md",
    ),
    (
        "variables",
        Effect::Ignored,
        "what uses these variables is told by itself",
    ),
    (
        "auditAnnotations",
        Effect::Elsewhere,
        "the admission webhook writes its own",
    ),
    (
        "credentials",
        Effect::Elsewhere,
        "credentials are the registry client's",
    ),
];

/// What a policy asks.
pub(super) fn read(document: &Node, name: &str, namespaced: bool, gaps: &mut Gaps) -> Vec<Asked> {
    let begun = gaps.mark();
    if namespaced {
        let why = "the policy was for one namespace, and is asked everywhere here";
        gaps.add(document.at, "metadata.namespace", Effect::Stricter, why);
    }
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
    spec.tell(SPEC, gaps);
    for (text, at) in spec.texts("validationActions", gaps) {
        if text != "Deny" {
            let why = "failures were only reported there, and are refused here";
            gaps.add(at, &spec.path("validationActions"), Effect::Stricter, why);
        }
    }
    configuration(&mut spec, gaps);
    references(&mut spec, &mut asked, gaps);
    let mut known = Known::default();
    for (node, path) in spec.list("attestors", gaps) {
        let (name, attestors) = attestor(node, &path, gaps);
        known.attestors.insert(name, attestors);
    }
    for (node, path) in spec.list("attestations", gaps) {
        let (name, kind) = attestation(node, &path, gaps);
        known.kinds.insert(name, kind);
    }
    for (node, path) in spec.list("validations", gaps) {
        let mut validation = Fields::of(node, &path, gaps);
        validation.take("message");
        validation.take("messageExpression");
        validation.take("reason");
        let expression = validation.text("expression", gaps);
        validation.rest(gaps);
        let (text, at) = expression.unwrap_or(("", node.at));
        let path = format!("{path}.expression");
        let claims = asked.claims.len();
        if let Err(why) = known.take(text, gaps.unsaid(at, &path), &mut asked) {
            gaps.add(at, &path, Effect::Denied, why);
        }
        for claim in asked.claims.iter().skip(claims) {
            let clauses = claim.signed.iter();
            clauses.for_each(|clause| clause.tell_all(at, &path, gaps));
        }
    }
    spec.rest(gaps);
    asked.denied = gaps.denied_since(begun);
    vec![asked]
}

fn configuration(spec: &mut Fields<'_>, gaps: &mut Gaps) {
    let Some(node) = spec.take("validationConfigurations") else {
        return;
    };
    let mut fields = Fields::of(node, &spec.path("validationConfigurations"), gaps);
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
    fields.rest(gaps);
}

/// `matchImageReferences`, and `imageRules` as they were called at first.
fn references(spec: &mut Fields<'_>, asked: &mut Asked, gaps: &mut Gaps) {
    let mut nodes = spec.list("matchImageReferences", gaps);
    nodes.extend(spec.list("imageRules", gaps));
    for (node, path) in nodes {
        let mut fields = Fields::of(node, &path, gaps);
        if let Some((text, _)) = fields.text("glob", gaps) {
            let (listed, scope) = image(text, true);
            asked.images.push(listed);
            asked.scopes.push(scope);
        }
        for name in ["expression", "cel"] {
            if let Some((_, at)) = fields.text(name, gaps) {
                let why = "which images it is about is not known here: it is asked of all";
                gaps.add(at, &fields.path(name), Effect::Stricter, why);
                asked.scopes.push(image("*", true).1);
            }
        }
        fields.rest(gaps);
    }
}

/// What the expressions refer to.
#[derive(Default)]
struct Known {
    attestors: BTreeMap<String, Attestor>,
    /// None where the type has no requirement, which was told.
    kinds: BTreeMap<String, Option<ClaimKind>>,
}

impl Known {
    /// Takes what an expression asks.
    fn take(&self, text: &str, unsaid: Gap, asked: &mut Asked) -> Result<(), &'static str> {
        match check(text).ok_or("no requirement can say this expression")? {
            Check::Signed {
                attestors,
                at_least,
            } => {
                let clause = self.clause(&attestors, at_least, unsaid)?;
                asked.signed.push(clause);
            }
            Check::Attested {
                attestation,
                attestors,
                at_least,
            } => {
                let kind = self.kinds.get(attestation).ok_or(UNKNOWN)?;
                let clause = self.clause(&attestors, at_least, unsaid)?;
                // Without a kind it was told already, and is denied.
                if let Some(kind) = kind {
                    asked.claims.push(Claim {
                        kind: kind.clone(),
                        signed: vec![clause],
                    });
                }
            }
            Check::CycloneDx { attestation } => {
                let kind = self.kinds.get(attestation).ok_or(UNKNOWN)?;
                let is = matches!(
                    kind,
                    None | Some(ClaimKind::Sbom {
                        format: "cyclonedx"
                    })
                );
                return is
                    .then_some(())
                    .ok_or("no requirement can say this expression");
            }
        }
        Ok(())
    }

    fn clause(
        &self,
        names: &[&str],
        threshold: usize,
        unsaid: Gap,
    ) -> Result<Clause, &'static str> {
        let attestors = names.iter().map(|name| self.attestors.get(*name).cloned());
        let attestors: Option<Vec<_>> = attestors.collect();
        Ok(Clause::new(attestors.ok_or(UNKNOWN)?, threshold, unsaid))
    }
}

const UNKNOWN: &str = "it refers to what the policy does not describe";

fn attestation(node: &Node, path: &str, gaps: &mut Gaps) -> (String, Option<ClaimKind>) {
    let mut fields = Fields::of(node, path, gaps);
    let name = fields.text("name", gaps).map_or("", |(text, _)| text);
    let mut kind = None;
    if let Some(node) = fields.take("intoto") {
        let mut intoto = Fields::of(node, &fields.path("intoto"), gaps);
        match intoto.text("type", gaps) {
            Some((text, at)) => kind = claims::kind(text, at, &intoto.path("type"), gaps),
            None => gaps.add(node.at, path, Effect::Denied, "no type of statement"),
        }
        intoto.rest(gaps);
    } else {
        let why = "only signed in-toto statements count, and this one is none";
        gaps.add(node.at, path, Effect::Denied, why);
        fields.take("referrer");
    }
    fields.rest(gaps);
    (name.to_owned(), kind)
}

fn attestor(node: &Node, path: &str, gaps: &mut Gaps) -> (String, Attestor) {
    let begun = gaps.mark();
    let mut fields = Fields::of(node, path, gaps);
    let name = fields.text("name", gaps).map_or("", |(text, _)| text);
    let mut ways = Vec::new();
    if let Some(node) = fields.take("cosign") {
        ways = cosign(node, &fields.path("cosign"), gaps);
    }
    if let Some(node) = fields.take("notary") {
        let why =
            "signatures of Notation are checked by `bulla notation verify`, and not for a policy";
        left_out(gaps, node.at, &fields.path("notary"), why);
    }
    nobody_told(&ways, node.at, path, begun, gaps);
    fields.rest(gaps);
    let attestor = Attestor {
        name: slug(name),
        ways,
    };
    (name.to_owned(), attestor)
}

const COSIGN: &[Told] = &[
    (
        "annotations",
        Effect::Denied,
        "no requirement asks for annotations of a signature",
    ),
    ("source", Effect::Elsewhere, PLACE),
    ("tuf", Effect::Wider, ROOTS),
    ("trustedRoot", Effect::Wider, ROOTS),
];

fn cosign(node: &Node, path: &str, gaps: &mut Gaps) -> Vec<Way> {
    let mut fields = Fields::of(node, path, gaps);
    let key = fields.take("key");
    let mut proven = true;
    if let Some(node) = fields.take("ctlog") {
        let mut ctlog = Fields::of(node, &fields.path("ctlog"), gaps);
        url(&mut ctlog, "url", gaps);
        proven = ignored_log(&mut ctlog, "insecureIgnoreTlog", key.is_some(), gaps);
        proven |= ctlog.take("tsaCertChain").is_some();
        ignored_sct(&mut ctlog, "insecureIgnoreSCT", key.is_some(), gaps);
        ctlog.tell(OWN_ROOTS, gaps);
        ctlog.rest(gaps);
    }
    let mut ways = Vec::new();
    if let Some(node) = key {
        ways.extend(key_of(node, &fields.path("key"), proven, gaps));
    }
    if let Some(node) = fields.take("keyless") {
        let mut keyless = Fields::of(node, &fields.path("keyless"), gaps);
        for (node, path) in keyless.list("identities", gaps) {
            let mut fields = Fields::of(node, &path, gaps);
            if let Some((_, at)) = fields.text("subjectExpression", gaps) {
                let why = "a subject that is known only in the cluster";
                left_out(gaps, at, &fields.path("subjectExpression"), why);
                fields.take("subject");
                fields.take("subjectRegExp");
                fields.take("issuer");
                fields.take("issuerRegExp");
            } else {
                ways.extend(identity(&mut fields, Plain::Exact, gaps));
            }
            fields.rest(gaps);
        }
        let told: &[Told] = &[
            ("roots", Effect::Wider, ROOTS),
            (
                "additionalExtensions",
                Effect::Denied,
                "other members of a certificate cannot be asked for",
            ),
        ];
        keyless.tell(told, gaps);
        keyless.rest(gaps);
    }
    if let Some(node) = fields.take("certificate") {
        let why = "a certificate without a certificate authority's log is no signer here";
        left_out(gaps, node.at, &fields.path("certificate"), why);
    }
    fields.tell(COSIGN, gaps);
    fields.rest(gaps);
    ways
}

/// The only key there; several in one text would be several attestors.
fn key_of(node: &Node, path: &str, proven: bool, gaps: &mut Gaps) -> Option<Way> {
    let mut fields = Fields::of(node, path, gaps);
    let mut way = None;
    if let Some((text, at)) = fields.text("data", gaps) {
        match public_keys(text).as_deref() {
            Ok([pem]) => {
                let pem = pem.clone();
                way = Some(Way::Key { pem, proven });
            }
            Ok(_) => left_out(gaps, at, &fields.path("data"), "several keys"),
            Err(why) => left_out(gaps, at, &fields.path("data"), why),
        }
    }
    for name in ["kms", "secretRef"] {
        by_reference(&mut fields, name, gaps);
    }
    if let Some(node) = fields.take("expression") {
        let why = "a key that is known only in the cluster";
        left_out(gaps, node.at, &fields.path("expression"), why);
    }
    hash(&mut fields, "hashAlgorithm", gaps);
    fields.rest(gaps);
    way
}
