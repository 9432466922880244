//! `bulla inspect`: what something says, decoded, escaped, and not verified.

use serde::Serialize;
use serde_json::Value;

use crate::args::inspect::Arguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::attached::{self, AttachedContent};
use crate::join::decode::{Decoded, DecodedBundle, DecodedEnvelope, DecodedStatement};
use crate::join::{file, image};
use crate::render::{Cell, Page, Report, to_json};
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
    let list = attached::list(&image.evidence, &image.descriptor.digest).await?;
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
        AttachedContent::Other => {
            let manifest = image
                .evidence
                .manifest(&entry.referrer.descriptor.digest)
                .await?;
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
        match &self.content {
            Decoded::Bundle(bundle) => show_bundle(page, bundle),
            Decoded::Envelope(envelope) => show_envelope(page, envelope),
            Decoded::Statement(statement) => {
                heading(page, "statement, unsigned");
                show_statement(page, statement);
            }
            Decoded::Manifest(manifest) => {
                heading(page, &manifest.media_type);
                page.indented(1, manifest.digest.to_string());
                show_json(page, &manifest.document);
            }
            Decoded::PublicKey { algorithm, key_id } => {
                page.row(
                    1,
                    [
                        "public key".into(),
                        Cell::from(algorithm),
                        Cell::from(key_id.to_string()),
                    ],
                );
            }
            Decoded::PrivateKey { encrypted } => {
                let state = if *encrypted {
                    "encrypted"
                } else {
                    "NOT encrypted"
                };
                page.indented(1, format!("private key, {state}; nothing of it is shown"));
            }
            Decoded::Json { document } => {
                heading(page, "JSON");
                show_json(page, document);
            }
        }
    }
}

fn heading(page: &mut Page, what: &str) {
    page.row(1, [Cell::from(what), Cell::attention("unverified")]);
}

fn show_bundle(page: &mut Page, bundle: &DecodedBundle) {
    heading(page, &format!("Sigstore bundle {}", bundle.version));
    page.row(1, ["signer (claimed)".into(), Cell::from(&bundle.signer)]);
    page.row(
        1,
        [
            "log entries".into(),
            Cell::from(bundle.log_entries.to_string()),
        ],
    );
    page.row(
        1,
        [
            "timestamps".into(),
            Cell::from(bundle.timestamps.to_string()),
        ],
    );
    if let Some(blob) = &bundle.blob {
        page.row(1, ["signed blob".into(), Cell::from(blob)]);
    }
    if let Some(envelope) = &bundle.envelope {
        show_envelope(page, envelope);
    }
}

fn show_envelope(page: &mut Page, envelope: &DecodedEnvelope) {
    heading(
        page,
        &format!("DSSE envelope, {} signatures", envelope.signatures.len()),
    );
    page.row(
        1,
        ["payload".into(), Cell::from(envelope.payload.to_string())],
    );
    page.row(
        1,
        ["payload type".into(), Cell::from(&envelope.payload_type)],
    );
    if let Some(statement) = &envelope.statement {
        show_statement(page, statement);
    }
}

fn show_statement(page: &mut Page, statement: &DecodedStatement) {
    page.row(
        1,
        [
            "predicate type".into(),
            Cell::from(&statement.predicate_type),
        ],
    );
    for subject in &statement.subjects {
        for (algorithm, value) in subject.digest.iter() {
            let name = subject.name.as_deref().unwrap_or_default();
            page.row(
                1,
                [
                    "subject".into(),
                    Cell::from(format!("{algorithm}:{value}")),
                    name.into(),
                ],
            );
        }
    }
    show_json(page, &statement.predicate);
}

fn show_json(page: &mut Page, document: &Value) {
    for line in to_json(document).lines() {
        page.indented(2, line);
    }
}
