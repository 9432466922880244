//! `bulla promote`: the gate. Judges a step and, if it is allowed, seals that it was taken.
//!
//! Every part can be run again: a promotion that already holds is not signed twice, attaching the
//! same bytes is one referrer, and copying skips what is there.

use std::sync::Arc;

use bulla_model::{Digest, EdgeKind};
use bulla_verify::{Decision, StepDraft, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::copy;
use crate::args::promote::Arguments;
use crate::commands::Context;
use crate::join::image::{self, OpenImage};
use crate::join::promotion::{self, NewPromotion};
use crate::join::rules::{Rules, Source};
use crate::join::sealer::{Purpose, Sealer};
use crate::join::verdict::StepName;
use crate::join::{ledger, slot, step, verdict};
use crate::render::{Cell, Page, Report, shorten, sources, verdict as render};
use crate::target::Target;
use crate::{Exit, Failure};

/// Judges the step, and signs and attaches the promotion if it is allowed.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    check(&arguments)?;
    let now = step::whole_second(Timestamp::now());
    let not_after = arguments
        .valid_for
        .as_deref()
        .map(|text| step::until(now, text))
        .transpose()?;
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let image = image::open(context, &Target::parse(&arguments.target)?)
        .await?
        .writable()?;
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Claim,
    )
    .await?;
    let promoter = signer.identity().clone();
    let collected = ledger::beside(context, &rules, &arguments.to, &image, now).await?;
    let edge = StepName {
        kind: arguments.kind.into(),
        to: &arguments.to,
        from: arguments.from.as_deref(),
    };
    let (judged, draft) = verdict::step(
        &rules,
        collected,
        &image.pinned,
        edge,
        Some(promoter),
        now,
        &context.limits,
    )
    .await?;
    let mut report = PromoteReport {
        sources: rules.sources.clone(),
        target: arguments.target.clone(),
        image: image.pinned.clone(),
        verdict: judged,
        promotion: None,
        already: false,
        dry_run: arguments.dry_run,
        review_until: None,
        copied_to: None,
    };
    let draft = match draft {
        Some(draft) if report.verdict.decision == Decision::Allow => draft,
        _ => {
            context.printer.report(&report)?;
            return Ok(Exit::of_verdict(&report.verdict));
        }
    };
    if let Some(promotion) = draft.already.clone() {
        report.promotion = Some(promotion);
        report.already = true;
    } else if !arguments.dry_run {
        let asked = (now, not_after);
        let payload = seal(&arguments, context, &rules, &image, &draft, &signer, asked).await?;
        report.promotion = Some(payload);
        report.review_until = draft
            .review_within
            .and_then(|within| now.checked_add(within).ok());
    }
    if let Some(destination) = arguments.copy_to.as_deref().filter(|_| !arguments.dry_run) {
        let to = Target::parse(destination)?;
        copy::transfer(context, &image, &to, true).await?;
        report.copied_to = Some(to.to_string());
    }
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// Finds the promotion's place, and seals it.
async fn seal(
    arguments: &Arguments,
    context: &Context,
    rules: &Arc<Rules>,
    image: &OpenImage,
    draft: &StepDraft,
    signer: &Sealer,
    (now, not_after): (Timestamp, Option<Timestamp>),
) -> Result<Digest, Failure> {
    let places = slot::Asked {
        context,
        rules,
        service: &draft.service,
        environment: &arguments.to,
        now,
    };
    let new = NewPromotion {
        slot: places.next(image, arguments.replaces.as_deref()).await?,
        draft,
        version: arguments.release.clone(),
        reason: arguments.message.clone(),
        tickets: tickets(arguments),
        now,
        not_after,
    };
    promotion::publish(context, image, signer, new).await
}

/// What a step of this kind has to say for itself, before anything is looked at.
fn check(arguments: &Arguments) -> Result<(), Failure> {
    let kind = EdgeKind::from(arguments.kind);
    let outside = matches!(kind, EdgeKind::Hotfix | EdgeKind::BreakGlass);
    if kind == EdgeKind::Rollback {
        return Err(
            Failure::usage("going back has a command of its own").with_hint(format_args!(
                "bulla rollback {} --env {}",
                arguments.target, arguments.to
            )),
        );
    }
    if outside && arguments.message.is_none() {
        return Err(
            Failure::usage(format_args!("a step of kind {kind} needs its reason"))
                .with_hint("say why: --reason TEXT"),
        );
    }
    if kind == EdgeKind::BreakGlass && arguments.incident.is_none() {
        return Err(
            Failure::usage("an emergency needs its incident").with_hint("name it: --incident ID")
        );
    }
    Ok(())
}

/// The tickets, the incident among them.
fn tickets(arguments: &Arguments) -> Vec<String> {
    let mut tickets = arguments.tickets.clone();
    tickets.extend(arguments.incident.clone());
    step::sorted(&tickets)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PromoteReport {
    sources: Vec<Source>,
    target: String,
    image: String,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<Digest>,
    already: bool,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copied_to: Option<String>,
}

impl Report for PromoteReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        render(page, &self.target, &self.verdict, false);
        let to = self
            .verdict
            .environment
            .as_ref()
            .map_or("", |environment| environment.name());
        match (&self.promotion, self.already) {
            (Some(promotion), true) => page.labelled(
                &Cell::good("already in"),
                &format!("{to}: {}", shorten(promotion)),
            ),
            (Some(promotion), false) => page.labelled(
                &Cell::good("promoted"),
                &format!("into {to}: {}", shorten(promotion)),
            ),
            (None, _) if self.dry_run => {
                page.labelled(&Cell::strong("dry run:"), "nothing was signed");
            }
            (None, _) => {}
        }
        if let Some(until) = self.review_until {
            let target = &self.image;
            page.labelled(
                &Cell::attention("review:"),
                &format!("until {until} by somebody else: bulla review {target} --env {to}"),
            );
        }
        if let Some(destination) = &self.copied_to {
            page.labelled(
                &Cell::good("copied"),
                &format!("with its attestations to {destination}"),
            );
        }
    }
}
