//! When one window is open.

use std::sync::LazyLock;

use bulla_model::calendar::ZoneName;
use bulla_model::predicate::freeze::Window;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, Zoned};

use super::rule::{Rule, Starts, days_of, plus_days};
use super::{Budget, Unusable};

/// The database that comes with this program, so that no machine's own decides.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// No change of the clocks is longer.
const CHANGE: SignedDuration = SignedDuration::from_hours(24);
/// How many starts are looked at beside those that are left out: of one that recurs every minute those
/// of three days, which are more than can matter. Stops what would take long all the same.
const LOOKS: usize = 3 * 24 * 60 + 2;
/// How many days a `COUNT` is counted through, 54 years. Stops one that nothing ever fulfils.
const DAYS: usize = 20_000;

/// The rules of a time zone.
pub fn zone_of(name: &ZoneName) -> Result<TimeZone, Unusable> {
    let found = ZONES.get(name.as_str());
    found.map_err(|_| Unusable::Zone {
        name: name.to_string(),
    })
}

/// A window's times, in its time zone.
#[derive(Debug)]
pub struct Schedule<'w, 'b> {
    pub(super) window: &'w Window,
    zone: TimeZone,
    rule: Option<Rule>,
    budget: &'b Budget<'b>,
}

/// One time that a window is open: from its start until before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// When it opens.
    pub start: Zoned,
    /// When it is over.
    pub end: Zoned,
}

impl<'w, 'b> Schedule<'w, 'b> {
    /// Reads a window's rule, and finds its time zone. What is asked of it afterwards is paid from the
    /// same budget.
    pub fn of(window: &'w Window, budget: &'b Budget<'b>) -> Result<Self, Unusable> {
        let length = window.rrule.as_ref().map_or(0, |rule| rule.as_str().len());
        budget.spend(length.saturating_add(1))?;
        let zone = zone_of(&window.time_zone)?;
        let start = window.start.date_time();
        let rule = window.rrule.as_ref();
        let rule = rule.map(|rule| Rule::of(rule, start)).transpose()?;
        Ok(Self {
            window,
            zone,
            rule,
            budget,
        })
    }

    /// The opening that holds this time; of several the one that ends last.
    pub fn covering(&self, at: Timestamp) -> Result<Option<Opening>, Unusable> {
        let local = self.zone.to_datetime(at);
        let latest = self.latest(plus(local, CHANGE)?)?;
        let length = i64::from(self.window.duration.days())
            .saturating_add(i64::from(self.window.duration.seconds()).div_euclid(86_400))
            .saturating_add(2);
        let earliest = plus_days(local.date(), length.saturating_neg()).ok_or(Unusable::Reach)?;
        let earliest = earliest.to_datetime(jiff::civil::Time::midnight());
        let end = self.last_counted(latest)?;
        let mut found: Option<DateTime> = None;
        let mut covering: Option<Opening> = None;
        let mut left = LOOKS.saturating_add(self.window.except.len());
        let mut look = |start: DateTime| -> Result<bool, Unusable> {
            left = left.checked_sub(1).ok_or(Unusable::Reach)?;
            self.budget.spend(1)?;
            // Where clocks skip an hour, an earlier local time may be the later instant.
            let is_over = found.is_some_and(|found| found.duration_since(start) > CHANGE);
            if start < earliest || is_over {
                return Ok(true);
            }
            if end.is_some_and(|end| start > end) || !self.is_kept(start)? {
                return Ok(false);
            }
            let opening = self.opening(start)?;
            if opening.start.timestamp() > at {
                return Ok(false);
            }
            found.get_or_insert(start);
            let is_open = opening.end.timestamp() > at;
            let is_longer = covering.as_ref().is_none_or(|held| held.end < opening.end);
            if is_open && is_longer {
                covering = Some(opening);
            }
            Ok(false)
        };
        if let Some(rule) = &self.rule {
            let mut index = rule.index_of(latest.date());
            'periods: while index >= 0 {
                let Some(((_, last), starts)) = rule.starts(index, self.budget)? else {
                    break;
                };
                if last < earliest.date() {
                    break;
                }
                for place in (0..starts.until(latest)).rev() {
                    let start = starts.get(place).filter(|start| *start > self.first());
                    let Some(start) = start else { break 'periods };
                    if look(start)? {
                        break 'periods;
                    }
                }
                index = index.saturating_sub(1);
            }
        }
        look(self.first())?;
        Ok(covering)
    }

    /// The first opening that begins after this time, and not after the other.
    pub fn next(&self, after: Timestamp, until: Timestamp) -> Result<Option<Opening>, Unusable> {
        let last = self.latest(self.zone.to_datetime(until))?;
        let is_next = |start: DateTime| -> Result<Option<Opening>, Unusable> {
            if !self.is_kept(start)? {
                return Ok(None);
            }
            let opening = self.opening(start)?;
            let begins = opening.start.timestamp();
            Ok((begins > after && begins <= until).then_some(opening))
        };
        if let Some(first) = is_next(self.first())? {
            return Ok(Some(first));
        }
        let Some(rule) = &self.rule else {
            return Ok(None);
        };
        let end = self.last_counted(last)?.map_or(last, |end| end.min(last));
        let earliest = plus(self.zone.to_datetime(after), -CHANGE)?.max(self.first());
        let mut index = rule.index_of(earliest.date()).max(0);
        while let Some(((first, _), starts)) = rule.starts(index, self.budget)? {
            if first > end.date() {
                break;
            }
            for place in starts.until(earliest)..starts.len() {
                let Some(start) = starts.get(place).filter(|start| *start <= end) else {
                    break;
                };
                self.budget.spend(1)?;
                if let Some(opening) = is_next(start)? {
                    return Ok(Some(opening));
                }
            }
            index = index.saturating_add(1);
        }
        Ok(None)
    }

    /// A local time, or that of the rule's end if this is earlier.
    fn latest(&self, time: DateTime) -> Result<DateTime, Unusable> {
        let until = self.rule.as_ref().and_then(|rule| rule.until);
        let Some(until) = until else {
            return Ok(time);
        };
        Ok(plus(self.zone.to_datetime(until), CHANGE)?.min(time))
    }

    fn first(&self) -> DateTime {
        self.window.start.date_time()
    }

    /// The last start that `COUNT` lets stand, as far as it comes by then. The first start is the
    /// first one, whatever the rule says.
    fn last_counted(&self, by: DateTime) -> Result<Option<DateTime>, Unusable> {
        let Some((rule, count)) = self
            .rule
            .as_ref()
            .and_then(|rule| Some((rule, rule.count?)))
        else {
            return Ok(None);
        };
        let mut left = count.saturating_sub(1);
        if left == 0 {
            return Ok(Some(self.first()));
        }
        let mut days = 0_usize;
        for index in 0.. {
            let Some(((first, last), starts)) = rule.starts(index, self.budget)? else {
                return Ok(None);
            };
            if first > by.date() {
                return Ok(None);
            }
            days = days.saturating_add(days_of(first, last));
            if days > DAYS {
                break;
            }
            let before = starts.until(self.first());
            let here = starts.len().saturating_sub(before);
            if here >= left {
                return Ok(nth(&starts, before.saturating_add(left)));
            }
            left = left.saturating_sub(here);
        }
        Err(Unusable::Reach)
    }

    /// Whether a start is neither left out nor after the rule's end.
    fn is_kept(&self, start: DateTime) -> Result<bool, Unusable> {
        // They are sorted.
        let except = &self.window.except;
        let found = except.binary_search_by_key(&start, |except| except.date_time());
        if found.is_ok() {
            return Ok(false);
        }
        let until = self.rule.as_ref().and_then(|rule| rule.until);
        let Some(until) = until.filter(|_| start > self.first()) else {
            return Ok(true);
        };
        Ok(self.instant(start)? <= until)
    }

    fn opening(&self, start: DateTime) -> Result<Opening, Unusable> {
        let length = &self.window.duration;
        let day = plus_days(start.date(), i64::from(length.days())).ok_or(Unusable::Reach)?;
        let end = self.instant(day.to_datetime(start.time()))?;
        let rest = SignedDuration::from_secs(i64::from(length.seconds()));
        let end = end.checked_add(rest).map_err(|_| Unusable::Reach)?;
        Ok(Opening {
            start: self.instant(start)?.to_zoned(self.zone.clone()),
            end: end.to_zoned(self.zone.clone()),
        })
    }

    /// A local time that the clocks skip is read with the offset before; of two, the first.
    fn instant(&self, local: DateTime) -> Result<Timestamp, Unusable> {
        self.zone.to_timestamp(local).map_err(|_| Unusable::Reach)
    }
}

fn nth(starts: &Starts<'_>, count: usize) -> Option<DateTime> {
    starts.get(count.checked_sub(1)?)
}

fn plus(local: DateTime, time: SignedDuration) -> Result<DateTime, Unusable> {
    local.checked_add(time).map_err(|_| Unusable::Reach)
}
