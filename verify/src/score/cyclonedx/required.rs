//! The members that the schema requires, of what is read here; no more of the schema is looked at.

use std::collections::BTreeSet;

use super::component::{Component, LicenseChoice, is_kind};
use super::{Document, Metadata, PHASES, is_instant, is_told};

pub(super) fn are_there(document: &Document) -> bool {
    let metadata = document.metadata.as_ref();
    let own = metadata.and_then(|one| one.component.as_ref());
    let components = document.components.iter().flatten();
    // Up to 1.3 a version was required, which may be empty.
    let is_versioned = !document.is_at_least(1, 4);
    // Since 1.7 expressions stand beside each other and beside licences.
    let is_mixed = document.is_at_least(1, 7);
    let mut left: Vec<&Component> = own.into_iter().chain(components).collect();
    let mut refs = BTreeSet::new();
    while let Some(one) = left.pop() {
        left.extend(one.components.iter().flatten());
        let is_new = one.bom_ref.as_deref().is_none_or(|text| refs.insert(text));
        let is_fine = is_new && (one.version.is_some() || !is_versioned) && is_whole(one, is_mixed);
        if !is_fine {
            return false;
        }
    }
    let mut dependencies = document.dependencies.iter().flatten();
    dependencies.all(|one| one.reference.is_some())
        && metadata.is_none_or(|one| is_metadata(one, is_mixed))
}

fn is_metadata(metadata: &Metadata, is_mixed: bool) -> bool {
    let mut phases = metadata.lifecycles.iter().flatten();
    metadata.timestamp.as_deref().is_none_or(is_instant)
        && phases.all(|one| match (&one.phase, &one.name) {
            (Some(phase), None) => PHASES.contains(&phase.as_str()),
            (phase, name) => phase.is_none() && name.is_some(),
        })
        && are_licenses(metadata.licenses.as_deref().unwrap_or_default(), is_mixed)
}

fn is_whole(component: &Component, is_mixed: bool) -> bool {
    let mut hashes = component.hashes.iter().flatten();
    let mut references = component.external_references.iter().flatten();
    is_kind(component.kind.as_deref())
        && is_told(component.name.as_ref())
        && hashes.all(|one| one.algorithm.is_some() && one.content.as_deref().is_some_and(is_hash))
        && references.all(|one| one.kind.is_some() && one.url.is_some())
        && are_licenses(component.licenses.as_deref().unwrap_or_default(), is_mixed)
}

/// Licences, or one expression alone; where they may be mixed, any of both.
fn are_licenses(all: &[LicenseChoice], is_mixed: bool) -> bool {
    let is_license = |one: &LicenseChoice| match (&one.expression, &one.license) {
        (None, Some(license)) => match (&license.id, &license.name) {
            (Some(id), None) => spdx::license_id(id).is_some_and(|known| known.name == id),
            (id, name) => id.is_none() && name.is_some(),
        },
        _ => false,
    };
    match all {
        [one] if one.license.is_none() => one.expression.is_some(),
        all => all.iter().all(|one| {
            let is_expression = one.license.is_none() && one.expression.is_some();
            is_license(one) || is_mixed && is_expression
        }),
    }
}

fn is_hash(text: &str) -> bool {
    let is_long = [32, 40, 56, 64, 96, 128].contains(&text.len());
    is_long && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
