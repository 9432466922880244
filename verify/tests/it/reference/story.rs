//! Random worlds: an honest release on its way, in which things go wrong more or less often.

use super::chance::Chance;
use super::policies::{BUILDER, DEPLOYER, HARDENED, KEYS, PERSONS, PROMOTER, TESTER};
use super::world::{
    Before, Body, Copy, Edge, Event, IMAGE, Key, Kind, Link, Minute, OTHER, Place, Policy, Require,
    Statement, Step, Thing, World,
};

mod calendars;
mod steps;

/// How a release is told, up to now.
pub(super) struct Story<'a> {
    pub(super) chance: &'a mut Chance,
    pub(super) world: World,
    /// How often something is wrong, in percent.
    wrong: usize,
    /// How often a log sees a statement.
    recorded: usize,
    pub(super) service: usize,
    /// Which version the promoter works by.
    version: usize,
    /// Promotions into each place, with their slots.
    pub(super) taken: Vec<Vec<Link>>,
    first: Option<Link>,
    author: usize,
}

pub(super) fn world(policies: &[Policy], chance: &mut Chance) -> World {
    let places = policies[0].places.len();
    let wrong = chance.one(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3, 3, 8, 20]);
    let service = chance.below(2);
    let claims = policies[0].tiers[policies[0].services[service].tier].claims;
    let recorded = if claims {
        chance.one(&[0, 50, 100])
    } else {
        chance.one(&[100, 100, 100, 90])
    };
    let version = usize::from(policies.len() > 1 && chance.percent(60));
    let world = World {
        policies: policies.to_vec(),
        statements: Vec::new(),
        copies: Vec::new(),
        truncated: false,
        unavailable: false,
        ledger_unavailable: false,
        index_received: chance.percent(30),
        anchor: None,
        state: None,
        asked: places - 1,
        before: None,
        now: chance.minutes(0, 300),
    };
    let author = chance.one(&[3, 3, 3, 2]);
    let is_before = chance.percent(25);
    let mut story = Story {
        chance,
        world,
        wrong,
        recorded,
        service,
        version,
        taken: vec![Vec::new(); places],
        first: None,
        author,
    };
    story.build();
    if is_before {
        story.go_on();
    } else {
        story.travel(true);
        story.afterwards();
    }
    super::ending::end(&mut story);
    story.world
}

fn ends(body: &Body) -> Option<Minute> {
    match body {
        Body::Approval(said) => Some(said.not_after),
        Body::Promotion(said) => said.not_after,
        Body::Checkpoint(said) => Some(said.not_after),
        Body::Freeze(said) => Some(said.not_after),
        _ => None,
    }
}

impl Story<'_> {
    pub(super) fn oops(&mut self) -> bool {
        self.chance.percent(self.wrong)
    }

    pub(super) fn wait(&mut self, from: Minute, until: Minute) {
        self.world.now += self.chance.minutes(from, until);
    }

    fn policy(&self) -> &Policy {
        &self.world.policies[self.version]
    }

    fn tier(&self) -> usize {
        self.policy().services[self.service].tier
    }

    pub(super) fn say(&mut self, key: Key, body: Body) -> Link {
        let subjects = match self.chance.below(100) {
            0..=2 if self.wrong > 0 => vec![OTHER],
            3 if self.wrong > 0 => vec![IMAGE, OTHER],
            _ => vec![IMAGE],
        };
        self.say_about(key, subjects, body)
    }

    /// Signs a statement now, and has it recorded or not; what can go wrong with that may.
    pub(super) fn say_about(&mut self, key: Key, subjects: Vec<Thing>, body: Body) -> Link {
        let link = self.world.statements.len();
        let now = self.world.now;
        let own = !matches!(
            body,
            Body::Provenance { .. } | Body::Sbom { .. } | Body::Tests { .. }
        );
        let mut word = Some(now);
        if self.oops() {
            let other = now + self.chance.one(&[-2000, -300, -11, -10, 10, 11, 300]);
            // What ends before it begins could not even be read.
            word = Some(other).filter(|word| ends(&body).is_none_or(|end| *word < end));
            word = word.or(Some(now));
        } else if !own && self.chance.percent(4) {
            word = None;
        }
        let key = if self.oops() {
            self.chance.below(KEYS)
        } else {
            key
        };
        let mut copy = Copy {
            of: link,
            key,
            proof: None,
            broken: self.oops(),
            in_ledger: false,
        };
        if self.chance.percent(self.recorded) {
            copy.proof = Some(now + self.chance.minutes(0, 3));
            if self.oops() {
                copy.proof = Some(now + self.chance.one(&[-400, -12, 9, 10, 11, 500, 3000]));
            }
        }
        self.world.statements.push(Statement {
            subjects,
            word,
            body,
        });
        if !self.oops() {
            self.world.copies.push(copy.clone());
        }
        // Copies that anybody can make: without the record, or recorded once more.
        if self.chance.percent(8) {
            let proof = Some(now + self.chance.one(&[1, 5, 12, 200, 1500]));
            copy.proof = if self.chance.percent(50) { None } else { proof };
            self.world.copies.push(copy.clone());
        }
        if self.oops() {
            copy.key = self.chance.below(KEYS);
            self.world.copies.push(copy);
        }
        link
    }

    fn build(&mut self) {
        for _ in 0..self.chance.one(&[1, 1, 1, 1, 2]) {
            let builder = usize::from(self.chance.percent(7));
            let mut repositories = vec![self.service];
            if self.oops() {
                repositories[0] = self.chance.below(3);
            }
            if self.chance.percent(3) {
                repositories.push(self.chance.below(3));
            }
            let mut authors = Some(vec![self.author]);
            if self.oops() {
                authors = self
                    .chance
                    .one(&[None, Some(vec![]), Some(vec![PERSONS.len()])]);
            }
            let key = if self.chance.percent(6) {
                HARDENED
            } else {
                BUILDER
            };
            self.say(
                key,
                Body::Provenance {
                    repositories,
                    builder,
                    authors,
                },
            );
            self.wait(0, 20);
        }
        self.list();
        self.test();
    }

    fn list(&mut self) {
        let empty = self.oops();
        self.say(BUILDER, Body::Sbom { empty });
    }

    fn test(&mut self) {
        for _ in 0..self.chance.one(&[1, 1, 1, 2]) {
            let failed = self.chance.percent(5) || self.oops();
            self.say(TESTER, Body::Tests { failed });
            self.wait(0, 30);
        }
    }

    /// From place to place, as far as the release comes.
    fn travel(&mut self, whole: bool) {
        let places = self.taken.len();
        let last = places - 1;
        let end = if whole && self.chance.percent(85) {
            last
        } else {
            self.chance.below(places)
        };
        let mut previous: Vec<Link> = Vec::new();
        let mut from: Option<Place> = None;
        let mut to = 0;
        loop {
            let around = if to == 0 { Kind::Import } else { Kind::Hotfix };
            let kind = if self.chance.percent(20) {
                self.chance.one(&[around, Kind::BreakGlass])
            } else {
                Kind::Promote
            };
            let far = Step {
                kind,
                from,
                to: if from.is_some() { last } else { 0 },
            };
            let near = Step {
                kind: Kind::Promote,
                from,
                to,
            };
            let step = if self.rule(far).is_some() { far } else { near };
            let mut here = vec![self.take(step, &previous)];
            // The same step twice; what follows may continue both.
            if self.chance.percent(6) {
                self.wait(1, 60);
                here.push(self.take(step, &previous));
                if self.chance.percent(30) {
                    here.remove(0);
                }
            }
            previous = here;
            from = Some(step.to);
            to = step.to + 1;
            self.run(step.to);
            if step.to >= end {
                return;
            }
            if self.chance.percent(4) {
                self.version = 0;
            }
        }
    }

    fn run(&mut self, place: Place) {
        for _ in 0..self.chance.one(&[0, 1, 1, 1, 2]) {
            self.wait(1, 40);
            let events = [Event::Succeeded, Event::Succeeded, Event::Started];
            let mut event = self.chance.one(&events);
            if self.chance.percent(6) || self.oops() {
                event = self.chance.one(&[Event::Failed, Event::RolledBack]);
            }
            let mut body = (
                self.policy().places[place].audience.clone(),
                self.service,
                place,
            );
            if self.oops() {
                body = (
                    vec![9],
                    self.chance.below(2),
                    self.chance.below(self.taken.len()),
                );
            }
            self.say(
                DEPLOYER,
                Body::Deployment {
                    place: body.2,
                    audience: body.0,
                    service: body.1,
                    event,
                },
            );
        }
    }

    fn rule(&self, step: Step) -> Option<Edge> {
        let tier = self.tier();
        let mut edges = self.policy().edges.iter();
        let rule = edges.find(|edge| edge.step == step && edge.tier.is_none_or(|one| one == tier));
        rule.cloned()
    }

    /// Does what a step takes, then takes it.
    pub(super) fn take(&mut self, step: Step, previous: &[Link]) -> Link {
        self.prepare(step, previous);
        self.promote(PROMOTER, step, previous)
    }

    fn prepare(&mut self, step: Step, previous: &[Link]) {
        self.wait(1, 120);
        let tier = self.tier();
        let tighten = self.policy().added(self.service);
        let added = tighten.filter(|rule| rule.is_about(step, tier));
        let mut rules: Vec<_> = added.map(|rule| rule.require.clone()).collect();
        rules.extend(self.rule(step).map(|edge| edge.require));
        for require in &rules {
            self.meet(require, step);
        }
        for require in &rules {
            self.approve(require, step, previous);
        }
        self.wait(0, 30);
    }

    /// Up to a step that is about to be taken.
    fn go_on(&mut self) {
        if self.chance.percent(85) {
            self.travel(false);
        }
        if !self.oops() {
            self.version = 0;
        }
        let there = (0..self.taken.len()).rev();
        let from = there
            .into_iter()
            .find(|place| !self.taken[*place].is_empty());
        let edges = self.world.policies[0].edges.clone();
        let fits: Vec<_> = edges.iter().filter(|edge| edge.step.from == from).collect();
        let step = match fits[..] {
            [] => self.chance.one(&edges).step,
            _ => self.chance.one(&fits).step,
        };
        let previous = step
            .from
            .and_then(|place| self.taken[place].last().copied());
        self.prepare(step, &Vec::from_iter(previous));
        let promoter = if self.oops() {
            self.chance.below(KEYS)
        } else {
            PROMOTER
        };
        self.world.asked = step.to;
        self.world.before = Some(Before {
            kind: step.kind,
            from: step.from.filter(|_| self.chance.percent(50)),
            promoter,
        });
    }

    fn meet(&mut self, require: &Require, step: Step) {
        if let Some(soak) = &require.soak
            && !self.oops()
        {
            let place = soak.place;
            let audience = self.policy().places[place].audience.clone();
            self.say(
                DEPLOYER,
                Body::Deployment {
                    place,
                    audience,
                    service: self.service,
                    event: Event::Succeeded,
                },
            );
            self.world.now += soak.min;
            if self.oops() {
                self.world.now -= soak.min / 2;
            }
        }
        if require.tests.is_some() && step.from.is_some() && self.chance.percent(60) {
            self.test();
        }
        if require.sbom.is_some() && self.chance.percent(30) {
            self.list();
        }
    }

    fn approve(&mut self, require: &Require, step: Step, previous: &[Link]) {
        let Some(rule) = &require.approvals else {
            if self.frozen() && self.chance.percent(20) {
                let key = self.chance.one(&PERSONS.concat());
                self.approval(key, step, previous);
            }
            return;
        };
        let roles = &self.world.policies[0].people;
        let mut able: Vec<_> = (0..PERSONS.len())
            .filter(|person| *person != self.author)
            .filter(|person| {
                rule.role
                    .is_none_or(|role| roles[*person].roles.contains(&role))
            })
            .collect();
        if self.oops() {
            able = vec![2, 3, 4];
        }
        let missing = usize::from(self.chance.percent(5) || self.oops());
        // Where there may be freezes, one more than is asked for.
        let more = usize::from(self.frozen() && self.chance.percent(40));
        for person in able
            .into_iter()
            .take((rule.threshold + more).saturating_sub(missing))
        {
            self.wait(1, 15);
            let key = self.chance.one(PERSONS[person]);
            self.approval(key, step, previous);
        }
        if self.chance.percent(10) {
            let key = self.chance.one(&PERSONS.concat());
            self.approval(key, step, previous);
        }
    }
}
