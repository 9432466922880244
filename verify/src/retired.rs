//! What was taken out of service, for whoever writes the next checkpoint: what it lists nobody can hide.

use bulla_model::Digest;
use bulla_model::predicate::checkpoint::{Retired, SlotHead};

use crate::Cause;
use crate::chain;
use crate::decide::{environment_rule, identify, know};
use crate::ledger::Purpose;
use crate::question::{Question, QuestionError};
use crate::verdict::{Outcome, Report};

/// A step that took the artifact out of service in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// What a checkpoint says of it.
    pub said: Retired,
    /// The place that it takes.
    pub head: SlotHead,
    /// The promotion that it follows there.
    pub previous: Option<Digest>,
    /// Whether all that it rests on is at hand.
    pub is_certain: bool,
    /// Whether a checkpoint names another one for its place, or one that it does not follow.
    pub is_contested: bool,
}

/// The steps out of service in the environment that hold, or may, as of now. Refused ones change
/// nothing, and are left out.
pub fn retirements(
    question: &Question<'_>,
    environment: &str,
) -> Result<Vec<Retirement>, QuestionError> {
    let (_, rule) = environment_rule(question, environment)?;
    let artifact = question.evidence.artifact.clone();
    let artifact = artifact.ok_or(QuestionError::NoArtifact)?;
    // What is wrong with the artifact the verdict says.
    let mut unsaid = Report::default();
    let asked = Some((rule, Purpose::Admit));
    let Some(known) = know(question, asked, artifact, &mut unsaid) else {
        return Ok(Vec::new());
    };
    let Some((service, tier, tier_rule)) = identify(question, &known, &mut unsaid) else {
        return Ok(Vec::new());
    };
    let context = known.context(question, (&service, &tier, tier_rule));
    let mut found = Vec::new();
    for (step, cause) in chain::retirements(&context, &known.promotions, &rule.uri) {
        let Some(subjects) = step.subjects() else {
            continue;
        };
        let payload = step.payload();
        let mut place = Report::default();
        let (promotions, uri) = (&known.promotions, &rule.uri);
        let in_force = &known.in_force;
        in_force.slot(&context, promotions, uri, payload, &mut place);
        let denied = Outcome::Failed(Cause::Denied);
        let slot = &step.value().slot;
        found.push(Retirement {
            said: Retired {
                environment: uri.clone(),
                retirement: payload.clone(),
                subjects: subjects.iter().cloned().collect(),
            },
            head: SlotHead {
                service: service.clone(),
                environment: uri.clone(),
                sequence: slot.sequence,
                head: payload.clone(),
            },
            previous: slot.previous.clone(),
            is_certain: cause == Cause::Denied,
            is_contested: place.checks.iter().any(|check| check.outcome == denied),
        });
    }
    Ok(found)
}
