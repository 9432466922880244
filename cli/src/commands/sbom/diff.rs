//! `bulla sbom diff`: what changed in packages, versions and licences.

use std::collections::BTreeSet;

use bulla_sbom::bill::{Bill, Change, Difference, Key, Side};
use serde::Serialize;

use super::list::brief;
use super::{bill, markdown};
use crate::args::sbom::{BillForm, ChangeKind, DiffArguments};
use crate::commands::Context;
use crate::printer::Format;
use crate::render::{Cell, Page, Report, count};
use crate::{Exit, Failure};

pub(super) async fn run(arguments: &DiffArguments, context: &Context) -> Result<Exit, Failure> {
    let platform = arguments.platform.as_deref();
    let from = bill::open(context, &arguments.from, platform).await?;
    let to = bill::open(context, &arguments.to, platform).await?;
    let difference = Difference::between(&from, &to);
    let report = Comparison::of(arguments, (&from, &to), &difference);
    let is_json = context.printer.format() == Format::Json;
    if arguments.form == BillForm::Markdown && !is_json {
        context.printer.data(markdown::page(&report).as_bytes())?;
    } else {
        context.printer.report(&report)?;
    }
    let mut asked = arguments.fail_on.iter();
    Ok(if asked.any(|kind| report.has(*kind)) {
        Exit::Denied
    } else {
        Exit::Success
    })
}

#[derive(Serialize)]
pub(super) struct Comparison {
    pub(super) from: Compared,
    pub(super) to: Compared,
    pub(super) added: Vec<Only>,
    pub(super) removed: Vec<Only>,
    pub(super) changed: Vec<Both>,
    pub(super) same: usize,
}

/// One of the two bills.
#[derive(Serialize)]
pub(super) struct Compared {
    /// As it was asked for.
    pub(super) what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    packages: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
}

/// A package that only one of them lists.
#[derive(Serialize)]
pub(super) struct Only {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) versions: BTreeSet<String>,
    pub(super) licenses: BTreeSet<String>,
}

/// A package that both list.
#[derive(Serialize)]
pub(super) struct Both {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) versions: FromTo,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) licenses: Option<FromTo>,
}

#[derive(Serialize)]
pub(super) struct FromTo {
    pub(super) from: BTreeSet<String>,
    pub(super) to: BTreeSet<String>,
}

impl FromTo {
    pub(super) fn differ(&self) -> bool {
        self.from != self.to
    }
}

impl Comparison {
    fn of(arguments: &DiffArguments, (from, to): (&Bill, &Bill), found: &Difference) -> Self {
        let only = |sides: &std::collections::BTreeMap<Key, Side>| {
            let all = sides.iter().map(|(key, side)| Only {
                kind: key.ecosystem.clone(),
                name: key.name.clone(),
                versions: side.versions.clone(),
                licenses: side.licenses.clone(),
            });
            all.collect()
        };
        Self {
            from: Compared::of(&arguments.from, from),
            to: Compared::of(&arguments.to, to),
            added: only(&found.added),
            removed: only(&found.removed),
            changed: found.changed.iter().map(both).collect(),
            same: found.same,
        }
    }

    fn has(&self, kind: ChangeKind) -> bool {
        let mut changed = self.changed.iter();
        match kind {
            ChangeKind::Added => !self.added.is_empty(),
            ChangeKind::Removed => !self.removed.is_empty(),
            ChangeKind::Version => changed.any(|both| both.versions.differ()),
            ChangeKind::License => changed.any(|both| both.licenses.is_some()),
        }
    }
}

impl Compared {
    fn of(what: &str, bill: &Bill) -> Self {
        let packages = bill.items.iter().filter(|item| item.is_package());
        let subject = bill.subject.as_ref();
        Self {
            what: what.to_owned(),
            subject: subject.map(|subject| subject.name.clone()),
            version: subject.and_then(|subject| subject.version.clone()),
            packages: packages.count(),
            complete: bill.is_complete,
        }
    }
}

fn both((key, change): (&Key, &Change)) -> Both {
    let licenses = FromTo {
        from: change.from.licenses.clone(),
        to: change.to.licenses.clone(),
    };
    Both {
        kind: key.ecosystem.clone(),
        name: key.name.clone(),
        versions: FromTo {
            from: change.from.versions.clone(),
            to: change.to.versions.clone(),
        },
        licenses: change.is_license().then_some(licenses),
    }
}

pub(super) fn list(texts: &BTreeSet<String>) -> String {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.join(", ")
}

impl Report for Comparison {
    fn human(&self, page: &mut Page) {
        for both in &self.changed {
            let to = list(&both.versions.to);
            let versions = if both.versions.differ() {
                format!("{} → {to}", list(&both.versions.from))
            } else {
                to
            };
            let licenses = both.licenses.as_ref();
            let licenses =
                licenses.map(|both| format!("{} → {}", list(&both.from), list(&both.to)));
            page.row(
                0,
                [
                    Cell::attention("~"),
                    Cell::faint(&both.kind),
                    Cell::strong(&both.name),
                    Cell::from(&brief(versions)),
                    Cell::from(&brief(licenses.unwrap_or_default())),
                ],
            );
        }
        let lists = [
            (Cell::good("+"), &self.added),
            (Cell::bad("-"), &self.removed),
        ];
        for (mark, only) in lists {
            for one in only {
                page.row(
                    0,
                    [
                        mark.clone(),
                        Cell::faint(&one.kind),
                        Cell::strong(&one.name),
                        Cell::from(&brief(list(&one.versions))),
                        Cell::faint(brief(list(&one.licenses))),
                    ],
                );
            }
        }
        page.gap();
        let (changed, added) = (self.changed.len(), self.added.len());
        let (removed, same) = (self.removed.len(), self.same);
        let changed = count(changed, "package");
        page.line(format!(
            "{changed} changed, {added} added, {removed} removed, {same} the same"
        ));
        for one in [&self.from, &self.to] {
            if one.complete == Some(false) {
                page.line(Cell::attention(format!("{} is not complete", one.what)));
            }
        }
    }
}
