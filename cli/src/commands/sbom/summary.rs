//! What was found, for people and programs.

use bulla_model::Digest;
use bulla_sbom::Inventory;
use bulla_sbom::format::{Base, Subject};
use serde::Serialize;

use crate::args::sbom_format::SbomFormat;
use crate::render::{Cell, Page, Report, count, shorten};

/// One document for each platform.
#[derive(Serialize)]
pub(super) struct Summaries {
    pub(super) documents: Vec<Summary>,
}

impl Report for Summaries {
    fn human(&self, page: &mut Page) {
        for summary in &self.documents {
            summary.human(page);
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operating_system: Option<String>,
    packages: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Beneath>,
    by_kind: Vec<Count>,
    layers: usize,
    pub(super) unknowns: Vec<Unread>,
    document: Digest,
    format: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    pub(super) seconds: f64,
}

/// The image it was built on.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Beneath {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    layers: usize,
    packages: usize,
    known_by: &'static str,
}

impl Beneath {
    fn of(base: &Base, inventory: &Inventory) -> Self {
        let packages = inventory.packages.iter();
        let packages = packages.filter(|one| one.layer.is_some_and(|layer| layer < base.layers));
        Self {
            name: base.name.clone(),
            layers: base.layers,
            packages: packages.count(),
            known_by: base.known_by.as_str(),
        }
    }
}

#[derive(Serialize)]
struct Count {
    kind: String,
    packages: usize,
}

#[derive(Serialize)]
pub(super) struct Unread {
    path: String,
    reason: String,
}

impl Summary {
    pub(super) fn of(
        inventory: &Inventory,
        subject: &Subject,
        document: &[u8],
        format: SbomFormat,
    ) -> Self {
        let counts = inventory.count_by_kind().into_iter();
        let unknowns = inventory.unknowns.iter();
        Self {
            subject: subject.name.clone(),
            digest: subject.digest.clone(),
            platform: subject.platform.clone(),
            operating_system: inventory
                .operating_system
                .as_ref()
                .map(|os| os.pretty_name.clone()),
            packages: inventory.packages.len(),
            base: subject
                .base
                .as_ref()
                .map(|base| Beneath::of(base, inventory)),
            by_kind: counts
                .map(|(kind, packages)| Count { kind, packages })
                .collect(),
            layers: subject.layers.len(),
            unknowns: unknowns
                .map(|one| Unread {
                    path: one.path.clone(),
                    reason: one.reason.clone(),
                })
                .collect(),
            document: Digest::sha256(document),
            format: format.standard(),
            file: None,
            seconds: 0.0,
        }
    }
}

impl Report for Summary {
    fn human(&self, page: &mut Page) {
        let parts = [self.platform.as_deref(), self.operating_system.as_deref()];
        let mut head = vec![Cell::strong(&self.subject)];
        head.extend(parts.into_iter().flatten().map(Cell::from));
        page.cells(1, head);
        let counts: Vec<String> = self
            .by_kind
            .iter()
            .map(|count| format!("{} {}", count.packages, count.kind))
            .collect();
        let counts = if counts.is_empty() {
            String::new()
        } else {
            format!("  ({})", counts.join(", "))
        };
        let layers = match self.layers {
            0 => String::new(),
            1 => "   1 layer".to_owned(),
            several => format!("   {several} layers"),
        };
        let packages = match self.packages {
            1 => "1 package".to_owned(),
            several => format!("{several} packages"),
        };
        let found = format!("{packages}{counts}{layers}");
        page.indented(1, found);
        if let Some(base) = &self.base {
            let name = base.name.as_deref().unwrap_or("its base");
            let of = if base.known_by == "history" {
                ", as its history looks"
            } else {
                ""
            };
            let (own, layers) = (self.packages.saturating_sub(base.packages), base.layers);
            let text = format!(
                "{} of them from {name} (layers 1 to {layers}{of}), {own} of its own",
                base.packages
            );
            page.indented(1, text);
        }
        if !self.unknowns.is_empty() {
            page.indented(
                1,
                Cell::attention(format!(
                    "{} could not be read",
                    count(self.unknowns.len(), "file")
                )),
            );
            for unread in self.unknowns.iter().take(SHOWN) {
                page.row(2, [Cell::from(&unread.path), Cell::faint(&unread.reason)]);
            }
        }
        let file = self
            .file
            .as_deref()
            .map_or_else(String::new, |file| format!("wrote {file}  "));
        let digest = shorten(&self.document);
        page.indented(
            1,
            format!("{file}{}  {digest}   {:.1} s", self.format, self.seconds),
        );
    }
}

/// Unreadable files named in the summary; the document has them all.
const SHOWN: usize = 5;
