//! Images at the gate: judged, and sealed if all of them may pass.

use std::sync::Arc;

use bulla_model::{Digest, EdgeKind, Scope};
use bulla_verify::{Code, StepDraft};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::promote::Arguments;
use crate::commands::Context;
use crate::join::promotion::{self, NewPromotion};
use crate::join::rules::{Rules, Source};
use crate::join::sealer::Sealer;
use crate::join::set::{self, Judged, Member, ReleaseSet};
use crate::join::summary::Summaries;
use crate::join::verdict::StepName;
use crate::join::{slot, step};
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
    /// Each image, and what its gates say.
    pub(super) members: Vec<Member>,
    pub(super) exit: Exit,
    /// The promotion, new or from before.
    pub(super) promotion: Option<Digest>,
    /// Whether it was there before.
    pub(super) already: bool,
    /// Whether it was attached now to images that had lacked it.
    pub(super) finished: bool,
    pub(super) review_until: Option<Timestamp>,
    pub(super) remarks: Remarks,
}

/// What whoever took the step has to know besides.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remarks {
    /// Whether what was there before could not be found out, so that it claims the first place.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) unknown: bool,
    /// The command by which the ledger's owner records what went out of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to_record: Option<String>,
}

impl Gate<'_> {
    /// Judges the step for this promoter, and takes it if it is allowed and meant.
    pub(super) async fn pass(&self, set: &ReleaseSet, signer: &Sealer) -> Result<Taken, Failure> {
        let (arguments, context, now) = (self.arguments, self.context, self.now);
        let tickets = tickets(arguments);
        let step = StepName {
            kind: arguments.kind.into(),
            to: &arguments.to,
            from: arguments.from.as_deref(),
            tickets: Some(&tickets),
            together: None,
        };
        let promoter = signer.identity();
        let carried = if arguments.dry_run {
            Vec::new()
        } else {
            set.complete(context, self.rules, step, promoter, now)
                .await?
        };
        let judged = set
            .judge(context, self.rules, step, Some(promoter), now)
            .await?;
        let mut taken = Taken {
            sources: self.rules.sources.clone(),
            exit: set::exit(&judged),
            members: Vec::new(),
            promotion: None,
            already: false,
            finished: false,
            review_until: None,
            remarks: Remarks::default(),
        };
        if step.kind == EdgeKind::Retire && judged.iter().all(is_retired) {
            // What was interrupted is done now. A set out of service has no step out of it left.
            if let Some(promotion) = carried.into_iter().next() {
                taken.exit = Exit::Success;
                taken.promotion = Some(promotion);
                taken.finished = true;
            }
        } else if judged.iter().all(Judged::is_allowed)
            && let Some(draft) = set::settle(&judged)?
        {
            taken.finished = draft
                .already
                .as_ref()
                .is_some_and(|it| carried.contains(it));
            taken.already = draft.already.is_some();
            taken.promotion.clone_from(&draft.already);
            if !taken.already && !arguments.dry_run {
                let (promotion, is_unknown) = self.seal(set, &judged, &draft, signer).await?;
                taken.promotion = Some(promotion);
                taken.remarks.unknown = is_unknown;
                taken.review_until = draft
                    .review_within
                    .and_then(|within| now.checked_add(within).ok());
            } else if let Some(promotion) = draft.already.as_ref().filter(|_| !arguments.dry_run) {
                let summaries = Summaries {
                    context,
                    set,
                    judged: &judged,
                    signer,
                    now,
                };
                summaries.finish(self.rules, promotion).await?;
            }
        }
        if step.kind == EdgeKind::Retire && taken.promotion.is_some() {
            taken.remarks.to_record = self.to_record(set);
        }
        taken.members = judged.into_iter().map(Member::from).collect();
        Ok(taken)
    }

    /// A retirement that a registry leaves out is only missed by who sees a checkpoint that lists it.
    fn to_record(&self, set: &ReleaseSet) -> Option<String> {
        self.rules.owner()?;
        let (_, rule) = self.rules.policy.environment(&self.arguments.to)?;
        let images = set.members.iter();
        let images: Vec<_> = images
            .map(|image| format!(" --latest {}", image.pinned))
            .collect();
        let scope = Scope::ledger_of(&rule.uri);
        Some(format!("bulla checkpoint {scope}{}", images.concat()))
    }

    /// Finds the promotion's place, and seals it; answers also whether the place is not known.
    async fn seal(
        &self,
        set: &ReleaseSet,
        judged: &[Judged],
        draft: &StepDraft,
        signer: &Sealer,
    ) -> Result<(Digest, bool), Failure> {
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
        let replaces = arguments.replaces.as_deref();
        let place = places.next_of(&set.members, replaces).await?;
        let new = NewPromotion {
            slot: place.slot,
            draft,
            version: arguments.release.clone(),
            reason: arguments.message.clone(),
            tickets: tickets(arguments),
            now,
            not_after,
        };
        let promotion = promotion::publish(self.context, set, judged, signer, &new).await?;
        Ok((promotion, place.is_unknown))
    }
}

fn is_retired(judged: &Judged) -> bool {
    let mut findings = judged.verdict.findings.iter();
    findings.any(|finding| finding.code == Code::PromotionRetired)
}

/// The tickets, the incident among them.
fn tickets(arguments: &Arguments) -> Vec<String> {
    let mut tickets = arguments.tickets.clone();
    tickets.extend(arguments.incident.clone());
    step::sorted(&tickets)
}
