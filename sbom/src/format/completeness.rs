//! How complete a list is, in every format the same.

use crate::catalog::{CATALOGERS, Edges};
use crate::{Inventory, Package};

/// Whether everything that there is was read: `complete` or `incomplete`.
pub(super) fn whole(inventory: &Inventory) -> &'static str {
    if inventory.unknowns.is_empty() {
        "complete"
    } else {
        "incomplete"
    }
}

/// Whether something that found the package knows all that it needs.
pub(super) fn knows_needs(package: &Package) -> bool {
    let mut catalogers = CATALOGERS.iter();
    catalogers.any(|cataloger| {
        package.found_by.contains(cataloger.name()) && cataloger.capability().edges == Edges::All
    })
}
