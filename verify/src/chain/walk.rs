//! One walk from a promotion back to its entry.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::Promotion;
use bulla_model::{Digest, EdgeKind, Environment, SubjectSet};

use super::link::{broken_link, contradiction, meant_elsewhere, requirements};
use super::retire::Retirement;
use super::{CHECK, Promotions, later, review};
use crate::cause::Cause;
use crate::code::Code;
use crate::freeze::{self, Taken};
use crate::policy::EdgeRule;
use crate::question::Context;
use crate::require::StepAtHand;
use crate::step_review::StepReview;
use crate::verdict::{Finding, Outcome, Report, Step};
use crate::verified::Verified;

pub(super) struct Walk<'a, 'b> {
    pub(super) context: &'a Context<'a>,
    promotions: &'a Promotions,
    /// What was taken out of service; `None` for a retirement, which is judged by itself.
    retirements: Option<&'a [Retirement<'a>]>,
    seen: BTreeSet<Digest>,
    /// The promotion into the environment that is asked about.
    asked: Option<Digest>,
    /// Whether the report already says what became of the other promotions.
    explained: bool,
    pub(super) report: &'b mut Report,
}

impl<'a, 'b> Walk<'a, 'b> {
    pub(super) fn new(
        context: &'a Context<'a>,
        promotions: &'a Promotions,
        retirements: Option<&'a [Retirement<'a>]>,
        report: &'b mut Report,
    ) -> Self {
        Self {
            context,
            promotions,
            retirements,
            seen: BTreeSet::new(),
            asked: None,
            explained: false,
            report,
        }
    }

    /// Takes this as the promotion into the environment that is asked about: it has to be for this
    /// cluster, and to meet what is asked at every moment.
    pub(super) fn begin_here(&mut self, promotion: &Verified<Promotion>) {
        self.asked = Some(promotion.payload().clone());
        if let Some((code, message, pointer)) = meant_elsewhere(promotion, self.context) {
            self.fail(promotion, Cause::Denied, code, &message, pointer);
        }
    }

    /// Judges one promotion and those it follows; answers when it was.
    pub(super) fn step(
        &mut self,
        promotion: &Verified<Promotion>,
        depth: usize,
    ) -> Option<Timestamp> {
        if !self.seen.insert(promotion.payload().clone()) {
            return promotion.time().existed_by();
        }
        let Some(depth) = depth.checked_sub(1) else {
            self.fail(
                promotion,
                Cause::Denied,
                Code::ChainBroken,
                "the chain is longer than the limit",
                "/predicate/chain",
            );
            return None;
        };
        self.follow(promotion, depth);
        let before = self.report.checks.len();
        let persons = std::mem::take(&mut self.report.persons);
        let judged = self.judge(promotion);
        let approved_by = self.report.persons.iter().cloned().collect();
        self.report.persons.extend(persons);
        let name = self.name_of(&promotion.value().edge.to.uri);
        for check in &mut self.report.checks[before..] {
            check.step.get_or_insert_with(|| name.clone());
        }
        if let Some((at, review)) = judged {
            let said = promotion.value();
            let list = |set: &SubjectSet| set.iter().cloned().collect();
            self.report.steps.push(Step {
                environment: name,
                kind: said.edge.kind,
                at,
                promotion: promotion.payload().clone(),
                subjects: promotion.subjects().map_or_else(Vec::new, list),
                slot: said.slot.clone(),
                approved_by,
                by: promotion.signer().clone(),
                version: said.version.clone(),
                tickets: said.tickets.clone(),
                previous: said.chain.previous.clone(),
                review,
            });
        }
        judged.map(|(at, _)| at)
    }

    /// Step 5: the links.
    fn follow(&mut self, promotion: &Verified<Promotion>, depth: usize) {
        let said = promotion.value();
        let chain = &said.chain;
        if said.edge.from.is_none() || chain.previous.is_empty() {
            let is_entry = said.edge.from.is_none()
                && chain.previous.is_empty()
                && chain.first.is_none()
                && chain.sequence == 1;
            if !is_entry {
                self.fail(
                    promotion,
                    Cause::Denied,
                    Code::ChainBroken,
                    "it is neither an entry nor does it follow anything",
                    "/predicate/chain",
                );
            }
            return;
        }
        if chain.previous.len() > self.context.question.limits.chain_length {
            // Each missing one is explained: a long list must not become a flood of findings.
            self.fail(
                promotion,
                Cause::Denied,
                Code::ChainBroken,
                "it follows more promotions than the limit",
                "/predicate/chain/previous",
            );
            return;
        }
        let mut highest = 0;
        let mut all = true;
        for digest in &chain.previous {
            let Some(previous) = self.promotions.find(self.context, digest) else {
                self.missing(promotion, digest);
                all = false;
                continue;
            };
            highest = highest.max(previous.value().chain.sequence);
            self.join(promotion, previous);
            // What a retirement follows may lapse, be rejected or taken back later: to refuse it for
            // that would let an earlier promotion in again.
            if self.retirements.is_some() {
                self.step(previous, depth);
            }
        }
        // What is not at hand may have the highest, never a lower one than is there.
        let next = highest.saturating_add(1);
        if chain.sequence < next || (all && chain.sequence > next) {
            self.fail(
                promotion,
                Cause::Denied,
                Code::ChainBroken,
                "its sequence is not one more than that of those it follows",
                "/predicate/chain/sequence",
            );
        }
    }

    /// Step 5: one link.
    fn join(&mut self, promotion: &Verified<Promotion>, previous: &Verified<Promotion>) {
        let versions = (
            promotion.value().policy.version,
            previous.value().policy.version,
        );
        if versions.0 < versions.1 {
            let message = format!(
                "decided under version {} of the policy, after a step under version {}",
                versions.0, versions.1
            );
            self.fail(
                promotion,
                Cause::Denied,
                Code::PolicyRollback,
                &message,
                "/predicate/policy/version",
            );
        }
        let is_rollback = promotion.value().edge.kind == EdgeKind::Rollback;
        if is_rollback && previous.value().edge.to.uri != promotion.value().edge.to.uri {
            self.fail(
                promotion,
                Cause::Denied,
                Code::NeverThere,
                "it goes back to a release that never was there",
                "/predicate/chain/previous",
            );
            return;
        }
        if let Some(cause) = self.was_retired(promotion, previous) {
            let message = "it goes on from what was taken out of service";
            let pointer = "/predicate/chain/previous";
            self.fail(promotion, cause, Code::PromotionRetired, message, pointer);
        }
        if let Some(what) = broken_link(promotion, previous) {
            self.fail(
                promotion,
                Cause::Denied,
                Code::ChainBroken,
                what,
                "/predicate/chain",
            );
        }
    }

    /// What follows if somebody who may do so had taken the one before out of service by then. To
    /// go back to it is refused also if the retirement does not hold itself.
    fn was_retired(
        &self,
        promotion: &Verified<Promotion>,
        previous: &Verified<Promotion>,
    ) -> Option<Cause> {
        let kind = promotion.value().edge.kind;
        let retirements = self.retirements?.iter();
        let causes = retirements
            .filter(|one| one.covers(previous) && one.precedes(promotion))
            .filter_map(|one| one.cause_for(kind));
        // Whatever may be open of one retirement, another one that holds is enough.
        let causes: Vec<_> = causes.collect();
        let denied = causes.iter().find(|cause| **cause == Cause::Denied);
        denied.or(causes.first()).copied()
    }

    /// Says that a promotion which this one follows is not there.
    fn missing(&mut self, promotion: &Verified<Promotion>, digest: &Digest) {
        let is = |one: &Verified<Promotion>| one.payload() == digest;
        let revoked = self.promotions.taken_back(self.context, is);
        if revoked.is_some() && self.retirements.is_none() {
            return;
        }
        let cause = match Cause::best(self.promotions.causes.iter().copied()) {
            _ if revoked.is_some() => Cause::Expired,
            _ if self.context.question.evidence.is_incomplete() => Cause::Undetermined,
            Cause::Nothing => Cause::Denied,
            cause => cause,
        };
        self.report.findings.extend(revoked.cloned());
        if !std::mem::replace(&mut self.explained, true) {
            let others = self.promotions.findings.iter().cloned();
            self.report.findings.extend(others);
        }
        self.fail(
            promotion,
            cause,
            Code::ChainBroken,
            "a promotion it follows is not there, or not verified",
            "/predicate/chain/previous",
        );
    }

    /// Steps 1 to 4: the promotion itself; answers when it was, and how its review stands.
    fn judge(
        &mut self,
        promotion: &Verified<Promotion>,
    ) -> Option<(Timestamp, Option<StepReview>)> {
        let said = promotion.value();
        // First of all: whose policy file applies depends on it.
        if said.service != *self.context.service {
            let message = format!(
                "it promotes service `{}`, but provenance proves `{}`",
                said.service, self.context.service
            );
            let pointer = "/predicate/service";
            self.fail(
                promotion,
                Cause::Denied,
                Code::ServiceMismatch,
                &message,
                pointer,
            );
            return None;
        }
        let policy = self.named_policy(promotion)?;
        let Some(context) = self.context.under(policy) else {
            let message = "the version it names does not know the service";
            self.fail(
                promotion,
                Cause::Denied,
                Code::PolicyUnknown,
                message,
                "/predicate/policy",
            );
            return None;
        };
        let edge = self.edge_rule(promotion, &context)?;
        self.is_promoter(promotion, &context, edge)?;
        if let Some((code, message, pointer)) = contradiction(promotion, &context) {
            self.fail(promotion, Cause::Denied, code, &message, pointer);
            return None;
        }
        self.is_timely(promotion, &context)?;
        let (Some(at), Some(subjects)) = (promotion.time().existed_by(), promotion.subjects())
        else {
            self.fail(
                promotion,
                Cause::Denied,
                Code::SubjectMismatch,
                "it does not say when it was made, or names a subject without a sha256 digest",
                "/subject",
            );
            return None;
        };
        let place = edge.place.clone();
        let name = self.name_of(&said.edge.to.uri);
        self.report
            .check(CHECK, Outcome::Ok, format!("into {name}"))
            .place = Some(place);
        let mut previous = said.chain.previous.clone();
        previous.sort();
        let step = StepAtHand {
            edge: &said.edge,
            subjects,
            names: None,
            binding: &said.policy,
            previous: &previous,
            promotions: self.promotions,
            promoter: Some((promotion.signer(), promotion.time())),
            tickets: Some(&said.tickets),
            at,
        };
        let time = promotion.time();
        let is_before = |from| later::is_before(time, from);
        let requirements = requirements(policy, edge, &context, is_before);
        for rules in &requirements {
            rules.judge(&context, &step, self.report);
        }
        freeze::judge(&context, &step, &requirements, Taken::Already, self.report);
        // A retirement is not asked: refusing it would let something in again.
        if self.retirements.is_some() {
            later::from_then_on(self.context, policy, &step, time, self.report);
        }
        if self.asked.as_ref() == Some(promotion.payload()) {
            later::at_every_moment(self.context, &step, self.report);
        }
        let review = self.judge_exception(promotion, &context, edge, at);
        Some((at, review))
    }

    /// Step 4, for what goes around the normal gates: its incident and its review.
    fn judge_exception(
        &mut self,
        promotion: &Verified<Promotion>,
        context: &Context<'_>,
        edge: &EdgeRule,
        at: Timestamp,
    ) -> Option<StepReview> {
        let said = promotion.value();
        if said.edge.kind == EdgeKind::BreakGlass && said.tickets.is_empty() {
            self.fail(
                promotion,
                Cause::Denied,
                Code::IncidentMissing,
                "an emergency, and no incident is named",
                "/predicate/tickets",
            );
        }
        let rule = edge.review.as_ref()?;
        Some(review::judge(context, promotion, at, rule, self.report))
    }

    pub(super) fn fail(
        &mut self,
        promotion: &Verified<Promotion>,
        cause: Cause,
        code: Code,
        message: &str,
        pointer: &'static str,
    ) {
        let name = self.name_of(&promotion.value().edge.to.uri);
        self.report
            .findings
            .push(Finding::new(code, CHECK, message).at(promotion.manifest(), pointer));
        let check = self.report.check(CHECK, Outcome::Failed(cause), message);
        check.step = Some(name);
    }

    fn name_of(&self, environment: &Environment) -> String {
        let named = self
            .context
            .question
            .policy
            .environments()
            .find(|(_, rule)| rule.uri == *environment);
        named.map_or_else(
            || environment.name().to_owned(),
            |(name, _)| name.to_owned(),
        )
    }
}
