//! From bytes to checked rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;

use bulla_model::{Digest, Environment, Limits, Person, Service, Tier, Validity};

use super::digest::FileDigest;
use super::identity::{CertificateRule, IdentityRule, Kind};
use super::people::{People, PersonRule};
use super::place::Place;
use super::rules::{
    ApprovalsRule, EdgeRule, EnvironmentRule, Exclusion, Freshness, ProvenanceRule, Requirements,
    SbomRule, ServiceRule, TestsRule, TierRule,
};
use super::wire::{
    Base, EdgeWire, EnvironmentWire, FreshnessWire, IdentityWire, PeopleFile, Permission,
    RequireWire, ServiceFile, TierWire,
};
use super::{Policy, PolicyFile, PolicyFiles, Predecessor};
use crate::pattern::Pattern;
use crate::trust::PublicKey;

/// The `apiVersion` of policy files.
pub const API_VERSION: &str = "bulla.dev/policy/v0.1";

/// Why files are no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A file is longer than the limit.
    #[error("{}: {found} bytes, the limit is {limit}", file.escape_debug())]
    Size {
        /// The file.
        file: String,
        /// The limit in bytes.
        limit: u64,
        /// The length in bytes.
        found: u64,
    },
    /// A file is not UTF-8.
    #[error("{}: not UTF-8", file.escape_debug())]
    Encoding {
        /// The file.
        file: String,
    },
    /// A file is not YAML of the right shape.
    #[error("{place}: {}", reason.escape_debug())]
    Shape {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A rule contradicts itself or another, or names something that does not exist.
    #[error("{place}: {}", reason.escape_debug())]
    Rule {
        /// Where.
        place: Place,
        /// What is wrong, and what was expected.
        reason: String,
    },
}

impl Policy {
    /// Checks the files of a policy and turns them into rules.
    pub fn parse(files: &PolicyFiles, limits: &Limits) -> Result<Self, PolicyError> {
        let mut policy = parse_base(&files.base, limits)?;
        if let Some(people) = &files.people {
            policy.people = parse_people(people, limits)?;
        }
        for file in &files.services {
            parse_service(file, &mut policy, limits)?;
        }
        for predecessor in &files.predecessors {
            let earlier = Self::parse(predecessor, limits)?;
            let place = Place::of_file(&Arc::from(predecessor.base.path.as_str()));
            let listed = Predecessor {
                version: earlier.version,
                digest: earlier.digest(),
            };
            if earlier.name != policy.name || !policy.history.contains(&listed) {
                return Err(rule(
                    &place,
                    format!(
                        "`{}` version {} with digest {} is not in the `history` of {}",
                        earlier.name, earlier.version, listed.digest, policy.base.path
                    ),
                ));
            }
            policy.predecessors.push(earlier);
        }
        Ok(policy)
    }
}

fn parse_base(file: &PolicyFile, limits: &Limits) -> Result<Policy, PolicyError> {
    let (path, base): (_, Base) = read(file, limits)?;
    if base.api_version.value != API_VERSION {
        let place = Place::new(&path, base.api_version.referenced);
        return Err(rule(
            &place,
            format!("expected `apiVersion: {API_VERSION}`"),
        ));
    }
    if base.version.value == 0 {
        return Err(rule(
            &Place::new(&path, base.version.referenced),
            "versions begin at 1".into(),
        ));
    }
    if base.name.value.is_empty() {
        return Err(rule(
            &Place::new(&path, base.name.referenced),
            "the policy needs a name".into(),
        ));
    }
    let environments = environments(&path, base.environments)?;
    let tiers: BTreeMap<Tier, TierRule> = base
        .tiers
        .into_iter()
        .map(|(name, wire)| (name, tier(&wire)))
        .collect();
    let mut identities = BTreeMap::new();
    for (name, wires) in base.identities {
        let rules: Result<Vec<_>, _> = wires
            .into_iter()
            .map(|wire| identity(&path, wire))
            .collect();
        identities.insert(name, rules?);
    }
    let scope = Scope {
        path: &path,
        environments: &environments,
        identities: &identities,
    };
    let mut edges: Vec<EdgeRule> = Vec::new();
    for wire in base.edges {
        let edge = scope.edge(wire, &tiers)?;
        if let Some(twin) = edges.iter().find(|other| overlaps(other, &edge)) {
            return Err(rule(
                &edge.place,
                format!("the same step is already ruled at {}", twin.place),
            ));
        }
        edges.push(edge);
    }
    let mut history: Vec<Predecessor> = Vec::new();
    for wire in base.history {
        let at = Place::new(&path, base.version.referenced);
        if wire.version >= base.version.value {
            let reason = format!(
                "`history` lists version {}, which is not before version {}",
                wire.version, base.version.value
            );
            return Err(rule(&at, reason));
        }
        if history.iter().any(|other| other.version == wire.version) {
            let reason = format!("`history` lists version {} twice", wire.version);
            return Err(rule(&at, reason));
        }
        history.push(Predecessor {
            version: wire.version,
            digest: wire.digest,
        });
    }
    Ok(Policy {
        name: base.name.value,
        version: base.version.value,
        base: FileDigest {
            path: file.path.clone(),
            digest: Digest::sha256(&file.bytes),
        },
        environments,
        tiers,
        identities,
        edges,
        services: BTreeMap::new(),
        people: People::default(),
        history,
        predecessors: Vec::new(),
    })
}

fn parse_service(
    file: &PolicyFile,
    policy: &mut Policy,
    limits: &Limits,
) -> Result<(), PolicyError> {
    let (path, wire): (_, ServiceFile) = read(file, limits)?;
    let place = Place::new(&path, wire.service.referenced);
    let name: Service = wire.service.value;
    if let Some(other) = policy.services.get(&name) {
        return Err(rule(
            &place,
            format!("service `{name}` is already described at {}", other.place),
        ));
    }
    if !policy.tiers.contains_key(&wire.tier.value) {
        let known = list(policy.tiers.keys());
        return Err(rule(
            &Place::new(&path, wire.tier.referenced),
            format!("no tier `{}`: expected one of {known}", wire.tier.value),
        ));
    }
    if wire.sources.is_empty() {
        return Err(rule(
            &place,
            "`sources` is empty: a service is known by its source repositories".into(),
        ));
    }
    let scope = Scope {
        path: &path,
        environments: &policy.environments,
        identities: &policy.identities,
    };
    let mut tighten = Vec::new();
    for item in wire.tighten {
        let at = Place::new(&path, item.referenced);
        let to = scope.environment(&item.value.to, &at)?;
        tighten.push((to, scope.requirements(item.value.require)?));
    }
    let service = ServiceRule {
        tier: wire.tier.value,
        sources: wire.sources.iter().map(|text| pattern(text)).collect(),
        images: wire.images.iter().map(|text| pattern(text)).collect(),
        owners: wire.owners,
        tighten,
        file: FileDigest {
            path: file.path.clone(),
            digest: Digest::sha256(&file.bytes),
        },
        place,
    };
    policy.services.insert(name, service);
    Ok(())
}

fn parse_people(file: &PolicyFile, limits: &Limits) -> Result<People, PolicyError> {
    let (path, wire): (_, PeopleFile) = read(file, limits)?;
    let mut people = People::default();
    let mut seen: Vec<IdentityRule> = Vec::new();
    let mut own = |wires: Vec<Spanned<IdentityWire>>| {
        let mut rules = Vec::new();
        for wire in wires {
            let person_rule = identity(&path, wire)?;
            if let Some(other) = seen.iter().find(|other| other.same_as(&person_rule)) {
                return Err(rule(
                    &person_rule.place,
                    format!(
                        "the identity belongs to somebody else too ({})",
                        other.place
                    ),
                ));
            }
            rules.push(person_rule);
        }
        // One actor may list a key twice, with two windows; two actors may not share one.
        seen.extend(rules.iter().cloned());
        Ok(rules)
    };
    let mut addresses: BTreeMap<String, Person> = BTreeMap::new();
    for (name, person) in wire.people {
        for email in &person.emails {
            // An author is excluded by address, so an address is one person's.
            let taken = addresses.insert(email.to_ascii_lowercase(), name.clone());
            if let Some(other) = taken {
                return Err(rule(
                    &Place::of_file(&path),
                    format!("`{email}` is listed for `{other}` and for `{name}`"),
                ));
            }
        }
        let identities = own(person.identities)?;
        people.persons.insert(
            name,
            PersonRule {
                roles: person.roles,
                emails: person.emails,
                identities,
            },
        );
    }
    for (name, wires) in wire.machines {
        let identities = own(wires)?;
        people.machines.insert(name, identities);
    }
    Ok(people)
}

/// What names in a file may refer to.
struct Scope<'a> {
    path: &'a Arc<str>,
    environments: &'a BTreeMap<String, EnvironmentRule>,
    identities: &'a BTreeMap<String, Vec<IdentityRule>>,
}

impl Scope<'_> {
    fn edge(
        &self,
        wire: Spanned<EdgeWire>,
        tiers: &BTreeMap<Tier, TierRule>,
    ) -> Result<EdgeRule, PolicyError> {
        let place = Place::new(self.path, wire.referenced);
        let edge = wire.value;
        let from = edge
            .from
            .map(|name| self.environment(&name, &place))
            .transpose()?;
        let to = self.environment(&edge.to, &place)?;
        if from.as_ref() == Some(&to) {
            return Err(rule(
                &place,
                format!("`from` and `to` are both `{}`", edge.to),
            ));
        }
        if let Some(unknown) = edge.tiers.iter().find(|tier| !tiers.contains_key(tier)) {
            return Err(rule(
                &place,
                format!(
                    "no tier `{unknown}`: expected one of {}",
                    list(tiers.keys())
                ),
            ));
        }
        Ok(EdgeRule {
            from,
            to,
            kind: edge.kind,
            tiers: edge.tiers,
            by: self.names(edge.by, &place)?,
            require: self.requirements(edge.require)?,
            place,
        })
    }

    fn environment(&self, name: &str, place: &Place) -> Result<Environment, PolicyError> {
        self.environments
            .get(name)
            .map(|rule| rule.uri.clone())
            .ok_or_else(|| {
                rule(
                    place,
                    format!(
                        "no environment `{name}`: expected one of {}",
                        list(self.environments.keys())
                    ),
                )
            })
    }

    fn names(&self, by: Vec<String>, place: &Place) -> Result<Vec<String>, PolicyError> {
        if by.is_empty() {
            return Err(rule(
                place,
                "`by` is empty: name at least one identity".into(),
            ));
        }
        match by.iter().find(|name| !self.identities.contains_key(*name)) {
            None => Ok(by),
            Some(name) => Err(rule(
                place,
                format!(
                    "no identity `{name}`: expected one of {}",
                    list(self.identities.keys())
                ),
            )),
        }
    }

    fn requirements(&self, wire: RequireWire) -> Result<Requirements, PolicyError> {
        let mut out = Requirements::default();
        if let Some(spanned) = wire.provenance {
            let place = Place::new(self.path, spanned.referenced);
            let patterns = |texts: &[String]| texts.iter().map(|text| pattern(text)).collect();
            out.provenance = Some(ProvenanceRule {
                by: self.names(spanned.value.by, &place)?,
                build_types: patterns(&spanned.value.build_types),
                builders: patterns(&spanned.value.builders),
                place,
            });
        }
        if let Some(spanned) = wire.sbom {
            let place = Place::new(self.path, spanned.referenced);
            out.sbom = Some(SbomRule {
                by: self.names(spanned.value.by, &place)?,
                formats: spanned.value.formats,
                max_age: spanned.value.max_age.map(|age| age.0),
                place,
            });
        }
        if let Some(spanned) = wire.tests {
            let place = Place::new(self.path, spanned.referenced);
            out.tests = Some(TestsRule {
                by: self.names(spanned.value.by, &place)?,
                max_age: spanned.value.max_age.map(|age| age.0),
                place,
            });
        }
        if let Some(spanned) = wire.approvals {
            let place = Place::new(self.path, spanned.referenced);
            if spanned.value.threshold == 0 {
                // F18: a threshold of none has been accepted as "satisfied".
                return Err(rule(
                    &place,
                    "`threshold` is 0: leave `approvals` out instead".into(),
                ));
            }
            out.approvals = Some(ApprovalsRule {
                threshold: spanned.value.threshold,
                roles: spanned.value.roles,
                exclude: spanned
                    .value
                    .exclude
                    .unwrap_or_else(|| Exclusion::DEFAULT.to_vec()),
                max_age: spanned.value.max_age.map(|age| age.0),
                place,
            });
        }
        Ok(out)
    }
}

fn environments(
    path: &Arc<str>,
    wires: BTreeMap<String, EnvironmentWire>,
) -> Result<BTreeMap<String, EnvironmentRule>, PolicyError> {
    let mut seen = BTreeSet::new();
    let mut out = BTreeMap::new();
    for (name, wire) in wires {
        let place = Place::new(path, wire.uri.referenced);
        if !seen.insert(wire.uri.value.clone()) {
            return Err(rule(
                &place,
                format!("two environments have the URI `{}`", wire.uri.value),
            ));
        }
        let freshness = match wire.freshness {
            FreshnessWire::None => Freshness::None,
            FreshnessWire::Within(within) => Freshness::Within {
                promote: within.promote.0,
                admit: within.admit.0,
            },
        };
        out.insert(
            name,
            EnvironmentRule {
                uri: wire.uri.value,
                audience: wire.audience,
                freshness,
                place,
            },
        );
    }
    Ok(out)
}

fn tier(wire: &TierWire) -> TierRule {
    TierRule {
        claimed_time: wire.claimed_time == Permission::Allow,
        relayed_approvals: wire.relayed_approvals == Permission::Allow,
        draft_predicates: wire.draft_predicates == Permission::Allow,
    }
}

fn identity(path: &Arc<str>, wire: Spanned<IdentityWire>) -> Result<IdentityRule, PolicyError> {
    let place = Place::new(path, wire.referenced);
    let wire = wire.value;
    let has_claims = wire.issuer.is_some()
        || wire.subject.is_some()
        || wire.subject_pattern.is_some()
        || wire.source_repository.is_some()
        || wire.build_signer_pattern.is_some()
        || wire.runner_environment.is_some()
        || wire.deployment_environment.is_some();
    let kind = match (wire.key, has_claims) {
        (Some(pem), false) => Kind::Key {
            key: PublicKey::from_pem(&pem).map_err(|error| rule(&place, error.to_string()))?,
            validity: Validity::new(wire.not_before, wire.not_after)
                .map_err(|error| rule(&place, error.to_string()))?,
        },
        (None, true) => {
            let subject = match (wire.subject, wire.subject_pattern) {
                (Some(exact), None) => Pattern::Exact(exact),
                (None, Some(glob)) if glob.bytes().any(|b| b != b'*' && b != b'/') => {
                    Pattern::Glob(glob)
                }
                (None, Some(_)) => {
                    return Err(rule(&place, "`subjectPattern` matches everybody".into()));
                }
                _ => {
                    return Err(rule(
                        &place,
                        "expected `subject` or `subjectPattern`, one of them".into(),
                    ));
                }
            };
            let Some(issuer) = wire.issuer else {
                return Err(rule(
                    &place,
                    "`issuer` is missing: a subject says nothing without it".into(),
                ));
            };
            if wire.not_before.is_some() || wire.not_after.is_some() {
                return Err(rule(
                    &place,
                    "`notBefore` and `notAfter` are for keys".into(),
                ));
            }
            Kind::Certificate(Box::new(CertificateRule {
                issuer,
                subject,
                source_repository: wire.source_repository,
                build_signer: wire.build_signer_pattern.map(Pattern::Glob),
                runner_environment: wire.runner_environment,
                deployment_environment: wire.deployment_environment,
            }))
        }
        _ => {
            return Err(rule(
                &place,
                "expected `key`, or `issuer` and `subject`".into(),
            ));
        }
    };
    Ok(IdentityRule { kind, place })
}

fn read<T: DeserializeOwned>(
    file: &PolicyFile,
    limits: &Limits,
) -> Result<(Arc<str>, T), PolicyError> {
    let path: Arc<str> = Arc::from(file.path.as_str());
    let found = file.bytes.len() as u64;
    if found > limits.configuration_bytes {
        return Err(PolicyError::Size {
            file: file.path.clone(),
            limit: limits.configuration_bytes,
            found,
        });
    }
    let text = std::str::from_utf8(&file.bytes).map_err(|_| PolicyError::Encoding {
        file: file.path.clone(),
    })?;
    let value = serde_saphyr::from_str(text).map_err(|error| shape(&path, &error))?;
    Ok((path, value))
}

/// One line of a YAML error: its place and its words, without the quoted source.
pub(crate) fn shape(path: &Arc<str>, error: &serde_saphyr::Error) -> PolicyError {
    let error = error.without_snippet();
    let place = match error.location() {
        Some(location) if location.line() > 0 => Place::new(path, location),
        _ => Place::of_file(path),
    };
    let text = error.to_string();
    let reason = text.lines().next().unwrap_or_default();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    // The library's advice to its callers is none to whoever writes policies.
    let reason = reason.split(", set ").next().unwrap_or_default();
    let reason = reason.split("; use ").next().unwrap_or_default();
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    PolicyError::Shape {
        place,
        reason: reason.chars().take(300).collect(),
    }
}

fn rule(place: &Place, reason: String) -> PolicyError {
    PolicyError::Rule {
        place: place.clone(),
        reason,
    }
}

fn pattern(text: &str) -> Pattern {
    if text.contains('*') {
        Pattern::Glob(text.to_owned())
    } else {
        Pattern::Exact(text.to_owned())
    }
}

fn overlaps(a: &EdgeRule, b: &EdgeRule) -> bool {
    a.from == b.from
        && a.to == b.to
        && a.kind == b.kind
        && (a.tiers.is_empty() || b.tiers.is_empty() || a.tiers.iter().any(|t| b.tiers.contains(t)))
}

fn list<T: std::fmt::Display>(names: impl Iterator<Item = T>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
