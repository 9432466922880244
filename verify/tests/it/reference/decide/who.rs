//! Who signed, and when.

use super::super::world::{Known, Minute, World};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    /// The same key at another time.
    Late,
    No,
}

/// When a statement was signed: as a log saw it, as it says itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    pub(super) proof: Option<Minute>,
    pub(super) word: Option<Minute>,
}

impl Time {
    pub(super) fn existed(self) -> Option<Minute> {
        self.proof.or(self.word)
    }

    pub(super) fn issued(self) -> Option<Minute> {
        match (self.proof, self.word) {
            (Some(proof), Some(word)) => Some(proof.min(word)),
            (Some(_), None) => None,
            (None, word) => word,
        }
    }

    pub(super) fn there(self, at: Minute) -> bool {
        self.existed().is_none_or(|existed| existed <= at + 1)
    }

    pub(super) fn contradicts(self, now: Minute, own: bool) -> bool {
        match (self.proof, self.word) {
            (Some(proof), Some(word)) => word - proof > 10 || (own && proof - word > 10),
            (None, Some(word)) => word > now + 1,
            (_, None) => false,
        }
    }

    /// Of copies the one with the least stands for all.
    pub(super) fn doubt(self) -> (bool, bool, Option<Minute>) {
        let apart = matches!((self.proof, self.word), (Some(proof), Some(word)) if (proof - word).abs() > 10);
        (apart, self.proof.is_none(), self.existed())
    }
}

fn in_window(known: &Known, at: Minute) -> bool {
    known.from.is_none_or(|from| from <= at) && known.until.is_none_or(|until| at < until)
}

pub(super) fn matches<'a>(
    all: impl IntoIterator<Item = &'a Known>,
    key: usize,
    time: Time,
    now: Minute,
) -> Match {
    let mut found = Match::No;
    for known in all.into_iter().filter(|known| known.key == key) {
        let good = match (time.proof, time.word) {
            (Some(proof), _) => in_window(known, proof),
            (None, Some(word)) => in_window(known, word) && in_window(known, now),
            (None, None) => in_window(known, now),
        };
        if good {
            return Match::Yes;
        }
        found = Match::Late;
    }
    found
}

/// As of one moment.
pub(super) fn matches_at<'a>(
    all: impl IntoIterator<Item = &'a Known>,
    key: usize,
    at: Minute,
) -> Match {
    let time = Time {
        proof: Some(at),
        word: None,
    };
    matches(all, key, time, at)
}

/// Whether names of a version match a signer, and the current version lets that stand.
pub(super) fn named(
    world: &World,
    version: usize,
    names: &[usize],
    key: usize,
    time: Time,
) -> Match {
    let policy = &world.policies[version];
    let rules = names.iter().flat_map(|name| &policy.identities[*name]);
    let found = matches(rules, key, time, world.now);
    if found != Match::Yes || version == 0 {
        return found;
    }
    let current = &world.policies[0];
    let mut now = matches(current.identities.iter().flatten(), key, time, world.now);
    if now == Match::No {
        let persons = current.people.iter().flat_map(|person| &person.keys);
        let all = persons.chain(current.machines.iter().flatten());
        now = matches(all, key, time, world.now);
    }
    let in_time = |until: Minute| time.existed().is_none_or(|existed| existed <= until);
    match (policy.until, now) {
        (None, Match::No) => Match::Late,
        (None, found) => found,
        (Some(_), _) if time.existed().is_none() => match now {
            Match::No => Match::Late,
            found => found,
        },
        (Some(until), Match::Yes) if in_time(until) => Match::Yes,
        (Some(until), Match::No) if time.proof.is_some() && in_time(until) => Match::Yes,
        _ => Match::Late,
    }
}
