//! `bulla why`: the verdict of `bulla verify --env`, explained from its first error, and the commands
//! that would change it.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_verify::Verdict;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::why::Arguments;
use crate::commands::Context;
use crate::join::remedy::{Refused, Remedy};
use crate::join::rules::{Rules, Source};
use crate::join::running::{Resolved, Running, running};
use crate::join::{evidence, image, ledger, verdict};
use crate::render::{Cell, Page, Report, outcome, sources, verdict as render};
use crate::target::Target;
use crate::workload::Manifests;
use crate::{Exit, Failure};

/// Judges the image, or those in what `kubectl get -o yaml` wrote, and explains the answers; ends with
/// the code of the answer.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let layout = arguments
        .layout
        .as_deref()
        .map(Target::layout)
        .transpose()?;
    if arguments.target != "-" && (layout.is_some() || !arguments.skip_kind.is_empty()) {
        return Err(Failure::usage(
            "--layout and --skip-kind are about what standard input names",
        ));
    }
    let images = if arguments.target == "-" {
        let manifests = Manifests::read(&[PathBuf::from("-")], &arguments.skip_kind)?;
        running(manifests, layout.as_ref())?
    } else {
        vec![Running::alone(
            &arguments.target,
            Target::parse(&arguments.target)?,
        )]
    };
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let mut answers = Vec::new();
    for image in images {
        let told = Told {
            written: image.name.clone(),
            places: image.places.clone(),
            resolved: image.resolved(),
        };
        let outcome = explain(image, &arguments, &rules, (layout.as_ref(), now), context).await;
        answers.push(Answer::new(told, outcome));
    }
    if let [only] = answers.as_slice()
        && only.told.places.is_empty()
        && let Err(failure) = &only.outcome
    {
        return Err(failure.clone());
    }
    let exits: Vec<Exit> = answers.iter().map(Answer::exit).collect();
    let report = WhyReport {
        sources: rules.sources.clone(),
        environment: arguments.env,
        answers,
    };
    context.printer.report(&report)?;
    Ok(Exit::overall(&exits))
}

async fn explain(
    image: Running,
    arguments: &Arguments,
    rules: &Arc<Rules>,
    (layout, now): (Option<&PathBuf>, Timestamp),
    context: &Context,
) -> Result<(String, Verdict, Vec<Remedy>), Failure> {
    let image = image::open(context, &image.on_node_or_written(layout)?).await?;
    let evidence = evidence::collect(&image, arguments.index.as_ref(), rules, now).await?;
    let told = ledger::all_of(context, rules, (&arguments.env, now), &image, evidence);
    let evidence = Arc::new(told.await?);
    let verdict = verdict::environment(
        rules,
        Arc::clone(&evidence),
        &image.pinned,
        &arguments.env,
        now,
        &context.limits,
    )
    .await?;
    let refused = Refused {
        context,
        rules,
        image: &image,
        evidence: &evidence,
        environment: &arguments.env,
        now,
    };
    let remedies = refused.remedies(&verdict).await;
    Ok((image.pinned, verdict, remedies))
}

#[derive(Serialize)]
struct WhyReport {
    sources: Vec<Source>,
    environment: String,
    answers: Vec<Answer>,
}

/// How an image was named.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    written: String,
    /// Where manifests name it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<String>,
    /// What became of a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<Resolved>,
}

/// One image, and what was found out about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    image: String,
    #[serde(flatten)]
    told: Told,
    /// What would let it in, first things first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to_allow: Vec<Remedy>,
    #[serde(flatten, serialize_with = "outcome")]
    outcome: Result<Verdict, Failure>,
}

impl Answer {
    fn new(told: Told, outcome: Result<(String, Verdict, Vec<Remedy>), Failure>) -> Self {
        match outcome {
            Ok((image, verdict, to_allow)) => Self {
                outcome: Ok(verdict),
                image,
                told,
                to_allow,
            },
            Err(failure) => Self {
                outcome: Err(failure),
                image: told.written.clone(),
                told,
                to_allow: Vec::new(),
            },
        }
    }

    fn exit(&self) -> Exit {
        match &self.outcome {
            Ok(verdict) => Exit::of_verdict(verdict),
            Err(failure) => failure.kind().exit(),
        }
    }

    fn human(&self, page: &mut Page, environment: &str) {
        let verdict = match &self.outcome {
            Ok(verdict) => verdict,
            Err(failure) => {
                page.labelled(&Cell::strong("image:"), &self.image);
                page.labelled(&Cell::bad("error:"), failure.message());
                for hint in failure.hints() {
                    page.labelled(&Cell::strong("hint:"), hint);
                }
                return;
            }
        };
        if let Some(leading) = verdict.leading() {
            page.row(
                0,
                [
                    Cell::bad(format!("not allowed in {environment}")),
                    Cell::bad(leading.code.as_str()),
                    leading.message.as_str().into(),
                ],
            );
            for (label, text) in [
                ("expected", leading.expected.clone()),
                ("found", leading.found.clone()),
                ("policy", leading.place.as_ref().map(ToString::to_string)),
            ] {
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    page.row(1, [Cell::faint(label), text.into()]);
                }
            }
            for (at, remedy) in self.to_allow.iter().enumerate() {
                let label = if at == 0 { "to allow" } else { "" };
                let command = remedy.command.as_deref().unwrap_or_default();
                let note = remedy.note.as_deref().unwrap_or_default();
                let (first, second) = if command.is_empty() {
                    (note, "")
                } else {
                    (command, note)
                };
                page.row(1, [Cell::faint(label), first.into(), Cell::faint(second)]);
            }
            page.gap();
        }
        render(page, &self.image, verdict, true);
    }
}

impl Report for WhyReport {
    fn human(&self, page: &mut Page) {
        for answer in &self.answers {
            answer.human(page, &self.environment);
            if let Some(resolved) = answer.told.resolved {
                let text = format!("{} {}", answer.told.written, resolved.words());
                page.labelled(&Cell::attention("warning:"), &text);
            }
            for place in &answer.told.places {
                page.labelled(&Cell::faint("in:"), place);
            }
            page.gap();
        }
        sources(page, &self.sources);
    }
}
