//! Reading iCalendar files: the events that calendars export, line by line.
//!
//! Implements RFC 5545, section 3.1, and of components as much as it takes to tell the properties of an
//! event from those of its alarms and of time zones. What properties mean is not known here.

/// One event, with its properties as they were written.
#[derive(Debug, Default)]
pub(super) struct Event {
    /// Where it begins.
    pub(super) line: usize,
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

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |one| one.name == name)
    }
}

impl Property {
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

/// The events of a file.
pub(super) fn events(bytes: &[u8]) -> Result<Vec<Event>, Malformed> {
    let mut events = Vec::new();
    let (mut open, mut zone, mut event) = (Vec::new(), None, Event::default());
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
                if open.is_empty() && !property.value.eq_ignore_ascii_case("VCALENDAR") {
                    return Err((line, "begins something else than a calendar"));
                }
                open.push(property.value.to_ascii_uppercase());
                if is_event(&open) {
                    event.line = line;
                    event.zone.clone_from(&zone);
                }
            }
            "END" => {
                if is_event(&open) {
                    events.push(std::mem::take(&mut event));
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
            _ if is_event(&open) => event.properties.push(property),
            _ => {}
        }
    }
    if !open.is_empty() {
        return Err((last, "is the last one, and the calendar does not end"));
    }
    Ok(events)
}

fn is_event(open: &[String]) -> bool {
    open.len() == 2 && open.last().is_some_and(|last| last == "VEVENT")
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
        let events = events(&bytes).unwrap();
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
        ] {
            assert_eq!(events(text.as_bytes()).unwrap_err().0, line, "{text}");
        }
        assert_eq!(events(b"BEGIN:VCALENDAR\nA:\xff").unwrap_err().0, 2);
        assert!(events(b"").unwrap().is_empty());
    }
}
