//! What was found out, for people and programs.

use bulla_verify::slsa::SlsaVerdict;
use bulla_verify::{Cause, Decision, Outcome};
use serde::Serialize;

use crate::Exit;
use crate::join::rules::Source;
use crate::render::{Cell, Page, Report, sources};

/// An answer about artifacts and their provenance, or a summary.
#[derive(Serialize)]
pub(super) struct SlsaReport {
    pub(super) artifacts: Vec<String>,
    pub(super) sources: Vec<Source>,
    pub(super) verdict: SlsaVerdict,
}

impl SlsaReport {
    pub(super) fn exit(&self) -> Exit {
        let code = self.verdict.exit_code();
        Exit::ALL
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Exit::Internal)
    }
}

impl Report for SlsaReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        for artifact in &self.artifacts {
            page.line(Cell::strong(artifact));
        }
        page.gap();
        for check in &self.verdict.checks {
            let (outcome, text) = match check.outcome {
                Outcome::Ok => (Cell::good("ok"), check.found.clone()),
                Outcome::Failed(cause) => {
                    let outcome = match cause {
                        Cause::Undetermined => Cell::attention("?"),
                        _ => Cell::bad("FAIL"),
                    };
                    let text = format!("expected {}, found {}", check.expected, check.found);
                    (outcome, text)
                }
            };
            page.row(1, [outcome, check.name.into(), text.into()]);
        }
        page.gap();
        let verdict = &self.verdict;
        match (verdict.decision, verdict.cause) {
            (Decision::Allow, None) => {
                let builder = verdict.builder.as_deref().unwrap_or("its builder");
                let commit = verdict.commit.as_ref();
                let commit =
                    commit.map_or_else(String::new, |commit| format!(" at commit {commit}"));
                page.labelled(&Cell::good("VERIFIED"), &format!("by {builder}{commit}"));
            }
            (_, cause) => {
                let cause = cause.map_or("no reason", Cause::describe);
                page.labelled(&Cell::bad("REFUSED"), cause);
            }
        }
    }
}
