//! Times and rules as iCalendar files write them, as windows write them.
//!
//! RFC 5545, sections 3.3.5 and 3.3.10.

use bulla_model::calendar::{CalendarError, LocalTime, Recurrence};
use bulla_verify::calendar::zone_of;
use jiff::civil::DateTime;

use super::super::ics::Event;
use super::{Refusal, When, shown};

/// `20261218T180000`, or `20261218` for its beginning.
pub(super) fn local(text: &str) -> Option<LocalTime> {
    let (date, time) = match text.len() {
        8 => (text, "000000"),
        _ => text.split_once('T')?,
    };
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (date.len(), time.len()) != (8, 6) || !is_number(date) || !is_number(time) {
        return None;
    }
    let part = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    let whole = format!(
        "{}-{}-{}T{}:{}:{}",
        part(date, 0, 4)?,
        part(date, 4, 6)?,
        part(date, 6, 8)?,
        part(time, 0, 2)?,
        part(time, 2, 4)?,
        part(time, 4, 6)?
    );
    whole.parse().ok()
}

/// The rule as windows write it: `FREQ` first and its end in UTC.
pub(super) fn of(event: &Event, start: &When) -> Result<Option<Recurrence>, Refusal> {
    let mut rules = event.all("RRULE");
    let Some(said) = rules.next() else {
        return Ok(None);
    };
    if let Some(second) = rules.next() {
        return Err((second.line, "it has several rules".to_owned()));
    }
    let text = said.value.trim_end_matches(';').to_ascii_uppercase();
    let mut parts = Vec::new();
    for part in text.split(';') {
        match part.split_once('=') {
            Some(("FREQ", _)) => parts.insert(0, part.to_owned()),
            Some(("UNTIL", end)) => {
                let end = until(end, start).map_err(|why| (said.line, why))?;
                parts.push(format!("UNTIL={end}"));
            }
            _ => parts.push(part.to_owned()),
        }
    }
    let rule = parts.join(";").parse();
    rule.map(Some)
        .map_err(|error: CalendarError| (said.line, error.to_string()))
}

/// The end of a rule in UTC. That of whole days is a day, and others may be local times.
fn until(text: &str, start: &When) -> Result<String, String> {
    if text.ends_with('Z') {
        return Ok(text.to_owned());
    }
    let wrong = || format!("UNTIL: `{}` is no time", shown(text));
    let end = local(text).ok_or_else(wrong)?;
    let end: DateTime = match (text.len(), start.is_day) {
        // Every start on its last day.
        (8, false) => end.date_time().date().at(23, 59, 59, 0),
        _ => end.date_time(),
    };
    let zone = zone_of(&start.zone).map_err(|error| error.to_string())?;
    let end = zone.to_timestamp(end).map_err(|_| wrong())?;
    Ok(end.strftime("%Y%m%dT%H%M%SZ").to_string())
}
