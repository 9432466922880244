//! A passed test run: the newest one counts, of each name that is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use bulla_model::Statement;
use bulla_model::predicate::test_result;

use crate::against;
use crate::cause::Cause;
use crate::code::Code;
use crate::eligible::Wanted;
use crate::pattern::Pattern;
use crate::policy::{Age, Parts, Place, PolicyError, Scope, Value, pattern};
use crate::question::Context;
use crate::require::{Coverage, Requirement, StepAtHand, at_most, failed};
use crate::verdict::{Finding, Outcome, Report};
use crate::verified::Verified;

mod run;

use run::{Run, Said};

const CHECK: &str = "tests";

/// A passed test run.
#[derive(Clone, Debug)]
pub struct TestsRule {
    /// Identities that may sign it.
    pub by: Vec<String>,
    /// How old it may be.
    pub max_age: Option<SignedDuration>,
    /// What has to have been run; of each name the newest run counts. Empty means anything.
    pub names: Vec<Pattern>,
    /// What of an image it has to be about.
    pub coverage: Coverage,
    /// Where it is written.
    pub place: Place,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wire {
    by: Vec<String>,
    #[serde(default)]
    max_age: Option<Age>,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    coverage: Coverage,
}

impl Requirement for TestsRule {
    type Wire = Wire;

    fn read(wire: Wire, place: Place, scope: &Scope<'_>) -> Result<Self, PolicyError> {
        let names = wire.names.as_deref();
        if names.is_some_and(|names| names.is_empty() || names.iter().any(String::is_empty)) {
            let reason = "`names` names nothing: name what is run, or leave it out".to_owned();
            return Err(PolicyError::Rule { place, reason });
        }
        Ok(Self {
            names: names
                .into_iter()
                .flatten()
                .map(|text| pattern(text))
                .collect(),
            by: scope.names(wire.by, &place)?,
            max_age: wire.max_age.map(|age| age.0),
            coverage: wire.coverage,
            place,
        })
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let parts = vec![
            // The newest result counts: who else signs one may pass it or fail it.
            ("by", Value::words(&self.by)),
            ("maxAge", Value::AtMost(self.max_age)),
            ("names", Value::demands(&self.names)),
            ("coverage", Value::Word(self.coverage.to_string())),
        ];
        let place = &self.place;
        Some(Parts { place, parts })
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn judge(&self, context: &Context<'_>, step: &StepAtHand<'_>, report: &mut Report) {
        judge(context, step.at, self, report);
    }
}

impl fmt::Display for TestsRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (by, place) = (self.by.join(" or "), &self.place);
        let age = at_most(self.max_age);
        let names: Vec<_> = self.names.iter().map(ToString::to_string).collect();
        let of = if names.is_empty() {
            String::new()
        } else {
            format!(" of each of {}", names.join(", "))
        };
        write!(
            f,
            "newest test result{of} signed by {by} passed, {age}{}   [{place}]",
            self.coverage.told()
        )
    }
}

fn judge(context: &Context<'_>, at: Timestamp, rule: &TestsRule, report: &mut Report) {
    let wanted = Wanted::new(context, CHECK, (&[test_result::TYPE], &rule.by), at)
        .no_older_than(rule.max_age);
    let mut eligible = wanted.among(context.candidates);
    let runs = runs(context, at, rule, &eligible.statements);
    let (asked, mut missing) = asked(rule, &runs);
    let mut passed = Vec::new();
    let mut broken = Vec::new();
    let mut is_unreadable = false;
    for (name, runs) in &asked {
        match run::newest(runs) {
            Said::Passed(run) => passed.push(run.summary()),
            Said::Failed(run) => broken.push((name, run)),
            Said::Unreadable(run, error) => {
                // It may be of any name, so that one finding is enough.
                if !std::mem::replace(&mut is_unreadable, true) {
                    eligible.causes.push(Cause::Denied);
                    let finding = Finding::new(Code::StatementUnusable, CHECK, error.to_string());
                    let finding = finding.at(run.manifest(), "/predicate");
                    eligible.findings.push(finding);
                }
                missing.extend(name.or(Some("")).map(str::to_owned));
            }
            Said::Nothing => missing.extend(name.or(Some("")).map(str::to_owned)),
        }
    }
    if !broken.is_empty() {
        let findings = broken.iter().take(SHOWN);
        let findings = findings.map(|(name, run)| run_failed(rule, **name, run));
        report.findings.extend(findings);
        report
            .check(CHECK, Outcome::Failed(Cause::Denied), "failed")
            .place = Some(rule.place.clone());
        return;
    }
    if missing.is_empty() {
        // "Newest" cannot be known while something may be missing, of whatever age it may be.
        let outcome = if context.question.evidence.is_incomplete() {
            Outcome::Failed(Cause::Undetermined)
        } else {
            Outcome::Ok
        };
        let summary = match passed.as_slice() {
            [one] => one.clone(),
            all => format!("passed, {} names", all.len()),
        };
        report.check(CHECK, outcome, summary).place = Some(rule.place.clone());
        return;
    }
    let mut findings = std::mem::take(&mut eligible.findings);
    report.findings.push(none(context, rule, &missing));
    report.findings.append(&mut findings);
    let outcome = failed(context, Cause::best(eligible.causes));
    report.check(CHECK, outcome, "none").place = Some(rule.place.clone());
}

/// The runs that may count, and those that do as far as they did not pass: what a failure lacks in
/// time may be made up, and only one that is surely too old is over.
fn runs<'a>(
    context: &Context<'a>,
    at: Timestamp,
    rule: &TestsRule,
    good: &[&'a Verified<Statement>],
) -> Vec<Run<'a>> {
    let mut runs = Vec::new();
    for told in against::told(context, &[test_result::TYPE], &rule.by, at) {
        let key = |one: &Verified<Statement>| (one.payload().clone(), one.signer().clone());
        let best = good.iter().find(|good| key(good) == key(told.statement));
        match best {
            Some(best) => runs.push(Run::good(best, told.since)),
            None if told.is_old(rule.max_age, at) => {}
            None => runs.push(Run::against(&told)),
        }
    }
    runs
}

/// How many names are told.
const SHOWN: usize = 8;

/// What is asked for, with the runs of it, and whether each passed it.
type Asked<'r> = Vec<(Option<&'r str>, Vec<(&'r Run<'r>, bool)>)>;

/// Every name that is asked for with the runs of it, and the patterns that no name matches. Where
/// no name is asked for, it is all runs.
fn asked<'r>(rule: &TestsRule, runs: &'r [Run<'_>]) -> (Asked<'r>, Vec<String>) {
    if rule.names.is_empty() {
        let all = runs.iter().map(|run| (run, run.passed()));
        let all = all.filter(|(run, passed)| run.is_good || !passed);
        return (vec![(None, all.collect())], Vec::new());
    }
    let is_asked = |name: &str| rule.names.iter().any(|pattern| pattern.matches(name));
    // Whoever writes a test gives it any name; what a run is of is said by whoever runs it.
    let good = runs.iter().filter(|run| run.is_good);
    let configurations: BTreeSet<&str> = good.flat_map(Run::configurations).collect();
    let mut named: BTreeMap<&str, Vec<(&Run<'_>, bool)>> = BTreeMap::new();
    let mut unmatched: BTreeSet<usize> = (0..rule.names.len()).collect();
    for run in runs {
        let own: BTreeSet<&str> = run.configurations().collect();
        for (name, passed) in run.names().filter(|(name, _)| is_asked(name)) {
            let is_other = configurations.contains(name) && !own.contains(name);
            if passed && (is_other || !run.is_good) {
                continue;
            }
            unmatched.retain(|index| {
                let pattern = rule.names.get(*index);
                !pattern.is_some_and(|pattern| pattern.matches(name))
            });
            named.entry(name).or_default().push((run, passed));
        }
    }
    // What failed without saying what may have failed any of them. Of these, one without a time and
    // the newest are as good as all.
    let silent = runs.iter().filter(|run| run.may_be_of_any(is_asked));
    let untimed = silent.clone().find(|run| run.time(false).is_none());
    let newest = silent.rev().max_by_key(|run| run.time(false));
    for of in named.values_mut() {
        of.extend(untimed.into_iter().chain(newest).map(|run| (run, false)));
    }
    let named = named.into_iter().map(|(name, of)| (Some(name), of));
    let unmatched = unmatched
        .into_iter()
        .filter_map(|index| rule.names.get(index));
    (
        named.collect(),
        unmatched.map(ToString::to_string).collect(),
    )
}

fn run_failed(rule: &TestsRule, name: Option<&str>, run: &Run<'_>) -> Finding {
    let of = name.map_or_else(String::new, |name| format!(" of `{}`", shown(name)));
    let message = format!("the newest test run{of} failed: {}", run.summary());
    Finding::new(Code::TestsFailed, CHECK, message)
        .place(&rule.place)
        .at(run.manifest(), "/predicate/result")
}

fn none(context: &Context<'_>, rule: &TestsRule, missing: &[String]) -> Finding {
    let names = missing.iter().filter(|name| !name.is_empty()).take(SHOWN);
    let names: Vec<_> = names.map(|name| format!("`{}`", shown(name))).collect();
    let message = if names.is_empty() {
        "no test run that counts".to_owned()
    } else {
        format!("no test run that counts of {}", names.join(", "))
    };
    Finding::new(Code::TestsMissing, CHECK, message)
        .place(&rule.place)
        .hint(format!(
            "bulla attest {} --test-results junit.xml --key KEY",
            context.question.name
        ))
}

fn shown(name: &str) -> String {
    let short: String = name.chars().take(100).collect();
    short.escape_debug().to_string()
}
