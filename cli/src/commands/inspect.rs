//! `bulla inspect`: what something says, decoded, escaped, and not verified.

use serde::Serialize;

use crate::args::inspect::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::attached::{self, AttachedContent};
use crate::join::decode::Decoded;
use crate::join::{file, image};
use crate::render::{Cell, Page, Report, decoded as render};
use crate::target::Target;
use crate::{Exit, Failure};
use bulla_registry::Store as _;

/// Decodes the target.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let (text, number) = split_number(&arguments.target)?;
    let target = Target::parse(text)?;
    let (what, decoded) = match &target {
        Target::File(path) => {
            let bytes = file::read(path, context.limits.bundle_bytes)?;
            let bytes = match number {
                Some(number) => line(&bytes, number)?,
                None => &bytes,
            };
            (text.to_owned(), Decoded::of(bytes, &context.limits)?)
        }
        _ => from_image(&target, number, context).await?,
    };
    context.printer.report(&Inspected {
        what,
        verified: false,
        content: decoded,
    })?;
    Ok(Exit::Success)
}

async fn from_image(
    target: &Target,
    number: Option<usize>,
    context: &Context,
) -> Result<(String, Decoded), Failure> {
    let image = image::open(context, target).await?;
    let Some(number) = number else {
        let manifest = image.store.manifest(&image.descriptor.digest).await?;
        return Ok((image.pinned, Decoded::of_manifest(&manifest)));
    };
    let digest = &image.descriptor.digest;
    let list = attached::list(&image.evidence, digest, &image.tag_prefix).await?;
    let count = list.entries.len();
    let entry = list
        .entries
        .into_iter()
        .find(|entry| entry.number == number)
        .ok_or_else(|| {
            Failure::new(
                FailureKind::NotFound,
                format_args!("there is no #{number}: {count} are attached"),
            )
            .with_hint(format_args!("bulla tree {} numbers them", image.pinned))
        })?;
    let what = format!("{}#{number}", image.pinned);
    match entry.content {
        AttachedContent::Bundle { bytes, .. } => Ok((what, Decoded::of(&bytes, &context.limits)?)),
        AttachedContent::Cosign(layer) => Ok((what, Decoded::of_layer(&layer, &context.limits))),
        AttachedContent::Notation(Ok(envelope)) => {
            Ok((what, Decoded::of_notation(&envelope, &context.limits)))
        }
        AttachedContent::Sbom => {
            let limit = context.limits.bundle_bytes;
            let bytes = image.evidence.blob(&entry.descriptor, limit).await?;
            Ok((what, Decoded::of(&bytes, &context.limits)?))
        }
        AttachedContent::Other | AttachedContent::Notation(Err(_)) => {
            let manifest = image.evidence.manifest(&entry.manifest).await?;
            Ok((what, Decoded::of_manifest(&manifest)))
        }
        AttachedContent::Unreadable(error) => Err(error.into()),
    }
}

/// Splits `TARGET#N`.
fn split_number(text: &str) -> Result<(&str, Option<usize>), Failure> {
    match text.rsplit_once('#') {
        Some((target, number))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            match number.parse() {
                Ok(number) if number > 0 => Ok((target, Some(number))),
                _ => Err(Failure::usage(format_args!(
                    "`#{number}`: numbers begin at 1"
                ))),
            }
        }
        _ => Ok((text, None)),
    }
}

/// A line of a file with one document in each, not counting empty ones.
fn line(bytes: &[u8], number: usize) -> Result<&[u8], Failure> {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    lines.nth(number.saturating_sub(1)).ok_or_else(|| {
        Failure::new(
            FailureKind::NotFound,
            format_args!("the file has no line {number}"),
        )
    })
}

#[derive(Serialize)]
struct Inspected {
    what: String,
    /// Always false: this only shows what is there.
    verified: bool,
    content: Decoded,
}

impl Report for Inspected {
    fn human(&self, page: &mut Page) {
        page.line(Cell::strong(&self.what));
        render(page, &self.content);
    }
}
