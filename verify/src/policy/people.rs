//! Persons: what identities are mapped to before anything is counted.

use std::collections::BTreeMap;

use jiff::Timestamp;

use bulla_model::{Identity, Person, Role};

use super::account::Account;
use super::identity::{IdentityRule, Matched};
use crate::verified::SignedTime;

/// Persons and machines with their identities.
#[derive(Clone, Debug, Default)]
pub struct People {
    pub(super) persons: BTreeMap<Person, PersonRule>,
    pub(super) machines: BTreeMap<String, Vec<IdentityRule>>,
}

/// A person.
#[derive(Clone, Debug, Default)]
pub(super) struct PersonRule {
    pub(super) roles: Vec<Role>,
    pub(super) emails: Vec<String>,
    pub(super) accounts: Vec<Account>,
    pub(super) identities: Vec<IdentityRule>,
}

/// Who stands behind an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person.
    Person(Person),
    /// A machine the policy declares: nobody for thresholds, and nobody's second account.
    Machine(String),
    /// A person's or machine's key outside its time.
    OutOfTime,
    /// Nobody the policy knows: nobody for thresholds, everybody for exclusions.
    Unknown,
}

impl People {
    /// Who stands behind this signer, having signed at that time.
    pub fn actor(&self, signer: &Identity, time: SignedTime, now: Timestamp) -> Actor {
        let matched = |rules: &[IdentityRule]| {
            rules
                .iter()
                .map(|rule| rule.matches(signer, time, now))
                .fold(Matched::No, |best, this| match (best, this) {
                    (Matched::Yes, _) | (_, Matched::Yes) => Matched::Yes,
                    (Matched::OutOfTime, _) | (_, Matched::OutOfTime) => Matched::OutOfTime,
                    (Matched::No, Matched::No) => Matched::No,
                })
        };
        let persons = self.persons.iter().map(|(person, rule)| {
            let actor = Actor::Person(person.clone());
            (actor, matched(&rule.identities))
        });
        let machines = self
            .machines
            .iter()
            .map(|(name, rules)| (Actor::Machine(name.clone()), matched(rules)));
        let mut found = None;
        let mut out_of_time = false;
        for (actor, matched) in persons.chain(machines) {
            match matched {
                Matched::No => {}
                Matched::OutOfTime => out_of_time = true,
                // Patterns may overlap; whoever could be two people is nobody in particular.
                Matched::Yes if found.is_some() => return Actor::Unknown,
                Matched::Yes => found = Some(actor),
            }
        }
        match (found, out_of_time) {
            (Some(actor), _) => actor,
            (None, true) => Actor::OutOfTime,
            (None, false) => Actor::Unknown,
        }
    }

    /// Everybody whose identity this is or was: for exclusions, where a key that is over still says
    /// who it was.
    pub(crate) fn at_any_time(&self, signer: &Identity) -> Vec<Person> {
        let persons = self.persons.iter();
        persons
            .filter(|(_, rule)| rule.identities.iter().any(|one| one.is_of(signer)))
            .map(|(person, _)| person.clone())
            .collect()
    }

    /// The person with this e-mail address.
    pub fn by_email(&self, email: &str) -> Option<&Person> {
        self.persons
            .iter()
            .find(|(_, rule)| {
                rule.emails
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(email))
            })
            .map(|(person, _)| person)
    }

    /// The person with this account on a platform, as statements write both.
    pub fn by_account(&self, platform: &str, id: &str) -> Option<(&Person, &Account)> {
        let mut persons = self.persons.iter();
        persons.find_map(|(person, rule)| {
            let account = rule.accounts.iter().find(|one| one.is(platform, id))?;
            Some((person, account))
        })
    }

    /// Whether this person holds one of these roles; without roles, anybody does.
    pub fn holds_one_of(&self, person: &Person, roles: &[Role]) -> bool {
        roles.is_empty()
            || self
                .persons
                .get(person)
                .is_some_and(|rule| rule.roles.iter().any(|role| roles.contains(role)))
    }

    /// The persons who hold one of these roles.
    pub fn holders(&self, roles: &[Role]) -> Vec<&Person> {
        self.persons
            .keys()
            .filter(|person| self.holds_one_of(person, roles))
            .collect()
    }

    /// How many persons there are.
    pub fn len(&self) -> usize {
        self.persons.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }

    pub(super) fn identities(&self) -> impl Iterator<Item = &IdentityRule> {
        let persons = self.persons.values().flat_map(|person| &person.identities);
        persons.chain(self.machines.values().flatten())
    }
}
