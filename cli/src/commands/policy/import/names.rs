//! Names that nobody else has.

use std::collections::{BTreeMap, BTreeSet};

/// Those that are taken.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    /// The number to try next, so that thousands of the same name are not counted through each time.
    next: BTreeMap<String, usize>,
}

impl Names {
    pub(super) fn without(name: &str) -> Self {
        Self {
            taken: BTreeSet::from([name.to_owned()]),
            ..Self::default()
        }
    }

    /// A name that nobody has: as wanted, or with a number.
    pub(super) fn unused(&mut self, wanted: &str, otherwise: &str) -> String {
        let wanted = if wanted.is_empty() { otherwise } else { wanted };
        let number = self.next.entry(wanted.to_owned()).or_insert(1);
        loop {
            let name = match *number {
                1 => wanted.to_owned(),
                number => format!("{wanted}-{number}"),
            };
            *number = number.saturating_add(1);
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}
