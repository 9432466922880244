//! Every check of every signature, or of a policy, with what was expected and what was found.

use bulla_verify::{Check, Finding, Outcome, SignatureReport, Verdict};

use super::{Cell, Page, shorten};

/// Walks the signatures a verdict looked at, those that count first, or the checks of its policy.
pub fn explain(page: &mut Page, verdict: &Verdict) {
    // Without a policy the one check is about the signatures that follow.
    if verdict.environment.is_some() {
        for (index, check) in verdict.checks.iter().enumerate() {
            page.gap();
            let findings = verdict.findings.iter();
            let own: Vec<&Finding> = findings.filter(|one| is_about(one, check)).collect();
            walk(page, index.saturating_add(1), check, &own);
        }
    }
    for (index, signature) in verdict.signatures.iter().enumerate() {
        page.gap();
        heading(page, index.saturating_add(1), signature);
        for check in &signature.checks {
            let outcome = if check.ok {
                Cell::good("ok")
            } else {
                Cell::bad("FAIL")
            };
            page.row(
                1,
                [
                    outcome,
                    Cell::from(check.name),
                    Cell::faint("expected"),
                    Cell::from(&check.expected),
                ],
            );
            page.row(
                1,
                [
                    Cell::from(""),
                    Cell::from(""),
                    Cell::faint("found"),
                    Cell::from(&check.found),
                ],
            );
        }
    }
}

/// Whether a finding belongs to a check: where both name a rule, to the check of that rule.
fn is_about(finding: &Finding, check: &Check) -> bool {
    let same_rule = match (&finding.place, &check.place) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    finding.check == check.name && same_rule
}

/// A check of a policy: the rule that asks for it, what it saw, and what was wrong with what.
fn walk(page: &mut Page, number: usize, check: &Check, findings: &[&Finding]) {
    let step = check.step.as_deref();
    let step = step.map_or_else(String::new, |step| format!("  step {step}"));
    let outcome = match check.outcome {
        Outcome::Ok => "ok".to_owned(),
        Outcome::Failed(cause) => format!("FAIL: {}", cause.describe()),
    };
    page.line(Cell::strong(format!(
        "#{number}  {}{step}  {outcome}",
        check.name
    )));
    if let Some(place) = &check.place {
        line(page, "rule", &place.to_string());
    }
    line(page, "found", &check.summary);
    for finding in findings {
        line(
            page,
            "because",
            &format!("{} [{}]", finding.message, finding.code),
        );
        for (label, text) in [("expected", &finding.expected), ("found", &finding.found)] {
            if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
                line(page, label, text);
            }
        }
        if let (Some(place), None) = (&finding.place, &check.place) {
            line(page, "rule", &place.to_string());
        }
        if let Some(manifest) = &finding.manifest {
            let pointer = finding.pointer.unwrap_or_default();
            line(page, "in", &format!("{manifest} {pointer}"));
        }
    }
}

fn line(page: &mut Page, label: &'static str, text: &str) {
    page.row(1, [Cell::faint(label), Cell::from(text)]);
}

fn heading(page: &mut Page, number: usize, signature: &SignatureReport) {
    let what = signature
        .predicate_type
        .as_deref()
        .unwrap_or("signature of the artifact");
    let place = signature
        .manifest
        .as_ref()
        .map_or_else(String::new, |digest| format!("  in {}", shorten(digest)));
    let counts = if signature.counts {
        "counts"
    } else {
        "does not count"
    };
    page.line(Cell::strong(format!("#{number}  {what}{place}  {counts}")));
}
