//! `bulla rollback`: lets an environment go back to what it ran before, from promotions alone.

use std::sync::Arc;

use bulla_model::{Digest, EdgeKind, Service};
use bulla_registry::{Store as _, Target as Selector};
use bulla_verify::{Decision, Pattern, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::rollback::Arguments;
use crate::commands::Context;
use crate::join::image::{self, OpenImage};
use crate::join::promotion::{self, NewPromotion};
use crate::join::rules::{Rules, Source};
use crate::join::sealer::{Purpose, Sealer};
use crate::join::slot::{self, Holder};
use crate::join::verdict::StepName;
use crate::join::{ledger, step, verdict};
use crate::render::{Cell, Page, Report, shorten, sources, verdict as render};
use crate::target::{Found, Target};
use crate::{Exit, Failure};

/// Finds what to go back to, judges the step, and signs and attaches it if it is allowed.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let (image, named) = find(context, &rules, &arguments.target).await?;
    let image = image.writable()?;
    let service = match named {
        Some(service) => service,
        None => match service_of(&arguments, context, &rules, &image, now).await? {
            Ok(service) => service,
            Err(exit) => return Ok(exit),
        },
    };
    let asked = slot::Asked {
        context,
        rules: &rules,
        service: &service,
        environment: &arguments.env,
        now,
    };
    let holders = asked.holders(&image).await?;
    let current = slot::newest(&holders)?.ok_or_else(|| nothing_there(&service, &arguments))?;
    let target = target(&arguments, &image, current, &holders).await?;
    let mut report = RollbackReport {
        sources: rules.sources.clone(),
        service: service.clone(),
        environment: arguments.env.clone(),
        from: current.descriptor.digest.clone(),
        to: target.descriptor.digest.clone(),
        image: target.pinned.clone(),
        verdict: None,
        promotion: None,
        dry_run: arguments.dry_run,
    };
    if report.from == report.to {
        report.promotion = Some(current.step.promotion.clone());
        context.printer.report(&report)?;
        return Ok(Exit::Success);
    }
    let exit = go_back(
        &arguments,
        context,
        &rules,
        &target,
        current,
        &mut report,
        now,
    )
    .await?;
    context.printer.report(&report)?;
    Ok(exit)
}

async fn go_back(
    arguments: &Arguments,
    context: &Context,
    rules: &Arc<Rules>,
    target: &OpenImage,
    current: &Holder,
    report: &mut RollbackReport,
    now: Timestamp,
) -> Result<Exit, Failure> {
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Claim,
    )
    .await?;
    let collected = ledger::beside(context, rules, &arguments.env, target, now).await?;
    let tickets = step::sorted(&arguments.tickets);
    let edge = StepName {
        kind: EdgeKind::Rollback,
        to: &arguments.env,
        from: None,
        tickets: Some(&tickets),
        together: None,
    };
    let (judged, draft) = verdict::step(
        rules,
        collected,
        &target.pinned,
        edge,
        Some(signer.identity().clone()),
        now,
        &context.limits,
    )
    .await?;
    let decision = judged.decision;
    let exit = Exit::of_verdict(&judged);
    report.verdict = Some(judged);
    let Some(draft) = draft.filter(|_| decision == Decision::Allow) else {
        return Ok(exit);
    };
    if !arguments.dry_run {
        let new = NewPromotion {
            draft: &draft,
            slot: slot::after(&current.step),
            version: arguments.release.clone(),
            reason: arguments.message.clone(),
            tickets,
            now,
            not_after: None,
        };
        report.promotion = Some(promotion::publish(context, target, &signer, new).await?);
    }
    Ok(Exit::Success)
}

/// An image of the repository, and the service if that was what was typed.
async fn find(
    context: &Context,
    rules: &Rules,
    text: &str,
) -> Result<(OpenImage, Option<Service>), Failure> {
    let described = text
        .parse::<Service>()
        .ok()
        .filter(|_| Found::at(text.as_ref()) == Found::Nothing)
        .and_then(|name| rules.policy.services().find(|(known, _)| **known == name));
    let Some((service, rule)) = described else {
        return Ok((image::open(context, &Target::parse(text)?).await?, None));
    };
    let [Pattern::Exact(repository)] = rule.images.as_slice() else {
        return Err(Failure::usage(format_args!(
            "the policy does not say where the images of {service} are"
        ))
        .with_hint(format_args!(
            "name one repository under `images` ({}), or give an image",
            rule.place
        )));
    };
    let image = image::open_any(context, &Target::parse(repository)?).await?;
    Ok((image, Some(service.clone())))
}

/// The service that an image proves to be of; shown why not if it proves none.
async fn service_of(
    arguments: &Arguments,
    context: &Context,
    rules: &Arc<Rules>,
    image: &OpenImage,
    now: Timestamp,
) -> Result<Result<Service, Exit>, Failure> {
    let collected = ledger::beside(context, rules, &arguments.env, image, now).await?;
    let judged = verdict::environment(
        rules,
        collected,
        &image.pinned,
        &arguments.env,
        now,
        &context.limits,
    )
    .await?;
    if let Some(service) = judged.service.clone() {
        return Ok(Ok(service));
    }
    let mut page = Page::default();
    render(&mut page, &arguments.target, &judged, true);
    context.printer.page(page)?;
    Ok(Err(Exit::of_verdict(&judged)))
}

/// The image to go back to: the one named, or the one whose place the current one took.
async fn target(
    arguments: &Arguments,
    image: &OpenImage,
    current: &Holder,
    holders: &[Holder],
) -> Result<OpenImage, Failure> {
    if let Some(digest) = &arguments.to {
        let descriptor = image
            .store
            .resolve(&Selector::Digest(digest.clone()))
            .await?;
        return Ok(image.part(descriptor));
    }
    let replaced = current.step.slot.previous.as_ref();
    // What the last rollback left is seldom what the next one is for.
    let goes_on = current.step.kind == EdgeKind::Rollback;
    let before = holders
        .iter()
        .find(|holder| replaced == Some(&holder.step.promotion) && !goes_on);
    if let Some(before) = before {
        return Ok(image.part(before.descriptor.clone()));
    }
    let mut failure = Failure::usage(format_args!(
        "what {} ran before {} is not known",
        arguments.env, current.descriptor.digest
    ))
    .with_hint("say which release: --to DIGEST");
    let others = holders
        .iter()
        .filter(|holder| holder.descriptor.digest != current.descriptor.digest);
    for holder in others.take(SHOWN) {
        failure = failure.with_detail(format_args!(
            "{}  there since {}",
            holder.descriptor.digest, holder.step.at
        ));
    }
    Err(failure)
}

fn nothing_there(service: &Service, arguments: &Arguments) -> Failure {
    Failure::usage(format_args!(
        "no image of {service} is known to be in {}",
        arguments.env
    ))
    .with_hint("only images that a tag of the repository names are looked at")
}

/// How many releases are offered.
const SHOWN: usize = 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RollbackReport {
    sources: Vec<Source>,
    service: Service,
    environment: String,
    from: Digest,
    to: Digest,
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<Digest>,
    dry_run: bool,
}

impl Report for RollbackReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        page.indented(
            1,
            format!(
                "{}   {} -> {} in {}",
                self.service,
                shorten(&self.from),
                shorten(&self.to),
                self.environment
            ),
        );
        if let Some(verdict) = &self.verdict {
            render(page, &self.image, verdict, false);
        }
        match &self.promotion {
            Some(promotion) if self.verdict.is_some() => page.labelled(
                &Cell::good("rolled back"),
                &format!(
                    "{} to {}: {}",
                    self.environment,
                    self.to,
                    shorten(promotion)
                ),
            ),
            Some(promotion) => page.labelled(
                &Cell::good("already in"),
                &format!("{}: {}", self.environment, shorten(promotion)),
            ),
            None if self.dry_run => {
                page.labelled(&Cell::strong("dry run:"), "nothing was signed");
            }
            None => {}
        }
    }
}
