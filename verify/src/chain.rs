//! The chain: promotions from the entry to an environment, each link and each gate judged again.
//!
//! For a promotion into the environment, and then for each it follows:
//!
//! 1. Its signer is one the step's rule names, under the policy version the promotion names.
//! 2. It says what the verifier computed: service, tier, audience.
//! 3. Its time is acceptable and not over.
//! 4. The requirements of the step held at that time.
//! 5. It continues those it follows: environments join, sequence and first promotion agree, the
//!    subject set is the same, neither time nor the policy's version runs backwards.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::Promotion;
use bulla_model::predicate::promotion;
use bulla_model::{Digest, EdgeKind, Environment, Tier};

use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::{describe_identities, judge_time, match_any, refused, show_digests};
use crate::evidence::Evidence;
use crate::policy::{EdgeRule, Matched, NamedPolicy, Policy, Requirements};
use crate::question::Context;
use crate::require::{self, StepAtHand};
use crate::verdict::{Finding, Outcome, Report, Severity, Step};
use crate::verified::Verified;

const CHECK: &str = "promotion";

/// Verified promotions about the artifact, and what is to be said about the rest.
pub(crate) struct Promotions {
    pub(crate) verified: Vec<Verified<Promotion>>,
    causes: Vec<Cause>,
    findings: Vec<Finding>,
}

pub(crate) fn promotions(candidates: &[Candidate], covering: &[Digest]) -> Promotions {
    let mut out = Promotions {
        verified: Vec::new(),
        causes: Vec::new(),
        findings: Vec::new(),
    };
    for candidate in candidates {
        if candidate
            .claimed_type()
            .is_none_or(|kind| kind.as_str() != promotion::TYPE)
        {
            continue;
        }
        let judged = match candidate.outcome() {
            Err(refusal) => Err((
                refusal.cause(),
                refused(CHECK, refusal, candidate.manifest()),
            )),
            Ok(statement) if !Evidence::is_about(statement.value(), covering) => {
                let finding = Finding::new(
                    Code::SubjectMismatch,
                    CHECK,
                    "the promotion is of another artifact",
                )
                .expected(show_digests(covering));
                Err((
                    Cause::OtherSubject,
                    finding.at(candidate.manifest(), "/subject"),
                ))
            }
            Ok(statement) => statement.predicate::<Promotion>().map_err(|error| {
                let finding = Finding::new(Code::StatementUnusable, CHECK, error.to_string());
                (
                    Cause::Invalid,
                    finding.at(candidate.manifest(), "/predicate"),
                )
            }),
        };
        match judged {
            Ok(promotion) => out.verified.push(promotion),
            Err((cause, finding)) => {
                out.causes.push(cause);
                out.findings.push(finding.severity(Severity::Note));
            }
        }
    }
    // The same statement may be attached twice; one is enough. Newest first.
    out.verified.sort_by(|a, b| {
        let key = |p: &Verified<Promotion>| {
            (
                p.value().slot.sequence,
                p.value().chain.sequence,
                p.value().issued_at,
            )
        };
        key(b)
            .cmp(&key(a))
            .then_with(|| a.payload().cmp(b.payload()))
    });
    out.verified
        .dedup_by(|a, b| a.payload() == b.payload() && a.signer() == b.signer());
    out
}

/// Finds a promotion into the environment whose whole chain holds. Leaves the checks of the one
/// that does, or of the one that came nearest, the newest of several: others' statements must not
/// change the answer.
pub(crate) fn into(
    context: &Context<'_>,
    promotions: &Promotions,
    environment: &Environment,
    report: &mut Report,
) -> Option<Digest> {
    let heads = promotions
        .verified
        .iter()
        .filter(|p| p.value().edge.to.uri == *environment)
        // Out of service is no way in.
        .filter(|p| p.value().edge.kind != EdgeKind::Retire);
    let mut nearest: Option<(u8, Report)> = None;
    for head in heads {
        let mut attempt = Report::default();
        let mut walk = Walk {
            context,
            promotions,
            seen: BTreeSet::new(),
            explained: false,
            report: &mut attempt,
        };
        walk.step(head, context.question.limits.chain_length);
        forks(promotions, head, &mut attempt);
        if attempt.causes().is_empty() {
            report.absorb(attempt);
            return Some(head.payload().clone());
        }
        let distance = Cause::overall(&attempt.causes()).map_or(u8::MAX, Cause::distance);
        if nearest.as_ref().is_none_or(|(held, _)| distance < *held) {
            nearest = Some((distance, attempt));
        }
    }
    if let Some((_, attempt)) = nearest {
        report.absorb(attempt);
        return None;
    }
    let name = environment.name();
    let cause = Cause::best(promotions.causes.iter().copied());
    // With other promotions in hand, the missing one is a matter of policy, not of tampering.
    let cause = if promotions.verified.is_empty() {
        cause
    } else {
        Cause::Denied
    };
    let finding = Finding::new(
        Code::PromotionMissing,
        CHECK,
        format!("not promoted into {name}"),
    )
    .hint(format!(
        "bulla promote {} --to {name}",
        context.question.name
    ));
    report.findings.push(finding);
    report.findings.extend(promotions.findings.iter().cloned());
    report.check(
        CHECK,
        require::failed(context, cause),
        format!("none into {name}"),
    );
    None
}

/// Two promotions with the same predecessor in a slot claim the same place.
fn forks(promotions: &Promotions, head: &Verified<Promotion>, report: &mut Report) {
    let twin = promotions.verified.iter().find(|other| {
        other.payload() != head.payload()
            && other.value().edge.to.uri == head.value().edge.to.uri
            && other.value().slot.previous.is_some()
            && other.value().slot.previous == head.value().slot.previous
    });
    let Some(twin) = twin else { return };
    let message = format!(
        "two promotions follow the same one in {}",
        head.value().edge.to.uri.name()
    );
    let finding = Finding::new(Code::ChainForked, CHECK, message)
        .found(format!("{} and {}", head.payload(), twin.payload()))
        .at(head.manifest(), "/predicate/slot/previous");
    if twin.subjects() == head.subjects() {
        report.findings.push(finding.severity(Severity::Warning));
    } else {
        report.findings.push(finding);
        report.check(CHECK, Outcome::Failed(Cause::Denied), "forked");
    }
}

struct Walk<'a, 'b> {
    context: &'a Context<'a>,
    promotions: &'a Promotions,
    seen: BTreeSet<Digest>,
    /// Whether the report already says what became of the other promotions.
    explained: bool,
    report: &'b mut Report,
}

impl<'a> Walk<'a, '_> {
    /// Judges one promotion and those it follows; answers when it was.
    fn step(&mut self, promotion: &Verified<Promotion>, depth: usize) -> Option<Timestamp> {
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
        let at = self.judge(promotion);
        let approved_by = self.report.persons.iter().cloned().collect();
        self.report.persons.extend(persons);
        let name = self.name_of(&promotion.value().edge.to.uri);
        for check in &mut self.report.checks[before..] {
            check.step.get_or_insert_with(|| name.clone());
        }
        if let Some(at) = at {
            let promotion = promotion.payload().clone();
            self.report.steps.push(Step {
                environment: name,
                at,
                promotion,
                approved_by,
            });
        }
        at
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
        for digest in &chain.previous {
            let Some(previous) = self
                .promotions
                .verified
                .iter()
                .find(|p| p.payload() == digest)
            else {
                let cause = Cause::best(self.promotions.causes.iter().copied());
                let cause = if cause == Cause::Nothing {
                    Cause::Denied
                } else {
                    cause
                };
                let cause = if self.context.question.evidence.is_incomplete() {
                    Cause::Undetermined
                } else {
                    cause
                };
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
                continue;
            };
            highest = highest.max(previous.value().chain.sequence);
            let versions = (said.policy.version, previous.value().policy.version);
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
            if let Some(what) = broken_link(promotion, previous) {
                self.fail(
                    promotion,
                    Cause::Denied,
                    Code::ChainBroken,
                    what,
                    "/predicate/chain",
                );
            }
            self.step(previous, depth);
        }
        if chain.sequence != highest.saturating_add(1) {
            self.fail(
                promotion,
                Cause::Denied,
                Code::ChainBroken,
                "its sequence is not one more than that of those it follows",
                "/predicate/chain/sequence",
            );
        }
    }

    /// Steps 1 to 4: the promotion itself.
    fn judge(&mut self, promotion: &Verified<Promotion>) -> Option<Timestamp> {
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
        let signer = match_any(
            policy,
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
                .expected(describe_identities(policy, &edge.by))
                .found(promotion.signer().to_string())
                .place(&edge.place)
                .at(promotion.manifest(), "");
            self.report.findings.push(finding);
            self.report
                .check(CHECK, Outcome::Failed(cause), "by somebody else");
            return None;
        }
        if let Some((code, message, pointer)) = contradiction(promotion, &context) {
            self.fail(promotion, Cause::Denied, code, &message, pointer);
            return None;
        }
        let now = context.question.now;
        if let Some((cause, code, message)) =
            judge_time(promotion.time(), context.tier_rule, now, now, None)
        {
            self.fail(promotion, cause, code, &message, "/predicate/issuedAt");
            return None;
        }
        if said.not_after.is_some_and(|end| now >= end) {
            self.fail(
                promotion,
                Cause::Expired,
                Code::PromotionExpired,
                "the promotion's time is over",
                "/predicate/notAfter",
            );
        }
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
            binding: &said.policy,
            previous: &previous,
            promoter: Some((promotion.signer(), promotion.time())),
            at,
        };
        for rules in requirements(policy, edge, &context, &said.edge.to.uri) {
            require::judge(&context, &step, rules, self.report);
        }
        Some(at)
    }

    fn named_policy(&mut self, promotion: &Verified<Promotion>) -> Option<&'a Policy> {
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

    fn edge_rule<'p>(
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

    fn fail(
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

/// Step 2: what the promotion says against what the verifier computed.
fn contradiction(
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
    if !context.tier_rule.draft_predicates {
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
    let ours = context
        .question
        .anchor
        .map(|anchor| sorted(anchor.audience()))
        .unwrap_or_default();
    let foreign = ruled.is_none_or(|rule| sorted(&rule.audience) != meant)
        || (!ours.is_empty() && !meant.is_empty() && ours.is_disjoint(&meant));
    foreign.then(|| {
        let message = format!(
            "it is meant for other clusters than {}'s",
            said.edge.to.uri.name()
        );
        (
            Code::AudienceMismatch,
            message,
            "/predicate/edge/to/audience",
        )
    })
}

fn broken_link(
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

/// The base's requirements for a step and what the service adds; all of them must be met.
pub(crate) fn requirements<'p>(
    policy: &'p Policy,
    edge: &'p EdgeRule,
    context: &Context<'_>,
    to: &Environment,
) -> Vec<&'p Requirements> {
    let tightened = policy
        .services
        .get(context.service)
        .into_iter()
        .flat_map(|service| &service.tighten);
    let added = tightened
        .filter(|(environment, _)| environment == to)
        .map(|(_, require)| require);
    std::iter::once(&edge.require).chain(added).collect()
}
