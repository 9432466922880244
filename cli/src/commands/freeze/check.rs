//! Asking the calendar about a step.

use std::sync::Arc;

use bulla_model::predicate::freeze::Window;
use bulla_model::{EdgeKind, Environment, Scope};
use bulla_verify::calendar::{AskedStep, Budget, Hold};
use bulla_verify::{LedgerView, Verified};
use jiff::Timestamp;
use serde::Serialize;

use super::{rfc3339, unasked, view, windows};
use crate::args::freeze::Check;
use crate::args::memory::MemoryArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::rules::Rules;
use crate::join::{ledger, step};
use crate::render::{Cell, Page, Report, count};
use crate::{Exit, Failure};

pub(super) async fn run(arguments: &Check, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let at = arguments.at.unwrap_or(now);
    if at < now {
        // Of a step that was taken the calendar of its time decides.
        return Err(Failure::usage(format_args!(
            "{at} is past, and the calendar is asked as it is now"
        ))
        .with_hint("to see why a step was refused: bulla why"));
    }
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let Some((_, rule)) = rules.policy.environment(&arguments.environment) else {
        return Err(Failure::usage(format_args!(
            "the policy has no environment `{}`",
            arguments.environment.escape_debug()
        )));
    };
    let scope = Scope::ledger_of(&rule.uri);
    let store = ledger::open_named(context, &rules).await?;
    let memory = MemoryArguments::default();
    let view = view(context, &rules, &store, &scope, &memory, now).await?;
    unasked(context, &rules);
    alone(&view)?;
    let windows = windows(&view.calendars);
    let asked = AskedStep {
        environment: &rule.uri,
        service: arguments.service.as_ref(),
        kind: arguments.kind.into(),
    };
    let unusable = |error: bulla_verify::calendar::Unusable| {
        Failure::new(
            FailureKind::Unavailable,
            format_args!("the calendar cannot be used: {error}"),
        )
    };
    let calendars = view.calendars.iter().map(Verified::value);
    let over = calendars
        .map(|said| said.not_after)
        .min()
        .filter(|end| at >= *end);
    let over = over.filter(|_| windows.iter().any(|window| asked.is_of(window)));
    if let Some(end) = over.filter(|end| now >= *end) {
        context.printer.warn(format!(
            "the calendar could be used until {end}: bulla freeze renew"
        ));
        return Ok(Exit::Outdated);
    }
    if let Some(end) = over {
        return Err(Failure::new(
            FailureKind::Unavailable,
            format_args!("the calendar can be used until {end}, so nobody knows about {at}"),
        )
        .with_hint("let the release owner renew it: bulla freeze renew"));
    }
    let held = asked
        .held(&windows, at, &Budget::of_calendar())
        .map_err(unusable)?;
    let (holding, extra_approvals): (Vec<&Window>, _) = match &held {
        Hold::Free => (Vec::new(), None),
        Hold::Extra(extra, holding) => (holding.clone(), Some(*extra)),
        Hold::Shut(holding) => (holding.clone(), None),
    };
    let is_frozen = !holding.is_empty();
    let until = if is_frozen {
        let budget = Budget::of_calendar();
        asked.free_from(&windows, at, &budget).map_err(unusable)?
    } else {
        None
    };
    let report = CheckReport {
        environment: rule.uri.clone(),
        kind: asked.kind,
        at,
        frozen: is_frozen,
        zone: until.as_ref().map(|until| until.strftime("%Q").to_string()),
        until: until.as_ref().map(rfc3339),
        extra_approvals,
        reasons: holding.iter().map(|window| window.reason.clone()).collect(),
    };
    context.printer.report(&report)?;
    Ok(if is_frozen {
        Exit::NotYet
    } else {
        Exit::Success
    })
}

/// Steps are asked for one calendar that is surely genuine; where there is none such, the gate would
/// not say yes either.
fn alone(view: &LedgerView) -> Result<(), Failure> {
    let failure = |message: String| Failure::new(FailureKind::Unavailable, message);
    if let Some(first) = view.unsure_calendars.first() {
        let message = format!("whether calendar {} is genuine is open", first.payload);
        return Err(failure(message).with_hint("to see what there is: bulla freeze list"));
    }
    if let [one, _, ..] = view.calendars.as_slice() {
        let message = format!("there are two of calendar {}", one.value().serial);
        return Err(
            failure(message).with_hint("let the release owner renew it: bulla freeze renew")
        );
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckReport {
    environment: Environment,
    kind: EdgeKind,
    at: Timestamp,
    frozen: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// The zone whose clock that is by.
    #[serde(skip)]
    zone: Option<String>,
    /// With how many approvals more than it asks for a step goes ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_approvals: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

impl Report for CheckReport {
    fn human(&self, page: &mut Page) {
        let (name, at) = (self.environment.name(), self.at);
        if !self.frozen {
            page.labelled(
                &Cell::good("open"),
                &format!("{name} at {at} ({})", self.kind),
            );
            return;
        }
        let until = self
            .until
            .iter()
            .zip(&self.zone)
            .map(|(until, zone)| format!(" until {until} {zone}"));
        let until: String = until.collect();
        let text = format!("{name} at {at} ({}){until}", self.kind);
        page.labelled(&Cell::attention("frozen"), &text);
        for reason in &self.reasons {
            page.indented(1, reason.as_str());
        }
        if let Some(extra) = self.extra_approvals {
            let more = usize::try_from(extra).unwrap_or(usize::MAX);
            let text = format!(
                "{} beyond what the step asks for let it through",
                count(more, "approval")
            );
            page.labelled(&Cell::strong("hint:"), &text);
        }
    }
}
