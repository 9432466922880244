//! Markdown, for a step's summary or a comment on a request.

use bulla_verify::{Finding, Severity};

use super::super::report::{Judged, VerifyReport};
use super::{TAG, answer, causes, reason, together};
use crate::Exit;
use crate::render::code_span;

/// Findings of one answer that are listed; the JSON has all.
const FINDINGS: usize = 32;
/// Bytes of a page: comments on code platforms end at 65,536 characters.
const PAGE: usize = 60_000;

/// A table of the answers, what is not allowed first, and one of what was found.
pub(in crate::commands::verify) fn markdown(report: &VerifyReport) -> String {
    let mut page = Page {
        text: format!(
            "### bulla verify: {}\n\n| answer | of | why |\n|---|---|---|\n",
            together(report)
        ),
        left_out: 0,
    };
    let mut judged: Vec<_> = report.verdicts.iter().collect();
    judged.sort_by_key(|one| one.exit(false) == Exit::Success);
    for one in &judged {
        let (target, reason) = (code_span(&one.target), code_span(&reason(one)));
        page.row(&format!("| {} | {target} | {reason} |", answer(one)));
    }
    let found: Vec<String> = judged.iter().flat_map(|one| findings(one)).collect();
    if !found.is_empty() {
        page.row("");
        page.row("| | of | finding | what | expected | found | what helps |");
        page.row("|---|---|---|---|---|---|---|");
        found.iter().for_each(|row| page.row(row));
    }
    page.end()
}

/// Rows until there are too many.
struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    fn row(&mut self, row: &str) {
        let length = self.text.len().saturating_add(row.len());
        if self.left_out > 0 || length > PAGE {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.text.push_str(row);
        self.text.push('\n');
    }

    fn end(mut self) -> String {
        if self.left_out > 0 {
            let line = format!("\n{} more lines; the JSON has all.\n", self.left_out);
            self.text.push_str(&line);
        }
        self.text
    }
}

fn findings(judged: &Judged) -> Vec<String> {
    let target = code_span(&judged.target);
    let causes = causes(judged).into_iter();
    let mut rows: Vec<String> = causes
        .map(|(name, value)| format!("| {name} | {target} | | {} | | | |", code_span(&value)))
        .collect();
    if judged.is_tag {
        let (code, about) = TAG;
        rows.push(format!("| warning | {target} | {code} | {about} | | | |"));
    }
    let told = judged.outcome.iter().flat_map(|verdict| &verdict.findings);
    let told: Vec<_> = told
        .filter(|finding| finding.severity != Severity::Note)
        .collect();
    let shown = told.iter().take(FINDINGS);
    rows.extend(shown.map(|finding| row(&target, finding)));
    if let Some(more) = told.len().checked_sub(FINDINGS).filter(|more| *more > 0) {
        rows.push(format!("| | {target} | | {more} more | | | |"));
    }
    rows
}

fn row(target: &str, finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let text = |text: &Option<String>| code_span(text.as_deref().unwrap_or_default());
    format!(
        "| {severity} | {target} | {} | {} | {} | {} | {} |",
        finding.code,
        code_span(&finding.message),
        text(&finding.expected),
        text(&finding.found),
        text(&finding.hint)
    )
}
