//! What changed between two bills of materials.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Purl;

use super::{Bill, Item};

/// What a package is called, whatever its version: what other tools write into package URLs beside
/// that, as the architecture or the release of the distribution, makes no other package of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Key {
    /// The type of its package URL, else what it is.
    pub ecosystem: String,
    /// Namespace and name; the path inside where there is one.
    pub name: String,
}

impl Key {
    /// The key of a package.
    pub fn of(item: &Item) -> Self {
        let purl = item
            .purl
            .as_deref()
            .and_then(|purl| purl.parse::<Purl>().ok());
        let Some(parts) = purl.map(|purl| purl.parts()) else {
            return Self {
                ecosystem: item.kind.clone(),
                name: item.name.clone(),
            };
        };
        // The vendor of a distribution's package is the same for all of them.
        let is_distribution = ["deb", "apk", "rpm", "alpm"].contains(&parts.kind.as_str());
        let namespace = parts.namespace.filter(|_| !is_distribution);
        let between = if parts.kind == "maven" { ":" } else { "/" };
        let name = match namespace {
            Some(namespace) => format!("{namespace}{between}{}", parts.name),
            None => parts.name,
        };
        Self {
            ecosystem: parts.kind,
            name: match parts.subpath {
                Some(path) => format!("{name}#{path}"),
                None => name,
            },
        }
    }
}

/// What one of the two bills says of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Side {
    /// Its versions; several may be installed.
    pub versions: BTreeSet<String>,
    /// Its licences.
    pub licenses: BTreeSet<String>,
}

impl Side {
    fn add(&mut self, item: &Item) {
        self.versions.extend(item.version.clone());
        self.licenses.extend(item.licenses.iter().cloned());
    }
}

/// A package that both list, and not the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// As the first one lists it.
    pub from: Side,
    /// As the second one lists it.
    pub to: Side,
}

impl Change {
    /// Whether the versions differ, and not only licences.
    pub fn is_version(&self) -> bool {
        self.from.versions != self.to.versions
    }

    /// Whether licences differ that both tell.
    pub fn is_license(&self) -> bool {
        let told = |side: &Side| !side.licenses.is_empty();
        told(&self.from) && told(&self.to) && self.from.licenses != self.to.licenses
    }
}

/// What changed from one bill to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// What only the second one lists.
    pub added: BTreeMap<Key, Side>,
    /// What only the first one lists.
    pub removed: BTreeMap<Key, Side>,
    /// What both list with other versions or licences.
    pub changed: BTreeMap<Key, Change>,
    /// How many both list the same way.
    pub same: usize,
}

impl Difference {
    /// Compares the packages of two bills; files and operating systems are none.
    pub fn between(from: &Bill, to: &Bill) -> Self {
        let mut before = sides(from);
        let mut difference = Self::default();
        for (key, to) in sides(to) {
            let Some(from) = before.remove(&key) else {
                difference.added.insert(key, to);
                continue;
            };
            let change = Change { from, to };
            if change.is_version() || change.is_license() {
                difference.changed.insert(key, change);
            } else {
                difference.same = difference.same.saturating_add(1);
            }
        }
        difference.removed = before;
        difference
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

fn sides(bill: &Bill) -> BTreeMap<Key, Side> {
    let mut sides = BTreeMap::<Key, Side>::new();
    for item in bill.items.iter().filter(|item| item.is_package()) {
        sides.entry(Key::of(item)).or_default().add(item);
    }
    sides
}
