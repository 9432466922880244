//! Persons, whatever key they use, of the current version of the policy.

use super::super::world::{Known, Policy};
use super::Given;
use super::who::{Match, Time, matches};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Actor {
    Person(usize),
    Machine,
    Late,
    Unknown,
}

impl Given<'_> {
    pub(super) fn actor(&self, key: usize, time: Time) -> Actor {
        actor(self.current(), |keys| matches(keys, key, time, self.now))
    }

    /// Everybody whose key this is or was.
    pub(super) fn anybody(&self, key: usize) -> impl Iterator<Item = usize> {
        let people = self.current().people.iter().enumerate();
        people
            .filter(move |(_, person)| person.keys.iter().any(|known| known.key == key))
            .map(|(person, _)| person)
    }
}

pub(super) fn actor(policy: &Policy, is: impl Fn(&[Known]) -> Match) -> Actor {
    let persons = policy.people.iter().enumerate();
    let persons = persons.map(|(person, rule)| (Actor::Person(person), is(&rule.keys)));
    let machines = policy
        .machines
        .iter()
        .map(|keys| (Actor::Machine, is(keys)));
    let found: Vec<_> = persons.chain(machines).collect();
    let yes: Vec<_> = found
        .iter()
        .filter(|(_, found)| *found == Match::Yes)
        .collect();
    match yes[..] {
        [(actor, _)] => *actor,
        [] if found.iter().any(|(_, found)| *found == Match::Late) => Actor::Late,
        _ => Actor::Unknown,
    }
}
