//! SPDX 3.0 as JSON-LD.
//!
//! <https://spdx.github.io/spdx-spec/v3.0.1/>. It is read as the JSON that its schema describes, not as
//! a graph of RDF: names are the short ones of SPDX's own context, and identifiers are compared as
//! they are written, so that one that is written in full and with a prefix is two. Licences that are
//! put together from objects (ExpandedLicensing) are not told; single ones are.

mod relations;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::relations::Relations;
use super::spdx::{notes, unread};
use super::text::{each, said, text};
use super::{Bill, BillError, Item};

/// Whether its context is one of SPDX 3.0.
pub(super) fn is(document: &Value) -> bool {
    let context = document.get("@context").unwrap_or(&Value::Null);
    let listed = context.as_array().into_iter().flatten();
    let mut names = std::iter::once(context)
        .chain(listed)
        .filter_map(Value::as_str);
    names.any(|name| name.starts_with("https://spdx.org/rdf/3.0."))
}

/// What is referred to is told at each place: `limit` bounds that, in bytes.
pub(super) fn read(document: &Value, limit: u64) -> Result<Bill, BillError> {
    let graph = Graph::of(document);
    let mut budget = Budget { limit, spent: 0 };
    let relations = Relations::of(&graph, &mut budget)?;
    let about = graph.of_kind("SpdxDocument").next();
    let about = about.or_else(|| graph.of_kind("software_Sbom").next());
    let about = about.unwrap_or(&Value::Null);
    let creation = graph.creation(about);
    let comment = text(about, "comment").unwrap_or_default();
    let version = text(creation, "specVersion").unwrap_or_else(|| "3.0".to_owned());
    let mut bill = Bill {
        format: format!("SPDX-{version}"),
        id: id(about).map(str::to_owned),
        timestamp: text(creation, "created"),
        unknowns: unread(&comment),
        ..Bill::default()
    };
    let roots = graph.roots(about, &relations);
    for element in &graph.elements {
        let is_package = PACKAGES.iter().any(|(of, _)| is_kind(element, of));
        let is_root = bill.subject.is_none() && id(element).is_some_and(|id| roots.contains(id));
        if is_root && (is_package || is_kind(element, FILE)) {
            bill.subject = Some(graph.item(element, &relations, &mut budget)?);
        } else if is_package {
            bill.items
                .push(graph.item(element, &relations, &mut budget)?);
        }
    }
    let subject = bill.subject.as_ref();
    bill.is_complete = subject.and_then(|one| relations.completeness(&one.reference));
    bill.needs = relations.needs;
    Ok(bill)
}

/// Bytes of what may be told at many places and stands at one.
struct Budget {
    limit: u64,
    spent: u64,
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), BillError> {
        let limit = self.limit;
        self.spent = self.spent.saturating_add(bytes as u64);
        if self.spent > limit {
            return Err(BillError::References { limit });
        }
        Ok(())
    }
}

/// Elements in the order of the document, and those with an identifier by it.
struct Graph<'a> {
    elements: Vec<&'a Value>,
    by_id: BTreeMap<&'a str, &'a Value>,
    /// What licences are called, by their identifiers.
    licenses: BTreeMap<&'a str, &'a str>,
}

impl<'a> Graph<'a> {
    /// A document without a graph is one element.
    fn of(document: &'a Value) -> Self {
        let elements: Vec<_> = match document.get("@graph") {
            Some(_) => each(document, "@graph").collect(),
            None => vec![document],
        };
        let named = elements.iter().filter_map(|one| Some((id(one)?, *one)));
        let by_id: BTreeMap<_, _> = named.collect();
        let all = by_id.iter();
        let licenses = all.filter_map(|(id, one)| Some((*id, license(one, &by_id)?)));
        Self {
            licenses: licenses.collect(),
            elements,
            by_id,
        }
    }

    fn of_kind(&self, of: &'static str) -> impl Iterator<Item = &'a Value> {
        let elements = self.elements.iter().copied();
        elements.filter(move |one| is_kind(one, of))
    }

    /// Who made an element and when, which may stand in it or beside it.
    fn creation(&self, element: &'a Value) -> &'a Value {
        let creation = element.get("creationInfo").unwrap_or(&Value::Null);
        let named = creation.as_str().and_then(|id| self.by_id.get(id).copied());
        named.unwrap_or(creation)
    }

    /// What the document is about: the roots of it, and of collections that are roots.
    fn roots(&self, about: &'a Value, relations: &Relations<'a>) -> BTreeSet<&'a str> {
        let mut roots = BTreeSet::new();
        let mut left = id(about).map_or_else(Vec::new, |id| relations.described(id).collect());
        left.extend(each(about, ROOT).filter_map(Value::as_str));
        while let Some(root) = left.pop() {
            if roots.insert(root) {
                left.extend(relations.described(root));
                let collection = self.by_id.get(root).copied().unwrap_or(&Value::Null);
                left.extend(each(collection, ROOT).filter_map(Value::as_str));
            }
        }
        roots
    }

    fn item(
        &self,
        element: &'a Value,
        relations: &Relations<'a>,
        budget: &mut Budget,
    ) -> Result<Item, BillError> {
        let id = id(element).unwrap_or_default();
        let usual = PACKAGES.iter().find(|(of, _)| is_kind(element, of));
        let usual = usual.map_or("file", |(_, usual)| *usual);
        let purpose = text(element, "software_primaryPurpose");
        let identifiers = |kinds: &'static [&'static str]| {
            let all = each(element, "externalIdentifier");
            let of_kind = all.filter(move |one| {
                let kind = text(one, "externalIdentifierType");
                kind.is_some_and(|kind| kinds.contains(&kind.as_str()))
            });
            of_kind.filter_map(|one| text(one, "identifier"))
        };
        let hashes = each(element, "verifiedUsing")
            .filter_map(|one| Some((algorithm(&text(one, "algorithm")?), text(one, "hashValue")?)));
        let purl = text(element, "software_packageUrl");
        let supplier = element.get("suppliedBy").and_then(Value::as_str);
        let supplier = supplier.and_then(|id| said(self.by_id.get(id)?, "name"));
        budget.spend(supplier.map_or(0, str::len))?;
        let mut licenses = BTreeSet::new();
        for license in relations.licenses(id) {
            let listed = || license.strip_prefix(LISTED);
            if let Some(told) = self.licenses.get(license).copied().or_else(listed) {
                budget.spend(told.len())?;
                licenses.insert(told.to_owned());
            }
        }
        Ok(Item {
            reference: id.to_owned(),
            kind: purpose.map_or_else(|| usual.to_owned(), |word| dashed(&word)),
            name: text(element, "name").unwrap_or_default(),
            version: text(element, "software_packageVersion"),
            purl: purl.or_else(|| identifiers(&["packageUrl"]).next()),
            cpes: identifiers(&["cpe23", "cpe22"]).collect(),
            licenses,
            supplier: supplier.map(str::to_owned),
            hashes: hashes.collect(),
            scope: relations.scope(id).map(str::to_owned),
            places: text(element, "software_sourceInfo").into_iter().collect(),
            notes: notes(&text(element, "comment").unwrap_or_default()),
            ..Item::default()
        })
    }
}

/// The expression, or what a single licence is called.
fn license<'a>(element: &'a Value, by_id: &BTreeMap<&str, &'a Value>) -> Option<&'a str> {
    let Some(expression) = said(element, "simplelicensing_licenseExpression") else {
        let listed = id(element).and_then(|id| id.strip_prefix(LISTED));
        let is_single = SINGLE.iter().any(|of| is_kind(element, of));
        return listed.or_else(|| said(element, "name").filter(|_| is_single));
    };
    // What stands in a licence's place only refers to a text: tell the text.
    let told = each(element, "simplelicensing_customIdToUri")
        .find(|entry| said(entry, "key") == Some(expression))
        .and_then(|entry| entry.get("value")?.as_str())
        .and_then(|id| said(by_id.get(id)?, "name"));
    Some(told.unwrap_or(expression))
}

fn id(element: &Value) -> Option<&str> {
    let id = element.get("spdxId").or_else(|| element.get("@id"))?;
    id.as_str()
}

fn is_kind(element: &Value, of: &str) -> bool {
    let kind = element.get("type").or_else(|| element.get("@type"));
    kind.and_then(Value::as_str) == Some(of)
}

/// `operating-system` of `operatingSystem`.
fn dashed(word: &str) -> String {
    let mut dashed = String::with_capacity(word.len());
    for character in word.chars() {
        if character.is_ascii_uppercase() {
            dashed.push('-');
        }
        dashed.push(character.to_ascii_lowercase());
    }
    dashed
}

/// The algorithm as CycloneDX writes it.
fn algorithm(name: &str) -> String {
    let sha_2 = name.strip_prefix("sha");
    match sha_2.and_then(|length| length.strip_prefix("3_")) {
        Some(length) => format!("SHA3-{length}"),
        None => match sha_2 {
            Some(length) => format!("SHA-{length}"),
            None => name.to_uppercase(),
        },
    }
}

/// Packages, and what they are in the words of CycloneDX if they have no purpose.
const PACKAGES: [(&str, &str); 3] = [
    ("software_Package", "library"),
    ("ai_AIPackage", "machine-learning-model"),
    ("dataset_DatasetPackage", "data"),
];

const FILE: &str = "software_File";
const ROOT: &str = "rootElement";

/// Licences that are no expressions, each one licence.
const SINGLE: [&str; 3] = [
    "expandedlicensing_CustomLicense",
    "expandedlicensing_ListedLicense",
    "simplelicensing_SimpleLicensingText",
];

/// Where SPDX's own licences are.
const LISTED: &str = "https://spdx.org/licenses/";
