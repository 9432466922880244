//! JUnit XML: a suite for each answer, a case for each check.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bulla_verify::{Cause, Check, Finding, Outcome, Severity, Verdict};

use super::super::report::{Judged, VerifyReport};
use super::{answer, causes, facts, reason, warnings};
use crate::Exit;
use crate::render::xml_text as text;

/// The document.
pub(in crate::commands::verify) fn junit(report: &VerifyReport) -> String {
    let mut suites: Vec<Suite> = report.verdicts.iter().map(Suite::of).collect();
    apart(suites.iter_mut().map(|suite| &mut suite.name));
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
    /// What is said beside it.
    beside: Vec<String>,
}

/// Numbers what has the same name: whoever reads by name would take two for one.
fn apart<'a>(names: impl Iterator<Item = &'a mut String>) {
    let mut often: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        let number = often.entry(name.clone()).or_default();
        *number = number.saturating_add(1);
        if *number > 1 {
            *name = format!("{name} ({number})");
        }
    }
}

impl Suite {
    fn of(judged: &Judged) -> Self {
        let mut cases = vec![Case::of_all(judged)];
        if let Ok(verdict) = &judged.outcome {
            let checks = verdict.checks.iter();
            cases.extend(checks.map(|check| Case::of(check, verdict)));
        }
        apart(cases.iter_mut().map(|case| &mut case.name));
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
            if case.told.is_none() && case.beside.is_empty() {
                put(out, &format!("{head}/>"));
                continue;
            }
            put(out, &format!("{head}>"));
            if let Some((kind, message, body)) = &case.told {
                let message = text(message);
                put(
                    out,
                    &format!("      <{kind} message=\"{message}\">{body}</{kind}>"),
                );
            }
            if !case.beside.is_empty() {
                let lines: Vec<_> = case.beside.iter().map(|line| text(line)).collect();
                let lines = lines.join("\n");
                put(out, &format!("      <system-out>{lines}</system-out>"));
            }
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
            let causes = causes(judged).into_iter();
            let causes: Vec<_> = causes
                .map(|(name, value)| format!("{name}: {}", text(&value)))
                .collect();
            (kind, message, causes.join("\n"))
        });
        Self {
            name: "answer".to_owned(),
            told,
            beside: warnings(judged),
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
        Self {
            name,
            told,
            beside: Vec::new(),
        }
    }
}

/// What was found by checks of this name, a line each: of two steps that failed alike both, since a
/// finding does not say its step.
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
