//! A comparison of policies as Markdown, for the description of a pull request.

use super::diff::{DiffReport, Told, word};
use crate::render::code_span as text;

/// Two tables: rules, and answers.
pub(super) fn page(report: &DiffReport) -> String {
    let (old, new) = (&report.old, &report.new);
    let mut lines = vec![
        format!(
            "### Policy {} v{} → {} v{}",
            text(&old.name),
            old.version,
            text(&new.name),
            new.version
        ),
        String::new(),
    ];
    if report.changes.is_empty() {
        lines.push("The rules are the same.".to_owned());
    } else {
        lines.push("| | subject | rule | change | place |".to_owned());
        lines.push("|---|---|---|---|---|".to_owned());
    }
    for change in &report.changes {
        let place = change.place.as_ref().map(ToString::to_string);
        lines.push(format!(
            "| {} | {} | {} | {} | {} |",
            word(change.effect),
            text(&change.subject),
            text(&change.rule),
            text(&change.text),
            text(&place.unwrap_or_default())
        ));
    }
    if !report.verdicts.is_empty() {
        lines.push(String::new());
        lines.push("| | evidence | environment | before | after |".to_owned());
        lines.push("|---|---|---|---|---|".to_owned());
    }
    for verdict in &report.verdicts {
        let told = |told: &Option<Told>| match (told, &verdict.reason) {
            (Some(told), _) => told.text(),
            (None, reason) => reason.clone().unwrap_or_default(),
        };
        lines.push(format!(
            "| {} | {} | {} | {} | {} |",
            verdict.effect.text(),
            text(&verdict.evidence),
            text(verdict.environment.as_deref().unwrap_or_default()),
            text(&told(&verdict.before)),
            text(&told(&verdict.after))
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
