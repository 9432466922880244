//! What becomes of events.

use serde_json::{Value, json};

use super::*;

/// The windows of a calendar at the beginning of 2026, and what could not be taken.
fn taken(events: &str, zone: Option<&str>) -> (Vec<Value>, Vec<(usize, String)>, usize) {
    let text = format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n");
    let like = json!({
        "kind": "closed", "environments": ["env://acme/pay/prod"], "duration": "P1D",
        "start": "1970-01-01T00:00:00", "timeZone": "UTC", "reason": "",
    });
    let zone = zone.map(|zone| zone.parse().unwrap());
    let windows_zone = "W. Europe Standard Time".to_owned();
    let file = ics::read(text.as_bytes()).unwrap();
    let reading = Reading {
        like: serde_json::from_value(like).unwrap(),
        zone: zone.as_ref(),
        zones: &BTreeMap::from([(windows_zone, "Europe/Berlin".parse().unwrap())]),
        observances: &file.observances,
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
    };
    let taken = reading.take(&file.events);
    let windows = taken.windows.iter().map(|window| {
        let mut window = serde_json::to_value(window).unwrap();
        let members = window.as_object_mut().unwrap();
        members.retain(|name, _| !["kind", "environments"].contains(&name.as_str()));
        window
    });
    let refused = taken.refused.into_iter().collect();
    (windows.collect(), refused, taken.left_out)
}

fn event(properties: &str) -> String {
    format!("BEGIN:VEVENT\n{properties}\nEND:VEVENT\n")
}

/// As one event of Berlin that begins at 9 on a Monday says it, besides.
fn one(more: &str) -> Result<Value, String> {
    let start = "DTSTART;TZID=Europe/Berlin:20260105T090000";
    let (mut windows, refused, _) = taken(
        &event(&format!("UID:u\n{start}\n{more}")),
        Some("Europe/Berlin"),
    );
    match (windows.pop(), refused.first()) {
        (Some(window), None) => Ok(window),
        (None, Some((_, why))) => Err(why.clone()),
        both => panic!("{both:?}"),
    }
}

#[test]
fn events_as_calendars_export_them_become_windows() {
    // Whole days, as Google writes them, in the zone of its calendar.
    let google = format!(
        "X-WR-TIMEZONE:Europe/Berlin\n{}",
        event(
            "DTSTART;VALUE=DATE:20261218\nDTEND;VALUE=DATE:20270104\n\
             RRULE:FREQ=YEARLY;UNTIL=20281218\nUID:a@google.example\n\
             STATUS:CONFIRMED\nSUMMARY:Year\\, end\nTRANSP:TRANSPARENT"
        )
    );
    // In a zone by a name of Windows, the rule's parts in another order, as Outlook does.
    let outlook = event(
        "UID:040000008200E0\nSUMMARY:Standup\n\
         DTSTART;TZID=\"W. Europe Standard Time\":20260105T090000\n\
         DTEND;TZID=\"W. Europe Standard Time\":20260105T173000\n\
         RRULE:INTERVAL=1;WKST=SU;FREQ=WEEKLY;UNTIL=20260601T070000Z;BYDAY=MO,TU\n\
         EXDATE;TZID=W. Europe Standard Time:20260406T090000\n\
         BEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT5M\nEND:VALARM",
    );
    // With a length, in UTC, and with a start that was added, as Apple and others do.
    let apple = event(
        "UID:b\nSUMMARY:Quarter\nDTSTART:20260330T160000Z\nDURATION:+P1DT2H\n\
         RDATE:20260629T160000Z",
    );
    let (windows, refused, left_out) = taken(&format!("{google}{outlook}{apple}"), None);
    assert_eq!((refused, left_out), (Vec::new(), 0));
    assert_eq!(
        windows,
        [
            json!({
                "start": "2026-01-05T09:00:00", "timeZone": "Europe/Berlin",
                "duration": "PT8H30M", "except": ["2026-04-06T09:00:00"],
                "rrule": "FREQ=WEEKLY;INTERVAL=1;WKST=SU;UNTIL=20260601T070000Z;BYDAY=MO,TU",
                "reason": "Standup (040000008200E0)",
            }),
            json!({
                "start": "2026-12-18T00:00:00", "timeZone": "Europe/Berlin",
                "duration": "P17D", "rrule": "FREQ=YEARLY;UNTIL=20281217T230000Z",
                "reason": "Year, end (a@google.example)",
            }),
            json!({
                "start": "2026-03-30T16:00:00", "timeZone": "UTC", "duration": "P1DT2H",
                "reason": "Quarter (b)",
            }),
            json!({
                "start": "2026-06-29T16:00:00", "timeZone": "UTC", "duration": "P1DT2H",
                "reason": "Quarter (b)",
            }),
        ]
    );
}

#[test]
fn single_starts_that_were_moved_or_called_off_leave_the_rule() {
    let berlin = |time: &str| format!("TZID=Europe/Berlin:{time}");
    let series = event(&format!(
        "UID:u\nDTSTART;{}\nDURATION:PT1H\nRRULE:FREQ=WEEKLY",
        berlin("20260105T090000")
    ));
    let moved = event(&format!(
        "UID:u\nRECURRENCE-ID;{}\nDTSTART;{}\nDURATION:PT2H",
        berlin("20260112T090000"),
        berlin("20260113T100000")
    ));
    let gone =
        event("UID:u\nRECURRENCE-ID:20260119T080000Z\nDTSTART:20260119T080000Z\nSTATUS:CANCELLED");
    // The one that changes another may come before it.
    let (windows, refused, left_out) = taken(&format!("{moved}{series}{gone}"), None);
    assert_eq!((refused, left_out), (Vec::new(), 1));
    assert_eq!(windows[0]["start"], "2026-01-13T10:00:00");
    assert_eq!(
        windows[1]["except"],
        json!(["2026-01-12T09:00:00", "2026-01-19T09:00:00"])
    );
    // What is not understood takes no start away.
    let odd = moved.replace("PT2H", "P2M");
    let (windows, refused, _) = taken(&format!("{series}{odd}"), None);
    assert_eq!((windows.len(), refused.len()), (1, 1));
    assert_eq!(windows[0]["except"], Value::Null);
    // All of it was called off, or it is over.
    let off = series.replace("UID:u", "UID:u\nSTATUS:CANCELLED");
    assert_eq!(taken(&format!("{off}{moved}"), None), (vec![], vec![], 1));
    let over = event("DTSTART:20251218T000000Z\nDURATION:P1D\nRRULE:FREQ=DAILY;COUNT=10");
    assert_eq!(taken(&over, None), (vec![], vec![], 1));
    let running = over.replace("COUNT=10", "COUNT=20");
    assert_eq!(taken(&running, None).0.len(), 1);
}

#[test]
fn times_are_read_in_the_zone_of_the_start() {
    let whole = one("DTEND:20260105T173000Z").unwrap();
    assert_eq!(whole["duration"], "PT9H30M");
    let except = "DURATION:PT1H\nRRULE:FREQ=DAILY\nEXDATE:20260106T080000Z,20260107T080000Z";
    assert_eq!(
        one(except).unwrap()["except"],
        json!(["2026-01-06T09:00:00", "2026-01-07T09:00:00"])
    );
    for (until, expected) in [
        ("20260601T090000", "20260601T070000Z"),
        ("20260601", "20260601T215959Z"),
    ] {
        let window = one(&format!("DURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL={until}")).unwrap();
        assert_eq!(window["rrule"], format!("FREQ=DAILY;UNTIL={expected}"));
    }
    // A start without a rule may be left out for one that was added.
    let other = "DURATION:PT1H\nRDATE;TZID=Europe/Berlin:20260201T090000\nEXDATE:20260105T080000Z";
    assert_eq!(one(other).unwrap()["start"], "2026-02-01T09:00:00");
    let floating = event("DTSTART:20260105T090000\nDURATION:PT1H");
    let (_, refused, _) = taken(&floating, None);
    assert!(refused[0].1.contains("--zone"), "{refused:?}");
    assert_eq!(refused[0].0, 3);
    let (windows, ..) = taken(&floating, Some("Europe/Paris"));
    assert_eq!(windows[0]["timeZone"], "Europe/Paris");
}

#[test]
fn what_no_window_can_say_is_told() {
    for (more, why) in [
        ("SUMMARY:x", "ends when it begins"),
        ("DTEND:20260105T080000Z", "not after the beginning"),
        ("DTEND;VALUE=DATE:20260106", "one time is a day"),
        ("DURATION:PT0S", "is no length"),
        ("DURATION:P400D", "at most 366 days"),
        ("DURATION:PT1H\nRRULE:FREQ=HOURLY", "is no recurrence"),
        (
            "DURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=soon",
            "UNTIL: `SOON`",
        ),
        (
            "DURATION:PT1H\nRRULE:FREQ=DAILY\nRRULE:FREQ=YEARLY",
            "several rules",
        ),
        ("DURATION:PT1H\nEXRULE:FREQ=DAILY", "EXRULE"),
        (
            "DURATION:PT1H\nRDATE;VALUE=PERIOD:20260105T090000Z/PT1H",
            "PERIOD",
        ),
        (
            "DURATION:PT1H\nRRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20260106",
            "one time is a day",
        ),
        (
            "DTEND;TZID=Central Europe:20260105T100000",
            "--zone-for 'Central Europe=",
        ),
        ("DTEND:2026-01-05T10:00:00", "is no time"),
    ] {
        let told = one(more).unwrap_err();
        assert!(told.contains(why), "{more}: {told}");
    }
    let (_, refused, _) = taken(&event("UID:u\nSUMMARY:x"), None);
    assert_eq!(refused, [(2, "it has no DTSTART".to_owned())]);
    let twin = event("UID:u\nDTSTART:20260105T090000Z\nDURATION:PT1H");
    let (windows, refused, _) = taken(&format!("{twin}{twin}"), None);
    assert_eq!((windows.len(), refused[0].0), (1, 7));
}

#[test]
fn what_readers_take_for_different_things_is_refused() {
    let end = "DTEND;TZID=Europe/Berlin:20260121T090000";
    for (more, why) in [
        (format!("{end}\nDURATION:PT1H"), "DURATION beside DTEND"),
        (format!("{end}\n{end}"), "a second DTEND"),
        (
            format!("{end}\nSTATUS:CANCELLED\nSTATUS:CONFIRMED"),
            "a second STATUS",
        ),
    ] {
        assert_eq!(one(&more).unwrap_err(), why);
    }
    // Of a series that is there and was called off, nothing is taken, and it is told.
    let start = "DTSTART:20260105T090000Z\nDURATION:PT1H\nUID:u";
    for two in [
        [start.to_owned(), format!("{start}\nSTATUS:CANCELLED")],
        [format!("{start}\nSTATUS:CANCELLED"), start.to_owned()],
    ] {
        let (_, refused, _) = taken(&two.map(|it| event(&it)).concat(), None);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert_eq!(refused[0].1, "another event has its UID");
    }
    let busy = "BEGIN:VFREEBUSY\nFREEBUSY:20260105T090000Z/PT8H\nEND:VFREEBUSY\n";
    let (windows, refused, _) = taken(busy, None);
    assert!(windows.is_empty());
    assert_eq!(refused[0], (2, "VFREEBUSY: it is no event".to_owned()));
}

#[test]
fn a_time_zone_that_the_file_defines_otherwise_is_refused() {
    let file = |winter: &str, summer: &str| {
        let observance = |kind: &str, since: &str, offset: &str| {
            format!("BEGIN:{kind}\nDTSTART:{since}\nTZOFFSETTO:{offset}\nEND:{kind}\n")
        };
        let zone = [
            // Before the time that matters.
            observance("STANDARD", "18900101T000000", "+0123"),
            observance("STANDARD", "19701025T030000", winter),
            observance("DAYLIGHT", "19700329T020000", summer),
        ];
        let zone = zone.concat();
        let start = "DTSTART;TZID=Europe/Berlin:20260105T090000\nDURATION:PT1H";
        let events = event(start);
        // A definition may stand behind its events.
        taken(
            &format!("{events}BEGIN:VTIMEZONE\nTZID:Europe/Berlin\n{zone}END:VTIMEZONE\n"),
            None,
        )
    };
    assert_eq!(file("+0100", "+020000").0.len(), 1);
    for (winter, summer) in [("+0900", "+0200"), ("+0100", "-0200"), ("one", "+0200")] {
        let (windows, refused, _) = file(winter, summer);
        assert!(windows.is_empty());
        assert!(refused[0].1.contains("where it never was"), "{refused:?}");
    }
}
