//! New promotions: sealed and attached, with the summaries that generic verifiers read.

use bulla_attest::claim;
use bulla_model::predicate::Promotion;
use bulla_model::predicate::promotion::Slot;
use bulla_model::{Digest, EdgeKind};
use bulla_registry::Store as _;
use bulla_verify::StepDraft;
use jiff::Timestamp;

use super::seal;
use super::sealer::Sealer;
use super::set::{Judged, ReleaseSet};
use super::summary::Summaries;
use crate::Failure;
use crate::commands::Context;

/// A promotion that was judged and is to be sealed.
#[derive(Clone, Debug)]
pub struct NewPromotion<'a> {
    /// What it binds.
    pub draft: &'a StepDraft,
    /// Its place in the environment.
    pub slot: Slot,
    /// The release's version, for people.
    pub version: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Change tickets, the incident among them; sorted.
    pub tickets: Vec<String>,
    /// When it was decided.
    pub now: Timestamp,
    /// Until when it holds.
    pub not_after: Option<Timestamp>,
}

/// Seals one promotion of all of the set and attaches it to each; answers its payload digest.
pub async fn publish(
    context: &Context,
    set: &ReleaseSet,
    judged: &[Judged],
    signer: &Sealer,
    new: &NewPromotion<'_>,
) -> Result<Digest, Failure> {
    let (draft, now) = (new.draft, new.now);
    let promotion = Promotion {
        service: draft.service.clone(),
        tier: draft.tier.clone(),
        version: new.version.clone(),
        edge: draft.edge.clone(),
        chain: draft.chain.clone(),
        slot: new.slot.clone(),
        policy: draft.policy.clone(),
        reason: new.reason.clone(),
        tickets: new.tickets.clone(),
        inputs: draft.inputs.clone(),
        gates: draft.gates.clone(),
        issued_at: now,
        not_after: new.not_after,
        crit: Vec::new(),
    };
    let payload = claim::promotion(&set.subjects(), &promotion)?;
    let sealed = seal::seal(context, signer, payload).await?;
    if set.members.len() > 1 {
        // Whoever may not write to one of them hears of it before the others have the promotion.
        for image in &set.members {
            let bytes = sealed.bundle.bytes().to_vec();
            let written = image.evidence.put_blob(bytes).await;
            written.map_err(|error| set.unfinished(error.into(), 0))?;
        }
    }
    for (done, image) in set.members.iter().enumerate() {
        let attached = seal::publish(image, &sealed).await;
        attached.map_err(|failure| set.unfinished(failure, done))?;
    }
    // What goes out of service has passed nothing that generic verifiers ask about.
    if draft.edge.kind != EdgeKind::Retire {
        let summaries = Summaries {
            context,
            set,
            judged,
            signer,
            now,
        };
        summaries.publish(&promotion, &sealed.payload).await?;
    }
    Ok(sealed.payload)
}
