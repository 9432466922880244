//! What relationships say, by what they are from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::{Budget, Graph};
use crate::bill::BillError;
use crate::bill::text::{Shared, each, said};

/// Relationships of the kinds that a bill tells.
#[derive(Default)]
pub(super) struct Relations<'a> {
    /// Pairs: the first needs the second.
    pub(super) needs: Vec<(Arc<str>, Arc<str>)>,
    declared: BTreeMap<&'a str, BTreeSet<&'a str>>,
    concluded: BTreeMap<&'a str, BTreeSet<&'a str>>,
    described: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Of what contains something, whether each list of it claims to be complete.
    contains: BTreeMap<&'a str, Vec<Option<bool>>>,
    required: BTreeSet<&'a str>,
    optional: BTreeSet<&'a str>,
    excluded: BTreeSet<&'a str>,
}

impl<'a> Relations<'a> {
    pub(super) fn of(graph: &Graph<'a>, budget: &mut Budget) -> Result<Self, BillError> {
        let mut relations = Self::default();
        let mut shared = Shared::default();
        for one in &graph.elements {
            let Some(kind) = said(one, "relationshipType") else {
                continue;
            };
            let Some(from) = one.get("from").and_then(Value::as_str) else {
                continue;
            };
            let to = each(one, "to").filter_map(Value::as_str);
            let to: BTreeSet<&str> = to.filter(|to| !is_nothing(to)).collect();
            relations.take(one, kind, from, &to);
            if !NEEDS.contains(&kind) {
                continue;
            }
            for to in to {
                budget.spend(EDGE)?;
                relations.needs.push((shared.of(from), shared.of(to)));
            }
        }
        Ok(relations)
    }

    fn take(&mut self, one: &'a Value, kind: &str, from: &'a str, to: &BTreeSet<&'a str>) {
        let list = match kind {
            "hasDeclaredLicense" => &mut self.declared,
            "hasConcludedLicense" => &mut self.concluded,
            "describes" => &mut self.described,
            "contains" => {
                let is_complete = match said(one, "completeness") {
                    Some("complete") => Some(true),
                    Some("incomplete") => Some(false),
                    _ => None,
                };
                self.contains.entry(from).or_default().push(is_complete);
                self.required.extend(to);
                return;
            }
            "hasOptionalDependency" => {
                self.optional.extend(to);
                return;
            }
            "dependsOn" => {
                let scope = said(one, "scope").unwrap_or_default();
                let is_needed = !DEVELOPING.contains(&scope);
                let scoped = if is_needed {
                    &mut self.required
                } else {
                    &mut self.excluded
                };
                scoped.extend(to);
                return;
            }
            _ => return,
        };
        list.entry(from).or_default().extend(to);
    }

    pub(super) fn described(&self, from: &str) -> impl Iterator<Item = &'a str> {
        self.described.get(from).into_iter().flatten().copied()
    }

    /// Declared licences, else those that somebody concluded.
    pub(super) fn licenses(&self, from: &str) -> impl Iterator<Item = &'a str> {
        let licenses = self.declared.get(from).or_else(|| self.concluded.get(from));
        licenses.into_iter().flatten().copied()
    }

    /// What is needed by nothing else but to develop, or may be missing.
    pub(super) fn scope(&self, id: &str) -> Option<&'static str> {
        if self.required.contains(id) {
            None
        } else if self.optional.contains(id) {
            Some("optional")
        } else {
            self.excluded.contains(id).then_some("excluded")
        }
    }

    /// Whether the lists of what it contains claim to be complete; `None` if one says nothing.
    pub(super) fn completeness(&self, from: &str) -> Option<bool> {
        let said = self.contains.get(from)?;
        if said.contains(&Some(false)) {
            return Some(false);
        }
        said.iter().all(Option::is_some).then_some(true)
    }
}

/// Stands for nothing, or for saying nothing.
fn is_nothing(id: &str) -> bool {
    let name = id.rsplit(['/', ':']).next().unwrap_or_default();
    NOTHING.contains(&name)
}

const NOTHING: [&str; 4] = [
    "NoneElement",
    "NoAssertionElement",
    "NoneLicense",
    "NoAssertionLicense",
];

const NEEDS: [&str; 2] = ["dependsOn", "hasOptionalDependency"];

/// Phases in which something is needed that nobody needs to run what was made.
const DEVELOPING: [&str; 4] = ["design", "development", "build", "test"];

/// What one edge takes: its ends are kept once.
const EDGE: usize = 32;
