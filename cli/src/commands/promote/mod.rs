//! `bulla promote`: the gate. Judges a step and, if it is allowed, seals that it was taken.
//!
//! Every part can be run again: a promotion that already holds is not signed twice, attaching the
//! same bytes is one referrer, and copying skips what is there.

mod all;
mod gate;
mod wait;

use bulla_model::{Digest, EdgeKind};
use bulla_verify::Verdict;
use jiff::Timestamp;
use serde::Serialize;

use super::copy;
use crate::args::promote::Arguments;
use crate::commands::Context;
use crate::join::image;
use crate::join::rules::Source;
use crate::render::{Cell, Page, Report, shorten, sources, verdict as render};
use crate::target::Target;
use crate::{Exit, Failure};

/// Judges the step, and signs and attaches the promotion if it is allowed.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    check(&arguments)?;
    let Some(target) = &arguments.target else {
        return Box::pin(all::run(&arguments, context)).await;
    };
    let image = image::open(context, &Target::parse(target)?)
        .await?
        .writable()?;
    let taken = Box::pin(wait::until_decided(&arguments, context, &image)).await?;
    let mut report = PromoteReport {
        sources: taken.sources,
        target: target.clone(),
        image: image.pinned.clone(),
        verdict: taken.verdict,
        promotion: taken.promotion,
        already: taken.already,
        dry_run: arguments.dry_run,
        review_until: taken.review_until,
        copied_to: None,
    };
    let exit = taken.exit;
    let destination = arguments.copy_to.as_deref();
    let destination = destination.filter(|_| exit == Exit::Success && !arguments.dry_run);
    if let Some(destination) = destination {
        let to = Target::parse(destination)?;
        copy::transfer(context, &image, &to, true).await?;
        report.copied_to = Some(to.to_string());
    }
    context.printer.report(&report)?;
    Ok(exit)
}

/// What a step of this kind has to say for itself, before anything is looked at.
fn check(arguments: &Arguments) -> Result<(), Failure> {
    let kind = EdgeKind::from(arguments.kind);
    let outside = matches!(kind, EdgeKind::Hotfix | EdgeKind::BreakGlass);
    if kind == EdgeKind::Rollback {
        return Err(
            Failure::usage("going back has a command of its own").with_hint(format_args!(
                "bulla rollback {} --env {}",
                arguments.target.as_deref().unwrap_or("IMAGE"),
                arguments.to
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
