//! Who signs, from what Kyverno and policy-controller call keys, keyless and identities.

use super::gaps::{Effect, Fields, Gaps, Told};
use super::node::At;
use super::patterns::{Matching, regular_expression, wildcard};
use super::rules::Way;

/// Where Bulla has what those tools keep with a signer.
pub(super) const ROOTS: &str = "a policy names no certificate authorities, logs and timestamp authorities: all those of the \
     trusted root count (--trusted-root, bulla trust create)";
/// Where attestations are looked for.
pub(super) const PLACE: &str = "another place for attestations is not in a policy: --repository";
/// What is left out where a signer cannot be taken.
pub(super) const NOBODY: &str = "this signer is left out";

/// The public instance, which needs no telling: trusted roots say which logs count.
const PUBLIC: [&str; 2] = ["https://rekor.sigstore.dev", "https://fulcio.sigstore.dev"];

/// Tells an address that is not the public one.
pub(super) fn url(fields: &mut Fields<'_>, name: &str, gaps: &mut Gaps) {
    if let Some((text, at)) = fields.text(name, gaps)
        && !PUBLIC.contains(&text.trim_end_matches('/'))
    {
        gaps.add(at, &fields.path(name), Effect::Wider, ROOTS);
    }
}

/// How subjects and issuers that are no regular expressions are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// As they are.
    Exact,
    /// With Kyverno's wildcards.
    Wildcard,
}

/// Issuer and subject of a certificate, exact or as expressions: the ways to be who they describe.
/// Without both of them it is nobody.
pub(super) fn identity(fields: &mut Fields<'_>, plain: Plain, gaps: &mut Gaps) -> Vec<Way> {
    let (at, path) = (fields.at(), fields.own_path().to_owned());
    let plainly = |text: &str| match plain {
        Plain::Exact => Ok(Matching::Exact(text.to_owned())),
        Plain::Wildcard => wildcard(text),
    };
    if plain == Plain::Exact
        && fields.take("subject").is_some()
        && fields.take("subjectRegExp").is_some()
    {
        left_out(gaps, at, &path, "a subject and an expression for it");
        fields.take("issuer");
        fields.take("issuerRegExp");
        return Vec::new();
    }
    let mut subjects = Vec::new();
    let mut issuers = Vec::new();
    let mut wanted = 0_usize;
    for (name, list) in [("subject", &mut subjects), ("issuer", &mut issuers)] {
        if let Some((text, at)) = fields.text(name, gaps) {
            wanted += usize::from(name == "issuer");
            match plainly(text) {
                Ok(matching) => list.push(matching),
                Err(why) => left_out(gaps, at, &fields.path(name), why),
            }
        }
        let name = format!("{name}RegExp");
        if let Some((text, at)) = fields.text(&name, gaps) {
            wanted += usize::from(name == "issuerRegExp");
            let path = fields.path(&name);
            match regular_expression(text) {
                Ok(read) => {
                    for how in read.narrower {
                        gaps.add(at, &path, Effect::Stricter, how);
                    }
                    list.push(read.matching);
                }
                Err(why) => left_out(gaps, at, &path, why),
            }
        }
    }
    // Both of them have to hold there, and one cannot hold if it could not be read.
    let issuer = match (issuers.as_slice(), wanted) {
        ([Matching::Exact(issuer)], 1) => Some(issuer.clone()),
        ([Matching::Exact(one), Matching::Exact(other)], _) if one == other => Some(one.clone()),
        ([], 0) => {
            left_out(
                gaps,
                at,
                &path,
                "any issuer will do there, and a subject says nothing without one",
            );
            None
        }
        ([], _) => None,
        _ => {
            left_out(gaps, at, &path, "an issuer is one exact text");
            None
        }
    };
    let Some(issuer) = issuer else {
        return Vec::new();
    };
    if subjects.is_empty() {
        left_out(gaps, at, &path, "no subject that could be taken");
    }
    let ways = subjects.into_iter().map(|subject| Way::Certificate {
        issuer: issuer.clone(),
        subject,
    });
    ways.collect()
}

/// Says that a signer is nobody here, and why.
pub(super) fn left_out(gaps: &mut Gaps, at: At, path: &str, why: &str) {
    gaps.add(at, path, Effect::Stricter, format!("{why}: {NOBODY}"));
}

/// Says it also of a signer without a key or an identity, where nothing was said since.
pub(super) fn nobody_told(ways: &[Way], at: At, path: &str, begun: usize, gaps: &mut Gaps) {
    if ways.is_empty() && !gaps.since(begun).any(|gap| gap.why.ends_with(NOBODY)) {
        left_out(gaps, at, path, "no key and no identity is named");
    }
}

/// Members that say whose certificates, logs and timestamps count. Leaving them out lets in what others
/// of the trusted root in use vouch for.
pub(super) const OWN_ROOTS: &[Told] = &[
    ("pubkey", Effect::Wider, ROOTS),
    ("tsaCertChain", Effect::Wider, ROOTS),
    ("ctLogPubKey", Effect::Wider, ROOTS),
    ("rekorPubKey", Effect::Wider, ROOTS),
    ("trustRootRef", Effect::Wider, ROOTS),
];

/// Tells that a certificate without its log's word is not enough here.
pub(super) fn ignored_sct(fields: &mut Fields<'_>, name: &str, key: bool, gaps: &mut Gaps) {
    if let Some((true, at)) = fields.truth(name, gaps) {
        let (effect, why) = if key {
            (Effect::Ignored, "a key has no certificate")
        } else {
            (
                Effect::Stricter,
                "the trusted root says whether certificates have to be logged",
            )
        };
        gaps.add(at, &fields.path(name), effect, why);
    }
}

/// Whether a log has to have what was signed: unless it is said that none is asked. For certificates a
/// time is always asked, and told where it was not.
pub(super) fn ignored_log(fields: &mut Fields<'_>, name: &str, key: bool, gaps: &mut Gaps) -> bool {
    let Some((true, at)) = fields.truth(name, gaps) else {
        return true;
    };
    if !key {
        let why = "a certificate counts only with a log or a timestamp that proves the time";
        gaps.add(at, &fields.path(name), Effect::Stricter, why);
    }
    false
}

/// Tells a key that is somewhere else; whether it is there.
pub(super) fn by_reference(fields: &mut Fields<'_>, name: &str, gaps: &mut Gaps) -> bool {
    let Some(node) = fields.take(name) else {
        return false;
    };
    let reference = if name == "kms" {
        "REFERENCE"
    } else {
        "k8s://NAMESPACE/NAME"
    };
    let why =
        format!("a policy holds the key itself: bulla key public --key {reference} writes it");
    left_out(gaps, node.at, &fields.path(name), &why);
    true
}

/// Tells a hash that is chosen: here it follows from the key.
pub(super) fn hash(fields: &mut Fields<'_>, name: &str, gaps: &mut Gaps) {
    if let Some((text, at)) = fields
        .text(name, gaps)
        .filter(|(text, _)| *text != "sha256")
    {
        let why =
            format!("the hash follows from the key, and signatures with {text} may not count");
        gaps.add(at, &fields.path(name), Effect::Stricter, why);
    }
}
