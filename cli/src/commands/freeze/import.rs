//! Windows from the events of other calendars.
//!
//! Implements of RFC 5545, section 3.6.1, what windows can say: a start, an end or a length, a rule,
//! starts that are added or left out, and single ones that were moved. Who is missing a freeze would
//! rather know, so that whatever else an event says makes it one that cannot be taken.

mod rule;
mod zones;

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::calendar::{CalendarError, LocalTime, WindowLength, ZoneName};
use bulla_model::predicate::freeze::{WINDOWS, Window};
use bulla_verify::calendar::{Budget, Schedule, zone_of};
use jiff::Timestamp;

use super::ics::{self, Event, Property};
use super::window;
use crate::Failure;
use crate::args::freeze::Import;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::join::rules::Rules;
use crate::render::count;

/// How many events that cannot be added are told.
const TOLD: usize = 16;
/// How long a reason from a file may be, in characters.
const REASON: usize = 400;
/// Until when what still comes is looked for, in days.
const AHEAD: i64 = 3660;

/// What a file says.
pub(super) fn read(import: &Import, context: &Context) -> Result<ics::File, Failure> {
    let bytes = file::read(&import.file, context.limits.configuration_bytes)?;
    ics::read(&bytes).map_err(|(line, why)| {
        let path = import.file.display();
        let message = format!("{path}: line {line} {why}");
        Failure::new(FailureKind::Configuration, message)
    })
}

/// The windows with those of events.
pub(super) fn with(
    (import, context): (&Import, &Context),
    file: &ics::File,
    rules: &Rules,
    mut held: Vec<Window>,
) -> Result<Vec<Window>, Failure> {
    let wrong = |error: CalendarError| Failure::usage(error);
    let start = "1970-01-01T00:00:00".parse().map_err(wrong)?;
    let zone = "UTC".parse().map_err(wrong)?;
    let length = "P1D".parse().map_err(wrong)?;
    let reading = Reading {
        like: window::about(&import.steps, rules, (start, &zone, length))?,
        zone: import.zone.as_ref(),
        zones: &import.zone_for.iter().cloned().collect(),
        observances: &file.observances,
        now: Timestamp::now(),
    };
    let taken = reading.take(&file.events);
    let path = import.file.display();
    let lines = taken.refused.iter();
    let mut lines = lines.map(|(line, why)| format!("{path}:{line}: {why}"));
    if !taken.refused.is_empty() && !import.skip_unusable {
        let events = count(taken.refused.len(), "event");
        let failure = Failure::usage(format_args!("{events} of {path} cannot be added"));
        let failure = lines
            .by_ref()
            .take(TOLD)
            .fold(failure, Failure::with_detail);
        return Err(failure.with_hint("to add the others: --skip-unusable"));
    }
    for line in lines {
        context.printer.warn(format!("skipped {line}"));
    }
    if taken.left_out > 0 {
        let events = count(taken.left_out, "event");
        context
            .printer
            .warn(format!("{events} left out: over, or called off"));
    }
    let before = held.len();
    for window in taken.windows {
        if !held.contains(&window) {
            held.push(window);
        }
    }
    if held.len() == before {
        let message = format_args!("{path} adds no window to the calendar");
        return Err(Failure::usage(message));
    }
    if held.len() > WINDOWS {
        let message = format!(
            "{} windows are too many: a calendar has at most {WINDOWS}",
            held.len()
        );
        return Err(Failure::usage(message));
    }
    Ok(held)
}

/// What becomes of a file's events.
#[derive(Debug, Default)]
struct Taken {
    windows: Vec<Window>,
    /// Those that no window can say, by the line that tells why.
    refused: BTreeMap<usize, String>,
    /// How many are over or were called off.
    left_out: usize,
}

/// What is said for all events of the file.
struct Reading<'a> {
    /// A window with what no event says.
    like: Window,
    /// The time zone of times without one.
    zone: Option<&'a ZoneName>,
    /// What the file calls time zones.
    zones: &'a BTreeMap<String, ZoneName>,
    /// What it says of them itself.
    observances: &'a [ics::Observance],
    now: Timestamp,
}

/// A time of an event.
struct When {
    local: LocalTime,
    zone: ZoneName,
    is_day: bool,
}

/// An event in windows: the one that recurs, or begins first, and those that were added.
struct Series {
    first: Window,
    is_day: bool,
    added: Vec<Window>,
    /// Whether the first start was left out, without a rule.
    is_without_first: bool,
}

/// Why an event cannot be taken, and the line that says so.
type Refusal = (usize, String);

impl Reading<'_> {
    fn take(&self, events: &[Event]) -> Taken {
        let mut taken = Taken::default();
        let mut series: BTreeMap<String, Series> = BTreeMap::new();
        let (mut names, mut called_off) = (BTreeSet::new(), BTreeSet::new());
        let (moved, whole): (Vec<_>, Vec<_>) = events
            .iter()
            .partition(|event| event.one("RECURRENCE-ID").is_some());
        for event in whole {
            // One without a name has no others that change it.
            let name = event.one("UID").map(|uid| uid.value.clone());
            let name = name.unwrap_or_else(|| format!("line {}", event.line));
            if let Err((line, why)) = is_plain(event) {
                taken.refused.insert(line, why);
                continue;
            }
            if !names.insert(name.clone()) {
                let twice = "another event has its UID".to_owned();
                taken.refused.insert(event.line, twice);
            } else if is_called_off(event) {
                taken.left_out = taken.left_out.saturating_add(1);
                called_off.insert(name);
            } else {
                match self.series(event) {
                    Ok(one) => drop(series.insert(name, one)),
                    Err((line, why)) => drop(taken.refused.insert(line, why)),
                }
            }
        }
        for event in moved {
            let name = event.one("UID").map_or("", |uid| uid.value.as_str());
            if called_off.contains(name) {
                continue;
            }
            if let Err((line, why)) = self.change(event, series.get_mut(name), &mut taken) {
                taken.refused.insert(line, why);
            }
        }
        for one in series.into_values() {
            let first = (!one.is_without_first).then_some(one.first);
            taken.windows.extend(first.into_iter().chain(one.added));
        }
        let all = taken.windows.len();
        taken.windows.retain(|window| self.still_comes(window));
        let over = all.saturating_sub(taken.windows.len());
        taken.left_out = taken.left_out.saturating_add(over);
        taken
    }

    /// One start of a series that was moved or called off.
    fn change(
        &self,
        event: &Event,
        series: Option<&mut Series>,
        taken: &mut Taken,
    ) -> Result<(), Refusal> {
        is_plain(event)?;
        let id = required(event, "RECURRENCE-ID")?;
        if id.parameter("RANGE").is_some() {
            return Err((id.line, "RANGE: it moves all that follow".to_owned()));
        }
        // What replaces a start has to be known before the start goes.
        let moved = if is_called_off(event) {
            None
        } else {
            Some(self.series(event)?)
        };
        if let Some(series) = series {
            series.leave_out(&self.when(event, id)?, id.line)?;
        }
        if let Some(moved) = moved {
            taken.windows.push(moved.first);
            taken.windows.extend(moved.added);
        } else {
            taken.left_out = taken.left_out.saturating_add(1);
        }
        Ok(())
    }

    fn series(&self, event: &Event) -> Result<Series, Refusal> {
        let said = required(event, "DTSTART")?;
        let start = self.when(event, said)?;
        if let Some(odd) = event.one("EXRULE") {
            return Err((
                odd.line,
                "EXRULE: rules that leave out are not known".to_owned(),
            ));
        }
        let first = Window {
            start: start.local,
            time_zone: start.zone.clone(),
            duration: self.length(event, &start, said.line)?,
            rrule: rule::of(event, &start)?,
            reason: reason(event),
            ..self.like.clone()
        };
        let mut series = Series {
            first,
            is_day: start.is_day,
            added: Vec::new(),
            is_without_first: false,
        };
        for property in event.all("RDATE") {
            for when in self.several(event, property)? {
                let local = series.local(&when, property.line)?;
                series.added.push(Window {
                    start: local,
                    rrule: None,
                    ..series.first.clone()
                });
            }
        }
        for property in event.all("EXDATE") {
            for when in self.several(event, property)? {
                series.leave_out(&when, property.line)?;
            }
        }
        Ok(series)
    }

    fn length(&self, event: &Event, start: &When, line: usize) -> Result<WindowLength, Refusal> {
        let (line, text) = match (event.one("DURATION"), event.one("DTEND")) {
            (Some(length), _) => {
                let text = length.value.to_ascii_uppercase();
                (length.line, text.trim_start_matches('+').to_owned())
            }
            (None, Some(said)) => {
                let end = self.when(event, said)?;
                let end = end.seen_from(start).map_err(|why| (said.line, why))?;
                let text = window::between(&start.zone, start.local, end);
                (said.line, text.map_err(|why| (said.line, why))?)
            }
            (None, None) if start.is_day => (line, "P1D".to_owned()),
            (None, None) => return Err((line, "it ends when it begins".to_owned())),
        };
        text.parse()
            .map_err(|error: CalendarError| (line, error.to_string()))
    }

    fn several(&self, event: &Event, property: &Property) -> Result<Vec<When>, Refusal> {
        if property
            .parameter("VALUE")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("PERIOD"))
        {
            return Err((property.line, "VALUE=PERIOD is not known".to_owned()));
        }
        let all = property.value.split(',');
        all.map(|text| self.read(event, property, text)).collect()
    }

    fn when(&self, event: &Event, property: &Property) -> Result<When, Refusal> {
        self.read(event, property, &property.value)
    }

    fn read(&self, event: &Event, property: &Property, text: &str) -> Result<When, Refusal> {
        let refuse = |why: String| (property.line, why);
        let utc = text.strip_suffix('Z');
        let local = rule::local(utc.unwrap_or(text));
        let local = local.ok_or_else(|| refuse(format!("`{}` is no time", shown(text))))?;
        let zone = match (utc, property.parameter("TZID")) {
            (Some(_), _) => "UTC".parse().map_err(|_| refuse("UTC".to_owned()))?,
            (None, Some(name)) => self.named(name).map_err(refuse)?,
            (None, None) => match (self.zone, &event.zone) {
                (Some(zone), _) => zone.clone(),
                (None, Some(name)) => self.named(name).map_err(refuse)?,
                (None, None) => {
                    let why = "its times have no time zone: say which with --zone";
                    return Err(refuse(why.to_owned()));
                }
            },
        };
        let is_day = text.len() == 8;
        Ok(When {
            local,
            zone,
            is_day,
        })
    }

    fn named(&self, name: &str) -> Result<ZoneName, String> {
        if let Some(zone) = self.zones.get(name) {
            return Ok(zone.clone());
        }
        let known = name.parse().ok();
        let known = known.and_then(|zone: ZoneName| Some((zone_of(&zone).ok()?, zone)));
        let Some((rules, zone)) = known else {
            let name = shown(name);
            return Err(format!(
                "no time zone `{name}`: say which it is with --zone-for '{name}=Europe/Berlin'"
            ));
        };
        zones::agree(self.observances, name, &rules)?;
        Ok(zone)
    }

    /// Whether it is open or opens again. Of what cannot be told the writer says why.
    fn still_comes(&self, window: &Window) -> bool {
        let budget = Budget::of_calendar();
        let far = jiff::SignedDuration::from_hours(24 * AHEAD);
        let far = self.now.saturating_add(far).unwrap_or(Timestamp::MAX);
        let comes = Schedule::of(window, &budget).and_then(|schedule| {
            let is_open = schedule.covering(self.now)?.is_some();
            Ok(is_open || schedule.next(self.now, far)?.is_some())
        });
        comes.unwrap_or(true)
    }
}

impl When {
    /// The same in the time zone of another.
    fn seen_from(&self, other: &Self) -> Result<LocalTime, String> {
        if self.is_day != other.is_day {
            return Err("one time is a day, the other is not".to_owned());
        }
        if self.zone == other.zone {
            return Ok(self.local);
        }
        let (own, others) = (zone_of(&self.zone), zone_of(&other.zone));
        let (own, others) = own
            .and_then(|own| Ok((own, others?)))
            .map_err(|it| it.to_string())?;
        let instant = own.to_timestamp(self.local.date_time());
        let instant = instant.map_err(|error| error.to_string())?;
        let local = others.to_datetime(instant).to_string();
        local.parse().map_err(|_| format!("`{local}` is no time"))
    }
}

impl Series {
    fn local(&self, when: &When, line: usize) -> Result<LocalTime, Refusal> {
        let start = When {
            local: self.first.start,
            zone: self.first.time_zone.clone(),
            is_day: self.is_day,
        };
        when.seen_from(&start).map_err(|why| (line, why))
    }

    fn leave_out(&mut self, when: &When, line: usize) -> Result<(), Refusal> {
        let local = self.local(when, line)?;
        self.added.retain(|one| one.start != local);
        if self.first.rrule.is_none() {
            self.is_without_first |= self.first.start == local;
        } else if let Err(place) = self.first.except.binary_search(&local) {
            self.first.except.insert(place, local);
        }
        Ok(())
    }
}

fn required<'a>(event: &'a Event, name: &str) -> Result<&'a Property, Refusal> {
    let found = event.one(name);
    found.ok_or_else(|| (event.line, format!("it has no {name}")))
}

/// Refuses what two readers may read in two ways.
fn is_plain(event: &Event) -> Result<(), Refusal> {
    if event.is_busy_time {
        return Err((event.line, "VFREEBUSY: it is no event".to_owned()));
    }
    if let Some(second) = event.doubled() {
        return Err((second.line, format!("a second {}", second.name())));
    }
    match (event.one("DURATION"), event.one("DTEND")) {
        (Some(length), Some(_)) => Err((length.line, "DURATION beside DTEND".to_owned())),
        _ => Ok(()),
    }
}

fn is_called_off(event: &Event) -> bool {
    let status = event.one("STATUS");
    status.is_some_and(|status| status.value.eq_ignore_ascii_case("CANCELLED"))
}

fn reason(event: &Event) -> String {
    let summary = event.one("SUMMARY").map(Property::text).unwrap_or_default();
    let uid = event.one("UID").map(Property::text).unwrap_or_default();
    let whole = match (summary.trim(), uid.trim()) {
        ("", "") => "an event without a name".to_owned(),
        (summary, "") => summary.to_owned(),
        ("", uid) => uid.to_owned(),
        (summary, uid) => {
            let summary: String = summary.chars().take(REASON / 2).collect();
            format!("{summary} ({uid})")
        }
    };
    let plain = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    whole.chars().take(REASON).map(plain).collect()
}

fn shown(text: &str) -> String {
    let text: String = text.chars().take(80).collect();
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests;
