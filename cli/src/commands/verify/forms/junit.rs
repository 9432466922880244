//! JUnit XML: a suite for each answer, a case for each check.

use std::fmt::Write as _;

use bulla_verify::{Cause, Check, Finding, Outcome, Severity, Verdict};

use super::super::report::{Judged, VerifyReport};
use super::{answer, facts, reason};
use crate::Exit;
use crate::render::xml_text as text;

/// The document.
pub(in crate::commands::verify) fn junit(report: &VerifyReport) -> String {
    let suites: Vec<Suite> = report.verdicts.iter().map(Suite::of).collect();
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    let counts = counts(
        sum(|one| one.cases.len()),
        sum(|one| one.count("failure")),
        sum(|one| one.count("error")),
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put(
        &mut out,
        &format!("<testsuites name=\"bulla verify\" {counts}>"),
    );
    for suite in &suites {
        suite.put(&mut out);
    }
    put(&mut out, "</testsuites>");
    out
}

struct Suite {
    name: String,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    /// `failure` or `error`, and what it says; none if it passed.
    told: Option<(&'static str, String, String)>,
}

impl Suite {
    fn of(judged: &Judged) -> Self {
        let mut cases = vec![Case::of_all(judged)];
        if let Ok(verdict) = &judged.outcome {
            let checks = verdict.checks.iter();
            cases.extend(checks.map(|check| Case::of(check, verdict)));
        }
        Self {
            name: judged.target.clone(),
            cases,
        }
    }

    fn count(&self, kind: &str) -> usize {
        let told = self.cases.iter().filter_map(|case| case.told.as_ref());
        told.filter(|(own, ..)| *own == kind).count()
    }

    fn put(&self, out: &mut String) {
        let name = text(&self.name);
        let (failures, errors) = (self.count("failure"), self.count("error"));
        let counts = counts(self.cases.len(), failures, errors);
        put(out, &format!("  <testsuite name=\"{name}\" {counts}>"));
        for case in &self.cases {
            let case_name = text(&case.name);
            let head = format!("    <testcase name=\"{case_name}\" classname=\"{name}\"");
            let Some((kind, message, body)) = &case.told else {
                put(out, &format!("{head}/>"));
                continue;
            };
            put(out, &format!("{head}>"));
            let message = text(message);
            put(
                out,
                &format!("      <{kind} message=\"{message}\">{body}</{kind}>"),
            );
            put(out, "    </testcase>");
        }
        put(out, "  </testsuite>");
    }
}

impl Case {
    /// The answer, which is a case even where nothing could be checked.
    fn of_all(judged: &Judged) -> Self {
        let exit = judged.exit(false);
        let told = (exit != Exit::Success).then(|| {
            let is_error = judged.outcome.is_err() || exit == Exit::Undetermined;
            let kind = if is_error { "error" } else { "failure" };
            let message = format!("{}: {}", answer(judged), reason(judged));
            (kind, message, String::new())
        });
        Self {
            name: "answer".to_owned(),
            told,
        }
    }

    fn of(check: &Check, verdict: &Verdict) -> Self {
        let name = match &check.step {
            Some(step) => format!("{step}: {}", check.name),
            None => check.name.to_owned(),
        };
        let told = match check.outcome {
            Outcome::Ok => None,
            Outcome::Failed(cause) => {
                let kind = match cause {
                    Cause::Undetermined => "error",
                    _ => "failure",
                };
                Some((kind, check.summary.clone(), findings(check, verdict)))
            }
        };
        Self { name, told }
    }
}

/// What was found by checks of this name, a line each.
fn findings(check: &Check, verdict: &Verdict) -> String {
    let own = verdict.findings.iter();
    let own = own.filter(|one| one.check == check.name && one.severity == Severity::Error);
    let lines: Vec<_> = own.map(line).collect();
    lines.join("\n")
}

fn line(finding: &Finding) -> String {
    let mut line = format!("{}: {}", finding.code, text(&finding.message));
    for (name, value) in facts(finding) {
        write!(line, "; {name}: {}", text(&value))
            .expect("because writing to a string cannot fail");
    }
    line
}

fn counts(tests: usize, failures: usize, errors: usize) -> String {
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"")
}

fn put(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("because writing to a string cannot fail");
}
