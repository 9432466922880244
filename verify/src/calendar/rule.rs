//! The parts of an `RRULE`, read once, and the days of one of its periods.
//!
//! Which parts there are, and within what bounds, is decided by [`Recurrence`]; what they mean is
//! RFC 5545, section 3.3.10. What a rule leaves open is that of its first start.

use std::str::FromStr;

use bulla_model::calendar::{Frequency, Recurrence};
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Budget, Unusable};

/// A rule, with what it takes from the first start filled in.
#[derive(Debug)]
pub(super) struct Rule {
    frequency: Frequency,
    interval: i64,
    pub(super) count: Option<usize>,
    pub(super) until: Option<Timestamp>,
    week_start: Weekday,
    months: Vec<i64>,
    month_days: Vec<i64>,
    year_days: Vec<i64>,
    weeks: Vec<i64>,
    week_days: Vec<(Option<i64>, Weekday)>,
    /// Times of day, sorted.
    times: Vec<Time>,
    positions: Vec<i64>,
    start: DateTime,
}

/// The starts of one period, in order, without being written out: a year may have very many.
pub(super) struct Starts<'a> {
    days: Vec<Date>,
    times: &'a [Time],
    /// Those that `BYSETPOS` chooses.
    picked: Option<Vec<usize>>,
}

/// The first and the last day of a period, with its starts.
type Period<'a> = ((Date, Date), Starts<'a>);

impl Starts<'_> {
    pub(super) fn len(&self) -> usize {
        match &self.picked {
            Some(picked) => picked.len(),
            None => self.days.len().saturating_mul(self.times.len()),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<DateTime> {
        let index = match &self.picked {
            Some(picked) => *picked.get(index)?,
            None => index,
        };
        let day = self.days.get(index.checked_div(self.times.len())?)?;
        let time = self.times.get(index.checked_rem(self.times.len())?)?;
        Some(day.to_datetime(*time))
    }

    /// How many are before this time, or at it.
    pub(super) fn until(&self, limit: DateTime) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle).is_some_and(|start| start <= limit) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Rule {
    pub(super) fn of(recurrence: &Recurrence, start: DateTime) -> Result<Self, Unusable> {
        let mut rule = Self {
            frequency: recurrence.frequency(),
            interval: 1,
            count: None,
            until: None,
            week_start: Weekday::Monday,
            months: Vec::new(),
            month_days: Vec::new(),
            year_days: Vec::new(),
            weeks: Vec::new(),
            week_days: Vec::new(),
            times: Vec::new(),
            positions: Vec::new(),
            start,
        };
        let (mut hours, mut minutes) = (Vec::new(), Vec::new());
        for part in recurrence.as_str().split(';') {
            let (name, value) = part.split_once('=').ok_or(Unusable::Rule)?;
            match name {
                "FREQ" => {}
                "INTERVAL" => rule.interval = number::<i64>(value)?.max(1),
                "COUNT" => rule.count = Some(number(value)?),
                "UNTIL" => rule.until = Some(instant(value)?),
                "WKST" => rule.week_start = weekday(value)?,
                "BYMONTH" => rule.months = numbers(value)?,
                "BYMONTHDAY" => rule.month_days = numbers(value)?,
                "BYYEARDAY" => rule.year_days = numbers(value)?,
                "BYWEEKNO" => rule.weeks = numbers(value)?,
                "BYSETPOS" => rule.positions = numbers(value)?,
                "BYHOUR" => hours = numbers(value)?,
                "BYMINUTE" => minutes = numbers(value)?,
                "BYDAY" => rule.week_days = week_days(value)?,
                _ => return Err(Unusable::Rule),
            }
        }
        rule.times = times(hours, minutes, start.time())?;
        rule.fill_in();
        Ok(rule)
    }

    /// What is needed and not said is that of the first start.
    fn fill_in(&mut self) {
        let (day, weekday) = (i64::from(self.start.day()), self.start.weekday());
        let says_days =
            !(self.week_days.is_empty() && self.month_days.is_empty() && self.year_days.is_empty());
        if says_days {
            return;
        }
        match self.frequency {
            Frequency::Yearly if !self.weeks.is_empty() => self.week_days = vec![(None, weekday)],
            Frequency::Yearly => {
                self.month_days = vec![day];
                if self.months.is_empty() {
                    self.months = vec![i64::from(self.start.month())];
                }
            }
            Frequency::Monthly => self.month_days = vec![day],
            Frequency::Weekly => self.week_days = vec![(None, weekday)],
            Frequency::Daily => {}
        }
    }

    /// The first and the last day of a period, counted from that of the first start; `None` beyond
    /// what calendars reach.
    fn period(&self, index: i64) -> Option<(Date, Date)> {
        let steps = index.checked_mul(self.interval)?;
        let start = self.start.date();
        match self.frequency {
            Frequency::Daily => {
                let day = plus_days(start, steps)?;
                Some((day, day))
            }
            Frequency::Weekly => {
                let first = plus_days(self.first_of_week(start)?, steps.checked_mul(7)?)?;
                Some((first, plus_days(first, 6)?))
            }
            Frequency::Monthly => {
                let months = month_number(start).checked_add(steps)?;
                let year = i16::try_from(months.div_euclid(12)).ok()?;
                let month = i8::try_from(months.rem_euclid(12).checked_add(1)?).ok()?;
                let first = Date::new(year, month, 1).ok()?;
                Some((first, first.last_of_month()))
            }
            Frequency::Yearly => {
                let year = i16::try_from(i64::from(start.year()).checked_add(steps)?).ok()?;
                Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?))
            }
        }
    }

    /// The last period that begins on this day or before; below 0 before the first start's.
    pub(super) fn index_of(&self, day: Date) -> i64 {
        let start = self.start.date();
        let units = match self.frequency {
            Frequency::Daily => days_between(start, day),
            Frequency::Weekly => {
                let first = self.first_of_week(start).unwrap_or(start);
                days_between(first, day).div_euclid(7)
            }
            Frequency::Monthly => month_number(day).saturating_sub(month_number(start)),
            Frequency::Yearly => i64::from(day.year()).saturating_sub(i64::from(start.year())),
        };
        units.div_euclid(self.interval)
    }

    /// The days of a period between which its starts lie, and these, the first start aside.
    pub(super) fn starts(
        &self,
        index: i64,
        budget: &Budget<'_>,
    ) -> Result<Option<Period<'_>>, Unusable> {
        let Some((first, last)) = self.period(index) else {
            return Ok(None);
        };
        budget.spend(days_of(first, last).saturating_add(self.positions.len()))?;
        let mut days = Vec::new();
        let mut day = first;
        while day <= last {
            if self.is_day(day) {
                days.push(day);
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        let mut starts = Starts {
            days,
            times: &self.times,
            picked: None,
        };
        if !self.positions.is_empty() {
            let all = i64::try_from(starts.len()).unwrap_or(i64::MAX);
            let place = |position: &i64| match position {
                1.. => position.checked_sub(1),
                _ => all.checked_add(*position),
            };
            let places = self.positions.iter().filter_map(place);
            let places = places.filter(|place| (0..all).contains(place));
            let mut picked: Vec<_> = places
                .filter_map(|place| usize::try_from(place).ok())
                .collect();
            picked.sort_unstable();
            picked.dedup();
            starts.picked = Some(picked);
        }
        Ok(Some(((first, last), starts)))
    }

    fn is_day(&self, day: Date) -> bool {
        let (of_month, in_month) = (i64::from(day.day()), i64::from(day.days_in_month()));
        let (of_year, in_year) = (i64::from(day.day_of_year()), i64::from(day.days_in_year()));
        (self.months.is_empty() || self.months.contains(&i64::from(day.month())))
            && is_among(&self.month_days, of_month, in_month)
            && is_among(&self.year_days, of_year, in_year)
            && (self.weeks.is_empty() || self.is_in_week(day).unwrap_or(false))
            && (self.week_days.is_empty() || self.is_week_day(day))
    }

    fn is_week_day(&self, day: Date) -> bool {
        let by_month = self.frequency == Frequency::Monthly || !self.months.is_empty();
        let (place, of) = if by_month {
            (i64::from(day.day()), i64::from(day.days_in_month()))
        } else {
            (i64::from(day.day_of_year()), i64::from(day.days_in_year()))
        };
        // The how many of its weekday, from the beginning and from the end.
        let nth = |place: i64| place.saturating_sub(1).div_euclid(7).saturating_add(1);
        let from_end = nth(of.saturating_sub(place).saturating_add(1));
        let mut rules = self.week_days.iter();
        rules.any(|(number, weekday)| {
            *weekday == day.weekday()
                && number.is_none_or(|number| {
                    number == nth(place) || number == from_end.saturating_neg()
                })
        })
    }

    /// Weeks belong to the year that has most of their days.
    fn is_in_week(&self, day: Date) -> Option<bool> {
        let middle = |day: Date| plus_days(self.first_of_week(day)?, 3);
        let number = |middle: Date| i64::from(middle.day_of_year().saturating_sub(1) / 7) + 1;
        let own = middle(day)?;
        let last = middle(Date::new(own.year(), 12, 28).ok()?)?;
        Some(is_among(&self.weeks, number(own), number(last)))
    }

    fn first_of_week(&self, day: Date) -> Option<Date> {
        let since = i64::from(day.weekday().since(self.week_start));
        plus_days(day, since.checked_neg()?)
    }
}

/// Whether a list is empty, or has this number, counted from the beginning or from the end.
fn is_among(list: &[i64], number: i64, of: i64) -> bool {
    let from_end = number.saturating_sub(of).saturating_sub(1);
    list.is_empty() || list.contains(&number) || list.contains(&from_end)
}

pub(super) fn plus_days(day: Date, days: i64) -> Option<Date> {
    let hours = days.checked_mul(24)?;
    day.checked_add(SignedDuration::try_from_hours(hours)?).ok()
}

/// How many days a period has.
pub(super) fn days_of(first: Date, last: Date) -> usize {
    let days = days_between(first, last).saturating_add(1);
    usize::try_from(days).unwrap_or(0)
}

fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours().div_euclid(24)
}

fn month_number(day: Date) -> i64 {
    let years = i64::from(day.year()).saturating_mul(12);
    years
        .saturating_add(i64::from(day.month()))
        .saturating_sub(1)
}

fn times(hours: Vec<i64>, minutes: Vec<i64>, start: Time) -> Result<Vec<Time>, Unusable> {
    let or_own = |list: Vec<i64>, own: i8| {
        if list.is_empty() {
            vec![i64::from(own)]
        } else {
            list
        }
    };
    let mut out = Vec::new();
    let minutes = or_own(minutes, start.minute());
    for hour in or_own(hours, start.hour()) {
        for minute in &minutes {
            let parts = i8::try_from(hour).ok().zip(i8::try_from(*minute).ok());
            let (hour, minute) = parts.ok_or(Unusable::Rule)?;
            let time = Time::new(hour, minute, start.second(), 0);
            out.push(time.map_err(|_| Unusable::Rule)?);
        }
    }
    out.sort_unstable();
    out.dedup();
    Ok(out)
}

fn number<N: FromStr>(text: &str) -> Result<N, Unusable> {
    text.parse().map_err(|_| Unusable::Rule)
}

fn numbers(text: &str) -> Result<Vec<i64>, Unusable> {
    text.split(',').map(number).collect()
}

fn instant(text: &str) -> Result<Timestamp, Unusable> {
    let local = DateTime::strptime("%Y%m%dT%H%M%SZ", text);
    let instant = local.and_then(|local| TimeZone::UTC.to_timestamp(local));
    instant.map_err(|_| Unusable::Rule)
}

fn weekday(text: &str) -> Result<Weekday, Unusable> {
    Ok(match text {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return Err(Unusable::Rule),
    })
}

fn week_days(text: &str) -> Result<Vec<(Option<i64>, Weekday)>, Unusable> {
    let one = |text: &str| {
        let split = text.split_at_checked(text.len().saturating_sub(2));
        let (place, day) = split.ok_or(Unusable::Rule)?;
        let place = if place.is_empty() {
            None
        } else {
            Some(number(place)?)
        };
        Ok((place, weekday(day)?))
    };
    text.split(',').map(one).collect()
}
