//! Step 3.3 and the section on freezes: which calendars were there, and what they hold up.

use std::collections::BTreeMap;

use super::super::world::{Approvals, Body, Calendar, Exclusion, Link, Minute, Window};
use super::ledger::{Held, named_then, reaches};
use super::requirements::{Taken, counted};
use super::who::{Match, matches};
use super::{Cause, Given, Report, Seen};

/// A calendar at hand, of all its copies.
pub(super) struct There<'a> {
    link: Link,
    said: &'a Calendar,
    sure: bool,
    void: bool,
    early: Minute,
    proof: Option<Minute>,
    claim: Option<Minute>,
}

/// What the ledger says of freezes.
#[derive(Default)]
pub(super) struct Calendars<'a> {
    /// Lowest serial first.
    pub(super) all: Vec<There<'a>>,
    /// Whether one that a checkpoint lists is missing.
    pub(super) missing: bool,
}

/// What the newest checkpoint lists has to be held; where that is void, what an earlier one lists,
/// unless a newer one is there.
pub(super) fn is_missing(
    there: &[There<'_>],
    mut listed: impl Iterator<Item = Option<(u64, Link)>>,
    taken_back: impl Fn(Link) -> bool,
) -> bool {
    let Some(Some(newest)) = listed.next() else {
        return false;
    };
    let top = there.iter().filter(|one| one.sure && !one.void);
    let top = top.filter_map(|one| one.said.serial).max();
    for (serial, link) in std::iter::once(newest).chain(listed.flatten()) {
        match there.iter().find(|one| one.link == link) {
            Some(one) if one.void => {}
            Some(one) if one.said.serial == Some(serial) => return false,
            None if taken_back(link) => {}
            _ => return link == newest.1 || top.is_none_or(|top| top <= serial),
        }
    }
    false
}

/// By whom a calendar has to be signed, under any version that is loaded.
fn names<'a>(given: &'a Given<'_>) -> impl Iterator<Item = (usize, &'a [usize])> {
    let policies = given.world.policies.iter().enumerate();
    policies
        .filter(|(_, policy)| policy.loaded)
        .filter_map(|(version, policy)| Some((version, policy.freezes.as_deref()?)))
}

fn keys(given: &Given<'_>, version: usize, seen: &Seen<'_>, is: impl Fn(Match) -> bool) -> bool {
    let policy = &given.world.policies[version];
    let names = policy.freezes.iter().flatten();
    let known = names.flat_map(|name| &policy.identities[*name]);
    is(matches(known, seen.key, seen.time, given.now))
}

pub(super) fn gather<'a>(
    given: &Given<'a>,
    all: &[Seen<'a>],
    listed: &BTreeMap<Link, Minute>,
    force: &[&Held<'a>],
) -> Vec<There<'a>> {
    let mut copies: BTreeMap<Link, (&'a Calendar, Vec<&Seen<'a>>)> = BTreeMap::new();
    for seen in all {
        let Body::Freeze(said) = seen.body else {
            continue;
        };
        let whenever = |version| keys(given, version, seen, |found| found != Match::No);
        let by = named_then(given, seen, |policy| policy.freezes.as_deref())
            || (listed.contains_key(&seen.link)
                && names(given).any(|(version, _)| whenever(version)));
        if by && !said.other_ledger {
            let held = copies.entry(seen.link).or_insert((said, Vec::new()));
            held.1.push(seen);
        }
    }
    let mut there: Vec<_> = copies
        .into_iter()
        .map(|(link, (said, copies))| one(given, said, &copies, listed.get(&link).copied(), force))
        .collect();
    there.sort_by_key(|one| one.said.serial);
    for place in 0..there.len() {
        if let Some(other) = follows(&there, &there[place]) {
            there[place].early = there[place].early.max(other.early);
        }
    }
    there
}

fn one<'a>(
    given: &Given<'a>,
    said: &'a Calendar,
    copies: &[&Seen<'a>],
    listed: Option<Minute>,
    force: &[&Held<'a>],
) -> There<'a> {
    let is_sure = |seen: &&Seen<'_>| {
        let existed = seen.time.existed();
        let before = |version: usize| {
            let until = given.world.policies[version].until;
            seen.time.proof.is_some() && until.is_some_and(|until| existed <= Some(until))
        };
        names(given).any(|(version, _)| {
            (version == 0 || before(version))
                && keys(given, version, seen, |found| found == Match::Yes)
        })
    };
    let proof = copies
        .iter()
        .filter_map(|seen| seen.time.proof)
        .chain(listed)
        .min();
    let claim = copies[0].time.word;
    let taken_back = |seen: &&Seen<'a>| {
        let mut seen = Seen::clone(seen);
        if listed.is_some() {
            seen.time.proof = proof;
        }
        let mut force = force.iter();
        force.any(|one| {
            let mut targets = one.targets.iter();
            targets.any(|target| reaches(target, &seen, one.since, &given.covering))
        })
    };
    let proofs = copies.iter().filter_map(|seen| seen.time.proof);
    There {
        link: copies[0].link,
        said,
        sure: listed.is_some() || copies.iter().any(is_sure),
        void: copies.iter().all(taken_back),
        early: proofs
            .chain(claim)
            .min()
            .unwrap_or(Minute::MIN)
            .min(given.now),
        proof,
        claim,
    }
}

/// The one that a calendar names, if that is at hand and its serial is one lower.
fn follows<'b, 'a>(all: &'b [There<'a>], one: &There<'_>) -> Option<&'b There<'a>> {
    let previous = all
        .iter()
        .find(|other| Some(other.link) == one.said.previous)?;
    let next = previous.said.serial? + 1;
    (one.said.serial == Some(next)).then_some(previous)
}

/// What of the calendars was there at a time, or may have been.
#[derive(Default)]
struct Applying<'b, 'a> {
    all: Vec<&'b There<'a>>,
    /// Of the newest, whether those that apply certainly do.
    newest: Vec<bool>,
    none: bool,
    gap: bool,
}

/// When it is asked what was there.
#[derive(Clone, Copy)]
enum Moment {
    /// A step that was taken then: what is of the same moment was not there.
    At(Minute),
    /// As if it had been taken a moment later.
    After(Minute),
    /// A step that is about to be taken: all that is at hand is there.
    Now,
}

impl Moment {
    fn is_after(self, other: Minute) -> bool {
        match self {
            Self::At(at) => other < at,
            Self::After(at) => other <= at,
            Self::Now => true,
        }
    }
}

fn applying<'b, 'a>(given: &'b Given<'a>, at: Moment, claims: bool) -> Applying<'b, 'a> {
    let all = &given.calendars.all;
    let sure = all.iter().filter(|one| one.sure && !one.void);
    let highest = sure.clone().filter_map(|one| one.said.serial).max();
    let mut found = Applying {
        none: highest.is_none(),
        ..Applying::default()
    };
    for newest in sure.filter(|one| highest.is_some() && one.said.serial == highest) {
        let mut by = given.now;
        let mut next = Some(newest);
        let mut last = newest;
        let mut certain = false;
        while let Some(one) = next.filter(|_| !certain) {
            by = by.min(one.proof.unwrap_or(by));
            by = by.min(one.claim.filter(|_| claims).unwrap_or(by));
            if !one.void && at.is_after(one.early) {
                certain = at.is_after(by);
                found.all.push(one);
                if one.link == newest.link {
                    found.newest.push(certain);
                }
            }
            last = one;
            next = follows(all, one);
        }
        if !certain {
            let whole = last.said.serial == Some(1);
            found.none |= whole;
            found.gap |= !whole;
        }
    }
    for one in all.iter().filter(|one| !one.void && at.is_after(one.early)) {
        match one.said.serial {
            None => found.all.push(one),
            serial if !one.sure && serial > highest => found.all.push(one),
            Some(_) => {}
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    No,
    Unknown,
    Over,
    Frozen,
    /// But for approvals.
    Waits,
}

/// The section on freezes, of a step that was taken, or is about to be.
pub(super) fn judge(
    given: &Given<'_>,
    taken: &Taken<'_>,
    rules: &[&Approvals],
    report: &mut Report,
) {
    let policy = &given.world.policies[taken.version];
    if policy.freezes.is_none() {
        return;
    }
    let mut told = Report::default();
    if !taken.is_next {
        at(given, taken, rules, Moment::At(taken.at), &mut told);
        report.take(told);
        return;
    }
    at(given, taken, rules, Moment::Now, &mut told);
    let mut later = Report::default();
    for moment in [Moment::At(taken.at), Moment::After(taken.at)] {
        at(given, taken, rules, moment, &mut later);
    }
    if told.failed.is_empty() && !later.failed.is_empty() {
        report.fail("freeze", "freeze-unknown", Cause::Undetermined);
    } else {
        report.take(told);
    }
}

fn at(
    given: &Given<'_>,
    taken: &Taken<'_>,
    rules: &[&Approvals],
    moment: Moment,
    report: &mut Report,
) {
    let policy = &given.world.policies[taken.version];
    let claims = policy.tiers[policy.services[taken.service].tier].claims;
    let found = applying(given, moment, claims);
    let frozen = if taken.is_next {
        Cause::NotYet
    } else {
        Cause::Denied
    };
    if found.newest.iter().filter(|certain| **certain).count() > 1 {
        report.fail("freeze", "freeze-equivocation", Cause::Denied);
        return;
    }
    let missing = given.calendars.missing;
    let mut told = found.all;
    told.sort_by_key(|one| std::cmp::Reverse(one.said.serial));
    let held: Vec<_> = told
        .iter()
        .map(|one| holds(given, taken, rules, one.said))
        .collect();
    let unusable = held.contains(&Hold::Unknown);
    let passes = found.none || held.contains(&Hold::No);
    let stops = held.iter().find(|one| **one != Hold::No).copied();
    if found.newest.len() > 1 || missing || found.gap || unusable || (passes && stops.is_some()) {
        report.fail("freeze", "freeze-unknown", Cause::Undetermined);
        return;
    }
    match stops {
        None | Some(Hold::No | Hold::Unknown) => report.passed = true,
        Some(Hold::Over) => report.fail("freeze", "freeze-expired", Cause::Expired),
        Some(Hold::Frozen) => report.fail("freeze", "frozen", frozen),
        Some(Hold::Waits) => report.fail("freeze", "frozen", given.soft(frozen)),
    }
}

fn holds(given: &Given<'_>, taken: &Taken<'_>, rules: &[&Approvals], calendar: &Calendar) -> Hold {
    if calendar.serial.is_none() || calendar.critical {
        return Hold::Unknown;
    }
    let meant = calendar.windows.iter().filter(|window| {
        let services = &window.services;
        window.places.contains(&taken.step.to)
            && (services.is_empty() || services.contains(&taken.service))
    });
    let meant: Vec<_> = meant.collect();
    if taken.at >= calendar.not_after && !meant.is_empty() {
        return Hold::Over;
    }
    if calendar.lost_zone && !meant.is_empty() {
        return Hold::Unknown;
    }
    let is_open = |window: &&&Window| window.from <= taken.at && taken.at < window.until;
    let (closed, open): (Vec<&Window>, Vec<&Window>) =
        meant.into_iter().partition(|window| window.closed);
    let mut stopping: Vec<_> = closed.iter().filter(is_open).copied().collect();
    if !open.iter().any(|window| is_open(&window)) {
        stopping.extend(open);
    }
    stopping.retain(|window| !window.exempt.contains(&taken.step.kind));
    if stopping.is_empty() {
        return Hold::No;
    }
    let extra: Option<Vec<usize>> = stopping.iter().map(|window| window.extra).collect();
    let Some(extra) = extra.and_then(|all| all.into_iter().max()) else {
        return Hold::Frozen;
    };
    let nobodys = Approvals {
        threshold: 0,
        role: None,
        exclude: vec![
            Exclusion::Author,
            Exclusion::Builder,
            Exclusion::Promoter,
            Exclusion::Requester,
        ],
        max_age: None,
    };
    let enough = |rule: &Approvals| {
        let (persons, known) = counted(given, taken, rule);
        known && persons >= rule.threshold + extra
    };
    let all = if rules.is_empty() {
        enough(&nobodys)
    } else {
        rules.iter().all(|rule| enough(rule))
    };
    if all { Hold::No } else { Hold::Waits }
}
