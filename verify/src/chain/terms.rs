//! What a promotion has to be by itself: its signer, its time, the policy and the step it names.

use bulla_model::Environment;
use bulla_model::predicate::Promotion;

use super::CHECK;
use super::link::find_edge;
use super::walk::Walk;
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::{describe_identities, judge_time, match_any};
use crate::policy::{EdgeRule, Matched, NamedPolicy, Policy};
use crate::question::Context;
use crate::verdict::{Finding, Outcome};
use crate::verified::Verified;

impl<'a> Walk<'a, '_> {
    /// Step 1: its signer.
    pub(super) fn is_promoter(
        &mut self,
        promotion: &Verified<Promotion>,
        context: &Context<'_>,
        edge: &EdgeRule,
    ) -> Option<()> {
        let signer = match_any(
            context.policy,
            self.context.question.policy,
            &edge.by,
            promotion.signer(),
            promotion.time(),
            context.question.now,
        );
        if signer != Matched::Yes {
            let (cause, code) = match signer {
                Matched::OutOfTime => (Cause::Expired, Code::KeyExpired),
                Matched::Yes | Matched::No => (Cause::Untrusted, Code::SignerUntrusted),
            };
            let finding = Finding::new(code, CHECK, "promoted by somebody the step does not name")
                .expected(describe_identities(context.policy, &edge.by))
                .found(promotion.signer().to_string())
                .place(&edge.place)
                .at(promotion.manifest(), "");
            self.report.findings.push(finding);
            self.report
                .check(CHECK, Outcome::Failed(cause), "by somebody else");
            return None;
        }
        Some(())
    }

    /// Step 3: its time.
    pub(super) fn is_timely(
        &mut self,
        promotion: &Verified<Promotion>,
        context: &Context<'_>,
    ) -> Option<()> {
        let now = context.question.now;
        if let Some((cause, code, message)) =
            judge_time(promotion.time(), true, context.tier_rule, now, now, None)
        {
            self.fail(promotion, cause, code, &message, "/predicate/issuedAt");
            return None;
        }
        if let Some(end) = promotion.value().not_after {
            // Whoever keeps the answer does not know that it ends.
            self.report.holds_until(end);
            if now >= end {
                self.fail(
                    promotion,
                    Cause::Expired,
                    Code::PromotionExpired,
                    "the promotion's time is over",
                    "/predicate/notAfter",
                );
            }
        }
        Some(())
    }

    pub(super) fn named_policy(&mut self, promotion: &Verified<Promotion>) -> Option<&'a Policy> {
        let binding = &promotion.value().policy;
        let context = self.context;
        match context.question.policy.named_by(binding, context.service) {
            NamedPolicy::Known(policy) => Some(policy),
            NamedPolicy::NotLoaded => {
                let message = format!("version {} of the policy was not given", binding.version);
                self.fail(
                    promotion,
                    Cause::Undetermined,
                    Code::PolicyNotLoaded,
                    &message,
                    "/predicate/policy",
                );
                None
            }
            NamedPolicy::Unknown => {
                let message = format!(
                    "decided under `{}` version {} ({}), which is neither the current policy nor in its history",
                    binding.name.chars().take(64).collect::<String>(),
                    binding.version,
                    binding.digest
                );
                self.fail(
                    promotion,
                    Cause::Denied,
                    Code::PolicyUnknown,
                    &message,
                    "/predicate/policy",
                );
                None
            }
        }
    }

    pub(super) fn edge_rule<'p>(
        &mut self,
        promotion: &Verified<Promotion>,
        context: &Context<'p>,
    ) -> Option<&'p EdgeRule> {
        let edge = &promotion.value().edge;
        let (policy, tier) = (context.policy, context.tier);
        if let Some(rule) = find_edge(policy, edge.from.as_ref(), &edge.to.uri, edge.kind, tier) {
            return Some(rule);
        }
        let known: Vec<_> = policy
            .edges
            .iter()
            .filter(|rule| rule.to == edge.to.uri)
            .map(|rule| {
                format!(
                    "{} -> {}",
                    rule.from.as_ref().map_or("build", Environment::name),
                    rule.to.name()
                )
            })
            .collect();
        let finding = Finding::new(
            Code::EdgeUnknown,
            CHECK,
            format!(
                "the policy has no step {edge} ({}) for tier {tier}",
                edge.kind
            ),
        )
        .expected(known.join(", "))
        .found(edge.to_string())
        .at(promotion.manifest(), "/predicate/edge");
        self.report.findings.push(finding);
        self.report.check(
            CHECK,
            Outcome::Failed(Cause::Denied),
            format!("no step {edge}"),
        );
        None
    }
}
