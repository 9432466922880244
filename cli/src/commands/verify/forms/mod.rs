//! The answers as documents for other programs.
//!
//! Each says what the answers are: what is not allowed, or could not be judged, is never a document
//! without findings. With `--audit` denials stay denials in it, though the exit code is 0.

mod address;
mod junit;
mod markdown;
mod sarif;
#[cfg(test)]
mod tests;

pub(super) use junit::junit;
pub(super) use markdown::markdown;
pub(super) use sarif::sarif;

use std::collections::BTreeMap;

use bulla_verify::{Finding, Severity};

use super::report::{Judged, VerifyReport, uncounted};
use crate::{Exit, Failure};

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

/// What is told of an answer besides its findings; it changes nothing.
struct Remark {
    id: &'static str,
    about: &'static str,
    severity: Severity,
    text: String,
}

fn remarks(judged: &Judged) -> Vec<Remark> {
    let moving = judged.may_move().map(|text| Remark {
        id: "moving-tag",
        about: "Manifests name an image by a tag alone.",
        severity: Severity::Warning,
        text,
    });
    let unsigned = judged.unsigned.iter().map(|one| Remark {
        id: "unsigned",
        about: "Claims that nobody signed; they are never counted.",
        severity: Severity::Note,
        text: uncounted(one),
    });
    moving.into_iter().chain(unsigned).collect()
}

/// What a failure says below its message.
fn details(failure: &Failure) -> Vec<String> {
    let hints = failure.hints().iter().map(|hint| format!("hint: {hint}"));
    failure.details().iter().cloned().chain(hints).collect()
}

/// How often each name was given.
#[derive(Default)]
struct Names(BTreeMap<String, usize>);

impl Names {
    /// The name, with a number if it was given before.
    fn distinct(&mut self, name: &str) -> String {
        let mut own = name.to_owned();
        let mut count = self.0.get(name).copied().unwrap_or(0);
        while self.0.contains_key(&own) {
            count = count.saturating_add(1);
            own = format!("{name} ({count})");
        }
        self.0.insert(name.to_owned(), count.max(1));
        self.0.entry(own.clone()).or_insert(1);
        own
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
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
