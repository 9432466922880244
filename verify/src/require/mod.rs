//! What a step takes: one file for each kind of requirement.

use jiff::Timestamp;

use bulla_model::predicate::approval::PolicyBinding;
use bulla_model::{Digest, Edge, Identity, SubjectSet};

use crate::cause::Cause;
use crate::chain::Promotions;
use crate::policy::Requirements;
use crate::question::Context;
use crate::verdict::{Outcome, Report};
use crate::verified::SignedTime;

pub(crate) mod approvals;
pub(crate) mod provenance;
mod sbom;
mod soak;
mod tests;

/// The step whose requirements are judged.
pub(crate) struct StepAtHand<'a> {
    pub(crate) edge: &'a Edge,
    pub(crate) subjects: &'a SubjectSet,
    pub(crate) binding: &'a PolicyBinding,
    /// Payload digests of the promotions it extends, sorted.
    pub(crate) previous: &'a [Digest],
    /// Every verified promotion of the artifact.
    pub(crate) promotions: &'a Promotions,
    /// Who signs the promotion, and when; nobody yet while approvals are being given.
    pub(crate) promoter: Option<(&'a Identity, SignedTime)>,
    /// When the step is judged.
    pub(crate) at: Timestamp,
}

/// Judges one set of requirements; every one of them leaves a check.
pub(crate) fn judge(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rules: &Requirements,
    report: &mut Report,
) {
    if let Some(rule) = &rules.provenance {
        provenance::judge(context, step.at, rule, report);
    }
    if let Some(rule) = &rules.sbom {
        sbom::judge(context, step.at, rule, report);
    }
    if let Some(rule) = &rules.tests {
        tests::judge(context, step.at, rule, report);
    }
    if let Some(rule) = &rules.soak {
        soak::judge(context, step, rule, report);
    }
    if let Some(rule) = &rules.approvals {
        approvals::judge(context, step, rule, report);
    }
}

/// A failure while something may be missing is no definite one.
pub(crate) fn failed(context: &Context<'_>, cause: Cause) -> Outcome {
    Outcome::Failed(if context.question.evidence.is_incomplete() {
        Cause::Undetermined
    } else {
        cause
    })
}
