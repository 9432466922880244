//! What changed as Markdown, for release notes.

use super::diff::{Comparison, Only, list};
use crate::render::code_span as text;

/// A table for each kind of change.
pub(super) fn page(report: &Comparison) -> String {
    let mut lines = vec![
        format!(
            "### Packages: {} → {}",
            text(&report.from.what),
            text(&report.to.what)
        ),
        String::new(),
    ];
    if !report.changed.is_empty() {
        lines.push("| changed | | from | to | licence |".to_owned());
        lines.push("|---|---|---|---|---|".to_owned());
    }
    for both in &report.changed {
        let license = both.licenses.as_ref();
        let license =
            license.map(|both| format!("{} → {}", text(&list(&both.from)), text(&list(&both.to))));
        lines.push(format!(
            "| {} | {} | {} | {} | {} |",
            text(&both.name),
            text(&both.kind),
            text(&list(&both.versions.from)),
            text(&list(&both.versions.to)),
            license.unwrap_or_default()
        ));
    }
    only(&mut lines, "added", &report.added);
    only(&mut lines, "removed", &report.removed);
    let (changed, added, removed) = (
        report.changed.len(),
        report.added.len(),
        report.removed.len(),
    );
    if lines.last().is_some_and(|line| !line.is_empty()) {
        lines.push(String::new());
    }
    let same = report.same;
    lines.push(format!(
        "{changed} changed, {added} added, {removed} removed, {same} the same."
    ));
    lines.push(String::new());
    lines.join("\n")
}

fn only(lines: &mut Vec<String>, word: &str, all: &[Only]) {
    if all.is_empty() {
        return;
    }
    if lines.last().is_some_and(|line| !line.is_empty()) {
        lines.push(String::new());
    }
    lines.push(format!("| {word} | | version | licence |"));
    lines.push("|---|---|---|---|".to_owned());
    for one in all {
        lines.push(format!(
            "| {} | {} | {} | {} |",
            text(&one.name),
            text(&one.kind),
            text(&list(&one.versions)),
            text(&list(&one.licenses))
        ));
    }
}
