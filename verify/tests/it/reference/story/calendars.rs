//! Calendars of freezes, around the steps that were taken.

use super::super::policies::{MALLORY, RELEASE_KEYS, STRAY};
use super::super::world::{Body, Calendar, Kind, Link, Minute, Window};
use super::Story;

impl Story<'_> {
    /// Whether some version asks for calendars.
    pub(super) fn frozen(&self) -> bool {
        let mut policies = self.world.policies.iter();
        policies.any(|policy| policy.freezes.is_some())
    }

    /// Writes calendars, each at its time; the oldest first.
    pub(in crate::reference) fn calendars(&mut self) -> Vec<(Minute, Link)> {
        let mut written = Vec::new();
        if !self.frozen() || self.chance.percent(10) {
            return written;
        }
        let end = self.world.now;
        let mut steps: Vec<_> = self.taken.concat();
        let steps: Vec<Minute> = steps
            .drain(..)
            .filter_map(|link| self.world.statements[link].word)
            .collect();
        // Also around a step that is about to be taken.
        let steps = [steps, vec![end]].concat();
        let count = self.chance.one(&[1, 1, 1, 2, 2, 3, 4]);
        let mut times: Vec<_> = (0..count)
            .map(|_| {
                self.chance.one(&steps) + self.chance.one(&[-900, -200, -30, -2, -1, 0, 1, 60])
            })
            .collect();
        times.sort_unstable();
        let mut serial = 0;
        let mut previous = None;
        for time in times {
            self.world.now = time;
            serial += 1;
            let link = self.calendar(serial, previous, &steps);
            written.push((time, link));
            if self.chance.percent(5) {
                self.wait(0, 40);
                let twin = self.calendar(serial, previous, &steps);
                written.push((self.world.now, twin));
                previous = Some(self.chance.one(&[link, twin]));
            } else {
                previous = Some(link);
            }
        }
        self.world.now = end;
        written
    }

    fn calendar(&mut self, serial: u64, previous: Option<Link>, steps: &[Minute]) -> Link {
        let mut windows = Vec::new();
        for _ in 0..self.chance.one(&[0, 0, 1, 1, 1, 2]) {
            windows.push(self.window(steps));
        }
        let mut said = Calendar {
            other_ledger: self.oops(),
            serial: Some(serial),
            previous,
            windows,
            // No two are the same bytes.
            not_after: self.world.now
                + self.chance.one(&[300, 2000, 100_000, 100_000])
                + Minute::try_from(self.world.statements.len()).unwrap(),
            lost_zone: self.oops(),
            critical: self.oops(),
        };
        if self.oops() {
            // What is not the first names one, or could not be read.
            said.serial = Some(serial + 1).filter(|_| previous.is_some());
        }
        let key = if self.chance.percent(92) {
            self.chance.one(&RELEASE_KEYS)
        } else {
            self.chance.one(&[STRAY, STRAY, MALLORY])
        };
        let from = self.world.copies.len();
        let link = self.say_about(key, Vec::new(), Body::Freeze(said));
        let beside = self.chance.percent(10);
        for copy in &mut self.world.copies[from..] {
            copy.in_ledger = !beside;
        }
        link
    }

    /// One that is open when a step was taken, or nearly.
    fn window(&mut self, steps: &[Minute]) -> Window {
        let places = self.taken.len();
        let mut meant: Vec<_> = (0..places).filter(|_| self.chance.percent(50)).collect();
        if meant.is_empty() {
            meant.push(places - 1);
        }
        let services = self
            .chance
            .one(&[vec![], vec![], vec![self.service], vec![0], vec![1]]);
        let step = self.chance.one(steps);
        let from = step - self.chance.one(&[-600, -1, 0, 1, 30, 300]);
        let exempt = [
            Kind::Promote,
            Kind::Hotfix,
            Kind::BreakGlass,
            Kind::Rollback,
            Kind::Retire,
        ];
        let some = self.chance.percent(40);
        let exempt = exempt
            .into_iter()
            .filter(|_| some && self.chance.percent(50))
            .collect();
        Window {
            closed: self.chance.percent(70),
            places: meant,
            services,
            from,
            until: from + self.chance.one(&[1, 30, 200, 1000, 5000]),
            exempt,
            extra: self.chance.one(&[None, None, Some(1), Some(1), Some(2)]),
        }
    }
}
