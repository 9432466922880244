//! From bytes to checked rules.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use bulla_model::predicate::policy::{FileRole, SignedFile};
use bulla_model::{Digest, Limits, Service, Tier};

use super::digest::FileDigest;
use super::ledger::{freezes, revocations};
use super::people::People;
use super::persons::{identity, parse_people};
use super::place::Place;
use super::rules::{EdgeRule, EnvironmentRule, Freshness, ServiceRule, TierRule};
use super::scope::Scope;
use super::wire::{Base, EnvironmentWire, FreshnessWire, Permission, ServiceFile, TierWire};
use super::{Policy, PolicyFile, PolicyFiles, Predecessor};
use crate::evidence::Attestation;
use crate::pattern::Pattern;
use crate::regular::Patterns;

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
        let patterns = Patterns::new();
        let mut policy = parse_base(&files.base, &patterns, limits)?;
        if let Some(people) = &files.people {
            policy.people = parse_people(people, limits)?;
        }
        for file in &files.services {
            parse_service(file, &mut policy, &patterns, limits)?;
        }
        policy.files = signed_files(files);
        for file in &files.signatures {
            let found = file.bytes.len() as u64;
            if found > limits.configuration_bytes {
                let (file, limit) = (file.path.clone(), limits.configuration_bytes);
                return Err(PolicyError::Size { file, limit, found });
            }
            let signature = Attestation::bundle(file.bytes.clone(), None);
            policy.signatures.push(signature);
        }
        for predecessor in &files.predecessors {
            let earlier = Self::parse(predecessor, limits)?;
            let place = Place::of_file(&Arc::from(predecessor.base.path.as_str()));
            let digest = earlier.digest();
            let mut history = policy.history.iter();
            let is_listed =
                history.any(|entry| entry.version == earlier.version && entry.digest == digest);
            if earlier.name != policy.name || !is_listed {
                return Err(rule(
                    &place,
                    format!(
                        "`{}` version {} with digest {} is not in the `history` of {}",
                        earlier.name, earlier.version, digest, policy.base.path
                    ),
                ));
            }
            policy.predecessors.push(earlier);
        }
        Ok(policy)
    }
}

/// The files as owners sign them.
fn signed_files(files: &PolicyFiles) -> Vec<SignedFile> {
    let signed = |file: &PolicyFile, role| SignedFile {
        path: file.path.clone(),
        sha256: Digest::sha256(&file.bytes),
        role,
    };
    let services = files.services.iter();
    let mut out: Vec<_> = services
        .map(|file| signed(file, FileRole::Service))
        .collect();
    out.push(signed(&files.base, FileRole::Base));
    let people = files.people.iter();
    out.extend(people.map(|file| signed(file, FileRole::People)));
    out.sort();
    out
}

fn parse_base(
    file: &PolicyFile,
    patterns: &Patterns,
    limits: &Limits,
) -> Result<Policy, PolicyError> {
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
    let used = RefCell::default();
    let scope = Scope {
        path: &path,
        environments: &environments,
        identities: &identities,
        patterns,
        used: &used,
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
    let tighten = scope.tighten(base.tighten, Some(&tiers))?;
    let builders = scope.builders(base.builders)?;
    let revocations = revocations(&path, base.revocations, &identities)?;
    let freezes = freezes(&path, base.freezes, &identities)?;
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
            until: wire.until,
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
        tighten,
        builders,
        revocations,
        freezes,
        services: BTreeMap::new(),
        people: People::default(),
        history,
        predecessors: Vec::new(),
        files: Vec::new(),
        signatures: Vec::new(),
        used: used.into_inner(),
    })
}

fn parse_service(
    file: &PolicyFile,
    policy: &mut Policy,
    patterns: &Patterns,
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
    let used = RefCell::default();
    let scope = Scope {
        path: &path,
        environments: &policy.environments,
        identities: &policy.identities,
        patterns,
        used: &used,
    };
    let tighten = scope.tighten(wire.tighten, None)?;
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
    policy.used.append(&mut used.into_inner());
    policy.services.insert(name, service);
    Ok(())
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
                audience: sorted(wire.audience),
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

pub(crate) fn read<T: DeserializeOwned>(
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
    let value = super::from_yaml(text).map_err(|error| shape(&path, &error))?;
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

pub(super) fn rule(place: &Place, reason: String) -> PolicyError {
    PolicyError::Rule {
        place: place.clone(),
        reason,
    }
}

pub(crate) fn pattern(text: &str) -> Pattern {
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

pub(super) fn list<T: std::fmt::Display>(names: impl Iterator<Item = T>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Each once, in order: as statements hold them.
fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}
