//! SPDX 2.2 and 2.3 as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::text::{Shared, each, text};
use super::{Bill, Item};

pub(super) fn read(document: &Value) -> Bill {
    let creation = document.get("creationInfo").unwrap_or(&Value::Null);
    let mut bill = Bill {
        format: text(document, "spdxVersion").unwrap_or_default(),
        id: text(document, "documentNamespace"),
        timestamp: text(creation, "created"),
        ..Bill::default()
    };
    let comment = text(document, "comment").unwrap_or_default();
    bill.unknowns = unread(&comment);
    let told = texts(document);
    let described = described(document);
    for package in each(document, "packages") {
        let item = item(package, &told);
        if bill.subject.is_none() && described.contains(&item.reference) {
            bill.subject = Some(item);
        } else {
            bill.items.push(item);
        }
    }
    let mut shared = Shared::default();
    for one in each(document, "relationships") {
        let ends = (text(one, "spdxElementId"), text(one, "relatedSpdxElement"));
        let (Some(from), Some(to)) = ends else {
            continue;
        };
        let (from, to) = (shared.of(&from), shared.of(&to));
        match text(one, "relationshipType").as_deref() {
            Some("DEPENDS_ON") => bill.needs.push((from, to)),
            Some("DEPENDENCY_OF") => bill.needs.push((to, from)),
            _ => {}
        }
    }
    bill
}

/// What could not be read, as a document's comment says.
pub(super) fn unread(comment: &str) -> Vec<String> {
    let lines = comment.lines();
    let unread = lines.filter_map(|line| line.strip_prefix("not read: "));
    unread.map(str::to_owned).collect()
}

/// What a package's comment says beside its fields.
pub(super) fn notes(comment: &str) -> BTreeMap<String, String> {
    let is_declared = comment
        .lines()
        .any(|line| line == "declared, not installed");
    let presence = ("presence".to_owned(), "declared".to_owned());
    is_declared.then_some(presence).into_iter().collect()
}

/// What the document is about.
fn described(document: &Value) -> BTreeSet<String> {
    let listed = each(document, "documentDescribes").filter_map(Value::as_str);
    let related = each(document, "relationships").filter_map(|one| {
        match text(one, "relationshipType")?.as_str() {
            "DESCRIBES" => text(one, "relatedSpdxElement"),
            "DESCRIBED_BY" => text(one, "spdxElementId"),
            _ => None,
        }
    });
    listed.map(str::to_owned).chain(related).collect()
}

/// Texts of licences that are no expression, by their references.
fn texts(document: &Value) -> BTreeMap<String, String> {
    let all = each(document, "hasExtractedLicensingInfos");
    let named = all.filter_map(|one| {
        // Longer ones would be told again for each package that has them.
        let short = |key: &str| text(one, key).filter(|text| text.len() <= NAME);
        let name = short("name").or_else(|| short("extractedText"))?;
        Some((text(one, "licenseId")?, name))
    });
    named.collect()
}

fn item(package: &Value, told: &BTreeMap<String, String>) -> Item {
    let referred = |kinds: &'static [&'static str]| {
        let all = each(package, "externalRefs");
        let of_kind = all.filter(move |one| {
            let kind = text(one, "referenceType");
            kind.is_some_and(|kind| kinds.contains(&kind.as_str()))
        });
        of_kind.filter_map(|one| text(one, "referenceLocator"))
    };
    let license = text(package, "licenseDeclared").or_else(|| text(package, "licenseConcluded"));
    // What stands in a licence's place only refers to a text: tell the text.
    let license = license.map(|license| told.get(&license).cloned().unwrap_or(license));
    let hashes = each(package, "checksums").filter_map(|one| {
        Some((
            algorithm(&text(one, "algorithm")?),
            text(one, "checksumValue")?,
        ))
    });
    let kind = text(package, "primaryPackagePurpose").unwrap_or_else(|| "LIBRARY".to_owned());
    Item {
        reference: text(package, "SPDXID").unwrap_or_default(),
        kind: kind.to_lowercase().replace(['_', ' '], "-"),
        name: text(package, "name").unwrap_or_default(),
        version: text(package, "versionInfo"),
        purl: referred(&["purl"]).next(),
        cpes: referred(&["cpe23Type", "cpe22Type"]).collect(),
        licenses: license.into_iter().collect(),
        supplier: text(package, "supplier").map(|text| organization(&text)),
        hashes: hashes.collect(),
        notes: notes(&text(package, "comment").unwrap_or_default()),
        places: text(package, "sourceInfo").into_iter().collect(),
        ..Item::default()
    }
}

/// The name without the word for what it is.
fn organization(text: &str) -> String {
    let name = text.split_once(": ").map_or(text, |(_, name)| name);
    name.trim().to_owned()
}

/// The algorithm as CycloneDX writes it.
fn algorithm(name: &str) -> String {
    match name.strip_prefix("SHA") {
        Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("SHA-{length}")
        }
        _ => name.to_owned(),
    }
}

/// Longer texts are no names.
const NAME: usize = 200;
