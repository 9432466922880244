//! The words of calendars: local times, time zones, lengths, recurrence.
//!
//! Of RFC 5545, <https://www.rfc-editor.org/rfc/rfc5545>: `DTSTART` with a `TZID`, `EXDATE`,
//! `DURATION` and `RRULE`. These types say that a calendar is well-formed; they do not know when it
//! is now, nor the rules of time zones.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::instant::is_local;

mod recurrence;

pub use recurrence::{Frequency, Recurrence};

/// Why a text is no part of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no {kind}: expected {expected}", found.escape_debug())]
pub struct CalendarError {
    kind: &'static str,
    expected: &'static str,
    found: String,
}

impl CalendarError {
    fn new(kind: &'static str, expected: &'static str, found: &str) -> Self {
        Self {
            kind,
            expected,
            found: found.chars().take(80).collect(),
        }
    }
}

/// A date and a time of day, in whatever time zone is named beside it: `2026-12-18T18:00:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalTime(DateTime);

impl LocalTime {
    /// The date and time of day.
    pub fn date_time(self) -> DateTime {
        self.0
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for LocalTime {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let time = is_local(text).then(|| text.parse().ok()).flatten();
        time.map(Self).ok_or_else(|| {
            let expected = "a date and time of day such as 2026-12-18T18:00:00, without an offset";
            CalendarError::new("local time", expected, text)
        })
    }
}

/// The name of a time zone in the IANA database: `Europe/Berlin`, `UTC`. Whether there is one of
/// that name, only its reader's database can say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ZoneName(String);

impl ZoneName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ZoneName {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let is_part = |part: &str| {
            part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
        };
        if text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(is_part) {
            Ok(Self(text.to_owned()))
        } else {
            let expected = "a name of the IANA database such as Europe/Berlin";
            Err(CalendarError::new("time zone", expected, text))
        }
    }
}

/// How long a window stays: weeks, or days and a time, as RFC 5545 writes a `DURATION`: `P1W`,
/// `P3D`, `PT62H`, `P1DT12H30M`. Days are those of the calendar, an hour is always an hour.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WindowLength {
    text: String,
    days: u32,
    seconds: u32,
}

impl WindowLength {
    /// The length as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Days of the calendar, which a change of the clocks makes longer or shorter; weeks are seven.
    pub fn days(&self) -> u32 {
        self.days
    }

    /// Seconds after those days.
    pub fn seconds(&self) -> u32 {
        self.seconds
    }
}

/// No window is longer, so that an endless one has to be renewed.
const LENGTH_DAYS: u32 = 366;

/// Each unit's letter with its seconds, in order.
const TIME_UNITS: &[(char, u32)] = &[('H', 3600), ('M', 60), ('S', 1)];

impl FromStr for WindowLength {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let wrong = || {
            let expected = "a length such as P3D, P1W or PT62H, at most 366 days";
            CalendarError::new("length", expected, text)
        };
        let rest = text.strip_prefix('P').ok_or_else(wrong)?;
        let (date, time) = match rest.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (rest, None),
        };
        let days = match (date.strip_suffix('W'), date.strip_suffix('D')) {
            (Some(weeks), _) if time.is_none() => number(weeks).map(|weeks| weeks * 7),
            (None, Some(days)) => number(days),
            (None, None) if date.is_empty() && time.is_some() => Some(0),
            _ => None,
        }
        .ok_or_else(wrong)?;
        let seconds = time.map_or(Some(0), seconds).ok_or_else(wrong)?;
        let whole = u64::from(days) * 86_400 + u64::from(seconds);
        if whole == 0 || whole > u64::from(LENGTH_DAYS) * 86_400 {
            return Err(wrong());
        }
        Ok(Self {
            text: text.to_owned(),
            days,
            seconds,
        })
    }
}

/// The part after `T`: at least one unit, each once and in order.
fn seconds(mut rest: &str) -> Option<u32> {
    let mut total = 0_u32;
    let mut units = TIME_UNITS.iter();
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let letter = rest[end..].chars().next()?;
        let (_, unit) = units.find(|(unit, _)| *unit == letter)?;
        total = total.checked_add(number(&rest[..end])?.checked_mul(*unit)?)?;
        rest = &rest[end + 1..];
        if rest.is_empty() {
            return Some(total);
        }
    }
    None
}

/// One to five digits.
fn number(text: &str) -> Option<u32> {
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

macro_rules! as_text {
    ($type:ident, $self:ident => $text:expr) => {
        impl TryFrom<String> for $type {
            type Error = CalendarError;

            fn try_from(text: String) -> Result<Self, CalendarError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from($self: $type) -> Self {
                $text
            }
        }
    };
}
pub(crate) use as_text;

as_text!(LocalTime, value => value.to_string());
as_text!(ZoneName, value => value.0);
as_text!(WindowLength, value => value.text);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_have_no_offset_and_are_days_that_exist() {
        let time: LocalTime = "2026-12-18T18:00:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-12-18T18:00:00");
        for text in [
            "",
            "2026-12-18",
            "2026-12-18T18:00",
            "2026-12-18T18:00:00Z",
            "2026-12-18 18:00:00",
            "2026-12-18T18:00:00.5",
            "2026-12-18T24:00:00",
            "2026-02-29T18:00:00",
            "2026-12-18T18:00:60",
        ] {
            let error = text.parse::<LocalTime>().unwrap_err().to_string();
            assert!(error.contains("is no local time"), "{error}");
        }
    }

    #[test]
    fn lengths_keep_days_and_seconds_apart() {
        for (text, days, seconds) in [
            ("P1W", 7, 0),
            ("P3D", 3, 0),
            ("PT62H", 0, 223_200),
            ("P1DT12H30M", 1, 45_000),
            ("PT1M30S", 0, 90),
            ("P366D", 366, 0),
        ] {
            let length: WindowLength = text.parse().unwrap();
            assert_eq!((length.days(), length.seconds()), (days, seconds), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "P0D",
            "PT0S",
            "P1W2D",
            "P1WT1H",
            "P1M",
            "P1Y",
            "PT1S1H",
            "PT1H1H",
            "P-1D",
            "+P1D",
            "p1d",
            "P367D",
            "P366DT1S",
            "P999999D",
            "PT99999999999H",
            "P1.5D",
            "PT1H2",
        ] {
            let error = text.parse::<WindowLength>().unwrap_err().to_string();
            assert!(error.contains("is no length"), "{error}");
        }
    }

    #[test]
    fn zones_have_the_form_of_names() {
        for text in [
            "UTC",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Etc/GMT+5",
        ] {
            assert_eq!(text.parse::<ZoneName>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "/etc/localtime",
            "../UTC",
            "Europe/",
            "A/b/c/d",
            "Mean Time",
            "+01:00",
        ] {
            let error = text.parse::<ZoneName>().unwrap_err().to_string();
            assert!(error.contains("is no time zone"), "{error}");
        }
    }
}
