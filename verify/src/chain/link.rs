//! What joins promotions: to the policy's steps, to what the verifier computed, to one another.

use std::collections::BTreeSet;

use bulla_model::predicate::Promotion;
use bulla_model::{EdgeKind, Environment, Tier};
use jiff::Timestamp;

use crate::code::Code;
use crate::eligible::match_any;
use crate::policy::{EdgeRule, Matched, NamedPolicy, Policy, Requirements, TightenRule};
use crate::question::Context;
use crate::verified::Verified;

/// Whether the step's rule, under the policy the promotion names, lets this signer promote.
pub(crate) fn is_by_promoter(context: &Context<'_>, promotion: &Verified<Promotion>) -> bool {
    let said = promotion.value();
    let current = context.question.policy;
    let NamedPolicy::Known(policy) = current.named_by(&said.policy, context.service) else {
        return false;
    };
    let Some(context) = context.under(policy) else {
        return false;
    };
    let edge = &said.edge;
    let Some(rule) = find_edge(
        policy,
        edge.from.as_ref(),
        &edge.to.uri,
        edge.kind,
        context.tier,
    ) else {
        return false;
    };
    let (signer, time, now) = (promotion.signer(), promotion.time(), context.question.now);
    match_any(policy, current, &rule.by, signer, time, now) != Matched::No
}

/// Step 2: what the promotion says against what the verifier computed.
pub(super) fn contradiction(
    promotion: &Verified<Promotion>,
    context: &Context<'_>,
) -> Option<(Code, String, &'static str)> {
    let said = promotion.value();
    if said.tier != *context.tier {
        let message = format!(
            "it claims tier `{}`, but the service's is `{}`",
            said.tier, context.tier
        );
        return Some((Code::TierMismatch, message, "/predicate/tier"));
    }
    if promotion.is_draft() && !context.tier_rule.draft_predicates {
        let message = "the tier refuses predicates of version 0".to_owned();
        return Some((Code::DraftPredicate, message, "/predicateType"));
    }
    let sorted = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    let meant = sorted(&said.edge.to.audience);
    let ruled = context
        .policy
        .environments
        .values()
        .find(|rule| rule.uri == said.edge.to.uri);
    let foreign = ruled.is_none_or(|rule| sorted(&rule.audience) != meant);
    foreign.then(|| elsewhere(said))
}

/// Whether a promotion into the environment that is asked about is meant for other clusters than the
/// one whose anchor this is. What comes before it in the chain went elsewhere, and has to.
pub(super) fn meant_elsewhere(
    promotion: &Verified<Promotion>,
    context: &Context<'_>,
) -> Option<(Code, String, &'static str)> {
    let said = promotion.value();
    let ours = context.question.anchor?.audience();
    let meant = &said.edge.to.audience;
    let foreign =
        !ours.is_empty() && !meant.is_empty() && !meant.iter().any(|one| ours.contains(one));
    foreign.then(|| elsewhere(said))
}

fn elsewhere(said: &Promotion) -> (Code, String, &'static str) {
    let message = format!(
        "it is meant for other clusters than {}'s",
        said.edge.to.uri.name()
    );
    (
        Code::AudienceMismatch,
        message,
        "/predicate/edge/to/audience",
    )
}

pub(super) fn broken_link(
    promotion: &Verified<Promotion>,
    previous: &Verified<Promotion>,
) -> Option<&'static str> {
    let (said, before) = (promotion.value(), previous.value());
    if before.edge.kind == EdgeKind::Retire {
        return Some("the one before took it out of service");
    }
    if said.edge.from.as_ref() != Some(&before.edge.to.uri) {
        return Some("it does not begin where the one before ended");
    }
    if said.chain.first.as_ref() != Some(before.chain.first.as_ref().unwrap_or(previous.payload()))
    {
        return Some("it names another first promotion than the one before");
    }
    if promotion.subjects().is_none() || promotion.subjects() != previous.subjects() {
        return Some("its subjects are not those of the one before");
    }
    match (promotion.time().existed_by(), previous.time().existed_by()) {
        (Some(at), Some(earlier)) if !previous.time().was_there(at) => {
            debug_assert!(earlier > at);
            Some("it is older than the one before")
        }
        _ => None,
    }
}

pub(crate) fn find_edge<'p>(
    policy: &'p Policy,
    from: Option<&Environment>,
    to: &Environment,
    kind: EdgeKind,
    tier: &Tier,
) -> Option<&'p EdgeRule> {
    policy.edges.iter().find(|rule| {
        rule.from.as_ref() == from
            && rule.to == *to
            && rule.kind == kind
            && (rule.tiers.is_empty() || rule.tiers.contains(tier))
    })
}

/// The requirements of a step's own rule, and what base and service add; all of them must be met.
/// `is_before` says whether the step is surely from before a time.
pub(crate) fn requirements<'p>(
    policy: &'p Policy,
    edge: &'p EdgeRule,
    context: &Context<'_>,
    is_before: impl Fn(Timestamp) -> bool,
) -> Vec<&'p Requirements> {
    let added = tightened(policy, context, edge.kind, &edge.to)
        .filter(|rule| !rule.effective_from.is_some_and(&is_before))
        .map(|rule| &rule.require);
    std::iter::once(&edge.require).chain(added).collect()
}

/// What base and service add to a step.
pub(super) fn tightened<'p>(
    policy: &'p Policy,
    context: &Context<'_>,
    kind: EdgeKind,
    to: &Environment,
) -> impl Iterator<Item = &'p TightenRule> {
    let service = policy.services.get(context.service).into_iter();
    let own = service.flat_map(|service| &service.tighten);
    let added = policy.tighten.iter().chain(own);
    added.filter(move |rule| rule.is_about(to, kind, context.tier))
}
