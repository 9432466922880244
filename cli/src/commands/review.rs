//! `bulla review`: a second look at a promotion that went around the normal gates.

use std::sync::Arc;

use bulla_attest::claim;
use bulla_model::Digest;
use bulla_model::predicate::Review;
use bulla_model::predicate::review::ReviewOutcome;
use bulla_verify::{Decision, ReviewDraft};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::review::Arguments;
use crate::commands::Context;
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::set::{self, ReleaseSet};
use crate::join::{consent, evidence, seal, step, verdict};
use crate::render::{Cell, Page, Report, shorten};
use crate::{Exit, Failure};

/// Signs a review and attaches it to the image, if it would count.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    rules.must_be_published()?;
    let names = set::names(
        &arguments.targets.images,
        arguments.targets.set.as_deref(),
        &context.limits,
    )?;
    let set = ReleaseSet::open(context, &names).await?;
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    let mut found: Option<ReviewDraft> = None;
    for image in &set.members {
        let collected = Arc::new(evidence::collect(image, None, &rules, now).await?);
        let promotion = found.as_ref().map(|found| found.promotion.clone());
        let promotion = promotion.or_else(|| arguments.promotion.clone());
        let (judged, draft) = verdict::review(
            &rules,
            collected,
            &image.pinned,
            (arguments.env.as_deref(), promotion.as_ref()),
            signer.identity().clone(),
            now,
            &context.limits,
        )
        .await?;
        match draft {
            Some(draft) if judged.decision == Decision::Allow => {
                whole(&set, &draft)?;
                found = found.or(Some(draft));
            }
            _ => {
                let mut page = Page::default();
                crate::render::verdict(&mut page, &image.pinned, &judged, true);
                context.printer.page(page)?;
                return Ok(Exit::of_verdict(&judged));
            }
        }
    }
    let Some(draft) = found else {
        return Ok(Exit::Internal);
    };
    let outcome = arguments.outcome.into();
    confirm(&arguments, context, &set, &draft)?;
    let review = Review {
        promotion: draft.promotion.clone(),
        outcome,
        notes: arguments.notes.clone(),
        tickets: step::sorted(&arguments.tickets),
        issued_at: now,
        nonce: claim::nonce()?,
        crit: Vec::new(),
    };
    let payload = claim::own(&set.subjects(), &review)?;
    let sealed = seal::seal(context, &signer, payload).await?;
    let mut manifest = None;
    for (done, image) in set.members.iter().enumerate() {
        let attached = seal::publish(image, &sealed).await;
        let attached = attached.map_err(|failure| set.unfinished(failure, done))?;
        manifest = manifest.or(Some(attached.descriptor.digest));
    }
    context.printer.report(&ReviewReport {
        image: set.names().to_owned(),
        promotion: draft.promotion,
        edge: draft.edge.to_string(),
        outcome,
        payload: sealed.payload,
        manifest,
    })?;
    Ok(Exit::Success)
}

/// A review is of all that was promoted together.
fn whole(set: &ReleaseSet, draft: &ReviewDraft) -> Result<(), Failure> {
    if set.digests == draft.subjects {
        return Ok(());
    }
    let mut failure = Failure::usage(format_args!(
        "the promotion is of {} images, and a review is of all of them",
        draft.subjects.len()
    ))
    .with_hint("name exactly these, one after the other or with --set FILE");
    for digest in draft.subjects.iter().take(SHOWN) {
        failure = failure.with_detail(digest);
    }
    Err(failure)
}

/// How many of them are shown.
const SHOWN: usize = 10;

/// Shows what was done and why, and asks.
fn confirm(
    arguments: &Arguments,
    context: &Context,
    set: &ReleaseSet,
    draft: &ReviewDraft,
) -> Result<(), Failure> {
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
    for image in &set.members {
        page.indented(1, &image.pinned);
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<Digest>,
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
