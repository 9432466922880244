//! The file of persons, and identities wherever they stand.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde_saphyr::Spanned;

use bulla_model::{Limits, Person, Validity};

use super::PolicyFile;
use super::account::Platform;
use super::identity::{CertificateRule, IdentityRule, Kind};
use super::parse::{PolicyError, read, rule};
use super::people::{People, PersonRule};
use super::place::Place;
use super::wire::{IdentityWire, PeopleFile};
use crate::pattern::Pattern;
use crate::public_key::PublicKey;

pub(super) fn parse_people(file: &PolicyFile, limits: &Limits) -> Result<People, PolicyError> {
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
    let mut accounts: BTreeMap<(Platform, NonZeroU64), Person> = BTreeMap::new();
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
        for account in &person.accounts {
            let key = (account.value.platform.clone(), account.value.id);
            let taken = accounts.insert(key, name.clone());
            if let Some(other) = taken {
                return Err(rule(
                    &Place::new(&path, account.referenced),
                    format!("{} is listed for `{other}` and for `{name}`", account.value),
                ));
            }
        }
        let accounts = person.accounts.into_iter().map(|one| one.value).collect();
        let identities = own(person.identities)?;
        people.persons.insert(
            name,
            PersonRule {
                roles: person.roles,
                emails: person.emails,
                accounts,
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

pub(super) fn identity(
    path: &Arc<str>,
    wire: Spanned<IdentityWire>,
) -> Result<IdentityRule, PolicyError> {
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
