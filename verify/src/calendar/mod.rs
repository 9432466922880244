//! Calendars: whether a step is held up at a time, and until when.
//!
//! Defined in `docs/predicates/freeze.md`. The recurrence is that of RFC 5545, with the time zones
//! that come with this program.

use bulla_model::predicate::freeze::{Window, WindowKind};
use bulla_model::{EdgeKind, Environment, Service};
use jiff::{SignedDuration, Timestamp, Zoned};

mod budget;
mod rule;
mod schedule;

pub use budget::Budget;
pub use schedule::{Opening, Schedule, zone_of};

/// How far ahead an opening is looked for.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 400);
/// How many windows in a row are followed for it.
const IN_A_ROW: usize = 32;

/// Why a calendar cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The time zone is not in the database.
    #[error("no time zone `{}`", name.escape_debug())]
    Zone {
        /// Its name.
        name: String,
    },
    /// A rule that cannot be read.
    #[error("a recurrence that cannot be read")]
    Rule,
    /// A time beyond what can be counted to.
    #[error("a window beyond what can be counted to")]
    Reach,
    /// More than anybody waits for.
    #[error("its windows take too long to expand")]
    Budget,
}

/// The step that a calendar is asked about.
#[derive(Clone, Copy, Debug)]
pub struct AskedStep<'a> {
    /// Where it leads.
    pub environment: &'a Environment,
    /// Whose it is; without one, windows of any service count.
    pub service: Option<&'a Service>,
    /// Its kind.
    pub kind: EdgeKind,
}

/// What a calendar says of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold<'a> {
    /// It goes ahead.
    Free,
    /// It goes ahead with this many approvals more than it asks for anyway.
    Extra(u32, Vec<&'a Window>),
    /// It does not.
    Shut(Vec<&'a Window>),
}

impl AskedStep<'_> {
    /// Whether a window is about such steps.
    pub fn is_of(&self, window: &Window) -> bool {
        let is_its = |service| window.services.contains(service);
        window.environments.contains(self.environment)
            && (window.services.is_empty() || self.service.is_none_or(is_its))
    }

    /// Whether these windows hold the step up at this time.
    pub fn held<'w>(
        &self,
        windows: &'w [Window],
        at: Timestamp,
        budget: &Budget<'_>,
    ) -> Result<Hold<'w>, Unusable> {
        let own = self.own(windows, budget)?;
        let blocking = self.blocking(&own, at)?;
        let blocking: Vec<_> = blocking.iter().map(|schedule| schedule.window).collect();
        if blocking.is_empty() {
            return Ok(Hold::Free);
        }
        let extra: Option<Vec<u32>> = blocking.iter().map(|one| one.extra_approvals).collect();
        Ok(match extra.and_then(|extra| extra.into_iter().max()) {
            Some(most) => Hold::Extra(most, blocking),
            None => Hold::Shut(blocking),
        })
    }

    /// The windows that are about such steps.
    fn own<'w, 'b>(
        &self,
        windows: &'w [Window],
        budget: &'b Budget<'b>,
    ) -> Result<Vec<Schedule<'w, 'b>>, Unusable> {
        let mut own = Vec::new();
        for window in windows {
            if self.is_of_within(window, budget)? {
                own.push(Schedule::of(window, budget)?);
            }
        }
        Ok(own)
    }

    /// Whether one of these windows is about such steps.
    pub(crate) fn has_any(
        &self,
        windows: &[Window],
        budget: &Budget<'_>,
    ) -> Result<bool, Unusable> {
        for window in windows {
            if self.is_of_within(window, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_of_within(&self, window: &Window, budget: &Budget<'_>) -> Result<bool, Unusable> {
        let names = window.environments.len();
        budget.spend(names.saturating_add(window.services.len()))?;
        Ok(self.is_of(window))
    }

    /// Those that hold the step up.
    fn blocking<'s, 'w, 'b>(
        &self,
        own: &'s [Schedule<'w, 'b>],
        at: Timestamp,
    ) -> Result<Vec<&'s Schedule<'w, 'b>>, Unusable> {
        let mut holding = holding(own, at)?;
        holding.retain(|schedule| !schedule.window.exempt_kinds.contains(&self.kind));
        Ok(holding)
    }

    /// When the step is held up no more, in the time zone of the window that ends or opens then;
    /// `None` if that is far.
    pub fn free_from(
        &self,
        windows: &[Window],
        at: Timestamp,
        budget: &Budget<'_>,
    ) -> Result<Option<Zoned>, Unusable> {
        let until = at.saturating_add(AHEAD).unwrap_or(at);
        let own = self.own(windows, budget)?;
        let mut found: Option<Zoned> = None;
        for _ in 0..IN_A_ROW {
            let now = found.as_ref().map_or(at, Zoned::timestamp);
            let blocking = self.blocking(&own, now)?;
            if blocking.is_empty() {
                return Ok(found);
            }
            let (mut closed, mut open) = (None, None);
            let mut waits_for_open = false;
            for schedule in blocking {
                match schedule.window.kind {
                    WindowKind::Closed => {
                        closed = closed.max(schedule.covering(now)?.map(|opening| opening.end));
                    }
                    WindowKind::Open => {
                        waits_for_open = true;
                        let start = schedule.next(now, until)?.map(|opening| opening.start);
                        open = open.into_iter().chain(start).min();
                    }
                }
            }
            // No window that opens means never, however soon those that are closed end.
            let next = if waits_for_open && open.is_none() {
                None
            } else {
                closed.max(open)
            };
            match next {
                Some(next) if next.timestamp() > now && next.timestamp() <= until => {
                    found = Some(next);
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

/// The windows that hold up steps of kinds that are not exempt: the closed ones that are open, and all
/// open ones if none of them is open. What a closed window exempts, or asks of a step, is said of that
/// window: it opens nothing that an open one keeps shut.
fn holding<'s, 'w, 'b>(
    own: &'s [Schedule<'w, 'b>],
    at: Timestamp,
) -> Result<Vec<&'s Schedule<'w, 'b>>, Unusable> {
    let (mut holding, mut open, mut is_open) = (Vec::new(), Vec::new(), false);
    for schedule in own {
        let covers = schedule.covering(at)?.is_some();
        match schedule.window.kind {
            WindowKind::Closed if covers => holding.push(schedule),
            WindowKind::Closed => {}
            WindowKind::Open => {
                is_open |= covers;
                open.push(schedule);
            }
        }
    }
    if !is_open {
        holding.extend(open);
    }
    Ok(holding)
}
