//! `bulla promote`: the gate. Judges a step and, if it is allowed, seals that it was taken.
//!
//! Every part can be run again: a promotion that already holds is not signed twice, attaching the
//! same bytes is one referrer, and copying skips what is there.

use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::promotion::Slot;
use bulla_model::predicate::vsa::{Verifier, VsaResult};
use bulla_model::predicate::{Promotion, Vsa};
use bulla_model::{Digest, Manifest, ResourceDescriptor};
use bulla_registry::Store as _;
use bulla_verify::{Decision, StepDraft, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::copy;
use crate::args::promote::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::image::{self, OpenImage};
use crate::join::rules::{Rules, Source};
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{evidence, seal, step, verdict};
use crate::render::{Cell, Page, Report, shorten, sources, verdict as render};
use crate::target::Target;
use crate::{Exit, Failure};

/// Judges the step, and signs and attaches the promotion if it is allowed.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
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
    let collected = Arc::new(evidence::collect(&image, None).await?);
    let edge = (arguments.to.as_str(), arguments.from.as_deref());
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
        let slot = slot(&arguments, context, &rules, now).await?;
        let payload = publish_promotion(
            context,
            &image,
            &draft,
            slot,
            &signer,
            &arguments,
            (now, not_after),
        )
        .await?;
        report.promotion = Some(payload);
    }
    if let Some(destination) = arguments.copy_to.as_deref().filter(|_| !arguments.dry_run) {
        let to = Target::parse(destination)?;
        copy::transfer(context, &image, &to, true).await?;
        report.copied_to = Some(to.to_string());
    }
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

async fn publish_promotion(
    context: &Context,
    image: &OpenImage,
    draft: &StepDraft,
    slot: Slot,
    signer: &Sealer,
    arguments: &Arguments,
    (now, not_after): (Timestamp, Option<Timestamp>),
) -> Result<Digest, Failure> {
    let promotion = Promotion {
        service: draft.service.clone(),
        tier: draft.tier.clone(),
        version: arguments.release.clone(),
        edge: draft.edge.clone(),
        chain: draft.chain.clone(),
        slot,
        policy: draft.policy.clone(),
        reason: arguments.message.clone(),
        tickets: step::sorted(&arguments.tickets),
        inputs: draft.inputs.clone(),
        gates: draft.gates.clone(),
        issued_at: now,
        not_after,
        crit: Vec::new(),
    };
    let digest = image.descriptor.digest.clone();
    let subject = ResourceDescriptor::named(&image.name, digest.clone());
    let payload = claim::promotion(std::slice::from_ref(&subject), &promotion)?;
    // Generic verifiers read only the summary, so it comes first: whoever sees the promotion sees
    // both.
    let manifest = image.store.manifest(&digest).await?;
    for subject in std::iter::once(subject).chain(platforms(&image.name, &manifest)) {
        let summary = summary(draft, now);
        let payload = claim::vsa(&[subject], now, &summary)?;
        let sealed = seal::seal(context, signer, payload).await?;
        seal::publish(image, &sealed).await?;
    }
    let sealed = seal::seal(context, signer, payload).await?;
    seal::publish(image, &sealed).await?;
    Ok(sealed.payload)
}

/// The platform manifests of an index.
fn platforms(name: &str, manifest: &Manifest) -> Vec<ResourceDescriptor> {
    let Some(index) = manifest.index() else {
        return Vec::new();
    };
    let runnable = index
        .manifests
        .iter()
        .filter(|entry| !entry.is_buildkit_attestation());
    runnable
        .map(|entry| ResourceDescriptor::named(name, entry.digest.clone()))
        .collect()
}

fn summary(draft: &StepDraft, now: Timestamp) -> Vsa {
    let environment = draft.edge.to.uri.clone();
    Vsa {
        verifier: Verifier {
            id: format!(
                "https://bulla.dev/promoter/{}",
                environment.as_str().trim_start_matches("env://")
            ),
            version: [("bulla".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        },
        time_verified: Some(now),
        resource_uri: format!("{environment}#{}", draft.service),
        policy: ResourceDescriptor {
            uri: Some(format!(
                "https://bulla.dev/policy/{}/{}",
                draft.policy.name, draft.policy.version
            )),
            ..ResourceDescriptor::of(draft.policy.digest.clone())
        },
        input_attestations: draft
            .inputs
            .iter()
            .map(|input| ResourceDescriptor::of(input.payload.clone()))
            .collect(),
        verification_result: VsaResult::Passed,
        verified_levels: vec![format!(
            "BULLA_PROMOTED_TO_{}",
            environment.name().to_uppercase().replace(['-', '.'], "_")
        )],
        dependency_levels: std::collections::BTreeMap::new(),
        slsa_version: Some("1.1".to_owned()),
        extra: std::collections::BTreeMap::new(),
    }
}

/// The promotion's place in the environment: after that of the image it replaces.
async fn slot(
    arguments: &Arguments,
    context: &Context,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<Slot, Failure> {
    let Some(replaced) = &arguments.replaces else {
        return Ok(Slot {
            sequence: 1,
            previous: None,
        });
    };
    let image = image::open(context, &Target::parse(replaced)?).await?;
    let collected = Arc::new(evidence::collect(&image, None).await?);
    let judged = verdict::environment(
        rules,
        Arc::clone(&collected),
        &image.pinned,
        &arguments.to,
        now,
        &context.limits,
    )
    .await?;
    let head = judged
        .steps
        .last()
        .filter(|_| judged.decision == Decision::Allow)
        .ok_or_else(|| {
            Failure::usage(format_args!(
                "{} holds no place in {}",
                image.pinned, arguments.to
            ))
            .with_hint(format_args!(
                "bulla verify --env {} {}",
                arguments.to, image.pinned
            ))
        })?;
    let sequence = step::slot_sequence(&collected, &head.promotion, &context.limits)
        .ok_or_else(|| Failure::new(FailureKind::Internal, "a verified promotion was lost"))?;
    Ok(Slot {
        sequence: sequence.saturating_add(1),
        previous: Some(head.promotion.clone()),
    })
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
        if let Some(destination) = &self.copied_to {
            page.labelled(
                &Cell::good("copied"),
                &format!("with its attestations to {destination}"),
            );
        }
    }
}
