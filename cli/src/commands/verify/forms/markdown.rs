//! Markdown, for a step's summary or a comment on a request.

use bulla_verify::{Finding, Severity};

use super::super::report::{Judged, VerifyReport};
use super::{answer, reason, remarks, severity, together};
use crate::Exit;
use crate::escape::escape;
use crate::render::code_span;

/// Findings of one answer that are listed; the JSON has all.
const FINDINGS: usize = 32;
/// Rows of each of the two tables.
const ROWS: usize = 250;
/// Characters of each of the two tables: a comment on GitHub holds 65,536.
const CHARACTERS: usize = 29_000;
/// Characters of what is in one cell.
const CELL: usize = 1_000;

/// A table of the answers, and one of what was found; what is not allowed first.
pub(in crate::commands::verify) fn markdown(report: &VerifyReport) -> String {
    let mut verdicts: Vec<&Judged> = report.verdicts.iter().collect();
    verdicts.sort_by_key(|judged| judged.exit(false) == Exit::Success);
    let mut lines = vec![
        format!("### bulla verify: {}", together(report)),
        String::new(),
        "| answer | of | why |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    let answers = verdicts.iter().map(|judged| {
        let (target, why) = (cell(&judged.target), cell(&reason(judged)));
        format!("| {} | {target} | {why} |", answer(judged))
    });
    put(&mut lines, &answers.collect::<Vec<_>>(), "answers");
    let found: Vec<_> = verdicts.iter().flat_map(|judged| rows(judged)).collect();
    if !found.is_empty() {
        lines.push(String::new());
        lines.push("| | of | finding | what | expected | found | what helps |".to_owned());
        lines.push("|---|---|---|---|---|---|---|".to_owned());
        put(&mut lines, &found, "findings");
    }
    lines.push(String::new());
    lines.join("\n")
}

/// As many rows as there is room for, and how many are left out.
fn put(lines: &mut Vec<String>, rows: &[String], what: &str) {
    let mut room = CHARACTERS;
    let mut put = 0;
    for row in rows.iter().take(ROWS) {
        let Some(left) = room.checked_sub(row.chars().count().saturating_add(1)) else {
            break;
        };
        room = left;
        put += 1;
        lines.push(row.clone());
    }
    if put < rows.len() {
        let more = rows.len() - put;
        lines.push(String::new());
        lines.push(format!("{more} more {what} have no room here."));
    }
}

/// What was found of one answer, and what a failure says below its message.
fn rows(judged: &Judged) -> Vec<String> {
    let target = cell(&judged.target);
    let mut rows = Vec::new();
    match &judged.outcome {
        Ok(verdict) => {
            let told = verdict.findings.iter();
            let told: Vec<_> = told.filter(|one| one.severity != Severity::Note).collect();
            rows.extend(told.iter().take(FINDINGS).map(|one| row(judged, one)));
            if told.len() > FINDINGS {
                let more = told.len() - FINDINGS;
                rows.push(format!("| | {target} | | {more} more | | | |"));
            }
        }
        Err(failure) if failure.details().is_empty() && failure.hints().is_empty() => {}
        Err(failure) => {
            let details = cell(&failure.details().join("; "));
            let hints = cell(&failure.hints().join("; "));
            rows.push(format!("| error | {target} | | {details} | | | {hints} |"));
        }
    }
    rows.extend(remarks(judged).iter().take(FINDINGS).map(|one| {
        let (level, text) = (severity(one.severity), cell(&one.text));
        format!("| {level} | {target} | {} | {text} | | | |", one.id)
    }));
    rows
}

fn row(judged: &Judged, finding: &Finding) -> String {
    let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
    format!(
        "| {} | {} | {} | {} | {} | {} | {} |",
        severity(finding.severity),
        cell(&judged.target),
        finding.code,
        cell(&finding.message),
        text(&finding.expected),
        text(&finding.found),
        text(&finding.hint)
    )
}

fn cell(text: &str) -> String {
    let text = escape(text);
    match text.char_indices().nth(CELL) {
        Some((end, _)) => code_span(&format!("{}...", text.get(..end).unwrap_or_default())),
        None => code_span(&text),
    }
}
