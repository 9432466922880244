//! `bulla chain`: how an image came where it is.
//!
//! Only promotions that hold are steps of it: what does not hold is told by the environment that it was
//! to lead into.

mod draw;

use std::collections::BTreeSet;
use std::sync::Arc;

use bulla_model::{Digest, Service, Tier};
use bulla_verify::{Cause, Code, Decision, Step, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::chain::{Arguments, Form};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::rules::{Rules, Source};
use crate::join::{estate, evidence, image, ledger, verdict};
use crate::render::{Page, Report, sources};
use crate::target::Target;
use crate::{Exit, Failure};

/// Asks for every environment of the policy whether the image may be there, and shows the way.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let image = image::open(context, &Target::parse(&arguments.target)?).await?;
    let evidence = evidence::collect(&image, arguments.index.as_ref(), &rules, now).await?;
    let evidence = Arc::new(evidence);
    let mut report = ChainReport {
        sources: rules.sources.clone(),
        image: image.pinned.clone(),
        service: None,
        tier: None,
        steps: Vec::new(),
        environments: Vec::new(),
        form: arguments.form,
    };
    for name in estate::in_order(&rules.policy) {
        let told = ledger::told_of(context, &rules, (&name, now), &image, &evidence).await?;
        let asked = verdict::environment(&rules, told, &image.pinned, &name, now, &context.limits);
        match asked.await {
            Ok(judged) => report.add(name, judged),
            // The anchor does not let this verifier speak for every environment.
            Err(failure) if failure.kind() == FailureKind::Usage => {
                tracing::debug!(environment = name, "left out: {}", failure.message());
            }
            Err(failure) => return Err(failure),
        }
    }
    context.printer.report(&report)?;
    let mut environments = report.environments.iter();
    Ok(
        if environments.any(|it| it.decision == Decision::Undetermined) {
            Exit::Undetermined
        } else {
            Exit::Success
        },
    )
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChainReport {
    sources: Vec<Source>,
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<Service>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Tier>,
    /// The promotions that hold, each after those it follows.
    steps: Vec<Step>,
    environments: Vec<Standing>,
    #[serde(skip)]
    form: Form,
}

/// Whether the image may be in an environment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    environment: String,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// The promotion by which it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ChainReport {
    fn add(&mut self, name: String, judged: Verdict) {
        let (code, reason) = judged.leading().map_or((None, None), |leading| {
            (Some(leading.code), Some(leading.message.clone()))
        });
        let is_allowed = judged.decision == Decision::Allow;
        self.environments.push(Standing {
            environment: name,
            decision: judged.decision,
            cause: judged.cause,
            head: judged
                .steps
                .last()
                .filter(|_| is_allowed)
                .map(|it| it.promotion.clone()),
            code,
            reason,
        });
        self.service = self.service.take().or(judged.service);
        self.tier = self.tier.take().or(judged.tier);
        if is_allowed {
            let known: BTreeSet<_> = self.steps.iter().map(|it| it.promotion.clone()).collect();
            let steps = judged.steps.into_iter();
            self.steps
                .extend(steps.filter(|it| !known.contains(&it.promotion)));
        }
    }
}

impl Report for ChainReport {
    fn human(&self, page: &mut Page) {
        match self.form {
            Form::Tree => draw::tree(page, self),
            Form::Table => draw::table(page, self),
            // To be pasted as it is.
            Form::Mermaid => return draw::mermaid(page, self),
        }
        draw::refusals(page, self);
        page.gap();
        sources(page, &self.sources);
    }
}
