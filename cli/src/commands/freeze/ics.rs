//! Reading iCalendar files: the events that calendars export, line by line.
//!
//! Implements RFC 5545, section 3.1, and of components as much as it takes to tell the properties of an
//! event from those of its alarms and of time zones. What properties mean is not known here.

use std::collections::BTreeSet;

/// What is read of a file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) events: Vec<Event>,
    /// What its own definitions of time zones say.
    pub(super) observances: Vec<Observance>,
}

/// One part of a definition of a time zone: standard time or summer time from some day on.
#[derive(Debug, Default)]
pub(super) struct Observance {
    /// Where its offset is said.
    pub(super) line: usize,
    /// The zone's name in this file.
    pub(super) zone: String,
    pub(super) is_summer: bool,
    /// Since when, as written: a local time.
    pub(super) since: String,
    /// As written: `+0100`.
    pub(super) offset: String,
}

/// One event, with its properties as they were written.
#[derive(Debug, Default)]
pub(super) struct Event {
    /// Where it begins.
    pub(super) line: usize,
    /// Whether it says when somebody is busy, and is none.
    pub(super) is_busy_time: bool,
    properties: Vec<Property>,
    /// The time zone that its file says it is of.
    pub(super) zone: Option<String>,
}

/// One content line: `EXDATE;TZID=Europe/Berlin:20261224T090000`.
#[derive(Clone, Debug)]
pub(super) struct Property {
    /// Its first line in the file.
    pub(super) line: usize,
    name: String,
    parameters: Vec<(String, String)>,
    pub(super) value: String,
}

/// Why a file is no calendar, and where.
pub(super) type Malformed = (usize, &'static str);

impl Event {
    /// The first property of this name.
    pub(super) fn one(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|one| one.name == name)
    }

    /// A property that is there more often than once, of those that may not be (RFC 5545, section
    /// 3.6.1): readers would take the one or the other.
    pub(super) fn doubled(&self) -> Option<&Property> {
        let mut seen = BTreeSet::new();
        let mut single = self.properties.iter().filter(|property| {
            let name = property.name.as_str();
            SINGLE.contains(&name)
        });
        single.find(|property| !seen.insert(property.name.as_str()))
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |one| one.name == name)
    }
}

/// What an event says once.
const SINGLE: [&str; 7] = [
    "DTEND",
    "DTSTART",
    "DURATION",
    "RECURRENCE-ID",
    "STATUS",
    "SUMMARY",
    "UID",
];

impl Property {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut own = self.parameters.iter();
        let found = own.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Its value as a text, without what protects characters.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut rest = self.value.chars();
        while let Some(character) = rest.next() {
            match character {
                '\\' => text.push(match rest.next() {
                    Some('n' | 'N') | None => ' ',
                    Some(other) => other,
                }),
                other => text.push(other),
            }
        }
        text
    }

    fn of(line: usize, text: &str) -> Option<Self> {
        let (name, mut rest) = text.split_at(text.find([';', ':'])?);
        let mut parameters = Vec::new();
        while let Some(parameter) = rest.strip_prefix(';') {
            let (name, values) = parameter.split_once('=')?;
            let mut is_quoted = false;
            let end = values.find(|character| {
                is_quoted ^= character == '"';
                !is_quoted && matches!(character, ';' | ':')
            })?;
            let (value, after) = values.split_at(end);
            let value = value.trim_matches('"').to_owned();
            parameters.push((name.to_ascii_uppercase(), value));
            rest = after;
        }
        Some(Self {
            line,
            name: name.to_ascii_uppercase(),
            parameters,
            value: rest.strip_prefix(':')?.to_owned(),
        })
    }
}

/// The events of a file, and its time zones.
pub(super) fn read(bytes: &[u8]) -> Result<File, Malformed> {
    let mut file = File::default();
    let (mut open, mut zone, mut event) = (Vec::new(), None, Event::default());
    let (mut named, mut observance) = (String::new(), Observance::default());
    let mut last = 1;
    for (line, text) in unfolded(bytes) {
        let text = String::from_utf8(text).map_err(|_| (line, "is not UTF-8"))?;
        if text.trim().is_empty() {
            continue;
        }
        last = line;
        let wrong = (line, "is no line of an iCalendar file");
        let property = Property::of(line, &text).ok_or(wrong)?;
        match property.name.as_str() {
            "BEGIN" => {
                begin(&mut open, &property)?;
                if is_event(&open) {
                    event.line = line;
                    event.zone.clone_from(&zone);
                    event.is_busy_time = open.last().is_some_and(|last| last == BUSY);
                }
            }
            "END" => {
                if is_event(&open) {
                    file.events.push(std::mem::take(&mut event));
                } else if is_summer(&open).is_some() {
                    let zone = named.clone();
                    let whole = std::mem::take(&mut observance);
                    file.observances.push(Observance { zone, ..whole });
                }
                let ended = open.pop();
                if ended != Some(property.value.to_ascii_uppercase()) {
                    return Err((line, "ends what did not begin"));
                }
                if open.is_empty() {
                    zone = None;
                }
            }
            _ if open.is_empty() => return Err((line, "is in no calendar")),
            "X-WR-TIMEZONE" if open.len() == 1 => zone = Some(property.value),
            "TZID" if is_zone(&open) => named = property.value,
            _ if is_event(&open) => event.properties.push(property),
            _ => {
                if let Some(is_summer) = is_summer(&open) {
                    observance.is_summer = is_summer;
                    observance.take(property);
                }
            }
        }
    }
    if !open.is_empty() {
        return Err((last, "is the last one, and the calendar does not end"));
    }
    Ok(file)
}

/// Enters a component.
fn begin(open: &mut Vec<String>, property: &Property) -> Result<(), Malformed> {
    let name = property.value.to_ascii_uppercase();
    let wrong = match (open.len(), name.as_str()) {
        (0, "VCALENDAR") => None,
        (0, _) => Some("begins something else than a calendar"),
        (_, "VCALENDAR") => Some("begins a calendar within another one"),
        (2.., "VEVENT") => Some("begins an event within something else than a calendar"),
        _ => None,
    };
    open.push(name);
    wrong.map_or(Ok(()), |wrong| Err((property.line, wrong)))
}

impl Observance {
    fn take(&mut self, property: Property) {
        match property.name.as_str() {
            "DTSTART" => self.since = property.value,
            "TZOFFSETTO" => {
                self.line = property.line;
                self.offset = property.value;
            }
            _ => {}
        }
    }
}

/// What says when somebody is busy, and may not be left out unseen.
const BUSY: &str = "VFREEBUSY";

fn is_event(open: &[String]) -> bool {
    open.len() == 2
        && open
            .last()
            .is_some_and(|last| last == "VEVENT" || last == BUSY)
}

fn is_zone(open: &[String]) -> bool {
    open.len() == 2 && open.last().is_some_and(|last| last == "VTIMEZONE")
}

/// Whether this is within a part of a time zone, and that of its summer time.
fn is_summer(open: &[String]) -> Option<bool> {
    let (last, before) = open.split_last()?;
    match last.as_str() {
        "STANDARD" if is_zone(before) => Some(false),
        "DAYLIGHT" if is_zone(before) => Some(true),
        _ => None,
    }
}

/// Lines as they were before they were folded, each with the number of its first one. A fold may be
/// within a character, so that what is not folded are bytes.
fn unfolded(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line, lines.last_mut()) {
            ([b' ' | b'\t', rest @ ..], Some((_, before))) => before.extend(rest),
            _ => lines.push((number, line.to_vec())),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unfolded_and_split() {
        // The fold is within a character.
        let text = "\u{feff}BEGIN:VCALENDAR\r\nX-WR-TIMEZONE:Europe/Paris\r\nBEGIN:VTIMEZONE\r\n\
            DTSTART:19700101T000000\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nsummary;X=\"a;b:c\";Y=d:N\\, \
            o\\nwork \u{e9}\r\nBEGIN:VALARM\r\nDURATION:PT1H\r\nEND:VALARM\r\nEND:VEVENT\r\n\
            END:VCALENDAR\r\n";
        let split = text.find('\u{e9}').unwrap() + 1;
        let mut bytes = text.as_bytes()[..split].to_vec();
        bytes.extend(b"\r\n ");
        bytes.extend(&text.as_bytes()[split..]);
        let events = read(&bytes).unwrap().events;
        assert_eq!(events.len(), 1);
        let event = &events[0];
        assert_eq!(
            (event.line, event.zone.as_deref()),
            (6, Some("Europe/Paris"))
        );
        let summary = event.one("SUMMARY").unwrap();
        assert_eq!(summary.text(), "N, o work \u{e9}");
        assert_eq!(summary.parameter("X"), Some("a;b:c"));
        assert_eq!((summary.parameter("Y"), summary.line), (Some("d"), 7));
        // An alarm and a time zone have their own.
        assert!(event.one("DURATION").is_none() && event.one("DTSTART").is_none());
    }

    #[test]
    fn what_is_no_calendar_is_told_with_its_line() {
        for (text, line) in [
            ("hello", 1),
            ("BEGIN:VEVENT\nEND:VEVENT", 1),
            ("BEGIN:VCALENDAR\nDTSTART\nEND:VCALENDAR", 2),
            ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", 3),
            ("BEGIN:VCALENDAR\nBEGIN:VEVENT", 2),
            ("BEGIN:VCALENDAR\nA;B=\"c:d\nEND:VCALENDAR", 2),
            ("BEGIN:VCALENDAR\nEND:VCALENDAR\nDTSTART:x", 3),
            ("BEGIN:VCALENDAR\nBEGIN:VCALENDAR", 2),
            ("BEGIN:VCALENDAR\nBEGIN:VTODO\nBEGIN:VEVENT", 3),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err().0, line, "{text}");
        }
        assert_eq!(read(b"BEGIN:VCALENDAR\nA:\xff").unwrap_err().0, 2);
        assert!(read(b"").unwrap().events.is_empty());
    }
}
