//! Persons out of the signers of whom several have to sign: no key and no identity holds a role that
//! its own attestor does not carry there, and none is two persons.

use std::collections::{BTreeMap, BTreeSet};

use bulla_verify::Pattern;

use super::gaps::{Effect, Gap};
use super::names::Names;
use super::patterns::Matching;
use super::rules::Way;

/// Steps that comparing patterns with each other may take; what is not compared may overlap.
const EFFORT: usize = 1 << 24;

const OVERLAP: &str =
    "whoever fits two of these signers, or one of another set too, is nobody here";

/// Somebody whose approval counts.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) roles: BTreeSet<String>,
    pub(super) ways: Vec<Way>,
}

/// Approvals that a service asks for.
#[derive(Debug)]
pub(super) struct Approvals {
    /// Which one of the services.
    pub(super) service: usize,
    pub(super) role: String,
    pub(super) threshold: usize,
    /// Those who can be somebody, each with its name and ways.
    pub(super) signers: Vec<(String, Vec<Way>)>,
    /// What is told if persons cannot say it.
    pub(super) unsaid: Gap,
}

/// Everybody who approves, and what they cannot say.
#[derive(Debug, Default)]
pub(super) struct Roll {
    pub(super) persons: Vec<Person>,
    /// Each with its service.
    pub(super) denied: Vec<(usize, Gap)>,
    pub(super) narrower: Vec<Gap>,
}

/// What tells a signer from others, whatever is asked about the time.
pub(super) type Known<'a> = (&'a str, Option<&'a Matching>);

/// See [`Known`].
pub(super) fn known_by(way: &Way) -> Known<'_> {
    match way {
        Way::Key { pem, .. } => (pem, None),
        Way::Certificate { issuer, subject } => (issuer, Some(subject)),
    }
}

impl Roll {
    /// Ways are one person if the same attestors have them, or if they are one of several attestors
    /// of whom more than one has to sign. A person has the role of a set if the set has all its ways.
    ///
    /// So whoever has a role signs for an attestor of the set, and two who have it for two of them.
    /// What is lost by that is told, and denied.
    pub(super) fn of(asked: &[Approvals]) -> Self {
        let blocks = Blocks::of(asked);
        let mut roll = Self {
            persons: blocks.persons(asked),
            ..Self::default()
        };
        let doubtful = blocks.overlapping();
        for one in asked {
            let ways: BTreeSet<_> = ways(one).map(known_by).collect();
            let mut met: BTreeMap<usize, usize> = BTreeMap::new();
            for block in ways.iter().filter_map(|way| blocks.of.get(way)) {
                *met.entry(*block).or_default() += 1;
            }
            let mut whole = 0;
            for (block, count) in &met {
                if let Some(person) = roll.persons.get_mut(*block)
                    && person.ways.len() == *count
                {
                    person.roles.insert(one.role.clone());
                    whole += 1;
                }
            }
            let each = one.threshold < 2 || whole == one.signers.len();
            if whole < met.len() || !each {
                roll.denied.push((one.service, one.unsaid.clone()));
            }
            if !ways.is_disjoint(&doubtful) {
                roll.narrower.push(Gap {
                    effect: Effect::Stricter,
                    why: OVERLAP.to_owned(),
                    ..one.unsaid.clone()
                });
            }
        }
        roll
    }
}

fn ways(asked: &Approvals) -> impl Iterator<Item = &Way> {
    asked.signers.iter().flat_map(|(_, ways)| ways)
}

/// Which ways are one person's.
struct Blocks<'a> {
    /// In the order in which they were met, and by that number.
    ways: Vec<Vec<&'a Way>>,
    of: BTreeMap<Known<'a>, usize>,
}

impl<'a> Blocks<'a> {
    fn of(asked: &'a [Approvals]) -> Self {
        let mut order = Vec::new();
        let mut attestors: BTreeMap<Known<'a>, BTreeSet<usize>> = BTreeMap::new();
        let signers = asked.iter().flat_map(|one| &one.signers);
        for (number, (_, ways)) in signers.enumerate() {
            for way in ways {
                let own = attestors.entry(known_by(way)).or_default();
                if own.is_empty() {
                    order.push(way);
                }
                own.insert(number);
            }
        }
        let mut alike = BTreeMap::new();
        let mut groups = BTreeMap::new();
        for way in &order {
            let next = alike.len();
            let group = *alike.entry(attestors.get(&known_by(way))).or_insert(next);
            groups.insert(known_by(way), group);
        }
        let mut joined = Joined((0..alike.len()).collect());
        for one in asked.iter().filter(|one| one.threshold > 1) {
            for (_, ways) in &one.signers {
                let mut own = ways.iter().filter_map(|way| groups.get(&known_by(way)));
                if let Some(first) = own.next() {
                    own.for_each(|other| joined.join(*first, *other));
                }
            }
        }
        let mut blocks = Self {
            ways: Vec::new(),
            of: BTreeMap::new(),
        };
        let mut numbers = BTreeMap::new();
        for way in order {
            let group = groups.get(&known_by(way)).copied().unwrap_or_default();
            let number = *numbers
                .entry(joined.first(group))
                .or_insert(blocks.ways.len());
            match blocks.ways.get_mut(number) {
                Some(own) => own.push(way),
                None => blocks.ways.push(vec![way]),
            }
            blocks.of.insert(known_by(way), number);
        }
        blocks
    }

    /// One for each, without roles, called as the first attestor of whom it is the whole or a part.
    fn persons(&self, asked: &[Approvals]) -> Vec<Person> {
        let mut called: BTreeMap<Known<'_>, (&str, usize)> = BTreeMap::new();
        for (name, ways) in asked.iter().flat_map(|one| &one.signers) {
            for way in ways {
                let size = ways.len();
                called.entry(known_by(way)).or_insert((name, size));
            }
        }
        let mut names = Names::default();
        let persons = self.ways.iter().map(|own| {
            let first = own.first().and_then(|way| called.get(&known_by(way)));
            let (name, size) = first.copied().unwrap_or_default();
            let wanted = if own.len() < size {
                format!("{name}-part")
            } else {
                name.to_owned()
            };
            Person {
                name: names.unused(&wanted, "signer"),
                roles: BTreeSet::new(),
                ways: own.iter().map(|way| (*way).clone()).collect(),
            }
        });
        persons.collect()
    }

    /// Those whom a certificate may fit that fits another person too: it is then nobody's.
    fn overlapping(&self) -> BTreeSet<Known<'a>> {
        let mut by_issuer: BTreeMap<&str, Vec<(&Matching, Pattern)>> = BTreeMap::new();
        for (issuer, subject) in self.of.keys() {
            if let Some(subject) = subject {
                let all = by_issuer.entry(issuer).or_default();
                all.push((subject, pattern(subject)));
            }
        }
        let (mut found, mut left) = (BTreeSet::new(), EFFORT);
        for (issuer, all) in by_issuer {
            let number = |one| self.of.get(&(issuer, Some(one)));
            let globs = all
                .iter()
                .filter(|(_, own)| matches!(own, Pattern::Glob(_)));
            for (one, own) in globs {
                for (other, theirs) in &all {
                    if number(one) == number(other) {
                        continue;
                    }
                    left = left.saturating_sub(length(one).saturating_mul(length(other)));
                    if left == 0 || own.may_meet(theirs) {
                        found.extend([(issuer, Some(*one)), (issuer, Some(*other))]);
                    }
                }
            }
        }
        found
    }
}

fn pattern(subject: &Matching) -> Pattern {
    match subject {
        Matching::Exact(text) => Pattern::Exact(text.clone()),
        Matching::Pattern(text) => Pattern::Glob(text.clone()),
    }
}

fn length(subject: &Matching) -> usize {
    let (Matching::Exact(text) | Matching::Pattern(text)) = subject;
    text.len().max(1)
}

/// Groups that became one: each names an earlier one, or itself.
struct Joined(Vec<usize>);

impl Joined {
    fn first(&mut self, group: usize) -> usize {
        let mut at = group;
        while let Some(next) = self.0.get(at).copied().filter(|next| *next != at) {
            // Half of the way is saved for whoever asks again.
            let beyond = self.0.get(next).copied().unwrap_or(next);
            if let Some(own) = self.0.get_mut(at) {
                *own = beyond;
            }
            at = beyond;
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        if let Some(later) = self.0.get_mut(one.max(other)) {
            *later = one.min(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gaps::Gaps;
    use super::super::node::At;
    use super::*;

    fn key(number: usize) -> Way {
        Way::Key {
            pem: number.to_string(),
            proven: true,
        }
    }

    /// Sets of attestors, each with its threshold and the keys of each.
    fn asked(sets: &[(usize, &[&[usize]])]) -> Vec<Approvals> {
        let one = |(number, (threshold, signers)): (usize, &(usize, &[&[usize]]))| Approvals {
            service: 0,
            role: number.to_string(),
            threshold: *threshold,
            signers: signers
                .iter()
                .map(|keys| {
                    (
                        "a".to_owned(),
                        keys.iter().map(|key| self::key(*key)).collect(),
                    )
                })
                .collect(),
            unsaid: Gaps::of("in.yaml").unsaid(At::default(), &number.to_string()),
        };
        sets.iter().enumerate().map(one).collect()
    }

    /// Whether those who hold these keys meet it there.
    fn met_there(one: &Approvals, held: &BTreeSet<Known<'_>>) -> bool {
        let met = |ways: &[Way]| ways.iter().any(|way| held.contains(&known_by(way)));
        let count = one.signers.iter().filter(|(_, ways)| met(ways)).count();
        count >= one.threshold
    }

    fn met_here(one: &Approvals, roll: &Roll, held: &BTreeSet<Known<'_>>) -> bool {
        let met = |person: &&Person| {
            let mut ways = person.ways.iter();
            person.roles.contains(&one.role) && ways.any(|way| held.contains(&known_by(way)))
        };
        roll.persons.iter().filter(met).count() >= one.threshold
    }

    #[test]
    fn a_key_of_two_attestors_gives_nobody_the_role_of_the_other() {
        let asked = asked(&[(1, &[&[2, 3]]), (1, &[&[3, 4]])]);
        let roll = Roll::of(&asked);
        assert!(roll.denied.is_empty());
        let shown: Vec<_> = roll
            .persons
            .iter()
            .map(|one| (&one.ways, &one.roles))
            .collect();
        let roles = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
        assert_eq!(
            shown,
            [
                (&vec![key(2)], &roles(&["0"])),
                (&vec![key(3)], &roles(&["0", "1"])),
                (&vec![key(4)], &roles(&["1"])),
            ]
        );
    }

    #[test]
    fn what_persons_cannot_say_is_denied() {
        // One of two keys is asked for by itself; the other one would come with it, or be a second person.
        let asked = asked(&[(2, &[&[1, 2], &[3]]), (1, &[&[1]])]);
        let roll = Roll::of(&asked);
        let fields: Vec<_> = roll
            .denied
            .iter()
            .map(|(_, gap)| gap.field.as_str())
            .collect();
        assert_eq!(fields, ["1"]);
        // The same key twice is no two persons.
        let twice = self::asked(&[(2, &[&[1], &[1]])]);
        assert_eq!(Roll::of(&twice).denied.len(), 1);
    }

    /// Nobody gets in who did not there, whatever keys the sets share; and everybody does where
    /// nothing was denied.
    #[test]
    fn no_signatures_meet_more_than_they_did() {
        let mut state = 7_u64;
        let mut below = |limit: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % limit
        };
        let (mut exact, mut denied) = (0, 0);
        for _ in 0..4000 {
            let sets: Vec<(usize, Vec<Vec<usize>>)> = (0..=below(3))
                .map(|_| {
                    let signers: Vec<Vec<usize>> = (0..=below(3))
                        .map(|_| {
                            let held = 1 + below(31);
                            (0..5).filter(|key| held >> key & 1 == 1).collect()
                        })
                        .collect();
                    (1 + below(signers.len()), signers)
                })
                .collect();
            let lists: Vec<(usize, Vec<&[usize]>)> = sets
                .iter()
                .map(|(count, signers)| (*count, signers.iter().map(Vec::as_slice).collect()))
                .collect();
            let borrowed: Vec<(usize, &[&[usize]])> = lists
                .iter()
                .map(|(count, keys)| (*count, keys.as_slice()))
                .collect();
            let asked = asked(&borrowed);
            let roll = Roll::of(&asked);
            let all: Vec<_> = roll.persons.iter().flat_map(|one| &one.ways).collect();
            assert_eq!(
                all.iter().collect::<BTreeSet<_>>().len(),
                all.len(),
                "{sets:?}"
            );
            for bits in 0..32_usize {
                let keys: Vec<_> = (0..5).filter(|key| bits >> key & 1 == 1).map(key).collect();
                let held: BTreeSet<_> = keys.iter().map(known_by).collect();
                for one in &asked {
                    let there = met_there(one, &held);
                    let here = met_here(one, &roll, &held);
                    assert!(there || !here, "{sets:?}: {bits:b}, {}", one.role);
                    let unsaid = roll.denied.iter().any(|(_, gap)| gap.field == one.role);
                    assert!(unsaid || here == there, "{sets:?}: {bits:b}, {}", one.role);
                    exact += usize::from(!unsaid);
                    denied += usize::from(unsaid);
                }
            }
        }
        assert!(exact > 1000 && denied > 1000, "{exact} {denied}");
    }

    #[test]
    fn whoever_fits_two_persons_is_told() {
        let way = |subject: Matching| Way::Certificate {
            issuer: "https://a.example".to_owned(),
            subject,
        };
        let alice = way(Matching::Exact("alice@a.example".to_owned()));
        let all = way(Matching::Pattern("**@a.example".to_owned()));
        let other = way(Matching::Pattern("**@b.example".to_owned()));
        for (ways, told) in [([alice.clone(), all], 1), ([alice, other], 0)] {
            let mut asked = asked(&[(2, &[&[], &[]])]);
            for ((_, own), way) in asked[0].signers.iter_mut().zip(ways) {
                own.push(way);
            }
            let roll = Roll::of(&asked);
            assert_eq!(roll.narrower.len(), told);
            assert!(roll.denied.is_empty());
        }
    }
}
