//! How a world ends: what was taken back and listed, who asks, where and when.

use super::policies::{KEEPER, KEYS, MALLORY, PERSONS, RELEASE_KEYS, SECURITY, STRAY, known};
use super::story::Story;
use super::world::{
    Anchor, Body, Checkpoint, IMAGE, INDEX, Kind, Link, Minute, OTHER, Place, State, Target, Thing,
};

pub(super) fn end(story: &mut Story<'_>) {
    story.wait(1, 200);
    let calendars = story.calendars();
    let mut revocations = Vec::new();
    if story.chance.percent(22) {
        take_back(story, &calendars, &mut revocations);
    }
    let demanded = story.world.policies[0].places[story.world.asked].freshness;
    if story
        .chance
        .percent(if demanded.is_some() { 90 } else { 15 })
    {
        checkpoints(story, &revocations, &calendars);
        hide_retirements(story);
    }
    let world = &mut story.world;
    let chance = &mut *story.chance;
    if chance.percent(93) {
        world.anchor = Some(Anchor {
            owners: vec![known(KEEPER, chance)],
            audience: chance.one(&[vec![], vec![], vec![0], vec![1, 2]]),
            minimum: chance.one(&[None, None, None, None, None, None, None, Some(3)]),
        });
    }
    if chance.percent(7) {
        let version = world.policies[0].version;
        world.state = Some(State {
            policy: chance.one(&[None, Some((version, true)), Some((version, false))]),
            checkpoint: seen_checkpoint(&world.statements, chance),
        });
        if chance.percent(15) {
            world.state.as_mut().unwrap().policy = Some((version + 1, true));
        }
    }
    world.truncated = chance.percent(4);
    world.unavailable = chance.percent(6);
    world.ledger_unavailable = chance.percent(4);
    if world.before.is_none() && chance.percent(12) {
        world.asked = chance.below(world.policies[0].places.len());
    }
    world.now += match chance.below(20) {
        0 => -chance.minutes(0, 800),
        1..=3 => chance.minutes(0, 9000),
        _ => chance.minutes(0, 60),
    };
}

fn seen_checkpoint(
    statements: &[super::world::Statement],
    chance: &mut super::chance::Chance,
) -> Option<(u64, Option<Link>)> {
    let checkpoints = statements.iter().enumerate().filter_map(|(link, one)| {
        let Body::Checkpoint(said) = &one.body else {
            return None;
        };
        Some((said.serial, Some(link)))
    });
    let mut all: Vec<_> = checkpoints.collect();
    all.push((1 + chance.below(3) as u64, None));
    chance.percent(60).then(|| chance.one(&all))
}

fn span(story: &mut Story<'_>) -> (Option<Minute>, Option<Minute>) {
    let now = story.world.now;
    let from = [None, Some(now), Some(now - 300), Some(100)];
    let from = story.chance.one(&from);
    let until = story.chance.percent(30).then_some(now + 10);
    (from, until)
}

fn take_back(story: &mut Story<'_>, calendars: &[(Minute, Link)], done: &mut Vec<Link>) {
    for _ in 0..story.chance.one(&[1, 1, 2]) {
        let targets = if !calendars.is_empty() && story.chance.percent(50) {
            vec![of_a_calendar(story, calendars)]
        } else {
            vec![target(story)]
        };
        let key = story
            .chance
            .one(&[SECURITY, SECURITY, SECURITY, SECURITY, STRAY, MALLORY]);
        revoke(story, key, targets, done);
        story.wait(1, 100);
    }
    if story.chance.percent(40) {
        let of = story.chance.one(done);
        for keys in &PERSONS[..story.chance.one(&[1, 1, 2])] {
            let key = story.chance.one(&[SECURITY, keys[0], keys[0]]);
            revoke(story, key, vec![Target::Lift(of)], done);
            story.wait(1, 30);
        }
    }
}

fn revoke(story: &mut Story<'_>, key: usize, targets: Vec<Target>, done: &mut Vec<Link>) {
    let beside = matches!(targets[..], [Target::Subject(IMAGE)]) && story.chance.percent(40);
    let from = story.world.copies.len();
    let body = Body::Revocation { targets };
    let link = story.say_about(key, vec![IMAGE], body);
    for copy in &mut story.world.copies[from..] {
        copy.in_ledger = !beside;
    }
    // Otherwise its subject is the ledger.
    if !beside {
        story.world.statements[link].subjects.clear();
    }
    done.push(link);
}

fn of_a_calendar(story: &mut Story<'_>, calendars: &[(Minute, Link)]) -> Target {
    let (then, link) = story.chance.one(calendars);
    let soon = then + story.chance.one(&[-20, -1, 0, 1, 20]);
    if story.chance.percent(50) {
        return Target::Attestation(link);
    }
    Target::Signer {
        key: story.chance.one(&RELEASE_KEYS),
        from: story.chance.one(&[None, Some(soon), Some(soon)]),
        until: None,
    }
}

fn target(story: &mut Story<'_>) -> Target {
    let (from, until) = span(story);
    let statements = story.world.statements.len();
    match story.chance.below(9) {
        0 => Target::Subject(story.chance.one(&[IMAGE, OTHER, INDEX])),
        1 | 2 => Target::Attestation(story.chance.below(statements)),
        3 | 4 => Target::Edge {
            step: story.any_step(),
            audience: story.chance.one(&[vec![], vec![], vec![0]]),
            service: story.chance.one(&[None, Some(0), Some(1)]),
            subjects: story
                .chance
                .one(&[vec![], vec![IMAGE], vec![OTHER], vec![INDEX]]),
        },
        5 | 6 => Target::Signer {
            key: story.chance.below(KEYS),
            from,
            until,
        },
        7 => Target::Builder {
            builder: story.chance.below(2),
            from,
            until,
        },
        _ => Target::Unknown,
    }
}

fn checkpoints(story: &mut Story<'_>, revocations: &[Link], calendars: &[(Minute, Link)]) {
    let mut previous: Option<Link> = None;
    let count = story.chance.one(&[1, 1, 2, 3]);
    let end = story.world.now;
    // Calendars are listed when they are written.
    let mut times: Vec<_> = (1..count)
        .map(|_| match calendars {
            [] => end,
            some => story.chance.one(some).0 + story.chance.minutes(0, 200),
        })
        .collect();
    times.sort_unstable();
    times.push(end);
    for (serial, time) in (1..=count).zip(times) {
        story.world.now = time;
        story.wait(1, 60);
        let mut listed: Vec<_> = revocations.to_vec();
        let time = story.world.now;
        listed.retain(|link| story.world.statements[*link].word <= Some(time));
        if serial < count || story.oops() {
            listed.pop();
        }
        let slots = slots(story);
        let mut said = Checkpoint {
            other_ledger: story.oops(),
            serial,
            previous,
            not_after: story.world.now + story.chance.minutes(100, 4000),
            policy: (story.world.policies[0].version, true),
            revocations: listed,
            freeze: listed_calendar(story, calendars),
            slots,
            retired: retired(story),
            critical: story.oops(),
        };
        if story.oops() {
            said.policy = story
                .chance
                .one(&[(said.policy.0 + 1, true), (said.policy.0, false)]);
        }
        if story.oops() && serial > 1 {
            said.serial -= 1;
            said.previous = if said.serial == 1 {
                None
            } else {
                said.previous
            };
        }
        let from = story.world.copies.len();
        let link = story.say_about(KEEPER, Vec::new(), Body::Checkpoint(said));
        for copy in &mut story.world.copies[from..] {
            copy.in_ledger = true;
        }
        previous = Some(link);
    }
}

/// The newest calendar of now, or nearly.
fn listed_calendar(story: &mut Story<'_>, calendars: &[(Minute, Link)]) -> Option<(u64, Link)> {
    let now = story.world.now;
    let mut there = calendars.iter().filter(|(time, _)| *time <= now);
    let mut link = there.next_back().map(|(_, link)| *link)?;
    if story.chance.percent(8) {
        link = story.chance.one(calendars).1;
    }
    let Body::Freeze(said) = &story.world.statements[link].body else {
        return None;
    };
    let serial = said.serial.unwrap_or(1);
    if story.chance.percent(15) {
        return None;
    }
    let serial = if story.oops() { serial + 1 } else { serial };
    Some((serial, link))
}

/// What went out of service by then, nearly always all of it.
fn retired(story: &mut Story<'_>) -> Vec<(Place, Vec<Thing>, Link)> {
    let now = story.world.now;
    let steps = story.world.statements.iter().enumerate();
    let steps = steps.filter_map(|(link, one)| match &one.body {
        Body::Promotion(said) if said.step.kind == Kind::Retire && one.word <= Some(now) => {
            Some((said.step.to, one.subjects.clone(), link))
        }
        _ => None,
    });
    let mut found: Vec<_> = steps
        .filter(|(_, subjects, _)| !subjects.is_empty())
        .collect();
    found.retain(|_| story.chance.percent(70));
    if let Some((place, subjects, _)) = found.first_mut()
        && story.chance.percent(10)
    {
        *place = story.chance.below(story.taken.len());
        *subjects = vec![story.chance.one(&[IMAGE, INDEX, OTHER])];
    }
    found
}

/// As a registry could: nothing of a retirement is left, or a copy that was recorded much later.
fn hide_retirements(story: &mut Story<'_>) {
    let (world, chance) = (&mut story.world, &mut *story.chance);
    let is_retirement = |link: Link| {
        let body = &world.statements[link].body;
        matches!(body, Body::Promotion(said) if said.step.kind == Kind::Retire)
    };
    let links = 0..world.statements.len();
    let links: Vec<Link> = links.filter(|link| is_retirement(*link)).collect();
    for link in links {
        match chance.below(6) {
            0 | 1 => world.copies.retain(|copy| copy.of != link),
            2 => {
                let late = world.now - chance.minutes(0, 300);
                let copies = world.copies.iter_mut().filter(|copy| copy.of == link);
                copies.for_each(|copy| copy.proof = Some(late));
            }
            _ => {}
        }
    }
}

fn slots(story: &mut Story<'_>) -> Vec<(usize, Place, u64, Link)> {
    let mut slots = Vec::new();
    for place in 0..story.taken.len() {
        let newest = story.taken[place].last().copied();
        let oldest = story.taken[place].first().copied();
        let named = if story.chance.percent(85) {
            newest
        } else {
            oldest
        };
        let Some(link) = named.filter(|_| story.chance.percent(50)) else {
            continue;
        };
        let Some(slot) = story.promotion(link).map(|said| said.slot) else {
            continue;
        };
        slots.push((story.service, place, slot, link));
    }
    slots
}
