//! `bulla policy test`: answers about stored evidence, compared with those expected.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bulla_verify::Decision;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::cases::{self, Answer, Case, Evidence, Expected};
use super::junit;
use crate::args::policy::{Test, TestForm};
use crate::commands::Context;
use crate::commands::exhibit::{Exhibit, Short};
use crate::join::rules::{Rules, Source};
use crate::printer::Format;
use crate::render::{Cell, Page, Report, count};
use crate::{Exit, Failure};

/// Cases judged side by side.
const AT_ONCE: usize = 4;

/// Runs every case, and ends with "denied" if an answer is another than expected.
pub(super) async fn run(arguments: Test, context: &Context) -> Result<Exit, Failure> {
    let rules = Rules::load(context, &arguments.trial.into(), Timestamp::now())?;
    let rules = Arc::new(rules);
    let paths = if arguments.paths.is_empty() {
        vec![beside(&rules)?]
    } else {
        arguments.paths
    };
    let cases = cases::read(&paths, &context.limits)?;
    let cases: Vec<CaseReport> = {
        let _progress = context.printer.progress("testing");
        stream::iter(cases)
            .map(|case| judge(case, &rules, context))
            .buffered(AT_ONCE)
            .collect()
            .await
    };
    let exits: Vec<Exit> = cases.iter().map(|case| case.end).collect();
    let number = |outcome: Outcome| cases.iter().filter(|case| case.outcome == outcome).count();
    let report = TestReport {
        sources: rules.sources.clone(),
        passed: number(Outcome::Passed),
        failed: number(Outcome::Failed),
        not_judged: number(Outcome::NotJudged),
        cases,
    };
    if arguments.form == TestForm::Junit && context.printer.format() != Format::Json {
        context.printer.data(junit::xml(&report).as_bytes())?;
    } else {
        context.printer.report(&report)?;
    }
    Ok(Exit::overall(&exits))
}

/// Where a policy's own tests are.
fn beside(rules: &Rules) -> Result<PathBuf, Failure> {
    let policy = rules.sources.iter().find(|source| source.what == "policy");
    let path = policy.map_or(Path::new("."), |source| Path::new(&source.path));
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(Path::new(""))
    };
    let tests = folder.join("tests");
    if tests.is_dir() {
        return Ok(tests);
    }
    Err(
        Failure::usage(format_args!("the policy has no folder {}", tests.display()))
            .with_hint("name a file of cases; bulla policy test --help shows one"),
    )
}

async fn judge(case: Case, rules: &Rules, context: &Context) -> CaseReport {
    let mut report = CaseReport {
        name: case.name,
        place: case.place,
        outcome: Outcome::Passed,
        answer: None,
        differences: Vec::new(),
        reason: None,
        end: Exit::Success,
    };
    let asked = async {
        let exhibit = match &case.evidence {
            Evidence::Pack(path) => Exhibit::pack(context, path).await?,
            Evidence::Image(target) => Exhibit::image(context, target).await?,
        };
        exhibit.judge(context, rules, &case.asked, case.at).await
    };
    match asked.await {
        Ok(verdict) => {
            let answer = Short::of(&verdict);
            report.differences = differences(&case.expected, &answer);
            report.answer = Some(answer);
            if !report.differences.is_empty() {
                (report.outcome, report.end) = (Outcome::Failed, Exit::Denied);
            }
        }
        Err(failure) => {
            (report.outcome, report.end) = (Outcome::NotJudged, failure.kind().exit());
            let details = failure.details().iter().map(|detail| format!(": {detail}"));
            let details: String = details.collect();
            report.reason = Some(format!("{}{details}", failure.message()));
        }
    }
    report
}

fn differences(expected: &Expected, found: &Short) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |part, expected: Option<String>, found: String| {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            differences.push(Difference {
                part,
                expected,
                found,
            });
        }
    };
    let word = |answer: Answer| match answer {
        Answer::Allow => "allow",
        Answer::Deny => "deny",
        Answer::Undetermined => "undetermined",
    };
    let decided = match found.decision {
        Decision::Allow => Answer::Allow,
        Decision::Deny => Answer::Deny,
        Decision::Undetermined => Answer::Undetermined,
    };
    let list = |codes: &Vec<&'static str>| {
        if codes.is_empty() {
            "none".to_owned()
        } else {
            codes.join(", ")
        }
    };
    let decision = expected.decision.map(|answer| word(answer).to_owned());
    compare("decision", decision, word(decided).to_owned());
    let exit = expected.exit.map(|exit| exit.to_string());
    compare("exit", exit, found.exit.to_string());
    let codes = expected.codes.as_ref().map(list);
    compare("codes", codes, list(&found.codes));
    let warnings = expected.warnings.as_ref().map(list);
    compare("warnings", warnings, list(&found.warnings));
    differences
}

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// As expected.
    Passed,
    /// Another answer.
    Failed,
    /// No answer.
    NotJudged,
}

/// A part of an answer that is another than expected.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    pub(super) part: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
}

/// One case, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CaseReport {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Short>,
    pub(super) differences: Vec<Difference>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip)]
    end: Exit,
}

/// All cases.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestReport {
    sources: Vec<Source>,
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) not_judged: usize,
    pub(super) cases: Vec<CaseReport>,
}

impl Report for TestReport {
    fn human(&self, page: &mut Page) {
        for case in &self.cases {
            let word = match case.outcome {
                Outcome::Passed => Cell::good("ok"),
                Outcome::Failed => Cell::bad("FAIL"),
                Outcome::NotJudged => Cell::bad("????"),
            };
            let place = Cell::faint(&case.place);
            page.row(1, [word, case.name.as_str().into(), place]);
        }
        page.gap();
        for case in self
            .cases
            .iter()
            .filter(|case| case.outcome != Outcome::Passed)
        {
            page.indented(1, Cell::strong(&case.name));
            for one in &case.differences {
                let expected = format!("expected {}", one.expected);
                let found = format!("found {}", one.found);
                page.row(2, [one.part.into(), expected.into(), found.into()]);
            }
            if let Some(reason) = &case.reason {
                page.indented(2, format!("could not be judged: {reason}"));
            }
            page.gap();
        }
        let mut text = format!(
            "{}: {} passed",
            count(self.cases.len(), "case"),
            self.passed
        );
        if self.failed > 0 {
            text = format!("{text}, {} failed", self.failed);
        }
        if self.not_judged > 0 {
            text = format!("{text}, {} could not be judged", self.not_judged);
        }
        page.line(text);
    }
}
