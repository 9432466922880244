//! `bulla freeze`: the calendar of when steps are held up, kept by the release owner.

mod check;
mod ics;
mod import;
mod list;
mod window;
mod write;

use std::sync::Arc;

use bulla_model::predicate::Freeze;
use bulla_model::predicate::freeze::Window;
use bulla_model::{Digest, Scope};
use bulla_registry::AnyStore;
use bulla_verify::{LedgerView, Verified};
use jiff::{Timestamp, Zoned};

use crate::args::freeze::{Action, Arguments};
use crate::args::memory::MemoryArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::checkpoint;
use crate::join::rules::Rules;
use crate::{Exit, Failure};

/// Changes, shows or asks the calendar.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Add(add) => {
            let made = |rules: &Rules, held: Vec<Window>| window::with(&add, rules, held);
            Box::pin(write::run(&add.write, context, made)).await
        }
        Action::Import(import) => {
            let events = import::read(&import, context)?;
            let made = |rules: &Rules, held| import::with((&import, context), &events, rules, held);
            Box::pin(write::run(&import.write, context, made)).await
        }
        Action::Remove(remove) => {
            let left = |_: &Rules, held: Vec<Window>| window::without(&remove.windows, held);
            Box::pin(write::run(&remove.write, context, left)).await
        }
        Action::Set(set) => {
            let read = window::of_file(&set.file, &context.limits)?;
            Box::pin(write::run(&set.write, context, |_, _| Ok(read))).await
        }
        Action::Renew(renew) => {
            Box::pin(write::run(&renew.write, context, |_, held| Ok(held))).await
        }
        Action::List(list) => list::run(&list, context).await,
        Action::Check(check) => check::run(&check, context).await,
    }
}

/// The ledger as it is now. One that cannot be read whole, or that lost what was seen of it, has no
/// calendar to show or to go on from.
async fn view(
    context: &Context,
    rules: &Arc<Rules>,
    store: &AnyStore,
    scope: &Scope,
    memory: &MemoryArguments,
    now: Timestamp,
) -> Result<LedgerView, Failure> {
    let unavailable = |message: String| Failure::new(FailureKind::Unavailable, message);
    let view = checkpoint::read(context, rules, store, scope, memory, now)
        .await?
        .view;
    if let Some(unreadable) = view.unreadable_calendars.first() {
        let message = format!("this version cannot read the calendar {unreadable}");
        return Err(unavailable(message).with_hint(format_args!(
            "use a version of bulla that understands it; if it should not be there: {}",
            revoking(unreadable)
        )));
    }
    if let Some(missing) = &view.missing_calendar {
        let message = format!(
            "calendar {} ({}) is in force and not in the ledger",
            missing.serial, missing.digest
        );
        return Err(
            unavailable(message).with_hint("restore it, or name another place: --ledger PLACE")
        );
    }
    Ok(view)
}

/// A time by the clock of its zone, for programs; the zone's name is said beside it.
fn rfc3339(time: &Zoned) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// How to take a calendar out of force.
fn revoking(payload: &Digest) -> String {
    format!("bulla revoke --attestation {payload} --reason TEXT")
}

/// Says so where a calendar changes nothing.
fn unasked(context: &Context, rules: &Rules) {
    if rules.policy.freezes().is_none() {
        context.printer.warn(
            "the policy does not say who may freeze, so no step is asked for a calendar: \
             freezes: {by: […]}",
        );
    }
}

/// All windows in force. Of two calendars with one serial nobody said which, so both count.
fn windows(calendars: &[Verified<Freeze>]) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for window in calendars.iter().flat_map(|one| &one.value().windows) {
        if !windows.contains(window) {
            windows.push(window.clone());
        }
    }
    windows
}
