//! Policies: what may enter which environment, decided by whom, on which evidence.
//!
//! A policy is a base file, one file for each service, and a file of persons. [`Policy::parse`]
//! turns the files' bytes into checked rules, each with its place for messages. Unknown fields are
//! refused: a misspelt rule must not be a rule that never applies.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use bulla_model::predicate::approval::PolicyBinding;
use bulla_model::predicate::policy::SignedFile;
use bulla_model::{Digest, Environment, Identity, Service, Tier};
use jiff::Timestamp;

use crate::evidence::Attestation;
use crate::public_key::PublicKey;
pub use crate::require::{
    ApprovalsRule, BaseImagesRule, BuildVsaRule, ConditionMatch, ConditionRule, ConditionsRule,
    ContentsRule, Coverage, Exclusion, LicensePattern, LicenseRule, PackagePattern,
    PromotionAgeRule, PromotionRecordRule, ProvenanceRule, Requirements, SbomFormat, SbomRule,
    SoakRule, SoakStart, SourceVsaRule, TestsRule, TicketsRule, VulnerabilitiesRule, WaiversRule,
};
use crate::verdict::is_plain;
use crate::verified::SignedTime;

mod account;
mod builders;
mod changes;
mod digest;
mod doubts;
mod duration;
mod identity;
mod ledger;
mod looks;
mod parse;
mod people;
mod persons;
mod place;
mod rules;
mod scope;
mod wire;
mod yaml;

pub use account::{Account, Platform, PlatformError};
pub use builders::BuilderRule;
pub(crate) use builders::{HIGHEST as HIGHEST_LEVEL, LOWEST as LOWEST_LEVEL};
pub use changes::{Change, Effect};
pub(crate) use changes::{Parts, Value};
pub use doubts::Doubt;
pub(crate) use duration::{Age, show as show_duration};
pub use identity::{IdentityRule, Matched};
pub(crate) use ledger::signers;
pub use ledger::{FreezesRule, RevocationsRule, Signers};
pub use parse::{API_VERSION, PolicyError};
pub(crate) use parse::{pattern, read, shape};
pub use people::{Actor, People};
pub use place::Place;
pub use rules::{
    EdgeRule, EnvironmentRule, Freshness, ReviewRule, ServiceRule, TierRule, TightenRule,
};
pub(crate) use scope::Scope;
pub(crate) use wire::IdentityWire;
pub use yaml::from_yaml;

/// The files of a policy, as the caller read them. Paths are relative to the policy's folder.
#[derive(Clone, Debug, Default)]
pub struct PolicyFiles {
    /// The base file, for example `release.yaml`.
    pub base: PolicyFile,
    /// The service files, for example `services/pay-api.yaml`.
    pub services: Vec<PolicyFile>,
    /// The persons, `people.yaml`.
    pub people: Option<PolicyFile>,
    /// Earlier versions that promotions may name, each whole.
    pub predecessors: Vec<PolicyFiles>,
    /// Bundles in which owners sign versions of it, `signatures/*.json`.
    pub signatures: Vec<PolicyFile>,
}

/// One file of a policy.
#[derive(Clone, Debug, Default)]
pub struct PolicyFile {
    /// Path relative to the policy's folder, with forward slashes.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A checked policy.
#[derive(Debug)]
pub struct Policy {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) base: digest::FileDigest,
    pub(crate) environments: BTreeMap<String, EnvironmentRule>,
    pub(crate) tiers: BTreeMap<Tier, TierRule>,
    pub(crate) identities: BTreeMap<String, Vec<IdentityRule>>,
    pub(crate) edges: Vec<EdgeRule>,
    pub(crate) tighten: Vec<TightenRule>,
    pub(crate) builders: Vec<BuilderRule>,
    pub(crate) revocations: Option<RevocationsRule>,
    pub(crate) freezes: Option<FreezesRule>,
    pub(crate) services: BTreeMap<Service, ServiceRule>,
    pub(crate) people: People,
    pub(crate) history: Vec<Predecessor>,
    pub(crate) predecessors: Vec<Policy>,
    /// Every file, as owners sign them.
    pub(crate) files: Vec<SignedFile>,
    pub(crate) signatures: Vec<Attestation>,
    /// The identities that some rule names.
    pub(crate) used: BTreeSet<String>,
}

/// An earlier version as the current policy lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Predecessor {
    /// The version.
    pub version: u64,
    /// Its digest for the whole of base and all service files.
    pub digest: Digest,
    /// When the next version took its place: what names it must have been there by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Policy {
    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy's version; higher replaces lower.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The digest over base and every service file: what [`crate::State`] remembers.
    pub fn digest(&self) -> Digest {
        let services = self.services.values().map(|service| &service.file);
        digest::over(std::iter::once(&self.base).chain(services))
    }

    /// Every file, sorted by path: what the owners sign.
    pub fn files(&self) -> &[SignedFile] {
        &self.files
    }

    /// What approvals and promotions of this service bind: the digest over base and its file.
    pub fn binding(&self, service: &Service) -> Option<PolicyBinding> {
        let rule = self.services.get(service)?;
        let digest = digest::over([&self.base, &rule.file]);
        Some(PolicyBinding {
            name: self.name.clone(),
            version: self.version,
            digest,
        })
    }

    /// The version a statement about this service was made under: this one or a listed, loaded
    /// predecessor.
    pub(crate) fn named_by(&self, binding: &PolicyBinding, service: &Service) -> NamedPolicy<'_> {
        let is = |policy: &Self| policy.binding(service).as_ref() == Some(binding);
        if is(self) {
            return NamedPolicy::Known(self);
        }
        if let Some(policy) = self.predecessors.iter().find(|policy| is(policy)) {
            return NamedPolicy::Known(policy);
        }
        let listed = binding.name == self.name
            && self
                .history
                .iter()
                .any(|entry| entry.version == binding.version)
            && !self
                .predecessors
                .iter()
                .any(|policy| policy.version == binding.version);
        if listed {
            NamedPolicy::NotLoaded
        } else {
            NamedPolicy::Unknown
        }
    }

    /// Whether what a signer did under this predecessor may stand. Whom this version names, for
    /// whatever, must be valid by this version's word, and say or prove no time after the
    /// predecessor's end; nothing may say a time, as evidence of others does. Whom it dropped, key
    /// or certificate, keeps only what is proven to have been there by that end: without an end
    /// nothing separates what was signed then from what is signed today.
    pub(crate) fn lets_stand(
        &self,
        predecessor: u64,
        signer: &Identity,
        time: SignedTime,
        now: Timestamp,
    ) -> Matched {
        let mut history = self.history.iter();
        let until = history
            .find(|entry| entry.version == predecessor)
            .and_then(|entry| entry.until);
        let best = |rules: &mut dyn Iterator<Item = &IdentityRule>| {
            let matched: Vec<_> = rules.map(|rule| rule.matches(signer, time, now)).collect();
            let has = |wanted| matched.contains(&wanted).then_some(wanted);
            has(Matched::Yes).or_else(|| has(Matched::OutOfTime))
        };
        // The list of persons and machines may be less exact about the same key.
        let named = best(&mut self.identities.values().flatten())
            .or_else(|| best(&mut self.people.identities()));
        let in_time = match (named, until, time.existed_by()) {
            (Some(matched), None, _) | (Some(matched), _, None) => return matched,
            (Some(Matched::Yes), Some(until), Some(at)) => at <= until,
            (None, Some(until), Some(at)) => time.is_proven() && at <= until,
            _ => false,
        };
        if in_time {
            Matched::Yes
        } else {
            Matched::OutOfTime
        }
    }

    /// Everything that is required of some step, by base or service.
    pub(crate) fn required(&self) -> impl Iterator<Item = &Requirements> {
        let services = self.services.values().flat_map(|service| &service.tighten);
        self.required_by_base()
            .chain(services.map(|rule| &rule.require))
    }

    /// Everything that the base requires of some step.
    pub(crate) fn required_by_base(&self) -> impl Iterator<Item = &Requirements> {
        let tightened = self.tighten.iter().map(|rule| &rule.require);
        let steps = self.edges.iter().map(|edge| &edge.require);
        steps.chain(tightened)
    }

    /// The environments, by the policy's short names.
    pub fn environments(&self) -> impl Iterator<Item = (&str, &EnvironmentRule)> {
        self.environments
            .iter()
            .map(|(name, rule)| (name.as_str(), rule))
    }

    /// Finds an environment by short name or URI.
    pub fn environment(&self, name: &str) -> Option<(&str, &EnvironmentRule)> {
        self.environments()
            .find(|(short, rule)| *short == name || rule.uri.as_str() == name)
    }

    /// The short name of an environment.
    pub fn name_of(&self, uri: &Environment) -> Option<&str> {
        let mut named = self.environments();
        let found = named.find(|(_, rule)| rule.uri == *uri);
        found.map(|(name, _)| name)
    }

    /// An environment as commands take it: the policy's name for it, or its URI where that name is no
    /// single word to a shell. The last part of a URI names none: two environments may share it.
    pub fn typed<'u>(&'u self, uri: &'u Environment) -> &'u str {
        let name = self.name_of(uri).filter(|name| is_plain(name));
        name.unwrap_or(uri.as_str())
    }

    /// The services.
    pub fn services(&self) -> impl Iterator<Item = (&Service, &ServiceRule)> {
        self.services.iter()
    }

    /// The steps.
    pub fn edges(&self) -> &[EdgeRule] {
        &self.edges
    }

    /// What the base requires of steps besides their own rules.
    pub fn tighten(&self) -> &[TightenRule] {
        &self.tighten
    }

    /// The builders, and the levels they are trusted up to.
    pub fn builders(&self) -> &[BuilderRule] {
        &self.builders
    }

    /// Who may revoke and lift; `None` if nobody may.
    pub fn revocations(&self) -> Option<&RevocationsRule> {
        self.revocations.as_ref()
    }

    /// Who signs the calendar of freezes; `None` if steps are not asked for it.
    pub fn freezes(&self) -> Option<&FreezesRule> {
        self.freezes.as_ref()
    }

    /// Whether steps are asked for a calendar: those of now, or those taken under an earlier version.
    pub fn knows_freezes(&self) -> bool {
        self.freezes.is_some() || self.predecessors.iter().any(Self::knows_freezes)
    }

    /// Whether there may be revocations: by this version, or by an earlier one, whose revocations
    /// outlive it.
    pub fn knows_revocations(&self) -> bool {
        self.revocations.is_some() || self.predecessors.iter().any(Self::knows_revocations)
    }

    /// How many of the earlier versions that `history` lists are not at hand.
    pub(crate) fn lacks_predecessors(&self) -> usize {
        self.history.len().saturating_sub(self.predecessors.len())
    }

    /// The tiers.
    pub fn tiers(&self) -> impl Iterator<Item = (&Tier, &TierRule)> {
        self.tiers.iter()
    }

    /// The persons.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Every key the policy names anywhere, predecessors included: what signatures must be
    /// checkable with.
    pub fn keys(&self) -> Vec<PublicKey> {
        let own = self
            .identities
            .values()
            .flatten()
            .chain(self.people.identities());
        own.filter_map(IdentityRule::public_key)
            .cloned()
            .chain(self.predecessors.iter().flat_map(Self::keys))
            .collect()
    }
}

/// What became of a statement's word about its policy.
#[derive(Debug)]
pub(crate) enum NamedPolicy<'a> {
    Known(&'a Policy),
    /// The current policy lists it, but its files were not given.
    NotLoaded,
    Unknown,
}

#[cfg(test)]
mod tests {
    use bulla_model::{CertificateIdentity, Limits};

    use super::*;

    const END: &str = "2026-03-02T12:00:00Z";

    /// Version 2 that names `a@x.example` and follows a version 1 that ended then, or never did.
    fn successor(until: Option<&str>) -> Policy {
        let until = until.map_or_else(String::new, |until| format!(", until: {until}"));
        let digest = Digest::sha256(b"");
        let text = format!(
            "apiVersion: bulla.dev/policy/v0.1
name: release
version: 2
environments: {{dev: {{uri: 'env://acme/pay/dev', freshness: none}}}}
tiers: {{}}
identities: {{some: [{{issuer: https://i.example, subject: a@x.example}}]}}
edges: []
history: [{{version: 1, digest: '{digest}'{until}}}]
"
        );
        let base = PolicyFile {
            path: "release.yaml".into(),
            bytes: text.into_bytes(),
        };
        let files = PolicyFiles {
            base,
            ..PolicyFiles::default()
        };
        Policy::parse(&files, &Limits::default()).unwrap()
    }

    fn person(subject: &str) -> Identity {
        Identity::Certificate(Box::new(CertificateIdentity {
            issuer: "https://i.example".into(),
            subject: subject.into(),
            ..CertificateIdentity::default()
        }))
    }

    #[test]
    fn what_the_current_version_dropped_must_be_proven_to_be_from_before() {
        let key_id = PublicKey::from_pem(include_str!("../../../testdata/slsa/vsa.pub.pem"));
        let key = Identity::Key {
            key_id: key_id.unwrap().id().clone(),
        };
        let end: Timestamp = END.parse().unwrap();
        let late = end + std::time::Duration::from_secs(1);
        let now = end + std::time::Duration::from_hours(99);
        let stands = |until, signer: &Identity, time| {
            successor(until).lets_stand(1, signer, time, now) == Matched::Yes
        };
        for gone in [person("b@x.example"), key] {
            assert!(stands(Some(END), &gone, SignedTime::Proven(end, None)));
            for time in [
                SignedTime::Proven(late, None),
                // The signer's word that it was earlier is nothing beside the proof.
                SignedTime::Proven(late, Some(end)),
                SignedTime::Claimed(end),
                SignedTime::Unknown,
            ] {
                assert!(!stands(Some(END), &gone, time), "{time:?}");
            }
            assert!(!stands(None, &gone, SignedTime::Proven(end, None)));
        }
    }

    #[test]
    fn an_earlier_version_is_over_at_its_end_for_everybody() {
        let end: Timestamp = END.parse().unwrap();
        let late = end + std::time::Duration::from_secs(1);
        let kept = person("a@x.example");
        for (until, time, expected) in [
            (Some(END), SignedTime::Proven(end, None), Matched::Yes),
            (Some(END), SignedTime::Claimed(end), Matched::Yes),
            (Some(END), SignedTime::Unknown, Matched::Yes),
            (
                Some(END),
                SignedTime::Proven(late, None),
                Matched::OutOfTime,
            ),
            (Some(END), SignedTime::Claimed(late), Matched::OutOfTime),
            (None, SignedTime::Proven(late, None), Matched::Yes),
        ] {
            let found = successor(until).lets_stand(1, &kept, time, late);
            assert_eq!(found, expected, "{until:?} {time:?}");
        }
    }
}
