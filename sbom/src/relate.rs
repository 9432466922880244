//! Makes one package of what several files say about it.

use std::collections::BTreeMap;

use bulla_model::Purl;

use crate::catalog::Found;
use crate::{Package, Unknown};

/// Merges findings by package URL and turns edges between positions into edges between packages.
pub(crate) fn merge(
    findings: impl Iterator<Item = (&'static str, Found)>,
) -> (Vec<Package>, Vec<Unknown>) {
    let mut merged = BTreeMap::<Purl, Package>::new();
    let mut unknowns = Vec::new();
    for (cataloger, found) in findings {
        unknowns.extend(found.unknowns);
        let purls: Vec<Purl> = found
            .packages
            .iter()
            .map(|package| package.purl.clone())
            .collect();
        for mut package in found.packages {
            package.found_by.insert(cataloger);
            match merged.get_mut(&package.purl) {
                Some(known) => known.merge(package),
                None => {
                    merged.insert(package.purl.clone(), package);
                }
            }
        }
        for (from, to) in found.edges {
            let (Some(from), Some(to)) = (purls.get(from), purls.get(to)) else {
                continue;
            };
            if from != to
                && let Some(package) = merged.get_mut(from)
            {
                package.dependencies.insert(to.clone());
            }
        }
    }
    (merged.into_values().collect(), unknowns)
}
