//! Release sets: what a promoter signed about several things at once.

use std::collections::BTreeMap;

use bulla_model::{Digest, SubjectSet};

use crate::chain::is_by_promoter;
use crate::decide::{environment_rule, identify, know};
use crate::ledger::Purpose;
use crate::question::{Context, Question, QuestionError};
use crate::verdict::Report;

/// The promotions of exactly this set that are beside the artifact, signed by somebody who may
/// promote so and not taken back: by payload digest the manifest each was found in. Whether they
/// hold is not judged.
///
/// Whoever attached one to some members only can attach it to the others: it is about all of them.
/// What strangers signed is not among them, so nobody has it carried further by a promoter.
pub fn promotions_of(
    question: &Question<'_>,
    environment: &str,
    set: &SubjectSet,
) -> Result<BTreeMap<Digest, Digest>, QuestionError> {
    let (_, rule) = environment_rule(question, environment)?;
    let artifact = question.evidence.artifact.clone();
    let artifact = artifact.ok_or(QuestionError::NoArtifact)?;
    let mut unsaid = Report::default();
    let asked = Some((rule, Purpose::Promote));
    let Some(known) = know(question, asked, artifact, &mut unsaid) else {
        return Ok(BTreeMap::new());
    };
    let Some((service, tier, tier_rule)) = identify(question, &known, &mut unsaid) else {
        return Ok(BTreeMap::new());
    };
    let context = Context {
        question,
        candidates: &known.candidates,
        covering: &known.covering,
        service: &service,
        tier: &tier,
        tier_rule,
        calendars: known.in_force.calendars(),
        policy: question.policy,
    };
    let promotions = known.promotions.verified.iter();
    let signed = promotions.filter(|one| {
        one.subjects() == Some(set)
            && one.value().service == service
            && is_by_promoter(&context, one)
    });
    let found = signed.filter_map(|one| Some((one.payload().clone(), one.manifest()?.clone())));
    Ok(found.collect())
}
