//! Signed directories: the files that a statement lists, and those that are there.

use std::collections::BTreeMap;

use bulla_model::predicate::ModelSigning;
use bulla_model::{Digest, Statement};

/// What differs between a verified list of files and those that are there, in a few words; none if
/// nothing does. `files` are digests by path with `/`.
pub(crate) fn difference(
    statement: &Statement,
    files: &BTreeMap<String, Digest>,
) -> Option<String> {
    let listed = match statement
        .predicate::<ModelSigning>()
        .and_then(|it| it.files())
    {
        Ok(listed) => listed,
        Err(error) => return Some(error.to_string()),
    };
    let differs = |name: &&String| files.get(*name).is_some_and(|own| listed[*name] != *own);
    let changed = listed.keys().filter(differs);
    let missing = listed.keys().filter(|name| !files.contains_key(*name));
    let added = files.keys().filter(|name| !listed.contains_key(*name));
    let groups = [
        named("changed", changed),
        named("missing", missing),
        named("added", added),
    ];
    let groups: Vec<String> = groups.into_iter().flatten().collect();
    (!groups.is_empty()).then(|| groups.join("; "))
}

fn named<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let names: Vec<&String> = names.collect();
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| name.chars().take(200).collect())
        .collect();
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| format!("{what}: {}{more}", shown.join(", ")))
}

/// Files of each kind that are named.
const SHOWN: usize = 5;
