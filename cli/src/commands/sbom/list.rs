//! `bulla sbom list`: the packages, a line each.

use bulla_sbom::bill::{Bill, Item};
use serde::Serialize;

use super::bill;
use crate::args::sbom::ListArguments;
use crate::commands::Context;
use crate::render::{Cell, Page, Report, count};
use crate::{Exit, Failure};

pub(super) async fn run(arguments: &ListArguments, context: &Context) -> Result<Exit, Failure> {
    let bill = bill::open(context, &arguments.what, arguments.platform.as_deref()).await?;
    let mut listed = Listed::of(&bill);
    if !arguments.kind.is_empty() {
        let is_asked = |row: &Row| arguments.kind.contains(&row.kind);
        listed.packages.retain(is_asked);
    }
    context.printer.report(&listed)?;
    Ok(Exit::Success)
}

/// What a bill lists.
#[derive(Serialize)]
pub(super) struct Listed {
    format: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    packages: Vec<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknowns: Vec<String>,
    /// Whether what was counted is said elsewhere.
    #[serde(skip)]
    is_summed: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    kind: String,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<String>,
    /// `declared`, `excluded`, `optional`, `base`: what is worth a remark.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
}

impl Listed {
    pub(super) fn of(bill: &Bill) -> Self {
        let packages = bill.items.iter().filter(|item| item.is_package());
        let mut packages: Vec<Row> = packages.map(row).collect();
        packages.sort();
        Self {
            format: bill.format.clone(),
            subject: bill.subject.as_ref().map(|subject| subject.name.clone()),
            complete: bill.is_complete,
            packages,
            unknowns: bill.unknowns.clone(),
            is_summed: false,
        }
    }

    /// The same for whoever says himself how many there are.
    pub(super) fn rows(bill: &Bill) -> Self {
        Self {
            is_summed: true,
            ..Self::of(bill)
        }
    }
}

fn row(item: &Item) -> Row {
    let note = |key: &str, usual: &str| {
        let note = item.notes.get(key).filter(|note| *note != usual);
        note.cloned()
    };
    let scope = item.scope.clone().filter(|scope| scope != "required");
    let remarks = [
        note("presence", "installed"),
        scope,
        note("origin", "application"),
    ];
    Row {
        kind: item.ecosystem(),
        name: item.name.clone(),
        version: item.version.clone().unwrap_or_default(),
        purl: item.purl.clone(),
        licenses: item.licenses.iter().cloned().collect(),
        remarks: remarks.into_iter().flatten().collect(),
    }
}

impl Report for Listed {
    fn human(&self, page: &mut Page) {
        for row in &self.packages {
            page.row(
                0,
                [
                    Cell::faint(&row.kind),
                    Cell::strong(&row.name),
                    Cell::from(&row.version),
                    Cell::from(&brief(row.licenses.join(", "))),
                    Cell::faint(row.remarks.join(", ")),
                ],
            );
        }
        if self.is_summed {
            return;
        }
        page.gap();
        let subject = self.subject.as_deref().unwrap_or("the document");
        let packages = count(self.packages.len(), "package");
        page.line(format!("{packages} in {subject}   {}", self.format));
        if !self.unknowns.is_empty() {
            let files = count(self.unknowns.len(), "file");
            page.line(Cell::attention(format!("{files} could not be read")));
        }
    }
}

/// A text in one cell of a table: one that is long would move all other lines.
pub(super) fn brief(text: String) -> String {
    match text.char_indices().nth(WIDTH) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

const WIDTH: usize = 40;
