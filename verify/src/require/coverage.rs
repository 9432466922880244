//! What of an image evidence has to be about: the whole, or each platform of it.
//!
//! A build may sign what it made of each platform, or one statement about the index. A statement about
//! a platform never speaks for the index or for another platform, and one about the index speaks for a
//! platform only where the rule lets it. What speaks against an artifact is heard about both.

use std::fmt;

use bulla_model::Digest;
use serde::Deserialize;

use crate::cause::Cause;
use crate::code::Code;
use crate::platforms::Platform;
use crate::question::{Context, Question};
use crate::require::{Requirement, StepAtHand};
use crate::verdict::{Finding, Outcome, Report, Severity};

/// What has to be covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coverage {
    /// The image itself, or an index that lists it.
    #[default]
    Index,
    /// Each platform that can run, by its own digest; an image that lists none by its own.
    Platforms,
    /// One of both.
    Either,
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Index => "index",
            Self::Platforms => "platforms",
            Self::Either => "either",
        })
    }
}

impl Coverage {
    /// As it stands in the line of a rule.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Index => "",
            Self::Platforms => ", of each platform",
            Self::Either => ", of the index or each platform",
        }
    }
}

/// Judges a step by a rule, for all that the rule has to be met for.
pub(crate) fn judge<R: Requirement>(
    rule: &R,
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    report: &mut Report,
) {
    match rule.coverage() {
        Coverage::Index => rule.judge(context, step, report),
        Coverage::Platforms => each(rule, context, step, report),
        Coverage::Either => {
            let (mut whole, mut parts) = (Report::default(), Report::default());
            rule.judge(&of_index(context), step, &mut whole);
            if is_met(&whole) || is_alone(context) {
                return report.absorb(whole);
            }
            each(rule, context, step, &mut parts);
            // Of two ways that failed the one that came nearer speaks, as of two promotions.
            let distance = |report: &Report| {
                let cause = Cause::overall(&report.causes());
                cause.map_or(0, |cause| cause.distance().saturating_add(1))
            };
            let is_whole = distance(&whole) < distance(&parts);
            report.absorb(if is_whole { whole } else { parts });
        }
    }
}

/// What is found for the index, or else for every platform; nothing if neither has it whole.
pub(crate) fn find<T>(
    context: &Context<'_>,
    coverage: Coverage,
    find: impl Fn(&Context<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let of_index = || find(&of_index(context)).map(|found| vec![found]);
    let of_each = || {
        let platforms = context.platforms;
        let covering = platforms.each().iter().map(|one| listed(context, one));
        let covering: Vec<_> = covering.collect();
        let each = platforms.each().iter().zip(&covering);
        let found = each.map(|(one, covering)| find(&of_platform(context, one, covering)));
        let found: Option<Vec<T>> = found.collect();
        found.filter(|found| !found.is_empty() && platforms.doubt().is_none())
    };
    match coverage {
        Coverage::Index => find(context).map(|found| vec![found]),
        Coverage::Platforms => of_each(),
        Coverage::Either => of_index().or_else(of_each),
    }
}

fn is_met(report: &Report) -> bool {
    !report.checks.is_empty() && report.causes().is_empty()
}

/// Whether there is nothing but the artifact that could be covered.
fn is_alone(context: &Context<'_>) -> bool {
    let own = context.covering.first();
    let mut each = context.platforms.each().iter();
    context.platforms.doubt().is_none() && each.all(|one| Some(&one.digest) == own)
}

/// The index, with what is said against any of its platforms.
fn of_index<'a>(context: &Context<'a>) -> Context<'a> {
    Context {
        against: context.bearing,
        ..*context
    }
}

/// A platform, and the indexes that list it.
fn listed(context: &Context<'_>, platform: &Platform) -> Vec<Digest> {
    let above = context
        .covering
        .iter()
        .filter(|one| **one != platform.digest);
    std::iter::once(&platform.digest)
        .chain(above)
        .cloned()
        .collect()
}

fn of_platform<'a>(
    context: &Context<'a>,
    platform: &'a Platform,
    covering: &'a [Digest],
) -> Context<'a> {
    Context {
        covering,
        own: std::slice::from_ref(&platform.digest),
        against: covering,
        ..*context
    }
}

fn each<R: Requirement>(
    rule: &R,
    context: &Context<'_>,
    step: &StepAtHand<'_>,
    report: &mut Report,
) {
    let platforms = context.platforms;
    let is_alone = is_alone(context);
    let (mut met, mut failed) = (Vec::new(), Vec::new());
    for platform in platforms.each() {
        if (context.question.cancelled)() {
            return unknown(
                context,
                "the deadline came before every platform was looked at",
                report,
            );
        }
        let name = named(context.question.name, platform, is_alone);
        let question = Question {
            name: &name,
            ..*context.question
        };
        let covering = listed(context, platform);
        let context = of_platform(context, platform, &covering);
        let context = Context {
            question: &question,
            ..context
        };
        let mut one = Report::default();
        rule.judge(&context, step, &mut one);
        if is_met(&one) {
            met.push(one);
        } else {
            failed.push(if is_alone { one } else { of(platform, one) });
        }
    }
    let is_met = failed.is_empty() && !met.is_empty();
    for one in failed {
        take(one, report);
    }
    if let Some(doubt) = platforms.doubt() {
        return unknown(context, doubt, report);
    }
    if is_met {
        together(met, report);
    }
}

/// Says which platforms there are is not known.
fn unknown(context: &Context<'_>, why: &str, report: &mut Report) {
    let message = format!("its platforms are not known whole: {why}");
    let finding = Finding::new(Code::EvidenceIncomplete, CHECK, message);
    let hint = format!(
        "ask about each platform of {} by its digest",
        context.question.name
    );
    report.findings.push(finding.hint(hint));
    report.check(CHECK, Outcome::Failed(Cause::Undetermined), "unknown");
}

const CHECK: &str = "platforms";

/// All of them are met: one line says so.
fn together(met: Vec<Report>, report: &mut Report) {
    let count = met.len();
    for (number, mut one) in met.into_iter().enumerate() {
        if number > 0 {
            one.checks.clear();
        } else if count > 1 {
            for check in &mut one.checks {
                check.summary = format!("{}; each of {count} platforms", check.summary);
            }
        }
        take(one, report);
    }
}

fn take(mut one: Report, report: &mut Report) {
    let known = &report.vulnerabilities;
    one.vulnerabilities.retain(|found| !known.contains(found));
    report.absorb(one);
}

/// How many explanations are told of one platform: each platform has the same junk beside it.
const NOTES: usize = 8;

/// What failed, with the platform that it failed for.
fn of(platform: &Platform, mut one: Report) -> Report {
    let name = &platform.name;
    for check in &mut one.checks {
        check.summary = format!("{name}: {}", check.summary);
    }
    let mut notes = 0_usize;
    one.findings.retain(|finding| {
        let is_note = finding.severity == Severity::Note && finding.code != Code::Revoked;
        notes = notes.saturating_add(usize::from(is_note));
        !is_note || notes <= NOTES
    });
    for finding in &mut one.findings {
        finding.message = format!("{name}: {}", finding.message);
    }
    one
}

/// The platform as people type it, for hints.
fn named(name: &str, platform: &Platform, is_alone: bool) -> String {
    if is_alone {
        return name.to_owned();
    }
    let place = name.split_once('@').map_or(name, |(place, _)| place);
    let path_at = place.rfind('/').map_or(0, |at| at.saturating_add(1));
    let path_at = match place.strip_prefix("oci:") {
        Some(_) => path_at.max("oci:".len()),
        None => path_at,
    };
    let (folder, last) = place.split_at(path_at);
    let last = last.split_once(':').map_or(last, |(last, _)| last);
    format!("{folder}{last}@{}", platform.digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_named_by_repository_and_digest() {
        let digest = Digest::sha256(b"arm64");
        let platform = Platform {
            digest: digest.clone(),
            name: "linux/arm64".to_owned(),
        };
        let named = |name| named(name, &platform, false);
        for (name, place) in [
            ("localhost:5000/acme/pay:1.0", "localhost:5000/acme/pay"),
            ("localhost:5000/pay:1.0@sha256:00", "localhost:5000/pay"),
            ("oci:images:1.0", "oci:images"),
            ("oci:dir/images:1.0", "oci:dir/images"),
            ("oci:dir/images@sha256:00", "oci:dir/images"),
            ("pay", "pay"),
        ] {
            assert_eq!(named(name), format!("{place}@{digest}"), "{name}");
        }
    }
}
