//! Verdicts for environments: may this artifact be here?

use bulla_model::{Digest, Environment, Service, Tier};

use crate::candidate::Candidate;
use crate::cause::Cause;
use crate::chain::{self, Promotions};
use crate::code::Code;
use crate::ledger::{InForce, Purpose};
use crate::owners;
use crate::platforms::Platforms;
use crate::policy::{EnvironmentRule, TierRule};
use crate::question::{Context, Question, QuestionError};
use crate::reached::Reached;
use crate::referenced::follow;
use crate::require::provenance;
use crate::signature::{examine, examine_ledger};
use crate::state::Memory;
use crate::verdict::{Finding, Outcome, Report, Severity, Verdict};

/// What is known about the artifact before any step is judged.
pub(crate) struct Known {
    pub(crate) artifact: Digest,
    pub(crate) covering: Vec<Digest>,
    /// The same, and its platforms where some rule asks about them.
    pub(crate) bearing: Vec<Digest>,
    pub(crate) platforms: Platforms,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) promotions: Promotions,
    pub(crate) reached: Reached,
    pub(crate) in_force: InForce,
}

impl Known {
    /// What the checks of a service's steps share, by the current version of the policy.
    pub(crate) fn context<'a>(
        &'a self,
        question: &'a Question<'a>,
        (service, tier, tier_rule): (&'a Service, &'a Tier, TierRule),
    ) -> Context<'a> {
        Context {
            question,
            candidates: &self.candidates,
            covering: &self.covering,
            own: &self.covering,
            against: &self.covering,
            bearing: &self.bearing,
            platforms: &self.platforms,
            service,
            tier,
            tier_rule,
            calendars: self.in_force.calendars(),
            retired: self.in_force.retired(),
            policy: question.policy,
        }
    }

    /// How many attestations were verified; what one says by naming documents is no other one.
    pub(crate) fn verified(&self) -> usize {
        let counts = |one: &&Candidate| one.outcome().is_ok() && !one.is_by_reference();
        self.candidates.iter().filter(counts).count()
    }
}

/// Decides whether the artifact may be in the environment, now:
///
/// 1. The environment is one this verifier speaks for, and the policy no older than it may be.
/// 2. Every attestation's signature is looked at, and what was revoked is taken away.
/// 3. The service is computed from verified provenance.
/// 4. A promotion into the environment is found whose whole chain holds.
/// 5. What cannot be known is said.
pub fn verify_environment(
    question: &Question<'_>,
    environment: &str,
) -> Result<Verdict, QuestionError> {
    let (_, rule) = environment_rule(question, environment)?;
    let uri = rule.uri.clone();
    let artifact = question
        .evidence
        .artifact
        .clone()
        .ok_or(QuestionError::NoArtifact)?;
    let mut report = Report::default();
    policy_age(question, &mut report);
    owners::judge(question, &uri, &mut report);
    let Some(known) = know(
        question,
        Some((rule, Purpose::Admit)),
        artifact.clone(),
        &mut report,
    ) else {
        return Ok(conclude(question, artifact, Some(uri), None, 0, report));
    };
    let named = identify(question, &known, &mut report);
    if let Some((service, tier, tier_rule)) = &named {
        let context = known.context(question, (service, tier, *tier_rule));
        if let Some(head) = chain::find(
            &context,
            &known.promotions,
            chain::Wanted::here(&uri),
            &mut report,
        ) {
            known
                .in_force
                .slot(&context, &known.promotions, &uri, &head, &mut report);
        }
    }
    let verified = known.verified();
    incomplete(question, &mut report);
    let named = named.map(|(service, tier, _)| (service, tier));
    Ok(conclude(
        question,
        known.artifact,
        Some(uri),
        named,
        verified,
        report,
    ))
}

/// Step 1, the environment.
pub(crate) fn environment_rule<'a>(
    question: &Question<'a>,
    environment: &str,
) -> Result<(&'a str, &'a EnvironmentRule), QuestionError> {
    let Some((name, rule)) = question.policy.environment(environment) else {
        let known: Vec<_> = question
            .policy
            .environments()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let name = environment.chars().take(100).collect();
        return Err(QuestionError::NoEnvironment {
            name,
            known: known.join(", "),
        });
    };
    if let Some(anchor) = question.anchor
        && !anchor.environments().is_empty()
        && !anchor.environments().contains(&rule.uri)
    {
        let known: Vec<_> = anchor
            .environments()
            .iter()
            .map(ToString::to_string)
            .collect();
        return Err(QuestionError::NotOurs {
            environment: rule.uri.to_string(),
            known: known.join(", "),
        });
    }
    Ok((name, rule))
}

/// Step 1, the policy.
pub(crate) fn policy_age(question: &Question<'_>, report: &mut Report) {
    const CHECK: &str = "policy";
    anchor_age(question, report);
    let policy = question.policy;
    let minimum = question
        .anchor
        .map_or(0, |anchor| anchor.minimum(policy.name()));
    let rollback = |found: u64, wanted: u64, whose: &str| {
        Finding::new(
            Code::PolicyRollback,
            CHECK,
            format!("the policy is older than {whose}"),
        )
        .expected(format!("version {wanted} or later"))
        .found(format!("version {found}"))
    };
    if policy.version() < minimum {
        report
            .findings
            .push(rollback(policy.version(), minimum, "the anchor allows"));
        report.check(
            CHECK,
            Outcome::Failed(Cause::Expired),
            "older than the anchor allows",
        );
    }
    match question.state.map(|state| state.compare(policy)) {
        None | Some(Memory::Fine) => {}
        Some(Memory::Older { seen }) => {
            report
                .findings
                .push(rollback(policy.version(), seen, "one seen before"));
            report.check(
                CHECK,
                Outcome::Failed(Cause::Expired),
                "older than one seen before",
            );
        }
        Some(Memory::Different { seen }) => {
            let message = format!("version {} was seen with other content", policy.version());
            let finding = Finding::new(Code::PolicyEquivocation, CHECK, message)
                .expected(seen.to_string())
                .found(policy.digest().to_string())
                .hint("raise `version` with every change of the policy");
            report.findings.push(finding);
            report.check(
                CHECK,
                Outcome::Failed(Cause::Denied),
                "another policy of the same version",
            );
        }
    }
}

/// Step 1, the anchor: not one that owners replaced.
fn anchor_age(question: &Question<'_>, report: &mut Report) {
    const CHECK: &str = "anchor";
    let (Some(anchor), Some(state)) = (question.anchor, question.state) else {
        return;
    };
    let version = anchor.version();
    let (cause, finding, summary) = match state.compare_anchor(anchor) {
        Memory::Fine => return,
        Memory::Older { seen } => {
            let message = "the anchor is older than one that its owners put in its place";
            let finding = Finding::new(Code::PolicyRollback, CHECK, message)
                .expected(format!("version {seen} or later"))
                .found(format!("version {version}"));
            (Cause::Expired, finding, "older than one seen before")
        }
        Memory::Different { seen } => {
            let message = format!("version {version} of the anchor was signed with other content");
            let finding = Finding::new(Code::PolicyEquivocation, CHECK, message)
                .expected(seen.to_string())
                .found(anchor.digest().to_string())
                .hint("raise `version` with every change of the anchor");
            (Cause::Denied, finding, "another anchor of the same version")
        }
    };
    report.findings.push(finding);
    report.check(CHECK, Outcome::Failed(cause), summary);
}

/// Step 2; `None` if the deadline came first. Without an environment no ledger is looked at.
pub(crate) fn know(
    question: &Question<'_>,
    asked: Option<(&EnvironmentRule, Purpose)>,
    artifact: Digest,
    report: &mut Report,
) -> Option<Known> {
    let evidence = question.evidence;
    let examined = examine(
        evidence,
        question.trust,
        question.now,
        question.limits,
        question.cancelled,
    );
    let ledger = examine_ledger(
        evidence,
        question.trust,
        question.now,
        question.limits,
        question.cancelled,
    );
    let (Ok(mut candidates), Ok(ledger)) = (examined, ledger) else {
        let finding = Finding::new(
            Code::EvidenceIncomplete,
            "evidence",
            "the deadline came before everything was looked at",
        );
        report.findings.push(finding.hint("raise --timeout"));
        report.check("evidence", Outcome::Failed(Cause::Undetermined), "deadline");
        return None;
    };
    candidates.append(&mut follow(&candidates, evidence, question.limits));
    let covering = evidence.covering();
    let in_force = asked.map_or_else(InForce::default, |asked| {
        InForce::judge(question, asked, (&candidates, &ledger), report)
    });
    let reached = evidence.reached();
    in_force.apply(question, &mut candidates, &reached, report);
    let promotions = chain::promotions(&candidates, &covering);
    let platforms = evidence.platforms();
    let mut bearing = covering.clone();
    if question.policy.asks_about_platforms() {
        let each = platforms.each().iter().map(|one| one.digest.clone());
        bearing.extend(each.filter(|digest| !covering.contains(digest)));
    }
    Some(Known {
        artifact,
        covering,
        bearing,
        platforms,
        candidates,
        promotions,
        reached,
        in_force,
    })
}

/// Step 3.
pub(crate) fn identify(
    question: &Question<'_>,
    known: &Known,
    report: &mut Report,
) -> Option<(Service, Tier, TierRule)> {
    let policy = question.policy;
    let computed = provenance::service(policy, known, question.now);
    let service = match computed {
        Ok(service) => service,
        Err((cause, findings)) => {
            let doubtful = question.evidence.is_incomplete();
            let cause = if doubtful { Cause::Undetermined } else { cause };
            report.findings.extend(findings);
            report.check("service", Outcome::Failed(cause), "unknown");
            return None;
        }
    };
    let tier = policy
        .services
        .get(&service)
        .map(|rule| rule.tier.clone())?;
    let tier_rule = policy.tiers.get(&tier).copied()?;
    report.check("service", Outcome::Ok, format!("{service}, tier {tier}"));
    Some((service, tier, tier_rule))
}

/// Step 5.
pub(crate) fn incomplete(question: &Question<'_>, report: &mut Report) {
    let evidence = question.evidence;
    let mut say = |message: String| {
        let finding = Finding::new(Code::EvidenceIncomplete, "evidence", message);
        report.findings.push(finding.severity(Severity::Warning));
    };
    if evidence.truncated {
        say(format!(
            "more than {} referrers; the rest was not looked at",
            question.limits.referrers_per_digest
        ));
    }
    for line in evidence.unavailable.iter().take(8) {
        say(format!(
            "not fetched: {}",
            line.chars().take(200).collect::<String>().escape_debug()
        ));
    }
    let mut notes = evidence.notes_of_unusable("evidence");
    report.findings.append(&mut notes);
}

pub(crate) fn conclude(
    question: &Question<'_>,
    subject: Digest,
    environment: Option<Environment>,
    named: Option<(Service, Tier)>,
    attestations: usize,
    mut report: Report,
) -> Verdict {
    let (decision, cause) = report.decision();
    // Errors first, then warnings, then explanations; otherwise in the order of the checks.
    report.findings.sort_by_key(|finding| finding.severity);
    let policy = named
        .as_ref()
        .and_then(|(service, _)| question.policy.binding(service));
    let (service, tier) = named.map_or((None, None), |(service, tier)| (Some(service), Some(tier)));
    Verdict {
        decision,
        cause,
        subject,
        environment,
        service,
        tier,
        policy,
        now: question.now,
        checks: report.checks,
        findings: report.findings,
        steps: report.steps,
        attestations,
        checkpoint: report.checkpoint,
        fresh_until: report.fresh_until,
        persons: report.persons.into_iter().collect(),
        vulnerabilities: report.vulnerabilities,
        signatures: Vec::new(),
    }
}
