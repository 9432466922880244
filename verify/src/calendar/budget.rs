//! How much looking calendars are worth.

use std::cell::Cell;

use super::Unusable;

/// For one calendar: 256 windows of a year's length that recur yearly, three times over.
const ONE: usize = 1_000_000;
/// For all calendars of one verdict.
const ALL: usize = 8_000_000;

/// What may still be looked at: days of periods, starts, characters of rules, names of environments and
/// services. Stops calendars that whoever has a release owner's key can sign and nobody can expand.
#[derive(Debug)]
pub struct Budget<'a> {
    left: Cell<usize>,
    whole: Option<&'a Budget<'a>>,
}

impl Budget<'static> {
    /// That of one calendar.
    #[must_use]
    pub fn of_calendar() -> Self {
        Self::of(ONE)
    }

    /// That of a verdict, with all its calendars and steps.
    pub(crate) fn of_verdict() -> Self {
        Self::of(ALL)
    }

    fn of(all: usize) -> Self {
        Self {
            left: Cell::new(all),
            whole: None,
        }
    }
}

impl<'a> Budget<'a> {
    /// That of one calendar, out of this one.
    pub(crate) fn part(&'a self) -> Self {
        Self {
            left: Cell::new(ONE),
            whole: Some(self),
        }
    }

    pub(super) fn spend(&self, count: usize) -> Result<(), Unusable> {
        if let Some(whole) = self.whole {
            whole.spend(count)?;
        }
        let left = self.left.get().checked_sub(count);
        self.left.set(left.unwrap_or(0));
        left.map(drop).ok_or(Unusable::Budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_calendar_costs_is_missing_for_the_next() {
        let whole = Budget::of_verdict();
        let spent = (0..100).take_while(|_| whole.part().spend(ONE).is_ok());
        let spent = spent.count();
        assert_eq!(spent, ALL / ONE);
        assert_eq!(whole.part().spend(1), Err(Unusable::Budget));
        let part = Budget::of_calendar();
        assert_eq!(part.spend(ONE + 1), Err(Unusable::Budget));
        // What was refused is spent: nobody goes on with something smaller.
        assert_eq!(part.spend(1), Err(Unusable::Budget));
    }
}
