//! Recurrence: the part of RFC 5545's `RRULE` that windows of whole days need.
//!
//! Implements section 3.3.10, with these deviations: the frequency stands first and is daily or
//! longer, there is no `BYSECOND`, `BYYEARDAY` and `BYWEEKNO` only go with `YEARLY`, and numbers are
//! bounded. So nothing that is well-formed recurs more often than every minute of some hours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CalendarError, as_text};
use crate::instant::is_shaped;

/// How a window recurs: `FREQ=YEARLY;BYMONTH=12;BYDAY=-1FR`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recurrence {
    text: String,
    frequency: Frequency,
}

/// How often a rule is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frequency {
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// Every year.
    Yearly,
}

/// Longest rule, in characters. Stops rules that take long to be read and longer to be expanded.
const LENGTH: usize = 512;

impl Recurrence {
    /// The value of the `RRULE`, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its `FREQ`.
    pub fn frequency(&self) -> Frequency {
        self.frequency
    }
}

impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Recurrence {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let wrong = || {
            let expected = "an RRULE such as FREQ=YEARLY;BYMONTH=12, daily or less often";
            CalendarError::new("recurrence", expected, text)
        };
        let mut parts = text.split(';');
        let frequency = match parts.next() {
            Some("FREQ=DAILY") => Frequency::Daily,
            Some("FREQ=WEEKLY") => Frequency::Weekly,
            Some("FREQ=MONTHLY") => Frequency::Monthly,
            Some("FREQ=YEARLY") => Frequency::Yearly,
            _ => return Err(wrong()),
        };
        let mut names = Vec::new();
        let mut has_numbered_day = false;
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let is_known = is_part(frequency, name, value) && !names.contains(&name);
            if !is_known {
                return Err(wrong());
            }
            names.push(name);
            has_numbered_day |= name == "BYDAY" && value.contains(|c: char| c.is_ascii_digit());
        }
        let has = |name| names.contains(&name);
        let limits = usize::from(has("COUNT")) + usize::from(has("UNTIL"));
        let selects = names
            .iter()
            .any(|name| name.starts_with("BY") && *name != "BYSETPOS");
        let contradicts =
            limits > 1 || (has("BYSETPOS") && !selects) || (has("BYWEEKNO") && has_numbered_day);
        if text.len() > LENGTH || contradicts {
            return Err(wrong());
        }
        Ok(Self {
            text: text.to_owned(),
            frequency,
        })
    }
}

fn is_part(frequency: Frequency, name: &str, value: &str) -> bool {
    let mut values = value.split(',');
    let yearly = frequency == Frequency::Yearly;
    match name {
        "INTERVAL" => is_between(value, 1, 1000),
        "COUNT" => is_between(value, 1, 10_000),
        // Beside a time zone it is in UTC.
        "UNTIL" => is_shaped(value, "00000000T000000Z"),
        "WKST" => DAYS.contains(&value),
        "BYMONTH" => values.all(|value| is_between(value, 1, 12)),
        "BYMONTHDAY" => {
            frequency != Frequency::Weekly && values.all(|value| is_either_way(value, 31))
        }
        "BYYEARDAY" => yearly && values.all(|value| is_either_way(value, 366)),
        "BYWEEKNO" => yearly && values.all(|value| is_either_way(value, 53)),
        "BYSETPOS" => values.all(|value| is_either_way(value, 366)),
        "BYHOUR" => values.all(|value| is_between(value, 0, 23)),
        "BYMINUTE" => values.all(|value| is_between(value, 0, 59)),
        "BYDAY" => values.all(|value| {
            let Some((number, day)) = value.split_at_checked(value.len().saturating_sub(2)) else {
                return false;
            };
            let counts = yearly || frequency == Frequency::Monthly;
            DAYS.contains(&day) && (number.is_empty() || (counts && is_either_way(number, 53)))
        }),
        _ => false,
    }
}

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

fn is_between(text: &str, lowest: u32, highest: u32) -> bool {
    super::number(text).is_some_and(|number| (lowest..=highest).contains(&number))
}

/// A number from 1, or counted from the end.
fn is_either_way(text: &str, highest: u32) -> bool {
    is_between(text.strip_prefix(['+', '-']).unwrap_or(text), 1, highest)
}

as_text!(Recurrence, value => value.text);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_calendars_are_read() {
        for text in [
            "FREQ=YEARLY",
            "FREQ=WEEKLY;BYDAY=FR,SA,SU;WKST=MO",
            "FREQ=MONTHLY;BYDAY=-1FR;COUNT=12",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
            "FREQ=YEARLY;BYWEEKNO=52,53;BYDAY=MO",
            "FREQ=YEARLY;BYYEARDAY=-1",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=DAILY;INTERVAL=2;UNTIL=20261231T235959Z",
            "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0,30",
        ] {
            assert_eq!(text.parse::<Recurrence>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn rules_that_are_wrong_or_recur_too_often_are_refused() {
        for text in [
            "",
            "FREQ=SECONDLY",
            "FREQ=MINUTELY",
            "FREQ=HOURLY",
            "freq=daily",
            "BYMONTH=12;FREQ=YEARLY",
            "RRULE:FREQ=DAILY",
            "FREQ=DAILY;",
            "FREQ=DAILY;;COUNT=1",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=10001",
            "FREQ=DAILY;COUNT=1;COUNT=2",
            "FREQ=DAILY;COUNT=3;UNTIL=20261231T235959Z",
            "FREQ=DAILY;UNTIL=20261231",
            "FREQ=DAILY;UNTIL=20261231T235959",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;INTERVAL=+1",
            "FREQ=DAILY;BYSECOND=0",
            "FREQ=DAILY;BYDAY=1MO",
            "FREQ=WEEKLY;BYDAY=",
            "FREQ=WEEKLY;BYDAY=XX",
            "FREQ=WEEKLY;BYDAY=é",
            "FREQ=WEEKLY;BYMONTHDAY=1",
            "FREQ=MONTHLY;BYDAY=54MO",
            "FREQ=MONTHLY;BYDAY=0MO",
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "FREQ=MONTHLY;BYWEEKNO=1",
            "FREQ=MONTHLY;BYYEARDAY=1",
            "FREQ=YEARLY;BYMONTH=13",
            "FREQ=YEARLY;BYMONTH=-1",
            "FREQ=YEARLY;BYSETPOS=1",
            "FREQ=YEARLY;BYHOUR=24",
            "FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO",
            "FREQ=YEARLY;X-OTHER=1",
        ] {
            let error = text.parse::<Recurrence>().unwrap_err().to_string();
            assert!(error.contains("is no recurrence"), "{error}");
        }
        let long = format!("FREQ=YEARLY;BYMONTH={}", ["12"; 200].join(","));
        assert!(long.parse::<Recurrence>().is_err());
    }
}
