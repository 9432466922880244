//! Windows from the command line and from files.

use std::collections::BTreeSet;
use std::path::Path;

use bulla_model::calendar::{LocalTime, WindowLength, ZoneName};
use bulla_model::predicate::freeze::{Window, WindowKind};
use bulla_model::{EdgeKind, Environment, Limits};
use bulla_verify::calendar::{Budget, Schedule, zone_of};
use jiff::{Span, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::Failure;
use crate::args::freeze::{Add, StepArguments};
use crate::failure::FailureKind;
use crate::join::file;
use crate::join::rules::Rules;

/// The windows with the one that the flags describe.
pub(super) fn with(
    add: &Add,
    rules: &Rules,
    mut held: Vec<Window>,
) -> Result<Vec<Window>, Failure> {
    let except: BTreeSet<LocalTime> = add.except.iter().copied().collect();
    let window = Window {
        rrule: add.rrule.clone(),
        except: except.into_iter().collect(),
        reason: add.reason.clone(),
        ..about(&add.steps, rules, (add.from, &add.zone, length(add)?))?
    };
    if held.contains(&window) {
        return Err(Failure::usage("the calendar has this window already"));
    }
    held.push(window);
    Ok(held)
}

/// A window about these steps that is open once.
pub(super) fn about(
    steps: &StepArguments,
    rules: &Rules,
    (start, zone, duration): (LocalTime, &ZoneName, WindowLength),
) -> Result<Window, Failure> {
    let environments = steps.environments.iter();
    let environments: Result<BTreeSet<_>, _> =
        environments.map(|name| environment(rules, name)).collect();
    let kinds: BTreeSet<EdgeKind> = steps.exempt.iter().map(|kind| (*kind).into()).collect();
    let services: BTreeSet<_> = steps.services.iter().cloned().collect();
    let is_known = |service: &&_| rules.policy.services().any(|(known, _)| known == *service);
    if let Some(unknown) = services.iter().find(|service| !is_known(service)) {
        return Err(Failure::usage(format_args!(
            "the policy has no service `{unknown}`"
        )));
    }
    Ok(Window {
        kind: if steps.open {
            WindowKind::Open
        } else {
            WindowKind::Closed
        },
        environments: environments?.into_iter().collect(),
        services: services.into_iter().collect(),
        start,
        time_zone: zone.clone(),
        duration,
        rrule: None,
        except: Vec::new(),
        exempt_kinds: kinds.into_iter().collect(),
        extra_approvals: steps.extra_approvals,
        reason: String::new(),
    })
}

/// The windows without those of these numbers.
pub(super) fn without(numbers: &[usize], held: Vec<Window>) -> Result<Vec<Window>, Failure> {
    let there = 1..=held.len();
    if let Some(wrong) = numbers.iter().find(|number| !there.contains(number)) {
        return Err(Failure::usage(format_args!(
            "the calendar has {} windows, and none has number {wrong}",
            held.len()
        ))
        .with_hint("bulla freeze list shows their numbers"));
    }
    let kept = there.zip(held);
    let kept = kept.filter(|(number, _)| !numbers.contains(number));
    Ok(kept.map(|(_, window)| window).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarFile {
    windows: Vec<Value>,
}

/// The windows of a file.
pub(super) fn of_file(path: &Path, limits: &Limits) -> Result<Vec<Window>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        let path = path.display().to_string();
        let message = format!("{}: {error}", path.escape_debug());
        Failure::new(FailureKind::Configuration, message)
    };
    let bytes = file::read(path, limits.configuration_bytes)?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(&error))?;
    let file: CalendarFile =
        bulla_verify::policy::from_yaml(&text).map_err(|error| wrong(&error))?;
    let mut windows = Vec::new();
    for (value, number) in file.windows.into_iter().zip(1..) {
        let here = |error: &dyn std::fmt::Display| wrong(&format_args!("window {number}: {error}"));
        let members = value
            .as_object()
            .into_iter()
            .flat_map(|members| members.keys());
        let mut unknown = members.filter(|name| !FIELDS.contains(&name.as_str()));
        if let Some(unknown) = unknown.next() {
            let unknown = unknown.escape_debug();
            return Err(here(&format_args!(
                "unknown field `{unknown}`: expected one of {}",
                FIELDS.join(", ")
            )));
        }
        let mut window: Window = serde_json::from_value(value).map_err(|error| here(&error))?;
        window.environments.sort();
        window.services.sort();
        window.except.sort();
        window.exempt_kinds.sort();
        windows.push(window);
    }
    Ok(windows)
}

const FIELDS: [&str; 11] = [
    "kind",
    "environments",
    "services",
    "start",
    "timeZone",
    "duration",
    "rrule",
    "except",
    "exemptKinds",
    "extraApprovals",
    "reason",
];

/// Refuses a window that no verifier could use: it would leave every answer open.
pub(super) fn usable(window: &Window, now: Timestamp, budget: &Budget<'_>) -> Result<(), Failure> {
    let schedule = Schedule::of(window, budget);
    schedule
        .and_then(|schedule| schedule.covering(now))
        .map(drop)
        .map_err(|error| {
            Failure::usage(format_args!(
                "the window that begins at {} cannot be used: {error}",
                window.start
            ))
        })
}

fn environment(rules: &Rules, name: &str) -> Result<Environment, Failure> {
    let found = rules.policy.environment(name);
    let found = found.map(|(_, rule)| rule.uri.clone());
    found.ok_or_else(|| {
        let known: Vec<_> = rules.policy.environments().map(|(name, _)| name).collect();
        Failure::usage(format_args!(
            "the policy has no environment `{}`: expected one of {}",
            name.escape_debug(),
            known.join(", ")
        ))
    })
}

/// How long a window stays: as it was said, or until its end. Days are those of the calendar, so that
/// it ends at the same time of day also when the clocks change; hours are exact.
fn length(add: &Add) -> Result<WindowLength, Failure> {
    let text = match (&add.length, add.until) {
        (Some(length), _) => duration(length),
        (None, Some(until)) => between(&add.zone, add.from, until)
            .map_err(|why| Failure::usage(format_args!("--until: {why}")))?,
        (None, None) => String::new(),
    };
    text.parse()
        .map_err(|error| Failure::usage(error).with_hint("as 17d, 62h, 90m or P1DT12H"))
}

fn duration(text: &str) -> String {
    let split = text.split_at_checked(text.len().saturating_sub(1));
    match split {
        Some((count, "d")) => format!("P{count}D"),
        Some((count, "w")) => format!("P{count}W"),
        Some((count, "h")) => format!("PT{count}H"),
        Some((count, "m")) => format!("PT{count}M"),
        _ => text.to_owned(),
    }
}

/// The length from one time until another.
pub(super) fn between(
    zone: &ZoneName,
    from: LocalTime,
    until: LocalTime,
) -> Result<String, String> {
    let wrong = |error: &dyn std::fmt::Display| error.to_string();
    let zone = zone_of(zone).map_err(|error| wrong(&error))?;
    let (from, until) = (from.date_time(), until.date_time());
    let end = zone.to_timestamp(until).map_err(|error| wrong(&error))?;
    let mut days = until.duration_since(from).as_hours().div_euclid(24);
    loop {
        let whole = Span::new()
            .try_days(days)
            .and_then(|span| from.checked_add(span));
        let whole = whole.and_then(|local| zone.to_timestamp(local));
        let rest = end
            .duration_since(whole.map_err(|error| wrong(&error))?)
            .as_secs();
        if rest < 0 && days > 0 {
            days = days.saturating_sub(1);
            continue;
        }
        return Ok(match (days, rest) {
            _ if days < 0 || rest < 0 || (days, rest) == (0, 0) => {
                return Err(wrong(&"it is not after the beginning"));
            }
            (days, 0) => format!("P{days}D"),
            (days, rest) => {
                let (hours, rest) = (rest.div_euclid(3600), rest.rem_euclid(3600));
                let parts = [
                    (hours, 'H'),
                    (rest.div_euclid(60), 'M'),
                    (rest.rem_euclid(60), 'S'),
                ];
                let parts = parts.iter().filter(|(count, _)| *count > 0);
                let parts: Vec<String> = parts
                    .map(|(count, unit)| format!("{count}{unit}"))
                    .collect();
                let parts = parts.concat();
                let days = if days > 0 {
                    format!("{days}D")
                } else {
                    String::new()
                };
                format!("P{days}T{parts}")
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_the_standard_writes_them() {
        for (text, written) in [
            ("17d", "P17D"),
            ("2w", "P2W"),
            ("62h", "PT62H"),
            ("90m", "PT90M"),
            ("P1DT12H", "P1DT12H"),
        ] {
            assert_eq!(duration(text), written);
            written.parse::<WindowLength>().unwrap();
        }
        for text in ["", "d", "1x", "é", "-1d", "367d"] {
            assert!(duration(text).parse::<WindowLength>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_window_ends_when_it_is_said_to_also_when_the_clocks_change() {
        let length = |from: &str, until: &str| {
            let time = |text: &str| text.parse().unwrap();
            let zone = "Europe/Berlin".parse().unwrap();
            between(&zone, time(from), time(until))
        };
        for (from, until, expected) in [
            ("2026-12-18T18:00:00", "2027-01-04T18:00:00", "P17D"),
            ("2026-12-18T18:00:00", "2027-01-04T08:00:00", "P16DT14H"),
            ("2026-01-05T09:00:00", "2026-01-05T17:30:05", "PT8H30M5S"),
            // One hour less, and one more.
            ("2026-03-28T18:00:00", "2026-03-29T09:00:00", "PT14H"),
            ("2026-10-24T18:00:00", "2026-10-25T09:00:00", "PT16H"),
            ("2026-03-28T18:00:00", "2026-03-29T18:00:00", "P1D"),
        ] {
            assert_eq!(length(from, until).unwrap(), expected, "{from} {until}");
        }
        for until in [
            "2026-01-05T09:00:00",
            "2026-01-05T08:00:00",
            "2025-01-05T09:00:00",
        ] {
            length("2026-01-05T09:00:00", until).unwrap_err();
        }
    }

    #[test]
    fn windows_are_taken_out_by_their_numbers() {
        without(&[0], Vec::new()).unwrap_err();
        without(&[1], Vec::new()).unwrap_err();
    }
}
