//! Writing the next calendar: what was in force, a change, one serial more.

use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::checkpoint::FreezeHead;
use bulla_model::predicate::freeze::Window;
use bulla_model::predicate::{Checkpoint, Freeze};
use bulla_model::{Digest, Scope};
use bulla_registry::AnyStore;
use bulla_verify::calendar::Budget;
use bulla_verify::{LedgerView, Verified};
use jiff::Timestamp;
use serde::Serialize;

use super::list::describe;
use super::{revoking, view, window, windows};
use crate::args::freeze::WriteArguments;
use crate::commands::Context;
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{checkpoint, consent, ledger, seal, step};
use crate::render::{Cell, Page, Report, count};
use crate::{Exit, Failure};

/// Signs the next calendar, puts it into the ledger, and lists it in a checkpoint if the signer may
/// write one.
pub(super) async fn run(
    arguments: &WriteArguments,
    context: &Context,
    change: impl FnOnce(&Rules, Vec<Window>) -> Result<Vec<Window>, Failure>,
) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    step::until(now, &arguments.checkpoint_valid_for)?;
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    rules.must_be_published()?;
    let scope = checkpoint::scope(&rules, arguments.scope.as_ref())?;
    let store = ledger::open_to_write(context, &rules, None).await?;
    let held = view(context, &rules, &store, &scope, &arguments.memory, now).await?;
    let calendars = before(held, arguments.over.as_ref())?;
    let before = windows(&calendars);
    let windows = change(&rules, before.clone())?;
    let budget = Budget::of_calendar();
    for one in &windows {
        window::usable(one, now, &budget)?;
    }
    if calendars.len() > 1 {
        context.printer.warn(format!(
            "there are {} calendars of one serial: the windows of all of them are taken over",
            calendars.len()
        ));
    }
    let freeze = next(
        &calendars,
        &scope,
        windows,
        (now, step::until(now, &arguments.valid_for)?),
    );
    let payload = claim::own(&[scope.subject()], &freeze)?;
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    if !rules.policy.lets_freeze(signer.identity(), now) {
        return Err(may_not(&signer));
    }
    let keeps = checkpoint::is_owner(&rules, &signer, now) && !arguments.no_checkpoint;
    if keeps {
        checkpoint::must_remember(&rules, &scope, &arguments.memory, &context.limits)?;
    }
    confirm(arguments, context, (&before, &freeze), &signer)?;
    let writer = Writer {
        arguments,
        context,
        rules: &rules,
        signer: &signer,
        store: &store,
        now,
    };
    writer.publish(&freeze, payload, keeps).await
}

/// Who writes, where and when.
struct Writer<'a> {
    arguments: &'a WriteArguments,
    context: &'a Context,
    rules: &'a Arc<Rules>,
    signer: &'a Sealer,
    store: &'a AnyStore,
    now: Timestamp,
}

impl Writer<'_> {
    /// Puts the calendar into the ledger, and writes the checkpoint that lists it.
    async fn publish(
        &self,
        freeze: &Freeze,
        payload: Vec<u8>,
        keeps: bool,
    ) -> Result<Exit, Failure> {
        let (context, scope) = (self.context, &freeze.scope);
        let sealed = seal::seal(context, self.signer, payload).await?;
        ledger::publish(self.store, scope, &sealed).await?;
        let head = FreezeHead {
            serial: freeze.serial,
            digest: sealed.payload.clone(),
        };
        // It is in force from here on, whatever becomes of the checkpoint.
        let written = if keeps {
            self.seal_in(scope, &head).await.map(Some)
        } else {
            Ok(None)
        };
        let mut report = FreezeReport {
            payload: head.digest,
            serial: freeze.serial,
            scope: scope.clone(),
            windows: freeze.windows.len(),
            not_after: freeze.not_after,
            checkpoint: None,
        };
        match &written {
            Ok(Some(next)) => report.checkpoint = Some(next.serial),
            Ok(None) if self.rules.owner().is_none() => {}
            Ok(None) | Err(_) => context.printer.warn(format!(
                "no checkpoint lists it yet, so a registry could hide it: the ledger's owner runs \
                 bulla checkpoint {scope}"
            )),
        }
        context.printer.report(&report)?;
        written.map(|_| Exit::Success)
    }

    /// Writes the checkpoint that lists what has just been put into the ledger.
    async fn seal_in(&self, scope: &Scope, head: &FreezeHead) -> Result<Checkpoint, Failure> {
        let Self {
            arguments,
            context,
            rules,
            signer,
            store,
            now,
        } = *self;
        let not_after = step::until(now, &arguments.checkpoint_valid_for)?;
        let memory = &arguments.memory;
        let current = checkpoint::read(context, rules, store, scope, memory, now).await?;
        let news = checkpoint::News {
            freeze: Some(head),
            ..checkpoint::News::default()
        };
        let next = checkpoint::next(rules, &current, scope, news, (now, not_after))?;
        checkpoint::write(context, rules, signer, store, &next).await?;
        Ok(next)
    }
}

/// What the next one takes the place of. Whoever has an ended key can write one that looks like the
/// newest, and what follows that would make it genuine: then the owner says which it is.
fn before(held: LedgerView, over: Option<&Digest>) -> Result<Vec<Verified<Freeze>>, Failure> {
    let (sure, unsure) = (held.calendars, held.unsure_calendars);
    let Some(over) = over else {
        let Some(first) = unsure.first() else {
            return Ok(sure);
        };
        let failure = Failure::usage(format_args!(
            "whether calendar {} is genuine is open: only a key that has ended says so",
            first.payload
        ))
        .with_hint(format_args!("if it is not: {}", revoking(&first.payload)))
        .with_hint(format_args!("to go on from it: --over {}", first.payload));
        return Err(match sure.first() {
            Some(sure) => failure.with_hint(format_args!(
                "to go on from calendar {}, which is: --over {}",
                sure.value().serial,
                sure.payload()
            )),
            None => failure,
        });
    };
    // Of those of one serial it says which the next one follows; the windows of all are in force.
    let (mut named, others): (Vec<_>, Vec<_>) =
        sure.into_iter().partition(|one| one.payload() == over);
    if !named.is_empty() {
        named.extend(others);
        return Ok(named);
    }
    let mut unsure = unsure.into_iter().filter_map(|one| one.said);
    let found = unsure.find(|one| one.payload() == over);
    found.map(|one| vec![one]).ok_or_else(|| {
        Failure::usage(format_args!(
            "{over} is none of the newest calendars, or this version cannot read it"
        ))
        .with_hint("to see them: bulla freeze list")
    })
}

fn next(
    held: &[Verified<Freeze>],
    scope: &Scope,
    windows: Vec<Window>,
    (now, not_after): (Timestamp, Timestamp),
) -> Freeze {
    let before = held.first();
    let serial = before.map_or(0, |before| before.value().serial);
    Freeze {
        scope: scope.clone(),
        serial: serial.saturating_add(1),
        previous: before.map(|before| before.payload().clone()),
        windows,
        issued_at: now,
        not_after,
        crit: Vec::new(),
    }
}

fn may_not(signer: &Sealer) -> Failure {
    Failure::usage(format_args!(
        "the policy does not let {} freeze: no verifier would believe it",
        signer.identity()
    ))
    .with_hint("name the identity in the policy: freezes: {by: […]}")
}

/// Shows what changes, and asks.
fn confirm(
    arguments: &WriteArguments,
    context: &Context,
    (before, freeze): (&[Window], &Freeze),
    signer: &Sealer,
) -> Result<(), Failure> {
    let mut page = Page::default();
    let gone = before.iter().filter(|one| !freeze.windows.contains(one));
    for window in gone {
        page.indented(1, format!("- {}", describe(window)));
    }
    for window in &freeze.windows {
        let sign = if before.contains(window) { ' ' } else { '+' };
        page.indented(1, format!("{sign} {}", describe(window)));
    }
    if freeze.windows.is_empty() {
        page.indented(1, "no windows: nothing is frozen");
    }
    if arguments.signing.yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    if !context.environment().terminals().input {
        return Err(
            Failure::usage("nobody is there to ask, so nothing was signed")
                .with_hint("say yes in advance: --yes"),
        );
    }
    let who = crate::escape::escape(&signer.identity().to_string()).to_string();
    consent::ask(&format!("calendar {} as {who}? [y/N] ", freeze.serial))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FreezeReport {
    payload: Digest,
    serial: u64,
    scope: Scope,
    windows: usize,
    not_after: Timestamp,
    /// Serial of the checkpoint that lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<u64>,
}

impl Report for FreezeReport {
    fn human(&self, page: &mut Page) {
        let checkpoint = self
            .checkpoint
            .map_or_else(String::new, |serial| format!("  in checkpoint {serial}"));
        page.labelled(
            &Cell::good("calendar"),
            &format!(
                "{} of {}: {}, until {}  {}{checkpoint}",
                self.serial,
                self.scope,
                count(self.windows, "window"),
                self.not_after,
                self.payload
            ),
        );
    }
}
