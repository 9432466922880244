//! Step 3: what was taken back, and how fresh the word on that is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::super::world::{Body, Checkpoint, Link, Minute, Policy, Target};
use super::people::{Actor, actor};
use super::who::{Match, matches, matches_at, named};
use super::{Cause, Given, Report, Seen, freeze, look};

/// The newest checkpoint, with those that it follows.
pub(super) struct Line<'a> {
    pub(super) newest: &'a Checkpoint,
    pub(super) issued: Minute,
    pub(super) before: Vec<&'a Checkpoint>,
}

/// What was revoked, by the statements about it.
pub(super) struct Held<'a> {
    pub(super) since: Minute,
    pub(super) targets: &'a [Target],
    open: bool,
}

pub(super) fn judge<'a>(given: &mut Given<'a>, report: &mut Report) -> Option<Line<'a>> {
    let mut all = look(given.world, true);
    all.extend(given.seen.iter().cloned());
    all.retain(|seen| seen.refused.is_none());
    let checkpoints = readable(given, &all);
    let mut listed: BTreeMap<Link, Minute> = BTreeMap::new();
    for (seen, said) in &checkpoints {
        for link in &said.revocations {
            let word = seen.time.word.unwrap_or(given.now);
            let since = listed.entry(*link).or_insert(word);
            *since = word.min(*since);
        }
    }
    let held = revocations(given, &all, &listed, report);
    let force = in_force(given, &all, &held, &listed);
    let newest = freshness(given, &all, &checkpoints, report);
    if given.world.ledger_unavailable {
        report.fail("revocations", "evidence-incomplete", Cause::Undetermined);
    }
    if let Some((_, newest)) = newest
        && newest.revocations.iter().any(|one| !held.contains_key(one))
    {
        report.fail("revocations", "revocation-unknown", Cause::Undetermined);
    }
    if force.iter().any(|one| held[one].open) {
        report.fail("revocations", "revocation-unknown", Cause::Undetermined);
    }
    calendars(given, &all, &checkpoints, &held, &force);
    void(given, &held, &force, report);
    let (seen, newest) = newest?;
    given.retired = newest.retired.iter().collect();
    given.retired.retain(|(_, _, link)| {
        let mut force = force.iter().map(|one| &held[one]);
        !force.any(|one| {
            let mut targets = one.targets.iter();
            !one.open && targets.any(|one| matches!(one, Target::Attestation(of) if of == link))
        })
    });
    let mut before: Vec<&Checkpoint> = Vec::new();
    let mut last = newest;
    while let Some((_, said)) = checkpoints
        .iter()
        .find(|(seen, said)| Some(seen.link) == last.previous && said.serial < last.serial)
    {
        before.push(said);
        last = said;
    }
    Some(Line {
        newest,
        issued: seen.time.word?,
        before,
    })
}

/// Step 3.3.
fn calendars<'a>(
    given: &mut Given<'a>,
    all: &[Seen<'a>],
    checkpoints: &[(&Seen<'a>, &'a Checkpoint)],
    held: &BTreeMap<Link, Held<'a>>,
    force: &[Link],
) {
    let mut listed: BTreeMap<Link, Minute> = BTreeMap::new();
    for (seen, said) in checkpoints {
        if let (Some((_, link)), Some(word)) = (said.freeze, seen.time.word) {
            let since = listed.entry(link).or_insert(word);
            *since = word.min(*since);
        }
    }
    let force: Vec<_> = force.iter().map(|link| &held[link]).collect();
    let force: Vec<_> = force.into_iter().filter(|one| !one.open).collect();
    let there = freeze::gather(given, all, &listed, &force);
    let taken_back = |link: Link| {
        let mut targets = force.iter().flat_map(|one| one.targets);
        targets.any(|one| matches!(one, Target::Attestation(of) if *of == link))
    };
    let listed = checkpoints.iter().map(|(_, said)| said.freeze);
    given.calendars = freeze::Calendars {
        missing: freeze::is_missing(&there, listed, taken_back),
        all: there,
    };
}

fn is_owner(given: &Given<'_>, seen: &Seen<'_>) -> bool {
    let owners = given.world.anchor.iter().flat_map(|anchor| &anchor.owners);
    matches(owners, seen.key, seen.time, given.now) == Match::Yes
}

fn ours<'a, 'b>(
    given: &Given<'_>,
    all: &'b [Seen<'a>],
) -> impl Iterator<Item = (&'b Seen<'a>, &'a Checkpoint)> {
    all.iter().filter_map(move |seen| {
        let Body::Checkpoint(said) = seen.body else {
            return None;
        };
        let future = seen.time.proof.is_none() && seen.time.contradicts(given.now, true);
        let counts = is_owner(given, seen) && !said.other_ledger && !future;
        counts.then_some((seen, said))
    })
}

fn is_unreadable(seen: &Seen<'_>, said: &Checkpoint) -> bool {
    let word = seen.time.word.unwrap_or_default();
    said.critical || seen.time.proof.is_some_and(|proof| word - proof > 10)
}

/// Newest first.
fn readable<'a, 'b>(given: &Given<'_>, all: &'b [Seen<'a>]) -> Vec<(&'b Seen<'a>, &'a Checkpoint)> {
    let good = ours(given, all).filter(|(seen, said)| !is_unreadable(seen, said));
    let mut good: Vec<_> = good.collect();
    good.sort_by_key(|(seen, said)| {
        let name = &given.order.statements[seen.link];
        (Reverse(said.serial), name, seen.time.doubt())
    });
    good.dedup_by_key(|(seen, _)| seen.link);
    good
}

fn freshness<'a, 'b>(
    given: &Given<'_>,
    all: &'b [Seen<'a>],
    checkpoints: &[(&'b Seen<'a>, &'a Checkpoint)],
    report: &mut Report,
) -> Option<(&'b Seen<'a>, &'a Checkpoint)> {
    let check = "freshness";
    let world = given.world;
    let demanded = given.current().places[world.asked].freshness;
    if demanded.is_none() {
        report.tell("revocations-unproven", "warning", check);
    }
    let newest = checkpoints.first().copied();
    let is_known = |link: Link| checkpoints.iter().any(|(seen, _)| seen.link == link);
    for (seen, said) in ours(given, all).filter(|(seen, said)| is_unreadable(seen, said)) {
        let newer = newest.is_none_or(|(_, newest)| said.serial >= newest.serial);
        if newer && !is_known(seen.link) {
            report.fail(check, "checkpoint-unknown", Cause::Undetermined);
        }
    }
    let remembered = world.state.as_ref().and_then(|state| state.checkpoint);
    let expired = if world.ledger_unavailable {
        Cause::Undetermined
    } else {
        Cause::Expired
    };
    let Some((seen, said)) = newest else {
        if remembered.is_some() {
            report.fail(check, "checkpoint-rollback", expired);
        } else if demanded.is_some() {
            report.fail(check, "freshness-unproven", Cause::Undetermined);
        }
        return None;
    };
    let twin = checkpoints
        .get(1)
        .is_some_and(|(_, next)| next.serial == said.serial);
    let other = |(serial, digest): (u64, Option<Link>)| {
        (serial == said.serial && digest != Some(seen.link))
            || (serial + 1 == said.serial && digest != said.previous)
    };
    if twin || remembered.is_some_and(other) {
        report.fail(check, "checkpoint-equivocation", Cause::Denied);
    } else if remembered.is_some_and(|(serial, _)| serial > said.serial) {
        report.fail(check, "checkpoint-rollback", expired);
    }
    let version = given.current().version;
    if said.policy.0 > version {
        report.fail(check, "policy-rollback", Cause::Expired);
    } else if said.policy.0 == version && !said.policy.1 {
        report.fail(check, "policy-equivocation", Cause::Denied);
    }
    if let Some((promote, admit)) = demanded {
        let age = seen.time.issued().map(|issued| (given.now - issued).max(0));
        let limit = match world.before {
            Some(_) => promote,
            None => promote.max(admit),
        };
        if given.now >= said.not_after || age.is_none_or(|age| age > limit) {
            report.fail(check, "checkpoint-stale", expired);
        } else if age.is_some_and(|age| age > promote) {
            report.tell("checkpoint-stale", "warning", check);
        }
        report.passed = true;
    }
    Some((seen, said))
}

/// Step 3.1: what counts or is open, by statement.
fn revocations<'a>(
    given: &Given<'_>,
    all: &[Seen<'a>],
    listed: &BTreeMap<Link, Minute>,
    report: &mut Report,
) -> BTreeMap<Link, Held<'a>> {
    let mut loaded = given.world.policies.iter().filter(|policy| policy.loaded);
    if loaded.all(|policy| policy.revocations.is_none()) {
        if given.world.policies.iter().any(|policy| !policy.loaded) {
            report.tell("revocations-unproven", "warning", "revocations");
        }
        return BTreeMap::new();
    }
    let counting = all.iter().filter(|seen| match seen.body {
        Body::Revocation { targets } if is_lift(targets) => may_lift(given, seen, listed),
        Body::Revocation { targets } if is_open(targets) => {
            may_revoke(given, seen) || may_lift(given, seen, listed)
        }
        Body::Revocation { .. } => may_revoke(given, seen),
        _ => false,
    });
    let mut held = BTreeMap::new();
    let mut counting: Vec<_> = counting.collect();
    counting.sort_by_key(|seen| (seen.link, seen.time.doubt()));
    for seen in counting {
        let Body::Revocation { targets } = seen.body else {
            continue;
        };
        let since = seen.time.issued().unwrap_or_default();
        let open = is_open(targets);
        held.entry(seen.link).or_insert(Held {
            since,
            targets,
            open,
        });
    }
    held
}

/// Whether nobody here knows what it takes back.
fn is_open(targets: &[Target]) -> bool {
    targets.iter().any(|one| matches!(one, Target::Unknown))
}

fn is_lift(targets: &[Target]) -> bool {
    targets.iter().all(|one| matches!(one, Target::Lift(_)))
}

fn by<'p>(
    policy: &'p Policy,
    names: impl Fn(&'p Policy) -> Option<&'p [usize]>,
) -> impl Iterator<Item = &'p super::super::world::Known> {
    let names = names(policy).into_iter().flatten();
    names.flat_map(|name| &policy.identities[*name])
}

fn may_revoke(given: &Given<'_>, seen: &Seen<'_>) -> bool {
    named_then(given, seen, |policy| {
        policy.revocations.as_ref().map(|rule| &rule.by[..])
    })
}

/// Whether names answered yes when a statement was made, by the current version or one before.
pub(super) fn named_then(
    given: &Given<'_>,
    seen: &Seen<'_>,
    names: impl Fn(&Policy) -> Option<&[usize]> + Copy,
) -> bool {
    let existed = seen.time.existed().unwrap_or_default();
    match matches_at(by(given.current(), names), seen.key, existed) {
        Match::Yes => true,
        Match::Late => false,
        Match::No => {
            let mut before = given.world.policies[1..].iter().filter(|one| one.loaded);
            before.any(|policy| {
                policy.until.is_none_or(|until| existed <= until)
                    && matches_at(by(policy, names), seen.key, existed) == Match::Yes
            })
        }
    }
}

fn lifters(policy: &Policy) -> Option<&[usize]> {
    policy.revocations.as_ref().map(|rule| &rule.lift[..])
}

/// The version whose rule on lifts applies: the current one, else the latest before that has one.
fn lifts(given: &Given<'_>) -> Option<usize> {
    let mut versions = given.world.policies.iter();
    versions.position(|policy| policy.loaded && policy.revocations.is_some())
}

fn may_lift(given: &Given<'_>, seen: &Seen<'_>, listed: &BTreeMap<Link, Minute>) -> bool {
    let now = lifts(given).is_some_and(|version| {
        let rule = given.world.policies[version].revocations.iter();
        let names: Vec<_> = rule.flat_map(|rule| &rule.lift).copied().collect();
        named(given.world, version, &names, seen.key, seen.time) == Match::Yes
    });
    let then = listed.contains_key(&seen.link) && named_then(given, seen, lifters);
    let claimed = seen.time.proof.is_none() && seen.time.contradicts(given.now, true);
    (now || then) && !claimed
}

fn in_force(
    given: &Given<'_>,
    all: &[Seen<'_>],
    held: &BTreeMap<Link, Held<'_>>,
    listed: &BTreeMap<Link, Minute>,
) -> Vec<Link> {
    let threshold =
        lifts(given).and_then(|version| given.world.policies[version].revocations.as_ref());
    let threshold = threshold.map_or(1, |rule| rule.threshold);
    let signers = held
        .values()
        .filter(|one| !one.open)
        .flat_map(|one| one.targets);
    let signers: Vec<_> = signers.collect();
    let voided = |seen: &Seen<'_>| {
        let then = listed.get(&seen.link).copied();
        let proof = seen.time.proof.into_iter().chain(then).min();
        signers.iter().any(|target| match target {
            Target::Signer { key, from, .. } => *key == seen.key && !is_before(proof, *from),
            _ => false,
        })
    };
    let over = |link: Link| {
        let mut persons = BTreeSet::new();
        let mut any = false;
        for seen in all {
            let Body::Revocation { targets } = seen.body else {
                continue;
            };
            let lifts = targets
                .iter()
                .any(|one| matches!(one, Target::Lift(of) if *of == link));
            if !lifts || !is_lift(targets) || !may_lift(given, seen, listed) || voided(seen) {
                continue;
            }
            any = true;
            persons.extend(lifter(given, seen, listed));
        }
        if threshold == 1 {
            any
        } else {
            persons.len() >= threshold
        }
    };
    let revoking = held.iter().filter(|(_, one)| !is_lift(one.targets));
    let revoking = revoking.map(|(link, _)| *link);
    revoking.filter(|link| !over(*link)).collect()
}

/// Persons are those of the current version; of a listed lift those of then, by any version.
fn lifter(given: &Given<'_>, seen: &Seen<'_>, listed: &BTreeMap<Link, Minute>) -> Option<usize> {
    let then = seen
        .time
        .existed()
        .filter(|_| listed.contains_key(&seen.link));
    let at = then.unwrap_or(given.now);
    let versions = given.world.policies.iter().enumerate();
    let mut versions = versions.filter(|(version, policy)| {
        *version == 0 || (policy.loaded && listed.contains_key(&seen.link))
    });
    versions.find_map(|(_, policy)| {
        match actor(policy, |keys| matches(keys, seen.key, seen.time, at)) {
            Actor::Person(person) => Some(person),
            _ => None,
        }
    })
}

/// Certainly before a time: by proof alone.
fn is_before(proof: Option<Minute>, from: Option<Minute>) -> bool {
    matches!((proof, from), (Some(proof), Some(from)) if proof < from)
}

/// Step 3.4.
fn void<'a>(
    given: &mut Given<'a>,
    held: &BTreeMap<Link, Held<'a>>,
    force: &[Link],
    report: &mut Report,
) {
    let reached = given.covering.clone();
    let revoked = |target: &Target| matches!(target, Target::Subject(one) if reached.contains(one));
    let mut clear = true;
    given.edges = force
        .iter()
        .filter(|link| !held[link].open)
        .flat_map(|link| held[link].targets)
        .filter(|target| matches!(target, Target::Edge { .. }))
        .collect();
    for link in force.iter().filter(|link| !held[link].open) {
        let one = &held[link];
        if one.targets.iter().any(revoked) {
            report.fail("revocations", "revoked", Cause::Expired);
            clear = false;
        }
        for seen in &mut given.seen {
            let kept = matches!(seen.body, Body::Revocation { .. } | Body::Checkpoint(_));
            let hit = one
                .targets
                .iter()
                .any(|target| reaches(target, seen, one.since, &reached));
            if hit && !kept && seen.refused.is_none() {
                seen.refused = Some((Cause::Expired, "revoked"));
                seen.revoked = true;
            }
        }
    }
    report.passed |= clear;
}

pub(super) fn reaches(target: &Target, seen: &Seen<'_>, since: Minute, reached: &[usize]) -> bool {
    match target {
        Target::Subject(_) | Target::Lift(_) | Target::Unknown => false,
        Target::Attestation(link) => seen.link == *link,
        Target::Signer { key, from, .. } => seen.key == *key && !is_before(seen.time.proof, *from),
        Target::Builder { builder, from, .. } => {
            matches!(seen.body, Body::Provenance { builder: one, .. } if one == builder)
                && !is_before(seen.time.proof, *from)
        }
        Target::Edge {
            step,
            audience,
            service,
            subjects,
        } => {
            let Body::Promotion(said) = seen.body else {
                return false;
            };
            let about = seen.subjects.iter().any(|one| reached.contains(one));
            let about =
                |one: &usize| seen.subjects.contains(one) || (about && reached.contains(one));
            said.step == *step
                && (audience.is_empty() || *audience == said.audience)
                && service.is_none_or(|service| service == said.service)
                && (subjects.is_empty() || subjects.iter().any(about))
                && !is_before(seen.time.proof, Some(since))
        }
    }
}
