//! `bulla revoke`: what was signed no longer holds, said by the security owner.

mod targets;
mod words;

use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::{Checkpoint, Revocation};
use bulla_model::{Digest, Scope};
use bulla_registry::AnyStore;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::revoke::Arguments;
use crate::commands::Context;
use crate::join::image::{self, OpenImage};
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{checkpoint, consent, ledger, seal, step};
use crate::render::{Cell, Page, Report, count};
use crate::target::Target;
use crate::{Exit, Failure};

/// Signs a revocation or a lift, puts it into the ledger, and lists it in a checkpoint if the signer
/// may write one.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    step::until(now, &arguments.valid_for)?;
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    rules.must_be_published()?;
    let scope = checkpoint::scope(&rules, arguments.scope.as_ref())?;
    let image = match &arguments.target {
        Some(target) => {
            let image = image::open(context, &Target::parse(target)?).await?;
            Some(image.writable()?)
        }
        None => None,
    };
    let revocation = Revocation {
        scope: scope.clone(),
        targets: targets::of(&arguments, &rules, image.as_ref(), &context.limits).await?,
        reason: arguments.reason.clone(),
        references: step::sorted(&arguments.references),
        issued_at: now,
        crit: Vec::new(),
    };
    let payload = claim::own(&[scope.subject()], &revocation)?;
    let place = image.as_ref().map(|image| &image.evidence);
    let store = ledger::open_to_write(context, &rules, place).await?;
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    if !rules
        .policy
        .lets_revoke(signer.identity(), revocation.is_lift(), now)
    {
        return Err(may_not(&signer, revocation.is_lift()));
    }
    let keeps = checkpoint::is_owner(&rules, &signer, now) && !arguments.no_checkpoint;
    if keeps {
        checkpoint::must_remember(&rules, &scope, &arguments.memory, &context.limits)?;
    }
    confirm(&arguments, context, &revocation, &signer)?;
    let sealed = seal::seal(context, &signer, payload).await?;
    ledger::publish(&store, &scope, &sealed).await?;
    // Beside the image it is found even by whoever does not reach the ledger.
    if let Some(image) = &image {
        seal::publish(image, &sealed).await?;
    }
    let mut report = RevokeReport {
        payload: sealed.payload.clone(),
        lifts: revocation.is_lift(),
        scope: scope.clone(),
        targets: revocation.targets.len(),
        checkpoint: None,
    };
    // It is in force from here on, whatever becomes of the checkpoint.
    let written = if keeps {
        let ledger = (&store, &scope);
        let next = seal_in(
            &arguments,
            context,
            &rules,
            &signer,
            ledger,
            &sealed.payload,
            now,
        );
        next.await.map(Some)
    } else {
        Ok(None)
    };
    match &written {
        Ok(Some(next)) => report.checkpoint = Some(next.serial),
        Ok(None) if rules.owner().is_none() => {}
        Ok(None) | Err(_) => context.printer.warn(format!(
            "no checkpoint lists it yet, so a registry could hide it: the ledger's owner runs \
             bulla checkpoint {scope}"
        )),
    }
    context.printer.report(&report)?;
    written.map(|_| Exit::Success)
}

/// Writes the checkpoint that lists what has just been put into the ledger.
async fn seal_in(
    arguments: &Arguments,
    context: &Context,
    rules: &Arc<Rules>,
    signer: &Sealer,
    (store, scope): (&AnyStore, &Scope),
    revoked: &Digest,
    now: Timestamp,
) -> Result<Checkpoint, Failure> {
    let not_after = step::until(now, &arguments.valid_for)?;
    let memory = &arguments.memory;
    let current = checkpoint::read(context, rules, store, scope, memory, now).await?;
    let news = checkpoint::News {
        revoked: Some(revoked),
        ..checkpoint::News::default()
    };
    let next = checkpoint::next(rules, &current, scope, news, (now, not_after))?;
    checkpoint::write(context, rules, signer, store, &next).await?;
    Ok(next)
}

fn may_not(signer: &Sealer, lifts: bool) -> Failure {
    let (verb, place) = if lifts {
        ("lift", "revocations: {lift: {by: […]}}")
    } else {
        ("revoke", "revocations: {by: […]}")
    };
    Failure::usage(format_args!(
        "the policy does not let {} {verb}: no verifier would believe it",
        signer.identity()
    ))
    .with_hint(format_args!("name the identity in the policy: {place}"))
}

fn confirm(
    arguments: &Arguments,
    context: &Context,
    revocation: &Revocation,
    signer: &Sealer,
) -> Result<(), Failure> {
    let mut page = Page::default();
    for target in &revocation.targets {
        page.indented(1, words::target(target));
    }
    if arguments.signing.yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    consent::answerable(context)?;
    let word = if revocation.is_lift() {
        "lift"
    } else {
        "revoke"
    };
    let who = crate::escape::escape(&signer.identity().to_string()).to_string();
    consent::ask(&format!("{word} as {who}? [y/N] "))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RevokeReport {
    payload: Digest,
    lifts: bool,
    scope: Scope,
    targets: usize,
    /// Serial of the checkpoint that lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<u64>,
}

impl Report for RevokeReport {
    fn human(&self, page: &mut Page) {
        let label = if self.lifts { "lifted" } else { "revoked" };
        let checkpoint = self
            .checkpoint
            .map_or_else(String::new, |serial| format!("  in checkpoint {serial}"));
        page.labelled(
            &Cell::good(label),
            &format!(
                "{} in {}: {}{checkpoint}",
                count(self.targets, "target"),
                self.scope,
                self.payload
            ),
        );
    }
}
