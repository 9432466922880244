//! `bulla why`: the verdict of `bulla verify --env`, explained from its first error, and the commands
//! that would change it.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_verify::Verdict;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::why::Arguments;
use crate::commands::Context;
use crate::join::remedy::Refused;
use crate::join::rules::{Rules, Source};
use crate::join::running::{Running, running};
use crate::join::{evidence, image, verdict};
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
    let images = if arguments.target == "-" {
        let manifests = Manifests::read(&[PathBuf::from("-")])?;
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
        let places = image.places.clone();
        let name = image.name.clone();
        let outcome = explain(image, &arguments, &rules, (layout.as_ref(), now), context).await;
        answers.push(Answer::new(name, places, outcome));
    }
    if let [only] = answers.as_slice()
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
) -> Result<(String, Verdict, Vec<String>), Failure> {
    let image = image::open(context, &image.on_node_or_written(layout)?).await?;
    let evidence = evidence::collect(&image, arguments.index.as_ref(), rules, now).await?;
    let evidence = Arc::new(evidence);
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
        rules,
        evidence: &evidence,
        image: &image.pinned,
        environment: &arguments.env,
        now,
        limits: &context.limits,
    };
    let commands = refused.commands(&verdict).await?;
    Ok((image.pinned, verdict, commands))
}

#[derive(Serialize)]
struct WhyReport {
    sources: Vec<Source>,
    environment: String,
    answers: Vec<Answer>,
}

/// One image, and what was found out about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    image: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<String>,
    /// What would let it in, first one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to_allow: Vec<String>,
    #[serde(flatten, serialize_with = "outcome")]
    outcome: Result<Verdict, Failure>,
}

impl Answer {
    fn new(
        name: String,
        places: Vec<String>,
        outcome: Result<(String, Verdict, Vec<String>), Failure>,
    ) -> Self {
        match outcome {
            Ok((image, verdict, to_allow)) => Self {
                outcome: Ok(verdict),
                image,
                places,
                to_allow,
            },
            Err(failure) => Self {
                outcome: Err(failure),
                image: name,
                places,
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
                page.line(Cell::strong(&self.image));
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
            for (at, command) in self.to_allow.iter().enumerate() {
                let label = if at == 0 { "to allow" } else { "" };
                page.row(1, [Cell::faint(label), command.as_str().into()]);
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
            for place in &answer.places {
                page.labelled(&Cell::faint("in:"), place);
            }
            page.gap();
        }
        sources(page, &self.sources);
    }
}
