//! `bulla sbom score`: how much a bill of materials tells, and what would raise that.

use bulla_verify::score::{CategoryScore, Fix, Quality, QualityError, Score};
use serde::Serialize;

use crate::args::sbom::ScoreArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::render::{Cell, Page, Report};
use crate::{Exit, Failure};

/// Scores the file, as a gate does that asks for a score.
pub(super) fn run(arguments: &ScoreArguments, context: &Context) -> Result<Exit, Failure> {
    let bytes = file::read(&arguments.file, context.limits.document_bytes)?;
    let quality = Quality::of_document(&bytes, &context.limits).map_err(|error| {
        let file = arguments.file.display();
        let failure = Failure::new(FailureKind::Input, format_args!("{file} has no score"));
        match error {
            QualityError::Json(_) => failure.with_detail(error),
            error => failure.with_detail(format_args!("it {error}")),
        }
    })?;
    let scored = Scored::of(arguments, &quality);
    let is_enough = !scored.below;
    context.printer.report(&scored)?;
    Ok(if is_enough {
        Exit::Success
    } else {
        Exit::Denied
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Scored {
    file: String,
    score: Score,
    components: usize,
    /// The least that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    least: Option<Score>,
    below: bool,
    categories: Vec<Category>,
    fixes: Vec<Mend>,
}

#[derive(Serialize)]
struct Category {
    name: &'static str,
    score: Score,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    have: u64,
    of: u64,
}

/// What would raise the score.
#[derive(Serialize)]
struct Mend {
    check: &'static str,
    #[serde(rename = "do")]
    todo: &'static str,
    /// Points of ten, with two decimals.
    gain: String,
    /// How many it is about; none of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    first: Vec<String>,
}

impl Scored {
    fn of(arguments: &ScoreArguments, quality: &Quality) -> Self {
        let least = arguments.fail_below;
        Self {
            file: arguments.file.display().to_string(),
            score: quality.score,
            components: quality.components,
            least,
            below: least.is_some_and(|least| quality.score < least),
            categories: quality.categories.iter().map(Category::of).collect(),
            fixes: quality.fixes.iter().map(Mend::of).collect(),
        }
    }
}

impl Category {
    fn of(category: &CategoryScore) -> Self {
        let checks = category.checks.iter().map(|one| Check {
            name: one.check.name(),
            have: one.have,
            of: one.of,
        });
        Self {
            name: category.category.name(),
            score: category.score,
            checks: checks.collect(),
        }
    }
}

impl Mend {
    fn of(fix: &Fix) -> Self {
        Self {
            check: fix.check.name(),
            todo: fix.check.todo(),
            gain: format!("{}.{:02}", fix.lost / 100, fix.lost % 100),
            components: fix.missing,
            first: fix.first.clone(),
        }
    }
}

impl Report for Scored {
    fn human(&self, page: &mut Page) {
        let score = format!("{} of 10", self.score);
        let score = if self.below {
            Cell::bad(score)
        } else {
            Cell::good(score)
        };
        let components = match self.components {
            1 => "1 component".to_owned(),
            several => format!("{several} components"),
        };
        page.row(1, [Cell::strong(&self.file), score, Cell::from(components)]);
        page.gap();
        for category in &self.categories {
            let score = category.score.to_string();
            page.row(1, [Cell::from(category.name), Cell::from(score)]);
        }
        if !self.fixes.is_empty() {
            page.gap();
            page.line("what would raise it");
        }
        for fix in &self.fixes {
            let gain = Cell::faint(format!("+{}", fix.gain));
            page.row(1, [gain, Cell::from(fix.todo)]);
            let Some(components) = fix.components else {
                continue;
            };
            let mut which = format!("{components}: {}", fix.first.join(", "));
            if components > fix.first.len() as u64 {
                which.push_str(", …");
            }
            page.row(1, [Cell::from(""), Cell::faint(which)]);
        }
        if let Some(least) = self.least.filter(|_| self.below) {
            page.gap();
            page.line(Cell::bad(format!("below {least}")));
        }
    }
}
