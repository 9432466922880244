//! Soak: time spent in an environment before, as deployments or the promotion into it prove it.
//!
//! Time counts from when a statement is proven to have existed. A word about earlier times gains
//! nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;

use bulla_model::predicate::deployment::{self, DeploymentEvent};
use bulla_model::predicate::{Deployment, Promotion};

use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::{Wanted, match_any};
use crate::evidence::Evidence;
use crate::policy::{Matched, show_duration};
use crate::question::Context;
use crate::require::{StepAtHand, failed};
use crate::typed;
use crate::verdict::{Finding, Outcome, Report};
use crate::verified::{Verified, best_copies};

mod rule;

pub use rule::{SoakRule, SoakStart};

const CHECK: &str = "soak";

fn judge(context: &Context<'_>, step: &StepAtHand<'_>, rule: &SoakRule, report: &mut Report) {
    let mut causes = Vec::new();
    let mut notes = Vec::new();
    let successes = successes(context, step, rule, &mut causes, &mut notes);
    let broken = rule
        .healthy
        .then(|| last_broken(context, step, rule))
        .flatten();
    let promoted = promoted(context, step, rule);
    // Only a success after it broke says that it runs again; to be let in again says nothing.
    let again = |broken| successes.iter().copied().find(|again| *again > broken);
    if let Some(broken) = broken
        && again(broken).is_none()
    {
        return unhealthy(context, rule, broken, report);
    }
    let begun = match rule.from {
        // What ran there before it was let in, or says so, is of another time.
        SoakStart::Deployment => {
            let mut since = successes.iter().copied();
            since.find(|success| promoted.is_none_or(|promoted| *success >= promoted))
        }
        SoakStart::Promotion => promoted,
    };
    let Some(begun) = begun else {
        missing(context, step, rule, &causes, report);
        report.findings.append(&mut notes);
        return;
    };
    // What runs again after it broke begins anew.
    let start = broken
        .and_then(again)
        .map_or(begun, |again| begun.max(again));
    long_enough(context, step, rule, start, report);
}

fn long_enough(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &SoakRule,
    start: Timestamp,
    report: &mut Report,
) {
    let name = rule.environment.name();
    let soaked = step.at.duration_since(start);
    let summary = format!(
        "{}{} in {name}, {} required",
        show_duration(soaked),
        if rule.healthy { " healthy" } else { "" },
        show_duration(rule.min)
    );
    if soaked >= rule.min {
        // That nothing broke cannot be known while something may be missing.
        let hidden = rule.healthy && context.question.evidence.is_incomplete();
        let outcome = if hidden {
            Outcome::Failed(Cause::Undetermined)
        } else {
            Outcome::Ok
        };
        report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
        return;
    }
    let until = start.saturating_add(rule.min).unwrap_or(Timestamp::MAX);
    let message = format!("it has to soak in {name} until {until}");
    let finding = Finding::new(Code::SoakShort, CHECK, message)
        .expected(format!("{} since {start}", show_duration(rule.min)))
        .found(show_duration(soaked))
        .place(&rule.place)
        .hint(format!("soak until {until}, then try again"));
    report.findings.push(finding);
    report
        .check(CHECK, failed(context, Cause::NotYet), summary)
        .place = Some(rule.place.clone());
}

/// When deployments there succeeded, earliest first.
fn successes(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &SoakRule,
    causes: &mut Vec<Cause>,
    notes: &mut Vec<Finding>,
) -> Vec<Timestamp> {
    let wanted = Wanted::new(context, CHECK, (&[deployment::TYPE], &rule.by), step.at);
    let mut eligible = wanted.among(context.candidates);
    causes.append(&mut eligible.causes);
    notes.append(&mut eligible.findings);
    let mut times = Vec::new();
    for statement in eligible.statements {
        let Ok(said) = statement.predicate::<Deployment>() else {
            continue;
        };
        let deployment = said.value();
        let counts = is_there(context, rule, deployment)
            && deployment.event == DeploymentEvent::Succeeded
            && deployment.service == *context.service
            // It is a statement of our own: word and proof are of one moment.
            && !said.time().contradicts(context.question.now, true);
        if counts {
            times.extend(said.time().existed_by());
        }
    }
    times.sort();
    times
}

/// When it last failed or was rolled back there, by the word of somebody who deploys. Whatever may
/// be wrong with the statement's time, bad news is not left out. Of copies that were there the best
/// known counts, as everywhere: anybody can have an old failure recorded once more, and take the
/// record off a copy.
fn last_broken(context: &Context<'_>, step: &StepAtHand<'_>, rule: &SoakRule) -> Option<Timestamp> {
    let said = context.candidates.iter().filter_map(|candidate| {
        let statement = candidate.outcome().ok()?;
        if !Evidence::is_about(statement.value(), context.covering) {
            return None;
        }
        let said = statement.predicate::<Deployment>().ok()?;
        is_deployer(context, rule, &said).then_some(said)
    });
    let mut broke: Vec<_> = said
        .filter(|said| {
            let event = said.value().event;
            let broke = matches!(event, DeploymentEvent::Failed | DeploymentEvent::RolledBack);
            broke && is_there(context, rule, said.value()) && said.time().was_there(step.at)
        })
        .collect();
    best_copies(&mut broke);
    let times = broke.iter().map(|said| said.time().existed_by());
    times.map(|time| time.unwrap_or(step.at)).max()
}

fn is_deployer(context: &Context<'_>, rule: &SoakRule, said: &Verified<Deployment>) -> bool {
    let (current, now) = (context.question.policy, context.question.now);
    let matched = match_any(
        context.policy,
        current,
        &rule.by,
        said.signer(),
        said.time(),
        now,
    );
    matched != Matched::No
}

/// Whether it happened in the environment, on one of its clusters.
fn is_there(context: &Context<'_>, rule: &SoakRule, said: &Deployment) -> bool {
    let place = &said.environment;
    let mut environments = context.policy.environments.values();
    let ruled = environments.find(|known| known.uri == rule.environment);
    let clusters: BTreeSet<_> = ruled
        .into_iter()
        .flat_map(|known| &known.audience)
        .collect();
    place.uri == rule.environment
        && (clusters.is_empty()
            || place.audience.is_empty()
            || place.audience.iter().any(|one| clusters.contains(one)))
}

/// When the release was promoted there, by the chain that the step extends; of several promotions
/// the last one.
fn promoted(context: &Context<'_>, step: &StepAtHand<'_>, rule: &SoakRule) -> Option<Timestamp> {
    let mut waiting: Vec<_> = step.previous.to_vec();
    let mut seen = BTreeSet::new();
    let mut last: Option<Timestamp> = None;
    while let Some(digest) = waiting.pop() {
        if !seen.insert(digest.clone()) {
            continue;
        }
        let Some(promotion) = step.promotions.find(context, &digest) else {
            continue;
        };
        let said: &Promotion = promotion.value();
        if said.edge.to.uri == rule.environment {
            last = last.max(promotion.time().existed_by());
        }
        waiting.extend(said.chain.previous.iter().cloned());
    }
    last
}

fn missing(
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    rule: &SoakRule,
    causes: &[Cause],
    report: &mut Report,
) {
    let name = rule.environment.name();
    let (message, hint) = match rule.from {
        SoakStart::Deployment => (
            format!("nothing that counts says that it ever ran in {name}"),
            format!(
                "bulla deploy record {} --env {} --event succeeded --key KEY",
                context.question.name,
                typed::environment(context, &rule.environment)
            ),
        ),
        SoakStart::Promotion => (
            format!("the step does not follow a promotion into {name}"),
            step.command(context, typed::bring(context, &rule.environment)),
        ),
    };
    let finding = Finding::new(Code::SoakMissing, CHECK, message);
    report.findings.push(finding.place(&rule.place).hint(hint));
    // Where nobody said anything, time to soak is what is missing.
    let cause = match Cause::best(causes.iter().copied()) {
        Cause::Nothing => Cause::NotYet,
        other => other,
    };
    report
        .check(CHECK, failed(context, cause), format!("never in {name}"))
        .place = Some(rule.place.clone());
}

fn unhealthy(context: &Context<'_>, rule: &SoakRule, broken: Timestamp, report: &mut Report) {
    let name = rule.environment.name();
    let message = format!("it failed or was rolled back in {name} at {broken}, and runs no more");
    let finding = Finding::new(Code::SoakBroken, CHECK, message).place(&rule.place);
    report.findings.push(finding.hint(format!(
        "deploy it anew: bulla deploy record {} --env {} --event succeeded --key KEY",
        context.question.name,
        typed::environment(context, &rule.environment)
    )));
    report
        .check(
            CHECK,
            failed(context, Cause::Denied),
            format!("broke in {name}"),
        )
        .place = Some(rule.place.clone());
}
