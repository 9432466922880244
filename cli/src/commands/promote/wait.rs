//! Waiting: while only approvals or time are missing, the gate is asked again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bulla_verify::Severity;
use jiff::Timestamp;

use super::gate::{Gate, Taken};
use crate::args::promote::Arguments;
use crate::commands::Context;
use crate::join::rules::Rules;
use crate::join::sealer::{Purpose, Sealer};
use crate::join::set::{Member, ReleaseSet};
use crate::join::step;
use crate::progress::Progress;
use crate::{Exit, Failure};

/// How many times the gate is asked in the time there is, and between which bounds.
const TIMES: u32 = 60;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Asks once, or with `--wait` until the answer is another than "not yet", or the time is over.
///
/// Everything is read again each time: the policy may have changed meanwhile. The key is opened once.
pub(super) async fn until_decided(
    arguments: &Arguments,
    context: &Context,
    set: &ReleaseSet,
) -> Result<Taken, Failure> {
    let started = Instant::now();
    let patience = patience(arguments)?;
    let mut signer: Option<Sealer> = None;
    let mut told = String::new();
    let mut bar: Option<Progress> = None;
    let mut before: Option<Arc<Rules>> = None;
    loop {
        // A certificate ends in minutes, and the next one takes its place.
        let at = Timestamp::now();
        let held = match signer.take().filter(|held| held.check_time(at).is_ok()) {
            Some(held) => held,
            None => open(arguments, context).await?,
        };
        // A login may have taken long.
        let now = step::whole_second(Timestamp::now());
        let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
        if let Some(before) = &before {
            rules.inherit(before);
        }
        let gate = Gate {
            arguments,
            context,
            rules: &rules,
            now,
        };
        let taken = gate.pass(set, &held).await?;
        signer = Some(held);
        before = Some(rules);
        let left = patience.saturating_sub(started.elapsed());
        if taken.exit != Exit::NotYet || left.is_zero() {
            return Ok(taken);
        }
        let missing = missing(&taken.members);
        if missing != told {
            // A bar that is drawn would stand in the line.
            drop(bar.take());
            context.printer.say(format!("waiting: {missing}"));
            bar = Some(context.printer.progress("waiting"));
            told = missing;
        }
        let pause = (patience / TIMES).clamp(SHORTEST, LONGEST).min(left);
        tokio::time::sleep(pause).await;
    }
}

async fn open(arguments: &Arguments, context: &Context) -> Result<Sealer, Failure> {
    let roots = &arguments.decide.trusted_root;
    Sealer::open(context, &arguments.signing, roots, Purpose::Claim).await
}

fn patience(arguments: &Arguments) -> Result<Duration, Failure> {
    let Some(text) = arguments.wait.as_deref() else {
        return Ok(Duration::ZERO);
    };
    let now = step::whole_second(Timestamp::now());
    let length = step::until(now, text)?.duration_since(now);
    Duration::try_from(length).map_err(|error| Failure::usage(format_args!("--wait: {error}")))
}

/// What is still missing, in the verdicts' words; what several images lack once.
fn missing(members: &[Member]) -> String {
    let findings = members.iter().flat_map(|member| &member.verdict.findings);
    let errors = findings.filter(|finding| finding.severity == Severity::Error);
    let mut texts: Vec<String> = Vec::new();
    for finding in errors {
        let persons: Vec<_> = finding.waits_for.iter().map(ToString::to_string).collect();
        let text = if persons.is_empty() {
            finding.message.clone()
        } else {
            format!("{} ({})", finding.message, persons.join(", "))
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join("; ")
}
