//! `bulla sbom validate`: whether documents are what their standards say.

use bulla_sbom::format::schema::{self, Validity};
use serde::Serialize;

use crate::args::sbom::ValidateArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::file;
use crate::render::{Cell, Page, Report, count};
use crate::{Exit, Failure};

pub(super) fn run(arguments: &ValidateArguments, context: &Context) -> Result<Exit, Failure> {
    let mut judged = Judged { files: Vec::new() };
    for path in &arguments.files {
        let bytes = file::read(path, context.limits.document_bytes)?;
        let name = path.display().to_string();
        let validity = schema::validate(&bytes, &context.limits).map_err(|error| {
            let message = format_args!("{name} cannot be judged");
            Failure::new(FailureKind::Input, message).with_detail(error)
        })?;
        judged.files.push(Document::of(name, &validity));
    }
    let is_valid = judged.files.iter().all(|file| file.valid);
    context.printer.report(&judged)?;
    Ok(if is_valid {
        Exit::Success
    } else {
        Exit::Denied
    })
}

#[derive(Serialize)]
struct Judged {
    files: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    file: String,
    standard: String,
    valid: bool,
    faults: Vec<Wrong>,
    /// Whether there are more faults than are told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
}

#[derive(Serialize)]
struct Wrong {
    at: String,
    message: String,
}

impl Document {
    fn of(file: String, validity: &Validity) -> Self {
        let faults = validity.faults.iter().map(|fault| Wrong {
            at: fault.pointer.clone(),
            message: fault.message.clone(),
        });
        Self {
            file,
            standard: validity.standard.clone(),
            valid: validity.faults.is_empty(),
            faults: faults.collect(),
            more: validity.is_cut,
        }
    }
}

impl Report for Judged {
    fn human(&self, page: &mut Page) {
        for file in &self.files {
            let word = if file.valid {
                Cell::good("valid")
            } else {
                Cell::bad("not valid")
            };
            page.row(
                0,
                [Cell::strong(&file.file), word, Cell::faint(&file.standard)],
            );
            for wrong in file.faults.iter().take(SHOWN) {
                let at = if wrong.at.is_empty() { "/" } else { &wrong.at };
                page.row(1, [Cell::from(at), Cell::from(&wrong.message)]);
            }
            let more = file.faults.len().saturating_sub(SHOWN);
            if more > 0 {
                let or_more = if file.more { " or more" } else { "" };
                let faults = count(more, "fault");
                page.indented(
                    1,
                    Cell::faint(format!("and {faults}{or_more} (--output json)")),
                );
            }
        }
    }
}

/// Faults shown of one file.
const SHOWN: usize = 20;
