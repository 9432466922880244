//! Calendars: whether a step is held up at a time, and until when.
//!
//! Defined in `docs/predicates/freeze.md`. The recurrence is that of RFC 5545, with the time zones
//! that come with this program.

use bulla_model::predicate::freeze::{Window, WindowKind};
use bulla_model::{EdgeKind, Environment, Service};
use jiff::{SignedDuration, Timestamp, Zoned};

mod rule;
mod schedule;

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
    pub fn held<'w>(&self, windows: &'w [Window], at: Timestamp) -> Result<Hold<'w>, Unusable> {
        let holding = self.holding(windows, at)?;
        let blocking: Vec<_> = holding
            .into_iter()
            .filter(|window| !window.exempt_kinds.contains(&self.kind))
            .collect();
        if blocking.is_empty() {
            return Ok(Hold::Free);
        }
        let extra: Option<Vec<u32>> = blocking.iter().map(|one| one.extra_approvals).collect();
        Ok(match extra.and_then(|extra| extra.into_iter().max()) {
            Some(most) => Hold::Extra(most, blocking),
            None => Hold::Shut(blocking),
        })
    }

    /// The windows that hold up steps of kinds that are not exempt: the closed ones that are open;
    /// without any, all open ones if none of them is open.
    fn holding<'w>(
        &self,
        windows: &'w [Window],
        at: Timestamp,
    ) -> Result<Vec<&'w Window>, Unusable> {
        let (mut closed, mut open, mut is_open) = (Vec::new(), Vec::new(), false);
        for window in windows.iter().filter(|window| self.is_of(window)) {
            let covers = Schedule::of(window)?.covering(at)?.is_some();
            match window.kind {
                WindowKind::Closed if covers => closed.push(window),
                WindowKind::Closed => {}
                WindowKind::Open => {
                    is_open |= covers;
                    open.push(window);
                }
            }
        }
        Ok(match closed.is_empty() {
            false => closed,
            true if is_open => Vec::new(),
            true => open,
        })
    }

    /// When the step is held up no more, in the time zone of the window that ends or opens then;
    /// `None` if that is far.
    pub fn free_from(&self, windows: &[Window], at: Timestamp) -> Result<Option<Zoned>, Unusable> {
        let until = at.saturating_add(AHEAD).unwrap_or(at);
        let mut found: Option<Zoned> = None;
        for _ in 0..IN_A_ROW {
            let now = found.as_ref().map_or(at, Zoned::timestamp);
            let (Hold::Shut(holding) | Hold::Extra(_, holding)) = self.held(windows, now)? else {
                return Ok(found);
            };
            let mut next: Option<Zoned> = None;
            for window in holding {
                let schedule = Schedule::of(window)?;
                next = match window.kind {
                    WindowKind::Closed => {
                        let end = schedule.covering(now)?.map(|opening| opening.end);
                        next.max(end)
                    }
                    WindowKind::Open => {
                        let start = schedule.next(now, until)?.map(|opening| opening.start);
                        next.into_iter().chain(start).min()
                    }
                };
            }
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
