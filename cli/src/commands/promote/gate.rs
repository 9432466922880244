//! One image at the gate: judged, and sealed if it may pass.

use std::sync::Arc;

use bulla_model::Digest;
use bulla_verify::{Decision, StepDraft, Verdict};
use jiff::Timestamp;

use crate::args::promote::Arguments;
use crate::commands::Context;
use crate::join::image::OpenImage;
use crate::join::promotion::{self, NewPromotion};
use crate::join::rules::{Rules, Source};
use crate::join::sealer::Sealer;
use crate::join::verdict::StepName;
use crate::join::{ledger, slot, step, verdict};
use crate::{Exit, Failure};

/// What the gate does by.
pub(super) struct Gate<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) context: &'a Context,
    pub(super) rules: &'a Arc<Rules>,
    /// The time it judges at, in whole seconds.
    pub(super) now: Timestamp,
}

/// What became of a step.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) sources: Vec<Source>,
    pub(super) verdict: Verdict,
    pub(super) exit: Exit,
    /// The promotion, new or from before.
    pub(super) promotion: Option<Digest>,
    /// Whether it was there before.
    pub(super) already: bool,
    pub(super) review_until: Option<Timestamp>,
}

impl Gate<'_> {
    /// Judges the step for this promoter, and takes it if it is allowed and meant.
    pub(super) async fn pass(&self, image: &OpenImage, signer: &Sealer) -> Result<Taken, Failure> {
        let (arguments, context, now) = (self.arguments, self.context, self.now);
        let collected = ledger::beside(context, self.rules, &arguments.to, image, now).await?;
        let tickets = tickets(arguments);
        let edge = StepName {
            kind: arguments.kind.into(),
            to: &arguments.to,
            from: arguments.from.as_deref(),
            tickets: Some(&tickets),
            together: None,
        };
        let promoter = signer.identity().clone();
        let judged = verdict::step(
            self.rules,
            collected,
            &image.pinned,
            edge,
            Some(promoter),
            now,
            &context.limits,
        );
        let (verdict, draft) = judged.await?;
        let mut taken = Taken {
            sources: self.rules.sources.clone(),
            exit: Exit::of_verdict(&verdict),
            verdict,
            promotion: None,
            already: false,
            review_until: None,
        };
        let allowed = taken.verdict.decision == Decision::Allow;
        let Some(draft) = draft.filter(|_| allowed) else {
            return Ok(taken);
        };
        if let Some(promotion) = draft.already.clone() {
            taken.promotion = Some(promotion);
            taken.already = true;
        } else if !arguments.dry_run {
            taken.promotion = Some(self.seal(image, &draft, signer).await?);
            taken.review_until = draft
                .review_within
                .and_then(|within| now.checked_add(within).ok());
        }
        Ok(taken)
    }

    /// Finds the promotion's place, and seals it.
    async fn seal(
        &self,
        image: &OpenImage,
        draft: &StepDraft,
        signer: &Sealer,
    ) -> Result<Digest, Failure> {
        let (arguments, now) = (self.arguments, self.now);
        let places = slot::Asked {
            context: self.context,
            rules: self.rules,
            service: &draft.service,
            environment: &arguments.to,
            now,
        };
        let not_after = arguments.valid_for.as_deref();
        let not_after = not_after.map(|text| step::until(now, text)).transpose()?;
        let new = NewPromotion {
            slot: places.next(image, arguments.replaces.as_deref()).await?,
            draft,
            version: arguments.release.clone(),
            reason: arguments.message.clone(),
            tickets: tickets(arguments),
            now,
            not_after,
        };
        promotion::publish(self.context, image, signer, new).await
    }
}

/// The tickets, the incident among them.
fn tickets(arguments: &Arguments) -> Vec<String> {
    let mut tickets = arguments.tickets.clone();
    tickets.extend(arguments.incident.clone());
    step::sorted(&tickets)
}
