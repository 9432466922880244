//! `bulla rollback`: lets an environment go back to what it ran before, from promotions alone.

use std::sync::Arc;

use bulla_model::{Digest, EdgeKind, Service};
use bulla_registry::{Store as _, Target as Selector};
use bulla_verify::{Pattern, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::rollback::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::image::{self, OpenImage};
use crate::join::promotion::{self, NewPromotion};
use crate::join::rules::{Rules, Source};
use crate::join::sealer::{Purpose, Sealer};
use crate::join::set::{self, Judged, Member, ReleaseSet};
use crate::join::slot::{self, Holder};
use crate::join::summary::Summaries;
use crate::join::verdict::StepName;
use crate::join::{ledger, step, verdict};
use crate::render::{Cell, Page, Report, shorten, sources, verdict as render};
use crate::target::{Found, Target};
use crate::{Exit, Failure};

/// Finds what to go back to, judges the step, and signs and attaches it if it is allowed.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let (images, named) = find(context, &rules, &arguments.targets).await?;
    let service = match named {
        Some(service) => service,
        None => match service_of(&arguments, context, &rules, &images, now).await? {
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
    let found = asked.search(&images).await?;
    let holders = found.holders;
    let current = slot::newest(&holders)?;
    if !found.is_whole {
        asked.warn_of_doubt(&images, current.is_some(), "");
    }
    let current = current.ok_or_else(|| nothing_there(&service, &arguments, found.is_whole))?;
    let mut report = RollbackReport {
        sources: rules.sources.clone(),
        service: service.clone(),
        environment: arguments.env.clone(),
        from: current.descriptor.digest.clone(),
        to: current.descriptor.digest.clone(),
        image: String::new(),
        verdict: None,
        members: Vec::new(),
        promotion: None,
        finished: false,
        dry_run: arguments.dry_run,
    };
    let gate = Gate {
        arguments: &arguments,
        context,
        rules: &rules,
        now,
    };
    if gate.is_done(&images, current, &mut report).await? {
        context.printer.report(&report)?;
        return Ok(Exit::Success);
    }
    let target = target(&arguments, &images, current, &holders).await?;
    let to = target.members.first();
    let to = to.ok_or_else(|| nothing_there(&service, &arguments, found.is_whole))?;
    report.to.clone_from(&to.descriptor.digest);
    target.names().clone_into(&mut report.image);
    let exit = if target.digests.iter().eq(&current.step.subjects) {
        gate.stays(&target, current, &mut report).await?
    } else {
        let version = arguments.release.clone();
        let version = version.or_else(|| called(&target, &holders));
        gate.go_back(&target, current, version, &mut report).await?
    };
    context.printer.report(&report)?;
    Ok(exit)
}

/// What the step back is judged by.
struct Gate<'a> {
    arguments: &'a Arguments,
    context: &'a Context,
    rules: &'a Arc<Rules>,
    now: Timestamp,
}

impl Gate<'_> {
    async fn signer(&self) -> Result<Sealer, Failure> {
        let (arguments, context) = (self.arguments, self.context);
        let roots = &arguments.decide.trusted_root;
        Sealer::open(context, &arguments.signing, roots, Purpose::Claim).await
    }

    /// Whether this step back was begun before, and did not reach every image of the set or lacks
    /// summaries; then it is finished now, and nothing else is done.
    async fn is_done(
        &self,
        images: &[OpenImage],
        current: &Holder,
        report: &mut RollbackReport,
    ) -> Result<bool, Failure> {
        let step = &current.step;
        let is_asked = |to: &Digest| step.subjects.contains(to);
        let is_meant = step.kind == EdgeKind::Rollback;
        if !is_meant || self.arguments.dry_run || !self.arguments.to.as_ref().is_none_or(is_asked) {
            return Ok(false);
        }
        let set = all_of(images, &step.subjects).await?;
        let signer = self.signer().await?;
        let edge = self.edge(None);
        let carried = set.complete(self.context, self.rules, edge, signer.identity(), self.now);
        let carried = carried.await?.contains(&step.promotion);
        let summaries = Summaries {
            context: self.context,
            set: &set,
            // What was judged is judged no more: the step was taken.
            judged: &[],
            signer: &signer,
            now: self.now,
        };
        let added = summaries.finish(self.rules, &step.promotion).await?;
        if !carried && !added {
            return Ok(false);
        }
        set.names().clone_into(&mut report.image);
        report.promotion = Some(step.promotion.clone());
        report.finished = true;
        Ok(true)
    }

    /// What was asked for is there already, if it is for each of the images.
    async fn stays(
        &self,
        target: &ReleaseSet,
        current: &Holder,
        report: &mut RollbackReport,
    ) -> Result<Exit, Failure> {
        let mut judged = Vec::new();
        let (context, environment) = (self.context, &self.arguments.env);
        for image in &target.members {
            let collected = ledger::beside(context, self.rules, environment, image, self.now);
            let (collected, name) = (collected.await?, &image.pinned);
            let (rules, limits) = (self.rules, &context.limits);
            let evidence = Arc::clone(&collected);
            let asked = verdict::environment(rules, evidence, name, environment, self.now, limits);
            judged.push(Judged {
                image: image.pinned.clone(),
                evidence: collected,
                verdict: asked.await?,
                draft: None,
            });
        }
        let exit = set::exit(&judged);
        if exit == Exit::Success {
            report.promotion = Some(current.step.promotion.clone());
        } else {
            report.told(judged);
        }
        Ok(exit)
    }

    fn edge<'t>(&'t self, tickets: Option<&'t [String]>) -> StepName<'t> {
        StepName {
            kind: EdgeKind::Rollback,
            to: &self.arguments.env,
            from: None,
            tickets,
            together: None,
        }
    }

    async fn go_back(
        &self,
        target: &ReleaseSet,
        current: &Holder,
        version: Option<String>,
        report: &mut RollbackReport,
    ) -> Result<Exit, Failure> {
        let (arguments, context, now) = (self.arguments, self.context, self.now);
        let signer = self.signer().await?;
        let tickets = step::sorted(&arguments.tickets);
        let edge = self.edge(Some(&tickets));
        let promoter = Some(signer.identity());
        let judged = target
            .judge(context, self.rules, edge, promoter, now)
            .await?;
        let exit = set::exit(&judged);
        let draft = if judged.iter().all(Judged::is_allowed) {
            set::settle(&judged)?
        } else {
            None
        };
        if let Some(draft) = draft.filter(|_| !arguments.dry_run) {
            let new = NewPromotion {
                draft: &draft,
                slot: slot::after(&current.step),
                version,
                reason: arguments.message.clone(),
                tickets,
                now,
                not_after: None,
            };
            let payload = promotion::publish(context, target, &judged, &signer, &new).await?;
            report.promotion = Some(payload);
        }
        report.told(judged);
        Ok(exit)
    }
}

/// An image of each repository, and the service if that was what was typed.
async fn find(
    context: &Context,
    rules: &Rules,
    texts: &[String],
) -> Result<(Vec<OpenImage>, Option<Service>), Failure> {
    let mut images = Vec::new();
    if let [text] = texts
        && let Some((image, service)) = of_service(context, rules, text).await?
    {
        images.push(image.writable()?);
        return Ok((images, Some(service)));
    }
    for text in texts {
        let image = image::open(context, &Target::parse(text)?).await?;
        images.push(image.writable()?);
    }
    Ok((images, None))
}

/// An image of the service with this name, if there is one.
async fn of_service(
    context: &Context,
    rules: &Rules,
    text: &str,
) -> Result<Option<(OpenImage, Service)>, Failure> {
    let described = text
        .parse::<Service>()
        .ok()
        .filter(|_| Found::at(text.as_ref()) == Found::Nothing)
        .and_then(|name| rules.policy.services().find(|(known, _)| **known == name));
    let Some((service, rule)) = described else {
        return Ok(None);
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
    let (image, _) = image::open_any(context, &Target::parse(repository)?).await?;
    Ok(Some((image, service.clone())))
}

/// The service that an image proves to be of; shown why not if it proves none.
async fn service_of(
    arguments: &Arguments,
    context: &Context,
    rules: &Arc<Rules>,
    images: &[OpenImage],
    now: Timestamp,
) -> Result<Result<Service, Exit>, Failure> {
    let Some(image) = images.first() else {
        return Ok(Err(Exit::Usage));
    };
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
    render(&mut page, &image.pinned, &judged, true);
    context.printer.page(page)?;
    Ok(Err(Exit::of_verdict(&judged)))
}

/// What to go back to: the image named, or the one whose place the current one took, with all that
/// was promoted together with it.
async fn target(
    arguments: &Arguments,
    images: &[OpenImage],
    current: &Holder,
    holders: &[Holder],
) -> Result<ReleaseSet, Failure> {
    if let Some(digest) = &arguments.to {
        let mut holders = holders.iter();
        let holder = holders.find(|holder| holder.descriptor.digest == *digest);
        let alone = std::slice::from_ref(digest);
        let digests = holder.map_or(alone, |holder| &holder.step.subjects);
        return all_of(images, digests).await;
    }
    let replaced = current.step.slot.previous.as_ref();
    // What the last rollback left is seldom what the next one is for.
    let goes_on = current.step.kind == EdgeKind::Rollback;
    let before = holders
        .iter()
        .find(|holder| replaced == Some(&holder.step.promotion) && !goes_on);
    if let Some(before) = before {
        return all_of(images, &before.step.subjects).await;
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

/// The version that the release had when it was there before.
fn called(target: &ReleaseSet, holders: &[Holder]) -> Option<String> {
    let mut steps = holders.iter().map(|holder| &holder.step);
    let before =
        steps.find(|step| step.version.is_some() && target.digests.iter().eq(&step.subjects));
    before.and_then(|step| step.version.clone())
}

/// The images with these digests, each from the first of the repositories that were named that has it:
/// what is beside the same image in another one is not looked at.
async fn all_of(images: &[OpenImage], digests: &[Digest]) -> Result<ReleaseSet, Failure> {
    let mut members = Vec::new();
    for digest in digests {
        let mut last = None;
        for image in images {
            match image.store.resolve(&Selector::Digest(digest.clone())).await {
                Ok(descriptor) => {
                    last = Some(Ok(image.part(descriptor)));
                    break;
                }
                Err(error) => last = Some(Err(error)),
            }
        }
        match last {
            Some(Ok(image)) => members.push(image),
            Some(Err(error)) if digests.len() == 1 => return Err(error.into()),
            Some(Err(error)) => {
                return Err(Failure::from(error).with_hint(format_args!(
                    "{digest} was promoted together with what is gone back to: name an image of \
                     its repository too"
                )));
            }
            None => {}
        }
    }
    ReleaseSet::of(members).await
}

fn nothing_there(service: &Service, arguments: &Arguments, is_whole: bool) -> Failure {
    let environment = &arguments.env;
    let text = format!("no image of {service} is known to be in {environment}");
    if !is_whole {
        return Failure::new(FailureKind::Unavailable, text);
    }
    Failure::usage(text).with_hint("only images that a tag of the repository names are looked at")
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
    /// What goes back together, if it is more than one image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<Digest>,
    /// Whether it was attached now to images that had lacked it.
    finished: bool,
    dry_run: bool,
}

impl RollbackReport {
    fn told(&mut self, judged: Vec<Judged>) {
        let mut members: Vec<_> = judged.into_iter().map(Member::from).collect();
        if members.len() == 1 {
            self.verdict = members.pop().map(|member| member.verdict);
        }
        self.members = members;
    }
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
        if !self.members.is_empty() {
            set::table(page, &self.members);
            page.gap();
        }
        for member in set::refused(&self.members) {
            render(page, &member.image, &member.verdict, false);
        }
        let is_judged = self.verdict.is_some() || !self.members.is_empty();
        match &self.promotion {
            Some(promotion) if self.finished => page.labelled(
                &Cell::good("finished"),
                &format!("{}: {}", self.environment, shorten(promotion)),
            ),
            Some(promotion) if is_judged => page.labelled(
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
