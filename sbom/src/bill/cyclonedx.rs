//! CycloneDX 1.2 to 1.7 as JSON.

use std::sync::Arc;

use serde_json::Value;

use super::text::{Shared, each, text};
use super::{Bill, Item};

pub(super) fn read(document: &Value) -> Bill {
    let metadata = document.get("metadata").unwrap_or(&Value::Null);
    let subject = metadata.get("component");
    let mut bill = Bill {
        format: format!(
            "CycloneDX {}",
            text(document, "specVersion").unwrap_or_default()
        ),
        id: text(document, "serialNumber"),
        timestamp: text(metadata, "timestamp"),
        subject: subject.map(item),
        is_complete: completeness(document),
        ..Bill::default()
    };
    let unknown = |one: &&Value| text(one, "name").as_deref() == Some("bulla:unknown");
    let unknowns = each(metadata, "properties").filter(unknown);
    bill.unknowns
        .extend(unknowns.filter_map(|one| text(one, "value")));
    let inside = subject.into_iter().flat_map(|one| each(one, "components"));
    let mut left: Vec<&Value> = inside.chain(each(document, "components")).collect();
    left.reverse();
    while let Some(component) = left.pop() {
        bill.items.push(item(component));
        let mut inner: Vec<&Value> = each(component, "components").collect();
        inner.reverse();
        left.extend(inner);
    }
    let mut shared = Shared::default();
    for dependency in each(document, "dependencies") {
        let Some(from) = text(dependency, "ref") else {
            continue;
        };
        let from = shared.of(&from);
        for to in each(dependency, "dependsOn").filter_map(Value::as_str) {
            bill.needs.push((Arc::clone(&from), shared.of(to)));
        }
    }
    bill
}

/// What is only about needs does not say whether the list is whole.
fn completeness(document: &Value) -> Option<bool> {
    let is_of_list = |one: &&Value| {
        each(one, "dependencies").next().is_none() || each(one, "assemblies").next().is_some()
    };
    let of_list = each(document, "compositions").filter(is_of_list);
    let said: Vec<_> = of_list.filter_map(|one| text(one, "aggregate")).collect();
    (!said.is_empty()).then(|| said.iter().all(|aggregate| aggregate == "complete"))
}

fn item(component: &Value) -> Item {
    let purl = text(component, "purl");
    let name = text(component, "name").unwrap_or_default();
    let name = match text(component, "group") {
        None => name,
        Some(group) => {
            let is_maven = purl
                .as_ref()
                .is_some_and(|purl| purl.starts_with("pkg:maven/"));
            let between = if is_maven { ":" } else { "/" };
            format!("{group}{between}{name}")
        }
    };
    let hashes = each(component, "hashes")
        .filter_map(|hash| Some((text(hash, "alg")?, text(hash, "content")?)));
    let evidence = component.get("evidence").unwrap_or(&Value::Null);
    let places = each(evidence, "occurrences").filter_map(|place| text(place, "location"));
    // One object until CycloneDX 1.5, a list since.
    let identity = evidence.get("identity").into_iter();
    let identities = identity.flat_map(|one| match one.as_array() {
        Some(list) => list.iter().collect(),
        None => vec![one],
    });
    let identities: Vec<&Value> = identities.collect();
    let of_cpe = identities
        .iter()
        .filter(|one| text(one, "field").as_deref() == Some("cpe"));
    let cpes = of_cpe.filter_map(|one| text(one, "concludedValue"));
    let cpes = text(component, "cpe").into_iter().chain(cpes);
    let methods = identities
        .iter()
        .flat_map(|identity| each(identity, "methods"));
    let found_by = methods.filter_map(|method| text(method, "value"));
    let notes = each(component, "properties").filter_map(|property| {
        let name = text(property, "name")?;
        let name = name.strip_prefix("bulla:")?.to_owned();
        Some((name, text(property, "value")?))
    });
    Item {
        reference: text(component, "bom-ref").unwrap_or_default(),
        kind: text(component, "type").unwrap_or_else(|| "library".to_owned()),
        name,
        version: text(component, "version"),
        purl,
        cpes: cpes.collect(),
        licenses: each(component, "licenses").filter_map(license).collect(),
        supplier: supplier(component),
        hashes: hashes.collect(),
        scope: text(component, "scope"),
        places: places.collect(),
        found_by: found_by.collect(),
        notes: notes.collect(),
    }
}

fn supplier(component: &Value) -> Option<String> {
    let named = |key: &str| component.get(key).and_then(|one| text(one, "name"));
    named("supplier")
        .or_else(|| named("manufacturer"))
        .or_else(|| text(component, "publisher"))
}

fn license(choice: &Value) -> Option<String> {
    let license = choice.get("license").unwrap_or(&Value::Null);
    let known = text(license, "id").or_else(|| text(license, "name"));
    known.or_else(|| text(choice, "expression"))
}
