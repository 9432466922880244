//! What the newest bill of materials lists, for people who compare two artifacts.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Purl;
use bulla_model::predicate::{CYCLONEDX, SPDX};

use crate::bill::Bill;
use crate::eligible::Wanted;
use crate::question::Context;

/// Versions by package, as its URL names it without version: `npm/left-pad`. `None` without a bill
/// that can be read, by a signer whom any rule takes one of.
pub(crate) fn listed(context: &Context<'_>) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let policy = context.policy;
    let rules = policy
        .required()
        .filter_map(|require| require.sbom.as_ref());
    let by: BTreeSet<String> = rules.flat_map(|rule| rule.by.iter().cloned()).collect();
    let by: Vec<String> = by.into_iter().collect();
    let wanted = Wanted::of_anybody(context, &[CYCLONEDX, SPDX], &by);
    let mut statements = wanted.among(context.candidates).statements;
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.time().existed_by()));
    let bill = statements
        .iter()
        .find_map(|statement| Bill::read(statement.value()).ok())?;
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for purl in bill.purls().filter_map(|text| text.parse::<Purl>().ok()) {
        let parts = purl.parts();
        let path = match parts.namespace {
            Some(namespace) => format!("{}/{namespace}/{}", parts.kind, parts.name),
            None => format!("{}/{}", parts.kind, parts.name),
        };
        packages.entry(path).or_default().extend(parts.version);
    }
    Some(packages)
}
