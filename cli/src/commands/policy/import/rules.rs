//! What the other tools ask, in the terms that all of them share.

use bulla_attest::PublicKey;
use bulla_verify::Pattern;

use super::gaps::{Effect, Gap, Gaps};
use super::node::At;
use super::patterns::Matching;

/// What one of their policies asks of the images it is about. All of it has to be met.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) at: At,
    /// `FILE:LINE` of each policy or rule it comes from.
    pub(super) places: Vec<String>,
    /// Image repositories, as services list them.
    pub(super) images: Vec<String>,
    /// The same, so wide that nothing is missed: to find out who else is about them.
    pub(super) scopes: Vec<Pattern>,
    /// That names of images decide nothing, which is told where there are several services.
    pub(super) named: Vec<Gap>,
    pub(super) signed: Vec<Clause>,
    pub(super) claims: Vec<Claim>,
    /// What could not be said and would let in more.
    pub(super) denied: Vec<Gap>,
    /// That nothing else is known of it than what is denied: it may have been about any image.
    pub(super) anywhere: bool,
}

/// So many of these have to sign.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    pub(super) attestors: Vec<Attestor>,
    pub(super) threshold: usize,
    /// What is told if persons cannot say it.
    pub(super) unsaid: Gap,
}

/// Somebody who signs, in one of several ways. Without any it is nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attestor {
    pub(super) name: String,
    pub(super) ways: Vec<Way>,
}

/// What a signer is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Key {
        pem: String,
        /// Whether a log or a timestamp has to prove when it signed.
        proven: bool,
    },
    Certificate {
        issuer: String,
        subject: Matching,
    },
}

/// A statement about the image, by whoever signs for it.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) kind: ClaimKind,
    pub(super) signed: Vec<Clause>,
}

/// What a statement is about, and what it has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClaimKind {
    Provenance {
        builders: Vec<String>,
        build_types: Vec<String>,
    },
    Sbom {
        format: &'static str,
    },
    Vulnerabilities {
        max_age: Option<String>,
    },
    Tests,
}

impl Clause {
    pub(super) fn new(attestors: Vec<Attestor>, threshold: usize, unsaid: Gap) -> Self {
        Self {
            attestors,
            threshold,
            unsaid,
        }
    }

    /// Tells that of some statements, which are asked for one by one, all are asked for.
    pub(super) fn tell_all(&self, at: At, path: &str, gaps: &mut Gaps) {
        if self.threshold > 1 && self.threshold < self.attestors.len() {
            let why =
                "a statement by each of the attestors is asked for, not only by so many of them";
            gaps.add(at, path, Effect::Stricter, why);
        }
    }
}

impl Asked {
    /// Whether some image could be both ones'.
    fn meets(&self, other: &Self) -> bool {
        let mut pairs = self
            .scopes
            .iter()
            .flat_map(|own| other.scopes.iter().map(move |theirs| (own, theirs)));
        pairs.any(|(own, theirs)| own.may_meet(theirs))
    }

    fn absorb(&mut self, other: Self) {
        self.places.extend(other.places);
        for image in other.images {
            if !self.images.contains(&image) {
                self.images.push(image);
            }
        }
        self.scopes.extend(other.scopes);
        self.named.extend(other.named);
        self.signed.extend(other.signed);
        self.claims.extend(other.claims);
        self.denied.extend(other.denied);
    }

    /// Everybody who signs something, in order.
    pub(super) fn attestors(&self) -> impl Iterator<Item = &Attestor> {
        let claims = self.claims.iter().flat_map(|claim| &claim.signed);
        let clauses = self.signed.iter().chain(claims);
        clauses.flat_map(|clause| &clause.attestors)
    }

    /// Whether a key's own word for when it signed is enough: it is for every key there, and no
    /// certificate is among them, whose time would then count by its word too.
    pub(super) fn takes_words_for_time(&self) -> bool {
        let mut ways = self.attestors().flat_map(|one| &one.ways).peekable();
        ways.peek().is_some() && ways.all(|way| matches!(way, Way::Key { proven: false, .. }))
    }
}

/// Puts together what is about the same images: those tools ask all of it, and an image of Bulla's is
/// of one service.
pub(super) fn together(asked: Vec<Asked>) -> Vec<Asked> {
    let (anywhere, asked): (Vec<_>, Vec<_>) = asked.into_iter().partition(|one| one.anywhere);
    let mut anywhere = anywhere.into_iter();
    let mut whole: Vec<Asked> = Vec::new();
    for mut next in asked {
        let (met, apart): (Vec<_>, Vec<_>) = whole.into_iter().partition(|one| one.meets(&next));
        whole = apart;
        let mut met = met.into_iter();
        if let Some(mut first) = met.next() {
            for one in met {
                first.absorb(one);
            }
            first.absorb(next);
            next = first;
        }
        whole.push(next);
    }
    let Some(mut first) = anywhere.next() else {
        return whole;
    };
    anywhere.for_each(|one| first.absorb(one));
    if whole.is_empty() {
        return vec![first];
    }
    // Each service gets them, so there must not be many.
    if let Some(last) = first.denied.get(ANYWHERE).cloned() {
        let more = first.denied.len().saturating_sub(ANYWHERE);
        first.denied.truncate(ANYWHERE);
        first.denied.push(Gap {
            why: format!("the first of {more} more that `bulla policy import` lists"),
            ..last
        });
    }
    for one in &mut whole {
        one.denied.extend(first.denied.iter().cloned());
    }
    whole
}

/// What every service is told of at most, of what may be about any image.
const ANYWHERE: usize = 20;

/// The public keys in a text, one `PUBLIC KEY` block after the other.
pub(super) fn public_keys(text: &str) -> Result<Vec<String>, String> {
    if text.contains("{{") {
        return Err("a variable, which is known only in the cluster".to_owned());
    }
    if text.trim_start().starts_with("k8s://") {
        return Err("a key in a Secret of the cluster".to_owned());
    }
    let blocks = pem::parse_many(text).map_err(|_| "no PEM of a public key".to_owned())?;
    if blocks.is_empty() {
        return Err("no PEM of a public key".to_owned());
    }
    // Whatever stands beside the blocks would be dropped.
    let begun = text.matches("-----BEGIN ").count();
    if begun != blocks.len() {
        return Err("a PEM block that does not hold".to_owned());
    }
    let keys = blocks.iter().map(|block| {
        let key = PublicKey::from_pem(pem::encode(block).as_bytes());
        key.map(|key| key.to_pem())
            .map_err(|error| error.to_string())
    });
    keys.collect()
}

/// A name out of a text: small letters, digits and dashes.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() {
            out.push(character.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(60);
    out.trim_end_matches('-').to_owned()
}

/// What names an image without a wildcard for all images, in the order of preference.
pub(super) fn image(text: &str, crosses: bool) -> (String, Pattern) {
    let without_digest = text.split_once('@').map_or(text, |(before, _)| before);
    let slash = without_digest.rfind('/').map_or(0, |at| at + 1);
    let (folder, last) = without_digest.split_at(slash);
    let last = last.split_once(':').map_or(last, |(before, _)| before);
    let repository = format!("{folder}{last}");
    let listed = if crosses {
        doubled(&repository)
    } else {
        repository.clone()
    };
    (listed, Pattern::Glob(scope(&repository)))
}

/// Every image that a pattern could be about, and rather more: a host that is left out may be any.
fn scope(repository: &str) -> String {
    let wide = doubled(&repository.replace('?', "*"));
    let host = wide.split('/').next().unwrap_or_default();
    let named = wide.contains('/') && (host.contains(['.', ':']) || host == "localhost");
    if !named || host.ends_with("docker.io") {
        let rest = if named {
            wide.split_once('/').map_or("", |(_, rest)| rest)
        } else {
            &wide
        };
        return format!("**{}**", rest.strip_prefix("library/").unwrap_or(rest));
    }
    wide
}

fn doubled(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if character != '*' {
            out.push(character);
        } else if !out.ends_with('*') {
            out.push_str("**");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(images: &[&str]) -> Asked {
        let read: Vec<_> = images.iter().map(|text| image(text, true)).collect();
        Asked {
            images: read.iter().map(|(listed, _)| listed.clone()).collect(),
            scopes: read.into_iter().map(|(_, scope)| scope).collect(),
            ..Asked::default()
        }
    }

    #[test]
    fn images_are_listed_without_tags_and_digests() {
        for (text, expected) in [
            ("ghcr.io/acme/pay:*", "ghcr.io/acme/pay"),
            ("ghcr.io/acme/pay@sha256:ab", "ghcr.io/acme/pay"),
            ("ghcr.io/acme/*", "ghcr.io/acme/**"),
            ("localhost:5000/pay:1", "localhost:5000/pay"),
            ("*", "**"),
        ] {
            assert_eq!(image(text, true).0, expected, "{text}");
        }
        assert_eq!(image("ghcr.io/acme/*", false).0, "ghcr.io/acme/*");
    }

    #[test]
    fn what_is_about_the_same_images_is_put_together() {
        let whole = together(vec![
            asked(&["ghcr.io/acme/a:*"]),
            asked(&["ghcr.io/acme/b:*"]),
            asked(&["quay.io/x"]),
            asked(&["ghcr.io/acme/*"]),
        ]);
        let images: Vec<_> = whole.iter().map(|one| one.images.len()).collect();
        assert_eq!(images, [1, 3]);
        for (one, other) in [
            ("nginx", "docker.io/library/nginx:1"),
            ("index.docker.io/acme/pay", "acme/pay:2"),
            ("*", "quay.io/x/y"),
            ("**demo**", "ghcr.io/acme/demo:1"),
        ] {
            assert_eq!(
                together(vec![asked(&[one]), asked(&[other])]).len(),
                1,
                "{one}"
            );
        }
        let apart = together(vec![asked(&["ghcr.io/a"]), asked(&["ghcr.io/b"])]);
        assert_eq!(apart.len(), 2);
    }
}
