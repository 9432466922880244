//! Results of policy tests as JUnit XML, as CI systems read it.

use std::fmt::Write as _;

use super::trial::{CaseReport, Outcome, TestReport};
use crate::render::xml_text as text;

/// The document: one suite, one case for each case.
pub(super) fn xml(report: &TestReport) -> String {
    let (cases, failed, errors) = (report.cases.len(), report.failed, report.not_judged);
    let counts = format!("tests=\"{cases}\" failures=\"{failed}\" errors=\"{errors}\"");
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put(&mut out, &format!("<testsuites {counts}>"));
    put(
        &mut out,
        &format!("  <testsuite name=\"bulla policy test\" {counts}>"),
    );
    for case in &report.cases {
        one(&mut out, case);
    }
    put(&mut out, "  </testsuite>");
    put(&mut out, "</testsuites>");
    out
}

fn one(out: &mut String, case: &CaseReport) {
    // CI systems group by class and know no lines.
    let mut parts = case.place.rsplitn(3, ':');
    let (_, line) = (parts.next(), parts.next().unwrap_or("1"));
    let file = parts.next().unwrap_or(&case.place);
    let head = format!(
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\"",
        text(&case.name),
        text(file),
        text(file),
        text(line)
    );
    let told = match case.outcome {
        Outcome::Passed => return put(out, &format!("{head}/>")),
        Outcome::Failed => {
            let differences = case.differences.iter();
            let lines: Vec<_> = differences
                .map(|one| {
                    format!(
                        "{}: expected {}, found {}",
                        one.part, one.expected, one.found
                    )
                })
                .collect();
            ("failure", lines.join("; "))
        }
        Outcome::NotJudged => ("error", case.reason.clone().unwrap_or_default()),
    };
    let (element, message) = told;
    put(out, &format!("{head}>"));
    put(
        out,
        &format!("      <{element} message=\"{}\"/>", text(&message)),
    );
    put(out, "    </testcase>");
}

fn put(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("because writing to a string cannot fail");
}
