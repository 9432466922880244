//! Relays: workflows that the anchor lets pass on reviews from other platforms.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_saphyr::Spanned;

use bulla_model::predicate::approval::OnBehalfOf;
use bulla_model::{Edge, EdgeKind, Environment, Identity};

use crate::pattern::Pattern;
use crate::policy::{
    IdentityRule, IdentityWire, Matched, Place, Platform, PolicyError, Signers, pattern, signers,
};
use crate::public_key::PublicKey;
use crate::verified::SignedTime;

/// A relay, and what it may pass on.
#[derive(Clone, Debug)]
pub struct RelayRule {
    platform: Platform,
    api: Option<String>,
    repositories: Vec<Pattern>,
    files: Vec<Pattern>,
    environments: Vec<Environment>,
    kinds: Vec<EdgeKind>,
    by: Signers,
    place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RelayWire {
    platform: Platform,
    #[serde(default)]
    api: Option<String>,
    repositories: Vec<String>,
    files: Vec<String>,
    environments: Vec<Environment>,
    #[serde(default)]
    kinds: Vec<EdgeKind>,
    by: Vec<Spanned<IdentityWire>>,
}

impl RelayRule {
    pub(crate) fn read(file: &Arc<str>, wire: Spanned<RelayWire>) -> Result<Self, PolicyError> {
        let place = Place::new(file, wire.referenced);
        let wire = wire.value;
        let refuse = |reason: String| {
            let place = place.clone();
            Err(PolicyError::Rule { place, reason })
        };
        let needed = [
            ("repositories", wire.repositories.is_empty()),
            ("files", wire.files.is_empty()),
            ("environments", wire.environments.is_empty()),
            ("by", wire.by.is_empty()),
        ];
        if let Some((name, _)) = needed.iter().find(|(_, empty)| *empty) {
            return refuse(format!(
                "`{name}` is empty: a relay speaks for nothing else"
            ));
        }
        let url = wire.platform.url();
        let elsewhere = |text: &&String| !text.strip_prefix(&url).is_some_and(has_words);
        if let Some(text) = wire.repositories.iter().find(elsewhere) {
            return refuse(format!(
                "`{text}` is no repository of {}: expected for example `{url}acme/deploy`",
                wire.platform
            ));
        }
        if let Some(text) = wire.files.iter().find(|text| !has_words(text)) {
            return refuse(format!("`{text}` matches every file"));
        }
        Ok(Self {
            platform: wire.platform,
            api: wire.api,
            repositories: wire.repositories.iter().map(|text| pattern(text)).collect(),
            files: wire.files.iter().map(|text| pattern(text)).collect(),
            environments: wire.environments,
            kinds: wire.kinds,
            by: signers(file, wire.by)?,
            place,
        })
    }

    /// The platform.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Where its interface for programs is, if not in the usual place.
    pub fn api(&self) -> Option<&str> {
        self.api.as_deref()
    }

    /// Environments into which it passes on approvals.
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// Whether it passes on approvals of steps of this kind; without kinds, of all.
    pub fn is_for(&self, kind: EdgeKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Whether it says itself of which kinds.
    pub(crate) fn names_kinds(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// Everything it says, for comparing.
    pub fn tell(&self) -> String {
        fn joined<T>(all: &[T], one: impl Fn(&T) -> String) -> String {
            let texts: Vec<_> = all.iter().map(one).collect();
            texts.join(" ")
        }
        let api = self.api.as_deref().map(|api| format!(" at {api:?}"));
        let kinds = match &self.kinds[..] {
            [] => "all kinds".to_owned(),
            kinds => joined(kinds, ToString::to_string),
        };
        format!(
            "relay of {}{}: {} in {} into {} for {} by {}",
            self.platform,
            api.unwrap_or_default(),
            joined(&self.files, |file| format!("{:?}", file.to_string())),
            joined(&self.repositories, |one| format!("{:?}", one.to_string())),
            joined(&self.environments, ToString::to_string),
            kinds,
            joined(&self.by.0, IdentityRule::tell),
        )
    }

    /// Where it is written.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it passes on what is reviewed in this repository.
    pub fn reads(&self, repository: &str) -> bool {
        self.repositories.iter().any(|one| one.matches(repository))
    }

    /// Whether a digest in this file is one that the review was about.
    pub fn looks_into(&self, file: &str) -> bool {
        self.files.iter().any(|one| one.matches(file))
    }

    /// The keys among its identities.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.by.0.iter().filter_map(IdentityRule::public_key)
    }

    /// Whether this signer, having signed at that time, is the relay.
    pub fn is_by(&self, signer: &Identity, time: SignedTime, now: Timestamp) -> Matched {
        let matches = self.by.0.iter().map(|rule| rule.matches(signer, time, now));
        matches.fold(Matched::No, |best, this| match (best, this) {
            (Matched::Yes, _) | (_, Matched::Yes) => Matched::Yes,
            (Matched::OutOfTime, _) | (_, Matched::OutOfTime) => Matched::OutOfTime,
            (Matched::No, Matched::No) => Matched::No,
        })
    }

    /// Whether this signer is the relay, at whatever time.
    pub(crate) fn is_ever(&self, signer: &Identity) -> bool {
        let any = Timestamp::UNIX_EPOCH;
        self.is_by(signer, SignedTime::Unknown, any) != Matched::No
    }

    /// What keeps it from passing this review on for a step.
    pub(crate) fn objects(&self, said: &OnBehalfOf, step: &Edge) -> Option<&'static str> {
        let repository = repository(&self.platform, &said.review_url);
        let wrong = [
            ("another platform", self.platform.as_str() != said.platform),
            (
                "another environment",
                !self.environments.contains(&step.to.uri),
            ),
            ("another kind of step", !self.is_for(step.kind)),
            (
                "another repository",
                !repository.is_some_and(|repository| self.reads(repository)),
            ),
            ("no whole commit", !is_commit(&said.commit)),
            (
                "another file",
                !said
                    .file
                    .as_deref()
                    .is_some_and(|file| self.looks_into(file)),
            ),
        ];
        let found = wrong.into_iter().find(|(_, is_wrong)| *is_wrong);
        found.map(|(what, _)| what)
    }
}

/// Whether a pattern says anything but "whatever".
fn has_words(text: &str) -> bool {
    text.bytes().any(|b| b != b'*' && b != b'/')
}

fn is_commit(text: &str) -> bool {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    matches!(text.len(), 40 | 64) && text.bytes().all(is_hex)
}

/// The repository that a review's address is in: `…/OWNER/NAME/pull/N` or
/// `…/GROUP/…/NAME/-/merge_requests/N`, with any fragment.
pub fn repository<'a>(platform: &Platform, url: &'a str) -> Option<&'a str> {
    let page = url.split_once('#').map_or(url, |(page, _)| page);
    let path = page.strip_prefix(&platform.url())?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    if !path.bytes().all(is_plain) {
        return None;
    }
    let (_, number) = path.rsplit_once('/')?;
    let parts: Vec<&str> = path.split('/').collect();
    let name = match parts.as_slice() {
        [_, _, "pull", _] => page.strip_suffix(number)?.strip_suffix("/pull/")?,
        [_, _, .., "-", "merge_requests", _] => {
            let name = page.strip_suffix(number)?;
            name.strip_suffix("/-/merge_requests/")?
        }
        _ => return None,
    };
    let is_number = number.parse::<u64>().is_ok_and(|n| n.to_string() == number);
    let is_name = |part: &&str| !matches!(*part, "" | "." | "..");
    (is_number && parts.iter().all(is_name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_read_from_the_address_of_a_review_or_not_at_all() {
        let platform = Platform::try_from("git.example.test".to_owned()).unwrap();
        for (path, expected) in [
            ("acme/deploy/pull/7", Some("acme/deploy")),
            (
                "acme/deploy/pull/7#pullrequestreview-1",
                Some("acme/deploy"),
            ),
            ("acme/pull/pull/7", Some("acme/pull")),
            ("acme/ops/eu/-/merge_requests/7", Some("acme/ops/eu")),
            ("acme/deploy/pull/7?x=/acme/deploy/pull/7", None),
            ("acme/deploy/pull/07", None),
            ("acme/deploy/pull/-7", None),
            ("acme/deploy/pull/", None),
            ("acme/deploy/pull/7/files", None),
            ("acme/deploy", None),
            ("acme/../evil/pull/7", None),
            ("../pull/7", None),
            ("acme/%2e%2e/pull/7", None),
            ("acme//-/merge_requests/7", None),
            ("x/acme/deploy/pull/7", None),
        ] {
            let url = format!("https://git.example.test/{path}");
            let expected = expected.map(|name| format!("https://git.example.test/{name}"));
            assert_eq!(repository(&platform, &url), expected.as_deref(), "{path}");
        }
        for url in [
            "https://git.example.test.evil.test/acme/deploy/pull/7",
            "https://git.example.test@evil.test/acme/deploy/pull/7",
            "http://git.example.test/acme/deploy/pull/7",
            "https://evil.test/#https://git.example.test/acme/deploy/pull/7",
        ] {
            assert_eq!(repository(&platform, url), None, "{url}");
        }
    }
}
