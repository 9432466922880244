//! `bulla deploy`: what happened to an image in an environment.

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::Deployment;
use bulla_model::predicate::deployment::DeploymentEvent;
use bulla_model::{Digest, Place, ResourceDescriptor};
use bulla_verify::{Decision, QuestionError};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::deploy::{Action, Arguments, Record};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{image, ledger, seal, step, verdict};
use crate::render::{Cell, Page, Report, shorten};
use crate::target::Target;
use crate::{Exit, Failure};

/// Records a deployment.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    match arguments.action {
        Action::Record(arguments) => Box::pin(record(*arguments, context)).await,
    }
}

async fn record(arguments: Record, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let environment = place(&rules, &arguments)?;
    let image = image::open(context, &Target::parse(&arguments.target)?)
        .await?
        .writable()?;
    let replaced = replaced(context, &arguments.replaces).await?;
    let collected = ledger::beside(context, &rules, &arguments.env, &image, now).await?;
    let judged = verdict::environment(
        &rules,
        collected,
        &image.pinned,
        &arguments.env,
        now,
        &context.limits,
    )
    .await?;
    // What happened is recorded whether or not it should have; whose release it was has to be known.
    let Some(service) = judged.service.clone() else {
        let mut page = Page::default();
        crate::render::verdict(&mut page, &arguments.target, &judged, true);
        context.printer.page(page)?;
        return Ok(Exit::of_verdict(&judged));
    };
    let allowed = judged.decision == Decision::Allow;
    if !allowed {
        context.printer.warn(format!(
            "the image may not be in {}: bulla why {} --env {}",
            arguments.env, image.pinned, arguments.env
        ));
    }
    let last = judged.steps.last().filter(|_| allowed);
    let deployment = Deployment {
        service,
        environment,
        event: arguments.event.into(),
        promotion: last.map(|step| step.promotion.clone()),
        workload: arguments.workload.clone(),
        run: arguments.run.clone(),
        replaced,
        reason: arguments.message.clone(),
        issued_at: now,
        crit: Vec::new(),
    };
    let subject = ResourceDescriptor::named(&image.name, image.descriptor.digest.clone());
    let payload = claim::own(&[subject], &deployment)?;
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Claim,
    )
    .await?;
    let sealed = seal::seal(context, &signer, payload).await?;
    let attached = seal::publish(&image, &sealed).await?;
    context.printer.report(&RecordReport {
        image: image.pinned,
        environment: arguments.env,
        event: deployment.event,
        payload: sealed.payload,
        manifest: attached.descriptor.digest,
        promotion: deployment.promotion,
    })?;
    Ok(Exit::Success)
}

/// The environment with the clusters it happened on.
fn place(rules: &Rules, arguments: &Record) -> Result<Place, Failure> {
    let Some((_, rule)) = rules.policy.environment(&arguments.env) else {
        let names = rules
            .policy
            .environments()
            .map(|(name, _)| format!("`{name}`"));
        let error = QuestionError::NoEnvironment {
            name: arguments.env.clone(),
            known: names.collect::<Vec<_>>().join(", "),
        };
        return Err(Failure::new(FailureKind::Usage, error));
    };
    let foreign = arguments
        .clusters
        .iter()
        .find(|cluster| !rule.audience.is_empty() && !rule.audience.contains(cluster));
    if let Some(cluster) = foreign {
        return Err(Failure::usage(format_args!(
            "`{}` is no cluster of {}: expected one of {}",
            cluster.escape_debug(),
            arguments.env,
            rule.audience.join(", ")
        )));
    }
    Ok(Place {
        uri: rule.uri.clone(),
        audience: if arguments.clusters.is_empty() {
            rule.audience.clone()
        } else {
            arguments.clusters.clone()
        },
    })
}

async fn replaced(context: &Context, named: &[String]) -> Result<Vec<Digest>, Failure> {
    let mut digests = BTreeSet::new();
    for text in named {
        let digest = if let Ok(digest) = text.parse::<Digest>() {
            digest
        } else {
            let image = image::open(context, &Target::parse(text)?).await?;
            image.descriptor.digest.clone()
        };
        digests.insert(digest);
    }
    Ok(digests.into_iter().collect())
}

#[derive(Serialize)]
struct RecordReport {
    image: String,
    environment: String,
    event: DeploymentEvent,
    payload: Digest,
    manifest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<Digest>,
}

impl Report for RecordReport {
    fn human(&self, page: &mut Page) {
        let event = match self.event {
            DeploymentEvent::Started => "started",
            DeploymentEvent::Succeeded => "succeeded",
            DeploymentEvent::Failed => "failed",
            DeploymentEvent::RolledBack => "rolled back",
        };
        page.labelled(
            &Cell::good("recorded"),
            &format!(
                "{event} in {}: {}",
                self.environment,
                shorten(&self.payload)
            ),
        );
    }
}
