//! Makes one package of what several files say about it.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Purl;

use crate::catalog::{Cataloger, Found};
use crate::{Package, Unknown};

/// Merges findings by package URL and turns edges between positions into edges between packages.
pub(crate) fn merge(
    findings: impl Iterator<Item = (&'static dyn Cataloger, Found)>,
) -> (Vec<Package>, Vec<Unknown>) {
    let mut merged = BTreeMap::<Purl, Package>::new();
    let mut unknowns = Vec::new();
    let mut owners = BTreeMap::<String, Purl>::new();
    let mut yielding = BTreeSet::new();
    for (cataloger, found) in findings {
        if cataloger.yields() {
            yielding.insert(cataloger.name());
        }
        unknowns.extend(found.unknowns);
        let purls: Vec<Purl> = found
            .packages
            .iter()
            .map(|package| package.purl.clone())
            .collect();
        for mut package in found.packages {
            package.found_by.insert(cataloger.name());
            match merged.get_mut(&package.purl) {
                Some(known) => known.merge(package),
                None => {
                    merged.insert(package.purl.clone(), package);
                }
            }
        }
        for (from, to) in found.edges {
            if let (Some(from), Some(to)) = (purls.get(from), purls.get(to)) {
                connect(&mut merged, from, to);
            }
        }
        let owned = found.owned.into_iter();
        owners.extend(owned.filter_map(|(owner, path)| Some((path, purls.get(owner)?.clone()))));
    }
    merged.retain(|_, package| {
        let mut places = package.locations.iter();
        !package.found_by.is_subset(&yielding)
            || !places.all(|place| owners.contains_key(&place.path))
    });
    for (owner, part) in parts(&merged, &owners) {
        connect(&mut merged, &owner, &part);
    }
    (merged.into_values().collect(), unknowns)
}

fn connect(packages: &mut BTreeMap<Purl, Package>, from: &Purl, to: &Purl) {
    if from != to
        && let Some(package) = packages.get_mut(from)
    {
        package.dependencies.insert(to.clone());
    }
}

/// Packages that came inside others, as Python distributions come inside Debian packages: the
/// outer one depends on the inner one, so that nobody counts them as installed twice by hand.
fn parts(packages: &BTreeMap<Purl, Package>, owners: &BTreeMap<String, Purl>) -> Vec<(Purl, Purl)> {
    let inside = |package: &Package| -> Vec<(Purl, Purl)> {
        let owner = |location: &crate::Location| owners.get(&location.path).cloned();
        let found = package.locations.iter().filter_map(owner);
        found.map(|owner| (owner, package.purl.clone())).collect()
    };
    packages.values().flat_map(inside).collect()
}
