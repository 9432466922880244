//! `bulla copy`: an image and its attestations from one place to another.

mod file;

use bulla_model::Digest;
use bulla_registry::{CopyOptions, CopyReport, copy};
use serde::Serialize;

use crate::args::copy::Arguments;
use crate::commands::Context;
use crate::join::image::{self, OpenImage};
use crate::render::{Cell, Page, Report};
use crate::target::Target;
use crate::{Exit, Failure};

/// Copies; the tag is moved last, so an interrupted copy is never taken for a whole one.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let from = Target::parse(&arguments.from)?;
    let to = Target::parse(&arguments.to)?;
    // Only where it was said to be one: a path alone may be an archive that was meant as an image.
    if let (Target::File(path), true) = (&from, arguments.from.starts_with("file:")) {
        let (descriptor, report) = file::store(context, path, &to).await?;
        let report = Copied::of(&arguments.from, &to, descriptor.digest, &report);
        context.printer.report(&report)?;
        return Ok(Exit::Success);
    }
    let image = image::open(context, &from).await?;
    let report = transfer(context, &image, &to, !arguments.without_referrers).await?;
    let report = Copied::of(&image.pinned, &to, image.descriptor.digest.clone(), &report);
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// Copies an image, with what refers to it if asked, and moves the destination's tag last.
pub(super) async fn transfer(
    context: &Context,
    image: &OpenImage,
    to: &Target,
    referrers: bool,
) -> Result<CopyReport, Failure> {
    let destination = image::destination(context, to).await?;
    let progress = context.printer.progress(&format!("copying to {to}"));
    let mut options = CopyOptions::default();
    options.referrers = referrers;
    options.tag.clone_from(&destination.tag);
    let digest = &image.descriptor.digest;
    let report = copy(&image.store, &destination.store, digest, &options).await?;
    destination.finish().await?;
    drop(progress);
    Ok(report)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Copied {
    from: String,
    to: String,
    digest: Digest,
    written: usize,
    mounted: usize,
    skipped: usize,
    left_out: usize,
    referrers: usize,
}

impl Copied {
    fn of(from: &str, to: &Target, digest: Digest, report: &CopyReport) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_string(),
            digest,
            written: report.copied.len(),
            mounted: report.mounted.len(),
            skipped: report.skipped.len(),
            left_out: report.left_out.len(),
            referrers: report.referrers,
        }
    }
}

impl Report for Copied {
    fn human(&self, page: &mut Page) {
        page.row(1, [Cell::good("copied"), Cell::from(&self.from)]);
        page.row(1, ["to".into(), Cell::from(&self.to)]);
        page.indented(
            1,
            format!(
                "{} written, {} taken over, {} there already, {} attached",
                self.written, self.mounted, self.skipped, self.referrers
            ),
        );
        if self.left_out > 0 {
            let text = format!(
                "{} layers may not be distributed and were left out",
                self.left_out
            );
            page.indented(1, Cell::attention(text));
        }
    }
}
