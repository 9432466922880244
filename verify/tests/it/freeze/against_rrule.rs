//! Random recurrences, read here and by the crate `rrule`, an implementation that shares nothing with
//! ours.
//!
//! Every rule names its first start, since what happens otherwise the RFC leaves open. In zones whose
//! clocks change the hours are those of the day: what becomes of a start that is skipped or repeated
//! at night the two read differently, and ours is as the RFC says (`calendars.rs`). So is that of days
//! in January which are of the year before's last week: the other, like python-dateutil, counts that
//! year's weeks with this year's days, and weeks 52 and 53 are compared with ISO 8601 there. No later
//! than 2035, where the other's tables of zones end.

use bulla_verify::calendar::{Budget, Schedule};
use jiff::Timestamp;
use proptest::collection::btree_set;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rrule::RRuleSet;
use serde_json::json;

use super::calendars::window;

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
];
/// Starts of one rule that are compared.
const STARTS: usize = 24;

fn days(most: usize) -> impl Strategy<Value = String> {
    subsequence(&DAYS[..], 1..=most).prop_map(|days| days.join(","))
}

fn numbers(of: &'static [i32], most: usize) -> impl Strategy<Value = String> {
    btree_set(select(of), 1..=most).prop_map(|set| {
        let texts: Vec<_> = set.iter().map(ToString::to_string).collect();
        texts.join(",")
    })
}

fn numbered_day() -> impl Strategy<Value = String> {
    let number = select(&[1, 2, 3, 4, 5, -1, -2][..]);
    (number, select(&DAYS[..])).prop_map(|(number, day)| format!("{number}{day}"))
}

fn frequency() -> impl Strategy<Value = String> {
    let months = || numbers(&[1, 2, 3, 6, 7, 10, 11, 12], 4);
    prop_oneof![
        Just("DAILY".to_owned()),
        months().prop_map(|months| format!("DAILY;BYMONTH={months}")),
        days(4).prop_map(|days| format!("DAILY;BYDAY={days}")),
        days(5).prop_map(|days| format!("WEEKLY;BYDAY={days}")),
        (months(), days(3))
            .prop_map(|(months, days)| format!("WEEKLY;BYMONTH={months};BYDAY={days}")),
        numbered_day().prop_map(|day| format!("MONTHLY;BYDAY={day}")),
        numbers(&[1, 13, 28, 29, 30, 31, -1, -2, -31], 3)
            .prop_map(|days| format!("MONTHLY;BYMONTHDAY={days}")),
        (days(2), numbers(&[13, 14, 1, 7], 3))
            .prop_map(|(days, of)| format!("MONTHLY;BYDAY={days};BYMONTHDAY={of}")),
        numbers(&[1, 2, -1, -2], 2)
            .prop_map(|places| format!("MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS={places}")),
        Just("YEARLY;BYMONTH=2;BYMONTHDAY=29".to_owned()),
        (months(), numbered_day())
            .prop_map(|(months, day)| format!("YEARLY;BYMONTH={months};BYDAY={day}")),
        numbers(&[1, 60, 100, 365, 366, -1, -306, -366], 3)
            .prop_map(|days| format!("YEARLY;BYYEARDAY={days}")),
        (numbers(&[1, 2, 20, 51, -1], 2), days(2))
            .prop_map(|(weeks, days)| format!("YEARLY;BYWEEKNO={weeks};BYDAY={days}")),
        (months(), numbers(&[1, 15, 31, -1], 2))
            .prop_map(|(months, days)| format!("YEARLY;BYMONTH={months};BYMONTHDAY={days}")),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let hours = prop_oneof![
        3 => Just(String::new()),
        1 => numbers(&[8, 9, 12, 17, 21], 3).prop_map(|hours| format!(";BYHOUR={hours}")),
    ];
    let weeks = prop_oneof![
        2 => Just(String::new()),
        1 => select(&["SU", "MO", "WE"][..]).prop_map(|day| format!(";WKST={day}")),
    ];
    let count = prop_oneof![
        2 => Just(String::new()),
        1 => (1..30_u32).prop_map(|count| format!(";COUNT={count}")),
    ];
    (frequency(), 1..5_u32, hours, weeks, count).prop_map(
        |(frequency, interval, hours, weeks, count)| {
            format!("FREQ={frequency};INTERVAL={interval}{hours}{weeks}{count}")
        },
    )
}

/// Up to these many starts, as the other has them, with the first of them in local time.
fn theirs(rule: &str, zone: &str, start: &str, most: usize) -> Vec<(Timestamp, String)> {
    let text = format!("DTSTART;TZID={zone}:{start}\nRRULE:{rule}");
    let set: RRuleSet = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    set.into_iter()
        .map(|start| {
            let local = start.format("%Y%m%dT%H%M%S").to_string();
            (Timestamp::from_second(start.timestamp()).unwrap(), local)
        })
        .take(most)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_rules_recur_as_the_crate_rrule_says(
        rule in rule(),
        zone in select(&ZONES[..]),
        day in 0..300_i64,
        hour in 6..22_i8,
    ) {
        let day = jiff::civil::date(2026, 1, 1) + jiff::Span::new().days(day);
        let start = day.at(hour, 30, 0, 0).strftime("%Y%m%dT%H%M%S").to_string();
        let end: Timestamp = "2035-01-01T00:00:00Z".parse().unwrap();
        // The other names no start that its rule does not have.
        let Some((at, first)) = theirs(&rule, zone, &start, 1).pop() else { return Ok(()) };
        prop_assume!(at < end);
        let mut expected = theirs(&rule, zone, &first, STARTS);
        expected.retain(|(at, _)| *at < end);

        let local = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", &first).unwrap();
        let window = window(&json!({"start": local.to_string(), "timeZone": zone, "rrule": rule}));
        let budget = Budget::of_calendar();
        let schedule = Schedule::of(&window, &budget).unwrap();
        let mut after: Timestamp = "2000-01-01T00:00:00Z".parse().unwrap();
        for (number, (at, _)) in expected.iter().enumerate() {
            let next = schedule.next(after, end).unwrap();
            let found = next.map(|opening| opening.start.timestamp());
            prop_assert_eq!(found, Some(*at), "start {} of {} in {}", number, rule, zone);
            after = *at;
        }
        if expected.len() < STARTS {
            prop_assert_eq!(schedule.next(after, end).unwrap(), None, "{} in {}", rule, zone);
        }
    }
}
