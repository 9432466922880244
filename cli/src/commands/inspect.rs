//! `bulla inspect`: what something says, decoded, escaped, and not verified.

use std::path::Path;

use bulla_model::{Bundle, Envelope};
use bulla_registry::Store as _;
use serde::Serialize;
use serde_json::Value;

use crate::args::inspect::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::attached::{self, AttachedContent, AttachedEntry};
use crate::join::decode::Decoded;
use crate::join::file;
use crate::join::image::{self, OpenImage};
use crate::render::{Cell, Page, Report, decoded as render, to_json};
use crate::target::Target;
use crate::{Exit, Failure};

/// Decodes the target.
pub async fn run(arguments: Arguments, context: &Context) -> Result<Exit, Failure> {
    let (text, number) = split_number(&arguments.target)?;
    let target = Target::parse(text)?;
    if arguments.envelope {
        let envelope = envelope(&target, number, context).await?;
        // Reports are written so that no terminal takes a part of them for a command.
        let text = to_json(&envelope);
        context.printer.data(text.as_bytes())?;
        return Ok(Exit::Success);
    }
    let (what, decoded) = match &target {
        Target::File(path) => {
            let bytes = from_file(path, number, context)?;
            (text.to_owned(), Decoded::of(&bytes, &context.limits)?)
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
    let entry = entry(&image, number).await?;
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

/// What is attached to an image under this number.
async fn entry(image: &OpenImage, number: usize) -> Result<AttachedEntry, Failure> {
    let digest = &image.descriptor.digest;
    let list = attached::list(&image.evidence, digest, &image.tag_prefix).await?;
    let count = list.entries.len();
    let mut entries = list.entries.into_iter();
    entries.find(|entry| entry.number == number).ok_or_else(|| {
        Failure::new(
            FailureKind::NotFound,
            format_args!("there is no #{number}: {count} are attached"),
        )
        .with_hint(format_args!("bulla tree {} numbers them", image.pinned))
    })
}

/// The envelope in the target, for programs that read no bundle.
async fn envelope(
    target: &Target,
    number: Option<usize>,
    context: &Context,
) -> Result<Value, Failure> {
    let bytes = match (target, number) {
        (Target::File(path), _) => Some(from_file(path, number, context)?),
        (_, Some(number)) => {
            let image = image::open(context, target).await?;
            match entry(&image, number).await?.content {
                AttachedContent::Bundle { bytes, .. } => Some(bytes),
                AttachedContent::Cosign(layer) => Some(layer.bytes().to_vec()),
                AttachedContent::Unreadable(error) => return Err(error.into()),
                _ => None,
            }
        }
        (_, None) => None,
    };
    let held = bytes.and_then(|bytes| {
        let plain = Envelope::parse(&bytes, &context.limits).ok();
        plain.or_else(|| {
            let bundle = Bundle::parse(bytes, &context.limits).ok()?;
            bundle.envelope().cloned()
        })
    });
    let none = || Failure::new(FailureKind::Input, format_args!("{target} is no envelope"));
    let envelope = held.ok_or_else(|| {
        none().with_hint("name an attestation by its number, IMAGE#N: bulla tree IMAGE")
    })?;
    serde_json::from_slice(&envelope.to_json()).map_err(|_| none())
}

fn from_file(path: &Path, number: Option<usize>, context: &Context) -> Result<Vec<u8>, Failure> {
    let bytes = file::read(path, context.limits.bundle_bytes)?;
    match number {
        Some(number) => Ok(line(&bytes, number)?.to_vec()),
        None => Ok(bytes),
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
