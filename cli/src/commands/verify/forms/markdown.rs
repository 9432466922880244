//! Markdown, for a step's summary or a comment on a request.

use bulla_verify::{Finding, Severity};

use super::super::report::{Judged, VerifyReport};
use super::{answer, reason, together};
use crate::render::code_span;

/// Findings of one answer that are listed; the JSON has all.
const FINDINGS: usize = 32;

/// A table of the answers, and one of what was found.
pub(in crate::commands::verify) fn markdown(report: &VerifyReport) -> String {
    let mut lines = vec![
        format!("### bulla verify: {}", together(report)),
        String::new(),
        "| answer | of | why |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for judged in &report.verdicts {
        lines.push(format!(
            "| {} | {} | {} |",
            answer(judged),
            code_span(&judged.target),
            code_span(&reason(judged))
        ));
    }
    let mut found = Vec::new();
    for judged in &report.verdicts {
        put_findings(&mut found, judged);
    }
    if !found.is_empty() {
        lines.push(String::new());
        lines.push("| | of | finding | what | expected | found | what helps |".to_owned());
        lines.push("|---|---|---|---|---|---|---|".to_owned());
        lines.append(&mut found);
    }
    lines.push(String::new());
    lines.join("\n")
}

fn put_findings(lines: &mut Vec<String>, judged: &Judged) {
    let Ok(verdict) = &judged.outcome else {
        return;
    };
    let told = verdict.findings.iter();
    let told = told.filter(|finding| finding.severity != Severity::Note);
    let count = told.clone().count();
    lines.extend(told.take(FINDINGS).map(|finding| row(judged, finding)));
    if let Some(more) = count.checked_sub(FINDINGS).filter(|more| *more > 0) {
        let target = code_span(&judged.target);
        lines.push(format!("| | {target} | | {more} more | | | |"));
    }
}

fn row(judged: &Judged, finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let text = |text: &Option<String>| code_span(text.as_deref().unwrap_or_default());
    format!(
        "| {severity} | {} | {} | {} | {} | {} | {} |",
        code_span(&judged.target),
        finding.code,
        code_span(&finding.message),
        text(&finding.expected),
        text(&finding.found),
        text(&finding.hint)
    )
}
