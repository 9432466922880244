//! A passed test run: the newest one counts.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use bulla_model::predicate::TestResult;
use bulla_model::predicate::test_result::{self, Outcome as TestOutcome};

use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::Wanted;
use crate::policy::{Age, Parts, Place, PolicyError, Scope, Value};
use crate::question::Context;
use crate::require::{Requirement, StepAtHand, at_most, failed};
use crate::verdict::{Finding, Outcome, Report};

const CHECK: &str = "tests";

/// A passed test run.
#[derive(Clone, Debug)]
pub struct TestsRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// How old it may be.
    pub max_age: Option<SignedDuration>,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    by: Vec<String>,
    #[serde(default)]
    max_age: Option<Age>,
}

impl Requirement for TestsRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        Ok(Self {
            by: scope.names(wire.by, &place)?,
            max_age: wire.max_age.map(|age| age.0),
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let parts = vec![
            ("by", Value::words(&self.by)),
            ("maxAge", Value::AtMost(self.max_age)),
        ];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        judge(context, step.at, self, report);
    }
}

impl fmt::Display for TestsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, place) = (self.by.join(" or "), &self.place);
        let age = at_most(self.max_age);
        write!(
            f,
            "newest test result signed by {by} passed, {age}   [{place}]"
        )
    }
}

fn judge(context: &Context<'_>, at: Timestamp, rule: &TestsRule, report: &mut Report) {
    let wanted = Wanted {
        check: CHECK,
        types: &[test_result::TYPE],
        by: &rule.by,
        policy: context.policy,
        current: context.question.policy,
        tier: context.tier_rule,
        covering: context.covering,
        at,
        now: context.question.now,
        max_age: rule.max_age,
    };
    let mut eligible = wanted.among(context.candidates);
    // F36: an old clean run must not hide a newer failed one, also where it was recorded late: only
    // its signer's word makes a clean run the newest, a record of it alone does not. Runs without a
    // time that counts may be older or newer than any: they stand beside the newest, so that leaving
    // the time out gains nothing.
    let runs = eligible.statements.iter().map(|run| {
        let result = run.predicate::<TestResult>();
        let time = run.time();
        let is_clean = result
            .as_ref()
            .is_ok_and(|result| result.value().result != TestOutcome::Failed);
        let at = if is_clean {
            time.not_older_than()
        } else {
            time.existed_by()
        };
        (run, result, at)
    });
    let mut runs: Vec<_> = runs.collect();
    let newest = runs.iter().filter_map(|(_, _, at)| *at).max();
    runs.retain(|(_, _, at)| at.is_none_or(|at| Some(at) == newest));
    let mut passed = None;
    for (run, result, _) in runs {
        match result {
            Ok(result) if result.value().result != TestOutcome::Failed => {
                passed = passed.or(Some(summary(result.value())));
            }
            Ok(result) => {
                let finding = Finding::new(
                    Code::TestsFailed,
                    CHECK,
                    format!("the newest test run failed: {}", summary(result.value())),
                )
                .place(&rule.place)
                .at(run.manifest(), "/predicate/result");
                report.findings.push(finding);
                report
                    .check(CHECK, Outcome::Failed(Cause::Denied), "failed")
                    .place = Some(rule.place.clone());
                return;
            }
            Err(error) => {
                eligible.causes.push(Cause::Denied);
                let finding = Finding::new(Code::StatementUnusable, CHECK, error.to_string());
                eligible
                    .findings
                    .push(finding.at(run.manifest(), "/predicate"));
                passed = None;
                break;
            }
        }
    }
    if let Some(summary) = passed {
        // "Newest" cannot be known while something may be missing, unless age bounds it.
        let hidden = context.question.evidence.is_incomplete() && rule.max_age.is_none();
        let outcome = if hidden {
            Outcome::Failed(Cause::Undetermined)
        } else {
            Outcome::Ok
        };
        report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
        return;
    }
    let cause = Cause::best(eligible.causes);
    let finding = Finding::new(Code::TestsMissing, CHECK, "no test run that counts")
        .place(&rule.place)
        .hint(format!(
            "bulla attest {} --test-results junit.xml --key KEY",
            context.question.name
        ));
    report.findings.push(finding);
    report.findings.append(&mut eligible.findings);
    report.check(CHECK, failed(context, cause), "none").place = Some(rule.place.clone());
}

fn summary(result: &TestResult) -> String {
    let (passed, failed) = (result.passed_tests.len(), result.failed_tests.len());
    match (passed, failed) {
        (0, 0) => result.result.to_string(),
        (passed, 0) => format!("{} ({passed} tests)", result.result),
        (passed, failed) => format!(
            "{} ({failed} of {} tests failed)",
            result.result,
            passed.saturating_add(failed)
        ),
    }
}
