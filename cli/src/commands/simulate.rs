//! `bulla simulate`: the answer at another time, and when it changes.

use std::sync::Arc;

use bulla_verify::{Decision, Evidence, Severity, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::exhibit::{Asked, Exhibit, Short};
use crate::args::simulate::Arguments;
use crate::commands::Context;
use crate::join::rules::{Rules, Source};
use crate::join::step;
use crate::render::{Cell, Page, Report, sources};
use crate::{Exit, Failure};

/// Parts that a span of time is looked at in: what comes and goes within one of them is not seen.
const PARTS: i32 = 64;
/// Changes that are told at most.
const CHANGES: usize = 32;
/// Times that may be asked for at once.
const TIMES: usize = 256;

/// Fetches the evidence once, and asks about it at each time.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let mut times = arguments.at.clone();
    if times.is_empty() {
        times.push(now);
    }
    if times.len() > TIMES {
        return Err(Failure::usage(format_args!("more than {TIMES} times")));
    }
    times.sort();
    times.dedup();
    let asked = match arguments.to {
        Some(to) => Asked::Step {
            to,
            from: arguments.from,
            kind: arguments.kind.into(),
        },
        None => Asked::Environment(arguments.env),
    };
    let base = Rules::load(context, &arguments.trial.into(), now)?;
    let exhibit = Exhibit::open(context, &arguments.target).await?;
    let rules = exhibit.rules(&base, now, context)?;
    let evidence = exhibit.evidence(context, &rules, &asked, now).await?;
    let future = Future {
        context,
        base: &base,
        exhibit: &exhibit,
        asked: &asked,
        evidence,
    };
    let progress = context.printer.progress("looking ahead");
    let (answers, exit, ahead) = match arguments.until {
        None => {
            let mut answers = Vec::new();
            for at in times {
                answers.push(future.at(at).await?);
            }
            let exits: Vec<Exit> = answers.iter().map(|answer| answer.end).collect();
            (answers, Exit::overall(&exits), None)
        }
        Some(until) => {
            let (answers, ahead) = changes(&async |at| future.at(at).await, &times, until).await?;
            let first = answers.first().map_or(Exit::Internal, |answer| answer.end);
            (answers, first, Some(ahead))
        }
    };
    drop(progress);
    let stopped = ahead.as_ref().and_then(|ahead| ahead.stopped);
    if let Some(at) = stopped {
        context.printer.warn(format!(
            "more than {CHANGES} changes: nobody looked further than {at}"
        ));
    }
    let report = SimulateReport {
        sources: base.sources.clone(),
        image: exhibit.name().to_owned(),
        environment: exhibit.environment(&asked)?.to_owned(),
        is_step: matches!(asked, Asked::Step { .. }),
        until: arguments.until,
        looked_every: ahead.map(|ahead| ahead.width.as_secs()),
        stopped,
        answers,
    };
    context.printer.report(&report)?;
    Ok(exit)
}

/// How a span of time was looked at.
struct Ahead {
    width: SignedDuration,
    /// Where there were too many changes to go on.
    stopped: Option<Timestamp>,
}

/// What is asked at each time.
struct Future<'a> {
    context: &'a Context,
    base: &'a Rules,
    exhibit: &'a Exhibit,
    asked: &'a Asked,
    evidence: Arc<Evidence>,
}

impl Future<'_> {
    async fn at(&self, at: Timestamp) -> Result<Answer, Failure> {
        // Trusted roots have windows of their own.
        let rules = self.exhibit.rules(self.base, at, self.context)?;
        let evidence = Arc::clone(&self.evidence);
        let asked = self
            .exhibit
            .answer(self.context, &rules, evidence, self.asked, at);
        Ok(Answer::of(at, &asked.await?))
    }
}

/// The answer at the first time, and every one after it that is another, as far as can be seen by
/// looking so often.
async fn changes(
    ask: &impl AsyncFn(Timestamp) -> Result<Answer, Failure>,
    times: &[Timestamp],
    until: Timestamp,
) -> Result<(Vec<Answer>, Ahead), Failure> {
    let [begin] = times else {
        return Err(Failure::usage(
            "--until goes on from one time: give --at once",
        ));
    };
    let span = until.duration_since(*begin);
    if span <= SignedDuration::ZERO {
        return Err(Failure::usage("--until is not after the time it begins at"));
    }
    let width = (span / PARTS).max(SignedDuration::from_secs(1));
    let first = ask(*begin).await?;
    let (mut before, mut last) = (*begin, first.short.clone());
    let mut answers = vec![first];
    while before < until && answers.len() <= CHANGES {
        let next = before.checked_add(width).unwrap_or(until).min(until);
        let found = ask(next).await?;
        if found.short == last {
            before = next;
            continue;
        }
        // The first second with another answer than before.
        let found = first_change(ask, before, found, &last).await?;
        (before, last) = (found.at, found.short.clone());
        answers.push(found);
    }
    let stopped = (before < until).then_some(before);
    Ok((answers, Ahead { width, stopped }))
}

async fn first_change(
    ask: &impl AsyncFn(Timestamp) -> Result<Answer, Failure>,
    mut before: Timestamp,
    mut after: Answer,
    last: &Short,
) -> Result<Answer, Failure> {
    loop {
        let gap = after.at.duration_since(before);
        if gap <= SignedDuration::from_secs(1) {
            return Ok(after);
        }
        let middle = before.checked_add(gap / 2).unwrap_or(after.at);
        let middle = step::whole_second(middle).max(before);
        if middle == before {
            return Ok(after);
        }
        let found = ask(middle).await?;
        if found.short == *last {
            before = middle;
        } else {
            after = found;
        }
    }
}

/// The answer at a time.
#[derive(Debug, Serialize)]
struct Answer {
    at: Timestamp,
    #[serde(flatten)]
    short: Short,
    /// What is missing, in the verdict's words.
    messages: Vec<String>,
    #[serde(skip)]
    end: Exit,
}

impl Answer {
    fn of(at: Timestamp, verdict: &Verdict) -> Self {
        let errors = verdict.findings.iter();
        let errors = errors.filter(|finding| finding.severity == Severity::Error);
        Self {
            at,
            short: Short::of(verdict),
            messages: errors.map(|finding| finding.message.clone()).collect(),
            end: Exit::of_verdict(verdict),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SimulateReport {
    sources: Vec<Source>,
    image: String,
    environment: String,
    #[serde(skip)]
    is_step: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Seconds between two looks: what comes and goes in between is not seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    looked_every: Option<i64>,
    /// Where there were too many changes to look further.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<Timestamp>,
    answers: Vec<Answer>,
}

impl Report for SimulateReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        let preposition = if self.is_step { "into" } else { "in" };
        let of = format!("{} {preposition} {}", self.image, self.environment);
        page.line(Cell::strong(of));
        for answer in &self.answers {
            let word = match (answer.short.decision, answer.end) {
                (Decision::Allow, _) => Cell::good("allowed"),
                (Decision::Deny, Exit::NotYet) => Cell::attention("not yet"),
                (Decision::Deny, _) => Cell::bad("denied"),
                (Decision::Undetermined, _) => Cell::attention("could not find out"),
            };
            let codes = answer.short.codes.join(", ");
            let first = answer.messages.first();
            let first = first.map(String::as_str).unwrap_or_default();
            page.row(
                1,
                [
                    answer.at.to_string().into(),
                    word,
                    codes.into(),
                    first.into(),
                ],
            );
        }
        if let (Some(until), Some(every)) = (self.until, self.looked_every) {
            let every = format!("{:#}", SignedDuration::from_secs(every));
            let text = match self.stopped {
                Some(at) => format!("nobody looked further than {at}, looked at every {every}"),
                None => format!("and so until {until}, looked at every {every}"),
            };
            page.indented(1, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer that is another one every hour.
    fn hourly(at: Timestamp) -> Answer {
        let allowed = (at.as_second() / 3600) % 2 == 0;
        let decision = if allowed {
            Decision::Allow
        } else {
            Decision::Deny
        };
        Answer {
            at,
            short: Short {
                decision,
                exit: 0,
                codes: Vec::new(),
                warnings: Vec::new(),
            },
            messages: Vec::new(),
            end: Exit::Success,
        }
    }

    #[tokio::test]
    async fn too_many_changes_are_not_taken_to_be_all() {
        let begin = Timestamp::UNIX_EPOCH;
        let ask = async |at| Ok(hourly(at));
        let look = async |hours| {
            let until = begin + SignedDuration::from_hours(hours);
            changes(&ask, &[begin], until).await.unwrap()
        };
        let (answers, ahead) = look(10).await;
        assert_eq!((answers.len(), ahead.stopped), (11, None));
        assert!(answers.iter().all(|it| it.at.as_second() % 3600 == 0));
        let (answers, ahead) = look(32).await;
        assert_eq!((answers.len(), ahead.stopped), (33, None));
        let (answers, ahead) = look(50).await;
        assert_eq!(answers.len(), 33);
        assert_eq!(ahead.stopped, Some(begin + SignedDuration::from_hours(32)));
    }
}
