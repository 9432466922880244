//! Approvals and promotions as they should be, or nearly.

use super::super::policies::{MALLORY, PERSONS, PROMOTER, STRAY, TESTER};
use super::super::world::{
    Approval, Binding, Body, IMAGE, INDEX, Key, Kind, Link, OTHER, Promotion, Step,
};
use super::Story;

impl Story<'_> {
    fn binding(&mut self) -> Binding {
        let mut binding = Binding {
            version: self.policy().version,
            of: Some((self.version, self.service)),
        };
        if self.oops() {
            binding.of = self
                .chance
                .one(&[None, Some((self.version, 1 - self.service))]);
        }
        if self.oops() {
            binding.version = self.chance.below(5) as u64;
        }
        binding
    }

    pub(super) fn approval(&mut self, key: Key, step: Step, previous: &[Link]) {
        let policy = self.binding();
        let mut said = Approval {
            approves: !self.chance.percent(3),
            service: self.service,
            step,
            audience: self.policy().places[step.to].audience.clone(),
            policy,
            previous: previous.to_vec(),
            not_after: self.world.now + self.chance.minutes(200, 3000),
            relayed: self.oops(),
            draft: self.oops(),
        };
        if self.oops() {
            said.step = self.any_step();
        }
        if self.oops() {
            said.previous = Vec::new();
        }
        if self.oops() {
            said.service = 1 - said.service;
        }
        self.say(key, Body::Approval(said));
    }

    pub(in crate::reference) fn any_step(&mut self) -> Step {
        let edges = self.policy().edges.clone();
        self.chance.one(&edges).step
    }

    fn any_link(&mut self) -> Link {
        self.chance.below(self.world.statements.len())
    }

    /// A promotion as it should be, or nearly.
    pub(super) fn promote(&mut self, key: Key, step: Step, previous: &[Link]) -> Link {
        let before = previous.iter().filter_map(|link| self.promotion(*link));
        let sequence = before.map(|one| one.sequence).max().unwrap_or(0) + 1;
        let held = self.taken[step.to].last().copied();
        let slot = held
            .and_then(|link| self.promotion(link))
            .map_or(0, |one| one.slot)
            + 1;
        let policy = self.binding();
        let mut said = Promotion {
            service: self.service,
            tier: self.tier(),
            step,
            audience: self.policy().places[step.to].audience.clone(),
            first: if previous.is_empty() {
                None
            } else {
                self.first
            },
            previous: previous.to_vec(),
            sequence,
            slot,
            slot_previous: held,
            policy,
            ticket: !self.oops(),
            inputs: Vec::new(),
            not_after: None,
            draft: false,
        };
        if self.chance.percent(6) {
            said.not_after = Some(self.world.now + self.chance.minutes(20, 5000));
        }
        self.spoil(&mut said);
        // Version 0.1 knows neither reasons nor tickets.
        if self.oops() {
            said.draft = true;
            said.ticket = false;
        }
        let mut subjects = vec![IMAGE];
        if self.oops() {
            subjects = self
                .chance
                .one(&[vec![OTHER], vec![IMAGE, OTHER], vec![INDEX]]);
        }
        let link = self.say_about(key, subjects, Body::Promotion(said));
        self.taken[step.to].push(link);
        if previous.is_empty() {
            self.first = Some(link);
        }
        link
    }

    fn spoil(&mut self, said: &mut Promotion) {
        if self.oops() {
            said.service = 1 - said.service;
        }
        if self.oops() {
            said.tier = self.chance.below(self.policy().tiers.len());
        }
        if self.oops() {
            said.audience = self.chance.one(&[vec![], vec![0], vec![0, 1]]);
        }
        if self.oops() {
            said.step = self.any_step();
        }
        if self.oops() {
            said.sequence += 1;
        }
        if self.oops() {
            said.first = Some(self.any_link());
        }
        if self.oops() {
            let other = self.any_link();
            if !said.previous.contains(&other) {
                said.previous.push(other);
            }
        }
        if self.oops() {
            said.previous.pop();
        }
        if self.oops() {
            said.slot_previous = None;
        }
        if self.oops() {
            said.slot = 1 + self.chance.below(4) as u64;
        }
        if self.oops() {
            said.inputs = vec![self.any_link()];
        }
        said.previous.sort_unstable();
    }

    pub(in crate::reference) fn promotion(&self, link: Link) -> Option<&Promotion> {
        match &self.world.statements[link].body {
            Body::Promotion(said) => Some(said),
            _ => None,
        }
    }

    /// What happens once it is there: back, out, in again, forks, and promotions by others.
    pub(super) fn afterwards(&mut self) {
        let last = self.taken.len() - 1;
        let Some(into) = self.taken[last].last().copied() else {
            return;
        };
        let place = |kind| Step {
            kind,
            from: Some(last),
            to: last,
        };
        if self.chance.percent(10) {
            self.take(place(Kind::Retire), &[into]);
            if self.chance.percent(50) {
                self.take(place(Kind::Rollback), &[into]);
            }
        }
        if self.chance.percent(10) {
            let to = self.any_link();
            let to = if self.oops() { to } else { into };
            self.take(place(Kind::Rollback), &[to]);
        }
        let Some(mut said) = self.promotion(into).cloned() else {
            return;
        };
        // Said again later it must not have ended before.
        said.not_after = None;
        if self.chance.percent(6) {
            self.take(said.step, &said.previous);
        }
        if self.chance.percent(8) {
            let key = self.chance.one(&[MALLORY, STRAY, STRAY, TESTER]);
            let mut other = said.clone();
            other.slot += 1;
            other.slot_previous = self.chance.one(&[Some(into), said.slot_previous]);
            self.say(key, Body::Promotion(other));
        }
        // A fork, within the release or between releases.
        if self.chance.percent(5) && said.slot_previous.is_some() {
            self.wait(1, 20);
            let subjects = self.chance.one(&[vec![IMAGE], vec![IMAGE, OTHER]]);
            self.say_about(PROMOTER, subjects, Body::Promotion(said.clone()));
        }
        if matches!(said.step.kind, Kind::Hotfix | Kind::BreakGlass) && self.chance.percent(60) {
            self.wait(1, 600);
            let accepted = !self.chance.percent(25);
            let key = self.chance.one(&PERSONS.concat());
            self.say(
                key,
                Body::Review {
                    promotion: into,
                    accepted,
                },
            );
        }
    }
}
