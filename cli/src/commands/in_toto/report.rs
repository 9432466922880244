//! Whether a layout was followed, for people and programs.

use bulla_verify::in_toto::{LayoutCheck, LayoutVerdict};
use bulla_verify::{Cause, Decision, Outcome};
use serde::Serialize;

use crate::Exit;
use crate::render::{Cell, Page, Report};

/// An answer about a layout.
#[derive(Serialize)]
pub(super) struct LayoutReport {
    pub(super) layout: String,
    #[serde(skip)]
    pub(super) explain: bool,
    pub(super) verdict: LayoutVerdict,
}

impl LayoutReport {
    pub(super) fn exit(&self) -> Exit {
        let code = self.verdict.exit_code();
        Exit::ALL
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Exit::Internal)
    }
}

impl Report for LayoutReport {
    fn human(&self, page: &mut Page) {
        let verdict = &self.verdict;
        page.line(Cell::strong(&self.layout));
        for step in &verdict.steps {
            let flow = format!("{} materials, {} products", step.materials, step.products);
            let signers: Vec<String> = step.signers.iter().map(ToString::to_string).collect();
            page.row(
                1,
                [
                    "step".into(),
                    step.name.as_str().into(),
                    flow.into(),
                    Cell::faint(format!("by {}", signers.join(", "))),
                ],
            );
        }
        page.gap();
        for check in &verdict.checks {
            if self.explain || check.outcome != Outcome::Ok {
                show(page, check);
            }
        }
        for note in &verdict.notes {
            page.row(1, [Cell::attention("note"), note.as_str().into()]);
        }
        page.gap();
        match (verdict.decision, verdict.cause) {
            (Decision::Allow, None) => {
                let ends = verdict
                    .expires
                    .map_or_else(String::new, |expires| format!(", which ends at {expires}"));
                let text = format!("made as the layout says{ends}");
                page.labelled(&Cell::good("VERIFIED"), &text);
            }
            (_, cause) => {
                let cause = cause.map_or("no reason", Cause::describe);
                page.labelled(&Cell::bad("REFUSED"), cause);
                hint(page, verdict);
            }
        }
    }
}

fn show(page: &mut Page, check: &LayoutCheck) {
    let outcome = match check.outcome {
        Outcome::Ok => Cell::good("ok"),
        Outcome::Failed(Cause::Undetermined) => Cell::attention("?"),
        Outcome::Failed(_) => Cell::bad("FAIL"),
    };
    let text = format!("expected {}, found {}", check.expected, check.found);
    page.row(
        1,
        [
            outcome,
            check.of.as_str().into(),
            check.name.into(),
            text.into(),
        ],
    );
}

/// What to do about the first check that failed, where a flag would help.
fn hint(page: &mut Page, verdict: &LayoutVerdict) {
    let failed = verdict.checks.iter().find(|one| one.outcome != Outcome::Ok);
    let Some(failed) = failed else {
        return;
    };
    let text = match failed.name {
        "links" if failed.outcome != Outcome::Failed(Cause::Nothing) => return,
        "inspection" => format!(
            "run its command, then pass --inspected {}=BEFORE,AFTER",
            failed.of
        ),
        "links" => format!(
            "pass the folder that has {}.KEYID.link: --links DIR",
            failed.of
        ),
        _ => return,
    };
    page.labelled(&Cell::faint("hint:"), &text);
}
