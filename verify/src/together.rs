//! Release sets: what a promoter signed about several things at once.

use std::collections::BTreeSet;

use bulla_model::predicate::Promotion;
use bulla_model::{Digest, EdgeKind, Environment, Identity, SubjectSet};

use crate::chain::{find_edge, is_by_promoter};
use crate::decide::{environment_rule, identify, know};
use crate::eligible::match_any;
use crate::ledger::Purpose;
use crate::policy::Matched;
use crate::question::{Context, Question, QuestionError};
use crate::verdict::Report;
use crate::verified::{SignedTime, Verified, best_copies};

/// A step that was to be taken by several things, and maybe was by some of them only.
#[derive(Clone, Copy, Debug)]
pub struct SetRequest<'a> {
    /// Where to, as the policy names it.
    pub environment: &'a str,
    /// What kind of step.
    pub kind: EdgeKind,
    /// All that takes it.
    pub set: &'a SubjectSet,
    /// Who asks: nothing is carried further in the name of somebody who may not take the step.
    pub promoter: &'a Identity,
}

/// What is known beside one member about the promotions of its set.
#[derive(Debug, Default)]
pub struct SetPromotions {
    standing: Vec<Verified<Promotion>>,
    /// Payload digests of those that were taken back.
    taken_back: BTreeSet<Digest>,
}

/// The promotions of exactly this set and kind into this environment that are beside the artifact and
/// signed by somebody who may promote so, and which of them were taken back. Whether they hold is not
/// judged.
///
/// Whoever attached one to some members only can attach it to the others: it is about all of them.
/// What strangers signed is not among them, so nobody has it carried further by a promoter.
pub fn promotions_of(
    question: &Question<'_>,
    request: &SetRequest<'_>,
) -> Result<SetPromotions, QuestionError> {
    let (_, rule) = environment_rule(question, request.environment)?;
    let artifact = question.evidence.artifact.clone();
    let artifact = artifact.ok_or(QuestionError::NoArtifact)?;
    let mut unsaid = Report::default();
    let asked = Some((rule, Purpose::Promote));
    let Some(known) = know(question, asked, artifact, &mut unsaid) else {
        return Ok(SetPromotions::default());
    };
    let Some((service, tier, tier_rule)) = identify(question, &known, &mut unsaid) else {
        return Ok(SetPromotions::default());
    };
    let context = known.context(question, (&service, &tier, tier_rule));
    let is_meant = |one: &&Verified<Promotion>| {
        one.subjects() == Some(request.set)
            && one.value().service == service
            && one.value().edge.kind == request.kind
            && one.value().edge.to.uri == rule.uri
            && is_by_promoter(&context, one)
    };
    let standing = known.promotions.verified.iter().filter(is_meant);
    let standing = standing.filter(|one| may_promote(&context, request, one));
    let taken_back = known.promotions.taken_back_ones().filter(is_meant);
    Ok(SetPromotions {
        standing: standing.cloned().collect(),
        taken_back: taken_back.map(|one| one.payload().clone()).collect(),
    })
}

/// Whether who asks may take the step now.
fn may_promote(
    context: &Context<'_>,
    request: &SetRequest<'_>,
    promotion: &Verified<Promotion>,
) -> bool {
    let edge = &promotion.value().edge;
    let from: Option<&Environment> = edge.from.as_ref();
    let policy = context.policy;
    let rule = find_edge(policy, from, &edge.to.uri, edge.kind, context.tier);
    let now = context.question.now;
    let time = SignedTime::Claimed(now);
    rule.is_some_and(|rule| {
        match_any(policy, policy, &rule.by, request.promoter, time, now) == Matched::Yes
    })
}

impl SetPromotions {
    /// Whether nothing could be carried further from here.
    pub fn is_empty(&self) -> bool {
        self.standing.is_empty()
    }

    /// What all members together tell: of each promotion the copy that is known best, wherever it is.
    /// What one of them knows to be taken back is none.
    pub fn join(told: impl IntoIterator<Item = Self>) -> Vec<Verified<Promotion>> {
        let mut all = Vec::new();
        let mut taken_back = BTreeSet::new();
        for mut one in told {
            all.append(&mut one.standing);
            taken_back.append(&mut one.taken_back);
        }
        all.retain(|one| !taken_back.contains(one.payload()));
        // Anybody can put a copy without its records beside a member; it counts for nothing there.
        best_copies(&mut all);
        all
    }
}
