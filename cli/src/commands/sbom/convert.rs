//! `bulla sbom convert`: a CycloneDX document in another spelling or version.

use std::collections::BTreeMap;

use bulla_sbom::format::cyclonedx::{Document, convert, xml};
use bulla_verify::Cause;

use crate::args::sbom::{ConvertArguments, Spelling};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::output::write_atomic;
use crate::render::{Cell, Page, count};
use crate::{Exit, Failure};

pub(super) fn run(arguments: &ConvertArguments, context: &Context) -> Result<Exit, Failure> {
    let name = arguments.file.display();
    let bytes = file::read(&arguments.file, context.limits.catalog_file_bytes)?;
    let document = Document::read(&bytes, &context.limits).map_err(|error| {
        let failure = Failure::new(FailureKind::Input, format_args!("{name} is no CycloneDX"));
        failure
            .with_detail(error)
            .with_hint("SPDX is read by bulla sbom list and diff, and not converted")
    })?;
    let mut lost: Vec<String> = document.losses().iter().map(ToString::to_string).collect();
    let mut document = document;
    if let Some(version) = &arguments.spec_version {
        let converted = convert::to_version(&document, version).map_err(|error| {
            let message = format_args!("{name} cannot be written as CycloneDX {version}");
            Failure::new(FailureKind::Input, message).with_detail(error)
        })?;
        document = converted.document;
        let left_out = converted.left_out.into_iter();
        lost.extend(left_out.map(|place| format!("{place} has no place in CycloneDX {version}")));
    }
    let written = match arguments.to {
        Spelling::Json => document.to_json(),
        Spelling::Xml => {
            let written = xml::write(&document);
            lost.extend(written.losses.iter().map(ToString::to_string));
            written.bytes
        }
    };
    match &arguments.out {
        None => context.printer.data(&written)?,
        Some(path) => write_atomic(path, &written)?,
    }
    tell(&lost, context);
    // The document is there, and is not all of the other one.
    if arguments.strict && !lost.is_empty() {
        return Ok(Exit::of_cause(Cause::Denied));
    }
    Ok(Exit::Success)
}

fn tell(lost: &[String], context: &Context) {
    if lost.is_empty() {
        return;
    }
    let mut page = Page::default();
    let things = count(lost.len(), "thing");
    page.line(Cell::attention(format!(
        "{things} left out or told otherwise"
    )));
    let kinds = kinds(lost);
    for (kind, times) in kinds.iter().take(SHOWN) {
        let times = match times {
            1 => Cell::from(""),
            times => Cell::faint(format!("{times} times")),
        };
        page.row(1, [Cell::from(kind.as_str()), times]);
    }
    let more = kinds.len().saturating_sub(SHOWN);
    if more > 0 {
        page.indented(1, Cell::faint(format!("and {more} more kinds")));
    }
    context.printer.note(page);
}

/// What is lost at several places of a list is one kind: `/components/*/evidence`.
fn kinds(lost: &[String]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::<String, usize>::new();
    for one in lost {
        let (place, rest) = one.split_at(one.find(' ').unwrap_or(one.len()));
        let is_number = |step: &&str| !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit());
        let steps = place.split('/');
        let steps = steps.map(|step| if is_number(&step) { "*" } else { step });
        let kind = format!("{}{rest}", steps.collect::<Vec<_>>().join("/"));
        let times = kinds.entry(kind).or_default();
        *times = times.saturating_add(1);
    }
    kinds
}

/// Kinds of losses that are told.
const SHOWN: usize = 20;
