//! JUnit XML: a suite for each answer, a case for each check.

use std::fmt::Write as _;

use bulla_verify::{Cause, Check, Finding, Outcome, Severity, Verdict};

use super::super::report::{Judged, VerifyReport};
use super::{Names, answer, details, facts, reason, remarks, severity};
use crate::Exit;
use crate::render::xml_text as text;

/// The document.
pub(in crate::commands::verify) fn junit(report: &VerifyReport) -> String {
    let mut names = Names::default();
    let verdicts = report.verdicts.iter();
    let suites: Vec<Suite> = verdicts
        .map(|judged| Suite::of(judged, names.distinct(&judged.target)))
        .collect();
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
    /// What changes nothing, a line each.
    aside: String,
}

impl Suite {
    fn of(judged: &Judged, name: String) -> Self {
        let mut cases = vec![Case::of_all(judged)];
        if let Ok(verdict) = &judged.outcome {
            let checks = verdict.checks.iter();
            cases.extend(checks.map(|check| Case::of(check, verdict)));
        }
        let mut names = Names::default();
        for case in &mut cases {
            case.name = names.distinct(&case.name);
        }
        Self { name, cases }
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
            case.put(out, &name);
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
            let body = judged.outcome.as_ref().err().map(details);
            let body: Vec<_> = body.iter().flatten().map(|line| text(line)).collect();
            (kind, message, body.join("\n"))
        });
        Self {
            name: "answer".to_owned(),
            told,
            aside: aside(judged),
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
        let aside = String::new();
        Self { name, told, aside }
    }

    fn put(&self, out: &mut String, suite: &str) {
        let name = text(&self.name);
        let head = format!("    <testcase name=\"{name}\" classname=\"{suite}\"");
        if self.told.is_none() && self.aside.is_empty() {
            put(out, &format!("{head}/>"));
            return;
        }
        put(out, &format!("{head}>"));
        if let Some((kind, message, body)) = &self.told {
            let message = text(message);
            put(
                out,
                &format!("      <{kind} message=\"{message}\">{body}</{kind}>"),
            );
        }
        if !self.aside.is_empty() {
            put(
                out,
                &format!("      <system-out>{}</system-out>", self.aside),
            );
        }
        put(out, "    </testcase>");
    }
}

/// What is told of an answer and changes nothing.
fn aside(judged: &Judged) -> String {
    let findings = judged.outcome.iter().flat_map(|verdict| &verdict.findings);
    let warnings = findings.filter(|one| one.severity == Severity::Warning);
    let mut lines: Vec<_> = warnings
        .map(|one| format!("warning: {}", line(one)))
        .collect();
    lines.extend(remarks(judged).iter().map(|one| {
        let said = text(&one.text);
        format!("{}: {}: {said}", severity(one.severity), one.id)
    }));
    lines.join("\n")
}

/// What was found by a failed check, a line each. A finding does not say its step: it is told where
/// its rule is the check's own, and where no other check of that name has its rule.
fn findings(check: &Check, verdict: &Verdict) -> String {
    let is_failed = |one: &&Check| matches!(one.outcome, Outcome::Failed(_));
    let of_name = verdict.checks.iter().filter(|one| one.name == check.name);
    let of_name: Vec<_> = of_name.filter(is_failed).collect();
    let is_own = |one: &&Finding| {
        one.check == check.name
            && one.severity == Severity::Error
            && (one.place == check.place || of_name.iter().all(|other| other.place != one.place))
    };
    let lines: Vec<_> = verdict.findings.iter().filter(is_own).map(line).collect();
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
