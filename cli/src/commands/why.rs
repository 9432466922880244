//! `bulla why`: the verdict of `bulla verify --env`, explained from its first error.

use std::sync::Arc;

use bulla_verify::Verdict;
use jiff::Timestamp;
use serde::Serialize;

use crate::args::why::Arguments;
use crate::commands::Context;
use crate::join::rules::{Rules, Source};
use crate::join::{evidence, image, verdict};
use crate::render::{Cell, Page, Report, sources, verdict as render};
use crate::target::Target;
use crate::{Exit, Failure};

/// Judges the image and explains the answer; ends with the code of the answer.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let now = arguments.at.unwrap_or_else(Timestamp::now);
    let rules = Arc::new(Rules::load(context, &arguments.decide, now)?);
    let image = image::open(context, &Target::parse(&arguments.target)?).await?;
    let evidence =
        Arc::new(evidence::collect(&image, arguments.index.as_ref(), &rules, now).await?);
    let verdict = verdict::environment(
        &rules,
        evidence,
        &image.pinned,
        &arguments.env,
        now,
        &context.limits,
    )
    .await?;
    let report = WhyReport {
        sources: rules.sources.clone(),
        image: image.pinned,
        environment: arguments.env,
        verdict,
    };
    context.printer.report(&report)?;
    Ok(Exit::of_verdict(&report.verdict))
}

#[derive(Serialize)]
struct WhyReport {
    sources: Vec<Source>,
    image: String,
    environment: String,
    verdict: Verdict,
}

impl Report for WhyReport {
    fn human(&self, page: &mut Page) {
        if let Some(leading) = self.verdict.leading() {
            page.row(
                0,
                [
                    Cell::bad(format!("not allowed in {}", self.environment)),
                    Cell::bad(leading.code.as_str()),
                    leading.message.as_str().into(),
                ],
            );
            for (label, text) in [
                ("expected", leading.expected.clone()),
                ("found", leading.found.clone()),
                ("policy", leading.place.as_ref().map(ToString::to_string)),
                ("to allow", leading.hint.clone()),
            ] {
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    page.row(1, [Cell::faint(label), text.into()]);
                }
            }
            page.gap();
        }
        render(page, &self.image, &self.verdict, true);
        page.gap();
        sources(page, &self.sources);
    }
}
