//! `bulla sbom explain`: all that a bill of materials says of a package.

use std::collections::{BTreeMap, BTreeSet};

use bulla_sbom::bill::{Bill, Item, Key};
use serde::Serialize;

use super::bill;
use crate::args::sbom::ExplainArguments;
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::render::{Cell, Page, Report};
use crate::{Exit, Failure};

pub(super) async fn run(arguments: &ExplainArguments, context: &Context) -> Result<Exit, Failure> {
    let bill = bill::open(context, &arguments.what, arguments.platform.as_deref()).await?;
    let found = bill
        .items
        .iter()
        .filter(|item| is_it(item, &arguments.package));
    let graph = Graph::of(&bill);
    let packages: Vec<Told> = found.map(|item| graph.told(item)).collect();
    if packages.is_empty() {
        let failure = Failure::new(
            FailureKind::NotFound,
            format_args!("{} lists no package {}", arguments.what, arguments.package),
        );
        let near = near(&bill, &arguments.package);
        return Err(if near.is_empty() {
            failure.with_hint(format_args!("bulla sbom list {}", arguments.what))
        } else {
            failure.with_detail(format_args!("it lists {}", near.join(", ")))
        });
    }
    context.printer.report(&Explained { packages })?;
    Ok(Exit::Success)
}

/// Whether this is what was asked for: a name, a package URL, or one without version and qualifiers.
fn is_it(item: &Item, asked: &str) -> bool {
    let purl = item.purl.as_deref().unwrap_or_default();
    let bare = purl.split(['?', '#']).next().unwrap_or_default();
    let unversioned = bare.rsplit_once('@').map_or(bare, |(name, _)| name);
    item.name == asked
        || item.reference == asked
        || (!purl.is_empty() && [purl, bare, unversioned].contains(&asked))
        || Key::of(item).name == asked
}

/// Names that hold what was asked for.
fn near(bill: &Bill, asked: &str) -> Vec<String> {
    let asked = asked.to_lowercase();
    let names = bill.items.iter().map(|item| item.name.clone());
    let near: BTreeSet<_> = names
        .filter(|name| name.to_lowercase().contains(&asked))
        .collect();
    near.into_iter().take(NEAR).collect()
}

/// Who needs what.
struct Graph<'a> {
    items: BTreeMap<&'a str, &'a Item>,
    needs: BTreeMap<&'a str, BTreeSet<&'a str>>,
    needed_by: BTreeMap<&'a str, BTreeSet<&'a str>>,
    root: Option<&'a str>,
}

impl<'a> Graph<'a> {
    fn of(bill: &'a Bill) -> Self {
        let all = bill.items.iter().chain(&bill.subject);
        let mut graph = Self {
            items: all.map(|item| (item.reference.as_str(), item)).collect(),
            needs: BTreeMap::new(),
            needed_by: BTreeMap::new(),
            root: bill.subject.as_ref().map(|item| item.reference.as_str()),
        };
        for (from, to) in &bill.needs {
            graph.needs.entry(from).or_default().insert(to);
            graph.needed_by.entry(to).or_default().insert(from);
        }
        graph
    }

    fn label(&self, reference: &str) -> String {
        let Some(item) = self.items.get(reference) else {
            return reference.to_owned();
        };
        match &item.version {
            Some(version) if Some(reference) != self.root => format!("{} {version}", item.name),
            _ => item.name.clone(),
        }
    }

    fn labels(&self, of: &BTreeMap<&str, BTreeSet<&str>>, reference: &str) -> Vec<String> {
        let all = of.get(reference).into_iter().flatten();
        let mut labels: Vec<_> = all.map(|one| self.label(one)).collect();
        labels.sort();
        labels
    }

    /// One shortest way from the subject to it, each step once.
    fn path(&self, to: &str) -> Vec<String> {
        let mut next = BTreeMap::<&str, &str>::new();
        let mut seen = BTreeSet::from([to]);
        let mut edge = std::collections::VecDeque::from([to]);
        while let Some(one) = edge.pop_front() {
            if Some(one) == self.root {
                let steps = std::iter::successors(Some(one), |step| next.get(*step).copied());
                return steps.map(|step| self.label(step)).collect();
            }
            for above in self.needed_by.get(one).into_iter().flatten() {
                if seen.insert(*above) {
                    next.insert(*above, one);
                    edge.push_back(*above);
                }
            }
        }
        Vec::new()
    }

    fn told(&self, item: &Item) -> Told {
        Told {
            name: item.name.clone(),
            version: item.version.clone(),
            kind: item.ecosystem(),
            purl: item.purl.clone(),
            cpes: item.cpes.clone(),
            licenses: item.licenses.iter().cloned().collect(),
            supplier: item.supplier.clone(),
            hashes: item.hashes.clone(),
            scope: item.scope.clone(),
            places: item.places.clone(),
            found_by: item.found_by.clone(),
            notes: item.notes.clone(),
            needs: self.labels(&self.needs, &item.reference),
            needed_by: self.labels(&self.needed_by, &item.reference),
            path: self.path(&item.reference),
        }
    }
}

#[derive(Serialize)]
struct Explained {
    packages: Vec<Told>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    name: String,
    version: Option<String>,
    kind: String,
    purl: Option<String>,
    cpes: Vec<String>,
    licenses: Vec<String>,
    supplier: Option<String>,
    hashes: BTreeMap<String, String>,
    scope: Option<String>,
    places: Vec<String>,
    found_by: Vec<String>,
    notes: BTreeMap<String, String>,
    needs: Vec<String>,
    needed_by: Vec<String>,
    /// From the subject to it.
    path: Vec<String>,
}

impl Report for Explained {
    fn human(&self, page: &mut Page) {
        for told in &self.packages {
            let version = told.version.as_deref().unwrap_or_default();
            page.row(0, [Cell::strong(&told.name), Cell::from(version)]);
            let hashes = told.hashes.iter();
            let hashes: Vec<_> = hashes.map(|(name, hex)| format!("{name} {hex}")).collect();
            let notes = told.notes.iter();
            let notes: Vec<_> = notes
                .map(|(name, value)| format!("{name} {value}"))
                .collect();
            let one = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
            for (label, lines) in [
                ("package URL", &one(&told.purl)),
                ("CPE", &told.cpes),
                ("licence", &told.licenses),
                ("supplier", &one(&told.supplier)),
                ("digest", &hashes),
                ("scope", &one(&told.scope)),
                ("found at", &told.places),
                ("found by", &told.found_by),
                ("", &notes),
                (
                    "path",
                    &one(&(!told.path.is_empty()).then(|| told.path.join(" → "))),
                ),
                ("needed by", &told.needed_by),
                ("needs", &told.needs),
            ] {
                for (at, line) in lines.iter().take(SHOWN).enumerate() {
                    let label = if at == 0 { label } else { "" };
                    page.row(1, [Cell::faint(label), Cell::from(line)]);
                }
                let more = lines.len().saturating_sub(SHOWN);
                if more > 0 {
                    let text = format!("and {more} more (--output json)");
                    page.row(1, [Cell::faint(""), Cell::faint(text)]);
                }
            }
            page.gap();
        }
    }
}

/// Lines of one kind.
const SHOWN: usize = 12;

/// Names that are offered.
const NEAR: usize = 8;
