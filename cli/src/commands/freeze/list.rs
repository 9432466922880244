//! Showing the calendar.

use std::sync::Arc;

use bulla_model::predicate::freeze::{Window, WindowKind};
use bulla_model::{Digest, Environment, Scope};
use bulla_verify::calendar::{Budget, Opening, Schedule};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{revoking, rfc3339, unasked, view, windows};
use crate::args::freeze::List;
use crate::args::memory::MemoryArguments;
use crate::commands::Context;
use crate::join::rules::{Rules, Source};
use crate::join::{checkpoint, ledger};
use crate::render::{Cell, Page, Report, sources};
use crate::{Exit, Failure};

/// How far ahead the next time of a window is looked for.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366 * 10);

pub(super) async fn run(arguments: &List, context: &Context) -> Result<Exit, Failure> {
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let scope = checkpoint::scope(&rules, arguments.scope.as_ref())?;
    let store = ledger::open_named(context, &rules).await?;
    let memory = MemoryArguments::default();
    let view = view(context, &rules, &store, &scope, &memory, now).await?;
    unasked(context, &rules);
    let newest = view.calendars.first();
    let report = ListReport {
        sources: rules.sources.clone(),
        scope,
        serial: newest.map(|newest| newest.value().serial),
        payload: newest.map(|newest| newest.payload().clone()),
        not_after: newest.map(|newest| newest.value().not_after),
        is_over: newest.is_some_and(|newest| now >= newest.value().not_after),
        is_double: view.calendars.len() > 1,
        unsure: view
            .unsure_calendars
            .iter()
            .map(|one| one.payload.clone())
            .collect(),
        windows: windows(&view.calendars)
            .into_iter()
            .map(|window| Row::of(window, now))
            .collect(),
    };
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// One line about a window.
pub(super) fn describe(window: &Window) -> String {
    let environments: Vec<_> = window.environments.iter().map(Environment::name).collect();
    let services: Vec<_> = window.services.iter().map(ToString::to_string).collect();
    let services = match services.len() {
        0 => String::new(),
        _ => format!(" for {}", services.join(", ")),
    };
    let rule = window.rrule.as_ref();
    let rule = rule.map_or_else(String::new, |rule| format!(" {rule}"));
    format!(
        "{} {}{services}: {} {} {}{rule}: {}",
        name_of(window.kind),
        environments.join(", "),
        window.start,
        window.time_zone,
        window.duration.as_str(),
        window.reason
    )
}

fn name_of(kind: WindowKind) -> &'static str {
    match kind {
        WindowKind::Closed => "closed",
        WindowKind::Open => "open",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListReport {
    sources: Vec<Source>,
    scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
    is_over: bool,
    /// Whether there are two of one serial.
    is_double: bool,
    /// Payload digests of those that only an ended key says to be newer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unsure: Vec<Digest>,
    windows: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    window: Window,
    /// Whether it is open now.
    is_on: bool,
    /// The time that it is open, or the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// Why that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable: Option<String>,
}

impl Row {
    fn of(window: Window, now: Timestamp) -> Self {
        let far = now.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
        let budget = Budget::of_calendar();
        let found = Schedule::of(&window, &budget).and_then(|schedule| {
            let covering = schedule.covering(now)?;
            let is_on = covering.is_some();
            let next = match covering {
                Some(covering) => Some(covering),
                None => schedule.next(now, far)?,
            };
            Ok((is_on, next))
        });
        let (is_on, opening, unusable) = match found {
            Ok((is_on, opening)) => (is_on, opening, None),
            Err(error) => (false, None, Some(error.to_string())),
        };
        let show = |time: fn(&Opening) -> &jiff::Zoned| {
            opening.as_ref().map(|opening| rfc3339(time(opening)))
        };
        Self {
            is_on,
            from: show(|opening| &opening.start),
            until: show(|opening| &opening.end),
            unusable,
            window,
        }
    }

    fn times(&self) -> String {
        match (&self.from, &self.until, &self.unusable) {
            (_, _, Some(because)) => because.clone(),
            (Some(from), Some(until), None) => {
                format!("{from} to {until} {}", self.window.time_zone)
            }
            _ => "never again".to_owned(),
        }
    }
}

impl Report for ListReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        for payload in &self.unsure {
            let text = format!(
                "whether calendar {payload} is genuine is open: only a key that has ended says so; if it \
                 is not: {}",
                revoking(payload)
            );
            page.labelled(&Cell::attention("warning:"), &text);
        }
        let Some(serial) = self.serial else {
            if !self.unsure.is_empty() {
                return;
            }
            page.line(format!("{} has no calendar: nothing is frozen", self.scope));
            return;
        };
        let end = self
            .not_after
            .map_or_else(String::new, |end| format!(", until {end}"));
        page.labelled(
            &Cell::strong("calendar"),
            &format!("{serial} of {}{end}", self.scope),
        );
        for (is, text) in [
            (self.is_over, "its time is over: bulla freeze renew"),
            (
                self.is_double,
                "there are two of this serial: bulla freeze renew",
            ),
        ] {
            if is {
                page.labelled(&Cell::attention("warning:"), text);
            }
        }
        if self.windows.is_empty() {
            page.line("no windows: nothing is frozen");
            return;
        }
        let titles = ["", "kind", "into", "of", "", "when", "why"];
        page.row(1, titles.map(Cell::faint));
        for (row, number) in self.windows.iter().zip(1_usize..) {
            let window = &row.window;
            let environments: Vec<_> = window.environments.iter().map(Environment::name).collect();
            let services: Vec<_> = window.services.iter().map(ToString::to_string).collect();
            let services = if services.is_empty() {
                "all".to_owned()
            } else {
                services.join(", ")
            };
            let state = if row.is_on {
                Cell::attention("now")
            } else {
                Cell::faint("next")
            };
            page.row(
                1,
                [
                    Cell::from(number.to_string()),
                    name_of(window.kind).into(),
                    environments.join(", ").into(),
                    services.into(),
                    state,
                    row.times().into(),
                    window.reason.as_str().into(),
                ],
            );
        }
    }
}
