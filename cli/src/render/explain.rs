//! Every check of every signature, with what was expected and what was found.

use bulla_verify::{SignatureReport, Verdict};

use super::{Cell, Page, shorten};

/// Walks the signatures a verdict looked at, those that count first.
pub fn explain(page: &mut Page, verdict: &Verdict) {
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
