//! Verdicts for people: the checks, then the answer in one word, then what to do.

use bulla_model::EdgeKind;
use bulla_verify::{
    Cause, Check, Decision, Finding, Outcome, ReviewState, Severity, Step, Verdict,
};

use super::{Cell, Page, shorten};
use crate::join::rules::Source;

/// Writes a verdict. `name` is the artifact as typed; `verbose` adds the notes.
pub fn verdict(page: &mut Page, name: &str, verdict: &Verdict, verbose: bool) {
    page.line(Cell::strong(format!(
        "{name} -> {}",
        shorten(&verdict.subject)
    )));
    if let (Some(service), Some(tier)) = (&verdict.service, &verdict.tier) {
        let policy = verdict.policy.as_ref().map_or_else(String::new, |policy| {
            format!(
                "   policy {} v{} ({})",
                policy.name,
                policy.version,
                shorten(&policy.digest)
            )
        });
        page.indented(1, Cell::faint(format!("{service}   tier {tier}{policy}")));
    }
    if !verdict.steps.is_empty() {
        steps(page, verdict);
    }
    page.gap();
    let shown = |check: &&Check| {
        verbose
            || verdict.steps.is_empty()
            || verdict.decision != Decision::Allow
            || check.step.is_none()
    };
    for check in verdict.checks.iter().filter(shown) {
        let outcome = match check.outcome {
            Outcome::Ok => Cell::good("ok"),
            Outcome::Failed(Cause::NotYet) => Cell::attention("wait"),
            Outcome::Failed(Cause::Undetermined) => Cell::attention("?"),
            Outcome::Failed(_) => Cell::bad("FAIL"),
        };
        let step = check.step.clone().unwrap_or_default();
        page.row(
            1,
            [
                outcome,
                step.into(),
                check.name.into(),
                check.summary.as_str().into(),
            ],
        );
    }
    page.gap();
    // Several steps may fail on the same statement; once is enough for people.
    let mut told = std::collections::BTreeSet::new();
    for finding in &verdict.findings {
        let hidden =
            finding.severity == Severity::Note && !verbose && verdict.decision == Decision::Allow;
        let place = finding.place.as_ref().map(ToString::to_string);
        if !hidden && told.insert((finding.code, &finding.message, &finding.manifest, place)) {
            tell(page, finding);
        }
    }
    answer(page, verdict);
}

/// Writes what a verdict rests on: each file, who named it, and its digest.
pub fn sources(page: &mut Page, sources: &[Source]) {
    for source in sources {
        page.row(
            1,
            [
                Cell::faint(source.what),
                Cell::faint(&source.path),
                Cell::faint(&source.origin),
                Cell::faint(shorten(&source.digest)),
            ],
        );
    }
}

fn steps(page: &mut Page, verdict: &Verdict) {
    let mut names = vec![Cell::from("build")];
    let mut times = vec![Cell::from("")];
    let mut persons = vec![Cell::from("")];
    for step in &verdict.steps {
        let (way, others) = (way(step), others(step));
        names.push(Cell::from(format!("──  {}{way}{others}", step.environment)));
        let local = step.at.to_zoned(jiff::tz::TimeZone::system());
        times.push(Cell::faint(format!(
            "    {}",
            local.strftime("%a %d %b %H:%M %Z")
        )));
        let by: Vec<_> = step.approved_by.iter().map(ToString::to_string).collect();
        let by = if by.is_empty() {
            "no approval needed".to_owned()
        } else {
            by.join(", ")
        };
        persons.push(Cell::faint(format!("    {by}")));
    }
    page.gap();
    page.cells(1, names);
    page.cells(1, times);
    page.cells(1, persons);
}

/// How the step was taken, unless as usual, and what is left to do: ` (hotfix, review open)`.
pub fn way(step: &Step) -> String {
    let state = step.review.map(|review| review.state);
    match (step.kind, state) {
        (EdgeKind::Promote, _) => String::new(),
        (kind, None | Some(ReviewState::Accepted)) => format!(" ({kind})"),
        (kind, Some(state)) => format!(" ({kind}, review {})", state.as_str()),
    }
}

/// How many others took the step too: `, with 2 others`.
pub fn others(step: &Step) -> String {
    match step.others() {
        0 => String::new(),
        number => format!(", with {}", count(number, "other")),
    }
}

fn tell(page: &mut Page, finding: &Finding) {
    let label = match finding.severity {
        Severity::Error => Cell::bad("error:"),
        Severity::Warning => Cell::attention("warning:"),
        Severity::Note => Cell::faint("note:"),
    };
    page.labelled(&label, &format!("{}   [{}]", finding.message, finding.code));
    if let Some(expected) = finding.expected.as_ref().filter(|text| !text.is_empty()) {
        page.indented(1, format!("expected  {expected}"));
    }
    if let Some(found) = finding.found.as_ref().filter(|text| !text.is_empty()) {
        page.indented(1, format!("found     {found}"));
    }
    if let Some(place) = &finding.place {
        page.indented(1, format!("policy    {place}"));
    }
    if let Some(manifest) = &finding.manifest {
        let pointer = finding.pointer.unwrap_or_default();
        page.indented(1, format!("in        {manifest} {pointer}"));
    }
}

fn answer(page: &mut Page, verdict: &Verdict) {
    match (verdict.decision, verdict.cause) {
        (Decision::Allow, _) => {
            let promotions = verdict.steps.len();
            let mut text = count(verdict.attestations, "attestation");
            if promotions > 0 {
                text = format!("{text}, {}", count(promotions, "promotion"));
            }
            if !verdict.persons.is_empty() {
                text = format!("{text}, {}", count(verdict.persons.len(), "approver"));
            }
            page.labelled(&Cell::good("allowed:"), &text);
        }
        (Decision::Deny, cause) => {
            page.labelled(&Cell::bad("denied:"), &refusal(verdict, cause));
        }
        (Decision::Undetermined, _) => {
            page.labelled(
                &Cell::attention("could not find out:"),
                "this is not a \"no\": try again",
            );
        }
    }
    let mut told = Vec::new();
    for hint in verdict
        .findings
        .iter()
        .filter_map(|finding| finding.hint.as_ref())
    {
        if !told.contains(&hint) && told.len() < 3 {
            page.labelled(&Cell::strong("hint:"), hint);
            told.push(hint);
        }
    }
}

/// "Denied" alone says nothing twice; the other causes say it best in their own words.
fn refusal(verdict: &Verdict, cause: Option<Cause>) -> String {
    match (cause, &verdict.service, &verdict.environment) {
        (Some(Cause::Denied), Some(service), Some(environment)) => {
            format!("{service} may not be in {}", environment.name())
        }
        (Some(Cause::Denied), _, _) => "the policy does not allow it".to_owned(),
        (Some(cause), _, _) => cause.describe().to_owned(),
        (None, _, _) => "no reason was given".to_owned(),
    }
}

/// A number of things: `1 slot`, `2 slots`.
pub fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
