//! `bulla review`: a second look at a promotion that went around the normal gates.

use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::predicate::Review;
use bulla_model::predicate::review::ReviewOutcome;
use bulla_model::{Digest, ResourceDescriptor};
use bulla_verify::{Decision, ReviewDraft};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::review::Arguments;
use crate::commands::Context;
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{consent, evidence, image, seal, step, verdict};
use crate::render::{Cell, Page, Report, shorten};
use crate::target::Target;
use crate::{Exit, Failure};

/// Signs a review and attaches it to the image, if it would count.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    rules.must_be_published()?;
    let image = image::open(context, &Target::parse(&arguments.target)?)
        .await?
        .writable()?;
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    let collected = Arc::new(evidence::collect(&image, None, &rules, now).await?);
    let (judged, draft) = verdict::review(
        &rules,
        collected,
        &image.pinned,
        (arguments.env.as_deref(), arguments.promotion.as_ref()),
        signer.identity().clone(),
        now,
        &context.limits,
    )
    .await?;
    let draft = match draft {
        Some(draft) if judged.decision == Decision::Allow => draft,
        _ => {
            let mut page = Page::default();
            crate::render::verdict(&mut page, &arguments.target, &judged, true);
            context.printer.page(page)?;
            return Ok(Exit::of_verdict(&judged));
        }
    };
    let outcome = arguments.outcome.into();
    confirm(&arguments, context, &draft)?;
    let review = Review {
        promotion: draft.promotion.clone(),
        outcome,
        notes: arguments.notes.clone(),
        tickets: step::sorted(&arguments.tickets),
        issued_at: now,
        nonce: claim::nonce()?,
        crit: Vec::new(),
    };
    let subject = ResourceDescriptor::named(&image.name, image.descriptor.digest.clone());
    let payload = claim::own(&[subject], &review)?;
    let sealed = seal::seal(context, &signer, payload).await?;
    let attached = seal::publish(&image, &sealed).await?;
    context.printer.report(&ReviewReport {
        image: image.pinned,
        promotion: draft.promotion,
        edge: draft.edge.to_string(),
        outcome,
        payload: sealed.payload,
        manifest: attached.descriptor.digest,
    })?;
    Ok(Exit::Success)
}

/// Shows what was done and why, and asks.
fn confirm(arguments: &Arguments, context: &Context, draft: &ReviewDraft) -> Result<(), Failure> {
    let mut page = Page::default();
    let when = draft
        .promoted_at
        .map_or_else(String::new, |at| format!("   {at}"));
    page.indented(
        1,
        format!(
            "{}   {} ({}){when}   {}",
            draft.service, draft.edge, draft.edge.kind, draft.promotion
        ),
    );
    page.indented(
        1,
        format!(
            "{}   {}",
            draft.tickets.join(", "),
            draft.reason.as_deref().unwrap_or_default()
        ),
    );
    if arguments.signing.yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    consent::answerable(context)?;
    consent::ask("sign the review? [y/N] ")
}

#[derive(Serialize)]
struct ReviewReport {
    image: String,
    promotion: Digest,
    edge: String,
    outcome: ReviewOutcome,
    payload: Digest,
    manifest: Digest,
}

impl Report for ReviewReport {
    fn human(&self, page: &mut Page) {
        let outcome = match self.outcome {
            ReviewOutcome::Accepted => Cell::good("accepted"),
            ReviewOutcome::Rejected => Cell::attention("rejected"),
        };
        page.labelled(
            &outcome,
            &format!(
                "{} {}: {}",
                self.edge,
                shorten(&self.promotion),
                shorten(&self.payload)
            ),
        );
    }
}
