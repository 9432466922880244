//! What was found out, for people and programs.

use bulla_verify::Cause;
use bulla_verify::Decision;
use bulla_verify::notation::{
    Action, NotationCheck, NotationOutcome, NotationSignature, NotationVerdict,
};
use serde::Serialize;

use crate::Exit;
use crate::join::rules::Source;
use crate::render::{Cell, Page, Report, shorten, sources};

/// An answer about an image's signatures.
#[derive(Serialize)]
pub(super) struct NotationReport {
    pub(super) image: String,
    /// The repository as which it was judged.
    pub(super) scope: String,
    pub(super) sources: Vec<Source>,
    /// What could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) unavailable: Vec<String>,
    pub(super) verdict: NotationVerdict,
    #[serde(skip)]
    pub(super) explain: bool,
}

impl NotationReport {
    pub(super) fn exit(&self) -> Exit {
        let code = self.verdict.exit_code();
        Exit::ALL
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Exit::Internal)
    }

    /// The signature that speaks for the answer: the one that counts, or whose cause is the
    /// answer's.
    fn speaker(&self) -> Option<&NotationSignature> {
        // Of several that count, one of which everything holds says more than one that the level let
        // pass.
        let counting = || {
            let all = self.verdict.signatures.iter();
            all.filter(|one| one.cause == self.verdict.cause)
        };
        counting()
            .find(|one| let_pass(one).is_none())
            .or_else(|| counting().next())
            .or_else(|| self.verdict.signatures.last())
    }
}

impl Report for NotationReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        page.line(Cell::strong(&self.image));
        let verdict = &self.verdict;
        if let (Some(statement), Some(level)) = (&verdict.statement, verdict.level) {
            page.indented(1, format!("statement {statement}, level {level}"));
        }
        page.gap();
        let shown: Vec<&NotationSignature> = if self.explain {
            verdict.signatures.iter().collect()
        } else {
            self.speaker().into_iter().collect()
        };
        for signature in shown {
            show(page, signature, self.explain);
        }
        for place in &self.unavailable {
            page.indented(1, Cell::attention(format!("could not be read: {place}")));
        }
        page.gap();
        match (verdict.decision, verdict.cause) {
            (Decision::Allow, None) if verdict.level == Some("skip") => {
                let text = "nothing: the policy skips this repository";
                page.labelled(&Cell::attention("SKIPPED"), text);
            }
            (Decision::Allow, None) => {
                let signer = self.speaker().and_then(|one| one.signer.as_deref());
                let signer = signer.unwrap_or("its signer");
                if let Some(check) = self.speaker().and_then(let_pass) {
                    let found = &check.found;
                    let text = format!("as the level has it, by what says it is {signer}: {found}");
                    page.labelled(&Cell::attention("ALLOWED"), &text);
                } else {
                    page.labelled(&Cell::good("VERIFIED"), &format!("by {signer}"));
                }
            }
            (_, _) if verdict.statement.is_none() => {
                let scope = match self.scope.as_str() {
                    "" => "an image without a repository: see --scope",
                    scope => scope,
                };
                let text = format!("no statement of the policy is for {scope}");
                page.labelled(&Cell::bad("REFUSED"), &text);
            }
            (_, cause) => {
                let cause = cause.map_or("no reason", Cause::describe);
                page.labelled(&Cell::bad("REFUSED"), cause);
            }
        }
    }
}

/// A check that failed and that the level only has logged.
fn let_pass(signature: &NotationSignature) -> Option<&NotationCheck> {
    let mut checks = signature.checks.iter();
    checks.find(|check| matches!(check.outcome, NotationOutcome::Failed(_)))
}

fn show(page: &mut Page, signature: &NotationSignature, explain: bool) {
    let counts = match signature.cause {
        None => "counts",
        Some(_) => "does not count",
    };
    let place = shorten(&signature.manifest);
    page.indented(1, format!("signature {place}  {counts}"));
    for check in &signature.checks {
        let found = Cell::from(&check.found);
        page.row(2, [outcome(check), check.name.name().into(), found]);
        if explain {
            let expected = Cell::faint(format!("expected {}", check.expected));
            page.row(2, ["".into(), "".into(), expected]);
        }
    }
    for (name, value) in &signature.annotations {
        page.row(2, ["".into(), Cell::from(name), Cell::from(value)]);
    }
}

fn outcome(check: &NotationCheck) -> Cell {
    match (check.outcome, check.action) {
        (NotationOutcome::Ok, _) => Cell::good("ok"),
        (NotationOutcome::Skipped, _) => Cell::attention("skip"),
        (NotationOutcome::Failed(_), Action::Log) => Cell::attention("logged"),
        (NotationOutcome::Failed(Cause::Undetermined), _) => Cell::attention("?"),
        (NotationOutcome::Failed(_), _) => Cell::bad("FAIL"),
    }
}
