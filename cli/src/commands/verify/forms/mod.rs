//! The answers as documents for other programs.
//!
//! Each says the same as the exit code without `--audit`: what is not allowed, or could not be judged, is
//! never a document without findings.

mod junit;
mod markdown;
mod sarif;
#[cfg(test)]
mod tests;

pub(super) use junit::junit;
pub(super) use markdown::markdown;
pub(super) use sarif::sarif;

use bulla_verify::{Finding, Severity};

use super::report::{Judged, VerifyReport};
use crate::Exit;

/// What all answers come to, in a word.
pub(super) fn together(report: &VerifyReport) -> &'static str {
    let exits: Vec<Exit> = report.verdicts.iter().map(|one| one.exit(false)).collect();
    word(Exit::overall(&exits))
}

/// One answer in a word.
fn answer(judged: &Judged) -> &'static str {
    word(judged.exit(false))
}

fn word(exit: Exit) -> &'static str {
    match exit {
        Exit::Success => "allowed",
        Exit::NotYet => "not yet",
        Exit::Undetermined => "not known",
        Exit::Usage | Exit::Internal | Exit::Interrupted | Exit::Child(_) => "not judged",
        Exit::Denied
        | Exit::NothingSigned
        | Exit::Untrusted
        | Exit::Invalid
        | Exit::OtherSubject
        | Exit::Outdated => "denied",
    }
}

/// What leads, in one line: the first error, or why there is no answer.
fn reason(judged: &Judged) -> String {
    match &judged.outcome {
        Err(failure) => failure.message().to_owned(),
        Ok(verdict) => verdict
            .leading()
            .map_or_else(String::new, |finding| finding.message.clone()),
    }
}

/// What is said of an answer beside the reason for it.
fn warnings(judged: &Judged) -> Vec<String> {
    let findings = judged.outcome.iter().flat_map(|verdict| &verdict.findings);
    let findings = findings.filter(|finding| finding.severity == Severity::Warning);
    let told = findings.map(|finding| format!("{}: {}", finding.code, finding.message));
    let tag = judged.is_tag.then(|| TAG.1.to_owned());
    told.chain(tag).collect()
}

/// Said of what is named by a tag alone.
const TAG: (&str, &str) = ("tag-moves", "A tag can move before it is pulled.");

/// What there is to know about why there is no answer, by name.
fn causes(judged: &Judged) -> Vec<(&'static str, String)> {
    let Err(failure) = &judged.outcome else {
        return Vec::new();
    };
    let details = failure.details().iter();
    let details = details.map(|detail| ("detail", detail.clone()));
    let hints = failure.hints().iter();
    details
        .chain(hints.map(|hint| ("hint", hint.clone())))
        .collect()
}

/// What a finding says besides its message, by name.
fn facts(finding: &Finding) -> Vec<(&'static str, String)> {
    let all = [
        ("expected", finding.expected.clone()),
        ("found", finding.found.clone()),
        ("place", finding.place.as_ref().map(ToString::to_string)),
        (
            "statement",
            finding.manifest.as_ref().map(ToString::to_string),
        ),
        ("pointer", finding.pointer.map(str::to_owned)),
        ("hint", finding.hint.clone()),
    ];
    let said = all.into_iter();
    said.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
