//! `bulla promote --all`: the release of every service that may move from one environment into another.

use std::sync::Arc;

use bulla_model::{Digest, Service};
use bulla_verify::policy::ServiceRule;
use bulla_verify::{Decision, Pattern, Verdict};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::gate::Gate;
use crate::args::promote::Arguments;
use crate::commands::Context;
use crate::join::estate::{Estate, Next};
use crate::join::rules::{Rules, Source};
use crate::join::sealer::{Prepared, Purpose, Sealer};
use crate::join::set::ReleaseSet;
use crate::join::{consent, identity_token, step};
use crate::render::{Cell, Page, Report, count, shorten, sources};
use crate::{Exit, Failure};

/// Services looked at side by side: what is slow about a registry is the way to it.
const LOOKED_AT: usize = 8;
/// Promotions made side by side.
const MOVED: usize = 4;

/// Finds out what may move, says it, and moves it.
///
/// What is shown is a plan: each step is judged once more, by rules read then and as of then, when it is
/// taken. Nobody logs in for a plan that is then answered with no.
pub(super) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    if !arguments.dry_run {
        rules.must_be_published()?;
    }
    let from = arguments.from.as_deref().unwrap_or_default();
    let (from, to) = (known(&rules, from)?, known(&rules, &arguments.to)?);
    let estate = Estate {
        context,
        rules: &rules,
        now,
    };
    let looked: Vec<Vec<Line>> = {
        let _progress = context.printer.progress("looking");
        let services = rules.policy.services();
        stream::iter(services)
            .map(|(service, rule)| look(&estate, service, rule, (&from, &to)))
            .buffered(LOOKED_AT)
            .collect()
            .await
    };
    let mut lines: Vec<Line> = looked.into_iter().flatten().collect();
    let ready = lines.iter().filter(|line| line.is_ready()).count();
    if ready > 0 && !arguments.dry_run {
        let prepared = Sealer::prepare(
            context,
            &arguments.signing,
            &arguments.decide.trusted_root,
            Purpose::Claim,
        )
        .await?;
        agree(arguments, context, (&lines, ready), &prepared, (&from, &to))?;
        let signer = prepared.finish(context, &arguments.signing).await?;
        let _progress = context.printer.progress("promoting");
        lines = stream::iter(lines)
            .map(|line| promote((arguments, context), &rules, &signer, line))
            .buffered(MOVED)
            .collect()
            .await;
    }
    let exits: Vec<Exit> = lines.iter().map(|line| line.end).collect();
    let report = AllReport {
        sources: rules.sources.clone(),
        from,
        to,
        dry_run: arguments.dry_run,
        services: lines,
    };
    context.printer.report(&report)?;
    // Where nothing waits to be moved, all of it is done.
    Ok(if exits.is_empty() {
        Exit::Success
    } else {
        Exit::overall(&exits)
    })
}

fn known(rules: &Rules, name: &str) -> Result<String, Failure> {
    let found = rules.policy.environment(name);
    found.map(|(name, _)| name.to_owned()).ok_or_else(|| {
        let known: Vec<_> = rules.policy.environments().map(|(name, _)| name).collect();
        Failure::usage(format_args!(
            "the policy has no environment `{}`: expected one of {}",
            name.escape_debug(),
            known.join(", ")
        ))
    })
}

async fn look(
    estate: &Estate<'_>,
    service: &Service,
    rule: &ServiceRule,
    (from, to): (&str, &str),
) -> Vec<Line> {
    let mut images = rule.images.iter();
    if !images.any(|pattern| matches!(pattern, Pattern::Exact(_))) {
        return vec![Line {
            reason: Some("the policy names no repository of its images".to_owned()),
            ..Line::new(service, Outcome::LeftOut, Exit::Success)
        }];
    }
    let standing = estate.standing(service, rule).await;
    let mut problems = standing.problems;
    if standing.unknown.contains(from) {
        problems.extend(standing.beyond);
    }
    let problems = problems.into_iter().map(|problem| Line {
        reason: Some(problem),
        ..Line::new(service, Outcome::Unknown, Exit::Undetermined)
    });
    let steps = standing.next.into_iter();
    let steps = steps.filter(|next| next.from == from && next.to == to);
    let steps = steps.map(|next| Line::of(service, next));
    steps.chain(problems).collect()
}

/// Shows what will be done, and asks.
fn agree(
    arguments: &Arguments,
    context: &Context,
    (lines, ready): (&[Line], usize),
    prepared: &Prepared,
    (from, to): (&str, &str),
) -> Result<(), Failure> {
    let mut page = Page::default();
    page.line(Cell::strong(format!("{from} -> {to}")));
    for line in lines {
        line.put(&mut page);
    }
    if arguments.signing.yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    consent::answerable(context)?;
    let who = match prepared.identity() {
        Some(identity) => identity.to_string(),
        None => identity_token::announced(context, &arguments.signing.identity)?,
    };
    let who = crate::escape::escape(&who);
    let what = count(ready, "release");
    consent::ask(&format!("promote {what} into {to} as {who}? [y/N] "))
}

/// Promotes what is ready; one that fails keeps no other from it.
async fn promote(
    (arguments, context): (&Arguments, &Context),
    planned: &Rules,
    signer: &Sealer,
    line: Line,
) -> Line {
    if !line.is_ready() {
        return line;
    }
    let moved = async {
        let set = ReleaseSet::open(context, &line.images).await?;
        // Login and question may have taken long, and so may the lines before this one.
        let now = step::whole_second(Timestamp::now());
        let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
        rules.inherit(planned);
        let gate = Gate {
            arguments,
            context,
            rules: &rules,
            now,
        };
        let taken = gate.pass(&set, signer).await;
        planned.inherit(&rules);
        taken
    };
    match Box::pin(moved).await {
        Ok(taken) if taken.promotion.is_some() => Line {
            outcome: if taken.already {
                Outcome::Already
            } else {
                Outcome::Promoted
            },
            promotion: taken.promotion,
            ..line
        },
        Ok(taken) => {
            // Of several the one that lacks something speaks for all.
            let mut members = taken.members.iter();
            let refused = members.find(|one| one.verdict.decision != Decision::Allow);
            match refused.or(taken.members.first()) {
                Some(member) => Line::judged(&line.service, line.images.clone(), &member.verdict),
                None => line,
            }
        }
        Err(failure) => Line {
            outcome: Outcome::Unknown,
            reason: Some(failure.message().to_owned()),
            details: failure.details().to_vec(),
            end: failure.kind().exit(),
            ..line
        },
    }
}

/// What became of a service's release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// It may move.
    Ready,
    /// It was promoted.
    Promoted,
    /// Somebody else did it meanwhile.
    Already,
    /// Only approvals or time are missing.
    NotYet,
    /// It may not.
    Refused,
    /// That could not be found out.
    Unknown,
    /// Nobody looked: the policy does not say where its images are.
    LeftOut,
}

/// A service, and its release.
#[derive(Debug, Serialize)]
struct Line {
    service: Service,
    /// What moves: several if they are a release set.
    images: Vec<String>,
    outcome: Outcome,
    /// Codes of what is missing.
    codes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What belongs to the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<Digest>,
    #[serde(skip)]
    end: Exit,
}

impl Line {
    fn new(service: &Service, outcome: Outcome, end: Exit) -> Self {
        Self {
            service: service.clone(),
            images: Vec::new(),
            outcome,
            codes: Vec::new(),
            reason: None,
            details: Vec::new(),
            promotion: None,
            end,
        }
    }

    fn of(service: &Service, next: Next) -> Self {
        match &next.verdict {
            Some(verdict) => Self::judged(service, next.members, verdict),
            None => Self {
                images: next.members,
                reason: Some(format!(
                    "{} that it came with not found: name all of them",
                    count(next.unknown, "image")
                )),
                ..Self::new(service, Outcome::Unknown, Exit::Undetermined)
            },
        }
    }

    fn judged(service: &Service, images: Vec<String>, verdict: &Verdict) -> Self {
        let end = Exit::of_verdict(verdict);
        let outcome = match (verdict.decision, end) {
            (Decision::Allow, _) => Outcome::Ready,
            (Decision::Deny, Exit::NotYet) => Outcome::NotYet,
            (Decision::Deny, _) => Outcome::Refused,
            (Decision::Undetermined, _) => Outcome::Unknown,
        };
        let leading = verdict.leading();
        Self {
            images,
            codes: leading
                .iter()
                .map(|leading| leading.code.as_str())
                .collect(),
            reason: leading.map(|leading| leading.message.clone()),
            ..Self::new(service, outcome, end)
        }
    }

    fn is_ready(&self) -> bool {
        self.outcome == Outcome::Ready
    }

    fn put(&self, page: &mut Page) {
        let word = match self.outcome {
            Outcome::Ready => Cell::good("may move"),
            Outcome::Promoted => Cell::good("promoted"),
            Outcome::Already => Cell::good("already in"),
            Outcome::NotYet => Cell::attention("not yet"),
            Outcome::Refused => Cell::bad("denied"),
            Outcome::Unknown => Cell::attention("????"),
            Outcome::LeftOut => Cell::faint("left out"),
        };
        let told = match (&self.promotion, &self.reason) {
            (Some(promotion), _) => shorten(promotion),
            (None, reason) => reason.clone().unwrap_or_default(),
        };
        page.row(
            1,
            [
                word,
                self.service.as_str().into(),
                self.codes.join(", ").into(),
                told.into(),
                Cell::faint(self.images.join(" ")),
            ],
        );
        for detail in &self.details {
            page.indented(2, detail);
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AllReport {
    sources: Vec<Source>,
    from: String,
    to: String,
    dry_run: bool,
    services: Vec<Line>,
}

impl Report for AllReport {
    fn human(&self, page: &mut Page) {
        sources(page, &self.sources);
        page.line(Cell::strong(format!("{} -> {}", self.from, self.to)));
        for line in &self.services {
            line.put(page);
        }
        let of = |outcome: Outcome| {
            let lines = self.services.iter();
            lines.filter(|line| line.outcome == outcome).count()
        };
        let mut parts = Vec::new();
        for (outcome, word) in [
            (Outcome::Promoted, "promoted"),
            (Outcome::Ready, "may move"),
            (Outcome::Already, "already in"),
            (Outcome::NotYet, "not yet"),
            (Outcome::Refused, "denied"),
            (Outcome::Unknown, "could not find out"),
            (Outcome::LeftOut, "left out"),
        ] {
            let number = of(outcome);
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        if self
            .services
            .iter()
            .all(|line| line.outcome == Outcome::LeftOut)
        {
            parts.insert(0, "nothing waits to be moved".to_owned());
        }
        page.gap();
        page.line(parts.join(", "));
        if self.dry_run {
            page.labelled(&Cell::strong("dry run:"), "nothing was signed");
        }
    }
}
